"""Look for what would keep Holdfast from doing its work on this machine.

Without an archive only the machine and the packages are looked at. A line is ok, a note, or a
fault; exit status 1 if anything is a fault.

    holdfast doctor --archive A
"""

import argparse
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import spiders
from crawler import alerts, commands, config, limits, plugins
from crawler.changes import rules
from crawler.commands import EXIT_ERROR, add_archive, add_json
from crawler.console import print_json_lines, print_table
from crawler.errors import ConfigError
from crawler.packages import DISTRIBUTION, package_faults
from storage import journal
from storage.archive import Archive, holder, open_archive
from storage.errors import StorageError

HELP = "look for what would keep Holdfast from working: packages, disk, clock, archive"
GROUP = "care"

LEAST_PYTHON = (3, 11)
LEAST_SQLITE = (3, 37, 0)
"""The first one with STRICT tables; RETURNING came two versions before."""
LEAST_FREE_BYTES = 500 * 2**20
ENOUGH_FREE_BYTES = 5 * 2**30
BUILT_AFTER = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that shows less is wrong: this program is younger."""
CLOCK_SLACK = timedelta(minutes=5)

OPTIONAL = {
    "isal": "faster packing of WARC files",
    "uvloop": "faster fetching",
}


class State(StrEnum):
    """How serious a line of the doctor is."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, and what was found."""

    name: str
    state: State
    says: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the archive, if there is one yet."""
    add_archive(parser, required=False)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything, tell it, and fail if anything is wrong."""
    now = datetime.now(UTC)
    checks = [*_machine(now), *_packages()]
    if arguments.archive is not None:
        checks += _archive(arguments.archive, now)
    if arguments.json:
        rows = ({"check": one.name, "state": one.state, "says": one.says} for one in checks)
        print_json_lines(rows)
    else:
        print_table([(one.name, one.state, one.says) for one in checks], ("check", "", "found"))
    return EXIT_ERROR if any(one.state is State.FAULT for one in checks) else 0


def _check(name: str, says: str, *, fault: str = "", note: str = "") -> Check:
    """Return a check: the fault if there is one, else the note, else what is well."""
    if fault:
        return Check(name=name, state=State.FAULT, says=fault)
    if note:
        return Check(name=name, state=State.NOTE, says=note)
    return Check(name=name, state=State.OK, says=says)


# --- the machine ------------------------------------------------------------------------------


def _machine(now: datetime) -> Iterator[Check]:
    old = sys.version_info[:2] < LEAST_PYTHON
    least = ".".join(map(str, LEAST_PYTHON))
    python = platform.python_version()
    yield _check("python", python, fault=f"{python} is too old: install {least}" if old else "")
    old = sqlite3.sqlite_version_info < LEAST_SQLITE
    least = ".".join(map(str, LEAST_SQLITE))
    fault = f"{sqlite3.sqlite_version} is too old: a Python with {least} or newer is needed"
    yield _check("sqlite", sqlite3.sqlite_version, fault=fault if old else "")
    yield _check("limits", "none is in the way", note="; ".join(limits.remarks()))
    yield _check("time zones", "the data is there", fault=_zone_fault())
    fault = f"it shows {now:%Y-%m-%d}, which is in the past: set it" if now < BUILT_AFTER else ""
    yield _check("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC", fault=fault)


def _zone_fault() -> str:
    try:
        ZoneInfo("Europe/Berlin")
    except (LookupError, OSError, ValueError):
        return "there is no time zone data: install the package tzdata"
    return ""


# --- the packages -----------------------------------------------------------------------------


