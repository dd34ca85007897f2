"""Hold the bytes of one answer, in memory while they are few, and digest them as they come."""

import hashlib
import tempfile
from io import BytesIO
from pathlib import Path
from typing import IO

from crawler.errors import CrawlerError

_MEMORY_BYTES = 1024 * 1024
"""Longer answers move to the disk."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)
_SHIFTS = range(150, -1, -10)


class Spool:
    """A file that begins in memory; ``file`` is open for reading and writing."""

    __slots__ = ("_folder", "_sum", "file", "size_bytes")

    def __init__(self, folder: Path | None) -> None:
        self.file: IO[bytes] = BytesIO()
        self.size_bytes = 0
        self._folder = folder
        self._sum = hashlib.sha1(usedforsecurity=False)

    def write(self, data: bytes | bytearray) -> None:
        """Append bytes; raise CrawlerError when this machine takes no more."""
        before = self.size_bytes
        self.size_bytes = before + len(data)
        self._sum.update(data)
        try:
            if before <= _MEMORY_BYTES < self.size_bytes:
                self._move_to_disk()
            self.file.write(data)
        except OSError as error:
            raise CrawlerError(f"an answer cannot be kept on this machine: {error}") from error

    def digest(self) -> str:
        """Return the digest of all bytes so far."""
        return labelled(self._sum.digest())

    def _move_to_disk(self) -> None:
        memory = self.file
        self.file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - its reader closes it
        memory.seek(0)
        self.file.write(memory.read())
        memory.close()


def labelled(sha1: bytes) -> str:
    """Return a SHA-1 as WARC files write it."""
    # Two letters at a time; the standard library, which takes any length, is five times slower.
    number = int.from_bytes(sha1, "big")
    return "sha1:" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
