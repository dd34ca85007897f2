"""Hold one WARC file while it grows: its name, its lock, its undo, its end."""

import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from storage.archive import Archive
from storage.errors import StorageError
from storage.folders import explain, make_folder, sync_folder

OPEN = ".open"
INVALID = ".invalid"
"""Ends the name of a file that was found faulty when it had been closed: read, never shipped."""
SUFFIX = ".warc.gz"
_LONGEST_PART = 60
_NAMES_TRIED = 10_000
_MOST_PIECES = 1024
"""Pieces that one call may write (IOV_MAX of Linux)."""


class WarcFile:
    """Grow one WARC file; nothing is ever appended behind bytes that could not be taken back.

    While it grows the file ends in ``.open`` and is locked, so that recovery can tell one that is
    being written from one whose writer died.
    """

    def __init__(self, archive: Archive, path: Path, descriptor: int) -> None:
        self.path = path
        self.name = archive.name(path)
        self.position = 0
        self.torn = False
        """Whether a part of a record stands at the end and could not be taken back."""
        self._descriptor = descriptor
        self._synced = -1

    @property
    def final_name(self) -> str:
        """Return the name of the file when it is finished."""
        return closed_path(self.path).name

    @property
    def unsynced_bytes(self) -> int:
        """Return how many bytes are not known to be safe."""
        return self.position - max(self._synced, 0)

    def size(self) -> int:
        """Return how long the file is on the disk."""
        return os.fstat(self._descriptor).st_size

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write all of the bytes behind the others; OSError may leave a part of them there."""
        for start in range(0, len(pieces), _MOST_PIECES):
            some = pieces[start : start + _MOST_PIECES]
            written = os.writev(self._descriptor, some)
            self.position += written
            if written < sum(map(len, some)):
                self._append_rest(b"".join(some)[written:])

    def _append_rest(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._descriptor, view)
            self.position += written
            view = view[written:]

    def undo(self, position: int) -> None:
        """Take back what was written behind ``position``."""
        self.torn = True
        os.ftruncate(self._descriptor, position)
        self.position = position
        self.torn = False

    def sync(self, position: int) -> None:
        """Make what was written up to ``position`` safe; the file's name too, the first time."""
        if position <= self._synced:
            return
        os.fdatasync(self._descriptor)
        if self._synced < 0:
            sync_folder(self.path.parent)
        self._synced = position

    def finish(self) -> None:
        """Sync the file and give it its final name; one with a torn end stays as it is."""
        self.sync(self.position)
        if not self.torn:
            self.path.rename(closed_path(self.path))
            sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove a file that holds no exchange."""
        self.path.unlink()

    def abandon(self) -> None:
        """Let go of the file as it is; with its ``.open`` it is left to recovery."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def closed_path(path: Path) -> Path:
    """Return the final path of a file that ends in ``.open``."""
    return path.with_name(path.name.removesuffix(OPEN))


def create(archive: Archive, *, prefix: str, serial: int, at: datetime) -> WarcFile:
    """Make a new WARC file of a name nobody has; the serial number is the first free one."""
    folder = archive.warc / f"{at:%Y}" / f"{at:%m}"
    stamp = f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}"
    head, host = _part(prefix), _part(socket.gethostname())
    try:
        make_folder(folder)
        for number in range(serial, serial + _NAMES_TRIED):
            path = folder / f"{head}-{stamp}-{number:05d}-{host}{SUFFIX}{OPEN}"
            descriptor = _claim(path)
            if descriptor is not None:
                return WarcFile(archive, path, descriptor)
    except OSError as error:
        raise StorageError(f"cannot make a WARC file in {folder}: {explain(error)}") from error
    raise StorageError(f"no free name for a WARC file in {folder}")


def lock(descriptor: int) -> bool:
    """Take the lock of a growing file, or say that its writer lives."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_still(descriptor: int, path: Path) -> bool:
    """Tell whether the path still names the open file: between the two it may have been moved."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


def _claim(path: Path) -> int | None:
    """Make and lock the file; None when the name is, was, or in this instant became another's."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileExistsError:
        return None
    try:
        if not lock(descriptor) or not is_still(descriptor, path):
            os.close(descriptor)
            return None
        if closed_path(path).exists():
            path.unlink()
            os.close(descriptor)
            return None
    except OSError:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise
    return descriptor


def _part(text: str) -> str:
    """Return the text as a part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)[:_LONGEST_PART].strip("._-") or "holdfast"