def _packages() -> Iterator[Check]:
    faults = package_faults()
    if not faults:
        yield _check("our packages", "crawler, spiders and storage are ours")
    yield from (_check("our packages", "", fault=fault) for fault in faults)
    missing = list(_missing_distributions())
    fault = f"not installed: {', '.join(missing)}; install Holdfast again" if missing else ""
    yield _check("dependencies", "all installed", fault=fault)
    folders: tuple[ModuleType, ...] = (alerts, rules, commands, spiders)
    broken = [fault for folder in folders for fault in _broken_files(folder)]
    if not broken:
        yield _check("parts", "every channel, rule, verb and spider loads")
    yield from (_check("parts", "", fault=fault) for fault in broken)
    for name, use in OPTIONAL.items():
        there = find_spec(name) is not None
        yield _check(name, "there", note="" if there else f"absent; it would serve for {use}")


def _missing_distributions() -> Iterator[str]:
    """Yield what our distribution asks for without a condition, and is not there."""
    try:
        wanted = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        wanted = []
    for requirement in wanted:
        if ";" in requirement:
            continue
        name = requirement.replace("[", " ").translate(str.maketrans("<>=!~", "     ")).split()[0]
        try:
            version(name)
        except PackageNotFoundError:
            yield name


def _broken_files(folder: ModuleType) -> Iterator[str]:
    """Yield the plug-in files that do not load, with the reason."""
    for name in plugins.names(folder):
        module = f"{folder.__name__}.{name}"
        try:
            import_module(module)
        except Exception as error:  # noqa: BLE001 - a plug-in file may fail in any way
            yield f"{module} does not load: {type(error).__name__}: {error}"


# --- the archive ------------------------------------------------------------------------------


def _archive(root: Path, now: datetime) -> Iterator[Check]:
    archive = Archive(root)
    try:
        archive = open_archive(root)
    except StorageError as error:
        yield _check("archive", "", fault=str(error))
        if not root.is_dir():
            return
    else:
        yield _check("archive", f"{archive.root} can be read and written")
    yield _configuration(archive)
    yield _space(archive)
    yield _lock(archive)
    yield _watch_list(archive)
    yield _past(archive, now)


def _configuration(archive: Archive) -> Check:
    try:
        loaded = config.load(archive.config, environ=os.environ)
    except ConfigError as error:
        return _check("configuration", "", fault=str(error))
    note = "; ".join(loaded.warnings)
    return _check("configuration", "holdfast.toml is right", note=note)


def _space(archive: Archive) -> Check:
    free = shutil.disk_usage(archive.root).free
    says = f"{free / 2**30:.1f} GiB free"
    fault = f"only {says}: captures will soon fail" if free < LEAST_FREE_BYTES else ""
    note = f"only {says}" if free < ENOUGH_FREE_BYTES else ""
    return _check("disk", says, fault=fault, note=note)


def _lock(archive: Archive) -> Check:
    try:
        held = holder(archive)
    except StorageError as error:
        return _check("lock", "", fault=str(error))
    return _check("lock", f"held by {held}" if held else "free: no service runs")


def _watch_list(archive: Archive) -> Check:
    try:
        known = journal.check(archive)
    except StorageError as error:
        return _check("watch list", "", fault=str(error))
    damaged = f"watch.jsonl is damaged at byte {known.damaged_at} ({known.damaged} of its lines)"
    return _check(
        "watch list",
        "every line of watch.jsonl can be read",
        fault=f"{damaged}: put back a good copy of it" if known.damaged else "",
        note=f"{known.newer} of its lines are of a newer release" if known.newer else "",
    )


def _past(archive: Archive, now: datetime) -> Check:
    """Say whether the archive was written later than now: then the clock has gone back."""
    newest = max(
        (place.stat().st_mtime for place in _places(archive) if place.exists()), default=0.0
    )
    written_at = datetime.fromtimestamp(newest, UTC)
    ahead = written_at > now + CLOCK_SLACK
    fault = f"the archive was written at {written_at:%Y-%m-%d %H:%M} UTC, later than now: set it"
    return _check("clock and archive", "they agree", fault=fault if ahead else "")


def _places(archive: Archive) -> Iterator[Path]:
    yield from (archive.config, archive.catalogue, archive.watch_journal, archive.lock_file)
    yield from (archive.warc, archive.index, archive.torn)
