"""Hold the block of an answer, small in memory or large in its file, and pack it piece by piece."""

import io
from collections.abc import Iterator, Sequence
from typing import IO

from storage.errors import RecordError
from storage.message import entity, values_of
from storage.model import Exchange
from storage.warc import fields

Block = bytes | IO[bytes]

_PIECE_BYTES = 1 << 18
_SMALL_BYTES = 1 << 20
_PACKED_KINDS = ("video/", "audio/", "image/", "font/woff")
_PLAIN_IMAGES = ("image/svg", "image/bmp", "image/x-icon", "image/vnd.microsoft.icon")
_PACKED_TYPES = frozenset(
    {
        "application/zip",
        "application/gzip",
        "application/x-gzip",
        "application/pdf",
        "application/font-woff",
        "application/font-woff2",
        "application/x-7z-compressed",
        "application/epub+zip",
    }
)


def loaded(exchange: Exchange) -> Block:
    """Return the answer as bytes when it is small, else as the file it lies in."""
    answer = exchange.answer
    if answer is None:
        raise RecordError(f"{exchange.url} brought no answer that could be kept")
    if exchange.answer_bytes > _SMALL_BYTES:
        return answer
    answer.seek(0)
    block = answer.read(exchange.answer_bytes + 1)
    refuse_other_size(len(block), exchange.answer_bytes)
    return block


def refuse_other_size(found: int, told: int) -> None:
    """Refuse a block that is not as long as its exchange says: its digests would be wrong too."""
    if found != told:
        raise RecordError(f"the answer has not the {told} bytes its exchange says")


def pieces(block: Block) -> Iterator[bytes]:
    """Yield the block from its start, never whole when it lies in a file."""
    if isinstance(block, bytes):
        yield block
        return
    block.seek(0)
    while piece := block.read(_PIECE_BYTES):
        yield piece


def first(block: Block, size: int) -> bytes:
    """Return the first bytes of the block."""
    if isinstance(block, bytes):
        return block[:size]
    block.seek(0)
    return block.read(size)


def payload_digest(block: Block) -> str:
    """Return the digest of the entity body in a response block (WARC/1.1 §5.9)."""
    source = io.BytesIO(block) if isinstance(block, bytes) else block
    source.seek(0)
    return fields.digest(entity(source))


def is_packed(headers: Sequence[tuple[str, str]]) -> bool:
    """Tell whether the body came compressed, so that deflating it again would only cost time."""
    # Where a server says it twice, the last is taken.
    coding = values_of(headers, "content-encoding")
    if coding and coding[-1].lower() not in ("", "identity"):
        return True
    kinds = values_of(headers, "content-type")
    kind = kinds[-1].partition(";")[0].strip().lower() if kinds else ""
    if kind.startswith(_PACKED_KINDS):
        return not kind.startswith(_PLAIN_IMAGES)
    return kind in _PACKED_TYPES
