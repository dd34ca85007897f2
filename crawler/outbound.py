"""Open the connections that alerts go out by: past the address guard, within a time."""

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Timer
from time import monotonic
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from crawler.durations import format_duration
from crawler.errors import DeliveryError, DeliveryRefusedError
from crawler.wording import cut, shown

_EXCERPT_BYTES = 400
_BUSY = frozenset({429, 502, 503, 504})
"""Answers of a receiver that is not well; every other answer is about what was sent."""


_Address = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]
"""One answer of the resolver, as the standard library types it."""


class Guard(Protocol):
    """Says which addresses we do not connect to."""

    def refusal(self, address: str, port: int) -> str | None:
        """Return why not to connect there, or None."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The one way out for alerts: no channel opens a connection but through it."""

    guard: Guard

    @contextmanager
    def connect(self, host: str, port: int, *, timeout: timedelta) -> Iterator[socket.socket]:
        """Lend a connection that is cut when ``timeout`` is over, however busy it is.

        The address that the socket really gets is held against the guard. Every failure of the
        network, here or inside the block, becomes a DeliveryError that names host and port.
        """
        place = f"{shown(host)}:{port}"
        ends = monotonic() + timeout.total_seconds()
        try:
            with (
                closing(self._open(host, port, ends=ends)) as connection,
                _brake(connection, ends=ends),
            ):
                yield connection
        except (OSError, HTTPException) as error:
            if isinstance(error, TimeoutError) or monotonic() >= ends:
                why = f"no answer from {place} within {format_duration(timeout)}"
                raise DeliveryError(why) from error
            raise DeliveryError(f"no delivery to {place}: {_reason(error)}") from error

    def post(
        self, url: str, body: bytes, *, headers: Mapping[str, str], timeout: timedelta
    ) -> None:
        """Post ``body`` to a web address; raise DeliveryError unless the receiver takes it (2xx).

        No redirect is followed, no proxy used, no cookie kept.
        """
        parts = urlsplit(url)
        host, port = _host_and_port(parts)
        client: HTTPConnection = HTTPConnection(host, port)
        if parts.scheme == "https":
            client = HTTPSConnection(host, port, context=ssl.create_default_context())
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": "Holdfast", "Connection": "close", **headers}
        ends = monotonic() + timeout.total_seconds()
        with self.connect(host, port, timeout=timeout) as connection:
            client.sock = secured(connection, host) if parts.scheme == "https" else connection
            with closing(client):
                # A receiver may answer and hang up before it has read everything (413).
                with suppress(BrokenPipeError, ConnectionResetError):
                    client.request("POST", path, body=body, headers=sent)
                with closing(client.getresponse()) as response:
                    # http.client takes a head that was cut for a whole one.
                    if monotonic() >= ends:
                        raise TimeoutError
                    _refuse_unless_taken(response, place=f"{shown(host)}:{port}")

    def _open(self, host: str, port: int, *, ends: float) -> socket.socket:
        failure: Exception = OSError("the name has no address")
        for family, kind, protocol, _, address in _addresses(host, port):
            refusal = self.guard.refusal(str(address[0]).partition("%")[0], port)
            if refusal is not None:
                failure = DeliveryError(
                    f"no delivery to {shown(host)}:{port}: {shown(refusal)};"
                    " name the address under allow_addresses if you mean it"
                )
                continue
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(max(ends - monotonic(), 0.001))
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = error
                continue
            return connection
        raise failure


def _addresses(host: str, port: int) -> Sequence[_Address]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("this cannot be the name of a host") from error


def secured(connection: socket.socket, host: str) -> socket.socket:
    """Return the connection under TLS; the certificate must be of ``host`` and trusted here."""
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def checked_url(url: str) -> str:
    """Return a web address that alerts can be posted to; raise ValueError for any other."""
    right = "write it as https://host/path"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"the web address may hold printable ASCII only; {right}")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"the web address must begin with http:// or https:// and a host; {right}")
    if "@" in parts.netloc:
        raise ValueError(f"the web address may not hold a user or password; {right}")
    _host_and_port(parts)
    return url


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def _brake(connection: socket.socket, *, ends: float) -> Iterator[None]:
    # A socket's own time-out starts anew with every byte. The duplicate stays valid when TLS
    # takes the descriptor over; shutting it down ends every read and write at once.
    handle = connection.dup()
    timer = Timer(max(ends - monotonic(), 0), _shut, (handle,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _shut(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _refuse_unless_taken(response: HTTPResponse, *, place: str) -> None:
    if 200 <= response.status < 300:
        return
    said = f"{place} answered {response.status}"
    if 300 <= response.status < 400:
        raise DeliveryRefusedError(f"{said}: redirects are not followed; write the final address")
    excerpt = b""
    with suppress(OSError, HTTPException):
        excerpt = response.read(_EXCERPT_BYTES)
    words = cut(shown(excerpt.decode("utf-8", "replace").strip()), 200)
    said = f"{said}: {words}" if words else said
    if response.status in _BUSY:
        raise DeliveryError(said)
    raise DeliveryRefusedError(said)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {shown(error.verify_message)}"
    if isinstance(error, OSError) and error.strerror:
        return shown(error.strerror)
    return shown(str(error)) or type(error).__name__
