"""Take the chunked coding off a body, however many chunks there are and whatever they look like."""

import re

_LONGEST_LINE_BYTES = 64 * 1024
# RFC 9112 §7.1, with blanks and extensions; longer sizes than any number of bytes are garbage.
_SIZE_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?\r?\n?\Z", re.DOTALL)
# The same after the line end of the chunk before, for chunks that lie whole in what was read.
_NEXT_CHUNK = re.compile(rb"(?:\r?\n)?[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_BLANK_LINES = re.compile(rb"(?:\r?\n)*+")
_MANY_ALIKE = 32
"""After so many chunks of one shape the next are taken together."""
_SMALL_CHUNK_BYTES = 64


class Dechunker:
    """Take the chunked coding off a body, piece by piece (RFC 9112 §7.1).

    ``done`` is set after the trailer; ``surplus`` then holds what followed it. Bytes that are no
    chunk framing are passed on as they are, with ``broken`` set, and so is all that follows.
    """

    __slots__ = (
        "_left", "_line", "_trailer", "begun", "broken", "done", "surplus", "trailer_bytes",
    )  # fmt: skip

    def __init__(self) -> None:
        self._left = 0
        self._line = b""
        self._trailer = False
        self.begun = False
        """Whether at least one chunk size was understood."""
        self.broken = False
        self.done = False
        self.surplus = b""
        self.trailer_bytes = 0
        """Length of the trailer so far, but for a line of it that is not yet whole."""

    @property
    def last_chunk_seen(self) -> bool:
        """Tell whether the body is whole, even if the end of the trailer never came."""
        return self._trailer or self.done

    def feed(self, data: bytes) -> bytes:
        """Return the entity bytes that ``data`` carries; keep what is not yet decidable."""
        if self.broken:
            return data
        if self.done:
            self.surplus += data
            return b""
        if len(data) < self._left:
            self._left -= len(data)
            return data
        return self._walk(data)

    def end(self) -> bytes:
        """Say that no more will come, and take what was held back of a body that is not chunked.

        An unfinished line that may be a chunk size is framing, and dropped.
        """
        held, self._line = self._line, b""
        if self.begun or not held or _SIZE_LINE.match(held):
            return b""
        self.broken = True
        return held

    def _walk(self, data: bytes) -> bytes:
        out: list[bytes | bytearray] = []
        position, end = 0, len(data)
        while position < end and not self.done:
            if self._left:
                piece = data[position : position + self._left]
                out.append(piece)
                self._left -= len(piece)
                position += len(piece)
                continue
            if self.begun and not self._line and not self._trailer:
                position = _whole_chunks(data, position, out)
            newline = data.find(b"\n", position)
            if newline < 0:
                out.append(self._keep(data[position:]))
                break
            line = self._line + data[position : newline + 1]
            self._line = b""
            position = newline + 1
            if not self._understand(line):
                out += (line, data[position:])
                break
        if self.done:
            self.surplus = data[position:]
        return b"".join(out)

    def _keep(self, part: bytes) -> bytes:
        self._line += part
        if len(self._line) <= _LONGEST_LINE_BYTES:
            return b""
        if self._trailer:
            self.trailer_bytes += len(self._line) - 1
            self._line = b"x"  # only whether the line is empty matters
            return b""
        self.broken = True
        held, self._line = self._line, b""
        return held

    def _understand(self, line: bytes) -> bool:
        empty = line in (b"\r\n", b"\n")
        if self._trailer:
            self.trailer_bytes += len(line)
            self.done = empty
            return True
        if empty and self.begun:  # the end of the chunk before, or one line end too many
            return True
        size = _SIZE_LINE.match(line)
        if size is None:
            self.broken = True
            return False
        self.begun = True
        self._left = int(size[1], 16)
        self._trailer = self._left == 0
        return True


def _whole_chunks(data: bytes, position: int, out: list[bytes | bytearray]) -> int:
    """Append what the chunks that lie whole in the data carry; return where the next line begins.

    A body may come in chunks of one byte, and a hostile one in millions of them.
    """
    end = len(data)
    alike = shape_bytes = 0
    while found := _NEXT_CHUNK.match(data, position):
        start = found.end()
        size = int(found[1], 16)
        stop = start + size
        if not size or stop > end:  # the last chunk, or one of which the rest is to come
            break
        alike = alike + 1 if stop - position == shape_bytes else 0
        shape_bytes = stop - position
        if alike >= _MANY_ALIKE and size <= _SMALL_CHUNK_BYTES:
            # Twice as many each time: a run that ends early costs no more than what it gave.
            most, before = alike, position
            position = _alike_chunks(data, (position, start, stop), most=most, out=out)
            taken = (position - before) // shape_bytes
            alike = alike + taken if taken == most else 0
            continue
        out.append(data[start:stop])
        position = stop
    blank = _BLANK_LINES.match(data, position)  # the end of the last chunk, or line ends too many
    return blank.end() if blank else position


def _alike_chunks(
    data: bytes, shape: tuple[int, int, int], *, most: int, out: list[bytes | bytearray]
) -> int:
    """Take a chunk and those of its very shape that follow; return where they end.

    ``shape`` is where the first begins, where its bytes do, and where it ends. Not one chunk after
    another, but all first bytes at once, then all second ones.
    """
    begin, start, stop = shape
    stride, size = stop - begin, stop - start
    count = min(most, (len(data) - begin) // stride)
    for offset in range(begin, start):
        column = data[offset : begin + count * stride : stride]
        count -= len(column.lstrip(column[:1]))
    end = begin + count * stride
    taken = bytearray(count * size)
    for offset in range(size):
        taken[offset::size] = data[start + offset : end : stride]
    out.append(taken)
    return end
