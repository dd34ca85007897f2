"""Build the objects, in one place: what a process is made of, from an archive and its words."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from crawler import backlog, budget, flow, network
from crawler.books import Books
from crawler.care import Care
from crawler.children import Children
from crawler.chronicle import Chronicle
from crawler.deliver import Channel, make_channel
from crawler.fetch.fetcher import Fetcher
from crawler.fetch.guard import AddressGuard
from crawler.fetch.keeper import Keeper
from crawler.fetch.lane import EngineLane
from crawler.fetch.originals import Originals
from crawler.fetch.pace import Pace
from crawler.fetch.reading import Reading
from crawler.fetch.recapture import RecaptureLane
from crawler.fetch.requisites import Gatherer
from crawler.fetch.visitor import Visitor
from crawler.fetch.wire import Client
from crawler.health import Health
from crawler.killable import ArticleReader
from crawler.opening import Parts
from crawler.outbound import Door
from crawler.packages import package_faults, release
from crawler.pricing import refit_all
from crawler.pulse import BEATS_EVERY, Pulse
from crawler.reader import Reader
from crawler.routing import Quiet
from crawler.service import Service, Tick
from crawler.web.app import make_app
from crawler.worker import Worker
from storage.archive import Hold
from storage.catalogue import sites
from storage.catalogue.payloads import Payloads
from storage.catalogue.whereabouts import Whereabouts
from storage.model import Robots, Site
from storage.warc.writer import Info, Writer

PRODUCT = "Holdfast"
LANES = 16


def agent(own: Parts) -> str:
    """Return the User-Agent: who we are, and whom to ask."""
    return own.config.network.user_agent


def worker(
    own: Parts,
    *,
    name: str,
    lanes: int = LANES,
    only: set[int] | None = None,
    allow: tuple[str, ...] = (),
    amend: Callable[[Site], Site] | None = None,
) -> Worker:
    """Build a worker with its own WARC file; ``only`` are the targets it may visit.

    Its threads, connections and files are closed when its run ends.
    """
    ends = contextlib.AsyncExitStack()
    syncs = ends.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="sync"))
    queries = ends.enter_context(ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue"))
    info = info_of(own, robots=robots_policy(own, amend))
    writer = Writer(
        own.archive,
        name=f"{own.archive.root.name}-{name}",
        info=info,
        max_age=own.config.archive.close_after,
    )
    payloads = ends.enter_context(contextlib.closing(Payloads(own.catalogue)))
    originals = Originals(own.archive, find=payloads.find)
    keeper = Keeper(writer, syncs, originals=originals)
    guard = AddressGuard([*own.config.network.allow_addresses, *allow])
    pace = Pace()
    fetcher = Fetcher(
        client=Client(
            guard=guard, limits=own.config.network.limits, proxy=own.config.network.proxy
        ),
        keeper=keeper,
        pace=pace,
        agent=agent(own),
        product=PRODUCT,
    )
    reading = Reading()
    visitor = Visitor(
        worker=name,
        fetcher=fetcher,
        keeper=keeper,
        engine=EngineLane(fetcher, reading=reading, lanes=lanes),
        recapture=RecaptureLane(fetcher, read=reading.fetched),
        gatherer=Gatherer(fetcher=fetcher, keeper=keeper, pace=pace),
    )
    books = Books(
        archive=own.archive,
        catalogue=own.catalogue,
        executor=queries,
        chronicle=chronicle(own, name=name),
    )
    ends.push_async_callback(books.close)
    ends.push_async_callback(visitor.close)  # the first to be closed
    return Worker(
        name=name,
        archive=own.archive,
        catalogue=own.catalogue,
        visitor=visitor,
        books=books,
        ends=ends,
        lanes=lanes,
        only=only,
        amend=amend,
    )


def info_of(own: Parts, *, robots: str) -> Info:
    """Return what each WARC file says of itself first."""
    return Info(
        software=f"{PRODUCT}/{release()}",
        operator=own.config.archive.operator,
        contact=own.config.archive.contact,
        robots=robots,
        user_agent=agent(own),
        is_part_of=own.archive.root.name,
    )


@contextlib.contextmanager
def reader(own: Parts) -> Iterator[Reader]:
    """Build the reader and its killable child; child and file end with the block."""
    with ArticleReader() as articles, contextlib.closing(chronicle(own, name="reader")) as told:
        yield Reader(
            archive=own.archive, catalogue=own.catalogue, articles=articles, chronicle=told
        )


def chronicle(own: Parts, *, name: str) -> Chronicle:
    """Build what a process writes into the archive beside exchanges; its file is made when needed.

    The file closes with the process, as those of exchanges do.
    """

    def make_writer() -> Writer:
        info = info_of(own, robots=robots_policy(own, None))
        return Writer(
            own.archive,
            name=f"{own.archive.root.name}-{name}-notes",
            info=info,
            max_age=own.config.archive.close_after,
        )

    return Chronicle(make_writer=make_writer)


def channels(own: Parts) -> dict[str, Channel]:
    """Build the alert channels by the names the configuration gives them."""
    return {one.name: make_channel(one.channel, one.options) for one in own.config.alerts}


def quiet_hours(own: Parts) -> dict[str, Quiet]:
    """Return the quiet hours of the alerts that have some."""
    return {one.name: one.quiet for one in own.config.alerts if one.quiet is not None}


def door(own: Parts) -> Door:
    """Build the guarded way out for alerts."""
    return Door(guard=AddressGuard(own.config.network.allow_addresses))


def service(
    own: Parts,
    *,
    hold: Hold,
    workers: int,
    listener: socket.socket,
    quiet: bool,
    told: Chronicle,
) -> Service:
    """Build the supervisor of an archive whose lock is held; ``told`` is closed after its end."""
    ways, way_out, quiet_at = channels(own), door(own), quiet_hours(own)
    care = care_of(own, told=told)
    children = Children(own, workers=workers, lock_fd=hold.fd, quiet=quiet)
    pulse = Pulse(archive=own.archive, catalogue=own.catalogue, chronicle=told)
    host, port = listener.getsockname()[:2]

    def app(health: Callable[[], Health]) -> FastAPI:
        return make_app(
            catalogue=own.catalogue,
            archive=own.archive,
            health=health,
            allowed_hosts=allowed_hosts(host, port),
            now=lambda: datetime.now(UTC),
            started_at=datetime.now(UTC),
        )

    return Service(
        archive=own.archive,
        children=children,
        ticks=(
            Tick(
                name="deliver",
                every=timedelta(seconds=1),
                step=lambda ending: flow.send_due(
                    own.catalogue,
                    ways,
                    way_out,
                    quiet=quiet_at,
                    chronicle=told,
                    ended=ending.is_set,
                ),
            ),
            Tick(name="mend", every=timedelta(seconds=1), step=lambda _: children.mend()),
            Tick(name="tend", every=timedelta(seconds=2), step=care.tend, may_be_long=True),
            Tick(name="audit", every=timedelta(seconds=2), step=care.audit, may_be_long=True),
            Tick(
                name="plan",
                every=timedelta(hours=1),
                step=lambda _: refit_all(own.catalogue),
                may_be_long=True,
            ),
            Tick(name="beat", every=BEATS_EVERY, step=lambda _: pulse.beat()),
        ),
        make_app=app,
        listener=listener,
        ground=Whereabouts(own.archive, own.catalogue),
        package_faults=tuple(package_faults()),
        remarks=lambda: (*strange_visits(own), *care.problems),
    )


def care_of(own: Parts, *, told: Chronicle) -> Care:
    """Build what cares for the closed files of an archive."""
    return Care(
        archive=own.archive,
        catalogue=own.catalogue,
        config=own.config.archive,
        chronicle=told,
        alerts=tuple(one.name for one in own.config.alerts),
    )


def strange_visits(own: Parts) -> tuple[str, ...]:
    """Return what is to be said of spent budgets, and of visits nobody answers or compares."""
    with own.catalogue.read() as db:
        now = datetime.now(UTC)
        return (
            *budget.remarks(db, sites.listing(db), now=now),
            *network.remarks(db),
            *backlog.remarks(db, now=now),
        )


def robots_policy(own: Parts, amend: Callable[[Site], Site] | None) -> str:
    """Return what warcinfo says of robots.txt: one word, or both with the sites that differ."""
    with own.catalogue.read() as db:
        listed = sites.listing(db)
    amended = listed if amend is None else [amend(site) for site in listed]
    ignoring = sorted(site.name for site in amended if site.robots is not Robots.OBEY)
    if not ignoring:
        return "classic"
    if len(ignoring) == len(amended):
        return "ignore"
    return f"classic; ignored for the sites {', '.join(ignoring)}"


def allowed_hosts(host: str, port: int) -> tuple[str, ...]:
    """Return the Host fields the pages answer to: the address listened on, and its usual names."""
    bare = f"[{host}]" if ":" in host else host
    names = [bare, "localhost", "127.0.0.1", "[::1]", socket.gethostname()]
    return tuple(dict.fromkeys([*names, *(f"{name}:{port}" for name in names)]))
