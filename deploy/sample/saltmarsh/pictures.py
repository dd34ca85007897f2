"""Draw the newspaper's photographs: small views of the estuary, the same for the same number."""

import struct
import zlib
from functools import cache
from random import Random

WIDTH = 420
HEIGHT = 236
HORIZON = 140

Colour = tuple[int, int, int]

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((86, 122, 160), (226, 214, 190)),
    ((120, 128, 140), (206, 206, 200)),
    ((58, 74, 112), (232, 168, 120)),
    ((150, 178, 196), (240, 236, 220)),
)


@cache
def photograph(number: int) -> bytes:
    """Return a PNG file: sky, sun, far shore, a few houses or masts, and the tide."""
    luck = Random(number)
    top, bottom = luck.choice(SKIES)
    rows = [bytearray(bytes(_blend(top, bottom, y / HORIZON)) * WIDTH) for y in range(HORIZON)]
    _sun(rows, x=luck.randrange(40, WIDTH - 40), y=luck.randrange(30, 100))
    _shore(rows, luck)
    sea = _blend(top, (70, 84, 80), 0.6)
    rows += [bytearray(bytes(_blend(sea, (96, 88, 70), y / 120)) * WIDTH) for y in range(96)]
    for _ in range(60):
        start = luck.randrange(WIDTH - 40)
        depth = luck.randrange(4, 94)
        _stroke(rows[HORIZON + depth], start, 6 + depth // 3, _blend(sea, bottom, 0.5))
    return _png(rows)


def _sun(rows: list[bytearray], *, x: int, y: int) -> None:
    for dy in range(-14, 15):
        half = int((14 * 14 - dy * dy) ** 0.5)
        _stroke(rows[y + dy], x - half, 2 * half + 1, (250, 240, 208))


def _shore(rows: list[bytearray], luck: Random) -> None:
    for y in range(HORIZON - 7, HORIZON):
        _stroke(rows[y], 0, WIDTH, (64, 72, 66))
    x = luck.randrange(10, 40)
    while x < WIDTH - 40:
        width, height = luck.choice(((2, 56), (18, 22), (24, 16), (12, 34), (30, 14)))
        shade = luck.randrange(34, 70)
        for y in range(HORIZON - 7 - height, HORIZON - 7):
            _stroke(rows[y], x, width, (shade, shade, shade + 8))
        x += width + luck.randrange(8, 60)


def _stroke(row: bytearray, start: int, length: int, colour: Colour) -> None:
    end = min(start + length, WIDTH)
    row[start * 3 : end * 3] = bytes(colour) * (end - start)


def _blend(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (
        round(a + (b - a) * min(share, 1.0)) for a, b in zip(one, other, strict=True)
    )
    return red, green, blue


def _png(rows: list[bytearray]) -> bytes:
    """Write rows of RGB as a PNG file (ISO/IEC 15948 §5): every row with filter type 0."""
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    header = struct.pack(">IIBBBBB", WIDTH, len(rows), 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
