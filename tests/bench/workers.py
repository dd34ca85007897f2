"""Hold two workers at once against one: the same pages, the same hosts, half of them each."""

import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import lists
from goals import Goal, Row
from measure import BenchError, Cost, Started, finish, start
from rivals import ours
from rounds import Plan, Range, verify

GOAL = Goal(
    name="workers", title="pages/s, two workers ÷ one (b)", must=1.6, aim=1.85, at_least=True
)
WAIT_SECONDS = 60.0


def row(plan: Plan) -> Row:
    """Measure one worker and two in every round, and return what two are worth."""
    ratios, shares = [], []
    for number in range(plan.rounds):
        speeds: dict[int, float] = {}
        for workers in (2, 1) if number % 2 else (1, 2):
            speeds[workers], share = crew(workers, plan)
            if workers == 2:
                shares.append(share)
        plan.tell(f"round {number + 1}: one worker {speeds[1]:,.0f} pages/s, two {speeds[2]:,.0f}")
        ratios.append(speeds[2] / speeds[1])
    share = statistics.median(shares)
    return Row(GOAL, Range.of(ratios), f"beside two workers the server takes {share:.0%} of a core")


def crew(workers: int, plan: Plan) -> tuple[float, float]:
    """Return the pages a second of so many workers, and the server's share of a core meanwhile."""
    site = plan.site
    urls = lists.addresses(site.port, variant="b", pages=plan.pages, articles=site.articles)
    folders = [plan.folder / f"worker-{n}-of-{workers}" for n in range(1, workers + 1)]
    command = ours("run_engine.py", "--wait")
    own = [
        lists.write(plan.folder / f"{folder.name}.txt", part)
        for folder, part in zip(folders, shares(urls, workers), strict=True)
    ]
    try:
        begun = [
            start(command(path, folder), folder, site=site)
            for path, folder in zip(own, folders, strict=True)
        ]
        for one in begun:
            wait(one)
        before = site.cpu_seconds()
        for one in begun:
            go(one)
        costs = [
            finish(one, pages=len(lists.read(path))) for one, path in zip(begun, own, strict=True)
        ]
        busy = site.cpu_seconds() - before
        for path, folder in zip(own, folders, strict=True):
            verify(path, folder)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    took = max(seconds(one) for one in costs)
    return len(urls) / took, busy / took


def shares(urls: Sequence[str], workers: int) -> list[list[str]]:
    """Return the addresses of each worker: whole hosts, for a host is never on two workers."""
    hosts = list(lists.by_host(list(urls)).values())
    return [[url for host in hosts[n::workers] for url in host] for n in range(workers)]


def seconds(cost: Cost) -> float:
    """Return how long a worker says it was busy."""
    told = cost.told["seconds"]
    assert isinstance(told, float)
    return told


def wait(started: Started) -> None:
    """Wait until a worker is ready to begin."""
    until = time.monotonic() + WAIT_SECONDS
    out: Path = started.folder / "out"
    while not out.read_bytes().startswith(b"ready"):
        if time.monotonic() > until or started.process.poll() is not None:
            said = (started.folder / "err").read_text(encoding="utf-8", errors="replace")
            raise BenchError(f"a worker did not begin:\n{said[-2000:]}")
        time.sleep(0.01)


def go(started: Started) -> None:
    """Let a worker begin."""
    assert started.process.stdin is not None
    started.process.stdin.write(b"go\n")
    started.process.stdin.flush()
