"""Compare visits, oldest first: the loop of the reader process and of one-off commands."""

import logging
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

from crawler import flow
from crawler.killable import ArticleReader
from storage.archive import Archive
from storage.catalogue import visits
from storage.catalogue.engine import Catalogue
from storage.model import Visit

logger = logging.getLogger(__name__)

VISITS_A_STEP = 20
LOOKS_FOR_WORK_EVERY = timedelta(milliseconds=200)
FAILED_RESTS_FOR = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Reader:
    """The one reader of an archive: captures of a site are read in their order."""

    archive: Archive
    catalogue: Catalogue
    articles: ArticleReader
    controls: set[int] = field(default_factory=set)
    """Targets that suspicions have asked to be looked at as controls, since the start."""
    _resting: dict[int, float] = field(default_factory=dict)
    """Target id → monotonic time until which its visits rest, because one could not be compared."""

    @property
    def failing(self) -> frozenset[int]:
        """Return the targets whose last comparison failed; the log has each traceback."""
        return frozenset(self._resting)

    def run(self, stop: threading.Event) -> None:
        """Compare what comes until ``stop``; a step that is under way is finished."""
        while not stop.is_set():
            if not self.step(stop):
                stop.wait(LOOKS_FOR_WORK_EVERY.total_seconds())

    def step(self, stop: threading.Event | None = None) -> int:
        """Compare the oldest visits not yet compared and return how many there were.

        A visit that cannot be compared stays in the catalogue and is taken again later; the visits
        of other targets go on meanwhile.
        """
        with self.catalogue.read() as db:
            unread = visits.unread(db, limit=VISITS_A_STEP + len(self._resting) * VISITS_A_STEP)
        done = 0
        for visit in unread:
            if stop is not None and stop.is_set():
                break
            if self._resting.get(visit.target_id, 0.0) > time.monotonic():
                continue
            done += self._compare(visit)
        return done

    def _compare(self, visit: Visit) -> int:
        try:
            self.controls |= flow.compare_visit(
                visit, archive=self.archive, catalogue=self.catalogue, articles=self.articles
            )
        except Exception:
            self._resting[visit.target_id] = time.monotonic() + FAILED_RESTS_FOR.total_seconds()
            logger.exception(
                "visit could not be compared; its bytes are kept, it is compared again later",
                extra={"url": visit.url, "visit": visit.id},
            )
            return 0
        self._resting.pop(visit.target_id, None)
        return 1
