"""Exchanges for tests, with the digests a wire client gives, made in one line."""

import base64
import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from storage.message import entity, parse_head
from storage.model import Exchange, Outcome, Tls, Truncation

AT = datetime(2026, 11, 22, 13, 14, 15, 123456, tzinfo=UTC)
URL = "http://paper.example/node/1"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<p>A page</p>"


def sha1(data: bytes) -> str:
    """Return a digest as records spell it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def asked(url: str) -> bytes:
    """Return the bytes of a plain request."""
    host, _, path = url.partition("://")[2].partition("/")
    return f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("utf-8", "replace")


def answered(
    answer: bytes = PAGE,
    *,
    url: str = URL,
    at: datetime = AT,
    outcome: Outcome = Outcome.OK,
    reason: str = "",
    truncated: Truncation | None = None,
    interim: bytes = b"",
    surplus: bytes = b"",
    tls: Tls | None = None,
    digests: bool = True,
) -> Exchange:
    """Make an exchange of an answer as it came; without ``digests`` the writer has to find them."""
    head = parse_head(answer)
    payload = b"".join(entity(io.BytesIO(answer)))
    return Exchange(
        url=url,
        method="GET",
        started_at=at,
        took=timedelta(milliseconds=42),
        outcome=outcome,
        reason=reason,
        request=asked(url),
        answer=io.BytesIO(answer),
        answer_bytes=len(answer),
        head_bytes=head.size_bytes if head else 0,
        status=head.status if head else None,
        headers=head.fields if head else (),
        block_digest=sha1(answer) if digests else None,
        payload_digest=sha1(payload) if digests and head else None,
        payload_bytes=len(payload),
        truncated=truncated,
        interim=interim,
        surplus=surplus,
        address="192.0.2.7",
        tls=tls,
    )


def unanswered(
    *, outcome: Outcome, reason: str, request: bytes = b"", url: str = URL, at: datetime = AT
) -> Exchange:
    """Make an exchange that brought no byte."""
    return Exchange(
        url=url,
        method="GET",
        started_at=at,
        took=timedelta(seconds=5),
        outcome=outcome,
        reason=reason,
        request=request,
    )


def message(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """Return an answer with a length and these header fields."""
    lines = (f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode() + body


def chunked(pieces: Iterable[bytes], *fields: str) -> bytes:
    """Return an answer in chunks."""
    lines = ("HTTP/1.1 200 OK", *fields, "Transfer-Encoding: chunked", "", "")
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return "\r\n".join(lines).encode() + body + b"0\r\n\r\n"
