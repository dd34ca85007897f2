"""Read a WARC file forward once: bytes, gzip members, and the parts of records within them."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from storage.warc.member import MemberError

MAGIC = b"\x1f\x8b\x08"
_WINDOW_BYTES = 1 << 20
_FIRST_STEP_BYTES = 1 << 12
_STEP_BYTES = 1 << 16
_OUTPUT_BYTES = 1 << 18
_SALVAGE_BYTES = 1 << 16
_PROBE_BYTES = 1 << 9
_LONGEST_NAME_BYTES = 1 << 16
_HEADER_BYTES = 10
_TRAILER_BYTES = 8
# RFC 1952 §2.3.1: the bits of the flag byte.
_HEAD_CHECK, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0


class TornError(MemberError):
    """Say that the file ends in the middle of a member."""


class DamagedError(MemberError):
    """Say that what lies here cannot be inflated."""


class NotMemberError(MemberError):
    """Say that no gzip member begins here."""


class Source(Protocol):
    """What a tape reads: an unbuffered file, or what stands before one."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go on reading from there."""
        ...

    def fileno(self) -> int:
        """Return the descriptor, to look at other places."""
        ...


class Tape:
    """Read the first ``size`` bytes of a file forward, and give back what was read too far.

    A file that grows is read as long as it was when the tape was made.
    """

    def __init__(self, source: Source, *, size: int) -> None:
        self._source = source
        self.size = size
        self._window = memoryview(b"")
        self._at = 0
        self._read_to = 0

    @property
    def position(self) -> int:
        """Return where the next byte lies in the file."""
        return self._read_to - len(self._window) + self._at

    def seek(self, offset: int) -> None:
        """Go on reading from there."""
        self._source.seek(offset)
        self._window = memoryview(b"")
        self._at = 0
        self._read_to = offset

    def take(self, limit: int) -> memoryview:
        """Return at most ``limit`` bytes, none at the end."""
        if self._at == len(self._window):
            data = self._source.read(min(_WINDOW_BYTES, self.size - self._read_to))
            self._window = memoryview(data)
            self._at = 0
            self._read_to += len(data)
        part = self._window[self._at : self._at + limit]
        self._at += len(part)
        return part

    def give_back(self, count: int) -> None:
        """Put back the last bytes of what ``take`` returned last."""
        self._at -= count

    def exactly(self, count: int) -> bytes:
        """Return so many bytes; TornError where the file ends before."""
        data = bytes(self.take(count))
        while len(data) < count:
            part = self.take(count - len(data))
            if not part:
                raise TornError("it breaks off")
            data += part
        return data

    def look(self, offset: int, count: int) -> bytes:
        """Return bytes from anywhere in the file without moving."""
        count = min(count, self.size - offset)
        return os.pread(self._source.fileno(), count, offset) if count > 0 else b""

    def find(self, mark: bytes, start: int) -> Iterator[int]:
        """Yield every place from ``start`` on where the mark lies in the file."""
        offset, keep = start, len(mark) - 1
        while len(window := self.look(offset, _WINDOW_BYTES)) > keep:
            found = window.find(mark)
            while found >= 0:
                yield offset + found
                found = window.find(mark, found + 1)
            offset += len(window) - keep


