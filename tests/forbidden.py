"""A place nobody may reach, the ways to write its address, and a listener that counts who comes."""

import socket
import socketserver
import threading
from types import TracebackType
from typing import Self

WRITTEN = (
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "017700000001",
    "0177.0.0.01",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "[::1]",
    "[0:0::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::1]",
    "169.254.169.254",
    "10.0.0.5",
    "[fd00::5]",
    "localhost",
    "LocalHost",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "\u2460\u2461\u2466.0.0.1",
)
"""Hosts that stand for this machine or one beside it, each as an address a URL may have."""

IMPOSSIBLE = (
    "http://user@127.0.0.1{port}/",
    "http://paper.example:word@127.0.0.1{port}/",
    "http://127.0.0.1{port}\\@paper.example/",
    "http://127.0.0.1{port}\\/",
    "http://%31%32%37.0.0.1{port}/",
    "http://127.0.0.1%00{port}/",
    "http://127.0.0.1%2f{port}/",
    "http://[::1%25lo]{port}/",
    "http://[::1]x{port}/",
    "http://127.0.0.1 {port}/",
    "http://127.\t0.0.1{port}/",
    "http://127.0.0.1{port}/\r\nX: y",
    "http://1.2.3.4.127.0.0.1{port}/",
    "ftp://127.0.0.1{port}/",
    "file:///etc/hostname",
    "gopher://127.0.0.1{port}/_x",
)
"""Addresses that can be no target, with a place for the port."""


def urls(port: str) -> list[str]:
    """Return every address that is written in a way a URL may have; ``port`` begins with a colon.

    The path tells one from the other.
    """
    return [f"http://{host}{port}/in/{number}" for number, host in enumerate(WRITTEN)]


class Forbidden:
    """A listener on every address of this machine, and the count of connections it took."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        """Local addresses of the connections that came."""
        self._server = _Server(("::", 0) if _Server.dual() else ("0.0.0.0", 0), _Handler)
        self._server.forbidden = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    daemon_threads = True
    forbidden: Forbidden

    @classmethod
    def dual(cls) -> bool:
        """Say whether it listens on both kinds of addresses."""
        return cls.address_family == socket.AF_INET6

    def server_bind(self) -> None:
        """Take both kinds of addresses, where there are both."""
        if self.dual():
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Count, then answer: what is let through must be seen to have been."""
        self.server.forbidden.reached.append(str(self.connection.getsockname()[0]))
        while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")
