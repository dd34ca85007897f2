"""Measure the whole road on a local site: fetch, WARC, catalogue, text and comparison.

    python tests/bench/road.py [--pages 1000] [--rounds 1]

``holdfast visit`` makes the visits, as a user would call it; CPU seconds are those of all its
processes (``wait4``), net of the start, which is measured by the same command on very few pages.
``wget --warc-file`` fetches the same pages in the same round. No setting is changed but pace,
robots and what pages need; so every first look is followed by the second one that learns noise.
"""

import argparse
import compileall
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lists
from measure import ROOT, BenchError, Origin, origin, run

FEW_PAGES = 8
GOALS = {"first": (6.0, 4.0), "same": (2.0, 1.0), "tokens": (2.0, 1.0)}
"""CPU of a page over wget's: what it must be at most, and what it should be."""
TITLES = {
    "first": "first captures, with text",
    "same": "unchanged: the same bytes",
    "tokens": "unchanged: the same text, other tokens",
    "wget": "wget --warc-file",
}
SETTINGS = """
[archive]
operator = "Bench"
contact = "mailto:bench@example.org"
[network]
allow_addresses = ["127.0.0.0/8"]
[defaults]
every = "6h"
robots = "ignore"
delay = "0s"
requisites = false
"""


@dataclass(frozen=True, slots=True)
class Trip:
    """CPU seconds of the stretches of one trip over so many pages."""

    pages: int
    seconds: dict[str, float]


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the runs write: a disk, not memory")
    given = parser.parse_args()
    if given.pages <= FEW_PAGES:
        parser.error(f"--pages must be more than the {FEW_PAGES} that tell what the start costs")
    for room in ("crawler", "spiders", "storage"):
        compileall.compile_dir(ROOT / room, quiet=2)
    with (
        tempfile.TemporaryDirectory(dir=given.folder) as name,
        origin(given.pages, Path(name)) as site,
    ):
        rounds = [_net(site, Path(name), pages=given.pages) for _ in range(given.rounds)]
    print(f"{'CPU of a page, net of the start':42}{'ms':>9}{'/ wget':>9}{'must':>7}{'aim':>6}")
    for name, title in TITLES.items():
        cost = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one["wget"] for one in rounds)
        must, aim = (f"{goal:g}" for goal in GOALS[name]) if name in GOALS else ("", "")
        print(f"{title:42}{cost * 1e3:9.2f}{ratio:9.2f}{must:>7}{aim:>6}", flush=True)
    return 0


def _net(site: Origin, folder: Path, *, pages: int) -> dict[str, float]:
    """Return CPU seconds of a page for each stretch, without the start."""
    few, whole = (_trip(site, folder / "trip", pages=count) for count in (FEW_PAGES, pages))
    more = whole.pages - few.pages
    return {name: (whole.seconds[name] - few.seconds[name]) / more for name in TITLES}


def _trip(site: Origin, folder: Path, *, pages: int) -> Trip:
    folder.mkdir()
    try:
        return Trip(pages, dict(_stretches(site, folder, pages=pages)))
    finally:
        shutil.rmtree(folder)


def _stretches(site: Origin, folder: Path, *, pages: int) -> Iterator[tuple[str, float]]:
    """Yield the CPU seconds of every stretch over the same pages."""
    holdfast = [sys.executable, "-m", "crawler"]
    plain = lists.addresses(site.port, variant="a", pages=pages, articles=site.articles)
    for kind in ("a", "t"):
        archive = ["--archive", str(folder / kind)]
        urls = [url.replace("/a/", f"/{kind}/") for url in plain]
        run([*holdfast, "init", str(folder / kind)], folder / f"{kind}-init", pages=0, site=site)
        (folder / kind / "holdfast.toml").write_text(SETTINGS, encoding="utf-8")
        add = [*holdfast, "watch", "add", *archive, *urls]
        run(add, folder / f"{kind}-add", pages=0, site=site)
        visit = [*holdfast, "visit", "--quiet", *archive]
        first = run(visit, folder / f"{kind}-first", pages=pages, site=site)
        if kind == "a":
            yield "first", first.cpu_seconds
        again = run([*visit, "--all"], folder / f"{kind}-again", pages=pages, site=site)
        yield ("same" if kind == "a" else "tokens"), again.cpu_seconds
    listed = lists.write(folder / "urls.txt", lists.host_after_host(plain))
    wget = ["wget", "--quiet", "-O", "/dev/null", f"--input-file={listed}", "--warc-file=wget"]
    yield "wget", run(wget, folder / "wget", pages=pages, site=site).cpu_seconds


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"the bench failed: {error}")
