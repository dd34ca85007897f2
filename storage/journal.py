"""Keep ``watch.jsonl``: what people said of the watch list, safe before the catalogue knows it.

The WARC files say what was captured, not what was promised. The journal says that: sites made by
command or web, pages added, removed, paused, resumed, muted, given a schedule, events seen. Sites
of ``holdfast.toml`` are never in it, nor are pages that a spider found and nobody spoke of, nor the
pages of ``holdfast capture``: their captures are in the WARC files, and nothing more was promised.

One line is one change: a JSON object in ASCII with ``version``, ``at`` (UTC), ``by``, ``verb`` and
the sites, targets or events it is about, **as they are after it**. A line read twice is therefore
the same as a line read once, and only the last word on a site or page counts. A line names its
verb for the person who reads the file; what it does to a catalogue stands in its fields.

    {"version":1,"at":"2026-11-22T20:15:00.123456Z","by":"command","verb":"pause","targets":[{…}]}

``held`` gives the file to one process at a time, to append; a change of the watch list holds it
until its catalogue transaction has ended, so that lines and transactions have the same order. What
lies behind the last line end is the rest of an append that died: readers pass over it, the next
append cuts it off. ``read`` gives the entries; ``storage.watchlist.replay`` makes them true in a
catalogue, which a rebuild calls once sites, captures and events are there.
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime

from storage.archive import Archive
from storage.codec import Codec
from storage.errors import CatalogueError, StorageError
from storage.folders import explain, sync_folder
from storage.host import host_of
from storage.model import FoundBy, Robots, TargetState

VERSION = 1
PATIENCE = timedelta(seconds=30)
"""How long a change waits for the one before it."""
LONGEST_LINE_BYTES = 64 * 1024 * 1024
"""A reader's limit; a line of MOST_TARGETS with the longest addresses stays below it."""
MOST_TARGETS = 500
"""Targets or events of one line; a change of more is written as several."""

_PAUSE_SECONDS = 0.01
_BLOCK_BYTES = 65_536


class Verb(StrEnum):
    """What was said."""

    SITE = "site"
    WATCH = "watch"
    REMOVE = "remove"
    PAUSE = "pause"
    RESUME = "resume"
    EVERY = "every"
    MUTE = "mute"
    UNMUTE = "unmute"
    ACK = "ack"


