"""Make, name and replace files so that a power cut leaves either the old state or the new one."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_WORDS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EIO: "the disk reports an input/output error",
    errno.EFBIG: "the file would be larger than this system allows (ulimit -f)",
    errno.EMFILE: "too many open files (ulimit -n)",
    errno.ENFILE: "too many open files",
    errno.ENAMETOOLONG: "its name is too long",
}


def explain(error: OSError) -> str:
    """Say in a person's words what the system refused."""
    if error.errno is None:
        return str(error)
    return _WORDS.get(error.errno) or os.strerror(error.errno)


def sync_folder(folder: Path) -> None:
    """Make names made, changed or removed in the folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make the folder and what is missing above it, each synced into its parent."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        # Another worker may make the same month at the same moment.
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def write_file(path: Path, content: bytes) -> None:
    """Put the file in place whole, or not at all; one of that name is replaced."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[IO[bytes]]:
    """Lend a file to be written, and put it in place whole at the end, synced; or not at all.

    Only one at a time may write a path: what a killed one left is written over.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    sync_folder(path.parent)
