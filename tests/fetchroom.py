"""Lend the fetch room of a worker, over real sockets into a real WARC file, for tests of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server import Site
from warcio.archiveiterator import ArchiveIterator

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.guard import AddressGuard
from crawler.fetch.keeper import Keeper
from crawler.fetch.lane import EngineLane
from crawler.fetch.originals import Originals
from crawler.fetch.pace import Pace
from crawler.fetch.reading import Reading
from crawler.fetch.recapture import RecaptureLane
from crawler.fetch.ticket import Ticket
from crawler.fetch.wire import Client, Limits
from storage import archive
from storage.archive import Archive
from storage.model import FoundBy, Robots, Target, TargetState
from storage.model import Site as Watched
from storage.warc.writer import Info, Writer

AT = datetime(2026, 11, 22, tzinfo=UTC)
LANES = ("engine", "recapture")


@dataclass(frozen=True, slots=True)
class Room:
    """The parts of a worker's fetch room."""

    archive: Archive
    fetcher: Fetcher
    keeper: Keeper
    pace: Pace
    lane: EngineLane | RecaptureLane
    watched: Watched

    def ticket(self, url: str, *, robots: Robots | None = None) -> Ticket:
        """Return a ticket for a visit of this address."""
        target = Target(
            id=1,
            site=self.watched.name,
            url=url,
            host="",
            state=TargetState.ACTIVE,
            found_by=FoundBy.USER,
            found_on=None,
            found_at=AT,
            every=None,
            robots=robots,
            due_at=None,
            last_visit_at=None,
            last_outcome=None,
            last_status=None,
        )
        return Ticket(target=target, site=self.watched, worker="w", started_at=AT)


@asynccontextmanager
async def room_of(site: Site, folder: Path, *, lane: str = "engine") -> AsyncIterator[Room]:
    """Lend a fetch room that may visit the site, by one of its lanes."""
    keep = archive.create(folder / "archive")
    info = Info(software="t", operator="t", contact="", robots="", user_agent="", is_part_of="")
    with ThreadPoolExecutor(1) as syncs:
        originals = Originals(keep, find=lambda _, __: None)
        keeper = Keeper(Writer(keep, name="w", info=info), syncs, originals=originals)
        client = Client(guard=AddressGuard([site.address, site.tls_address]), limits=Limits())
        pace = Pace()
        fetcher = Fetcher(client=client, keeper=keeper, pace=pace, agent="t/1", product="Holdfast")
        reading = Reading()
        engine = EngineLane(fetcher, reading=reading, lanes=4)
        recapture = RecaptureLane(fetcher, read=reading.fetched)
        lanes = {"engine": engine, "recapture": recapture}
        start = (site.url("/"), site.url("/", tls=True))
        watched = Watched(name="paper", start=start, delay=timedelta(0))
        await engine.open()
        try:
            yield Room(keep, fetcher, keeper, pace, lanes[lane], watched)
        finally:
            await fetcher.close()
            await engine.close()
            await keeper.close()


def run(
    site: Site,
    folder: Path,
    work: Callable[[Room], Awaitable[None]],
    *,
    lane: str = "engine",
) -> None:
    """Do the work in a fetch room, and not for ever."""

    async def main() -> None:
        async with room_of(site, folder, lane=lane) as room, asyncio.timeout(20):
            await work(room)

    asyncio.run(main())


def records(folder: Path) -> list[tuple[str, str, str]]:
    """Return type, path and hopsFromSeed of the records that were kept, as warcio reads them."""
    kept = []
    for file in sorted((folder / "archive/warc").rglob("*.warc.gz")):
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream):
                url = record.rec_headers.get_header("WARC-Target-URI") or ""
                text = record.content_stream().read().decode("latin-1")
                hops = text.partition("hopsFromSeed: ")[2].partition("\r\n")[0]
                path = url.partition("//")[2].partition("/")[2]
                kept.append((record.rec_type, f"/{path}", hops))
    return kept


def metadata(folder: Path) -> Iterator[str]:
    """Yield the text of the metadata records that were kept."""
    for file in sorted((folder / "archive/warc").rglob("*.warc.gz")):
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "metadata":
                    yield record.content_stream().read().decode("latin-1")
