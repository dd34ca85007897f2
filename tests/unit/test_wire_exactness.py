"""Every behaviour of the misbehaving site, over http and TLS: kept byte for byte, told rightly."""

import asyncio
import base64
import hashlib
from datetime import timedelta

import pytest
from behaviours import BEHAVIOURS
from server import Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, Limits, WireRequest
from storage.message import entity
from storage.model import Exchange

LIMITS = Limits(
    connect=timedelta(seconds=20),
    first_byte=timedelta(seconds=0.6),
    idle=timedelta(seconds=0.6),
    total=timedelta(seconds=1.6),
    head_bytes=64 * 1024,
    body_bytes=2 * 1024 * 1024,
    interim_bytes=8 * 1024,
    header_count=500,
)
CASES = [(path, tls) for tls in (False, True) for path in BEHAVIOURS]


@pytest.fixture(scope="module")
def told():
    """Fetch every behaviour once, over both, and return the exchanges with the site's log."""
    with Site() as site:
        exchanges = asyncio.run(_fetch_all(site))
        log = {entry.request: entry.response for entry in site.log}
    yield exchanges, log
    for exchange in exchanges.values():
        if exchange.answer is not None:
            exchange.answer.close()


async def _fetch_all(site: Site) -> dict[tuple[str, bool], Exchange]:
    client = Client(guard=AddressGuard([site.address, site.tls_address]), limits=LIMITS)
    try:
        found = await asyncio.gather(
            *(client.fetch(WireRequest(url=site.url(path, tls=tls))) for path, tls in CASES)
        )
    finally:
        await client.close()
    return dict(zip(CASES, found, strict=True))


@pytest.mark.parametrize(("path", "tls"), CASES)
def test_an_exchange_is_what_the_wire_carried(told, path, tls):
    """Request, interim answers, answer and surplus are together exactly what was sent."""
    exchanges, log = told
    behaviour, exchange = BEHAVIOURS[path], exchanges[path, tls]
    sent = log[exchange.request]
    answer = exchange.answer.read() if exchange.answer is not None else b""
    if exchange.answer is not None:
        exchange.answer.seek(0)
    got = exchange.interim + answer + exchange.surplus
    if behaviour.whole:
        assert got == sent
    else:
        assert sent.startswith(got)
        assert got
    assert (exchange.outcome, exchange.truncated) == (behaviour.outcome, behaviour.truncated)
    assert bool(exchange.reason) >= (exchange.truncated is not None)


@pytest.mark.parametrize(("path", "tls"), CASES)
def test_digests_and_lengths_are_those_of_the_bytes(told, path, tls):
    """Block and payload digests agree with a second look at the kept bytes."""
    exchange = told[0][path, tls]
    if exchange.answer is None:
        assert exchange.block_digest is None
        assert exchange.payload_digest is None
        return
    answer = exchange.answer.read()
    exchange.answer.seek(0)
    assert exchange.answer_bytes == len(answer)
    assert exchange.block_digest == _sha1(answer)
    assert exchange.head_bytes <= len(answer)
    if exchange.payload_digest is None:
        return
    body = b"".join(entity(exchange.answer))
    exchange.answer.seek(0)
    assert exchange.payload_bytes == len(body)
    assert exchange.payload_digest == _sha1(body)


@pytest.mark.parametrize("tls", [False, True])
def test_tls_is_recorded_where_it_was_spoken(told, tls):
    """Version, cipher and chain are kept, and that nobody vouches for the site is said."""
    exchange = told[0]["/page", tls]
    assert exchange.address == "127.0.0.1"
    assert exchange.started_at.tzinfo is not None
    if not tls:
        assert exchange.tls is None
        return
    assert exchange.tls is not None
    assert exchange.tls.version.startswith("TLSv1.")
    assert exchange.tls.cipher
    assert exchange.tls.chain[0].startswith(b"\x30")
    assert exchange.tls.fault == "the certificate is signed by itself"


def test_fields_are_read_from_odd_heads(told):
    """The header fields of an exchange are those a browser would see, in order and case."""
    exchanges = told[0]
    assert ("X-Folded", "one two three") in exchanges["/head/folded", False].headers
    assert [
        value
        for name, value in exchanges["/head/duplicates", False].headers
        if name.lower() == "set-cookie"
    ] == ["a=1", "b=2", "c"]
    assert exchanges["/status/451", False].status == 451
    assert exchanges["/not-http/ssh", False].status is None
    assert exchanges["/not-http/ssh", False].head_bytes == 0


def _sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()
