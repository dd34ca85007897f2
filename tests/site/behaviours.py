"""What the misbehaving site does: one path, one oddity of the web, and what a client should see."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from itertools import repeat

import brotli
from backports import zstd

MIB = 1024 * 1024
HTML = b"<!doctype html><title>A page</title><h1>A page</h1>" + b"".join(
    b"<p>Paragraph %d of the article, with some words in it.</p>\n" % n for n in range(60)
)
SMALL = b"<p>hello</p>"


class End(StrEnum):
    """What the site does with the connection after its last byte."""

    KEEP = "keep"
    CLOSE = "close"
    DROP = "drop"
    """Close without the farewell of TLS."""
    RESET = "reset"
    STALL = "stall"
    """Keep silent until the client goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A while without bytes."""

    seconds: float


Part = bytes | Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What is sent for one path, how it ends, and how that should be told."""

    parts: Callable[[], Iterable[Part]]
    end: End = End.KEEP
    outcome: str = "ok"
    truncated: str | None = None
    whole: bool = True
    """Whether a client with small limits gets every byte that is sent."""
    method: str = "GET"
    """How it is to be asked for; the site answers the same to any method."""


BEHAVIOURS: dict[str, Behaviour] = {}
ASKED_OTHERWISE: dict[str, Behaviour] = {}
"""Behaviours that are only of interest when they are asked for by HEAD or POST."""


def _add(
    path: str,
    parts: bytes | Iterable[Part] | Callable[[], Iterable[Part]],
    *,
    end: End = End.KEEP,
    outcome: str = "ok",
    truncated: str | None = None,
    whole: bool = True,
) -> None:
    if isinstance(parts, bytes):
        parts = (parts,)
    give = parts if callable(parts) else partial(tuple, parts)
    BEHAVIOURS[path] = Behaviour(
        parts=give, end=end, outcome=outcome, truncated=truncated, whole=whole
    )


