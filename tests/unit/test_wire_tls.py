"""TLS: what a handshake showed is recorded, and judged by the rules of the public web."""

import asyncio
import socket
import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from server import server_context

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, Limits, WireRequest
from crawler.fetch.wire.trust import Trust
from storage.model import Exchange, Outcome

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Authority:
    """A root, an intermediate under it, and the leaves they sign."""

    def __init__(self) -> None:
        self._root_key, self._key = ec.generate_private_key(ec.SECP256R1()), None
        self.root = self._sign("Test Root", self._root_key, "Test Root", self._root_key, ca=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.between = self._sign("Test CA", self._key, "Test Root", self._root_key, ca=True)

    def leaf(
        self, *names: str, start: timedelta = -DAY, end: timedelta = DAY
    ) -> tuple[bytes, bytes]:
        """Return chain and key as PEM for a server of these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._sign("leaf", key, "Test CA", self._key, names=names, start=start, end=end)
        chain = b"".join(
            one.public_bytes(serialization.Encoding.PEM) for one in (leaf, self.between)
        )
        return chain, key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def _sign(
        self, name, key, issuer, issuer_key, *, names=(), ca=False, start=-DAY, end=DAY
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + start - DAY)
            .not_valid_after(NOW + end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(_usage(ca=ca), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                critical=False,
            )
        )
        if names:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
            builder = builder.add_extension(_names(names), critical=False)
            builder = builder.add_extension(purpose, critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


def _names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [
            x509.IPAddress(ip_address(one)) if one[0].isdigit() else x509.DNSName(one)
            for one in names
        ]
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def look(chain: bytes, key: bytes, host: str, trust: Trust) -> Exchange:
    """Fetch from a server that shows this chain, under this host name."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with suppress(OSError):
            await reader.read()
        await part(writer)
        served.set()

    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    served = asyncio.Event()

    async def run() -> Exchange:
        context = server_context(chain, key)
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        guard = AddressGuard([f"127.0.0.1:{port}"])
        client = Client(guard=guard, limits=Limits(), resolver=loopback, trust=trust)
        try:
            return await client.fetch(WireRequest(url=f"https://{host}:{port}/"))
        finally:
            await client.close()
            server.close()
            await served.wait()

    return asyncio.run(run())


def trusted(authority: Authority) -> Trust:
    return Trust([authority.root.public_bytes(serialization.Encoding.DER)])


@pytest.mark.parametrize("host", ["news.example", "a.b.example.", "127.0.0.1"])
def test_a_chain_that_holds_has_no_fault(authority, host):
    """Root known, names right, dates right: nothing to note; the chain is kept leaf first."""
    chain, key = authority.leaf("news.example", "*.b.example", "127.0.0.1")
    exchange = look(chain, key, host, trusted(authority))
    assert exchange.outcome is Outcome.OK
    assert exchange.tls is not None
    assert exchange.tls.fault is None
    assert len(exchange.tls.chain) == 2
    assert exchange.tls.chain[1] == authority.between.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("host", "start", "end", "words"),
    [
        ("other.example", -DAY, DAY, "does not prove that this is other.example"),
        ("news.example", -DAY, -DAY / 2, "ran out on"),
        ("news.example", 2 * DAY, 3 * DAY, "valid only from"),
    ],
)
def test_a_chain_that_does_not_hold_is_kept_with_its_fault(authority, host, start, end, words):
    """The page is fetched all the same; why the certificate is not trusted stands beside it."""
    chain, key = authority.leaf("news.example", start=start, end=end)
    exchange = look(chain, key, host, trusted(authority))
    assert exchange.outcome is Outcome.OK
    assert words in exchange.tls.fault


def test_a_chain_to_an_unknown_root_is_a_fault(authority):
    """The roots of this machine do not know the test authority."""
    chain, key = authority.leaf("news.example")
    assert "does not prove" in look(chain, key, "news.example", Trust()).tls.fault


def test_no_certificate_and_no_roots_are_faults():
    """What cannot be judged is not called good."""
    assert "no certificate" in Trust([]).fault([], "a.example", now=NOW)
    assert "no certificate" in Trust([]).fault([b"junk"], "a.example", now=NOW)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "banner", [b"HTTP/1.1 200 OK\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28", b"", None]
)
def test_a_handshake_that_fails_is_an_outcome(banner, reset, loop):
    """Plain HTTP, an alert, a closed or reset connection where TLS was to be: ``tls`` and why."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if banner is not None:
            await reader.read(65536)
            writer.write(banner)
        if reset:
            linger = struct.pack("ii", 1, 0)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await part(writer)
        served.set()

    async def run() -> Exchange:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(guard=AddressGuard([f"127.0.0.1:{port}"]), limits=Limits())
        try:
            return await client.fetch(WireRequest(url=f"https://127.0.0.1:{port}/"))
        finally:
            await client.close()
            server.close()
            await served.wait()

    served = asyncio.Event()
    with asyncio.Runner(loop_factory=loop) as runner:
        exchange = runner.run(run())
    if exchange.outcome is Outcome.RESET and banner is None and reset:
        # It was gone before the handshake could begin.
        assert exchange.reason.startswith("127.0.0.1:")
    else:
        assert exchange.outcome is Outcome.TLS
        assert exchange.reason.startswith("no TLS with 127.0.0.1:")
    assert exchange.request == b""
    assert exchange.address == "127.0.0.1"


async def part(writer: asyncio.StreamWriter) -> None:
    """Close, and return when the socket is closed: an open one would be found by another test."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def test_only_http_1_1_is_offered():
    """A server that would rather speak HTTP/2 is never asked to."""
    chosen = []
    context = server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await part(writer)
        served.set()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        client = Client(guard=AddressGuard([f"127.0.0.1:{port}"]), limits=Limits())
        await client.fetch(WireRequest(url=f"https://127.0.0.1:{port}/"))
        await client.close()
        server.close()
        await served.wait()

    served = asyncio.Event()
    asyncio.run(run())
    assert chosen == ["http/1.1"]
