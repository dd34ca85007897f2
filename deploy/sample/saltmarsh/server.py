"""Carry requests and answers over sockets of the loopback: HTTP/1.1 with connections kept open."""

import ipaddress
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from saltmarsh.answers import Answer, Request

LOOPBACK = "127.0.0.1"
LONGEST_FORM_BYTES = 64 * 1024
IDLE_SECONDS = 60


class Desk(Protocol):
    """Whoever knows what to answer."""

    def answer(self, request: Request) -> Answer:
        """Answer one request."""


class Server(ThreadingHTTPServer):
    """One listening socket; ends its open connections when it is closed."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, desk: Desk, *, port: int, verbose: bool) -> None:
        self.desk = desk
        self.verbose = verbose
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, port), Handler)

    @property
    def address(self) -> str:
        """Return the address of the home page, without the slash."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve one connection, and remember it as long as it is open."""
        with self._lock:
            self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:  # type: ignore[override]
        """Pass over a client that went away; anything else is ours and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def server_close(self) -> None:
        """Close the listening socket and every connection that a client keeps open."""
        super().server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Read a request, let the desk answer it, write the answer in one piece."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer a HEAD: the same fields, no body."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def version_string(self) -> str:
        """Return what stands in the Server field."""
        return "Saltmarsh"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write a line only when the newspaper was asked to talk."""
        if self.server.verbose:
            super().log_message(format, *args)

    def _answer(self) -> None:
        answer = self.server.desk.answer(
            Request(
                method=self.command,
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self._form(),
                from_here=ipaddress.ip_address(self.client_address[0]).is_loopback,
            )
        )
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _form(self) -> bytes:
        """Read the request's body; the connection ends after one whose length is not plain."""
        length = self.headers.get("Content-Length", "0")
        plain = length.isascii() and length.isdigit() and int(length) <= LONGEST_FORM_BYTES
        if not plain or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))


@contextmanager
def serving(server: Server) -> Iterator[None]:
    """Serve in a thread of its own until the block ends."""
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="newspaper", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
