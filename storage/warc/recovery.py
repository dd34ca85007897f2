"""Close the WARC files whose writer died: keep every whole record, set the torn tail aside."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from storage.archive import Archive
from storage.errors import StorageError
from storage.folders import explain, make_folder, sync_folder
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    records: int
    """Whole records besides the warcinfo."""
    good_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closed:
    file: str
    records: int
    torn: TornTail | None


def recover(archive: Archive, *, patience: timedelta = PATIENCE) -> Recovered:
    """Close every ``.open`` file nobody writes; whoever calls holds the archive.

    It may die at any moment and be called again. A file that is still locked, by a worker that
    has not noticed the death of its parent yet, is waited for at most this long, all together.
    """
    give_up_at = time.monotonic() + patience.total_seconds()
    closed: list[_Closed] = []
    busy: list[str] = []
    for path in sorted(archive.warc.rglob(f"*{SUFFIX}{OPEN}")):
        try:
            one = _recover_file(archive, path, give_up_at=give_up_at)
        except FileNotFoundError:
            continue  # its writer closed it meanwhile
        except OSError as error:
            name = archive.name(path)
            raise StorageError(f"cannot close {name} after a crash: {explain(error)}") from error
        if one is None:
            busy.append(archive.name(path))
        else:
            closed.append(one)
    return Recovered(
        files=tuple(one.file for one in closed if one.records),
        kept_records=sum(one.records for one in closed),
        torn=tuple(one.torn for one in closed if one.torn is not None),
        removed=tuple(one.file for one in closed if not one.records),
        busy=tuple(busy),
    )


def _recover_file(archive: Archive, path: Path, *, give_up_at: float) -> _Closed | None:
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
        found = _scan(file)
        torn = _cut(archive, path, file, good_bytes=found.good_bytes)
        os.fsync(file.fileno())
        if found.records:
            path.rename(final)
        else:
            path.unlink()
        sync_folder(path.parent)
    return _Closed(file=archive.name(path), records=found.records, torn=torn)


def _scan(file: IO[bytes]) -> _Scan:
    """Walk over the whole records from the start; what follows the last of them is torn."""
    records = 0
    offset = 0
    for stored in _stored(file):
        offset += stored.length
        records += stored.header("WARC-Type") != "warcinfo"
    return _Scan(records=records, good_bytes=offset)


def _stored(file: IO[bytes]) -> Iterator[Stored]:
    offset = 0
    while True:
        try:
            stored = Stored(file, offset=offset)
            for _ in stored.block(verify=False):
                pass
        except MemberError:
            return
        yield stored
        offset += stored.length


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
