"""Measure what a capture costs, against Scrapy, wget and scrapy-webarchive; a table comes out."""

import argparse
import compileall
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import memory
import workers
from environment import MissingError
from goals import Row, cost_lines, goal_lines, rows
from measure import ROOT, BenchError, origin
from rivals import RIVALS, Rival, missing, titles, webarchive, webarchive_python
from rounds import FEW_PAGES, Plan, Result, measured

ARTICLES = 3_000
QUICK_PAGES = 300
MEMORY_PAGES = 100_000
EXTRA = ("webarchive", "workers")
"""What ``--only`` names beside the rivals that need nothing more."""


def main() -> None:
    """Run what is asked for and tell what came of it."""
    given = arguments()
    pages = given.pages or usual_pages(given)
    results: list[Result] = []
    for room in ("crawler", "spiders", "storage", "tests/bench"):
        # Python keeps what it has compiled, and some containers forbid it; no run is to pay for it.
        compileall.compile_dir(ROOT / room, quiet=2)
    with (
        tempfile.TemporaryDirectory(dir=given.folder) as name,
        origin(min(pages, ARTICLES), Path(name)) as site,
    ):
        plan = Plan(
            site=site,
            folder=Path(name),
            pages=pages,
            rounds=1 if given.quick else given.rounds,
            tell=tell,
        )
        if given.memory:
            found = memory.rows(plan)
        else:
            only = set(given.only.split(","))
            results.extend(measured(list(present(only)), plan))
            found = list(rows(results))
            if "workers" in only:
                found.append(workers.row(plan))
    show(results, found, judged=not given.quick)
    if given.json:
        told = json.dumps(as_json(results, found, plan), indent=1)
        given.json.write_text(f"{told}\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    known = ",".join([*(one.name for one in RIVALS), *EXTRA])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, help=f"pages a run; {ARTICLES} by default")
    parser.add_argument("--only", default=known, help=f"some of {known}")
    parser.add_argument("--quick", action="store_true", help=f"one round of {QUICK_PAGES} pages")
    parser.add_argument(
        "--memory", action="store_true", help=f"one worker, {MEMORY_PAGES} pages, nothing else"
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--folder", type=Path, help="where the runs write: a disk, not memory")
    return parser.parse_args()


def usual_pages(given: argparse.Namespace) -> int:
    """Return how many pages a run has when nobody says it."""
    if given.memory:
        return MEMORY_PAGES
    return QUICK_PAGES if given.quick else ARTICLES


def present(only: set[str]) -> Iterator[Rival]:
    """Yield the rivals that are wanted and there, and say of others why they are not."""
    for rival in (one for one in RIVALS if one.name in only):
        if (why := missing(rival)) is None:
            yield rival
        else:
            tell(f"without {rival.title}: {why}")
    if "webarchive" in only:
        try:
            yield webarchive(webarchive_python())
        except MissingError as error:
            tell(f"without scrapy-webarchive: {error}")


def show(results: Sequence[Result], found: Sequence[Row], *, judged: bool) -> None:
    """Print the tables."""
    print(f"\n{machine()}\n")
    if results:
        print("\n".join(cost_lines(results, titles(), judged=judged)))
        print()
    print("\n".join(goal_lines(found, judged=judged)))


def machine() -> str:
    """Return what the figures were measured on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def as_json(results: Sequence[Result], found: Sequence[Row], plan: Plan) -> dict[str, Any]:
    """Return everything that was measured, for programs."""
    return {
        "machine": machine(),
        "pages": plan.pages,
        "start_pages": FEW_PAGES,
        "rounds": plan.rounds,
        "goals": [{**asdict(row), "holds": row.holds} for row in found],
        "results": [{**asdict(one), "net_cpu": one.net_cpu, "speed": one.speed} for one in results],
    }


def tell(line: str) -> None:
    """Say how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"the bench failed: {error}")
