"""Read the record inside one gzip member, and hold it to its own lengths and digests."""

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from typing import IO, Protocol

from warcio.statusandheaders import StatusAndHeadersParser, StatusAndHeadersParserException

from storage.message import first_of
from storage.warc.member import Decoder, MemberError

_LONGEST_HEAD_BYTES = 1 << 20
_HEAD_END = b"\r\n\r\n"
_VERSIONS = ["WARC/1.1", "WARC/1.0"]
_ORDINARY = re.compile(rb"WARC/1\.[01]\r\n(?:[A-Za-z0-9-]+: [!-~][ -~]*\r\n)+\r\n")
"""A head as it is usually written: no line is folded, no value is empty, no letter is foreign."""
_DIGESTS = frozenset({"md5", "sha1", "sha256", "sha512"})


class _Sum(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Stored:
    """The record whose gzip member begins at ``offset``; MemberError when no whole one does."""

    def __init__(self, source: IO[bytes], *, offset: int) -> None:
        self._member = Decoder(source, offset=offset)
        start = b""
        while (end := start.find(_HEAD_END)) < 0:
            piece = self._member.read()
            if not piece or len(start) > _LONGEST_HEAD_BYTES:
                raise MemberError("it is no WARC record")
            start += piece
        end += len(_HEAD_END)
        self._rest = start[end:]
        self.headers = _parsed(start[:end])
        """The named fields of the record, in order."""
        self.block_bytes = self._content_length()

    @property
    def length(self) -> int:
        """Return the length of the record in the file, once its block was read."""
        return self._member.length

    def header(self, name: str) -> str | None:
        """Return the first value of a named field."""
        return first_of(self.headers, name.lower())

    def block(self, *, verify: bool) -> Iterator[bytes]:
        """Yield the block; at its end hold it to its length and, if asked to, to its digest."""
        declared = self.header("WARC-Block-Digest")
        total = _sum(declared) if verify else None
        left = self.block_bytes
        rest = self._rest
        while left:
            piece = rest or self._member.read()
            if not piece:
                raise MemberError("its block is shorter than it says")
            block, rest = piece[:left], piece[left:]
            left -= len(block)
            if total is not None:
                total.update(block)
            yield block
        while piece := self._member.read():
            rest += piece
            if len(rest) > len(_HEAD_END):
                break
        if rest != _HEAD_END:
            raise MemberError("its block is longer than it says")
        if total is not None and declared is not None and not _agree(declared, total.digest()):
            raise MemberError("its block is not that of its digest")

    def _content_length(self) -> int:
        text = self.header("Content-Length") or ""
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise MemberError("it names no length")
        return int(text)


def _parsed(head: bytes) -> tuple[tuple[str, str], ...]:
    if _ORDINARY.fullmatch(head) is not None:
        parts = (line.partition(": ") for line in head.decode("ascii").split("\r\n")[1:-2])
        return tuple((name, value.rstrip()) for name, _, value in parts)
    try:
        parsed = StatusAndHeadersParser(_VERSIONS).parse(io.BytesIO(head))
    except (StatusAndHeadersParserException, EOFError) as error:
        raise MemberError("it is no WARC record") from error
    return tuple(parsed.headers)


def _sum(declared: str | None) -> _Sum | None:
    """Return what can check the digest; None for none, or for one this program does not know."""
    algorithm = (declared or "").partition(":")[0].lower().replace("-", "")
    return hashlib.new(algorithm, usedforsecurity=False) if algorithm in _DIGESTS else None


def _agree(declared: str, found: bytes) -> bool:
    """Compare with a digest in base 32, as is usual, or in hexadecimal, as others write it."""
    value = declared.partition(":")[2].strip()
    return value.upper() == base64.b32encode(found).decode() or value.lower() == found.hex()
