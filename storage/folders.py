"""Make, name and replace files so that a power cut leaves either the old state or the new one."""

import contextlib
import errno
import os
from pathlib import Path

_WORDS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.EIO: "the disk reports an input/output error",
    errno.EFBIG: "the file is larger than this system allows",
    errno.EMFILE: "too many open files",
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
