"""Read HTTP/1.x messages as servers really write them, and undo their codings within limits."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, assert_never

from storage.chunks import Dechunker
from storage.coding import decode, decoded, is_known

__all__ = [
    "Dechunker",
    "Framing",
    "Head",
    "Span",
    "codings_of",
    "decode",
    "entity",
    "first_of",
    "framing",
    "head_end",
    "parse_head",
    "transfer_codings",
]

LONGEST_HEAD_BYTES = 4 * 1024 * 1024
"""Where reading a stored block gives up looking for the end of its head."""
LONGEST_ENTITY_BYTES = 128 * 1024 * 1024
"""Where undoing a compressed transfer coding stops: a small bomb must not hold anybody up."""
_PIECE_BYTES = 256 * 1024

# RFC 9112 §4 asks for "HTTP/1.1 200 reason"; servers write lower case, no version, no reason,
# no blank before the reason. The status has three digits or it is not HTTP.
_STATUS_LINE = re.compile(
    rb"(HTTP(?:/\d+(?:\.\d+)?)?)[ \t]+(\d{3})(?!\d)[ \t]*(.*)", re.IGNORECASE | re.DOTALL
)
_HEAD_END = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status line and header fields of an answer; names keep their case, values are latin-1."""

    version: str
    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    size_bytes: int
    """Length of the head on the wire, with its empty line."""
    complete: bool = True
    """False when the bytes ended before the empty line."""
    names: frozenset[str] = field(init=False, repr=False, compare=False)
    """Names of the fields in lower case: most that are asked for are not there."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset([key.lower() for key, _ in self.fields]))

    def values(self, name: str) -> list[str]:
        """Return all values of the field ``name``, which is given in lower case."""
        if name not in self.names:
            return []
        return values_of(self.fields, name)


class Span(StrEnum):
    """What tells where the body of a message ends (RFC 9112 §6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How long a body is; ``length_bytes`` counts only for ``Span.LENGTH``."""

    span: Span
    length_bytes: int = 0


_NONE = Framing(span=Span.NONE)
_CHUNKED = Framing(span=Span.CHUNKED)
_CLOSE = Framing(span=Span.CLOSE)


def head_end(data: bytes | bytearray, start: int = 0) -> int:
    """Return where the head that begins the data ends, or -1; ``start`` skips what was searched."""
    # The empty line may be split over two reads: step back over its first two bytes.
    found = _HEAD_END.search(data, max(0, start - 2))
    return found.end() if found else -1


def parse_head(data: bytes | bytearray, end: int | None = None) -> Head | None:
    """Read the head at the start of ``data``; None when the data is not the start of an answer.

    Lines may end in LF alone. Folded lines are joined by one blank (RFC 9112 §5.2), blanks before
    the colon are dropped, lines without a colon are no fields. A head that is cut is read as far
    as it goes. ``end`` is what ``head_end`` says of the data, where that was asked already.
    """
    if end is None:
        end = head_end(data)
    size = end if end >= 0 else len(data)
    first, _, rest = bytes(data[:size]).partition(b"\n")
    status_line = _STATUS_LINE.match(first.rstrip(b"\r"))
    if status_line is None:
        return None
    version, status, reason = status_line.groups()
    return Head(
        version=version.decode("latin-1"),
        status=int(status),
        reason=reason.decode("latin-1").strip(" \t"),
        fields=tuple(_fields(rest.decode("latin-1"))),
        size_bytes=size,
        complete=end >= 0,
    )


def _fields(text: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    inside = False
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            if inside and (folded := line.strip(" \t\r")):
                name, value = fields[-1]
                fields[-1] = (name, f"{value} {folded}" if value else folded)
            continue
        name, colon, value = line.partition(":")
        name = name.strip(" \t\r")
        inside = bool(colon and name)
        if inside:
            fields.append((name, value.strip(" \t\r")))
    return fields


def framing(head: Head, method: str) -> Framing:
    """Say where the body of an answer ends, by RFC 9112 §6.3, for the method of its request.

    Where the standard calls a length invalid (not a number, two that differ), the body goes to
    the end of the connection, so that no byte of it is lost. ``chunked`` counts for HTTP/1.0 too;
    a transfer coding that nobody knows counts for nothing, as browsers have it.
    """
    if method == "HEAD" or head.status in (204, 304) or head.status < 200:
        return _NONE
    codings = [one for one in _transfer_items(head) if one == "chunked" or is_known(one)]
    if codings:
        return _CHUNKED if codings[-1] == "chunked" else _CLOSE
    values = head.values("content-length")
    lengths = set(values if len(values) == 1 and values[0].isdigit() else _items(values))
    if len(lengths) != 1:
        return _CLOSE
    length = lengths.pop()
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        return _CLOSE
    return Framing(span=Span.LENGTH, length_bytes=int(length))


def transfer_codings(head: Head) -> tuple[str, ...]:
    """Return the transfer codings below ``chunked`` that can be undone, in the order applied."""
    return tuple(one for one in _transfer_items(head) if is_known(one))


def first_of(fields: Sequence[tuple[str, str]], name: str) -> str | None:
    """Return the first value of a header field, its name in lower case, or None."""
    size = len(name)  # of most names this alone tells that they are others
    for key, value in fields:
        if len(key) == size and key.lower() == name:
            return value
    return None


def values_of(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Return all values of a header field, its name in lower case."""
    size = len(name)
    return [value for key, value in fields if len(key) == size and key.lower() == name]


def codings_of(fields: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the content codings that header fields declare, in the order they were applied."""
    return tuple(_items(values_of(fields, "content-encoding")))


def transfer_of(fields: Sequence[tuple[str, str]]) -> str:
    """Return the transfer codings of an answer as one text, in lower case; empty for none."""
    return ", ".join(values_of(fields, "transfer-encoding")).lower()


def _transfer_items(head: Head) -> list[str]:
    if "transfer-encoding" not in head.names:
        return []
    # Codings may have parameters (RFC 9112 §7); several fields are one list (RFC 9110 §5.3).
    items = _items(head.values("transfer-encoding"))
    return [one.partition(";")[0].rstrip(" \t") for one in items]


def _items(values: Sequence[str]) -> list[str]:
    if not values:
        return []
    parts = (part.strip(" \t").lower() for value in values for part in value.split(","))
    return [part for part in parts if part]


def entity(block: IO[bytes]) -> Iterator[bytes]:
    """Yield the entity body of a stored response block: transfer codings removed, nothing else.

    Start at the block's present position. A block that is not HTTP is its own entity; a body that
    claims to be chunked or compressed and is not (other archives store such) comes as it is. What
    a compressed transfer coding holds is cut at ``LONGEST_ENTITY_BYTES``.
    """
    start = bytearray()
    end = -1
    while end < 0 and len(start) < LONGEST_HEAD_BYTES:
        piece = block.read(_PIECE_BYTES)
        if not piece:
            break
        searched = len(start)
        start += piece
        end = head_end(start, searched)
    head = parse_head(start)
    if head is None:
        yield bytes(start)
        yield from _pieces(block)
        return
    if not head.complete:
        return
    body = _framed(bytes(start[head.size_bytes :]), block, framing(head, "GET").span)
    codings = transfer_codings(head)
    yield from decoded(body, codings, limit_bytes=LONGEST_ENTITY_BYTES) if codings else body


def _framed(body: bytes, block: IO[bytes], span: Span) -> Iterator[bytes]:
    """Yield a body, of which the start has been read, without its framing."""
    match span:
        case Span.NONE:
            return
        case Span.CHUNKED:
            yield from _dechunked(body, block)
        case Span.LENGTH | Span.CLOSE:
            yield body
            yield from _pieces(block)
        case _:
            assert_never(span)


def _dechunked(body: bytes, block: IO[bytes]) -> Iterator[bytes]:
    dechunker = Dechunker()
    yield dechunker.feed(body)
    for piece in _pieces(block):
        if dechunker.done:
            return
        yield dechunker.feed(piece)
    yield dechunker.end()


def _pieces(block: IO[bytes]) -> Iterator[bytes]:
    while piece := block.read(_PIECE_BYTES):
        yield piece
