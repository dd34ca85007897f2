"""Close the WARC files whose writer died: keep every whole record, set the torn tail aside."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

from storage.archive import Archive
from storage.errors import StorageError
from storage.folders import explain, make_folder, sync_folder
from storage.model import RecordRef
from storage.warc.files import OPEN, SUFFIX, closed_path, is_still, lock
from storage.warc.member import MemberError
from storage.warc.stored import Stored

PATIENCE = timedelta(seconds=5)
_PAUSE_SECONDS = 0.05
_READ_AHEAD_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class TornTail:
    """The end of a file that was no whole record: cut off, and kept."""

    file: str
    offset: int
    """Where the last whole record ended, and the file ends now."""
    tail_bytes: int
    saved_as: str
    """The tail's own file, relative to the archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """An exchange in a file of which the catalogue has no row: its writer died in between."""

    file: str
    offset: int
    """Where its first record begins."""
    url: str
    whole: bool
    """Whether its last record is there, which says what it was made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A stretch before the last record that the catalogue knows, in which no record can be read."""

    file: str
    offset: int
    damaged_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What recovery found; all empty after a clean stop."""

    files: tuple[str, ...] = ()
    """Files that were closed and have their final names."""
    kept_records: int = 0
    torn: tuple[TornTail, ...] = ()
    removed: tuple[str, ...] = ()
    """Files that held no exchange, of which nothing is left but a torn tail, if there was one."""
    busy: tuple[str, ...] = ()
    """Files whose writer still lives; they were left alone."""
    unlisted: tuple[Unlisted, ...] = ()
    """Exchanges without a row; looked for where it is said which records have one."""
    lost: tuple[RecordRef, ...] = ()
    """What the catalogue calls a record and is none: this must never happen."""
    damaged: tuple[Damage, ...] = ()
    """Left as they are: what lies behind them is sound."""


Known = Callable[[str], Sequence[RecordRef]]
"""Says of which records of a file, by its name, the catalogue has rows."""


@dataclass(slots=True)
class _Scan:
    """One pass over a file: what is whole, and how it agrees with the catalogue."""

    records: int = 0
    """Whole records besides the warcinfo."""
    good_bytes: int = 0
    unlisted: list[Unlisted] = field(default_factory=list)
    lost: list[RecordRef] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    file: str
    scan: _Scan
    torn: TornTail | None


def recover(
    archive: Archive, *, patience: timedelta = PATIENCE, known: Known | None = None
) -> Recovered:
    """Close every ``.open`` file nobody writes; whoever calls holds the archive.

    Records that are ``known`` to the catalogue were synced before it knew them: they are passed
    over, but for the last one, and the pass tells in what file and catalogue differ.
    It may die at any moment and be called again. A file that is still locked, by a worker that
    has not noticed the death of its parent yet, is waited for at most this long, all together.
    """
    give_up_at = time.monotonic() + patience.total_seconds()
    closed: list[_Closed] = []
    busy: list[str] = []
    for path in sorted(archive.warc.rglob(f"*{SUFFIX}{OPEN}")):
        try:
            one = _recover_file(archive, path, known=known, give_up_at=give_up_at)
        except FileNotFoundError:
            continue  # its writer closed it meanwhile
        except OSError as error:
            name = archive.name(path)
            raise StorageError(f"cannot close {name} after a crash: {explain(error)}") from error
        if one is None:
            busy.append(archive.name(path))
        else:
            closed.append(one)
    scans = [one.scan for one in closed]
    return Recovered(
        files=tuple(one.file for one in closed if one.scan.records),
        kept_records=sum(one.records for one in scans),
        torn=tuple(one.torn for one in closed if one.torn is not None),
        removed=tuple(one.file for one in closed if not one.scan.records),
        busy=tuple(busy),
        unlisted=tuple(one for scan in scans for one in scan.unlisted),
        lost=tuple(one for scan in scans for one in scan.lost),
        damaged=tuple(one for scan in scans for one in scan.damaged),
    )


def _recover_file(
    archive: Archive, path: Path, *, known: Known | None, give_up_at: float
) -> _Closed | None:
    """Close one file; None when its writer lives."""
    with path.open("r+b", buffering=_READ_AHEAD_BYTES) as file:
        while not lock(file.fileno()):
            if time.monotonic() >= give_up_at:
                return None
            time.sleep(_PAUSE_SECONDS)
        if not is_still(file.fileno(), path):
            raise FileNotFoundError(path)
        final = closed_path(path)
        if final.exists():
            raise StorageError(
                f"{archive.name(path)} exists both open and closed: neither was touched; "
                f"compare them, and move the wrong one away"
            )
        name = archive.name(path)
        found = _scan(file, name, known=None if known is None else known(name))
        torn = _cut(archive, path, file, good_bytes=found.good_bytes)
        os.fsync(file.fileno())
        if found.records:
            path.rename(final)
        else:
            path.unlink()
        sync_folder(path.parent)
    return _Closed(file=name, scan=found, torn=torn)


def _scan(file: IO[bytes], name: str, *, known: Sequence[RecordRef] | None) -> _Scan:
    """Walk over the whole records from the start; what follows the last of them is torn."""
    scan = _Scan()
    rows = sorted({(one.offset, one.length): one for one in known or ()}.items())
    size_bytes = os.fstat(file.fileno()).st_size
    exchange = _Open(scan, name=name, told=known is not None)
    for (offset, length), row in rows:
        if offset < scan.good_bytes or not _walk(file, scan, exchange, until=offset):
            scan.lost.append(row)
            continue
        is_last = row is rows[-1][1]
        if offset + length > size_bytes or (is_last and not _is_whole(file, row)):
            scan.lost.append(row)
            continue
        exchange.listed()
        scan.records += 1
        scan.good_bytes = offset + length
    _walk(file, scan, exchange, until=None)
    exchange.end()
    return scan


@dataclass(slots=True)
class _Open:
    """The exchange whose records are being passed, and whether any of them has a row."""

    scan: _Scan
    name: str
    told: bool
    offset: int | None = None
    url: str = ""
    has_row: bool = False

    def listed(self) -> None:
        """Take note of a record that has a row."""
        self.has_row = True

    def read(self, stored: Stored, offset: int) -> None:
        """Take note of a record that has none; the metadata is the last of an exchange."""
        kind = stored.header("WARC-Type")
        if kind in ("warcinfo", "resource"):
            return
        if stored.header("WARC-Concurrent-To") is None:
            self.end()  # the first record of an exchange names none before it
        if self.offset is None:
            self.offset, self.url = offset, stored.header("WARC-Target-URI") or ""
        if kind == "metadata" and stored.header("Content-Type") == "application/warc-fields":
            self.end(whole=True)

    def end(self, *, whole: bool = False) -> None:
        """Tell of the exchange if nothing of it has a row, and go on to the next."""
        if self.told and self.offset is not None and not self.has_row:
            self.scan.unlisted.append(
                Unlisted(file=self.name, offset=self.offset, url=self.url, whole=whole)
            )
        self.offset, self.url, self.has_row = None, "", False


def _walk(file: IO[bytes], scan: _Scan, exchange: _Open, *, until: int | None) -> bool:
    """Read records up to an offset at which one is known to begin, or as far as they go.

    False when that offset lies behind the end, or within a record. Damage before it is passed over:
    to cut there would throw away what is sound.
    """
    while until is None or scan.good_bytes < until:
        offset = scan.good_bytes
        stored = _read(file, offset)
        if stored is not None:
            exchange.read(stored, offset)
            scan.records += stored.header("WARC-Type") != "warcinfo"
            scan.good_bytes = offset + stored.length
            continue
        if until is None or until >= os.fstat(file.fileno()).st_size or _read(file, until) is None:
            return until is None
        scan.damaged.append(Damage(file=exchange.name, offset=offset, damaged_bytes=until - offset))
        scan.good_bytes = until
    return scan.good_bytes == until


def _read(file: IO[bytes], offset: int) -> Stored | None:
    """Return the whole record that begins at an offset, its block read; None if none does."""
    try:
        stored = Stored(file, offset=offset)
        for _ in stored.block(verify=False):
            pass
    except MemberError:
        return None
    return stored


def _is_whole(file: IO[bytes], row: RecordRef) -> bool:
    stored = _read(file, row.offset)
    return stored is not None and stored.length == row.length


def _cut(archive: Archive, path: Path, file: IO[bytes], *, good_bytes: int) -> TornTail | None:
    """Save the tail, and only when it is safe take it off the file."""
    # The same tail has the same name: a second run, after a death in here, adds nothing to it,
    # and still tells of it when the first one had cut the file and could not say so any more.
    saved = archive.torn / f"{closed_path(path).name}.{good_bytes}.torn"
    if os.fstat(file.fileno()).st_size > good_bytes:
        _save_tail(file, saved, start=good_bytes)
        file.truncate(good_bytes)
    elif not saved.exists():
        return None
    return TornTail(
        file=archive.name(path),
        offset=good_bytes,
        tail_bytes=saved.stat().st_size,
        saved_as=saved.relative_to(archive.root).as_posix(),
    )


def _save_tail(file: IO[bytes], saved: Path, *, start: int) -> None:
    make_folder(saved.parent)
    draft = saved.with_name(f"{saved.name}.part")
    file.seek(start)
    with draft.open("wb") as out:
        shutil.copyfileobj(file, out, _READ_AHEAD_BYTES)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(saved)
    sync_folder(saved.parent)
