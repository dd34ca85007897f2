"""Care for the closed files of an archive: list, index, copy and read them again, and tell faults.

Two ticks of the service do it, each in its thread: ``tend`` what was closed, ``audit`` what was
closed long ago. Both may die at any moment: what was not done is found again on the disk.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawler.changes.telling import event_id
from crawler.chronicle import Chronicle, told_as
from crawler.config import ArchiveConfig
from crawler.reconciliation import give_up, unreadable
from storage import copies, fixity
from storage.archive import Archive
from storage.catalogue import deliveries, events
from storage.catalogue.backup import back_up
from storage.catalogue.engine import Catalogue, Connection
from storage.errors import DamagedError, StorageError
from storage.fixity import Place, Progress
from storage.index import cdxj
from storage.manifest import Manifest
from storage.model import Alert, Axis, Event, Severity
from storage.warc.files import INVALID, SUFFIX
from storage.warc.proof import accept

logger = logging.getLogger(__name__)

LOOKED_AT_AGAIN = timedelta(minutes=10)
"""A place that lacks nothing is looked at after this time, or when a file was closed."""
_REST_FOR_WORK = 4
"""The audit rests four times as long as it reads: a fifth of one processor and of the disk."""


class _EndedError(Exception):
    """Say that the service ends: what is under way is broken off and taken again at its start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a closed file could not be listed or indexed, as it was then."""

    shape: str
    says: str
    at: float
    """Seconds of the monotonic clock."""


@dataclass(slots=True, kw_only=True)
class Care:
    """What one service knows of its closed files; ``problems`` is for a person."""

    archive: Archive
    catalogue: Catalogue
    config: ArchiveConfig
    chronicle: Chronicle
    alerts: tuple[str, ...] = ()
    """Channels that are told of damage: it belongs to no site, so all of them."""
    _state: threading.Lock = field(default_factory=threading.Lock)
    _looked: dict[Path, tuple[str, float]] = field(default_factory=dict)
    _small: dict[tuple[Path, str], str] = field(default_factory=dict)
    _refused: dict[str, Refused] = field(default_factory=dict)
    _problems: tuple[str, ...] = ()
    _told: set[str] = field(default_factory=set)
    """Files that were set aside, of which there is an event."""

    def tend(self, ending: threading.Event) -> None:
        """List, index and copy what was closed; return at once when the service ends."""

        def each(_: object = None) -> None:
            if ending.is_set():
                raise _EndedError

        try:
            self._tell_set_aside(each)
            tend_files(self.archive, each=each, refused=self._refused)
            for place in self.config.copies:
                self._copy_to(place, each)
        except _EndedError:
            return
        finally:
            self._look()

    def audit(self, ending: threading.Event) -> None:
        """Read again what is due, one file after the other, slowly."""
        work_began = time.monotonic()

        def each(_: object) -> None:
            nonlocal work_began
            if ending.wait((time.monotonic() - work_began) * _REST_FOR_WORK):
                raise _EndedError
            work_began = time.monotonic()

        every = self.config.fixity_every
        try:
            while (name := self._due(every)) is not None and not ending.is_set():
                work_began = time.monotonic()
                self._check(name, each)
        except _EndedError:
            return
        finally:
            self._look()

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with files and copies, as seen last; looks at no disk."""
        return self._problems

    # --- copies -------------------------------------------------------------------------------

    def _copy_to(self, place: Path, each: Callable[[object], None]) -> None:
        before = fixity.read(self.archive).places.get(str(place), Place())
        trouble, used = copies.unusable(place, used_before=before.used), before.used
        if not trouble:
            try:
                self._copy_all(place, each)
                used = True
            except StorageError as error:
                trouble = str(error)
        now = Place(used=used, trouble=trouble)
        if now != before:
            self._note(lambda known: replace(known, places={**known.places, str(place): now}))

    def _copy_all(self, place: Path, each: Callable[[object], None]) -> None:
        Manifest(place).begin()
        for small in (self.archive.config, self.archive.watch_journal):
            shape = fixity.shape(small)
            if self._small.get((place, small.name)) != shape:
                copies.copy_small(small, place, small.name, each=each)
                self._small[place, small.name] = shape
        listed = fixity.shape(Manifest(self.archive.root).path)
        before, at = self._looked.get(place, ("", 0.0))
        if listed != before or time.monotonic() - at > LOOKED_AT_AGAIN.total_seconds():
            self._copy_closed(place, each)
            self._looked[place] = (listed, time.monotonic())
        self._copy_catalogue(place, each)

    def _copy_closed(self, place: Path, each: Callable[[object], None]) -> None:
        wrong = fixity.damaged(self.archive, fixity.read(self.archive))
        for name, sha256 in copies.uncopied(self.archive, place):
            each(None)
            if name in wrong:
                continue
            try:
                copies.copy_closed(self.archive, name, sha256, place, each=each)
            except DamagedError:
                self._check(name, each)
                continue
            index = cdxj.index_path(self.archive, name)
            copies.copy_small(index, place, f"{index.parent.name}/{index.name}", each=each)
            logger.info("closed file copied", extra={"file": name, "place": str(place)})

    def _copy_catalogue(self, place: Path, each: Callable[[object], None]) -> None:
        source, target = self.archive.catalogue, place / self.archive.catalogue.name
        if not source.exists():  # it is in a database server, which has copies of its own
            return
        age = time.time() - target.stat().st_mtime if target.exists() else -1.0
        # One of tomorrow is no new one: the clock was set back.
        if 0 <= age < self.config.copy_catalogue_every.total_seconds():
            return
        draft = target.with_name(f".{target.name}.part")
        back_up(source, draft, each=lambda: each(None))
        copies.put_in_place(draft, target, each=each)

    # --- fixity -------------------------------------------------------------------------------

    def _due(self, every: timedelta) -> str | None:
        progress = fixity.read(self.archive)
        return fixity.next_file(self.archive, progress, every=every, now=datetime.now(UTC))

    def _check(self, name: str, each: Callable[[object], None]) -> None:
        checked = fixity.audit(self.archive, name, now=datetime.now(UTC), each=each)
        if checked.fault:
            logger.error(
                "closed file is damaged; repair it from a copy",
                extra={"file": name, "fault": checked.fault},
            )
            before = fixity.read(self.archive).files.get(name)
            since = before.since if before is not None else None
            # Told first: what was told and not noted is found again, and told once all the same.
            self._tell(name, checked.fault, at=since or checked.at)
        else:
            self._check_copies(name, each)
            logger.info("closed file read again; it is as it was", extra={"file": name})
        self._note(lambda now: now.with_checked(name, checked))
        self._look()

    def _check_copies(self, name: str, each: Callable[[object], None]) -> None:
        """Have a copy that went bad made anew, now that the original is known to be good."""
        sha256 = Manifest(self.archive.root).read().get(name)
        for place in self.config.copies:
            if copies.unusable(place) or name not in Manifest(place).read():
                continue
            if not copies.sound_copy(place, name, sha256, each=each):
                logger.error(
                    "copy is damaged or gone; it is made anew",
                    extra={"file": name, "place": str(place)},
                )
                Manifest(place).forget(name)
                self._looked.pop(place, None)

    def _note(self, change: Callable[[Progress], Progress]) -> None:
        with self._state:
            fixity.write(self.archive, change(fixity.read(self.archive)))

    # --- telling ------------------------------------------------------------------------------

    def _tell(self, name: str, fault: str, *, at: datetime) -> None:
        """Write the event of a damaged file; once for each time it is found so."""
        repair = f"{name} is damaged: {fault}. `holdfast verify --repair` puts back a copy."
        with self.catalogue.write() as db:
            self._put(db, damage_event(name, repair, at=at))

    def _put(self, db: Connection, event: Event) -> None:
        if events.one(db, event.id) is not None:
            return
        self.chronicle.keep([told_as(event, {})])
        events.put(db, event)
        deliveries.enqueue(db, event, alerts=self.alerts, at=datetime.now(UTC), gather=False)

    def _look(self) -> None:
        """See what is wrong now, and log each problem when it comes, once."""
        before = self._problems
        self._problems = (*remarks(self.archive, self.config), *_sentences(self._refused))
        for problem in self._problems:
            if problem not in before:
                logger.warning("archive wants care", extra={"what": problem})

    def _tell_set_aside(self, each: Callable[[object], None]) -> None:
        for name in fixity.set_aside(self.archive):
            if name not in self._told:
                self._give_up(name, each)
                self._told.add(name)

    def _give_up(self, name: str, each: Callable[[object], None]) -> None:
        """Tell of a file that was set aside, once; what it spoilt is visited again."""
        path = self.archive.path(name + INVALID)
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        event = damage_event(name, "", at=at)
        with self.catalogue.read() as db:
            if events.one(db, event.id) is not None:
                return
        lost = unreadable(self.archive, self.catalogue, name, each=each)
        with self.catalogue.write() as db:
            reason = f"its record is damaged: {name} is set aside as invalid"
            again = give_up(db, name, lost, reason=reason, at=datetime.now(UTC))
            summary = (
                f"{name} had a fault when it was closed and is set aside. {_spoilt(again)} "
                "`holdfast verify` says what is wrong with it."
            )
            self._put(db, replace(event, summary=summary))


