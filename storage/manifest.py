"""Keep the SHA-256 of every closed WARC file, so that bytes can be told from those of another day.

``manifest-sha256.txt`` holds a line for each file, as ``sha256sum`` writes and checks it. A line is
appended and synced when its file was read and found sound, and is never changed: the first line of
a name counts.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import IO

from storage.errors import StorageError
from storage.folders import explain, sync_folder, write_file

NAME = "manifest-sha256.txt"
PIECE_BYTES = 1 << 20
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<name>[^\r\n]+)\n")


class Manifest:
    """The list of one folder: of an archive, or of a copy of it."""

    def __init__(self, root: Path) -> None:
        self.path = root / NAME

    def read(self) -> dict[str, str]:
        """Return the SHA-256 of every file by its name; none where there is no list.

        What is no line, such as one that a power cut left half written, is passed over.
        """
        try:
            # A cut through the list may leave anything: what cannot be read is no line.
            text = self.path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {explain(error)}") from error
        found: dict[str, str] = {}
        for line in text.splitlines(keepends=True):
            if one := _LINE.fullmatch(line):
                found.setdefault(one["name"], one["sha256"])
        return found

    def begin(self) -> None:
        """Make an empty list where there is none: a folder with one is known again."""
        try:
            if not self.path.exists():
                write_file(self.path, b"")
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {explain(error)}") from error

    def add(self, name: str, sha256: str) -> None:
        """Note a file, durably; one that is noted already is left as it is."""
        line = f"{sha256}  {name}\n"
        if not _LINE.fullmatch(line):
            raise StorageError(f"{name!r} cannot stand in {self.path}")
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # several processes close files
                if name not in self.read():
                    _append(file, line.encode())
                    sync_folder(self.path.parent)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {explain(error)}") from error

    def forget(self, name: str) -> None:
        """Take a file off the list, so that it is noted anew."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                lines = self.read()
                lines.pop(name, None)
                text = "".join(f"{sha256}  {one}\n" for one, sha256 in lines.items())
                write_file(self.path, text.encode())
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {explain(error)}") from error


def _append(file: IO[bytes], line: bytes) -> None:
    # Half a line at the end, with a line end behind it, might be a line of another name.
    whole = file.read().rfind(b"\n") + 1
    file.seek(whole)
    file.truncate()
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


def digest_of(file: IO[bytes], *, each: Callable[[bytes], object] = lambda _: None) -> str:
    """Return the SHA-256 of the rest of a file, as hexadecimal; ``each`` is given each piece."""
    total = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        total.update(piece)
        each(piece)
    return total.hexdigest()


class Summed:
    """A file to be read in any order, and its SHA-256 without reading it once more for that.

    ``each`` is given each piece that is read; it may wait, and raises to break off.
    """

    def __init__(self, file: FileIO, each: Callable[[bytes], object] = lambda _: None) -> None:
        self._file = file
        self._each = each
        self._total = hashlib.sha256()
        self._summed_to = 0
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """Return the next piece."""
        piece = self._file.read(size)
        begin = self._summed_to - self._at
        if 0 <= begin < len(piece):
            self._total.update(memoryview(piece)[begin:])
            self._summed_to = self._at + len(piece)
        self._at += len(piece)
        self._each(piece)
        return piece

    def seek(self, offset: int, /) -> int:
        """Go on reading from there."""
        self._at = self._file.seek(offset)
        return self._at

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def sha256(self) -> str:
        """Return the sum of the whole file, as hexadecimal; what was passed over is read now."""
        self.seek(self._summed_to)
        while self.read(PIECE_BYTES):
            pass
        return self._total.hexdigest()


def uncached(file: IO[bytes]) -> None:
    """Have the system forget what it holds of a synced file in memory, so that the disk is read.

    A wish: where the system cannot, what is read next may come from its memory.
    """
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
