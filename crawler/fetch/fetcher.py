"""The one way to the wire: guard, robots, pace, exchange, record — for every lane alike."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit
from weakref import WeakValueDictionary

from crawler.fetch import robots
from crawler.fetch.guard import refused_url
from crawler.fetch.keeper import Asked, Keeper, is_appended_at_once
from crawler.fetch.pace import Pace, PaceOverError, retry_after
from crawler.fetch.ticket import Ticket, blocked
from crawler.fetch.wire import Client, WireRequest
from crawler.memory import cut_after_tags
from spiders.address import absolute
from spiders.reading.listings import LISTINGS, SITEMAPS, xml_root
from storage.host import host_of
from storage.message import codings_of, decode, entity, first_of, transfer_of
from storage.model import ANSWERED, Capture, Exchange, Outcome, Robots, Role, Site

MOST_HOPS = 20
LONGEST_REST_FOR_A_PAGE = timedelta(seconds=15)
MOST_ROBOTS_HOPS = 5
"""RFC 9309 §2.3.1.2 asks for at least five."""
LARGEST_PAGE_BYTES = 2 * 1024 * 1024
"""Decoded bytes of a page given to spiders; the record keeps all that came."""
LARGEST_SITEMAP_BYTES = 50 * 1024 * 1024
"""What the sitemaps.org protocol allows one, unpacked."""
LARGE_BYTES = 256 * 1024
"""Only one page as large as this is read at a time: its tree, and a hundred thousand findings, take
fifty times as much."""
MOST_TAGS = 200_000
"""Tags of a page given to spiders, or what looks like one: a tree takes 130 bytes for each. Long
listings have some ten thousand."""
NOT_ASKED_LINE = b"asked: no\r\n"
"""Says in a metadata record that there was no exchange."""
TEXT_TYPES = ("text/", "xml", "json", "html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One exchange that was made and kept: its row, its head, its decoded body for readers.

    A page that the spider has read before (``Ticket.has_read``) comes without body.
    """

    capture: Capture
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    version: str = ""
    took: timedelta = timedelta()
    certificate: bytes | None = None
    """The server's own certificate in DER, where TLS was spoken."""


