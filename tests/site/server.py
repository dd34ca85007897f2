"""The misbehaving site: a real server on the loopback, over http and TLS, that lies on demand.

Run it by hand to point a crawl at it: ``python tests/site/server.py [--port N] [--tls-port N]``.
"""

import argparse
import asyncio
import html
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from behaviours import ASKED_OTHERWISE, BEHAVIOURS, Behaviour, End, Pause
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    """The request target, query included."""
    headers: Mapping[str, str]
    """Names in lower case; of several fields of one name the last."""
    body: bytes
    raw: bytes
    number: int
    """Place among the requests of its connection, from 1."""


@dataclass(frozen=True, slots=True)
class Page:
    """An ordinary answer; Content-Type and Content-Length are added where they are missing."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | str = b""

    def render(self, *, with_body: bool = True) -> bytes:
        """Return the bytes of the answer."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        given = {name.lower() for name in self.headers}
        lines = [f"HTTP/1.1 {self.status} {'OK' if self.status == 200 else 'Status'}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if "content-type" not in given:
            lines.append("Content-Type: text/html; charset=utf-8")
        if "content-length" not in given and self.status != 304:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head + body if with_body else head


Answerer = Callable[[Request], "Page | Behaviour | bytes"]


class Logged(NamedTuple):
    """One request as it came, and the bytes that were sent for it."""

    path: str
    request: bytes
    response: bytes


@dataclass(slots=True)
class _Entry:
    path: str
    request: bytes
    response: bytearray = field(default_factory=bytearray)


class Site:
    """The site, in a thread of its own: ``with Site() as site: site.url("/page")``.

    ``pages`` maps paths to what is answered there: a Page, a Behaviour, raw bytes, or a function
    of the Request that returns one of them. They come before the behaviours of the table.
    ``robots`` is the text of robots.txt, a Page or Behaviour for it, or None for 404.
    """

    def __init__(self, *, port: int = 0, tls_port: int = 0) -> None:
        self.pages: dict[str, Page | Behaviour | bytes | Answerer] = {}
        self.robots: str | Page | Behaviour | bytes | None = None
        self.port = port
        self.tls_port = tls_port
        self._log: list[_Entry] = []
        self._asked = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="site", daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def address(self) -> str:
        """Address and port, as an exception of the address guard."""
        return f"{HOST}:{self.port}"

    @property
    def tls_address(self) -> str:
        """Address and TLS port."""
        return f"{HOST}:{self.tls_port}"

    @property
    def log(self) -> list[Logged]:
        """What was asked and answered so far, in the order it was asked."""
        return [Logged(one.path, one.request, bytes(one.response)) for one in list(self._log)]

    def url(self, path: str = "/", *, tls: bool = False) -> str:
        """Return the URL of a path of this site."""
        return f"https://{self.tls_address}{path}" if tls else f"http://{self.address}{path}"

    def requests(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(one.path == path for one in list(self._log))

    def wait_for(self, path: str, number: int = 1, *, seconds: float = 30) -> None:
        """Return when a path was asked for so many times; TimeoutError if that never comes."""
        with self._asked:
            if not self._asked.wait_for(lambda: self.requests(path) >= number, seconds):
                raise TimeoutError(f"{path} was asked for {self.requests(path)} times")

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the starting thread
            self._failure = error
            self._ready.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        plain = await asyncio.start_server(self._accept, HOST, self.port)
        secure = await asyncio.start_server(self._accept, HOST, self.tls_port, ssl=server_context())
        self.port = plain.sockets[0].getsockname()[1]
        self.tls_port = secure.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            await end_all(self._connections, plain, secure)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        end = End.RESET
        try:
            end = await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client went, or talks too much
        except asyncio.CancelledError:
            pass  # the site closes
        try:
            _part(writer, end)
            # To the end: a socket left open would be found, and blamed on, a test much later.
            await writer.wait_closed()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> End:
        number = 0
        while True:
            number += 1
            request = await _read_request(reader, number)
            if request is None:
                return End.CLOSE
            entry = _Entry(request.path, request.raw)
            with self._asked:
                self._log.append(entry)
                self._asked.notify_all()
            end = await self._answer(request, entry, writer)
            if end is End.STALL:
                await reader.read()
                return End.CLOSE
            if end is not End.KEEP:
                return end

    async def _answer(self, request: Request, entry: _Entry, writer: asyncio.StreamWriter) -> End:
        what = self._find(request)
        if isinstance(what, Page):
            what = what.render(with_body=request.method != "HEAD")
        if isinstance(what, bytes):
            what = Behaviour(parts=lambda answer=what: [answer])
        for part in what.parts():
            if isinstance(part, Pause):
                await asyncio.sleep(part.seconds)
                continue
            entry.response += part
            writer.write(part)
            await writer.drain()
            # Give the reading side a chance to see this part alone.
            await asyncio.sleep(0)
        return what.end

    def _find(self, request: Request) -> Page | Behaviour | bytes:
        bare = request.path.partition("?")[0]
        for path in (request.path, bare):
            found = self.pages.get(path)
            if found is not None:
                return found(request) if callable(found) else found
        if bare == "/robots.txt" and self.robots is not None:
            if isinstance(self.robots, str):
                return Page(200, {"Content-Type": "text/plain"}, self.robots)
            return self.robots
        if bare == "/close-when-reused":
            return CLOSED if request.number > 1 else Page(200, {}, "<p>fresh</p>")
        if bare in BEHAVIOURS:
            return BEHAVIOURS[bare]
        if bare in ASKED_OTHERWISE:
            return ASKED_OTHERWISE[bare]
        if bare == "/":
            return Page(200, {}, _index())
        return Page(404, {}, "<h1>Nothing here</h1>")


CLOSED = Behaviour(parts=tuple, end=End.CLOSE, outcome="reset")


def _index() -> str:
    links = "".join(
        f'<li><a href="{html.escape(path)}">{html.escape(path)}</a>' for path in BEHAVIOURS
    )
    return f"<!doctype html><title>The misbehaving site</title><ul>{links}</ul>"


async def _read_request(reader: asyncio.StreamReader, number: int) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.partition(":") for line in lines if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, head + body, number)


async def end_all(connections: set[asyncio.Task[None]], *servers: asyncio.Server) -> None:
    """Close servers and their connections, and see every socket closed."""
    # What waits to be accepted is accepted first, and gets its task some turns of the loop later:
    # a server that is closed in between leaves the socket open, to be blamed on another test.
    for _ in range(8):
        await asyncio.sleep(0)
    for server in servers:
        server.close()
    for task in connections:
        task.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
    await asyncio.sleep(0)  # an aborted socket is closed by the next turn


def _part(writer: asyncio.StreamWriter, end: End) -> None:
    if end not in (End.RESET, End.DROP):
        writer.close()
        return
    sock = writer.get_extra_info("socket")
    if end is End.RESET and sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@cache
def certificate() -> tuple[bytes, bytes]:
    """Return a self-signed certificate for the loopback and its key, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "misbehaving.example")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ip_address(HOST))]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return signed.public_bytes(serialization.Encoding.PEM), private


def server_context(chain: bytes | None = None, key: bytes | None = None) -> ssl.SSLContext:
    """Return a context that shows the given chain, or the site's own certificate."""
    own, own_key = certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes((chain or own) + (key or own_key))
        context.load_cert_chain(file.name)
    return context


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--tls-port", type=int, default=0)
    options = parser.parse_args()
    with Site(port=options.port, tls_port=options.tls_port) as site:
        ways = f"{len(BEHAVIOURS)} ways to misbehave"
        print(f"{site.url()} and {site.url(tls=True)}: {ways}", flush=True)  # noqa: T201
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)


if __name__ == "__main__":
    main()
