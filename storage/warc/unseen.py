"""Find the bits of a gzip member that no reader sees and no check sum covers.

They stand in its header (RFC 1952 §2.3), where a stored block begins, and before its trailer
(RFC 1951 §3.2.4): deflate leaves them out to reach the next byte. Our writers leave them at zero,
so a bit that is set there was flipped, and tells in which record.
"""

import zlib
from collections.abc import Iterator
from itertools import islice
from typing import IO

from storage.warc.member import OUR_HEADERS, Decoder

_TRAILER_BYTES = 8
_PROBE_BYTES = 64
_PIECE_BYTES = 1 << 16
_LARGEST_BYTES = 64 << 20
"""In a larger member only the header is looked at: it is held in memory."""
_MOST_PLACES = 10_000
"""A body may be made of what looks like the beginnings of blocks."""


def odd_member(source: IO[bytes]) -> int | None:
    """Return where the first member begins in which such a bit is set, or None.

    Raise MemberError where a member is damaged.
    """
    offset = 0
    while True:
        source.seek(offset)
        header = source.read(len(OUR_HEADERS[0]))
        if not header:
            return None
        if header not in OUR_HEADERS:
            return offset
        decoder = Decoder(source, offset=offset)
        while decoder.read():
            pass
        if decoder.length <= _LARGEST_BYTES:
            source.seek(offset + len(header))
            if has_odd_padding(source.read(decoder.length - len(header))):
                return offset
        offset += decoder.length


def has_odd_padding(rest: bytes) -> bool:
    """Say whether a bit is set between the blocks of a sound member, given without its header."""
    stream, trailer = rest[:-_TRAILER_BYTES], rest[-_TRAILER_BYTES:]
    run = _Run(zlib.decompressobj(wbits=-15))
    done = 0
    for place in islice(_places(stream), _MOST_PLACES):
        byte = stream[place]
        run.feed(stream[done:place])
        done = place
        # What is left out lies above all that is said in a byte.
        cleared = bytes((byte ^ (1 << byte.bit_length() - 1),))
        if _is_same(run, stream, place, cleared) and run.ends(
            cleared + stream[place + 1 :], trailer
        ):
            return True
    return False


def _places(stream: bytes) -> Iterator[int]:
    """Yield the bytes, of those that are not zero, in which a stored block may begin, and the last.

    The length of such a block follows it, and again with every bit turned round.
    """
    one, other = (int.from_bytes(part, "big") for part in (stream[1:-2], stream[3:]))
    turned = (one ^ other).to_bytes(max(len(stream) - 3, 0), "big")
    at = turned.find(b"\xff\xff")
    while at >= 0:
        if stream[at]:
            yield at
        at = turned.find(b"\xff\xff", at + 1)
    if stream and stream[-1]:
        yield len(stream) - 1


class _Run:
    """A stream inflated so far, with the sum of what came."""

    def __init__(self, inflate: "zlib._Decompress", check: int = 0, size: int = 0) -> None:
        self._inflate = inflate
        self._check = check
        self._size = size

    def copy(self) -> "_Run":
        return _Run(self._inflate.copy(), self._check, self._size)

    def feed(self, data: bytes) -> None:
        while data:
            piece = self._inflate.decompress(data, _PIECE_BYTES)
            self._check = zlib.crc32(piece, self._check)
            self._size += len(piece)
            data = self._inflate.unconsumed_tail

    def told(self) -> tuple[int, int, int | None]:
        """Return its check sum and size, and how many bytes were left when it ended, or None."""
        left = len(self._inflate.unused_data) if self._inflate.eof else None
        return self._check, self._size, left

    def ends(self, data: bytes, trailer: bytes) -> bool:
        """Say whether it ends with these bytes, and as its trailer says."""
        other = self.copy()
        try:
            other.feed(data)
        except zlib.error:
            return False
        check, size, left = other.told()
        said = check.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
        return left == 0 and said == trailer


def _is_same(run: _Run, stream: bytes, place: int, cleared: bytes) -> bool:
    """Say whether the next bytes come to the same with one of them changed."""
    ahead = stream[place + 1 : place + _PROBE_BYTES]
    as_it_is, changed = run.copy(), run.copy()
    try:
        as_it_is.feed(stream[place : place + 1] + ahead)
        changed.feed(cleared + ahead)
    except zlib.error:
        return False
    return as_it_is.told() == changed.told()
