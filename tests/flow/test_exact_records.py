"""From the wire to the WARC file and back by two readers: every behaviour of the site, every byte.

The site keeps a log of what it was sent and what it sent; nothing else is believed here.
"""

import asyncio
import base64
import hashlib
import io
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from behaviours import ASKED_OTHERWISE, BEHAVIOURS, Behaviour, End
from fastwarc.warc import ArchiveIterator as FastIterator
from server import Logged, Page, Site
from warcio.archiveiterator import ArchiveIterator

from crawler.fetch.fetcher import Fetcher
from crawler.fetch.guard import AddressGuard
from crawler.fetch.keeper import Keeper
from crawler.fetch.pace import Pace
from crawler.fetch.ticket import Ticket
from crawler.fetch.wire import Client, Limits, WireRequest
from storage import archive
from storage.message import entity
from storage.model import FoundBy, Robots, Role, Target, TargetState
from storage.model import Site as Watched
from storage.warc.writer import Info, Writer

pytestmark = pytest.mark.flow

AT = datetime(2026, 11, 22, tzinfo=UTC)
EVERY = BEHAVIOURS | ASKED_OTHERWISE
LIMITS = Limits(
    first_byte=timedelta(seconds=1.5),
    idle=timedelta(seconds=1.5),
    total=timedelta(seconds=7),
    head_bytes=64 * 1024,
    body_bytes=2 * 1024 * 1024,
    interim_bytes=8 * 1024,
    header_count=500,
)
PATIENT = Limits()
"""Where requests are counted: a site that is slow to be scheduled is given up by the other limits,
and may be asked what it saw before it has looked at what lies in its sockets."""
HOSTS = 16
"""A host is asked one thing at a time, so the site goes by several names."""


# --- the room ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Room:
    """The fetch room of a worker, with its client and writer."""

    fetcher: Fetcher
    client: Client
    writer: Writer

    def ticket(self, url: str, *, robots: Robots = Robots.IGNORE) -> Ticket:
        """Return a ticket for a visit of this address."""
        target = Target(
            id=1, site="paper", url=url, host="", state=TargetState.ACTIVE, found_by=FoundBy.USER,
            found_on=None, found_at=AT, every=None, robots=robots, due_at=None,
            last_visit_at=None, last_outcome=None, last_status=None,
        )  # fmt: skip
        watched = Watched(name="paper", start=(url,), delay=timedelta(0))
        return Ticket(target=target, site=watched, worker="w", started_at=AT)

    async def one(self, url: str) -> None:
        """Make and keep one exchange, redirects not followed."""
        ticket = self.ticket(url)
        await self.fetcher.one(ticket, url, role=Role.TARGET, hop=0, via=None)
        ticket.over()

    async def otherwise(self, url: str, method: str) -> None:
        """Make and keep an exchange of another method than visits have."""
        body = b"a=1&b=2" if method == "POST" else b""
        exchange = await self.client.fetch(WireRequest(url=url, method=method, body=body))
        self.writer.append(exchange, role=Role.TARGET)
        if exchange.answer is not None:
            exchange.answer.close()


@asynccontextmanager
async def room_of(site: Site, folder: Path, *, limits: Limits):
    """Lend a room that writes into a new archive."""
    info = Info(software="t", operator="t", contact="", robots="", user_agent="", is_part_of="")
    writer = Writer(archive.create(folder / "archive"), name="w", info=info)
    client = Client(
        guard=AddressGuard([site.address, site.tls_address]), limits=limits, resolver=_loopback
    )
    with ThreadPoolExecutor(1) as syncs:
        keeper = Keeper(writer, syncs)
        fetcher = Fetcher(
            client=client, keeper=keeper, pace=Pace(), agent="t/1", product="Holdfast"
        )
        try:
            yield Room(fetcher, client, writer)
        finally:
            await fetcher.close()
            await keeper.close()


async def _loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def run(
    site: Site, folder: Path, work: Callable[[Room], Awaitable[None]], *, limits: Limits = LIMITS
) -> None:
    """Do the work in a room, and not for ever."""

    async def main() -> None:
        async with room_of(site, folder, limits=limits) as room, asyncio.timeout(60):
            await work(room)

    asyncio.run(main())


