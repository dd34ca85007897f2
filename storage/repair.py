"""Put back what is damaged, cut or missing, from copies that are sound."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.archive import Archive
from storage.copies import copy_file, sound_copy
from storage.errors import StorageError
from storage.fixity import fault_of
from storage.folders import explain, make_folder, sync_folder
from storage.manifest import Manifest
from storage.warc.files import INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What came of one file that was not as it should be."""

    file: str
    fault: str
    """What was wrong with it."""
    done: bool
    says: str
    """What was done, or why nothing could be."""


def repair(archive: Archive, places: Sequence[Path]) -> Iterator[Mended]:
    """Put back each closed file that is damaged, cut or missing.

    Safe beside a service: it never writes a closed file again, and a reader has either the old
    bytes or the good ones, because they change by a rename. The copy is read whole before it is put
    in place, and there. What was there is kept in ``torn/``.
    """
    listed = Manifest(archive.root).read()
    known = {name for place in places for name in Manifest(place).read()} | listed.keys()
    for name in sorted(known):
        path = archive.path(name)
        fault = fault_of(path, name=name, sha256=listed.get(name))
        if fault:
            yield _mend(archive, places, name, sha256=listed.get(name), fault=fault)


def _mend(
    archive: Archive, places: Sequence[Path], name: str, *, sha256: str | None, fault: str
) -> Mended:
    tried = []
    for place in places:
        found = sound_copy(place, name, sha256)
        if not found:
            tried.append(f"{place} has no sound copy")
            continue
        try:
            kept = _put_back(archive, place / name, name, sha256=found)
        except StorageError as error:
            tried.append(str(error))
            continue
        says = f"the copy of {place} was put in its place"
        return Mended(
            file=name,
            fault=fault,
            done=True,
            says=f"{says}; the damaged one is kept as {kept}" if kept else says,
        )
    why = "; ".join(tried) if tried else "holdfast.toml names no places under copies"
    return Mended(file=name, fault=fault, done=False, says=why)


def _put_back(archive: Archive, copy: Path, name: str, *, sha256: str) -> str:
    """Put a copy in place and verify it there; return where the damaged file is kept, if any."""
    path = archive.path(name)
    fault = fault_of(copy, name=name, sha256=sha256)
    if fault:
        raise StorageError(f"{copy} is no sound copy: {fault}")
    try:
        make_folder(path.parent)
        kept = _keep(archive, path)
        copy_file(copy, path, sha256=sha256, each=lambda _: None)
        _drop_invalid(archive, path)
    except OSError as error:
        raise StorageError(f"{name} cannot be put back: {explain(error)}") from error
    Manifest(archive.root).add(name, sha256)
    fault = fault_of(path, name=name, sha256=sha256)
    if fault:
        raise StorageError(f"{name} was put back, and is wrong again: {fault}")
    return kept


def _keep(archive: Archive, path: Path) -> str:
    """Give the damaged file a second name in ``torn/``: the first one is replaced by the good."""
    if not path.exists():
        return ""
    make_folder(archive.torn)
    for number in range(1, 10_000):
        kept = archive.torn / f"{path.name}.{number}.damaged"
        try:
            os.link(path, kept)
        except FileExistsError:
            continue
        except OSError:  # a file system without second names
            path.rename(kept)
        sync_folder(archive.torn)
        return kept.relative_to(archive.root).as_posix()
    raise StorageError(f"no free name for {path.name} in {archive.torn}")


def _drop_invalid(archive: Archive, path: Path) -> None:
    """Move a file that was set aside under this name out of the way of readers."""
    aside = path.with_name(path.name + INVALID)
    if aside.exists():
        aside.rename(archive.torn / aside.name)
        sync_folder(archive.torn)
        sync_folder(aside.parent)
