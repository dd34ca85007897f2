"""Hold the bytes of one answer, in memory while they are few."""

import hashlib
import tempfile
from io import BytesIO
from pathlib import Path
from typing import IO

from crawler.errors import CrawlerError
from storage.digest import labelled
from storage.folders import explain

_MEMORY_BYTES = 1024 * 1024
"""Longer answers move to the disk."""


class Spool:
    """A file that begins in memory; ``file`` is open for reading and writing."""

    __slots__ = ("_folder", "_sum", "file", "size_bytes")

    def __init__(self, folder: Path | None) -> None:
        self.file: IO[bytes] = BytesIO()
        self.size_bytes = 0
        self._folder = folder
        self._sum: hashlib._Hash | None = None

    def write(self, data: bytes | bytearray) -> None:
        """Append bytes; raise CrawlerError when this machine takes no more."""
        before = self.size_bytes
        self.size_bytes = before + len(data)
        try:
            if before <= _MEMORY_BYTES < self.size_bytes:
                self._move_to_disk()
            self.file.write(data)
        except OSError as error:
            raise CrawlerError(
                "a large answer cannot be put by while it comes, so its page was not kept and "
                f"stays due: {explain(error)}; make room where temporary files are, or lift the "
                "limit"
            ) from error
        if self._sum is not None:
            self._sum.update(data)

    def digest(self) -> str | None:
        """Return the digest of all bytes if they lie on the disk, where reading them again costs.

        Of what is in memory it is made by whoever needs it; of a page that is the same again, which
        is kept as its head alone, nobody does.
        """
        return labelled(self._sum.digest()) if self._sum is not None else None

    def _move_to_disk(self) -> None:
        memory = self.file
        self.file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - its reader closes it
        memory.seek(0)
        begun = memory.read()
        self._sum = hashlib.sha1(begun, usedforsecurity=False)
        self.file.write(begun)
        memory.close()
