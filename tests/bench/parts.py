"""Build Holdfast's fetch room as a worker does, with a WARC file that can be switched off.

Nothing here imports Scrapy: the recapture lane is measured without it.
"""

import argparse
import asyncio
import itertools
import json
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lists

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.guard import AddressGuard
from crawler.fetch.keeper import Asked, Keeper, Place
from crawler.fetch.pace import Pace
from crawler.fetch.ticket import Ticket, new_ticket
from crawler.fetch.wire import Client, Limits
from crawler.memory import be_frugal, settle
from storage import archive
from storage.host import host_of
from storage.model import (
    Exchange,
    FoundBy,
    Outcome,
    RecordRef,
    Robots,
    Site,
    Target,
    TargetState,
)
from storage.warc.writer import Info, Kept, Writer

AGENT = "Mozilla/5.0 (compatible; Holdfast; +mailto:bench@example.org)"
_RECORD = RecordRef(file="", offset=0, length=0, digest=None)
NOWHERE = Place()
NOWHERE.fill(lambda: (Kept(record=_RECORD, request=None, metadata=_RECORD, record_id=""), None))

READ_WITH = "bench"
"""Names the spider that read the pages known before."""

TARGETS_A_CLAIM, MOST_UNWRITTEN = 20, 10
"""As many as a worker is lent at a time (``crawler/worker.py``)."""

NOTHING: Mapping[str, str] = {}

Visit = Callable[[Ticket], Awaitable[None]]
"""Makes one visit; returns when its records are appended."""


class SwitchedKeeper(Keeper):
    """A keeper that keeps only while it is told to, and else lets exchanges go."""

    def __init__(self, writer: Writer, executor: Executor, *, keeping: bool) -> None:
        super().__init__(writer, executor)
        self.keeping = keeping

    def append(self, exchange: Exchange, asked: Asked) -> Place:
        """Keep the exchange, or say that it lies nowhere."""
        return super().append(exchange, asked) if self.keeping else NOWHERE

    async def synced(self) -> None:
        """Return when what was kept is on the disk."""
        if self.keeping:
            await super().synced()


@dataclass(frozen=True, slots=True)
class Room:
    """The parts that the lanes are made of."""

    fetcher: Fetcher
    keeper: SwitchedKeeper
    site: Site


@dataclass(slots=True)
class Tally:
    """What a run brought, for the one who measures it."""

    pages: int = 0
    body_bytes: int = 0
    seconds: float = 0.0
    """From the first request to the last page kept."""
    rss: list[tuple[int, int]] = field(default_factory=list)
    """Resident bytes after so many pages."""

    def tell(self, **more: object) -> None:
        """Print it, for the process that measures."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        facts = {"pages": self.pages, "body_bytes": self.body_bytes, "seconds": self.seconds}
        print(json.dumps({**facts, "peak_bytes": peak, "rss": self.rss, **more}))


@asynccontextmanager
async def room(folder: Path, *, keeping: bool) -> AsyncIterator[Room]:
    """Lend a fetch room that writes below ``folder``, and close its file at the end."""
    be_frugal()  # as every worker does first
    keep = archive.create(folder / "archive")
    info = Info(
        software="Holdfast", operator="Bench", contact="mailto:bench@example.org",
        robots="ignore", user_agent=AGENT, is_part_of="bench",
    )  # fmt: skip
    with ThreadPoolExecutor(1, thread_name_prefix="sync") as syncs:
        writer = Writer(keep, name="bench", info=info)
        keeper = SwitchedKeeper(writer, syncs, keeping=keeping)
        fetcher = Fetcher(
            client=Client(guard=AddressGuard(["127.0.0.0/8"]), limits=Limits()),
            keeper=keeper,
            pace=Pace(),
            agent=AGENT,
            product="Holdfast",
        )
        site = Site(name="bench", delay=timedelta(0), robots=Robots.IGNORE)
        settle()
        try:
            yield Room(fetcher, keeper, site)
        finally:
            await fetcher.close()
            await keeper.close()


def ticket(url: str, number: int, site: Site, *, read_as: str | None = None) -> Ticket:
    """Return a ticket as a worker makes one for a target of the catalogue.

    ``read_as`` names what was read at its last visit, if there was one.
    """
    now = datetime.now(UTC)
    before = now if read_as is not None else None
    target = Target(
        id=number, site=site.name, url=url, host=host_of(url), state=TargetState.ACTIVE,
        found_by=FoundBy.LINK, found_on=None, found_at=now, every=None, robots=None,
        due_at=before, last_visit_at=before, last_outcome=None, last_status=None, read_as=read_as,
    )  # fmt: skip
    made = new_ticket(target, site, worker="bench")
    if read_as is not None:
        made.read_with = READ_WITH
    return made


async def drive(
    urls: list[str], own: Room, visit: Visit, *, tally: Tally, known: Mapping[str, str] = NOTHING
) -> None:
    """Visit every address, a lane a host; raise if one went wrong.

    ``known`` names what was read at each address before, as the catalogue remembers it.
    As in a worker, a host is asked for the next page while the last one is made safe, and the
    pages of one claim are waited for at its end.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    numbers = itertools.count(1)

    async def safe(made: Ticket) -> None:
        await own.keeper.synced()
        made.placed()
        ended = made.visit(finished_at=datetime.now(UTC))
        if ended.outcome is not Outcome.OK:
            raise RuntimeError(f"{made.target.url}: {ended.outcome} {ended.reason}")
        tally.pages += 1
        tally.body_bytes += ended.captures[-1].payload_bytes
        if tally.pages % 1_000 == 0:
            tally.rss.append((tally.pages, resident_bytes()))

    async def lane(of_host: list[str]) -> None:
        for start in range(0, len(of_host), TARGETS_A_CLAIM):
            keeping: list[asyncio.Task[None]] = []
            for url in of_host[start : start + TARGETS_A_CLAIM]:
                made = ticket(url, next(numbers), own.site, read_as=known.get(url))
                if len(keeping) >= MOST_UNWRITTEN and not keeping[-MOST_UNWRITTEN].done():
                    await asyncio.wait([keeping[-MOST_UNWRITTEN]])
                await visit(made)
                keeping.append(asyncio.create_task(safe(made)))
            await asyncio.gather(*keeping)

    await asyncio.gather(*(lane(of_host) for of_host in lists.by_host(urls).values()))
    tally.seconds += clock() - began


def resident_bytes() -> int:
    """Return what this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def arguments(description: str | None) -> argparse.Namespace:
    """Return what every run is told: the list, the folder, and whether to keep what comes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nothing", action="store_true", help="fetch and keep nothing")
    parser.add_argument("--block", type=int, default=110, help="pages between two switches")
    parser.add_argument("--known", type=Path, help="how the pages were read before, a line each")
    parser.add_argument("--wait", action="store_true", help="begin when a line comes in")
    return parser.parse_args()
