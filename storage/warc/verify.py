"""Verify WARC files: each against the standard, and all against each other and the catalogue.

Nothing is written but scratch files outside the archive, and no more of a file is in memory than a
piece of one record, whatever the file holds.
"""

import os
import secrets
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from storage import journal
from storage.archive import Archive
from storage.errors import CatalogueError, RecordError, StorageError
from storage.folders import explain
from storage.manifest import Manifest, Summed
from storage.model import Capture
from storage.warc.checks.fault import Fault, Gravity, Kind, Report
from storage.warc.checks.head import name_of
from storage.warc.checks.record import Facts
from storage.warc.checks.rows import Rows, lines_of_capture
from storage.warc.checks.tape import Tape
from storage.warc.checks.ties import Scratch, Ties, judge_ties
from storage.warc.checks.walk import Walk
from storage.warc.files import INVALID, OPEN
from storage.warc.member import Decoder
from storage.warc.unseen import odd_member

__all__ = ["Fault", "Gravity", "Kind", "Plan", "Verified", "plan", "verify"]

_WORTH_A_PROCESS_BYTES = 32 << 20
_SUFFIXES = (".warc.gz", ".warc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be read; made by ``plan``."""

    files: tuple["_File", ...]
    whole: bool
    """Whether these are all files there are and none grows, so that a record not found is
    missing."""
    faults: tuple[Fault, ...] = ()
    """What was found without reading a file."""
    lost: tuple[str, ...] = ()
    """Files that were closed, as the manifest says, and are not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found in one file; with an empty name what files say of each other."""

    file: str
    faults: tuple[Fault, ...]
    records: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    name: str
    """As it is told: relative to the archive and without ``.open``, or as it was given."""
    growing: bool = False
    held: bool = False
    """Whether a service writes the archive it is of."""
    complete: bool = False
    """Whether the catalogue should know its records."""
    sha256: str = ""
    """What the manifest of the archive says of it, if it says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    file: _File
    number: int
    scratch: Path
    salt: bytes
    rows: bool


def plan(archive: Archive | None, also: Sequence[Path] = (), *, held: bool = False) -> Plan:
    """Say what is to be read: the WARC files of an archive, and files given by their path.

    ``held`` says that a service writes the archive at this time. To be called before the captures
    are listed: then every record they name is in a file by the time it is read.
    """
    files: dict[Path, _File] = {}
    faults: list[Fault] = []
    listed: dict[str, str] = {}
    if archive is not None:
        # Read first: a file is listed before it is closed.
        listed = Manifest(archive.root).read()
        for path in sorted(archive.warc.rglob("*")):
            name = archive.name(path)
            if name.endswith(_SUFFIXES) and path.is_file():
                growing = path.name.endswith(OPEN)
                files[path.resolve()] = _File(
                    path=path,
                    name=name,
                    growing=growing,
                    held=held,
                    complete=not (growing or held),
                    sha256="" if growing else listed.get(name, ""),
                )
                faults += [_left_open(name, held=held)] if growing else []
                faults += [_set_aside(name)] if path.name.endswith(INVALID) else []
        faults += _torn(archive)
        faults += _of_journal(archive)
    for path in also:
        files.setdefault(path.resolve(), _File(path=path, name=str(path)))
    # What is read early may name what a service appends to a file that was read before.
    whole = archive is not None and not held
    there = {one.name for one in files.values()}
    return Plan(
        files=tuple(files.values()),
        whole=whole,
        faults=tuple(faults),
        # Looked for once more: one that gets its name while names are listed may be passed over.
        lost=tuple(
            name
            for name in listed
            if name not in there and archive is not None and not archive.path(name).exists()
        ),
    )


def verify(
    planned: Plan,
    *,
    captures: Iterable[Capture] | None = None,
    archive: Archive | None = None,
    jobs: int = 1,
    begin: Callable[[], None] | None = None,
) -> Iterator[Verified]:
    """Read all files, and yield what was found in each as it is known, in their order.

    ``captures`` are all rows of the archive's catalogue, None when there is none to be held to.
    ``jobs`` is how many processes read at once; ``begin`` is called in each at its start. Needs
    some hundred bytes of temporary files a record. A StorageError when it cannot go on.
    """
    files = list(planned.files)
    with tempfile.TemporaryDirectory(prefix="holdfast-verify-") as folder:
        scratch = Path(folder)
        faults = list(planned.faults)
        known = captures is not None and archive is not None
        if captures is not None and archive is not None:
            spread = list(_spread(captures, archive, files, scratch))
            known = all(one.kind is not Kind.CATALOGUE for one in spread)
            faults += spread
        faults += _lost(planned.lost, told={one.file for one in faults})
        yield Verified(file="", faults=tuple(faults))
        salt = secrets.token_bytes(16)
        tasks = [
            _Task(file=one, number=number, scratch=scratch, salt=salt, rows=known)
            for number, one in enumerate(files)
        ]
        yield from _read_all(tasks, jobs=_worth(files, jobs), begin=begin)
        folders = [scratch / f"ids-{task.number}" for task in tasks]
        names = [one.name for one in files]
        for fault in judge_ties(folders, names, whole=planned.whole):
            yield Verified(file="", faults=(fault,))


def _read_all(
    tasks: Sequence[_Task], *, jobs: int, begin: Callable[[], None] | None
) -> Iterator[Verified]:
    if jobs <= 1:
        yield from map(_read, tasks)
        return
    with _pool(jobs, begin) as pool:
        try:
            yield from pool.map(_read, tasks)
        except BrokenProcessPool as error:
            raise StorageError(
                "a process that read WARC files was ended from outside (is there enough memory?):"
                " not all files were verified; nothing was changed"
            ) from error


@contextmanager
def _pool(jobs: int, begin: Callable[[], None] | None) -> Iterator[Executor]:
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=begin)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _worth(files: Sequence[_File], jobs: int) -> int:
    """Return how many processes pay: each takes longer to start than a small file to read."""
    total = 0
    for one in files:
        try:
            total += one.path.stat().st_size
        except OSError:
            continue
    return min(jobs, len(files), 1 + total // _WORTH_A_PROCESS_BYTES)


def _read(task: _Task) -> Verified:
    """Read one file; what is wrong with it is a value, never an error."""
    one = task.file
    report = Report(file=one.name)
    try:
        records, size, sha256 = _walk(task, report)
        is_sound = not any(fault.gravity is Gravity.FAULT for fault in report.faults)
        if is_sound and sha256 != one.sha256:
            _tell_changed(one, report)
    except OSError as error:
        report.begin(None)
        says = f"the file cannot be read to its end: {explain(error)}"
        report.add(Kind.UNREADABLE, f"{says}; what follows is not verified")
        records = size = 0
    report.end()
    return Verified(file=one.name, faults=tuple(report.faults), records=records, size_bytes=size)


def _tell_changed(one: _File, report: Report) -> None:
    """Tell of bytes that changed where no reader looks; what else is wrong has its own words."""
    with one.path.open("rb", buffering=0) as file:
        offset = odd_member(file)
        report.begin(offset)
        if offset is not None:
            name_of(Decoder(file, offset=offset).read(), report)
        says = "its bytes are not those it was closed with: its SHA-256 in the manifest differs"
        report.add(Kind.MANIFEST, says)


def _walk(task: _Task, report: Report) -> tuple[int, int, str]:
    """Read a file; return its records and bytes, and its SHA-256 if the manifest has one."""
    folder = task.scratch / f"ids-{task.number}"
    folder.mkdir()
    ties = Ties(folder, file=task.number, salt=task.salt, report=report)
    rows = Rows(
        task.scratch / "rows" / str(task.number),
        report,
        complete=task.rows and task.file.complete,
    )

    def seen(facts: Facts) -> None:
        ties.note(facts)
        rows.note(facts)

    with _opened(task.file.path) as descriptor:
        size = os.fstat(descriptor).st_size
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            source = Summed(file) if task.file.sha256 else None
            walk = Walk(
                Tape(source or file, size=size),
                report,
                seen,
                growing=task.file.growing,
                abandoned=not task.file.held,
            )
            walk.walk()
            sha256 = source.sha256() if source is not None else ""
    rows.end(cut=walk.cut)
    ties.end()
    return walk.records, size, sha256


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file that may be finished, and so lose its ``.open``, in this very moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if not path.name.endswith(OPEN):
            raise
        closed = path.with_name(path.name.removesuffix(OPEN))
        descriptor = os.open(closed, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _spread(
    captures: Iterable[Capture], archive: Archive, files: list[_File], scratch: Path
) -> Iterator[Fault]:
    """Lay each row beside the file it names, and yield the files that are not there."""
    folder = scratch / "rows"
    folder.mkdir()
    lines = Scratch(folder)
    numbers = {one.name: number for number, one in enumerate(files)}
    missing: dict[str, int] = {}
    try:
        for capture in captures:
            for ref, line in lines_of_capture(capture):
                number = numbers.get(ref.file)
                if number is None and ref.file not in missing:
                    number = _begun_since(archive, ref.file, files, numbers)
                if number is None:
                    missing[ref.file] = missing.get(ref.file, 0) + 1
                else:
                    lines.put(number, *line)
    except CatalogueError as error:
        says = f"{error}; the WARC files are verified, but not all rows against them"
        yield Fault(file="catalogue.db", offset=None, kind=Kind.CATALOGUE, message=says)
    lines.flush()
    for name, count in sorted(missing.items()):
        lost = f"{count} records that the catalogue names are"
        lost = lost if count > 1 else "1 record that the catalogue names is"
        says = f"the file is missing: {lost} lost with it"
        yield Fault(file=name, offset=None, kind=Kind.MISSING_FILE, message=says)


def _begun_since(
    archive: Archive, name: str, files: list[_File], numbers: dict[str, int]
) -> int | None:
    """Add a file that a running service began after the files were listed."""
    try:
        closed = archive.path(name)
    except RecordError:
        return None
    for path in (closed, closed.with_name(closed.name + OPEN)):
        if path.is_file():
            numbers[name] = len(files)
            files.append(_File(path=path, name=name, growing=path is not closed, held=True))
            return numbers[name]
    return None


def _left_open(name: str, *, held: bool) -> Fault:
    if held:
        says = "the file is being written: it is read up to its last whole record"
    else:
        says = "the file was left open by a crash: the next start of the service closes it"
    return Fault(file=name, offset=None, kind=Kind.OPEN_FILE, message=says)


def _set_aside(name: str) -> Fault:
    says = "the file had a fault when it was closed, and was set aside: it is not copied or shown"
    return Fault(file=name, offset=None, kind=Kind.SET_ASIDE, message=says)


def _lost(names: Sequence[str], *, told: Container[str]) -> Iterator[Fault]:
    for name in names:
        if name not in told:
            says = "the file is missing: it was closed, and the manifest has its SHA-256"
            yield Fault(file=name, offset=None, kind=Kind.MISSING_FILE, message=says)


def _of_journal(archive: Archive) -> Iterator[Fault]:
    name = archive.watch_journal.name
    try:
        known = journal.check(archive)
    except StorageError as error:
        yield Fault(file=name, offset=None, kind=Kind.JOURNAL, message=str(error))
        return
    if known.damaged:
        says = (
            f"no release wrote this line ({known.damaged} such in all): what it said of the watch"
            " list is not known from this file any more"
        )
        yield Fault(file=name, offset=known.damaged_at, kind=Kind.JOURNAL, message=says)
    if known.newer:
        says = f"{known.newer} of its lines are of a newer release and passed over by this one"
        yield Fault(file=name, offset=None, kind=Kind.JOURNAL_NEWER, message=says)


def _torn(archive: Archive) -> Iterator[Fault]:
    for path in sorted(archive.torn.glob("*")):
        says = (
            f"{path.stat().st_size} bytes that a crash left of an unfinished record are kept here"
            if path.name.endswith(".torn")
            else "a damaged file that a sound copy has replaced is kept here"
        )
        name = path.relative_to(archive.root).as_posix()
        yield Fault(file=name, offset=None, kind=Kind.TORN_FOLDER, message=says)
