"""What is asked of the wire: a request, where it goes, the bytes it becomes, and its limits."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from urllib.parse import quote, urlsplit

from crawler.fetch.guard import origin_of, wire_host

Headers = tuple[tuple[bytes, bytes], ...]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PORTS = {"http": 80, "https": 443}
_ASCII = "".join(map(chr, range(33, 127)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much one exchange may take; what is cut by a limit is kept and marked.

    ``connect`` covers name, connection and TLS; ``first_byte`` runs from the sending of the
    request, ``idle`` between two bytes of the answer, ``total`` over everything.
    """

    connect: timedelta = timedelta(seconds=20)
    first_byte: timedelta = timedelta(seconds=60)
    idle: timedelta = timedelta(seconds=30)
    total: timedelta = timedelta(minutes=10)
    head_bytes: int = 1024 * 1024
    body_bytes: int = 512 * 1024 * 1024
    interim_bytes: int = 64 * 1024
    header_count: int = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    """One request; header order and case are sent as given.

    ``Host`` is put first when it is not among ``headers``, ``Content-Length`` last when there is a
    body without one. CR, LF and NUL in a value, which may come from a page, are sent as blanks.
    """

    url: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.method.encode()):
            raise ValueError(f"{self.method!r} is no HTTP method")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection goes; connections are kept and shared by place."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def place_of(url: str) -> Place:
    """Return the place a URL that ``refused_url`` has let pass is fetched from."""
    return _place(origin_of(url))


@lru_cache(maxsize=512)
def _place(origin: str) -> Place:
    parts = urlsplit(origin)
    return Place(parts.scheme, wire_host(parts.hostname or ""), parts.port or _PORTS[parts.scheme])


def serialise(request: WireRequest, place: Place) -> bytes:
    """Return the bytes of the request, to be sent in one piece."""
    lines, has_host, has_length = _header_lines(request.headers)
    start = f"{request.method} {_target(request.url)} HTTP/1.1\r\n".encode("ascii")
    host = b"" if has_host else b"Host: " + _authority(place) + b"\r\n"
    length = b""
    if not has_length and (request.body or request.method in ("POST", "PUT", "PATCH")):
        length = b"Content-Length: %d\r\n" % len(request.body)
    return b"".join((start, host, lines, length, b"\r\n", request.body))


def _target(url: str) -> str:
    # Cut from the text, not put together from parts: "/a?" and "/a" are two pages.
    path = url[len(origin_of(url)) :].partition("#")[0]
    if not path.isascii():
        path = quote(path, safe=_ASCII)
    return path if path.startswith("/") else "/" + path


def _authority(place: Place) -> bytes:
    host = f"[{place.host}]" if ":" in place.host else place.host
    port = "" if place.port == _PORTS[place.scheme] else f":{place.port}"
    return f"{host}{port}".encode("ascii")


@lru_cache(maxsize=256)
def _header_lines(headers: Headers) -> tuple[bytes, bool, bool]:
    # Nearly every request carries the same headers: their lines are made once.
    lines = []
    names = set()
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header field")
        names.add(name.lower())
        lines.append(name + b": " + re.sub(rb"[\r\n\0]", b" ", value) + b"\r\n")
    has_length = bool(names & {b"content-length", b"transfer-encoding"})
    return b"".join(lines), b"host" in names, has_length
