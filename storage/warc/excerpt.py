"""Copy whole exchanges out of an archive into a WARC file of their own, byte for byte.

A copied record keeps its id, its dates and its compressed bytes: whoever has the archive can hold
both against each other. Before the records of a file stands the warcinfo record they name.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from storage.archive import Archive
from storage.errors import RecordError
from storage.model import RecordRef
from storage.warc.member import MemberError
from storage.warc.reader import opened
from storage.warc.stored import Stored

_LAST = "application/warc-fields"
"""Type of the record that ends an exchange: what we know of it."""
_LONGEST_FACTS = 1 << 20
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One record as it lies in the archive, sound by its own digest."""

    file: str
    offset: int
    length: int
    id: str
    type: str
    url: str
    chain_id: str = ""
    """Of the record that ends an exchange: the record with the certificates of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A record, and where it lies in the file it was copied to."""

    member: Member
    offset: int
    sha256: str
    """Of its compressed bytes, in both files."""


def exchange(archive: Archive, first: RecordRef) -> list[Member]:
    """Return the records of the exchange that begins with one: answer, what stands beside, facts.

    RecordError when one of them is damaged or missing.
    """
    members: list[Member] = []
    with opened(archive, first.file) as source:
        offset = first.offset
        while True:
            try:
                stored = Stored(source, offset=offset)
                if members and stored.header("WARC-Concurrent-To") not in _ids(members):
                    return members
                member = _member(stored, file=first.file, offset=offset)
            except MemberError as error:
                raise RecordError(
                    f"the record at {offset} of {first.file} cannot be copied: {error}"
                ) from error
            members.append(member)
            if member.type == "metadata" and stored.header("Content-Type") == _LAST:
                return members
            offset += member.length


def named(archive: Archive, file: str, ids: Collection[str]) -> list[Member]:
    """Return the exchanges in a file that these records belong to, as far as they are there."""
    found: list[Member] = []
    current: list[Member] = []
    wanted = set(ids)
    with opened(archive, file) as source:
        offset = 0
        while wanted and source.seek(offset) == offset and source.read(1):
            try:
                stored = Stored(source, offset=offset)
                if stored.header("WARC-Concurrent-To") not in _ids(current):
                    current = []
                member = _member(stored, file=file, offset=offset)
            except MemberError:
                break  # behind it stands nothing that an exchange before it could name
            current.append(member)
            if member.id in wanted:
                wanted.discard(member.id)
                found += exchange(archive, _place(current[0]))
            offset += member.length
    return found


def write(
    archive: Archive, members: Sequence[Member], *, out: IO[bytes], warcinfo: bytes
) -> list[Copied]:
    """Write a WARC file: its own first record, then these, each once, in the order of their files.

    RecordError when one of them cannot be read.
    """
    out.write(warcinfo)
    position = len(warcinfo)
    copied: list[Copied] = []
    places = {(one.file, one.offset): one for one in members}
    for file in sorted({one.file for one in members}):
        with opened(archive, file) as source:
            head = _member(Stored(source, offset=0), file=file, offset=0)
            offsets = sorted(offset for of, offset in places if of == file)
            for one in (head, *(places[file, offset] for offset in offsets if offset)):
                sha256 = _copy(source, one, out)
                copied.append(Copied(member=one, offset=position, sha256=sha256))
                position += one.length
    return copied


def _copy(source: IO[bytes], one: Member, out: IO[bytes]) -> str:
    source.seek(one.offset)
    total, left = hashlib.sha256(), one.length
    while left:
        piece = source.read(min(left, _COPY_BYTES))
        if not piece:
            raise RecordError(f"the record at {one.offset} of {one.file} breaks off")
        total.update(piece)
        out.write(piece)
        left -= len(piece)
    return total.hexdigest()


def _member(stored: Stored, *, file: str, offset: int) -> Member:
    facts = b""
    wanted = stored.header("Content-Type") == _LAST
    for piece in stored.block(verify=True):
        if wanted and len(facts) < _LONGEST_FACTS:
            facts += piece
    return Member(
        file=file,
        offset=offset,
        length=stored.length,
        id=stored.header("WARC-Record-ID") or "",
        type=stored.header("WARC-Type") or "",
        url=stored.header("WARC-Target-URI") or "",
        chain_id=next(_values(facts, "tlsChain"), ""),
    )


def _values(facts: bytes, name: str) -> Iterator[str]:
    for line in facts.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(": ")
        if key == name:
            yield value


def _place(one: Member) -> RecordRef:
    return RecordRef(file=one.file, offset=one.offset, length=one.length, digest=None)


def _ids(members: Sequence[Member]) -> set[str]:
    return {one.id for one in members}
