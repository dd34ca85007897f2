"""Draw lines over logarithmic axes as SVG, with nothing but text."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import log10

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 170, 20, 50
_COLOURS = ("#0b6e4f", "#555555", "#c8553d", "#4062bb", "#a06cd5")
_TICKS = (1, 2, 5)


def draw(lines: Mapping[str, Points], *, across: str, up: str) -> str:
    """Return an SVG of named lines; all their values are above 0."""
    spots = [spot for points in lines.values() for spot in points]
    xs, ys = [x for x, _ in spots], [y for _, y in spots]
    wide = _Scale(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT)
    high = _Scale(min(ys), max(ys), _HEIGHT - _BOTTOM, _TOP)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(wide, high, across=across, up=up),
    ]
    for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
        parts += _line(name, points, colour, wide, high)
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Where a value lies between two places."""

    def __init__(self, least: float, most: float, begin: float, end: float) -> None:
        self.least, self.most = log10(least) - 0.05, log10(most) + 0.05
        self.begin, self.end = begin, end

    def place(self, value: float) -> float:
        share = (log10(value) - self.least) / (self.most - self.least)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> Iterator[float]:
        for power in range(int(self.least) - 2, int(self.most) + 2):
            for step in _TICKS:
                value = step * 10.0**power
                if self.least <= log10(value) <= self.most:
                    yield value


def _axes(wide: _Scale, high: _Scale, *, across: str, up: str) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for value in wide.ticks():
        x = wide.place(value)
        yield f'<path d="M{x} {_TOP}V{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>'
    for value in high.ticks():
        y = high.place(value)
        yield f'<path d="M{_LEFT} {y}H{right}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:g}</text>'
    middle = (_TOP + bottom) / 2
    yield (
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 12}" text-anchor="middle">'
        f"{escape(across)}</text>"
    )
    yield (
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(up)}</text>"
    )


def _line(name: str, points: Points, colour: str, wide: _Scale, high: _Scale) -> Iterator[str]:
    places = [(wide.place(x), high.place(y)) for x, y in sorted(points)]
    path = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    x, y = places[-1]
    yield f'<text x="{x + 8}" y="{y + 4}" fill="{colour}">{escape(name)}</text>'
