"""Encode and decode one gzip member, the envelope of one WARC record (WARC/1.1 annex D)."""

import struct
import zlib
from collections.abc import Callable
from typing import IO

from storage.errors import RecordError

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_STORED_MAX = 0xFFFF
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
_FIRST_INPUT_BYTES = 1 << 12
_INPUT_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 18

# A record's head is a few hundred bytes: a window of 4 KiB packs it as well as one of 32 KiB
# and is ready five times sooner. Bodies of text get the full window, at the level where the next
# one doubles the time for less than a tenth of the size.
_HEAD_LEVEL, _HEAD_WINDOW, _HEAD_MEMORY = 1, -12, 5
_TEXT_LEVEL, _TEXT_WINDOW, _TEXT_MEMORY = 4, -15, 8


class Encoder:
    """Encode one gzip member: first what is worth deflating, then what is only stored.

    ``text`` says that a body of text will be deflated, not only the head of a record. Stored
    deflate blocks (RFC 1951 §3.2.4) are for bytes that are compressed already.
    """

    __slots__ = ("_check", "_deflate", "_size", "_write")

    def __init__(self, write: Callable[[bytes], None], *, text: bool) -> None:
        if text:
            shape = (_TEXT_LEVEL, zlib.DEFLATED, _TEXT_WINDOW, _TEXT_MEMORY)
        else:
            shape = (_HEAD_LEVEL, zlib.DEFLATED, _HEAD_WINDOW, _HEAD_MEMORY)
        self._deflate: zlib._Compress | None = zlib.compressobj(*shape)
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
        for start in range(0, len(data), _STORED_MAX):
            block = data[start : start + _STORED_MAX]
            self._write(struct.pack("<BHH", 0, len(block), len(block) ^ _STORED_MAX))
            self._write(block)

    def end(self) -> None:
        """Close the member: last block, check sum, size."""
        last = _LAST_BLOCK if self._deflate is None else self._deflate.flush()
        self._write(last + struct.pack("<II", self._check, self._size & 0xFFFFFFFF))

    def _count(self, data: bytes) -> None:
        self._check = zlib.crc32(data, self._check)
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
