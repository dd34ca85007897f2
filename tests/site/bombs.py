"""Answers that mean harm: a gibibyte in a few kilobytes, and what never ends; made as it is sent.

``with HostileSite() as site: site.url("/bomb/gzip")``. Nothing here is ever whole in memory.
"""

import gzip
import socket
import socketserver
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain, repeat
from types import TracebackType
from typing import NamedTuple, Self

import brotli
from backports import zstd

MIB = 1024 * 1024
GIB = 1024 * MIB
START = b"<!doctype html><html><head><title>Bomb</title></head><body><p>".ljust(64)
BLOCK = (b"words and words that nobody needs to read again </p><p>" * (MIB // 55 + 1))[:MIB]
HTML = b"Content-Type: text/html; charset=utf-8"
NEIGHBOUR = (
    b"<!doctype html><title>The neighbour</title><h1>The neighbour</h1>"
    + b"<p>An ordinary page that lies on the same host, and must not suffer.</p>" * 20
)

Parts = Callable[[], Iterator[bytes]]


class Packed(NamedTuple):
    """A stream of one coding that unpacks to ``START`` and 1,024 times ``BLOCK``."""

    head: bytes
    block: bytes
    times: int
    tail: bytes

    def parts(self) -> Iterator[bytes]:
        """Yield its bytes; what repeats is repeated here."""
        return chain((self.head,), repeat(self.block, self.times), (self.tail,))

    @property
    def size_bytes(self) -> int:
        """Length of the whole stream."""
        return len(self.head) + len(self.block) * self.times + len(self.tail)


def _periodic(feed: Callable[[bytes], bytes], end: Callable[[], bytes]) -> Packed:
    """Compress until the same block gives the same bytes; the rest is repetition."""
    head = feed(START) + feed(BLOCK)
    packed, after = feed(BLOCK), feed(BLOCK)
    done = 3
    while packed != after:
        head += packed
        packed, after = after, feed(BLOCK)
        done += 1
        assert done < 20, "the compressor never comes to rest"
    return Packed(head, packed, GIB // MIB - (done - 2), end())


def _raw_deflate() -> Packed:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)

    def feed(data: bytes) -> bytes:
        return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)

    return _periodic(feed, packer.flush)


def _br() -> Packed:
    packer = brotli.Compressor(quality=5)
    return _periodic(lambda data: packer.process(data) + packer.flush(), packer.finish)


def _zstd() -> Packed:
    packer = zstd.ZstdCompressor(level=3)
    return _periodic(
        lambda data: packer.compress(data, packer.FLUSH_BLOCK),
        lambda: packer.flush(packer.FLUSH_FRAME),
    )


def _framed(head: bytes, tail: Callable[[], bytes]) -> Packed:
    raw = _raw_deflate()
    return raw._replace(head=head + raw.head, tail=raw.tail + tail())


def _whole(add: Callable[[bytes, int], int], start: int) -> int:
    """Return the checksum of all that a bomb unpacks to."""
    check = add(START, start)
    for _ in range(GIB // MIB):
        check = add(BLOCK, check)
    return check


@cache
def bomb(coding: str) -> Packed:
    """Return a bomb of a gibibyte in a coding; every one of them is a faultless stream."""
    match coding:
        case "gzip":
            size = (GIB + len(START)) & 0xFFFFFFFF
            return _framed(
                b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
                lambda: struct.pack("<II", _whole(zlib.crc32, 0), size),
            )
        case "gzip-members":
            return Packed(gzip.compress(START), gzip.compress(BLOCK), GIB // MIB, b"")
        case "deflate":
            return _framed(b"\x78\xda", lambda: struct.pack(">I", _whole(zlib.adler32, 1)))
        case "raw-deflate":
            return _raw_deflate()
        case "br":
            return _br()
        case "zstd":
            return _zstd()
        case "gzip, gzip":
            return Packed(gzip.compress(b"".join(bomb("gzip").parts())), b"", 0, b"")
        case _:
            raise KeyError(coding)


CODINGS: Mapping[str, str] = {
    "gzip": "gzip",
    "gzip-members": "gzip",
    "deflate": "deflate",
    "raw-deflate": "deflate",
    "br": "br",
    "zstd": "zstd",
    "gzip, gzip": "gzip, gzip",
}
"""Kinds of bombs and the Content-Encoding of each."""


def _head(*fields: bytes, length: int | None = None) -> bytes:
    lines = [b"HTTP/1.1 200 OK", *(fields or (HTML,))]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


def _bomb(kind: str) -> Iterator[bytes]:
    packed = bomb(kind)
    coding = b"Content-Encoding: " + CODINGS[kind].encode()
    yield _head(HTML, coding, length=packed.size_bytes)
    yield from packed.parts()


def _transfer() -> Iterator[bytes]:
    """Yield a bomb that is no content coding but a transfer coding (RFC 9112 §7)."""
    packed = bomb("gzip")
    yield _head(HTML, b"Transfer-Encoding: gzip, chunked")
    for part in packed.parts():
        yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def _listing(start: bytes, line: bytes) -> Iterator[bytes]:
    """Yield a sitemap in a gzip file of a gibibyte."""
    line = (line * (MIB // len(line) + 1))[:MIB].ljust(MIB)
    yield _head(b"Content-Type: application/gzip")
    yield gzip.compress(start)
    yield from repeat(gzip.compress(line), GIB // MIB)


def _slowly(*parts: bytes, seconds: float) -> Iterator[bytes]:
    """Yield parts with a while before each but the first; the last comes over and over."""
    yield parts[0]
    for part in chain(parts[1:], repeat(parts[-1])):
        time.sleep(seconds)
        yield part


def _page(start: bytes, line: bytes, times: int) -> Iterator[bytes]:
    """Yield a page that is one piece over and over."""
    yield _head(length=len(start) + len(line) * times)
    yield start
    for left in range(times, 0, -1000):
        yield line * min(left, 1000)


def _links() -> Iterator[bytes]:
    yield _head()
    for start in range(0, 1_000_000, 1000):
        yield b"".join(b'<a href="/l/%d">l</a>\n' % n for n in range(start, start + 1000))


def _images() -> Iterator[bytes]:
    yield _head()
    for start in range(0, 1_000_000, 1000):
        yield b"".join(b'<img src="//127.0.0.1:9/%d">\n' % n for n in range(start, start + 1000))


def _for_ever(head: bytes, piece: bytes) -> Iterator[bytes]:
    yield head
    yield from repeat(piece * (64 * 1024 // len(piece) or 1))


CHUNKED = _head(HTML, b"Transfer-Encoding: chunked")
PAGES: Mapping[str, Parts] = {
    **{f"/bomb/{kind.replace(', ', '-')}": lambda kind=kind: _bomb(kind) for kind in CODINGS},
    "/bomb/transfer": _transfer,
    "/bomb/sitemap.xml.gz": lambda: _listing(b"<urlset>", b"<url><loc>/a</loc></url>"),
    "/bomb/feed.xml.gz": lambda: _listing(b"<rss><channel>", b"<item><link>/a</link></item>"),
    "/endless/head": lambda: _for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Field: value\r\n"),
    "/endless/line": lambda: _for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "/endless/interim": lambda: _for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "/endless/blank": lambda: _for_ever(b"", b"\r\n"),
    "/endless/body": lambda: _for_ever(_head(), BLOCK),
    "/endless/chunks": lambda: _for_ever(CHUNKED, b"1\r\nx\r\n"),
    "/endless/chunk": lambda: _for_ever(CHUNKED + b"7fffffffffffff\r\n", BLOCK),
    "/endless/chunk-line": lambda: _for_ever(CHUNKED + b"1;", b"x"),
    "/endless/trailer": lambda: _for_ever(CHUNKED + b"0\r\n", b"X-Field: value\r\n"),
    "/endless/noise": lambda: _for_ever(b"\0\1\2\3", b"\xff\0\r\n"),
    "/many/fields": lambda: iter((b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",)),
    "/many/links": _links,
    "/many/images": _images,
    "/deep": lambda: _page(b"<!doctype html><title>Deep</title>", b"<div>", 100_000),
    "/deep/words": lambda: _page(b"<!doctype html><title>Deep</title>", b"<b>word ", 100_000),
    "/line": lambda: _page(b"<!doctype html><title>Line</title><p>", b"word ", 4 * MIB),
    "/many/tags": lambda: _page(b"<!doctype html><title>Tags</title>", b"<p>", 1_000_000),
    "/slow/never": lambda: _slowly(b"", seconds=0.3),
    "/slow/head": lambda: _slowly(b"HTTP/1.1 200 OK\r\n", b"X", seconds=0.3),
    "/slow/drip": lambda: _slowly(_head(length=GIB) + b"<p>", b"x", seconds=0.3),
    "/slow/interim": lambda: _slowly(b"HTTP/1.1 102 Processing\r\n\r\n", seconds=0.3),
    "/slow/stall": lambda: _slowly(_head(length=GIB) + b"<p>begun", b"", seconds=0.3),
    "/attributes": lambda: _page(b"<!doctype html><p ", b"a%d='b' ", 300_000),
}
"""What is answered at each path, or host and path; every other path is an ordinary page."""


class HostileSite:
    """The hostile site, in threads of its own."""

    def __init__(self, host: str = "127.0.0.1", pages: Mapping[str, Parts] = PAGES) -> None:
        self.pages = dict(pages)
        self._server = _Server((host, 0), _Handler)
        self._server.site = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        """Address and port, as an exception of the address guard."""
        return f"{self._server.server_address[0]}:{self.port}"

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        """Return the URL of a path."""
        return f"http://{host}:{self.port}{path}" if host else f"http://{self.address}{path}"

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
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    site: HostileSite

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that cuts what harms it does right."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one request after another, as long as the client stays."""
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while first := self.rfile.readline(65536):
            while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
                pass
            path = first.split(b" ")[1].decode("latin-1").partition("?")[0]
            pages = self.server.site.pages
            parts = pages.get(f"{self.connection.getsockname()[0]}{path}") or pages.get(path)
            if parts is None:
                self._ordinary(path)
                continue
            for part in parts():
                self.connection.sendall(part)
                if not part and self._left():
                    return
            return

    def _left(self) -> bool:
        """Say whether the client went while nothing was sent."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        finally:
            self.connection.setblocking(True)

    def _ordinary(self, path: str) -> None:
        status, body = b"200 OK", NEIGHBOUR
        if path == "/robots.txt":
            status, body = b"404 Not Found", b"none"
        lines = (b"HTTP/1.1 " + status, HTML, b"Content-Length: %d" % len(body), b"", body)
        self.connection.sendall(b"\r\n".join(lines))