class Fetcher:
    """Make exchanges for visits, in the pace of their hosts, and keep every one of them."""

    def __init__(
        self, *, client: Client, keeper: Keeper, pace: Pace, agent: str, product: str
    ) -> None:
        self._client = client
        self._keeper = keeper
        self._pace = pace
        self._product = product
        self._over = False
        self._headers = (
            (b"User-Agent", agent.encode("latin-1", "replace")),
            (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
            (b"Connection", b"keep-alive"),
        )
        self._rules = robots.KnownRules()
        # A lock lives as long as somebody holds it or waits for it.
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._large = asyncio.Semaphore(1)

    async def page(self, ticket: Ticket) -> Fetched:
        """Fetch the target of a visit and follow its redirects; return the last hop.

        Every hop is guarded, asked of robots.txt, paced and kept like the first.
        """
        url = ticket.target.url
        roles = (Role.TARGET, Role.REDIRECT)
        fetched = await self._followed(ticket, url, roles=roles, via=ticket.found_on)
        if fetched.capture.location is not None:
            ticket.reason = f"more than {MOST_HOPS} redirects"
        return fetched

    async def requisite(self, ticket: Ticket, url: str, *, via: str) -> Fetched:
        """Fetch something a page needs, redirects included, and keep it; return the last hop.

        ``body`` is decoded where it is text: a style sheet or a frame has requisites of its own.
        """
        return await self._followed(ticket, url, roles=(Role.REQUISITE, Role.REQUISITE), via=via)

    async def _followed(
        self, ticket: Ticket, url: str, *, roles: tuple[Role, Role], via: str | None
    ) -> Fetched:
        """Fetch an address and what it leads to; ``roles`` are of the first and further hops."""
        first, further = roles
        fetched = await self.one(ticket, url, role=first, hop=0, via=via)
        for hop in range(1, MOST_HOPS + 1):
            if fetched.capture.location is None:
                break
            url, via = fetched.capture.location, url
            fetched = await self.one(ticket, url, role=further, hop=hop, via=via)
        return fetched

    async def one(
        self, ticket: Ticket, url: str, *, role: Role, hop: int, via: str | None
    ) -> Fetched:
        """Make one exchange, or say why it is not made; either way the ticket has its row."""
        refusal = await self._refusal(ticket, url)
        if refusal is not None:
            row = blocked(url, *refusal, role=role, hop=hop)
            self._note(ticket, row, via=via)
            return Fetched(capture=row)
        return await self._exchange(ticket, url, role=role, hop=hop, via=via)

    def wait_of(self, host: str) -> timedelta:
        """Return how long a host is still to be left alone after its last exchange."""
        return self._pace.wait_of(host)

    async def close(self) -> None:
        """Ask no host any more and close the connections; exchanges under way are cut and kept."""
        self._over = True
        self._pace.close()
        await self._client.close()

    async def rules(self, ticket: Ticket, url: str) -> robots.Rules:
        """Return what robots.txt of the URL's origin says, fetched and kept when it is not known.

        Scheme and port count (RFC 9309 §2.3): that of http says nothing about https.
        """
        origin = origin_of(url)
        clock = asyncio.get_running_loop().time
        known = self._rules.get(origin, now=clock())
        if known is not None:
            return known
        async with self._asking.setdefault(origin, asyncio.Lock()):
            known = self._rules.get(origin, now=clock())  # another visit may have asked meanwhile
            if known is not None:
                return known
            rules = await self._fetch_rules(ticket, urljoin(url, "/robots.txt"))
            return self._rules.put(origin, rules, now=clock())

    async def _refusal(self, ticket: Ticket, url: str) -> tuple[Outcome, str] | None:
        if (reason := refused_url(url)) is not None:
            return Outcome.BLOCKED_ADDRESS, reason
        if ticket.robots is Robots.IGNORE:
            return None
        refusal = (await self.rules(ticket, url)).refusal(url)
        return refusal if ticket.robots is Robots.OBEY else None

    async def _fetch_rules(self, ticket: Ticket, url: str) -> robots.Rules:
        via = None
        for hop in range(MOST_ROBOTS_HOPS + 1):
            if (reason := refused_url(url)) is not None:
                refused = Outcome.BLOCKED_ADDRESS
                row = blocked(url, refused, reason, role=Role.ROBOTS, hop=hop)
                self._note(ticket, row, via=via)
                return robots.Unreachable(refused, reason)
            fetched = await self._exchange(ticket, url, role=Role.ROBOTS, hop=hop, via=via)
            location = fetched.capture.location
            if location is None:
                return await self._read_rules(fetched)
            url, via = location, url
        return robots.Open()

    async def _read_rules(self, fetched: Fetched) -> robots.Rules:
        match fetched.capture.outcome:
            case Outcome.OK | Outcome.TRUNCATED | Outcome.TOO_LARGE if fetched.body:
                return await asyncio.to_thread(
                    robots.read_rules, fetched.body, agent=self._product, url=fetched.capture.url
                )
            case Outcome.CLIENT_ERROR if fetched.capture.status == 429:
                # RFC 9309 §2.3.1.3 would let us in; a host that says "too many" says it of all.
                return robots.Unreachable(Outcome.SERVER_ERROR, "the host answers 429")
            case Outcome.OK | Outcome.CLIENT_ERROR | Outcome.REDIRECT | Outcome.NOT_MODIFIED:
                return robots.Open()
            case outcome:
                status = fetched.capture.status
                reason = fetched.capture.reason or f"the host answers {status}"
                return robots.Unreachable(outcome, reason)

    async def _exchange(
        self, ticket: Ticket, url: str, *, role: Role, hop: int, via: str | None
    ) -> Fetched:
        host = host_of(url)
        condition = ticket.conditions.get(url)
        headers = self._headers if condition is None else (*self._headers, *condition.headers)
        asked = Asked(
            role=role,
            via=via,
            hops=hops_from_seed(role, hop),
            site=ticket.site.name,
            condition=condition.original if condition is not None else None,
            visit=ticket.own_lines if role is Role.TARGET else ticket.other_lines,
        )
        async with self._pace.turn(host, delay=self._delay(ticket.site, url)):
            exchange = await self._client.fetch(
                WireRequest(url=url, headers=headers),
                abandoned=lambda cut: self._keep_abandoned(cut, asked),
            )
        not_ours = condition is not None and not condition.is_met_by(exchange.headers)
        if exchange.outcome is Outcome.NOT_MODIFIED and not_ours:
            # It speaks of a page that we do not have: kept as what came, and asked for again whole.
            del ticket.conditions[url]
            self._keep(ticket, exchange, replace(asked, condition=None), hop=hop)
            let_go(exchange)
            return await self._exchange(ticket, url, role=role, hop=hop, via=via)
        return await self._taken(ticket, exchange, asked, hop=hop)

    async def _taken(
        self, ticket: Ticket, exchange: Exchange, asked: Asked, *, hop: int
    ) -> Fetched:
        """Keep an exchange that was made, and read what there is to be read in it."""
        was_cut = self._over and exchange.outcome not in ANSWERED
        try:
            try:
                await self._keeper.prepare(exchange)
            finally:
                # Kept before anything is read out of it, and whoever gave it up meanwhile.
                row = self._keep(ticket, exchange, asked, hop=hop)
            if was_cut:
                raise PaceOverError(f"the worker ends, {row.url} is visited again")
            self._obey_retry_after(host_of(row.url), exchange)
            is_page = asked.role in (Role.TARGET, Role.REDIRECT)
            if is_page:
                ticket.page_name = _page_name(ticket, row, exchange)
            to_be_read = row.location is None and not (is_page and ticket.was_read)
            body = await self._body(ticket, exchange, asked.role) if to_be_read else b""
        finally:
            let_go(exchange)
        chain = exchange.tls.chain if exchange.tls is not None else ()
        return Fetched(
            capture=row,
            headers=exchange.headers,
            body=body,
            version=exchange.version,
            took=exchange.took,
            certificate=next(iter(chain), None),
        )

    def _keep(self, ticket: Ticket, exchange: Exchange, asked: Asked, *, hop: int) -> Capture:
        """Append an exchange and what was tried before it, and return its row."""
        # An attempt on a kept connection that had died comes first: it may have been seen.
        made = (*exchange.earlier, exchange)
        rows = [row_of(one, asked, hop) for one in made]
        for one, row in zip(made, rows, strict=True):
            ticket.keeps(row, self._keeper.append(one, asked), took=one.took)
        return rows[-1]

    def _note(self, ticket: Ticket, row: Capture, *, via: str | None) -> None:
        """Take the row of what was not asked for; a metadata record says so too.

        So that the row can be made again from the WARC files.
        """
        unmade = Exchange(
            url=row.url,
            method="GET",
            started_at=row.captured_at,
            took=timedelta(),
            outcome=row.outcome,
            reason=row.reason,
            request=b"",
        )
        lines = ticket.own_lines if row.role is Role.TARGET else ticket.other_lines
        asked = Asked(
            role=row.role,
            via=via,
            hops=hops_from_seed(row.role, row.hop),
            site=ticket.site.name,
            visit=lines + NOT_ASKED_LINE,
        )
        ticket.notes(row, self._keeper.append(unmade, asked))

    def _keep_abandoned(self, exchange: Exchange, asked: Asked) -> None:
        """Keep what came of an exchange nobody waits for any more, such as of a lost claim.

        The server saw it, so it has its records. It has no row: its target is visited again. A 304
        is kept as what came, because nobody looks any more whether it speaks of what we have.
        """
        place = self._keeper.append(exchange, replace(asked, condition=None, visit=b""))
        self._keeper.flush()
        let_go(exchange)
        place.made()

    def _obey_retry_after(self, host: str, exchange: Exchange) -> None:
        """Leave a host alone that asks for it (RFC 9110 §10.2.3).

        429 speaks of us, and counts for the host as long as it says; 503 speaks of a page that is
        not ready: that one waits as long as it says (``ledger``), its host a few seconds at most.
        """
        if exchange.status not in (429, 503):
            return
        asked = retry_after(exchange.headers, now=datetime.now(UTC))
        if asked is not None and exchange.status == 429:
            self._pace.hold_off(host, asked)
        elif asked is not None:
            self._pace.hold_off(host, min(asked, LONGEST_REST_FOR_A_PAGE))

    async def _body(self, ticket: Ticket, exchange: Exchange, role: Role) -> bytes:
        """Return what there is to read of an answer; a large page waits until it is alone."""
        if role is Role.ROBOTS:
            return decoded(exchange, limit_bytes=robots.LARGEST_BYTES)
        if role is Role.REQUISITE:
            return cut_after_tags(readable_body(exchange), MOST_TAGS)
        body = readable_body(exchange, limit_bytes=LARGE_BYTES)
        if len(body) < LARGE_BYTES:
            return body
        await self._large.acquire()
        ticket.written.add_done_callback(lambda _: self._large.release())
        if xml_root(body) in SITEMAPS:
            self._keeper.flush()  # two must not read one file at a time
            return await asyncio.to_thread(decoded, exchange, limit_bytes=LARGEST_SITEMAP_BYTES)
        return cut_after_tags(readable_body(exchange), MOST_TAGS)

    def _delay(self, site: Site, url: str) -> timedelta:
        known = self._rules.get(origin_of(url), now=asyncio.get_running_loop().time())
        return max(site.delay, known.delay()) if known is not None else site.delay


def let_go(exchange: Exchange) -> None:
    """Close what an exchange holds on the disk; its smaller answers may wait to be appended."""
    for one in (*exchange.earlier, exchange):
        if one.answer is not None and is_appended_at_once(one):
            one.answer.close()


def _page_name(ticket: Ticket, row: Capture, exchange: Exchange) -> str | None:
    """Return the name of what a spider is given to read; None where it is given nothing whole."""
    if row.outcome not in ANSWERED or row.location is not None:
        return None
    fields = exchange.headers
    if row.outcome is Outcome.NOT_MODIFIED:
        condition = ticket.conditions.get(row.url)
        if condition is None or row.refers_to is None:
            return None
        fields = condition.fields  # those of a 304 need not say what it stands for
    return ticket.name_of(row.url, row.payload_digest, fields)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address that can be a target, in one form."""
    return f"{url.partition(':')[0].lower()}://{host_of(url)}"


def hops_from_seed(role: Role, hop: int) -> str:
    """Return the way from the target to an exchange, a letter a step, as crawlers write it.

    ``E`` is something embedded, ``P`` a prerequisite such as robots.txt, ``R`` a redirect.
    """
    return {Role.REQUISITE: "E", Role.ROBOTS: "P"}.get(role, "") + "R" * hop


def row_of(exchange: Exchange, asked: Asked, hop: int) -> Capture:
    """Return the row of an exchange whose records are still to be written.

    A 304 stands for the payload of the record it was asked about, and has the digest of that.
    """
    unchanged = asked.condition if exchange.outcome is Outcome.NOT_MODIFIED else None
    return Capture(
        url=exchange.url,
        role=asked.role,
        hop=hop,
        captured_at=exchange.started_at,
        outcome=exchange.outcome,
        reason=exchange.reason,
        status=exchange.status,
        content_type=first_of(exchange.headers, "content-type"),
        location=redirect_location(exchange),
        address=exchange.address,
        refers_to=unchanged.record_id if unchanged is not None else None,
        transfer=transfer_of(exchange.headers),
        payload_digest=(unchanged or exchange).payload_digest,
        payload_bytes=exchange.payload_bytes,
        truncated=exchange.truncated,
    )


def redirect_location(exchange: Exchange) -> str | None:
    """Return the absolute address a redirect points to, without fragment; None if there is none."""
    if exchange.outcome is not Outcome.REDIRECT:
        return None
    return location_of(exchange.url, exchange.headers)


def location_of(url: str, headers: Sequence[tuple[str, str]]) -> str | None:
    """Return the absolute address that the fields of a redirect point to, or None."""
    location = first_of(headers, "location")
    if not location:
        return None
    try:
        # Servers send raw UTF-8 here although fields are latin-1 (RFC 9110 §5.5).
        text = location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        text = location
    return absolute(url, text)


def readable_body(exchange: Exchange, *, limit_bytes: int = LARGEST_PAGE_BYTES) -> bytes:
    """Return the decoded start of a text answer; nothing of images and the like.

    Sitemaps and feeds are read as well where they are gzip files, by name or by type.
    """
    kind = (first_of(exchange.headers, "content-type") or "text/html").lower()
    if any(part in kind for part in TEXT_TYPES):
        return decoded(exchange, limit_bytes=limit_bytes)
    if not packed(exchange):
        return b""
    body = decoded(exchange, limit_bytes=limit_bytes)
    return body if xml_root(body) in LISTINGS else b""


def decoded(exchange: Exchange, *, limit_bytes: int) -> bytes:
    """Return the body of an answer without its codings, and unpacked if it is a gzip file."""
    if exchange.answer is None or not exchange.head_bytes:
        return b""
    codings = codings_of(exchange.headers)
    if packed(exchange):
        # Applied first; many servers call the file a coding instead, which then finds none left.
        codings = ("gzip", *codings)
    exchange.answer.seek(0)
    return decode(entity(exchange.answer), codings, limit_bytes=limit_bytes)


def packed(exchange: Exchange) -> bool:
    """Say whether an answer is a gzip file, by its name or its type."""
    kind = (first_of(exchange.headers, "content-type") or "").lower()
    return "gzip" in kind or urlsplit(exchange.url).path.lower().endswith(".gz")
