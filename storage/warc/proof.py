"""Hold a closed WARC file to the standard before it is listed, indexed or copied.

Not by the one who wrote it: to read a page's records costs more than half of its capture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.archive import Archive
from storage.errors import StorageError
from storage.folders import explain, sync_folder
from storage.manifest import Manifest, Summed
from storage.warc.checks.fault import Fault, Gravity, Report
from storage.warc.checks.record import Facts
from storage.warc.checks.tape import Tape
from storage.warc.checks.walk import Walk
from storage.warc.files import INVALID


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of reading a file: its SHA-256 as hexadecimal, and what is wrong with it."""

    sha256: str
    faults: tuple[Fault, ...]
    """Without remarks."""


def prove(path: Path, *, name: str, each: Callable[[bytes], object] = lambda _: None) -> Proof:
    """Read a whole closed file: every member, field and digest, and its SHA-256.

    ``each`` is given each piece that is read; it may wait, and raises to break off. Raise
    StorageError when the file cannot be read.
    """
    report = Report(file=name)
    try:
        with path.open("rb", buffering=0) as file:
            source = Summed(file, each)
            Walk(Tape(source, size=path.stat().st_size), report, _unheeded).walk()
            digest = source.sha256()
    except OSError as error:
        raise StorageError(f"{name} cannot be read: {explain(error)}") from error
    faults = (one for one in report.faults if one.gravity is Gravity.FAULT)
    return Proof(sha256=digest, faults=tuple(faults))


def accept(
    archive: Archive, name: str, *, each: Callable[[bytes], object] = lambda _: None
) -> tuple[Fault, ...]:
    """List a closed file in the manifest if it is sound, else set it aside; return its faults.

    Listed, whatever happens to its bytes from now on is seen. Set aside it has a name that nothing
    ships: what is sound in it can still be read, and ``holdfast verify`` says what is not. Raise
    StorageError when it cannot be read or given its name. ``each`` is as for ``prove``.
    """
    path = archive.path(name)
    proof = prove(path, name=name, each=each)
    if not proof.faults:
        Manifest(archive.root).add(name, proof.sha256)
        return ()
    try:
        path.rename(path.with_name(path.name + INVALID))
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{name} cannot be set aside: {explain(error)}") from error
    return tuple(proof.faults)


def _unheeded(facts: Facts) -> None:
    """Pass over what other records are held to: the ids of one file were made by one process."""
