"""Compare visits, oldest first: the loop of the reader process and of one-off commands."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crawler import flow, scenes
from crawler.changes.case import Reading
from crawler.chronicle import Chronicle
from crawler.first_looks import FirstLooks
from crawler.killable import ArticleReader, ArticleReaderError
from crawler.planner import Planner
from storage.archive import Archive, room
from storage.catalogue import visits
from storage.catalogue.engine import Catalogue
from storage.errors import StorageError
from storage.model import Visit

logger = logging.getLogger(__name__)

VISITS_A_STEP = 200
"""To find those whose turn it is costs as much as some comparisons, and more where many wait."""
TOGETHER = 50
"""Visits that are compared at once, where they brought what was there before."""
LOOKS_FOR_WORK_EVERY = timedelta(milliseconds=200)
FAILED_RESTS_FOR = timedelta(minutes=1)
MOST_FAILURES = 3


@dataclass(slots=True, kw_only=True)
class Reader:
    """The one reader of an archive: captures of a site are read in their order."""

    archive: Archive
    catalogue: Catalogue
    articles: ArticleReader
    chronicle: Chronicle
    controls: set[int] = field(default_factory=set)
    """Targets that suspicions have asked to be looked at as controls, since the start."""
    planner: Planner = field(default_factory=Planner)
    _resting: dict[int, float] = field(default_factory=dict)
    """Target id → monotonic time until which its visits rest, because one could not be compared."""
    _failures: dict[int, int] = field(default_factory=dict)
    """Visit id → how often its comparison failed."""

    @property
    def failing(self) -> frozenset[int]:
        """Return the targets whose last comparison failed; the log has each traceback."""
        return frozenset(self._resting)

    def run(self, stop: threading.Event) -> None:
        """Compare what comes until ``stop``; a step that is under way is finished."""
        while not stop.is_set():
            if not self.step(stop):
                self.chronicle.close_old()
                stop.wait(LOOKS_FOR_WORK_EVERY.total_seconds())

    def step(self, stop: threading.Event | None = None) -> int:
        """Compare the oldest visits not yet compared and return how many there were.

        A visit that cannot be compared is taken again later, the visits of other targets go on
        meanwhile. After a few failures it is given up, loudly: the looks behind it must be told.
        """
        now = time.monotonic()
        resting = [target for target, until in self._resting.items() if until > now]
        with self.catalogue.read() as db:
            unread = visits.unread(db, limit=VISITS_A_STEP, except_targets=resting)
        done = 0
        while unread and not (stop is not None and stop.is_set()):
            some = _first_of_each(unread, most=TOGETHER)
            taken = {one.id for one in some}
            unread = [one for one in unread if one.id not in taken]
            done += self._compare_some(some, now=now, stop=stop)
        return done

    def _compare_some(
        self, some: Sequence[Visit], *, now: float, stop: threading.Event | None
    ) -> int:
        """Compare visits of different targets: what is as it was at once, then one by one."""
        due = [one for one in some if self._resting.get(one.target_id, 0.0) <= now]
        try:
            same = flow.compare_unchanged(
                due,
                archive=self.archive,
                catalogue=self.catalogue,
                chronicle=self.chronicle,
                planner=self.planner,
            )
        except Exception:  # noqa: BLE001 - of one of them: alone it is told, and the others are not
            self.planner = Planner()  # what it learnt from them is not kept
            same = frozenset()
        rest = [one for one in due if one.id not in same]
        return len(same) + self._compare_others(rest, stop=stop)

    def _compare_others(self, rest: Sequence[Visit], *, stop: threading.Event | None) -> int:
        """Compare visits one after another, in their order: each may teach what its site shows.

        First looks among them are written together.
        """
        done = 0
        first = self._first_looks(rest)
        for visit in rest:
            if stop is not None and stop.is_set():
                break
            if self._take(first, visit):
                done += self._write(first) if first.is_full else 0
                continue
            if first.bears_on(visit):
                done += self._write(first)
            done += self._compare(visit, after=first.other(visit))
        return done + self._write(first)

    def _first_looks(self, some: Sequence[Visit]) -> FirstLooks:
        return FirstLooks(
            archive=self.archive,
            catalogue=self.catalogue,
            articles=self.articles,
            chronicle=self.chronicle,
            scenes=scenes.never_judged(some, catalogue=self.catalogue),
        )

    def _take(self, first: FirstLooks, visit: Visit) -> bool:
        """Read a visit if it is a first look; one that cannot be read is told when it is alone."""
        try:
            return first.take(visit)
        except ArticleReaderError:
            raise  # no visit could be compared by this process any more
        except Exception:  # noqa: BLE001 - told, with the visit, by the comparison that follows
            return False

    def _write(self, first: FirstLooks) -> int:
        """Write first looks together; where that fails each is compared alone, which tells why."""
        waiting = first.waiting
        try:
            return len(first.write(self.planner))
        except Exception:  # noqa: BLE001 - of one of them, or of the disk: told of each
            self.planner = Planner()  # what it learnt from them is not kept
            return sum(self._compare(one) for one in waiting)

    def _compare(self, visit: Visit, *, after: Reading | None = None) -> int:
        try:
            self.controls |= flow.compare_visit(
                visit,
                archive=self.archive,
                catalogue=self.catalogue,
                articles=self.articles,
                chronicle=self.chronicle,
                planner=self.planner,
                after=after,
            )
        except ArticleReaderError:
            raise  # no visit could be compared by this process any more
        except Exception as fault:  # noqa: BLE001 - logged there, and the visit is taken again
            self.planner = Planner()  # what it learnt from this visit is not kept
            self._put_off(visit, fault)
            return 0
        self._resting.pop(visit.target_id, None)
        self._failures.pop(visit.id, None)
        return 1

    def _put_off(self, visit: Visit, fault: Exception) -> None:
        """Let a visit rest that cannot be compared; after some failures give it up, loudly."""
        told: dict[str, object] = {"url": visit.url, "visit": visit.id}
        trace: Exception | None = fault
        if isinstance(fault, StorageError):  # its sentence says all that a person can do about it
            told, trace = {**told, "reason": str(fault)}, None
        if room(self.archive) >= 0:  # a full disk is no fault of the visit: it waits for room
            self._failures[visit.id] = self._failures.get(visit.id, 0) + 1
        self._resting[visit.target_id] = time.monotonic() + FAILED_RESTS_FOR.total_seconds()
        if self._failures.get(visit.id, 0) < MOST_FAILURES:
            logger.error(
                "visit could not be compared; its bytes are kept, it is compared again later",
                extra=told,
                exc_info=trace,
            )
            return
        logger.error(
            "visit is given up: what it brought is kept but was never compared; please report this",
            extra=told,
            exc_info=trace,
        )
        del self._failures[visit.id], self._resting[visit.target_id]
        with self.catalogue.write() as db:
            visits.mark_read(db, visit.id, at=datetime.now(UTC))


def _first_of_each(waiting: Sequence[Visit], *, most: int) -> list[Visit]:
    """Return the first visits of so many targets: each is compared with what came of the last."""
    first: dict[int, Visit] = {}
    for visit in waiting:
        if len(first) < most:
            first.setdefault(visit.target_id, visit)
    return list(first.values())
