"""Hold the figures against what is asked of them, and lay them out as a table."""

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rounds import Range, Result

VARIANTS = "(a): Content-Type names the charset; (b): it does not, so that Scrapy has to guess it."
TOO_FEW = (
    "Quick: so few pages that the start outweighs them, so that nothing net is told and nothing "
    "judged."
)
Figure = Callable[[Result], float]

NET_CPU: Figure = operator.attrgetter("net_cpu")
WHOLE_CPU: Figure = operator.attrgetter("whole_cpu")
SPEED: Figure = operator.attrgetter("speed")


def share(result: Result) -> float:
    """Return the CPU seconds a page that one process needs the more when it keeps."""
    return result.told("share_seconds")


def share_with_digests(result: Result) -> float:
    """Return the same with the digests, which are made while the bytes come."""
    return share(result) + result.told("digest_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure with what it must and what it should be; None where it is only told."""

    name: str
    title: str
    must: float | None = None
    aim: float | None = None
    at_least: bool = False
    """Whether more is better."""
    net: bool = False
    """Whether it is of CPU net of the start: a few hundred pages do not tell it."""

    def holds(self, value: float) -> bool | None:
        """Tell whether a figure is what it must be; None when nothing is asked of it."""
        if self.must is None:
            return None
        return value >= self.must if self.at_least else value <= self.must


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A goal for one rival's figure over another's, in one variant, round by round."""

    goal: Goal
    above: str
    below: str
    variant: str
    figure: Figure
    figure_below: Figure | None = None
    """Where the other's is not the same."""

    def values(self, results: Sequence[Result]) -> list[float]:
        """Return the ratio of every round that has both."""
        above = {one.round: self.figure(one) for one in results if self._is(one, self.above)}
        figure = self.figure_below or self.figure
        below = {one.round: figure(one) for one in results if self._is(one, self.below)}
        return [above[number] / below[number] for number in sorted(above) if number in below]

    def _is(self, one: Result, name: str) -> bool:
        return one.rival == name and one.variant == self.variant


@dataclass(frozen=True, slots=True)
class Row:
    """A goal, and what was measured."""

    goal: Goal
    measured: Range
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Tell whether the median is what it must be."""
        return self.goal.holds(self.measured.median)


def net(name: str, above: str, below: str, variant: str, title: str, **asked: float) -> Ratio:
    """Return a ratio of net CPU a page."""
    goal = Goal(name=name, title=f"net CPU, {title} ({variant})", net=True, **asked)  # type: ignore[arg-type] # floats only
    return Ratio(goal=goal, above=above, below=below, variant=variant, figure=NET_CPU)


RATIOS = (
    net("capture/stock/b", "capture", "stock", "b",
        "capture ÷ Scrapy without WARC", must=0.33, aim=0.22),
    net("capture/stock/a", "capture", "stock", "a",
        "capture ÷ Scrapy without WARC", must=0.60, aim=0.40),
    net("capture/wget/b", "capture", "wget", "b", "capture ÷ wget", must=0.85, aim=0.55),
    net("capture/webarchive/b", "capture", "webarchive", "b",
        "capture ÷ scrapy-webarchive", must=0.22, aim=0.15),
    Ratio(
        goal=Goal(name="share/wget", title="the WARC's own share ÷ wget (b)", must=0.10, aim=0.06,
                  net=True),
        above="share", below="wget", variant="b", figure=share, figure_below=NET_CPU,
    ),
    Ratio(
        goal=Goal(name="share-with-digests/wget", title="  the same with its digests", net=True),
        above="share", below="wget", variant="b",
        figure=share_with_digests, figure_below=NET_CPU,
    ),
    Ratio(
        goal=Goal(name="recapture/wget/cpu", title="whole CPU, recapture ÷ wget (b)",
                  must=0.40, aim=0.25),
        above="recapture", below="wget", variant="b", figure=WHOLE_CPU,
    ),
    Ratio(
        goal=Goal(name="recapture/wget/speed", title="pages/s, recapture ÷ wget (b)",
                  must=4, aim=8, at_least=True),
        above="recapture", below="wget", variant="b", figure=SPEED,
    ),
    net("fetch/stock/b", "fetch", "stock", "b", "fetch ÷ Scrapy, both without WARC"),
    net("fetch/stock/a", "fetch", "stock", "a", "fetch ÷ Scrapy, both without WARC"),
    net("capture/wget-gzip/b", "capture", "wget-gzip", "b", "capture ÷ wget --compression=auto"),
    net("recapture/stock/b", "recapture", "stock", "b", "recapture ÷ Scrapy without WARC"),
    net("recapture/wget/b", "recapture", "wget", "b", "recapture ÷ wget"),
)  # fmt: skip


def rows(results: Sequence[Result]) -> Iterator[Row]:
    """Yield a row for every ratio whose rivals both ran."""
    for ratio in RATIOS:
        if values := ratio.values(results):
            yield Row(ratio.goal, Range.of(values))


def goal_lines(found: Sequence[Row], *, judged: bool = True) -> Iterator[str]:
    """Yield the table of the goals; one that is not ``judged`` says less, and why."""
    yield f"{'':48} {'must':>8} {'aim':>8}   {'measured':<24} holds"
    for row in found:
        goal = row.goal
        sign = "≥" if goal.at_least else "≤"
        must = "" if goal.must is None else f"{sign} {number(goal.must)}"
        aim = "" if goal.aim is None else f"{sign} {number(goal.aim)}"
        holds = {True: "yes", False: "NO", None: ""}[row.holds if judged else None]
        measured = "" if goal.net and not judged else spread(row.measured)
        line = f"{goal.title:48} {must:>8} {aim:>8}   {measured:<24} {holds}"
        yield line.rstrip()
        if row.note:
            yield f"    {row.note}"
    yield ""
    yield VARIANTS
    if not judged:
        yield TOO_FEW


def cost_lines(
    results: Sequence[Result], titles: dict[str, str], *, judged: bool = True
) -> Iterator[str]:
    """Yield the table of what every rival took; medians, and nothing net if nothing is judged."""
    yield (
        f"{'per 1,000 pages, medians':38} {'CPU s':>7} {'net':>7} {'start s':>8} {'pages/s':>8} "
        f"{'net':>7} {'peak MB':>8} {'MB kept':>8} {'server':>7}"
    )
    seen = dict.fromkeys((one.rival, one.variant) for one in results)
    for rival, variant in seen:
        own = [one for one in results if (one.rival, one.variant) == (rival, variant)]
        figures = {
            name: Range.of([measure(one) for one in own]).median
            for name, measure in COLUMNS.items()
        }
        own_net = (f"{figures['net']:7.2f}", f"{figures['net_speed']:7,.0f}")
        net_cpu, net_speed = own_net if judged else (" " * 7, " " * 7)
        yield f"{f'{titles[rival]} ({variant})':38} " + (
            "{cpu:7.2f} {net_cpu} {start:8.2f} {speed:8,.0f} {net_speed} {peak:8.0f} "
            "{kept:8.1f} {server:7.0%}"
        ).format(**figures | {"net_cpu": net_cpu, "net_speed": net_speed})


COLUMNS: dict[str, Figure] = {
    "cpu": lambda one: one.whole_cpu * 1_000,
    "net": lambda one: one.net_cpu * 1_000,
    "start": lambda one: one.few.cpu_seconds,
    "speed": lambda one: one.speed,
    "net_speed": lambda one: one.net_speed,
    "peak": lambda one: one.whole.peak_bytes / 1e6,
    "kept": lambda one: one.whole.written_bytes / one.whole.pages / 1e3,
    "server": lambda one: one.whole.server_share,
}
"""What is told of every run; MB are of a million bytes."""


def spread(measured: Range) -> str:
    """Return a median with its range."""
    least, most = number(measured.least), number(measured.most)
    return f"{number(measured.median)} [{least}-{most}]"


def number(value: float) -> str:
    """Return a figure with as many digits as it deserves."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"