# --- what was kept ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """One record as a reader gives it, its block untouched."""

    type: str
    uri: str
    fields: Mapping[str, str]
    block: bytes


@dataclass(slots=True)
class Held:
    """All records of one address; metadata records by the word in their urn, or ``known``."""

    requests: list[Kept] = field(default_factory=list)
    responses: list[Kept] = field(default_factory=list)
    beside: dict[str, list[Kept]] = field(default_factory=dict)

    def block(self, kind: str) -> bytes:
        """Return the bytes that stand beside the answer under this word."""
        return b"".join(one.block for one in self.beside.get(kind, []))


def by_warcio(path: Path) -> Iterator[Kept]:
    """Read with warcio, which parses no block."""
    with path.open("rb") as file:
        for record in ArchiveIterator(file, no_record_parse=True):
            fields = dict(record.rec_headers.headers)
            uri = fields.get("WARC-Target-URI", "")
            yield Kept(record.rec_type, uri, fields, record.raw_stream.read())


def by_fastwarc(path: Path) -> Iterator[Kept]:
    """Read with fastwarc, which parses no block and checks the digests."""
    with path.open("rb") as file:
        for record in FastIterator(file, parse_http=False):
            assert record.verify_block_digest(consume=False)
            fields = dict(record.headers.items())
            uri = fields.get("WARC-Target-URI", "")
            yield Kept(fields["WARC-Type"], uri, fields, record.reader.read())


READERS = {"warcio": by_warcio, "fastwarc": by_fastwarc}


def held(folder: Path, reader: str) -> dict[str, Held]:
    """Return what the files hold, by address."""
    found: dict[str, Held] = {}
    for path in sorted((folder / "archive/warc").rglob("*.warc.gz")):
        for one in READERS[reader](path):
            kind, uri = "known", one.uri
            if uri.startswith("urn:"):
                _, kind, uri = uri.split(":", 2)
            all_of_it = found.setdefault(uri, Held())
            match one.type:
                case "request":
                    all_of_it.requests.append(one)
                case "response":
                    all_of_it.responses.append(one)
                case "metadata":
                    all_of_it.beside.setdefault(kind, []).append(one)
    return found


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