def damage_event(name: str, summary: str, *, at: datetime) -> Event:
    """Return the event of a file that was found damaged at a time."""
    return Event(
        id=event_id(name, "archive_damaged", at),
        url=name,
        target_id=0,
        site="",
        kind="archive_damaged",
        axis=Axis.OPERATIONS,
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary=summary,
        captured_at=at,
    )


def _spoilt(pages: int) -> str:
    if not pages:
        return "No capture is lost with it."
    what = "page, which is" if pages == 1 else "pages, which are"
    return f"It spoilt captures of {pages} {what} visited again."


def tend_files(
    archive: Archive,
    *,
    each: Callable[[object], None] = lambda _: None,
    refused: dict[str, Refused] | None = None,
) -> tuple[str, ...]:
    """List and index the closed files that are not; return what could not be, a sentence each.

    ``each`` may raise to break off. ``refused`` is what the last call could not do, and is changed:
    such a file is tried again when it is another, or after a while.
    """
    failed = {} if refused is None else refused
    listed = Manifest(archive.root)
    known = listed.read()
    for path in sorted(archive.warc.rglob(f"*{SUFFIX}")):
        name = archive.name(path)
        if name not in known and _is_due(archive, name, failed):
            with _noted(archive, name, failed):
                _list(archive, name, each)
                known[name] = ""
    for name in cdxj.unindexed(archive):
        each(None)
        if name in known and _is_due(archive, name, failed):
            with _noted(archive, name, failed):
                cdxj.write_index(archive, name, each=each)
    return _sentences(failed)


