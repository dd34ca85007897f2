"""Run the rivals in turn, round after round, and hold them against each other."""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import lists
from measure import HERE, ROOT, BenchError, Cost, Origin, run
from rivals import Keeps, Rival

FEW_PAGES = 8
"""So many are fetched to learn what the start costs: one of each host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One rival in one round: its run, and the same command on very few pages."""

    rival: str
    variant: str
    round: int
    whole: Cost
    few: Cost

    @property
    def net_cpu(self) -> float:
        """CPU seconds of a page, without the start."""
        more = self.whole.pages - self.few.pages
        return (self.whole.cpu_seconds - self.few.cpu_seconds) / more

    @property
    def whole_cpu(self) -> float:
        """CPU seconds of a page, the start included."""
        return self.whole.cpu_seconds / self.whole.pages

    @property
    def speed(self) -> float:
        """Pages a second, the start included."""
        return self.whole.pages / self.whole.wall_seconds

    @property
    def net_speed(self) -> float:
        """Pages a second, without the start."""
        more = self.whole.pages - self.few.pages
        return more / (self.whole.wall_seconds - self.few.wall_seconds)

    def told(self, name: str) -> float:
        """Return a figure that the run told of itself."""
        value = self.whole.told[name]
        assert isinstance(value, float)
        return value


@dataclass(frozen=True, slots=True)
class Range:
    """A median with the range it comes from."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Range":
        """Return the median and range of some values."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run, and where."""

    site: Origin
    folder: Path
    pages: int
    rounds: int
    tell: Callable[[str], None]


def measured(rivals: Sequence[Rival], plan: Plan) -> Iterator[Result]:
    """Yield a result for every rival, variant and round; the order turns with each round."""
    pairs = [(rival, variant) for rival in rivals for variant in rival.variants]
    for number in range(plan.rounds):
        for rival, variant in reversed(pairs) if number % 2 else pairs:
            result = Result(
                rival=rival.name,
                variant=variant,
                round=number,
                few=once(rival, variant, plan, pages=FEW_PAGES),
                whole=once(rival, variant, plan, pages=plan.pages),
            )
            plan.tell(
                f"round {number + 1}: {rival.title} ({variant}): "
                f"{result.net_cpu * 1e6:,.0f} µs a page, {result.speed:,.0f} pages/s"
            )
            yield result


def once(rival: Rival, variant: str, plan: Plan, *, pages: int) -> Cost:
    """Run a rival on so many pages, verify what it kept, and clear it away."""
    folder = plan.folder / f"{rival.name}-{variant}-{pages}"
    urls = list_of(plan, variant=variant, pages=pages, grouped=rival.one_connection)
    try:
        command = rival.command(urls, folder)
        if rival.knows:
            command = [*command, "--known", str(remembered(urls, plan))]
        cost = run(command, folder, pages=pages, site=plan.site)
        if rival.keeps is not Keeps.NOTHING:
            verify(urls, folder, pages_only=rival.keeps is Keeps.PAGES)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return cost


def remembered(urls: Path, plan: Plan) -> Path:
    """Write what the catalogue would remember of these pages, and return its path."""
    path = urls.with_suffix(".known")
    if not path.exists():
        command = [
            sys.executable,
            str(HERE / "known.py"),
            str(urls),
            str(plan.site.digests),
            str(path),
        ]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return path


def list_of(plan: Plan, *, variant: str, pages: int, grouped: bool = False) -> Path:
    """Write the list of so many pages and return its path."""
    site = plan.site
    urls = lists.addresses(site.port, variant=variant, pages=pages, articles=site.articles)
    if grouped:
        urls = lists.host_after_host(urls)
    return lists.write(plan.folder / f"{variant}-{pages}{'-grouped' * grouped}.txt", urls)


def verify(urls: Path, folder: Path, *, pages_only: bool = False) -> None:
    """Hold what was kept against what the server sent; raise BenchError when it differs."""
    command = [sys.executable, str(HERE / "verify_run.py"), str(urls), str(folder)]
    options = ["--pages"] if pages_only else []
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{folder.name}: {done.stderr.strip()}")
