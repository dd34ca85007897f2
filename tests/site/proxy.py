"""A small HTTP proxy on the loopback that opens tunnels (CONNECT), or misbehaves on demand."""

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from server import end_all

HOST = "127.0.0.1"


class TunnelProxy:
    """The proxy, in a thread of its own: ``with TunnelProxy() as proxy: proxy.address``.

    ``login`` is ``user:password`` that it asks for. ``answer`` makes what it says instead of
    opening a tunnel, from the target that was asked for; None opens it, ``b""`` says nothing.
    ``asked`` are the heads of all requests as they came.
    """

    def __init__(
        self, *, login: str = "", answer: Callable[[str], bytes | None] = lambda target: None
    ) -> None:
        self.asked: list[bytes] = []
        self.port = 0
        self.was_asked = threading.Event()
        self._login = login
        self._answer = answer
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._tunnels: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def address(self) -> str:
        """Address and port."""
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a configuration names it, login included."""
        login = f"{self._login}@" if self._login else ""
        return f"http://{login}{self.address}"

    @property
    def targets(self) -> list[str]:
        """What tunnels were asked for."""
        return [head.split(b" ")[1].decode() for head in self.asked]

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await end_all(self._tunnels, server)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tunnels.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve_one(reader, writer)
        writer.transport.abort()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()
        self._tunnels.discard(task)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        self.was_asked.set()
        target = head.split(b" ")[1].decode()
        wanted = f"Proxy-Authorization: Basic {b64encode(self._login.encode()).decode()}\r\n"
        said = self._answer(target)
        if self._login and wanted.encode() not in head:
            said = (
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"
            )
        if said is None:
            await self._tunnel(target, reader, writer)
            return
        writer.write(said)
        await writer.drain()
        if not said:
            await reader.read()  # silent until the client goes

    async def _tunnel(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = target.rpartition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: small\r\n\r\n")
        try:
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
        finally:
            far_writer.transport.abort()
            with suppress(OSError):
                await far_writer.wait_closed()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with suppress(OSError, NotImplementedError):  # TLS cannot be half closed
        writer.write_eof()
