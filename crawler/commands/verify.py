"""Verify the archive: every member, record, digest, revisit and row.

Reads every WARC file of the archive and holds it to the standard (WARC/1.1, and WARC/1.0 by its own
rules), the records to each other, and the catalogue to the records. FILEs are WARC files from
anywhere; without --archive only they are read. It may run beside a service.

A line for each fault: file, offset, address and date of the record, what is wrong. Remarks are no
faults. Exit status 0 when there is no fault, else 1, also when there is no archive in the folder;
2 when a FILE is not there or is none. docs/verify.md explains each kind, and where other checkers
disagree.

With --repair each closed file that is damaged, cut or missing is first put back from the places of
[archive] copies, if a copy there is sound; the damaged one is kept in torn/. A service may run.

    holdfast verify --archive A
    holdfast verify --archive A --json
    holdfast verify --archive A --repair
    holdfast verify old.warc.gz other.warc
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crawler import config, opening
from crawler.commands import EXIT_ERROR, EXIT_USAGE, add_archive, add_json
from crawler.console import escape, json_line, progress
from crawler.opening import Parts
from crawler.parent import end_with_parent
from crawler.wording import counted
from storage.archive import Archive, holder, open_archive
from storage.catalogue import captures
from storage.errors import CatalogueError
from storage.model import Capture
from storage.repair import repair
from storage.warc.verify import Fault, Gravity, Verified, plan, verify

HELP = "verify every bit: members, digests, revisits, missing files, rows"
GROUP = "care"

PAGE_ROWS = 1000
_NOTHING = "nothing was verified"


@dataclass(slots=True)
class _Count:
    files: int = 0
    records: int = 0
    size_bytes: int = 0
    faults: int = 0
    remarks: int = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser, required=False)
    add_json(parser)
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        default=os.cpu_count() or 1,
        help="how many files are read at once (default: one for each processor)",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="put back what is damaged, cut or missing from the places of [archive] copies first",
    )
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="any WARC file")


def run(arguments: argparse.Namespace) -> int:
    """Read everything, tell what is wrong, and fail if anything is."""
    wrong = _refusal(arguments)
    if wrong:
        print(f"holdfast: {escape(wrong)}", file=sys.stderr)
        return EXIT_USAGE
    mended = all(_repaired(arguments)) if arguments.repair else True
    count = _Count()
    out = sys.stdout
    for one in _all(arguments, count):
        line = json_line(_as_dict(one)) if arguments.json else _as_text(one)
        # Above the bar on a terminal, which the bar sees to; into a pipe or file beside it.
        print(line, file=sys.stdout if out.isatty() else out)
    # Programs read the lines; the sum is for a person.
    print(_sum(count), file=sys.stderr if arguments.json else sys.stdout)
    return EXIT_ERROR if count.faults or not mended else 0


def _repaired(arguments: argparse.Namespace) -> list[bool]:
    """Put back what has a sound copy, with a line for each file that was not as it should be."""
    archive = open_archive(arguments.archive)
    told = config.load(archive.config, environ=os.environ)
    done = []
    for one in repair(archive, told.archive.copies):
        done.append(one.done)
        line = f"{'repaired' if one.done else 'not repaired'}: {one.file}: {one.fault}; {one.says}"
        print(escape(line), file=sys.stderr if arguments.json else sys.stdout)
    return done


def _refusal(arguments: argparse.Namespace) -> str:
    """Return what is wrong with the words of the command, or nothing."""
    if arguments.repair and arguments.archive is None:
        return f"--repair needs --archive: only an archive has copies; {_NOTHING}"
    if arguments.archive is None and not arguments.files:
        return "nothing to verify: name an archive with --archive, or WARC files"
    for one in arguments.files:
        if one.is_dir():
            return f"{one} is a folder: name the WARC files in it, or --archive; {_NOTHING}"
        if not one.is_file():
            there = one.exists() or one.is_symlink()
            return (
                f"{one} is no ordinary file: {_NOTHING}"
                if there
                else f"there is no file {one}: {_NOTHING}"
            )
    return ""


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1024):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes from 1 to 1024")
    return int(text)


def _all(arguments: argparse.Namespace, count: _Count) -> Iterator[Fault]:
    """Yield all that is found, and count on the way."""
    archive = None
    if arguments.archive is not None:
        archive = open_archive(arguments.archive, read_only=True)
    held = archive is not None and holder(archive) is not None
    planned = plan(archive, arguments.files, held=held)
    rows = _rows(archive) if archive is not None else None
    begun = verify(planned, captures=rows, archive=archive, jobs=arguments.jobs, begin=_begin)
    with progress(len(planned.files), title="verifying") as step:
        for one in begun:
            if one.file:
                count.files += 1
                step(one.file)
            yield from _counted(one, count)


def _begin() -> None:
    """Begin a process that reads: it ends with this one, and at Ctrl-C without a word."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _counted(one: Verified, count: _Count) -> Iterator[Fault]:
    count.records += one.records
    count.size_bytes += one.size_bytes
    for fault in one.faults:
        if fault.gravity is Gravity.FAULT:
            count.faults += 1
        else:
            count.remarks += 1
        yield fault


def _rows(archive: Archive) -> Iterator[Capture]:
    """Yield all captures of the catalogue, which is never made here: to verify changes nothing."""
    if archive.catalogue.exists():
        yield from _captures(opening.parts_to_look_at(archive.root))
    elif any(archive.warc.rglob("*.warc.gz*")):
        raise CatalogueError("the catalogue is missing")


def _captures(own: Parts) -> Iterator[Capture]:
    """Yield in pages, so that a listing of millions holds no transaction and little memory."""
    after = 0
    while True:
        with own.catalogue.read() as db:
            part = captures.listing(db, after_id=after, limit=PAGE_ROWS)
        yield from part
        if len(part) < PAGE_ROWS:
            return
        after = part[-1].id


def _as_dict(fault: Fault) -> dict[str, object]:
    return {
        "file": fault.file,
        "offset": fault.offset,
        "url": fault.url,
        "captured_at": fault.captured_at,
        "kind": fault.kind.value,
        "severity": fault.gravity.value,
        "message": fault.message,
    }


def _as_text(fault: Fault) -> str:
    """Return a fault as one line that no terminal obeys."""
    place = fault.file if fault.offset is None else f"{fault.file}:{fault.offset}"
    of = " ".join(part for part in (fault.url, fault.captured_at) if part)
    line = f"{fault.gravity.value} {fault.kind.value}: {place}: {fault.message}"
    return escape(f"{line} [{of}]" if of else line)


def _sum(count: _Count) -> str:
    read = (counted(count.files, "file"), counted(count.records, "record"))
    found = (counted(count.faults, "fault"), counted(count.remarks, "remark"))
    return f"{', '.join(read)}, {counted(count.size_bytes, 'byte')}: {', '.join(found)}"
