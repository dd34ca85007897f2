"""Serve large pages of noise, each another one, and remember what was sent; for the crash tests."""

import base64
import hashlib
import random
import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

_POOL_BYTES = 8 << 20
_PIECE_BYTES = 1 << 16
_TYPE = "application/octet-stream"


class Pages:
    """A site on several loopback addresses: every path answers with noise that never comes again.

    ``sizes`` are the least and the most bytes of a page. ``written`` gives a page of text instead.
    """

    def __init__(
        self,
        seed: int,
        *,
        hosts: int = 1,
        sizes: tuple[int, int] = (400, 800),
        written: Callable[[str], bytes] | None = None,
    ) -> None:
        self._written = written
        self._random = random.Random(seed)
        self._pool = memoryview(self._random.randbytes(_POOL_BYTES))
        self._sizes = sizes
        self._count = 0
        self._changed = threading.Condition()
        self._listeners: list[socket.socket] = []
        self._ended = False
        self.sent_bytes = 0
        self.asked = 0
        """Requests for pages."""
        self.digests: dict[str, set[str]] = defaultdict(set)
        """Payload digests of all that was ever begun to be sent, by path."""
        port = 0
        for number in range(1, hosts + 1):
            one = socket.create_server((f"127.0.0.{number}", port), backlog=128)
            port = one.getsockname()[1]
            self._listeners.append(one)
        self.addresses = [f"127.0.0.{number}:{port}" for number in range(1, hosts + 1)]

    def url(self, path: str, *, host: int = 0) -> str:
        """Return the address of a page."""
        return f"http://{self.addresses[host]}{path}"

    def wait_sent(self, count: int, *, seconds: float = 20) -> bool:
        """Wait until so many bytes were sent in all; False when they were not."""
        with self._changed:
            return self._changed.wait_for(lambda: self.sent_bytes >= count, timeout=seconds)

    def __enter__(self) -> Self:
        for one in self._listeners:
            threading.Thread(target=self._accept, args=(one,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        for one in self._listeners:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener: socket.socket) -> None:
        while not self._ended:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        waiting = b""
        with connection, suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                while b"\r\n\r\n" not in waiting:
                    part = connection.recv(_PIECE_BYTES)
                    if not part:
                        return
                    waiting += part
                head, _, waiting = waiting.partition(b"\r\n\r\n")
                self._answer(connection, head.split(b" ", 2)[1].decode())

    def _answer(self, connection: socket.socket, path: str) -> None:
        if path == "/robots.txt":
            connection.sendall(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n")
            return
        if self._written is not None:
            with self._changed:
                self.asked += 1
                body = self._written(path)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}"
            connection.sendall(head.encode() + b"\r\n\r\n" + body)
            return
        with self._changed:
            self.asked += 1
            self._count += 1
            start = f"{self._count} {path}\n".encode()
            size = self._random.randint(*self._sizes)
            at = self._random.randrange(_POOL_BYTES - size)
        noise = self._pool[at : at + size]
        digest = hashlib.sha1(start)
        digest.update(noise)
        self.digests[path].add("sha1:" + base64.b32encode(digest.digest()).decode())
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {_TYPE}\r\nContent-Length: {len(start) + size}"
        connection.sendall(head.encode() + b"\r\n\r\n" + start)
        for place in range(0, size, _PIECE_BYTES):
            piece = noise[place : place + _PIECE_BYTES]
            connection.sendall(piece)
            with self._changed:
                self.sent_bytes += len(piece)
                self._changed.notify_all()