def message(body: bytes = SMALL, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an ordinary answer with a Content-Length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Type: text/html; charset=utf-8", *fields]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def chunked(*chunks: bytes, fields: Iterable[bytes] = (), tail: bytes = b"0\r\n\r\n") -> bytes:
    """Return an answer in chunks as they are given, framing included."""
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: text/html", *fields]
    head = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", b""])
    return head + b"".join(chunks) + tail


def chunk(data: bytes, extension: bytes = b"") -> bytes:
    """Return one chunk."""
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


def coded(coding: bytes, body: bytes) -> bytes:
    """Return an answer whose body is said to be in a coding."""
    return message(body, b"Content-Encoding: " + coding)


_BARE = b"HTTP/1.1 %b\r\nServer: x\r\n"


def raw_deflate(data: bytes) -> bytes:
    """Return deflate without the zlib wrapper, as many servers send it."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


# --- heads ------------------------------------------------------------------------------------

_add("/page", message(HTML))
_add("/head/lf-only", b"HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 12\n\n" + SMALL)
_add("/head/mixed-ends", b"HTTP/1.1 200 OK\r\nA: 1\nContent-Length: 12\r\n\n" + SMALL)
_add("/head/folded", message(SMALL, b"X-Folded: one\r\n  two\r\n\tthree"))
_add("/head/fold-first", b"HTTP/1.1 200 OK\r\n X: folded\r\nContent-Length: 12\r\n\r\n" + SMALL)
_add("/head/colon-less", message(SMALL, b"this line has no colon", b": nor this a name"))
_add("/head/no-reason", message(SMALL, status=b"200"))
_add("/head/no-reason-blank", message(SMALL, status=b"200 "))
_add("/head/long-reason", message(SMALL, status=b"200 " + b"fine " * 800))
_add("/head/odd-reason", message(SMALL, status=b"200 caf\xc3\xa9 \xff\x00\x1b[31m"))
_add("/head/glued-reason", message(SMALL, status=b"200OK"))
_add("/head/lower-case", b"http/1.1 200 ok\r\ncontent-length: 12\r\n\r\n" + SMALL)
_add("/head/no-version", b"HTTP 200 OK\r\nContent-Length: 12\r\n\r\n" + SMALL, end=End.CLOSE)
_add("/head/http10", b"HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\n" + SMALL, end=End.CLOSE)
_add(
    "/head/http10-kept",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 12\r\n\r\n" + SMALL,
)
_add("/head/http19", b"HTTP/1.9 200 OK\r\nContent-Length: 12\r\n\r\n" + SMALL, end=End.CLOSE)
_add("/head/odd-bytes", message(SMALL, b"X-Odd: \xff\xfe\x85 caf\xe9 \x01\x7f", b"X-\xe9: y"))
_add("/head/nul", message(SMALL, b"X-Nul: a\x00b", b"X-CR: a\rb"))
_add("/head/duplicates", message(SMALL, b"Set-Cookie: a=1", b"set-cookie: b=2", b"SET-COOKIE: c"))
_add("/head/strange-case", message(SMALL, b"x-oNe: 1", b"X-ONE:2", b"X-Two :  3  ", b"X-Empty:"))
_add("/head/many", message(SMALL, *(b"X-%d: %d" % (n, n) for n in range(400))))
_add("/head/long-field", message(SMALL, b"X-Long: " + b"x" * 30_000))
_add("/head/blank-lines-first", b"\r\n\n\r\n" + message())
_add("/head/nothing-but", b"HTTP/1.1 200 OK\r\n\r\n" + SMALL, end=End.CLOSE)
_add("/head/by-bytes", [message()[n : n + 1] for n in range(len(message()))])
_add("/head/http2", b"HTTP/2 200\r\nContent-Length: 12\r\n\r\n" + SMALL, end=End.CLOSE)
_add("/head/tabs", b"HTTP/1.1\t200\tOK\r\nContent-Length:\t12\t\r\n\r\n" + SMALL)
_add("/head/blanks", b"HTTP/1.1   200   OK  \r\n Lost: 1\r\nContent-Length : 12\r\n\r\n" + SMALL)
_add("/head/bare-cr", message(SMALL, b"X-A: 1\rX-B: 2"))
_add("/head/utf-8", message(SMALL, "X-T\u00eate: caf\u00e9 \u4e2d \U0001f5de".encode()))
_add("/head/fold-empty", message(SMALL, b"X-Folded:\r\n one", b"X-Blank: a\r\n \r\n\tb"))
_add("/head/fold-length", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 12\r\n\r\n" + SMALL)
_add("/head/no-fields-close", b"HTTP/1.1 200 OK\n\n" + SMALL, end=End.CLOSE)
_add("/head/warc", message(SMALL, b"WARC-Type: response", b"WARC-Record-ID: <urn:x>"))
_add("/head/connection-close", message(SMALL, b"Connection: close"), end=End.CLOSE)

# --- how long a body is -----------------------------------------------------------------------

_add("/body/empty", message(b""))
_add("/body/close", b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n" + HTML, end=End.CLOSE)
_add("/body/close-no-farewell", b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n" + HTML, end=End.DROP)
_add("/body/close-empty", b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", end=End.CLOSE)
_add("/body/two-lengths-same", message(SMALL, b"Content-Length: 12"))
_add("/body/two-lengths", message(SMALL, b"Content-Length: 5"), end=End.CLOSE)
_add("/body/bad-length", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nx", end=End.CLOSE)
_add("/body/minus-length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", end=End.CLOSE)
_add("/body/204", b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n")
_add("/body/204-length", b"HTTP/1.1 204 No Content\r\nContent-Length: 12\r\n\r\n" + SMALL)
_add("/body/205", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n")
_add(
    "/body/304",
    b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 12\r\n\r\n',
    outcome="not_modified",
)
_add(
    "/body/204-chunked", _BARE % b"204 No Content" + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
_add("/body/205-body", message(SMALL, status=b"205 Reset Content"))
_add("/body/205-chunked", chunked(chunk(SMALL)).replace(b"200 OK", b"205 Reset", 1))
_add(
    "/body/304-body",
    _BARE % b"304 Not Modified" + b"Content-Length: 12\r\n\r\n" + SMALL,
    outcome="not_modified",
)
_add(
    "/body/304-chunked",
    _BARE % b"304 Not Modified"
    + b"Transfer-Encoding: chunked\r\n\r\nc\r\n"
    + SMALL
    + b"\r\n0\r\n\r\n",
    outcome="not_modified",
)
_add("/body/206", message(SMALL[:5], b"Content-Range: bytes 0-4/12", status=b"206 Partial"))
_add("/body/length-list", message(SMALL, b"Content-Length: 12, 12"))
_add("/body/plus-length", _BARE % b"200 OK" + b"Content-Length: +1\r\n\r\nx", end=End.CLOSE)
_add("/body/hex-length", _BARE % b"200 OK" + b"Content-Length: 0x1\r\n\r\nx", end=End.CLOSE)
_add("/body/huge-length", _BARE % b"200 OK" + b"Content-Length: 1%030d\r\n\r\nx" % 0, end=End.CLOSE)
_add("/body/length-after-zeros", _BARE % b"200 OK" + b"Content-Length: 00012\r\n\r\n" + SMALL)
_add("/body/blank-lines-after", message() + b"\r\n\r\n")
_add("/body/warc-inside", message(b"WARC/1.1\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n"))
_add("/body/surplus", message() + b"bytes after the end")
_add("/body/surplus-answer", message() + message(b"nobody asked for this"))
_add("/body/2-mib", lambda: [message(b"0123456789abcdef" * (2 * MIB // 16))])
_add("/body/binary", message(bytes(range(256)) * 40))

# --- chunks -----------------------------------------------------------------------------------

_add("/chunked/plain", chunked(chunk(HTML[:1000]), chunk(HTML[1000:])))
_add("/chunked/empty", chunked())
_add("/chunked/extensions", chunked(chunk(SMALL, b';name="a b";x'), tail=b"0;end=1\r\n\r\n"))
_add("/chunked/trailers", chunked(chunk(SMALL), tail=b"0\r\nX-Sum: 1\r\nX-Fold: a\r\n b\r\n\r\n"))
_add("/chunked/one-byte", chunked(*(chunk(bytes([byte])) for byte in HTML[:500])))
_add("/chunked/upper-case", chunked(b"00C \r\n" + SMALL + b"\r\n", tail=b"000\r\n\r\n"))
_add("/chunked/lf-only", chunked(b"c\n" + SMALL + b"\n", tail=b"0\n\n"))
_add("/chunked/split", [chunked(chunk(SMALL))[n : n + 3] for n in range(0, 120, 3)])
_add("/chunked/and-length", chunked(chunk(SMALL), fields=(b"Content-Length: 3",)))
_add("/chunked/surplus", chunked(chunk(SMALL)) + b"after the trailer")
_add("/chunked/no-end-line", chunked(chunk(SMALL), tail=b"0\r\n"), end=End.CLOSE)
_add("/chunked/not-at-all", chunked(HTML, tail=b""), end=End.CLOSE)
_add("/chunked/http10", chunked(chunk(SMALL)).replace(b"1.1", b"1.0", 1), end=End.CLOSE)
_add("/chunked/quoted-extension", chunked(chunk(SMALL, b';a="x;y\\"z";b')))
_add("/chunked/many-trailers", chunked(chunk(SMALL), tail=b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n"))
_add("/chunked/odd-trailers", chunked(chunk(SMALL), tail=b"0\r\nno colon\r\n\xff: \xfe\r\n\r\n"))
_add("/chunked/long-zero", chunked(chunk(SMALL), tail=b"00000000\r\n\r\n"))
_add("/chunked/blank-lines", chunked(b"c\r\n" + SMALL + b"\r\n\r\n", b"c\r\n" + SMALL + b"\r\n"))
_add("/chunked/twice-said", chunked(chunk(SMALL), fields=(b"Transfer-Encoding: chunked",)))
_add("/chunked/identity-too", chunked(chunk(SMALL), fields=(b"Transfer-Encoding: identity",)))
_add("/chunked/empty-chunk-line", chunked(chunk(SMALL), tail=b"\r\n0\r\n\r\n"))
_add("/chunked/trailers-lf", chunked(chunk(SMALL), tail=b"0\nX-Sum: 1\n\n"))
_add(
    "/chunked/by-bytes",
    [chunked(chunk(SMALL))[n : n + 1] for n in range(len(chunked(chunk(SMALL))))],
)
_add(
    "/chunked/minus",
    chunked(chunk(SMALL), tail=b"-1\r\nx"),
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add(
    "/chunked/huge-size",
    chunked(chunk(SMALL), tail=b"f" * 40 + b"\r\nx"),
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add(
    "/chunked/cut-in-trailer",
    chunked(chunk(SMALL), tail=b"0\r\nX-Su"),
    end=End.CLOSE,
)
_add(
    "/chunked/cut-reset",
    chunked(chunk(SMALL), tail=b"c\r\n<p>"),
    end=End.RESET,
    outcome="truncated",
    truncated="disconnect",
)
_add("/chunked/gzip", chunked(chunk(gzip.compress(HTML)), fields=(b"Content-Encoding: gzip",)))
_add(
    "/chunked/cut",
    chunked(chunk(SMALL), tail=b"ff\r\nnot so much"),
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add(
    "/chunked/no-last",
    chunked(chunk(SMALL), tail=b""),
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add(
    "/chunked/garbage",
    chunked(chunk(SMALL), tail=b"zz\r\ngarbage"),
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)

# --- codings ----------------------------------------------------------------------------------

_add("/coded/gzip", coded(b"gzip", gzip.compress(HTML)))
_add("/coded/deflate", coded(b"deflate", zlib.compress(HTML)))
_add("/coded/raw-deflate", coded(b"deflate", raw_deflate(HTML)))
_add("/coded/br", coded(b"br", brotli.compress(HTML)))
_add("/coded/zstd", coded(b"zstd", zstd.compress(HTML)))
_add("/coded/false-gzip", coded(b"gzip", HTML))
_add("/coded/false-br", coded(b"br", HTML))
_add("/coded/double", coded(b"gzip, gzip", gzip.compress(gzip.compress(HTML))))
_add("/coded/cut-gzip", coded(b"gzip", gzip.compress(HTML)[:-40]))
_add("/coded/unknown", coded(b"utf-8", HTML))
_add("/coded/x-gzip", coded(b"x-gzip", gzip.compress(HTML)))
_add("/coded/upper-case", coded(b"GZIP", gzip.compress(HTML)))
_add("/coded/identity", coded(b"identity", HTML))
_add("/coded/false-deflate", coded(b"deflate", HTML))
_add("/coded/false-zstd", coded(b"zstd", HTML))
_add(
    "/coded/double-fields",
    message(
        brotli.compress(gzip.compress(HTML)), b"Content-Encoding: gzip", b"Content-Encoding: br"
    ),
)
_add("/coded/members", coded(b"gzip", gzip.compress(HTML[:900]) + gzip.compress(HTML[900:])))
_add("/coded/padded-gzip", coded(b"gzip", gzip.compress(HTML) + b"\0" * 40))
_add("/coded/wrong-sum", coded(b"gzip", gzip.compress(HTML)[:-8] + b"\0" * 8))
_add("/coded/empty-gzip", coded(b"gzip", b""))
_add("/coded/cut-deflate", coded(b"deflate", zlib.compress(HTML)[:-40]))
_add("/coded/cut-raw-deflate", coded(b"deflate", raw_deflate(HTML)[:-40]))
_add("/coded/cut-br", coded(b"br", brotli.compress(HTML)[:-40]))
_add("/coded/cut-zstd", coded(b"zstd", zstd.compress(HTML)[:-40]))
for _name in ("deflate", "br", "zstd"):
    _body = {"deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}[_name](HTML)
    _field = b"Content-Encoding: " + _name.encode()
    _add(f"/coded/chunked-{_name}", chunked(chunk(_body[:50]), chunk(_body[50:]), fields=(_field,)))


# --- transfer codings under, or in place of, chunks -------------------------------------------


def transferred(coding: bytes, body: bytes, *fields: bytes) -> bytes:
    """Return an answer whose body is said to be in a transfer coding."""
    lines = [b"HTTP/1.1 200 OK", *fields, b"Transfer-Encoding: " + coding, b"", b""]
    return b"\r\n".join(lines) + body


_GZIPPED = gzip.compress(HTML)
_CHUNKED_GZIP = chunk(_GZIPPED[:100]) + chunk(_GZIPPED[100:]) + b"0\r\n\r\n"
_add("/transfer/gzip", transferred(b"gzip, chunked", _CHUNKED_GZIP))
_add("/transfer/gzip-fields", transferred(b"chunked", _CHUNKED_GZIP, b"Transfer-Encoding: gzip"))
_add("/transfer/gzip-trailers", transferred(b"gzip, chunked", _CHUNKED_GZIP[:-2] + b"A: 1\r\n\r\n"))
_add(
    "/transfer/deflate",
    transferred(b"deflate, chunked", chunk(zlib.compress(HTML)) + b"0\r\n\r\n"),
)
_add("/transfer/gzip-close", transferred(b"gzip", _GZIPPED), end=End.CLOSE)
_add("/transfer/false-gzip", transferred(b"gzip, chunked", chunk(HTML) + b"0\r\n\r\n"))
_add(
    "/transfer/both",
    transferred(
        b"gzip, chunked",
        chunk(gzip.compress(brotli.compress(HTML))) + b"0\r\n\r\n",
        b"Content-Encoding: br",
    ),
)
_add(
    "/transfer/cut-gzip",
    transferred(b"gzip, chunked", _CHUNKED_GZIP[:150]),
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add("/transfer/unknown", transferred(b"utf-8", SMALL, b"Content-Length: 12"))
_add("/transfer/unknown-chunked", transferred(b"x, chunked", chunk(SMALL) + b"0\r\n\r\n"))
_add("/transfer/chunked-not-last", transferred(b"chunked, gzip", _GZIPPED), end=End.CLOSE)
_add("/transfer/identity", transferred(b"identity", SMALL, b"Content-Length: 12"))
_add("/transfer/empty", transferred(b"", SMALL, b"Content-Length: 12"))

# --- before the answer ------------------------------------------------------------------------

_add("/interim/100", b"HTTP/1.1 100 Continue\r\n\r\n" + message())
_add("/interim/102", [b"HTTP/1.1 102 Processing\r\n\r\n", Pause(seconds=0.02), message()])
_add("/interim/103", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + message())
_add(
    "/interim/three",
    b"HTTP/1.1 100\r\n\r\nHTTP/1.1 103 x\nA: 1\n\nHTTP/1.1 100 y\r\n\r\n" + message(),
)
_add(
    "/interim/102-and-103",
    b"HTTP/1.1 102 P\n\nHTTP/1.1 102\r\n\r\nHTTP/1.1 103 E\r\n\r\n" + message(),
)
_add("/interim/continue-twice", b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + message())
_add("/interim/199", b"HTTP/1.1 199 Who knows\r\nA: 1\r\n\r\n" + message())
_add("/interim/blank-lines", b"\r\nHTTP/1.1 100 x\r\n\r\n\r\n" + message())
_add("/interim/length", b"HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n" + message())
_add("/interim/by-bytes", [bytes([b]) for b in b"HTTP/1.1 100 C\r\n\r\n" + message()])
_add(
    "/interim/cut-answer",
    b"HTTP/1.1 103 Early Hints\r\n\r\n" + message(HTML)[:300],
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add(
    "/interim/switching",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n\x81\x05hello",
    end=End.CLOSE,
    outcome="not_http",
)
_add(
    "/interim/only",
    b"HTTP/1.1 103 Early Hints\r\n\r\n",
    end=End.CLOSE,
    outcome="reset",
)
_add(
    "/interim/endless",
    lambda: repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 20),
    outcome="too_large",
    truncated="length",
    whole=False,
)

# --- statuses ---------------------------------------------------------------------------------

_add("/status/404", message(b"<h1>not found</h1>", status=b"404 Not Found"), outcome="client_error")
_add("/status/410", message(b"<h1>gone</h1>", status=b"410 Gone"), outcome="client_error")
_add(
    "/status/451",
    message(
        b"<h1>blocked</h1>",
        b'Link: <https://authority.example/>; rel="blocked-by"',
        status=b"451 Unavailable For Legal Reasons",
    ),
    outcome="client_error",
)
_add("/status/429", message(b"", b"Retry-After: 1", status=b"429 Slow"), outcome="client_error")
_add("/status/500", message(b"oops", status=b"500 Oops"), outcome="server_error")
_add("/status/503", message(b"", b"Retry-After: 1", status=b"503 Busy"), outcome="server_error")
_add("/status/999", message(b"denied", status=b"999 Request denied"), outcome="server_error")
_add("/status/000", message(b"", status=b"600 What"), outcome="server_error")


def _redirect(path: str, location: bytes, status: bytes = b"302 Found") -> None:
    _add(path, message(b"", b"Location: " + location, status=status), outcome="redirect")


_redirect("/redirect/301", b"/page", b"301 Moved Permanently")
_redirect("/redirect/302", b"/page")
_redirect("/redirect/303", b"/page", b"303 See Other")
_redirect("/redirect/307", b"/page", b"307 Temporary Redirect")
_redirect("/redirect/308", b"/page", b"308 Permanent Redirect")
_redirect("/redirect/self", b"/redirect/self")
_redirect("/redirect/a", b"/redirect/b")
_redirect("/redirect/b", b"/redirect/a")
_redirect("/redirect/relative", b"../page#part")
_redirect("/redirect/utf-8", b"/caf\xc3\xa9")
_redirect("/redirect/metadata", b"http://169.254.169.254/latest/meta-data/")
_redirect("/redirect/loopback", b"http://127.0.0.1:9/")
_redirect("/redirect/decimal", b"http://2130706433:9/")
_redirect("/redirect/mapped", b"http://[::ffff:7f00:1]:9/")
_redirect("/redirect/userinfo", b"http://example.org@127.0.0.1:9/")
_redirect("/redirect/backslash", b"http://example.org\\@127.0.0.1:9/")
_redirect("/redirect/file", b"file:///etc/passwd")
_redirect("/redirect/broken", b"http://[::1")
_redirect("/redirect/absolute-path", b"//127.0.0.1:9/")
_redirect("/redirect/query", b"?a=b")
_add("/redirect/empty", message(SMALL, b"Location:", status=b"302 Found"))
_redirect("/redirect/script", b"javascript:alert(1)")
_redirect("/redirect/control", b"/a\x01b\x7f")
_redirect("/redirect/fragment", b"#part")
_redirect("/redirect/octal", b"http://0177.0.0.1:9/")
_redirect("/redirect/hex", b"http://0x7f.1:9/")
_redirect("/redirect/nat64", b"http://[64:ff9b::7f00:1]:9/")
_redirect("/redirect/trailing-dot", b"http://127.0.0.1.:9/")
_add(
    "/redirect/two",
    message(b"", b"Location: /page", b"Location: /body/empty", status=b"301 Moved"),
    outcome="redirect",
)
_add(
    "/redirect/cut",
    message(HTML, b"Location: /page", status=b"302 Found")[:150],
    end=End.CLOSE,
    outcome="truncated",
    truncated="disconnect",
)
_add(
    "/redirect/chunked",
    chunked(chunk(SMALL), fields=(b"Location: /page",)).replace(b"200 OK", b"302 Found", 1),
    outcome="redirect",
)
_add(
    "/redirect/304-location", _BARE % b"304 N" + b"Location: /page\r\n\r\n", outcome="not_modified"
)
_add("/redirect/nowhere", message(SMALL, status=b"302 Found"))
_add("/redirect/300", message(SMALL, status=b"300 Multiple Choices"))

# --- cut, late, without end -------------------------------------------------------------------

_CUT = message(HTML)[:500]


def _cut(path: str, part: bytes, end: End, outcome: str, truncated: str | None) -> None:
    _add(path, part, end=end, outcome=outcome, truncated=truncated)


_cut("/cut/body", _CUT, End.CLOSE, "truncated", "disconnect")
_cut("/cut/body-reset", _CUT, End.RESET, "truncated", "disconnect")
_cut("/cut/body-stall", _CUT, End.STALL, "timeout", "time")
_cut("/cut/head", _CUT[:40], End.CLOSE, "truncated", "disconnect")
_cut("/cut/head-stall", _CUT[:40], End.STALL, "timeout", "time")
_cut("/cut/status-line", _CUT[:7], End.CLOSE, "truncated", "disconnect")
_cut("/cut/nothing", b"", End.CLOSE, "reset", None)
_cut("/cut/nothing-reset", b"", End.RESET, "reset", None)
_cut("/cut/nothing-stall", b"", End.STALL, "timeout", None)
_cut("/cut/close-reset", b"HTTP/1.1 200 OK\r\n\r\n" + HTML, End.RESET, "truncated", "disconnect")
_cut("/cut/chunked-stall", chunked(chunk(SMALL), tail=b""), End.STALL, "timeout", "time")
_cut("/cut/trailer-stall", chunked(chunk(SMALL), tail=b"0\r\n"), End.STALL, "ok", None)


def _drips(size: int, *, seconds: float) -> Iterator[Part]:
    page = message(HTML)
    for start in range(0, len(page), size):
        yield page[start : start + size]
        yield Pause(seconds=seconds)


def _endless(start: bytes, again: bytes, *, seconds: float = 0) -> Iterator[Part]:
    yield start
    for part in repeat(again):
        yield part
        if seconds:
            yield Pause(seconds=seconds)


_FREE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
_LONG = {"outcome": "too_large", "truncated": "length", "whole": False}
_add("/slow/drips", lambda: _drips(200, seconds=0.01))
_add(
    "/slow/for-ever",
    lambda: _endless(_FREE + b"\r\n", b"x", seconds=0.05),
    outcome="timeout",
    truncated="time",
    whole=False,
)
_add("/endless/body", lambda: _endless(_FREE + b"\r\n", b"x" * 65536), **_LONG)
_add(
    "/endless/length",
    lambda: _endless(_FREE + b"Content-Length: %d\r\n\r\n" % 2**40, b"x" * 65536),
    **_LONG,
)
_add(
    "/endless/chunks",
    lambda: _endless(_FREE + b"Transfer-Encoding: chunked\r\n\r\n", chunk(b"x" * 65536)),
    **_LONG,
)
_add("/endless/head", lambda: _endless(_FREE, b"X-More: and more\r\n" * 500), **_LONG)
_add("/endless/field", lambda: _endless(_FREE + b"X: ", b"x" * 65536), **_LONG)
_add("/endless/fields", lambda: [message(b"", *[b"X: y"] * 100_000)], **_LONG)

# --- not HTTP ---------------------------------------------------------------------------------

_add("/not-http/html", HTML, end=End.CLOSE, outcome="not_http")
_add("/not-http/short", b"?", end=End.CLOSE, outcome="not_http")
_add("/not-http/ssh", b"SSH-2.0-OpenSSH_9.9\r\n", end=End.CLOSE, outcome="not_http")
_add("/not-http/stall", b"220 mail ready\r\n", end=End.STALL, outcome="not_http", truncated="time")
_add("/not-http/binary", bytes(range(256)) * 8, end=End.CLOSE, outcome="not_http")
_add("/not-http/status", b"HTTP/1.1 fine\r\n\r\nbody", end=End.CLOSE, outcome="not_http")
_add("/not-http/icy", b"ICY 200 OK\r\n\r\nmusic", end=End.CLOSE, outcome="not_http")
_add("/not-http/nul", b"\0" * 20, end=End.CLOSE, outcome="not_http")
_add(
    "/not-http/reset",
    b"+OK POP3 ready\r\n",
    end=End.RESET,
    outcome="not_http",
    truncated="disconnect",
)
_add("/not-http/word", b"HTTPS is better\n", end=End.CLOSE, outcome="not_http")
_add(
    "/not-http/endless",
    lambda: _endless(b"\x00\x01", b"x" * 65536),
    outcome="not_http",
    truncated="length",
    whole=False,
)


# --- bombs: small messages, a gibibyte of zeros each (64 MiB where a coding cannot be joined) ---


@cache
def bomb(coding: str) -> bytes:
    """Return a small body that decodes to very much."""
    zeros = b"\0" * MIB
    match coding:
        case "gzip":
            return gzip.compress(zeros) * 1024
        case "deflate":
            compressor = zlib.compressobj(9)
            blocks = [
                compressor.compress(zeros) + compressor.flush(zlib.Z_FULL_FLUSH) for _ in range(64)
            ]
            return b"".join(blocks) + compressor.flush()
        case "br":
            return brotli.compress(zeros * 64, quality=4)
        case "zstd":
            return zstd.compress(zeros) * 1024
        case _:
            return gzip.compress(bomb("gzip"))


for _name in ("gzip", "deflate", "br", "zstd"):
    _add(f"/bomb/{_name}", lambda name=_name: [coded(name.encode(), bomb(name))])
_add("/bomb/double", lambda: [coded(b"gzip, gzip", bomb("double"))])


# --- asked for by HEAD and POST ---------------------------------------------------------------


def _asked(method: str, path: str, parts: bytes, *, end: End = End.KEEP, **told: str) -> None:
    ASKED_OTHERWISE[path] = Behaviour(
        parts=partial(tuple, (parts,)), end=end, method=method, **told
    )


_HEAD_ONLY = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
_asked("HEAD", "/asked-head/length", _HEAD_ONLY + b"Content-Length: 5000\r\n\r\n")
_asked("HEAD", "/asked-head/no-length", _HEAD_ONLY + b"\r\n")
_asked("HEAD", "/asked-head/chunked", _HEAD_ONLY + b"Transfer-Encoding: chunked\r\n\r\n")
_asked(
    "HEAD", "/asked-head/transfer-gzip", _HEAD_ONLY + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
)
_asked("HEAD", "/asked-head/gzip", _HEAD_ONLY + b"Content-Encoding: gzip\r\n\r\n")
_asked("HEAD", "/asked-head/body", message(HTML))
_asked("HEAD", "/asked-head/chunked-body", chunked(chunk(SMALL)))
_asked("HEAD", "/asked-head/interim", b"HTTP/1.1 103 x\r\n\r\n" + _HEAD_ONLY + b"\r\n")
_asked("HEAD", "/asked-head/404", b"HTTP/1.1 404 x\r\n\r\n", outcome="client_error")
_asked("HEAD", "/asked-head/304", b"HTTP/1.1 304 x\r\n\r\n", outcome="not_modified")
_asked("HEAD", "/asked-head/302", b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n", outcome="redirect")
_asked("HEAD", "/asked-head/not-http", SMALL, end=End.CLOSE, outcome="not_http")
_asked("HEAD", "/asked-head/nothing", b"", end=End.CLOSE, outcome="reset")
_asked(
    "HEAD", "/asked-head/cut", _HEAD_ONLY[:30], end=End.CLOSE,
    outcome="truncated", truncated="disconnect",
)  # fmt: skip
_asked("POST", "/asked-post/page", message(HTML))
_asked("POST", "/asked-post/continue", b"HTTP/1.1 100 Continue\r\n\r\n" + message())
_asked("POST", "/asked-post/201", message(b"", b"Location: /page", status=b"201 Created"))
_asked(
    "POST", "/asked-post/303", message(b"", b"Location: /page", status=b"303 x"), outcome="redirect"
)
_asked("POST", "/asked-post/204", b"HTTP/1.1 204 x\r\n\r\n")
_asked(
    "POST", "/asked-post/405", message(b"", b"Allow: GET", status=b"405 x"), outcome="client_error"
)
_asked("POST", "/asked-post/chunked", chunked(chunk(SMALL), tail=b"0\r\nA: 1\r\n\r\n"))
_asked("POST", "/asked-post/surplus", message() + b"more")
_asked("POST", "/asked-post/nothing", b"", end=End.CLOSE, outcome="reset")
_asked("POST", "/asked-post/not-http", b"\0\1", end=End.CLOSE, outcome="not_http")
_asked(
    "POST", "/asked-post/cut", message(HTML)[:400], end=End.RESET,
    outcome="truncated", truncated="disconnect",
)  # fmt: skip
