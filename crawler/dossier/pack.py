"""Write a dossier as a folder, or as a ZIP file of one: whole or not at all."""

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from crawler.dossier import papers, sheet
from crawler.dossier.gather import Evidence, Side
from crawler.dossier.papers import Found
from crawler.errors import CrawlerError
from crawler.listing import capture_dict, event_dict
from storage.archive import Archive
from storage.errors import RecordError, StorageError
from storage.folders import drafted, explain
from storage.model import RecordRef
from storage.warc import derived, excerpt, fields, reader
from storage.warc.derived import Info
from storage.warc.excerpt import Copied, Member

_HEAD_BYTES = 1 << 20
_LARGEST_CHAIN_BYTES = 1 << 20
_ENDS = (b"\r\n\r\n", b"\n\n")
_SECRET = re.compile(rb"(?im)^(?:authorization|cookie|proxy-authorization)[ \t]*:")
_CODED = re.compile(rb"(?i)\A(?:[^\r\n]+\r?\n)*content-encoding[ \t]*:")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def write(evidence: Evidence, to: Path, *, archive: Archive, info: Info) -> int:
    """Write the dossier to a path that is not there yet, a ZIP where it ends so; count its records.

    CrawlerError when the path is taken, StorageError when it cannot be written.
    """
    if to.exists():
        raise CrawlerError(f"{to} is there already; name a path that is not, nothing was written")
    try:
        with _workplace(to) as folder:
            count = _Dossier(evidence, folder, archive=archive, info=info).write()
            if to.suffix.lower() == ".zip":
                _zip(folder, to)
            else:
                folder.rename(to)
    except OSError as error:
        raise StorageError(f"the dossier {to} cannot be written: {explain(error)}") from error
    return count


@contextmanager
def _workplace(to: Path) -> Iterator[Path]:
    """Lend a folder beside the path, on the same disk; what is left there is removed."""
    folder = to.with_name(f".{to.name}.folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Dossier:
    def __init__(self, evidence: Evidence, folder: Path, *, archive: Archive, info: Info) -> None:
        self._evidence = evidence
        self._folder = folder
        self._archive = archive
        self._info = info
        self._has_secrets = False

    def write(self) -> int:
        evidence = self._evidence
        copied = self._captures()
        self._put("event.txt", papers.event_text(evidence))
        self._put("event.json", json.dumps(_facts(evidence), indent=2) + "\n")
        self._put("diff.html", sheet.diff_page(evidence))
        self._put("diff.txt", papers.diff_text(evidence))
        for side in (evidence.before, evidence.after):
            if side is not None:
                self._side(side)
        self._certificates()
        self._put("records.jsonl", "".join(f"{_json(one)}\n" for one in map(_record, copied)))
        found = Found(copied=copied, coded=self._coded(), carries_secrets=self._has_secrets)
        kept_by = ", ".join(filter(None, (self._info.operator, self._info.contact)))
        told = papers.how_to_verify(evidence, found, kept_by=kept_by)
        self._put("HOW-TO-VERIFY.txt", told)
        self._put("SHA256SUMS", "".join(self._sums()))
        return len(copied)

    def _captures(self) -> list[Copied]:
        warcinfo = derived.warcinfo(
            self._info,
            record_id=next(fields.record_ids()),
            filename=papers.WARC,
            at=datetime.now(UTC),
        )
        with drafted(self._folder / papers.WARC) as out:
            return excerpt.write(self._archive, self._evidence.members, out=out, warcinfo=warcinfo)

    def _side(self, side: Side) -> None:
        if side.article is not None:
            self._put(f"{side.name}/article.txt", papers.article_text(side.article))
        for number, hop in enumerate(side.hops, start=1):
            # One answer has plain names; of a chain of redirects each has its number.
            mark = f"{number}-" if len(side.hops) > 1 else ""
            self._head(hop.request_record, f"{side.name}/{mark}request.txt")
            self._head(
                hop.record if hop.status is not None else None, f"{side.name}/{mark}answer.txt"
            )

    def _head(self, ref: RecordRef | None, name: str) -> None:
        """Write the head of a request or answer as the wire carried it."""
        if ref is None:
            return
        try:
            record = reader.read(self._archive, ref)
        except RecordError:
            return  # it is among the faults of the evidence
        with record.block as block:
            head = _head_of(block)
        self._has_secrets |= record.type == "request" and bool(_SECRET.search(head))
        if head:
            self._put(name, head)

    def _coded(self) -> set[str]:
        """Return the ids of the answers whose body came compressed."""
        return {
            one.id
            for one in self._evidence.members
            if one.type == "response" and _CODED.search(self._block(one, _HEAD_BYTES))
        }

    def _certificates(self) -> None:
        for one in self._evidence.members:
            if one.url.startswith("urn:x509:sha256:"):
                fingerprint = re.sub(r"[^0-9a-f]", "", one.url.rpartition(":")[2])[:64]
                self._put(f"tls/sha256-{fingerprint}.pem", self._block(one, _LARGEST_CHAIN_BYTES))

    def _block(self, member: Member, most: int) -> bytes:
        ref = RecordRef(file=member.file, offset=member.offset, length=member.length, digest=None)
        with reader.read(self._archive, ref).block as block:
            return block.read(most)

    def _put(self, name: str, content: str | bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def _sums(self) -> Iterator[str]:
        """Yield a line for each file, in the form of sha256sum."""
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                with path.open("rb") as file:
                    total = hashlib.file_digest(file, "sha256").hexdigest()
                yield f"{total}  {path.relative_to(self._folder).as_posix()}\n"


def _facts(evidence: Evidence) -> dict[str, object]:
    sides = ((one.name, one) for one in (evidence.before, evidence.after) if one is not None)
    return {
        **event_dict(evidence.event),
        **{name: [capture_dict(hop) for hop in side.hops] for name, side in sides},
        "look_records": papers.look_times(evidence),
        "controls": [capture_dict(one) for one in evidence.controls],
        "missing": list(evidence.missing),
        "faults": list(evidence.faults),
    }


def _record(one: Copied) -> Mapping[str, object]:
    member = one.member
    told: dict[str, object] = {
        "offset": one.offset,
        "length": member.length,
        "sha256": one.sha256,
        "type": member.type,
        "id": member.id,
        "url": member.url,
        "archive_file": member.file,
        "archive_offset": member.offset,
    }
    return told | ({"certificates": member.chain_id} if member.chain_id else {})


def _json(row: Mapping[str, object]) -> str:
    return json.dumps(row, separators=(", ", ": "))


def _head_of(block: IO[bytes]) -> bytes:
    data = block.read(_HEAD_BYTES)
    ends = [data.index(one) + len(one) for one in _ENDS if one in data]
    return data[: min(ends, default=len(data))]


def _zip(folder: Path, to: Path) -> None:
    """Pack the folder under its own name; the same dossier is packed the same."""
    top = to.stem
    with drafted(to) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in _files(folder):
            info = zipfile.ZipInfo(f"{top}/{path.relative_to(folder).as_posix()}", _ZIP_DATE)
            is_packed = path.suffix == ".gz"
            info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            with path.open("rb") as source, packed.open(info, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
