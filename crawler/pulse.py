"""Know when the service ran, when the machine slept, and when somebody set the clock."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from crawler.children import SERVICE_WORKERS
from crawler.chronicle import Chronicle, stopped_as
from crawler.revisit.calendar import next_due
from storage.archive import Archive, room
from storage.catalogue import deliveries, hosts, learnt, missing, sites, stoppages, targets, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.catalogue.stoppages import Stoppage
from storage.errors import StorageError
from storage.model import Cause, Site, Target, TargetState
from storage.warc.statements import Stopped

logger = logging.getLogger(__name__)

BEATS_EVERY = timedelta(seconds=10)
SLEPT_AFTER = timedelta(seconds=60)
"""A pause of the whole machine that is shorter keeps no visit from being made."""
CLOCK_SLACK = timedelta(seconds=60)
"""What a clock may be put right by, without a word."""
_TARGETS_A_STEP = 1000
_SOON = timedelta(hours=1)
_LATER = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One moment on three clocks."""

    wall: datetime
    awake: timedelta
    """Time since some moment, without the time the machine slept."""
    passed: timedelta
    """The same with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """What happened between two moments beside the passing of time."""

    slept: timedelta
    set_by: timedelta
    """By how much the clock was set ahead; negative when it was set back."""


def read_clocks() -> Instant:
    """Return this moment."""
    boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux counts its sleep apart
    return Instant(
        wall=datetime.now(UTC),
        awake=timedelta(seconds=time.monotonic()),
        passed=timedelta(seconds=time.clock_gettime(boot)),
    )


def strange(before: Instant, after: Instant) -> Strange:
    """Return by how much the clocks disagree about what passed between two moments."""
    passed = after.passed - before.passed
    return Strange(
        slept=passed - (after.awake - before.awake),
        set_by=after.wall - before.wall - passed,
    )


@dataclass(slots=True, kw_only=True)
class Pulse:
    """The heartbeat of one service: what it misses, the ledger of visits knows."""

    archive: Archive
    catalogue: Catalogue
    chronicle: Chronicle
    clocks: Callable[[], Instant] = read_clocks
    _last: Instant | None = None
    _full_since: datetime | None = None
    _unwritten: list[Stoppage] = field(default_factory=list)
    _unsaid: list[Stopped] = field(default_factory=list)
    """What is over and not yet in the archive."""
    _failing: bool = False

    def beat(self) -> None:
        """Write that the service runs, and what happened since the last time.

        A catalogue that cannot be written is told once; what happened is written when it can be.
        """
        now = self.clocks()
        back = self._look_at_clocks(now)
        self._look_at_disk(now.wall)
        try:
            self.chronicle.keep(self._unsaid)
            self._unsaid.clear()
            self.chronicle.close_old()
            with self.catalogue.write() as db:
                for one in self._unwritten:
                    stoppages.put(db, one)
                if self._full_since is None:
                    stoppages.end(db, Cause.DISK_FULL, at=now.wall)
                else:
                    stoppages.begin(db, Cause.DISK_FULL, at=self._full_since)
                stoppages.beat(db, at=now.wall)
                if back:
                    replan(db, now=now.wall)
        except StorageError as fault:
            if not self._failing:
                logger.error(  # noqa: TRY400 - a sentence for a person, who needs no traceback
                    "the catalogue cannot be written; what is not made meanwhile is noted later",
                    extra={"reason": str(fault)},
                )
            self._failing = True
            return
        self._last, self._failing = now, False
        self._unwritten.clear()

    def _look_at_clocks(self, now: Instant) -> bool:
        """Note sleep and a clock that was set; say whether it was set back."""
        if self._last is None:
            return False
        before, found = self._last.wall, strange(self._last, now)
        if found.slept > SLEPT_AFTER:
            woke_at = now.wall - max(found.set_by, timedelta(0))
            self._note(Stoppage(cause=Cause.ASLEEP, began_at=before, ended_at=woke_at))
            logger.warning(
                "the machine was asleep; what was due meanwhile is visited now",
                extra={"slept_s": round(found.slept.total_seconds())},
            )
        if found.set_by > CLOCK_SLACK:
            ahead = before + found.set_by
            self._note(Stoppage(cause=Cause.CLOCK, began_at=before, ended_at=ahead))
            logger.warning(
                "the clock was set ahead; what is due by it is visited, each host at its pace",
                extra={"ahead_s": round(found.set_by.total_seconds())},
            )
        if found.set_by < -CLOCK_SLACK:
            logger.warning(
                "the clock was set back; what was planned too late by it is planned anew",
                extra={"back_s": round(-found.set_by.total_seconds())},
            )
            return True
        return False

    def _look_at_disk(self, now: datetime) -> None:
        if room(self.archive) >= 0:
            if self._full_since is not None:
                full = Stoppage(cause=Cause.DISK_FULL, began_at=self._full_since, ended_at=now)
                self._unsaid.append(stopped_as(full))
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now

    def _note(self, one: Stoppage) -> None:
        self._unwritten.append(one)
        self._unsaid.append(stopped_as(one))


def awaken(db: Connection, *, now: datetime, serves: Chronicle | None) -> Iterator[str]:
    """Account for the time nobody ran; yield a sentence when the clock has gone back since.

    A one-off run does not end that time: it makes its own visits only. A service has a chronicle,
    and what is over is in the archive before it is in the catalogue.
    """
    last = stoppages.last_beat(db)
    newest = max((at for at in (last, visits.last_at(db)) if at is not None), default=None)
    if newest is not None and newest > now + CLOCK_SLACK:
        replan(db, now=now)
        yield (
            f"the archive was written at {newest:%Y-%m-%d %H:%M} UTC, later than the clock shows "
            "now: what was planned too late by that is planned anew; if the clock is wrong, set it"
        )
    if last is not None:  # what a worker has written since is a sign of life too
        last = max(last, visits.last_by(db, SERVICE_WORKERS) or last)
    since = min(last or stoppages.first_promise(db) or now, now)
    stoppages.begin(db, Cause.NOT_RUNNING, at=since)
    gone = stoppages.lost_sites(db)
    lasting = stoppages.lasting(db)
    known = {one.site for one in lasting if one.cause is Cause.SITE_GONE}
    begun = [
        Stoppage(cause=Cause.SITE_GONE, site=name, began_at=now) for name in sorted(gone - known)
    ]
    over = [one for one in lasting if one.cause is Cause.SITE_GONE and one.site not in gone]
    if serves is not None:
        over += [one for one in lasting if one.cause in (Cause.NOT_RUNNING, Cause.DISK_FULL)]
        ended = (replace(one, ended_at=max(now, one.began_at)) for one in over)
        serves.keep([stopped_as(one) for one in (*begun, *ended)])
        stoppages.beat(db, at=now)
    for one in begun:
        stoppages.put(db, one)
    for one in over:
        stoppages.end(db, one.cause, at=now, site=one.site)


def rest(catalogue: Catalogue, chronicle: Chronicle) -> None:
    """Write that the service has ended, and nobody visits anything from now on."""
    now = datetime.now(UTC)
    try:
        chronicle.keep([Stopped(cause=Cause.NOT_RUNNING, began_at=now)])
        with catalogue.write() as db:
            stoppages.beat(db, at=now)
            stoppages.begin(db, Cause.NOT_RUNNING, at=now)
    except StorageError as fault:
        logger.warning(
            "the end of the service could not be noted; the next start counts from its last beat",
            extra={"reason": str(fault)},
        )


def replan(db: Connection, *, now: datetime) -> int:
    """Plan anew what a clock that was ahead has planned too late; return how many targets.

    Each gets its next time by its schedule, or keeps an earlier one: nothing waits for years, and
    nothing falls due at once.
    """
    named = {site.name: site for site in sites.listing(db)}
    plans: dict[int, datetime] = {}
    after_id = 0
    while some := targets.listing(db, after_id=after_id, limit=_TARGETS_A_STEP):
        after_id = some[-1].id
        waits = learnt.intervals(db, [one.id for one in some])
        for one in some:
            site, wait = named.get(one.site), waits.get(one.id)
            planned = _planned(one, site, now=now, wait=wait) if site is not None else None
            if planned is not None and one.due_at is not None and one.due_at > planned:
                plans[one.id] = planned
    targets.replan(db, plans)
    hosts.wake(db, now=now)
    deliveries.hasten(db, latest=now + _SOON)
    missing.hasten(db, latest=now + _LATER)
    return len(plans)


def _planned(
    target: Target, site: Site, *, now: datetime, wait: timedelta | None
) -> datetime | None:
    if target.state is not TargetState.ACTIVE:
        return now if target.state is TargetState.ONCE else None
    return next_due(
        target.every or site.every,
        time_zone=site.time_zone,
        after=now,
        spread=target.url,
        interval=wait,
    )
