"""Compute the digests a record claims, in one pass over its block."""

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Protocol, cast

from storage.message import Span, entity, framing, head_end, parse_head
from storage.warc.checks.fault import Kind, Report, quoted
from storage.warc.checks.head import Head, bare

_SMALL_BYTES = 1 << 20
_LONGEST_HTTP_HEAD_BYTES = 4 << 20
_PIECE_BYTES = 1 << 18
_HOLD_PAYLOAD = ("response", "resource", "request", "conversion")
_ALGORITHMS = {
    name.replace("_", "").replace("-", ""): name
    for name in hashlib.algorithms_available
    if not name.startswith("shake") and name in hashlib.algorithms_guaranteed | {"sha512_256"}
}


_SIZES = {
    name: hashlib.new(name, usedforsecurity=False).digest_size for name in _ALGORITHMS.values()
}
_BASE_32 = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "0189", "0123456789ABCDEFGHIJKLMNOPQRSTUV" + "ZZZZ"
)


class _Sum(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A digest as a field names it: ``value`` None when its algorithm or spelling is unknown."""

    text: str
    algorithm: str
    value: bytes | None


def claim_of(text: str) -> Claim:
    """Read a labelled digest, its value in base 32 or in hexadecimal (WARC/1.1 §5.8)."""
    label, _, value = text.partition(":")
    name = _ALGORITHMS.get(label) or _ALGORITHMS.get(
        label.strip().lower().replace("-", "").replace("_", ""), ""
    )
    if not name:
        return Claim(text, "", None)
    return Claim(text, name, _decoded(value.strip(), _SIZES[name]))


def _decoded(value: str, size: int) -> bytes | None:
    try:
        if len(value) == 2 * size and "=" not in value:
            return bytes.fromhex(value)
        if 5 * len(value) == 8 * size and value.isalnum() and value.isascii():
            # The library's own decoder costs more than the digest of a small record.
            return int(value.upper().translate(_BASE_32), 32).to_bytes(size, "big")
        padded = value.rstrip("=").upper()
        found = base64.b32decode(padded + "=" * (-len(padded) % 8))
    except (ValueError, OverflowError):
        return None
    return found if len(found) == size else None


def judge_block(head: Head, size: int, pieces: Iterator[bytes], report: Report) -> int:
    """Take the block piece by piece, hold it to the digests of the record; return its length."""
    block = _claim(head, "warc-block-digest", "WARC-Block-Digest", report)
    payload = _payload_claim(head, report)
    if size <= _SMALL_BYTES:
        whole = b"".join(pieces)
        if _agree(head, whole, block, payload):
            return len(whole)
        pieces = iter((whole,) if whole else ())
    tee = _Tee(pieces, _sum(block))
    as_sent: _Sum | None = None
    found: _Sum | None = None
    if payload is not None:
        found, as_sent = _payload_sums(head, tee, payload)
    tee.drain()
    if block is not None and tee.sum is not None and tee.sum.digest() != block.value:
        says = f"its block is not that of its WARC-Block-Digest {quoted(block.text)}"
        report.add(Kind.BLOCK_DIGEST, f"{says}: block or digest changed since it was written")
    if payload is not None and found is not None and found.digest() != payload.value:
        sums = {
            "of the body with its chunks, as it was transferred": as_sent,
            "of no byte at all": _sum(payload),
        }
        if block is not None and block.algorithm == payload.algorithm:
            sums["of the whole block, HTTP head included"] = tee.sum
        _tell_payload(payload, sums, report)
    return tee.count


def _agree(head: Head, block: bytes, claimed: Claim | None, payload: Claim | None) -> bool:
    """Tell quickly of a block in memory that nothing is wrong with it; else it is looked into."""
    if claimed is not None and _digest(claimed, block) != claimed.value:
        return False
    if payload is None:
        return True
    found = hashlib.new(payload.algorithm, usedforsecurity=False)
    if not _is_http(head):
        found.update(block)
    elif head.type == "response":
        for piece in entity(io.BytesIO(block)):
            found.update(piece)
    return found.digest() == payload.value


def _digest(claim: Claim, data: bytes) -> bytes:
    return hashlib.new(claim.algorithm, data, usedforsecurity=False).digest()


def _is_http(head: Head) -> bool:
    """Tell whether the payload is the entity body of the block (WARC/1.1 §6.3.2 and §6.5.2)."""
    if head.type not in ("response", "request"):
        return False
    uri, kind = bare(head.get("warc-target-uri")), head.get("content-type")
    return kind.lower().startswith("application/http") or uri[:4].lower() == "http"


def _tell_payload(payload: Claim, sums: Mapping[str, _Sum | None], report: Report) -> None:
    says = f"WARC-Payload-Digest {quoted(payload.text)} is not that of the entity body"
    for name, one in sums.items():
        if one is not None and one.digest() == payload.value:
            says = f"{says}, but {name}"
            break
    report.add(Kind.PAYLOAD_DIGEST, f"{says} (WARC/1.1 §5.9, RFC 9112 §6)")


def _claim(head: Head, field: str, name: str, report: Report) -> Claim | None:
    text = head.get(field)
    if ":" not in text:
        return None  # none, or one whose form is a fault already
    claim = claim_of(text)
    if claim.value is not None:
        return claim
    why = "its value has not the length of one" if claim.algorithm else "the algorithm is unknown"
    report.add(Kind.NOT_CHECKED, f"{name} {quoted(text)} was not checked: {why}")
    return None


def _payload_claim(head: Head, report: Report) -> Claim | None:
    """Return the digest of a payload that is in this block; that of a revisit is elsewhere."""
    if head.type not in _HOLD_PAYLOAD:
        return None
    claim = _claim(head, "warc-payload-digest", "WARC-Payload-Digest", report)
    if claim is not None and head.get("warc-segment-number"):
        says = "its WARC-Payload-Digest was not checked: it is of all its segments (WARC/1.1 §7)"
        report.add(Kind.NOT_CHECKED, says)
        return None
    return claim


def _sum(claim: Claim | None) -> _Sum | None:
    return None if claim is None else hashlib.new(claim.algorithm, usedforsecurity=False)


def _payload_sums(head: Head, tee: "_Tee", payload: Claim) -> tuple[_Sum, _Sum | None]:
    """Return the digest over the entity body, and that over the body with its chunks, if any."""
    found = hashlib.new(payload.algorithm, usedforsecurity=False)
    if not _is_http(head):
        for piece in tee:
            found.update(piece)
        return found, None
    start, end = _http_head(tee)
    as_sent: _Sum | None = None
    first = start[:end]
    if head.type == "request":
        # The body of a request is framed by the same fields as that of an answer (RFC 9112 §6).
        first = b"HTTP/1.1 200 OK\r\n" + first.partition(b"\n")[2]
    parsed = parse_head(first)
    if parsed is not None and framing(parsed, "GET").span is Span.CHUNKED:
        as_sent = hashlib.new(payload.algorithm, usedforsecurity=False)
    rest = _Rest(start[end:], tee, as_sent)
    message = _Joined(first, rest)
    for piece in entity(cast("IO[bytes]", message)):
        found.update(piece)
    rest.drain()
    return found, as_sent


def _http_head(tee: "_Tee") -> tuple[bytes, int]:
    start = bytearray()
    end = -1
    while end < 0 and len(start) < _LONGEST_HTTP_HEAD_BYTES and (piece := tee.read(_PIECE_BYTES)):
        searched = len(start)
        start += piece
        end = head_end(start, searched)
    return bytes(start), end if end >= 0 else len(start)


class _Tee:
    """Give out a block piece by piece, and put each into the digest of the block."""

    def __init__(self, pieces: Iterator[bytes], total: _Sum | None) -> None:
        self._pieces = pieces
        self._held = b""
        self.sum = total
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_PIECE_BYTES):
            yield piece

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, ``b""`` at the end."""
        piece = self._held or next(self._pieces, b"")
        if piece and not self._held:
            self.count += len(piece)
            if self.sum is not None:
                self.sum.update(piece)
        part, self._held = piece[:size], piece[size:]
        return part

    def drain(self) -> None:
        """Take all that is left."""
        for _ in self:
            pass


class _Rest:
    """Give out what follows the head of a message, and put it into a digest as it was sent."""

    def __init__(self, start: bytes, tee: _Tee, as_sent: _Sum | None) -> None:
        self._start = io.BytesIO(start)
        self._tee = tee
        self._as_sent = as_sent

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, ``b""`` at the end."""
        part = self._start.read(size) or self._tee.read(size)
        if self._as_sent is not None:
            self._as_sent.update(part)
        return part

    def drain(self) -> None:
        """Take all that is left."""
        while self.read(_PIECE_BYTES):
            pass


class _Joined:
    """Give out a head and then what follows it, as ``entity`` reads a block."""

    def __init__(self, first: bytes, rest: _Rest) -> None:
        self._first = io.BytesIO(first)
        self._rest = rest

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, ``b""`` at the end."""
        return self._first.read(size) or self._rest.read(size)
