"""Put a catalogue that was made anew in the place of the old one, which is kept."""

import os
from datetime import datetime
from pathlib import Path

from storage.archive import Archive
from storage.errors import CatalogueError
from storage.folders import explain, sync_folder

_BESIDE = ("-wal", "-shm", "-journal")
"""Files that SQLite keeps beside a catalogue: without its log it lacks its last rows."""


def draft(archive: Archive) -> Path:
    """Return where a catalogue is made before it has its name."""
    return archive.catalogue.with_name(f"{archive.catalogue.name}.rebuilding")


def discard(archive: Archive) -> None:
    """Take away what an earlier try that died has left."""
    path = draft(archive)
    try:
        for one in (path, *(_beside(path, end) for end in _BESIDE)):
            one.unlink(missing_ok=True)
    except OSError as error:
        raise CatalogueError(f"cannot remove {path}: {explain(error)}") from error


def put_in_place(archive: Archive, *, now: datetime) -> Path | None:
    """Give the finished draft the catalogue's name; return where the old one is, if there was one.

    The old one is moved aside with all that belongs to it, first: its log must never be taken for
    that of the new one. Whoever dies in between has no catalogue for a moment, and both files.
    """
    path, new = archive.catalogue, draft(archive)
    kept = path.with_name(f"{path.name}.before-{now:%Y%m%d%H%M%S%f}")
    had = path.exists()
    try:
        _sync(new)
        for end in ("", *_BESIDE):
            if (old := _beside(path, end)).exists():
                old.rename(_beside(kept, end))
        sync_folder(archive.root)
        new.rename(path)
        sync_folder(archive.root)
    except OSError as error:
        raise CatalogueError(
            f"the new catalogue {new} could not be put in place: {explain(error)}; "
            f"run holdfast rebuild again"
        ) from error
    return kept if had else None


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
