"""Keep copies of closed files in other places, each read back from its disk before it counts.

A place is a folder that somebody made on another disk. Its own ``manifest-sha256.txt`` lists the
WARC files that lie there and were read back; one that is not listed is no copy yet.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256 as summed
from pathlib import Path
from typing import IO

from storage.archive import Archive
from storage.errors import DamagedError, StorageError
from storage.folders import drafted, explain, sync_folder
from storage.manifest import Manifest, digest_of, uncached

Each = Callable[[bytes], object]
"""Is given each piece that was read; may wait, and raises to break off."""


def unusable(place: Path, *, used_before: bool = False) -> str:
    """Say why nothing can be copied to a place now, or nothing; the place itself is never made.

    A disk that is not mounted leaves an empty folder, or none: to fill it would fill the wrong
    disk. ``used_before`` says that copies were seen there once.
    """
    try:
        if not place.is_dir():
            if place.exists():
                return "it is not a folder"
            return "it is not there: is its disk mounted? If it is new, make the folder"
        if not os.access(place, os.W_OK | os.X_OK):
            return "it cannot be written by this user"
        if used_before and not Manifest(place).path.exists():
            listed = Manifest(place).path.name
            return f"its copies are gone: is its disk mounted? If it is new, make {listed} in it"
    except OSError as error:
        return f"it cannot be looked at: {explain(error)}"
    return ""


def uncopied(archive: Archive, place: Path) -> Iterator[tuple[str, str]]:
    """Yield name and SHA-256 of each closed file that is not in a place, or in another shape."""
    there = Manifest(place).read()
    for name, sha256 in sorted(Manifest(archive.root).read().items()):
        if (there.get(name) != sha256 or not (place / name).is_file()) and (
            archive.path(name).is_file()
        ):
            yield name, sha256


def copy_closed(archive: Archive, name: str, sha256: str, place: Path, *, each: Each) -> None:
    """Copy a closed WARC file to a place, and list it there once it was read back.

    DamagedError when the original is not what the manifest says: then nothing is changed in the
    place. StorageError when the copy cannot be made, or is not read back as it was written.
    """
    target = place / name
    with _told(f"{name} cannot be copied to {place}"):
        if not _is(target, sha256, each=each):
            _make_below(place, target.parent)
            copy_file(archive.path(name), target, sha256=sha256, each=each)
        _list(place, name, sha256)


def copy_file(source: Path, target: Path, *, sha256: str, each: Each) -> None:
    """Put a copy in place: written, synced, read back from the disk, renamed; OSError.

    What lies there is replaced only by bytes of this SHA-256; DamagedError when the source has
    others, StorageError when the copy has.
    """
    with source.open("rb", buffering=0) as file, drafted(target) as out:

        def write(piece: bytes) -> None:
            each(piece)
            out.write(piece)

        found = digest_of(file, each=write)
        if found != sha256:
            raise DamagedError(f"{source} is not what it was when it was closed: it is not copied")
        _read_back(out, target, sha256=sha256, each=each)


def copy_small(source: Path, place: Path, name: str, *, each: Each) -> bool:
    """Copy a file that may change, if it did; False when there is nothing new or nothing at all."""
    target = place / name
    with _told(f"{source.name} cannot be copied to {target.parent}"):
        try:
            content = source.read_bytes()
        except FileNotFoundError:
            return False
        if target.is_file() and target.read_bytes() == content:
            return False
        _make_below(place, target.parent)
        with drafted(target) as out:
            os.fchmod(out.fileno(), source.stat().st_mode & 0o777)  # it may hold secrets
            out.write(content)
            _read_back(out, target, sha256=summed(content).hexdigest(), each=each)
        return True


def put_in_place(made: Path, target: Path, *, each: Each) -> None:
    """Sync a draft that lies beside its target, read it back, and give it the target's name."""
    with _told(f"{target.name} cannot be copied to {target.parent}"):
        with made.open("rb", buffering=0) as file:
            written = digest_of(file, each=each)
        with made.open("r+b") as file:
            _read_back(file, target, sha256=written, each=each)
        made.replace(target)
        sync_folder(target.parent)


def sound_copy(place: Path, name: str, sha256: str | None, *, each: Each = lambda _: None) -> str:
    """Return the SHA-256 of the copy of a file in a place, if it is as it should be, else nothing.

    It should be as the archive's manifest says, or, where that says nothing, the place's own.
    """
    wanted = sha256 or Manifest(place).read().get(name)
    if wanted is None:
        return ""
    try:
        return wanted if _is(place / name, wanted, each=each) else ""
    except OSError:
        return ""  # what cannot be read is no sound copy; others are looked for


def _make_below(place: Path, folder: Path) -> None:
    """Make a folder in a place, and never the place: its disk may be gone in this very moment."""
    above = place
    for part in folder.relative_to(place).parts:
        below = above / part
        if not below.is_dir():
            below.mkdir(exist_ok=True)
            sync_folder(above)
        above = below


def _is(path: Path, sha256: str, *, each: Each) -> bool:
    try:
        with path.open("rb", buffering=0) as file:
            return digest_of(file, each=each) == sha256
    except FileNotFoundError:
        return False


def _read_back(file: IO[bytes], target: Path, *, sha256: str, each: Each) -> None:
    file.flush()
    os.fsync(file.fileno())
    uncached(file)
    file.seek(0)
    if digest_of(file, each=each) != sha256:
        raise StorageError(
            f"{target} was not read back as it was written: its disk is failing, or its cable"
        )


def _list(place: Path, name: str, sha256: str) -> None:
    listed = Manifest(place)
    if listed.read().get(name, sha256) != sha256:
        listed.forget(name)
    listed.add(name, sha256)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what}: {explain(error)}") from error
