"""Serve the bench's site from memory, as cheaply as can be; ends when its standard input does.

Every article stands three times: ``/a/…`` names its charset in Content-Type, ``/b/…`` does not, and
``/t/…`` is another one in its tokens whenever it is asked for.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import socket
import sys
import time
from pathlib import Path

import articles
import uvloop
from lists import CONTENT_TYPES, HOSTS

DATE = "Sun, 22 Nov 2026 12:00:00 GMT"

Answer = tuple[bytes, bytes]
"""Head and body."""
Site = dict[bytes, tuple[Answer, Answer]]
"""By path: the answer as it is, and compressed."""

TOKENS = (
    b'<script nonce="%x">window.request = "%x"</script>'
    b'<meta name="csrf-token" content="%x"><link rel="stylesheet" href="/static/paper.css?%x">'
)

NOT_FOUND = (b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", b"not found")


def answer(kind: str, body: bytes, *, coding: str = "") -> Answer:
    """Return an answer with the head that usual servers send."""
    head = (
        f"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: {DATE}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: keep-alive\r\nVary: Accept-Encoding\r\n"
        f"Last-Modified: Fri, 10 Oct 2014 10:10:10 GMT\r\n"
        f"Cache-Control: public, max-age=600\r\n"
    )
    coded = f"Content-Encoding: {coding}\r\n" if coding else ""
    return f"{head}{coded}\r\n".encode(), body


def site(count: int) -> Site:
    """Render the whole site with this many articles."""
    made: Site = {}
    style = articles.style()
    made[articles.STYLE_PATH.encode()] = (
        answer("text/css", style),
        answer("text/css", articles.packed(style), coding="gzip"),
    )
    for number in range(articles.PICTURES):
        photo = answer("image/jpeg", articles.picture(number))
        made[f"/static/{number}.jpg".encode()] = (photo, photo)
    for number in range(count):
        body = articles.page(number)
        packed = articles.packed(body)
        for variant, kind in CONTENT_TYPES.items():
            made[f"/{variant}/{number:05}.html".encode()] = (
                answer(kind, body),
                answer(kind, packed, coding="gzip"),
            )
    return made


class Conversation(asyncio.Protocol):
    """Answer the requests of one connection, one after another."""

    def __init__(self, made: Site) -> None:
        self._site = made
        self._held = b""
        self._asked = time.monotonic_ns()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's is no child of asyncio's

    def data_received(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        if not data.endswith(b"\r\n\r\n"):
            self._held = data
            return
        path = data.split(b" ", 2)[1].partition(b"?")[0]
        if path.startswith(b"/t/"):
            reply = self._with_tokens(path, compressed=b"gzip" in data)
        else:
            found = self._site.get(path)
            reply = NOT_FOUND if found is None else found[b"gzip" in data]
        self._transport.writelines(reply)
        if b"\r\nConnection: close\r\n" in data:
            self._transport.close()

    def _with_tokens(self, path: bytes, *, compressed: bool) -> Answer:
        """Return an article as programs write pages: no two answers are of the same bytes."""
        found = self._site.get(b"/a/" + path[3:])
        if found is None:
            return NOT_FOUND
        self._asked += 1
        tokens = TOKENS % ((self._asked, id(self) + self._asked, self._asked, self._asked))
        body = found[0][1].replace(b"</head>", tokens + b"</head>", 1)
        if compressed:
            return answer(CONTENT_TYPES["a"], articles.packed(body), coding="gzip")
        return answer(CONTENT_TYPES["a"], body)


def sockets() -> list[socket.socket]:
    """Return a listening socket of every host, all with one port."""
    first = socket.create_server((HOSTS[0], 0), backlog=512)
    port = first.getsockname()[1]
    return [first, *(socket.create_server((host, port), backlog=512) for host in HOSTS[1:])]


def write_digests(made: Site, count: int, path: Path) -> None:
    """Write the payload digest of every article, a line each, as WARC files name it."""
    with path.open("w", encoding="ascii") as lines:
        for number in range(count):
            _, (_, packed) = made[f"/b/{number:05}.html".encode()]
            sha1 = hashlib.sha1(packed, usedforsecurity=False).digest()
            lines.write(f"sha1:{base64.b32encode(sha1).decode()}\n")


async def serve(count: int, digests: Path) -> None:
    """Serve until standard input ends; the first line of output names the port."""
    made = site(count)
    write_digests(made, count, digests)
    loop = asyncio.get_running_loop()
    listening = sockets()
    servers = [await loop.create_server(lambda: Conversation(made), sock=one) for one in listening]
    print(json.dumps({"port": listening[0].getsockname()[1]}), flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    for server in servers:
        server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("articles", type=int)
    parser.add_argument("digests", type=Path, help="file to write their payload digests to")
    given = parser.parse_args()
    uvloop.run(serve(given.articles, given.digests))