class Member:
    """Inflate the gzip member at the tape's position, and hold it to its trailer.

    The trailer is read here and not by zlib, which returns nothing of a call that meets a wrong
    check sum: the record would have no name in the report, and its end no place.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._start = tape.position
        _skip_header(tape)
        self._inflate = zlib.decompressobj(wbits=-15)
        self._body = tape.position
        self._step = _FIRST_STEP_BYTES
        self._sum = 0
        self._size = 0
        self._ended = False
        self.wrong = ""
        """What the trailer says otherwise, once the end was reached."""

    def read(self) -> bytes:
        """Return the next piece, ``b""`` at the end; TornError, DamagedError."""
        while not self._ended:
            part = self._tape.take(self._step)
            if not part:
                raise TornError("it breaks off")
            self._step = _STEP_BYTES
            try:
                data = self._inflate.decompress(part, _OUTPUT_BYTES)
            except zlib.error as error:
                raise DamagedError(f"it cannot be inflated ({error})") from error
            if self._inflate.eof:
                self._tape.give_back(len(self._inflate.unused_data))
                self._ended = True
            else:
                self._tape.give_back(len(self._inflate.unconsumed_tail))
            self._sum = zlib.crc32(data, self._sum)
            self._size += len(data)
            if self._ended:
                self._hold_to_trailer()
            if data:
                return data
        return b""

    def salvage(self) -> bytes:
        """Return the beginning of a damaged member, as far as it can be inflated."""
        inflate = zlib.decompressobj(wbits=-15)
        data = b""
        for byte in self._tape.look(self._body, _SALVAGE_BYTES):
            try:
                data += inflate.decompress(bytes((byte,)), _SALVAGE_BYTES)
            except zlib.error:
                break
            if len(data) >= _SALVAGE_BYTES or inflate.eof:
                break
        return data

    def _hold_to_trailer(self) -> None:
        check, size = struct.unpack("<II", self._tape.exactly(_TRAILER_BYTES))
        if check != self._sum:
            self.wrong = "its CRC-32"
        elif size != self._size & 0xFFFFFFFF:
            self.wrong = "its length (ISIZE)"


def _skip_header(tape: Tape) -> None:
    """Pass over a member's header (RFC 1952 §2.3)."""
    start = bytes(tape.take(len(MAGIC)))
    if start != MAGIC[: len(start)]:
        raise NotMemberError("no gzip member begins here")
    header = start + tape.exactly(_HEADER_BYTES - len(start))
    if header[:3] != MAGIC:
        raise NotMemberError("no gzip member begins here")
    flags = header[3]
    if not flags & ~1:
        return
    if flags & _RESERVED:
        raise DamagedError("its header has flags that do not exist")
    if flags & _EXTRA:
        extra = tape.exactly(2)
        extra += tape.exactly(int.from_bytes(extra, "little"))
        header += extra
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            header += _text(tape)
    if flags & _HEAD_CHECK:
        check = int.from_bytes(tape.exactly(2), "little")
        if check != zlib.crc32(header) & 0xFFFF:
            raise DamagedError("its header does not agree with its own check sum")


def _text(tape: Tape) -> bytes:
    """Return a text of the header with the zero that ends it."""
    text = bytearray()
    while not text.endswith(b"\0"):
        part = bytes(tape.take(_PROBE_BYTES))
        if not part:
            raise TornError("it breaks off")
        end = part.find(b"\0") + 1 or len(part)
        tape.give_back(len(part) - end)
        text += part[:end]
        if len(text) > _LONGEST_NAME_BYTES:
            raise DamagedError("its header does not end")
    return bytes(text)


def next_member(tape: Tape, start: int) -> int:
    """Return where the next member with a WARC record begins, the end of the file if none does."""
    for offset in tape.find(MAGIC, start):
        if _holds_record(tape.look(offset, _PROBE_BYTES)):
            return offset
    return tape.size


def next_plain(tape: Tape, start: int) -> int:
    """Return where the next record of an uncompressed file begins, the end if none does."""
    for offset in tape.find(b"\r\n\r\nWARC/1.", start):
        return offset + 4
    return tape.size


def _holds_record(start: bytes) -> bool:
    inflate = zlib.decompressobj(wbits=31)
    try:
        return inflate.decompress(start, 5) == b"WARC/"
    except zlib.error:
        return False


class Flow:
    """Take the parts of records off a stream of pieces, never more in memory than asked for."""

    def __init__(self, read: Callable[[], bytes], *, plain: bool = False) -> None:
        self._read = read
        self._held = b""
        self.plain = plain
        """Whether the stream is a whole uncompressed file and not one gzip member."""
        self.position = 0
        """How many bytes were taken off."""

    def peek(self, count: int) -> bytes:
        """Return at most so many of the next bytes, and leave them there."""
        while len(self._held) < count and (piece := self._read()):
            self._held += piece
        return self._held[:count]

    def until(self, mark: bytes, *, limit: int) -> bytes | None:
        """Take off all up to the mark and with it; None when it does not come within the limit."""
        searched = 0
        while (end := self._held.find(mark, max(0, searched - len(mark)))) < 0:
            searched = len(self._held)
            if searched > limit or not (piece := self._read()):
                return None
            self._held += piece
        return self.take(end + len(mark))

    def take(self, count: int) -> bytes:
        """Take off bytes that were seen by ``peek``."""
        part, self._held = self._held[:count], self._held[count:]
        self.position += len(part)
        return part

    def put_back(self, data: bytes) -> None:
        """Put back the last bytes that were taken off."""
        self._held = data + self._held
        self.position -= len(data)

    def pieces(self, size: int) -> Iterator[bytes]:
        """Take off so many bytes piece by piece, fewer where the stream ends."""
        while size:
            piece = self._held or self._read()
            if not piece:
                return
            part, self._held = piece[:size], piece[size:]
            size -= len(part)
            self.position += len(part)
            yield part

    def drain(self) -> None:
        """Take off all that is left."""
        while piece := self._held or self._read():
            self.position += len(piece)
            self._held = b""