# --- every behaviour --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One behaviour over one way, what the site saw of it, and what was kept."""

    path: str
    tls: bool
    behaviour: Behaviour
    logged: list[Logged]
    kept: Held

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'} {self.path}"

    @property
    def answers(self) -> list[Kept]:
        """The record that holds the answer, be it HTTP or not."""
        return self.kept.responses + self.kept.beside.get("raw", [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exact")


@pytest.fixture(scope="module")
def asked(folder) -> tuple[dict[tuple[str, bool], str], list[Logged]]:
    """Fetch every behaviour over http and TLS through the one way to the wire."""
    for behaviour in EVERY.values():
        next(iter(behaviour.parts()), None)  # bombs are made beforehand, not on the site's time
    urls: dict[tuple[str, bool], str] = {}

    async def work(room: Room) -> None:
        steps = []
        for (path, _), url in urls.items():
            method = EVERY[path].method
            steps.append(room.one(url) if method == "GET" else room.otherwise(url, method))
        await asyncio.gather(*steps)

    with Site() as site:
        for number, path in enumerate(EVERY):
            for tls in (False, True):
                port = site.tls_port if tls else site.port
                scheme = "https" if tls else "http"
                urls[path, tls] = f"{scheme}://n{number % HOSTS}.example:{port}{path}"
        run(site, folder, work)
        return urls, site.log


@pytest.fixture(scope="module", params=list(READERS))
def cases(request, asked, folder) -> list[Case]:
    """Return every case, as this reader finds it."""
    urls, log = asked
    found = held(folder, request.param)
    ports = {urlsplit(url).port: tls for (_, tls), url in urls.items()}
    return [
        Case(
            path,
            tls,
            EVERY[path],
            [one for one in log if one.path == path and ports[_port(one)] is tls],
            found[url],
        )
        for (path, tls), url in urls.items()
    ]


def _port(logged: Logged) -> int:
    host = logged.request.partition(b"\r\nHost: ")[2].partition(b"\r\n")[0]
    return int(host.rpartition(b":")[2])


def test_every_byte_of_the_wire_is_in_the_file(cases):
    """Request and answer are those of the site's log: 100 %, and as far as they came if cut."""
    assert len(cases) >= 500
    assert [str(one) for one in cases if not _exact(one)] == []


def _exact(case: Case) -> bool:
    # A connection that had been used before may have died under the request: that was kept too.
    *died, seen = case.logged
    answer = b"".join(one.block for one in case.answers)
    kept = case.kept.block("interim") + answer + case.kept.block("surplus")
    requests = [one.block for one in case.kept.requests]
    if requests != [one.request for one in case.logged] or any(one.response for one in died):
        return False
    if case.behaviour.whole:
        return kept == seen.response
    return bool(kept) and seen.response.startswith(kept)


def test_what_was_cut_says_so_and_nothing_else_does(cases):
    """WARC-Truncated stands on the answer, with the reason it was cut for."""
    wrong = [
        str(one)
        for one in cases
        if [answer.fields.get("WARC-Truncated") for answer in one.answers]
        != ([one.behaviour.truncated] if one.answers else [])
    ]
    assert wrong == []
    marks = Counter(one.behaviour.truncated for one in cases)
    assert marks.keys() == {None, "length", "time", "disconnect"}
    assert sum(marks.values()) - marks[None] >= 46


def test_what_is_not_http_is_kept_raw_beside(cases):
    """No response record claims to be HTTP that is not, and none of it is lost."""
    odd = [one for one in cases if one.behaviour.outcome == "not_http"]
    assert len(odd) >= 16
    for one in odd:
        assert one.kept.responses == [], one
        assert len(one.kept.beside["raw"]) == 1, one
    # Of a status line that breaks off nobody knows whether it would have been one.
    others = [one for one in cases if one.behaviour.outcome != "not_http"]
    raw = {one.path for one in others if "raw" in one.kept.beside}
    assert raw == {"/cut/status-line"}


def test_what_brought_no_answer_is_kept_with_its_reason(cases):
    """The request is there, and beside it how it ended, in a word and a sentence."""
    silent = [one for one in cases if not one.answers]
    assert len(silent) >= 12
    for one in silent:
        known = one.kept.block("known").decode()
        assert f"outcome: {one.behaviour.outcome}\r\n" in known, one
        assert "reason: " in known, one
        assert one.behaviour.outcome in ("reset", "timeout", "too_large"), one


def test_the_outcome_of_every_exchange_is_in_the_file(cases):
    """What is listed of a capture can be found again without the catalogue."""
    wrong = [
        str(one)
        for one in cases
        if f"outcome: {one.behaviour.outcome}\r\n" not in one.kept.block("known").decode()
    ]
    assert wrong == []


def test_payload_digests_are_those_of_the_entity(cases):
    """Transfer codings removed, content codings kept (RFC 9110 §6.4, WARC/1.1 §5.9)."""
    responses = [(one, answer) for one in cases for answer in one.kept.responses]
    assert len(responses) >= 400
    wrong = [
        str(one)
        for one, answer in responses
        if answer.fields["WARC-Payload-Digest"] != sha1(b"".join(entity(io.BytesIO(answer.block))))
    ]
    assert wrong == []


def test_tls_and_address_are_on_the_records(cases):
    """Every record of an exchange names the address, and the protocol of a secure one."""
    for one in cases:
        for record in (*one.kept.requests, *one.answers):
            assert record.fields["WARC-IP-Address"] == "127.0.0.1"
            assert ("WARC-Cipher-Suite" in record.fields) == one.tls


# --- what nobody asked for by name ------------------------------------------------------------


def counts(folder: Path, reader: str = "fastwarc") -> Counter[str]:
    """Return how many request records there are of each path."""
    found: Counter[str] = Counter()
    for uri, one in held(folder, reader).items():
        if one.requests:
            found[urlsplit(uri).path] += len(one.requests)
    return found


def served(site: Site) -> Counter[str]:
    """Return how many requests the site saw of each path."""
    return Counter(one.path.partition("?")[0] for one in site.log)


def test_robots_and_redirects_have_their_records(tmp_path):
    """Whatever the site was asked for on the way to a page is in the file, as often."""
    chains = [path for path in BEHAVIOURS if path.startswith("/redirect/")]

    async def work(room: Room) -> None:
        for path in ("/page", *chains):
            await room.fetcher.page(room.ticket(site.url(path), robots=Robots.OBEY))

    with Site() as site:
        site.robots = Behaviour(
            parts=lambda: [b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nUser\n0\n\n"]
        )
        run(site, tmp_path, work, limits=PATIENT)
        assert counts(tmp_path) == served(site)
        [robots] = held(tmp_path, "warcio")[site.url("/robots.txt")].responses
        assert [robots.block] == [one.response for one in site.log if one.path == "/robots.txt"]
    assert counts(tmp_path)["/redirect/self"] >= 20


@pytest.mark.parametrize("reader", READERS)
def test_both_exchanges_of_a_connection_that_died_are_kept(tmp_path, reader):
    """The site saw the request twice, so the file has it twice, once without an answer."""

    async def work(room: Room) -> None:
        await room.one(site.url("/page"))
        await room.one(site.url("/close-when-reused"))

    with Site() as site:
        run(site, tmp_path, work, limits=PATIENT)
        assert counts(tmp_path, reader) == served(site)
        both = held(tmp_path, reader)[site.url("/close-when-reused")]
        seen = [one for one in site.log if one.path == "/close-when-reused"]
    assert [one.block for one in both.requests] == [one.request for one in seen]
    assert [one.block for one in both.responses] == [seen[1].response]
    outcomes = [one.block.decode() for one in both.beside["known"]]
    assert "outcome: reset\r\n" in outcomes[0]
    assert "outcome: ok\r\n" in outcomes[1]


def test_closing_in_the_middle_loses_no_exchange(tmp_path):
    """What was under way when the worker ends is kept as far as it came."""
    paths = ["/cut/nothing-stall", "/cut/body-stall", "/cut/head-stall", "/cut/chunked-stall",
             "/not-http/stall", "/slow/for-ever", "/page"]  # fmt: skip

    async def work(room: Room) -> None:
        hosts = [f"http://n{number}.example:{site.port}" for number in range(len(paths))]
        urls = [host + path for host, path in zip(hosts, paths, strict=True)]
        tasks = [asyncio.create_task(room.one(url)) for url in urls]
        for path in paths:
            await asyncio.to_thread(site.wait_for, path)
        await room.fetcher.close()
        await asyncio.wait(tasks)
        for task in tasks:
            task.exception()

    with Site() as site:
        run(site, tmp_path, work, limits=PATIENT)
        assert counts(tmp_path) == served(site)
        assert set(served(site)) == set(paths)
        for uri, one in held(tmp_path, "warcio").items():
            log = next((each for each in site.log if uri.endswith(each.path)), None)
            if log is not None:
                answers = one.responses + one.beside.get("raw", [])
                assert log.response.startswith(b"".join(each.block for each in answers))


def test_closing_while_a_dead_connection_is_replaced_loses_no_exchange(tmp_path):
    """The first attempt was seen, so it is kept although the second was never made."""

    async def work(room: Room) -> None:
        url = f"http://n0.example:{site.port}"
        await room.one(url + "/page")
        task = asyncio.create_task(room.one(url + "/dies"))
        await asyncio.to_thread(site.wait_for, "/dies")
        await room.fetcher.close()
        await asyncio.wait([task])
        task.exception()

    with Site() as site:
        site.pages["/dies"] = lambda request: Behaviour(
            parts=tuple, end=End.CLOSE if request.number > 1 else End.STALL
        )
        run(site, tmp_path, work)
        assert counts(tmp_path) == served(site)


def test_ordinary_pages_in_numbers_are_all_there(tmp_path):
    """A thousand exchanges of eight hosts over kept connections: one request record each."""

    async def work(room: Room) -> None:
        hosts = [f"http://n{number}.example:{site.port}" for number in range(8)]
        await asyncio.gather(*(room.one(f"{hosts[n % 8]}/p/{n}") for n in range(1000)))

    with Site() as site:
        for number in range(1000):
            site.pages[f"/p/{number}"] = Page(200, {}, f"<p>{number}</p>")
        run(site, tmp_path, work, limits=PATIENT)
        assert counts(tmp_path) == served(site) == Counter(f"/p/{n}" for n in range(1000))
