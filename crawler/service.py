"""Run the service: children, the clock of its ticks, the web page, and a clean end."""

import asyncio
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from fastapi import FastAPI

from crawler.children import Children
from crawler.health import Health, WorkerHealth
from storage.archive import RESERVE_BYTES, Archive, room
from storage.errors import StorageError

logger = logging.getLogger(__name__)

CHILDREN_END_WITHIN = timedelta(seconds=8)
PAGES_END_WITHIN = timedelta(seconds=1)
TICKS_END_WITHIN = timedelta(seconds=1)
CLOCK_SEEN_EVERY = timedelta(seconds=2)
GROUND_SEEN_EVERY = timedelta(seconds=5)
TICK_IS_LATE_AFTER = timedelta(seconds=60)


class PageServer(uvicorn.Server):
    """A uvicorn server that leaves signals alone: it would raise them again after its shutdown."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers; the service has its own."""
        yield


class Regularly(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fire again and again, without a thought for the times that a sleep or a clock has skipped.

    APScheduler's own interval counts each of them before it makes one run of all: after a week that
    is a million steps in the loop of the service, after a year a minute without an answer
    (tests/flow/test_driven_clock.py).
    """

    def __init__(self, every: timedelta) -> None:
        self.every = every

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the next time after the last, or after now where that has long passed."""
        following = now if previous is None else previous + self.every
        return following if following > now - self.every else now + self.every


@dataclass(slots=True, kw_only=True)
class Tick:
    """What the service does again and again, each time in a thread that its end does not wait for.

    A step that hangs in somebody's server is cut off by the end of the process: whatever it had
    not written down is taken again from its row.
    """

    name: str
    every: timedelta
    step: Callable[[threading.Event], object]
    """Told when the service ends; a long step looks at that now and then."""
    may_be_long: bool = False
    """Whether a step may take hours: then nothing is late while it does."""
    ended_at: datetime | None = None
    """When it last was done to its end."""
    _thread: threading.Thread | None = None

    async def begin(self, ending: threading.Event) -> None:
        """Do it anew, unless the time before is still under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._run, args=(ending,), name=self.name, daemon=True
            )
            self._thread.start()

    def finish(self, until: float) -> None:
        """Wait for what is under way, until this time of the monotonic clock at most."""
        if self._thread is not None:
            self._thread.join(max(until - time.monotonic(), 0))

    def _run(self, ending: threading.Event) -> None:
        try:
            self.step(ending)
        except Exception:
            logger.exception(
                "tick failed; its work stays in the catalogue", extra={"tick": self.name}
            )
            return
        self.ended_at = datetime.now(UTC)


class Ground(Protocol):
    """What the service stands on; without it it ends."""

    def check(self) -> None:
        """Raise StorageError when it is lost."""
        ...

    def leave(self) -> None:
        """Do what is to be done when it is lost and nobody uses it any more."""
        ...


@dataclass(slots=True, kw_only=True)
class Service:
    """The supervisor of one archive: small, and never crawls."""

    archive: Archive
    children: Children
    ticks: tuple[Tick, ...]
    make_app: Callable[[Callable[[], Health]], FastAPI]
    listener: socket.socket
    ground: Ground
    package_faults: tuple[str, ...] = ()
    remarks: Callable[[], tuple[str, ...]] = tuple
    """What a person should know beside the health of processes and disk."""
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: threading.Event = field(default_factory=threading.Event)
    _scheduler: AsyncIOScheduler | None = None

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT and return the exit status: 0 after a clean end.

        Raise StorageError when the catalogue is lost, after a clean end too.
        """
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._stop.set)
        self.children.start()
        self._scheduler = self._schedule()
        self._scheduler.start()
        config = uvicorn.Config(
            self.make_app(self.health),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=int(PAGES_END_WITHIN.total_seconds()),
        )
        server = PageServer(config)
        serving = asyncio.create_task(server.serve(sockets=[self.listener]))
        keeping_time = asyncio.create_task(self._keep_time(self._scheduler))
        stopping = asyncio.create_task(self._stop.wait())
        losing = asyncio.create_task(self._lose_ground())
        try:
            ends = (serving, stopping, losing)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            logger.info("service is ending; visits under way are finished first")
            ticks_end_at = time.monotonic() + TICKS_END_WITHIN.total_seconds()
            self._ending.set()
            keeping_time.cancel()
            stopping.cancel()
            self._scheduler.pause()  # a job that begins now would be cut, and told as an error
            self._scheduler.shutdown(wait=False)
            server.should_exit = True
            await asyncio.to_thread(self.children.stop, within=CHILDREN_END_WITHIN)
            await serving
            for tick in self.ticks:
                tick.finish(ticks_end_at)
        if losing.done():
            await asyncio.to_thread(self.ground.leave)
            raise losing.result()
        losing.cancel()
        logger.info("service ended")
        return 0

    async def _lose_ground(self) -> StorageError:
        """Return why the service cannot go on, as soon as that is so."""
        while True:
            await asyncio.sleep(GROUND_SEEN_EVERY.total_seconds())
            try:
                await asyncio.to_thread(self.ground.check)
            except StorageError as lost:
                logger.error(  # noqa: TRY400 - a sentence for a person, who needs no traceback
                    "the catalogue is lost; the service ends", extra={"reason": str(lost)}
                )
                return lost

    def health(self) -> Health:
        """Return how the service is now."""
        left = room(self.archive)
        free = left + RESERVE_BYTES
        quick = [one.ended_at for one in self.ticks if not one.may_be_long]
        last_tick_at = min((at for at in quick if at), default=None)
        late = last_tick_at is not None and datetime.now(UTC) - last_tick_at > TICK_IS_LATE_AFTER
        workers = [child for child in self.children.all if child.kind == "worker"]
        reader = next(child for child in self.children.all if child.kind == "reader")
        problems = [*self.package_faults, *self._problems(late=late, left=left), *self.remarks()]
        return Health(
            ok=not late and left >= 0 and any(one.alive for one in workers) and reader.alive,
            workers=tuple(
                WorkerHealth(
                    name=one.name,
                    pid=one.process.pid if one.process else None,
                    alive=one.alive,
                    restarts=one.restarts,
                )
                for one in workers
            ),
            reader_alive=reader.alive,
            scheduler_alive=self._scheduler is not None and self._scheduler.running,
            last_tick_at=last_tick_at,
            disk_free_bytes=free,
            problems=tuple(problems),
        )

    def _problems(self, *, late: bool, left: int) -> Iterator[str]:
        for child in self.children.all:
            if not child.alive:
                yield (
                    f"{child.name} is not running (last exit status {child.last_status}); what is "
                    "due waits for it; it is started again by itself, the log says why it ended"
                )
        if late:
            yield "the clock of the service stands still; alerts are not sent; restart the service"
        if left < 0:
            yield (
                f"only {(left + RESERVE_BYTES) // 2**20} MiB are free on the archive's disk; "
                "nothing is captured until there is room again; make room"
            )

    def _schedule(self) -> AsyncIOScheduler:
        """Return the scheduler of the ticks; due times of targets are never jobs (DESIGN §2)."""
        scheduler = AsyncIOScheduler(timezone=UTC)
        policy = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler.add_job(
            self._watch, Regularly(timedelta(seconds=0.5)), id="watch children", **policy
        )
        for tick in self.ticks:
            trigger = Regularly(tick.every)
            scheduler.add_job(tick.begin, trigger, args=[self._ending], id=tick.name, **policy)
        return scheduler

    async def _keep_time(self, scheduler: AsyncIOScheduler) -> None:
        """Have the ticks go on when the clock was set back: they are planned by it, years off."""
        before = (datetime.now(UTC), time.monotonic())
        while True:
            await asyncio.sleep(CLOCK_SEEN_EVERY.total_seconds())
            now = (datetime.now(UTC), time.monotonic())
            if now[0] - before[0] < timedelta(seconds=now[1] - before[1]) - CLOCK_SEEN_EVERY:
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=now[0])
            before = now

    async def _watch(self) -> None:
        """Watch the children in the loop's own thread, with which they end.

        None is started again on lost ground: it would play the log of a catalogue that is gone
        into the file that has its name.
        """
        with suppress(StorageError):  # told by what waits for it
            self.ground.check()
            self.children.watch()


def listen(address: str) -> socket.socket:
    """Return a listening socket for HOST:PORT (or [V6]:PORT); port 0 takes a free one.

    Raise OSError when the address cannot be had, ValueError when it is not of that form.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        message = f"{address!r} is not HOST:PORT, such as 127.0.0.1:8440"
        raise ValueError(message)
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((bare, int(port)))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