class By(StrEnum):
    """Where it was said."""

    COMMAND = "command"
    WEB = "web"
    START = "start"
    """Taken down when the archive was opened: what was said before there was a journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedSite:
    """A site that was not made by ``holdfast.toml``: what else it is, follows ``[defaults]``."""

    name: str
    start: tuple[str, ...] = ()
    spider: str
    every: str
    from_file: bool = False
    """True once ``holdfast.toml`` names it: from then on that file speaks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedTarget:
    """A page as it stands on the watch list."""

    url: str
    site: str
    state: TargetState
    found_by: FoundBy
    found_on: str | None = None
    found_at: AwareDatetime
    every: str | None = None
    robots: Robots | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvent:
    """An event that a person has seen, and when."""

    id: str
    at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: what was said, when and where, and how things are after it."""

    at: AwareDatetime
    by: str
    """A word of By, or one of a newer release."""
    verb: Verb
    sites: tuple[AddedSite, ...] = ()
    targets: tuple[WatchedTarget, ...] = ()
    events: tuple[SeenEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    version: int
    at: datetime
    verb: str


_ENTRY = Codec(Entry)
_HEAD = Codec(_Head)


class Reading:
    """Go through the entries in their order, counting what is passed over on the way."""

    def __init__(self, path: Path, start_bytes: int = 0) -> None:
        self.newer = 0
        """Lines of a newer release that this one does not understand."""
        self.damaged = 0
        """Lines that no release wrote."""
        self.damaged_at: int | None = None
        """Where the first of them begins."""
        self._path = path
        self._start = start_bytes

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; StorageError if the file cannot be read. No file has none."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._start)
                place = self._start
                while line := file.readline(LONGEST_LINE_BYTES):
                    begins_at, place = place, place + len(line)
                    if line.endswith(b"\n"):
                        yield from self._entry(line, begins_at)
                    elif len(line) == LONGEST_LINE_BYTES:
                        self._is_damaged(begins_at)
                        while line and not line.endswith(b"\n"):
                            line = file.readline(LONGEST_LINE_BYTES)
                            place += len(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"cannot read {self._path}: {explain(error)}") from error

    def _is_damaged(self, begins_at: int) -> None:
        self.damaged += 1
        if self.damaged_at is None:
            self.damaged_at = begins_at

    def _entry(self, line: bytes, begins_at: int) -> Iterator[Entry]:
        try:
            text = line.decode("ascii")
            head = _HEAD.value(text)
        except (UnicodeDecodeError, CatalogueError):
            self._is_damaged(begins_at)
            return
        try:
            entry = _ENTRY.value(text)
            for one in entry.targets:
                host_of(one.url)
        except CatalogueError:
            self.newer += 1
            return
        if head.version > VERSION:
            self.newer += 1
            return
        yield entry


def check(archive: Archive) -> Reading:
    """Read the whole journal and return what was counted."""
    reading = read(archive)
    for _ in reading:
        pass
    return reading


def read(archive: Archive) -> Reading:
    """Return the entries of the journal, from the first; an archive without one has none."""
    return Reading(archive.watch_journal)


class Journal:
    """The file while it is ours to append to; ``held`` makes it."""

    def __init__(self, archive: Archive, descriptor: int, *, fresh: bool) -> None:
        self.fresh = fresh
        """Whether there was no journal: what is appended counts once it is ``placed``."""
        self._archive = archive
        self._descriptor = descriptor
        self.whole_bytes = _end_of_lines(descriptor)
        """Where the last whole line ends."""

    def entries(self, start_bytes: int) -> Reading:
        """Return the entries from here on; from the first when no line begins here."""
        start = start_bytes if self._ends_line(start_bytes) else 0
        return Reading(self._archive.watch_journal, start)

    def append(self, entries: Sequence[Entry]) -> None:
        """Write and sync these entries, all or none; a torn tail before them is cut off.

        Raises StorageError when they could not be kept.
        """
        data = b"".join(map(_line, entries))
        before = self.whole_bytes
        try:
            self.cut(before)
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
            self.whole_bytes = os.fstat(self._descriptor).st_size
        except OSError as error:
            with contextlib.suppress(StorageError):
                self.cut(before)
            path = self._archive.watch_journal
            raise StorageError(
                f"cannot write {path}: {explain(error)}; the watch list was not changed"
            ) from error

    def place(self) -> None:
        """Give a fresh journal its name, whole and for good."""
        try:
            os.fsync(self._descriptor)
            draft(self._archive).replace(self._archive.watch_journal)
            sync_folder(self._archive.root)
        except OSError as error:
            raise StorageError(
                f"cannot make {self._archive.watch_journal}: {explain(error)}; "
                "the watch list was not changed"
            ) from error
        self.fresh = False

    def cut(self, length_bytes: int) -> None:
        """Take back what was appended behind this place, or cut off a torn tail."""
        if os.fstat(self._descriptor).st_size == length_bytes:
            return
        try:
            os.ftruncate(self._descriptor, length_bytes)
            os.fsync(self._descriptor)
        except OSError as error:
            path = self._archive.watch_journal
            raise StorageError(f"cannot cut {path}: {explain(error)}") from error
        self.whole_bytes = length_bytes

    def _ends_line(self, place_bytes: int) -> bool:
        inside = 0 < place_bytes <= self.whole_bytes
        return inside and os.pread(self._descriptor, 1, place_bytes - 1) == b"\n"


@contextlib.contextmanager
def held(archive: Archive, *, patience: timedelta = PATIENCE) -> Iterator[Journal]:
    """Lend the journal for a change, to one at a time; StorageError when it is not to be had."""
    give_up_at = time.monotonic() + patience.total_seconds()
    while (taken := _take(archive)) is None:
        if time.monotonic() > give_up_at:
            raise StorageError(
                f"another process has been changing the watch list for {patience.seconds} s; "
                "nothing was changed: end it, or try again"
            )
        time.sleep(_PAUSE_SECONDS)
    descriptor, fresh = taken
    try:
        yield Journal(archive, descriptor, fresh=fresh)
    finally:
        # Said, not only closed: a child forked meanwhile has the descriptor too.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def draft(archive: Archive) -> Path:
    """Return where a first journal is written before it has its name."""
    return archive.watch_journal.with_name(".watch.jsonl.draft")


def _take(archive: Archive) -> tuple[int, bool] | None:
    """Open and lock the journal, or the draft of the first one; None when another has it."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    path, fresh = archive.watch_journal, False
    try:
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            path, fresh = draft(archive), True
            descriptor = os.open(path, flags | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(
            f"cannot open {path}: {explain(error)}; the watch list was not changed"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # While we waited, another may have given the draft its name, or replaced the file.
        if not _is_at(descriptor, path) or (fresh and archive.watch_journal.exists()):
            os.close(descriptor)
            return None
        if fresh:
            os.ftruncate(descriptor, 0)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise StorageError(
            f"cannot lock {path}: {explain(error)}; the watch list was not changed"
        ) from error
    return descriptor, fresh


def _is_at(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _end_of_lines(descriptor: int) -> int:
    """Return where the last whole line ends."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _line(entry: Entry) -> bytes:
    # Written in ASCII, so that no character of the web can break a line or speak to a terminal.
    values = {"version": VERSION} | json.loads(_ENTRY.text(entry))
    plain = {name: value for name, value in values.items() if value != []}
    line = json.dumps(plain, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > LONGEST_LINE_BYTES:
        raise StorageError(
            f"a change of {len(line)} bytes is too large for watch.jsonl; nothing was changed"
        )
    return line
