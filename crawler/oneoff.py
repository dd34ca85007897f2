"""Have targets visited now: by the service that runs, or else in this process."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta

from crawler import build, opening
from crawler.console import clock_text
from crawler.console import progress as bar
from crawler.errors import CrawlerError
from crawler.foreground import Foreground
from crawler.opening import Parts
from storage.archive import Hold, hold, holder
from storage.catalogue import claims, progress, visits
from storage.catalogue.progress import Progress
from storage.errors import ArchiveLockedError
from storage.model import Site
from storage.warc.recovery import Recovered, recover

logger = logging.getLogger(__name__)

LOOKED_AT_EVERY = timedelta(milliseconds=200)
LOCK_WAITED_FOR = timedelta(hours=1)
LANES = 16
OF_A_SERVICE = "http://"
"""A service says in the lock file where its page is; a one-off command says nothing."""


class ServiceEndedError(CrawlerError):
    """Say that the service ended while its work was being followed."""


def visit_now(  # noqa: PLR0913 - the words of two verbs
    own: Parts,
    ids: Collection[int] | None,
    *,
    since: datetime,
    relooks: bool,
    tell: Callable[[Progress], None],
    allow: tuple[str, ...] = (),
    amend: Callable[[Site], Site] | None = None,
) -> None:
    """Return when every target was visited since then and compared, with its re-looks if wanted.

    Without ``ids`` it is everything that is due, and what is found meanwhile.

    While a service holds the archive it makes the visits, under its own configuration; ``allow``
    and ``amend`` then cannot be kept to, and CrawlerError says so. Another one-off command is
    waited for.
    """
    held = _held_or_served(own)
    if held is None:
        if allow or amend is not None:
            raise CrawlerError(
                "the running service makes its visits by holdfast.toml, so this run's own options "
                "would not hold; stop the service first, or write them there"
            )
        _follow(own, ids, since=since, relooks=relooks, tell=tell)
        return
    with held:
        prepare(own)
        asyncio.run(
            _make(own, ids, since=since, relooks=relooks, tell=tell, allow=allow, amend=amend)
        )


def prepare(own: Parts) -> list[str]:
    """Mend what a crash left, and free what it had claimed; return a sentence for each repair."""
    recovered = recover(own.archive)
    opening.publish_sites(own)
    with own.catalogue.write() as db:
        claims.free_all(db)
    return list(repairs(recovered))


def repairs(recovered: Recovered) -> Iterator[str]:
    """Say what recovery did, a sentence for a person each; nothing after a clean stop."""
    for file in recovered.files:
        yield f"{file} was left open by a crash; every whole record of it is kept, it is closed now"
    for tail in recovered.torn:
        yield (
            f"{tail.tail_bytes} torn bytes at the end of {tail.file} were set aside as "
            f"{tail.saved_as}; what they were part of is visited again"
        )
    for file in recovered.busy:
        yield f"{file} is still written by a process of before; it is closed at the next start"


async def _make(  # noqa: PLR0913 - those of visit_now
    own: Parts,
    ids: Collection[int] | None,
    *,
    since: datetime,
    relooks: bool,
    tell: Callable[[Progress], None],
    allow: tuple[str, ...],
    amend: Callable[[Site], Site] | None,
) -> None:
    worker = build.worker(
        own,
        name=f"oneoff-{os.getpid()}",
        lanes=LANES,
        only=None if ids is None else set(ids),
        allow=allow,
        amend=amend,
    )

    def busy() -> bool:
        progress, still = look(own, ids, since=since, relooks=relooks, failing=reader.failing)
        tell(progress)
        return still

    with build.reader(own) as reader:
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
            "a visit could not be compared (its traceback is above); its bytes are kept, and it is "
            "compared again at the next run"
        )


def _held_or_served(own: Parts) -> Hold | None:
    """Return the archive's lock, or None when a service has it; wait for other one-off commands."""
    give_up = time.monotonic() + LOCK_WAITED_FOR.total_seconds()
    while True:
        try:
            return hold(own.archive)
        except ArchiveLockedError:
            if OF_A_SERVICE in (holder(own.archive) or ""):
                return None
            if time.monotonic() > give_up:
                raise
        time.sleep(LOOKED_AT_EVERY.total_seconds())


def _follow(
    own: Parts,
    ids: Collection[int] | None,
    *,
    since: datetime,
    relooks: bool,
    tell: Callable[[Progress], None],
) -> None:
    """Wait until the service has done it; raise ServiceEndedError when it ends before."""
    while True:
        progress, busy = look(own, ids, since=since, relooks=relooks)
        tell(progress)
        if not busy:
            return
        if holder(own.archive) is None:
            raise ServiceEndedError(
                "the service ended meanwhile; what was not visited stays due and is visited when "
                "it runs again"
            )
        time.sleep(LOOKED_AT_EVERY.total_seconds())


def look(
    own: Parts,
    ids: Collection[int] | None,
    *,
    since: datetime,
    relooks: bool,
    failing: Collection[int] = (),
) -> tuple[Progress, bool]:
    """Return how far the run is, and whether something is still to be visited or compared.

    Visits whose comparison is ``failing`` are waited for no longer.
    """
    with own.catalogue.read() as db:
        known = progress.of_run(db, since=since, now=datetime.now(UTC), ids=ids)
        stuck = visits.count_unread_of(db, failing) if failing else 0
    busy = known.due > 0 or known.unread > stuck or (relooks and known.suspected > 0)
    return known, busy


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