def _list(archive: Archive, name: str, each: Callable[[object], None]) -> None:
    faults = accept(archive, name, each=each)
    if faults:
        logger.error(
            "a WARC file has a fault and is set aside, neither indexed nor copied; run verify",
            extra={"file": name, "reason": faults[0].message},
        )


def _is_due(archive: Archive, name: str, refused: dict[str, Refused]) -> bool:
    before = refused.get(name)
    return (
        before is None
        or before.shape != fixity.shape(archive.path(name))
        or time.monotonic() - before.at > LOOKED_AT_AGAIN.total_seconds()
    )


@contextmanager
def _noted(archive: Archive, name: str, refused: dict[str, Refused]) -> Iterator[None]:
    """Note what cannot be done for one file, so that it holds up no other."""
    shape = fixity.shape(archive.path(name))
    try:
        yield
    except StorageError as error:
        refused[name] = Refused(shape=shape, says=str(error), at=time.monotonic())
    else:
        refused.pop(name, None)


def _sentences(refused: dict[str, Refused]) -> tuple[str, ...]:
    return tuple(one.says for _, one in sorted(refused.items()))


def remarks(archive: Archive, config: ArchiveConfig | None = None) -> tuple[str, ...]:
    """Return what a person should know of closed files and copies, as a service saw it last.

    Only places of ``config`` count, if it is given. Asks no disk of a copy, which may hang.
    """
    progress = fixity.read(archive)
    wanted = None if config is None else {str(place) for place in config.copies}
    places = (
        f"nothing is copied to {place}: {one.trouble}; what is closed meanwhile is copied as soon "
        "as it can be"
        for place, one in progress.places.items()
        if one.trouble and (wanted is None or place in wanted)
    )
    return (*_damage(archive, progress), *places)


def _damage(archive: Archive, progress: Progress) -> Iterator[str]:
    for name, fault in fixity.damaged(archive, progress).items():
        yield (
            f"{name} is damaged: {fault}; its captures may be lost; "
            f"`holdfast verify --archive {archive.root} --repair` puts back a sound copy"
        )
    for name in fixity.set_aside(archive):
        yield (
            f"{name} had a fault when it was closed and is set aside as {name}.invalid; it is "
            "not indexed or copied; `holdfast verify` says what is wrong; look at memory and disk"
        )
