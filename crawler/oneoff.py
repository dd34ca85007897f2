"""Have targets visited now: by the service that runs, or else in this process."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawler import build, care, flow, opening, pulse, reconciliation
from crawler.chronicle import Chronicle
from crawler.console import clock_text
from crawler.console import progress as bar
from crawler.errors import CrawlerError
from crawler.foreground import Foreground
from crawler.limits import require_files
from crawler.memory import be_frugal
from crawler.opening import Parts
from storage.archive import Hold, hold, holder, require_room
from storage.catalogue import claims, progress, targets, visits
from storage.catalogue.progress import Progress
from storage.errors import ArchiveLockedError
from storage.model import Outcome, Site

logger = logging.getLogger(__name__)

LOOKED_AT_EVERY = timedelta(milliseconds=200)
LOCK_WAITED_FOR = timedelta(hours=1)
OF_A_SERVICE = "http://"
"""A service says in the lock file where its page is; a one-off command says nothing."""


class ServiceEndedError(CrawlerError):
    """Say that the service ended while its work was being followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff:
    """One run of ``capture`` or ``visit``: what to visit, and when it is done."""

    own: Parts
    enter: Callable[[], Collection[int] | None]
    """Makes the targets due and returns their ids; None for all that is due, and what is found."""
    since: datetime
    """When the run began; a target visited after it is done."""
    relooks: bool
    """Whether to stay until every suspicion is confirmed or ended."""
    tell: Callable[[Progress], None]
    allow: tuple[str, ...] = ()
    amend: Callable[[Site], Site] | None = None

    def run(self) -> None:
        """Return when every target was visited and compared, with its re-looks if wanted.

        While a service holds the archive it makes the visits, under its own configuration;
        ``allow`` and ``amend`` then cannot be kept to, and CrawlerError says so before anything is
        due. Another one-off command is waited for.
        """
        held = held_or_served(self.own)
        if held is None:
            if self.allow or self.amend is not None:
                raise CrawlerError(
                    "the running service makes its visits by holdfast.toml, so this run's own "
                    "options would not hold; nothing was visited; stop the service first, or "
                    "write them there"
                )
            self._follow(self.enter())
            return
        be_frugal()
        with held:
            for sentence in prepare(self.own):
                logger.warning("recovered after an unclean stop", extra={"what": sentence})
            asyncio.run(self._make(self.enter()))
            self._tell()
            undone = care.tend_files(self.own.archive)
            for remark in (*undone, *care.remarks(self.own.archive)):
                logger.warning("archive wants care", extra={"what": remark})

    def _tell(self) -> None:
        """Send what is due, and say so in the archive; nothing more comes, so nothing waits."""
        own = self.own
        with contextlib.closing(build.chronicle(own, name=f"oneoff-{os.getpid()}-sent")) as told:
            flow.send_due(
                own.catalogue,
                build.channels(own),
                build.door(own),
                quiet=build.quiet_hours(own),
                calm=timedelta(0),
                chronicle=told,
            )

    async def _make(self, ids: Collection[int] | None) -> None:
        worker = build.worker(
            self.own,
            name=f"oneoff-{os.getpid()}",
            only=None if ids is None else set(ids),
            allow=self.allow,
            amend=self.amend,
        )
        with build.reader(self.own) as reader:

            def busy() -> bool:
                if worker.only is not None:
                    worker.only |= reader.controls
                return self._busy(ids, failing=reader.failing)

            run = Foreground(worker=worker, reader=reader, busy=busy)
            interrupted = asyncio.Event()

            def interrupt() -> None:
                interrupted.set()
                run.stop()

            loop = asyncio.get_running_loop()
            for one in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(one, interrupt)
            await run.run()
        if interrupted.is_set():
            raise KeyboardInterrupt
        if reader.failing:
            raise CrawlerError(
                "a visit could not be compared (its traceback is above); its bytes are kept, and "
                "it is compared again at the next run"
            )

    def _follow(self, ids: Collection[int] | None) -> None:
        """Wait until the service has done it; raise ServiceEndedError when it ends before."""
        while self._busy(ids):
            if holder(self.own.archive) is None:
                raise ServiceEndedError(
                    "the service ended meanwhile; what was not visited stays due and is visited "
                    "when it runs again"
                )
            time.sleep(LOOKED_AT_EVERY.total_seconds())

    def _busy(self, ids: Collection[int] | None, *, failing: Collection[int] = ()) -> bool:
        """Say whether something is still to be visited or compared, and tell how far it is.

        Visits whose comparison is ``failing`` are waited for no longer.
        """
        with self.own.catalogue.read() as db:
            now = progress.of_run(db, since=self.since, now=datetime.now(UTC), ids=ids)
            stuck = visits.count_unread_of(db, failing) if failing else 0
        self.tell(now)
        return now.due > 0 or now.unread > stuck or (self.relooks and now.suspected > 0)


def prepare(own: Parts, *, serves: Chronicle | None = None) -> list[str]:
    """Mend what a crash left, and free what it had claimed; return sentences for a person.

    A service ``serves``: from here on the ledger knows that somebody is there, and its chronicle
    says since when nobody was.
    """
    require_files()
    require_room(own.archive)
    now = datetime.now(UTC)
    found = reconciliation.recover_all(own.archive, own.catalogue, now=now)
    opening.publish_sites(own)
    with own.catalogue.write() as db:
        claims.free_all(db)
        # allow_addresses may name them now.
        targets.retry(db, Outcome.BLOCKED_ADDRESS, at=now)
        for strange in pulse.awaken(db, now=now, serves=serves):
            logger.warning("the clock has gone back", extra={"what": strange})
    return list(reconciliation.sentences(found))


def held_or_served(own: Parts) -> Hold | None:
    """Return the archive's lock, or None when a service has it; wait for other one-off commands."""
    give_up = time.monotonic() + LOCK_WAITED_FOR.total_seconds()
    told = False
    while True:
        try:
            return hold(own.archive)
        except ArchiveLockedError as locked:
            if OF_A_SERVICE in (holder(own.archive) or ""):
                return None
            if time.monotonic() > give_up:
                raise
            if not told:
                logger.info("waiting until the archive is free", extra={"reason": str(locked)})
                told = True
        time.sleep(LOOKED_AT_EVERY.total_seconds())


@contextlib.contextmanager
def follow_progress(total: int, *, title: str) -> Iterator[Callable[[Progress], None]]:
    """Show how far a run is on a terminal, and say there when it waits for re-looks."""
    done, suspected = 0, 0
    with bar(total, title=title) as step:

        def tell(now: Progress) -> None:
            nonlocal done, suspected
            while done < now.visited:
                done += 1
                step("")
            if now.suspected and now.suspected != suspected and now.next_look_at is not None:
                at = clock_text(now.next_look_at)
                logger.info(
                    "waiting for re-looks; Ctrl-C leaves them due",
                    extra={"suspected": now.suspected, "next": at},
                )
            suspected = now.suspected

        yield tell
