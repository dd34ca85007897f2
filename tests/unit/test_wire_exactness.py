"""Every behaviour of the misbehaving site, over http and TLS: kept byte for byte, told rightly."""

import asyncio
import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import uvloop
from behaviours import ASKED_OTHERWISE, BEHAVIOURS
from server import Site

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, Limits, WireRequest
from storage.message import entity
from storage.model import Exchange

LIMITS = Limits(
    connect=timedelta(seconds=20),
    first_byte=timedelta(seconds=0.8),
    idle=timedelta(seconds=0.8),
    total=timedelta(seconds=20),
    head_bytes=64 * 1024,
    body_bytes=2 * 1024 * 1024,
    interim_bytes=8 * 1024,
    header_count=500,
)
IN_MEMORY_BYTES = 2**20
"""The digest of so short a block is made where it is written, if at all."""
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
HASTY = replace(LIMITS, total=timedelta(seconds=1.3))
"""For what never ends and never pauses; the others get the time that a busy machine needs."""
EVERY = BEHAVIOURS | ASKED_OTHERWISE
WAYS = [(tls, loop) for tls in (False, True) for loop in LOOPS]
Told = dict[tuple[str, bool, str], Exchange]


@pytest.fixture(scope="module")
def told():
    """Fetch every behaviour over http and TLS, on both event loops, all at the same time."""
    for behaviour in BEHAVIOURS.values():
        next(iter(behaviour.parts()), None)  # bombs are made beforehand, not on the site's time
    with Site() as site, ThreadPoolExecutor() as threads:
        runs = [threads.submit(_fetch_all, site, loop) for loop in LOOPS]
        exchanges = {case: one for run in runs for case, one in run.result().items()}
        log = {entry.request: entry.response for entry in site.log}
    yield exchanges, log
    for exchange in exchanges.values():
        if exchange.answer is not None:
            exchange.answer.close()


def _fetch_all(site: Site, loop: str) -> Told:
    async def run() -> Told:
        guard = AddressGuard([site.address, site.tls_address])
        client, hasty = (Client(guard=guard, limits=limits) for limits in (LIMITS, HASTY))
        agent = ((b"User-Agent", loop.encode()),)
        try:
            cases = [(path, tls) for tls in (False, True) for path in EVERY]
            requests = [
                WireRequest(url=site.url(path, tls=tls), method=EVERY[path].method, headers=agent)
                for path, tls in cases
            ]
            found = await asyncio.gather(
                *(
                    (hasty if path == "/slow/for-ever" else client).fetch(request)
                    for (path, _), request in zip(cases, requests, strict=True)
                )
            )
        finally:
            await client.close()
            await hasty.close()
        return {(*case, loop): one for case, one in zip(cases, found, strict=True)}

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(run())


@pytest.mark.parametrize("path", EVERY)
def test_an_exchange_is_what_the_wire_carried(told, path):
    """Request, interim answers, answer and surplus are together exactly what was sent."""
    exchanges, log = told
    behaviour = EVERY[path]
    for way in WAYS:
        exchange = exchanges[path, *way]
        sent = log[exchange.request]
        got = exchange.interim + _bytes(exchange) + exchange.surplus
        if behaviour.whole:
            assert got == sent, way
        else:
            assert sent.startswith(got), way
            assert got, way
        told_as = (exchange.outcome, exchange.truncated)
        assert told_as == (behaviour.outcome, behaviour.truncated), (way, exchange.reason)
        if exchange.truncated is not None:
            assert exchange.reason, way


def test_digests_and_lengths_are_those_of_the_bytes(told):
    """Block and payload digests agree with a second look at the kept bytes."""
    assert [case for case, one in told[0].items() if _misjudged(one)] == []


def _misjudged(exchange: Exchange) -> bool:
    """Tell whether a length or digest of an exchange is not that of its bytes."""
    if exchange.answer is None:
        return (exchange.block_digest, exchange.payload_digest) != (None, None)
    answer = _bytes(exchange)
    if not exchange.answer_bytes == len(answer) >= exchange.head_bytes:
        return True
    if exchange.block_digest != (_sha1(answer) if len(answer) > IN_MEMORY_BYTES else None):
        return True
    if exchange.payload_digest is None:
        return False
    body = b"".join(entity(io.BytesIO(answer)))
    return (exchange.payload_bytes, exchange.payload_digest) != (len(body), _sha1(body))


@pytest.mark.parametrize("tls", [False, True])
def test_tls_is_recorded_where_it_was_spoken(told, tls):
    """Version, cipher and chain are kept, and that nobody vouches for the site is said."""
    exchange = told[0]["/page", tls, "asyncio"]
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
    exchanges = {path: one for (path, tls, loop), one in told[0].items() if not tls}
    assert ("X-Folded", "one two three") in exchanges["/head/folded"].headers
    assert [
        value
        for name, value in exchanges["/head/duplicates"].headers
        if name.lower() == "set-cookie"
    ] == ["a=1", "b=2", "c"]
    assert exchanges["/status/451"].status == 451
    assert exchanges["/not-http/ssh"].status is None
    assert exchanges["/not-http/ssh"].head_bytes == 0


def _bytes(exchange: Exchange) -> bytes:
    if exchange.answer is None:
        return b""
    exchange.answer.seek(0)
    return exchange.answer.read()


def _sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()
