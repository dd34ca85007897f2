"""Encode and decode one gzip member, the envelope of one WARC record (WARC/1.1 annex D)."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import IO, Protocol

from storage.errors import RecordError

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
OUR_HEADERS = (_HEADER, zlib.compress(b"", 9, 31)[: len(_HEADER)])
"""That of our members, and that of those which warcio writes for us (``derived``)."""
_STORED_MAX = 0xFFFF
_STORED_HEADER = Struct("<BHH").pack
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
_TRAILER = Struct("<II").pack
_FIRST_INPUT_BYTES = 1 << 12
_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 18

TEXT_BYTES = 4096
"""From more than this on what is deflated is more than the heads of a record."""


class Deflate(Protocol):
    """Deflate a stream of bytes, as the objects of zlib do."""

    def compress(self, data: bytes, /) -> bytes:
        """Take bytes, and return what is ready of their deflated form."""

    def flush(self, mode: int = zlib.Z_FINISH, /) -> bytes:
        """Return what was held back, by default with the end of the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A library that deflates, set for a record's head and for a body of text, and sums up."""

    head: Callable[[], Deflate]
    text: Callable[[], Deflate]
    crc32: Callable[[bytes, int], int]


# A record's head is a few hundred bytes: a window of 4 KiB packs it as well as one of 32 KiB and
# is ready five times sooner. Bodies of text get the full window, at the level where the next one
# doubles the time for less than a tenth of the size.
ZLIB = Engine(
    head=partial(zlib.compressobj, 1, zlib.DEFLATED, -12, 5),
    text=partial(zlib.compressobj, 4, zlib.DEFLATED, -15, 8),
    crc32=zlib.crc32,
)


def _fastest() -> Engine:
    """Return the best engine that is installed."""
    try:
        from isal import isal_zlib  # noqa: PLC0415  # optional
    except ImportError:  # there is none for this machine
        return ZLIB
    # ISA-L packs heads to the same size in half the time, and text smaller in a quarter of it. Its
    # tables are made anew for each: small ones (the last argument), which come from the heap and
    # not from the system, take half the time again, and pack a head as well.
    return Engine(
        head=partial(isal_zlib.compressobj, 1, zlib.DEFLATED, -15, 1),
        text=partial(isal_zlib.compressobj, 3, zlib.DEFLATED, -15, 6),
        crc32=isal_zlib.crc32,
    )


FASTEST = _fastest()


class Encoder:
    """Encode one gzip member piece by piece: first what is deflated, then what is only stored.

    ``text`` says that a body of text will be deflated, not only the head of a record. Stored
    deflate blocks (RFC 1951 §3.2.4) are for bytes that are compressed already.
    """

    __slots__ = ("_check", "_crc32", "_deflate", "_size", "_write")

    def __init__(
        self, write: Callable[[bytes], None], *, text: bool, engine: Engine = FASTEST
    ) -> None:
        self._deflate: Deflate | None = engine.text() if text else engine.head()
        self._crc32 = engine.crc32
        self._write = write
        self._check = 0
        self._size = 0
        write(_HEADER)

    def pack(self, data: bytes) -> None:
        """Deflate these bytes; not to be called after ``store``."""
        if self._deflate is None:
            raise RecordError("a WARC record cannot be deflated behind a stored block")
        self._count(data)
        self._write(self._deflate.compress(data))

    def store(self, data: bytes) -> None:
        """Store these bytes as they are, in blocks of at most 65,535."""
        self._count(data)
        if self._deflate is not None:
            # A sync flush ends on a byte boundary, where a stored block may begin.
            self._write(self._deflate.flush(zlib.Z_SYNC_FLUSH))
            self._deflate = None
        if len(data) <= _STORED_MAX:  # as of most pages: not copied once more
            self._write(_STORED_HEADER(0, len(data), len(data) ^ _STORED_MAX))
            self._write(data)
            return
        for start in range(0, len(data), _STORED_MAX):
            block = data[start : start + _STORED_MAX]
            self._write(_STORED_HEADER(0, len(block), len(block) ^ _STORED_MAX))
            self._write(block)

    def end(self) -> None:
        """Close the member: last block, check sum, size."""
        self._write(_LAST_BLOCK if self._deflate is None else self._deflate.flush())
        self._write(_TRAILER(self._check, self._size & 0xFFFFFFFF))

    def _count(self, data: bytes) -> None:
        self._check = self._crc32(data, self._check)
        self._size += len(data)


class MemberError(RecordError):
    """Say that no whole record lies here: it is cut, damaged, or never was one."""


class Decoder:
    """Decode the one gzip member that begins at ``offset``, and hold it to its check sum.

    ``read`` raises ``MemberError`` where the member breaks off or is damaged, and returns ``b""``
    at its end, when ``length`` is that of the member.
    """

    def __init__(self, source: IO[bytes], *, offset: int) -> None:
        self._source = source
        self._inflate = zlib.decompressobj(wbits=31)
        self._pending = b""
        self._read_to = offset
        self._offset = offset
        source.seek(offset)

    @property
    def length(self) -> int:
        """Return the length of the member as it lies in the file, up to where it was read."""
        waiting = len(self._pending) + len(self._inflate.unused_data)
        return self._read_to - waiting - self._offset

    def read(self, limit: int = _OUTPUT_BYTES) -> bytes:
        """Return at most ``limit`` decoded bytes, ``b""`` at the end of the member."""
        while not self._ended():
            if not self._pending:
                # Most records are short: what is read beyond their end is read again.
                self._pending = self._source.read(
                    _INPUT_BYTES if self._read_to > self._offset else _FIRST_INPUT_BYTES
                )
                self._read_to += len(self._pending)
                if not self._pending:
                    raise MemberError("it breaks off")
            try:
                data = self._inflate.decompress(self._pending, limit)
            except zlib.error as error:
                raise MemberError(f"it is damaged ({error})") from error
            # At the end what is left is in `unused_data`, and may be in `unconsumed_tail` again.
            self._pending = b"" if self._ended() else self._inflate.unconsumed_tail
            if data:
                return data
        return b""

    def _ended(self) -> bool:
        return self._inflate.eof
