"""A day of the service in a few minutes, with kills: nothing grows, and the ledger adds up."""

import json
import os
import random
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hatching import LONG, nest
from lives import Life, Lives, Sample
from pages import Pages
from service import Service, holdfast, rows, wait_for

pytestmark = pytest.mark.crash

SEED = 20261122
HOSTS = 20
ROUNDS = 144
"""So many visits a day make one every ten minutes."""


@dataclass(frozen=True, slots=True)
class Day:
    """How long a day takes, and what is done in it."""

    lasts: timedelta
    rounds: int
    targets: int
    kills: int
    least_visits: int

    @property
    def step(self) -> timedelta:
        """Return how often a page is visited."""
        return self.lasts / self.rounds


# A second stands for more than a minute and a half; in the short form there are only a few rounds.
DAY = (
    Day(timedelta(minutes=15), ROUNDS, 420, 40, 50_000)
    if LONG
    else Day(timedelta(seconds=40), 20, 80, 4, 800)
)
_VISITS = """
    SELECT target_id, due_at, finished_at,
           (SELECT coalesce(sum(gaps.visits), 0) FROM gaps WHERE gaps.visit_id = visits.id)
    FROM visits ORDER BY id
"""
MOST_GROWTH_SHARE = 0.1
MOST_GROWTH_BYTES = 16e6
MOST_MORE_FILES = 8


class Paper:
    """Articles, of which one in a hundred has changed when it is asked for."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._edition: dict[str, int] = defaultdict(int)

    def written(self, path: str) -> bytes:
        self._edition[path] += self._chance.random() < 0.01
        text = "".join(
            f"<p>Paragraph {number} of the article at {path} tells of the council and its plans "
            f"for the bridge, which {self._edition[path] if number == 3 else 0} people heard.</p>"
            for number in range(8)
        )
        head = f"<title>{path}</title></head><body><article><h1>The article at {path}</h1>"
        return f"<!doctype html><html><head>{head}{text}</article></body></html>".encode()


VICTIMS = ("worker-1", "reader", "articles", "service")


def _kill_one(service: Service, lives: Lives, wanted: str) -> str:
    """Kill a worker, the reader, what reads articles for it, or the service; return which."""
    now = lives.now()
    name = wanted if wanted in now else "service"
    with suppress(ProcessLookupError):
        os.kill(now[name], signal.SIGKILL)
    if name == "service":
        service.process.wait(timeout=10)
        service.start()
        lives.watch(service.process.pid)
    return name


def _lived(service: Service, lives: Lives, pages: Pages, chance: random.Random) -> Counter[str]:
    """Let the day pass: kills in its first half, quiet in its second, where all can be measured.

    On a machine that has other things to do it lasts longer, until there were visits enough.
    """
    killed: Counter[str] = Counter()
    begun = time.monotonic()
    half = DAY.lasts.total_seconds() / 2
    moments = sorted(chance.random() * half for _ in range(DAY.kills))
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(DAY.kills)]
    chance.shuffle(victims)
    for moment, victim in zip(moments, victims, strict=True):
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        killed[_kill_one(service, lives, victim)] += 1
    time.sleep(max(0.0, begun + 2 * half - time.monotonic()))
    enough = DAY.least_visits + DAY.targets
    wait_for(lambda: pages.asked >= enough, seconds=2 * half)
    # What the kills have left is compared while others come.
    few = DAY.targets
    wait_for(lambda: service.metric("holdfast_unread_visits") < few, seconds=2 * half)
    return killed


def test_a_day_with_kills_leaves_nothing_behind(tmp_path: Path) -> None:
    """Memory and files of every process stay level, each visit is told once, all verifies."""
    chance = random.Random(SEED)
    with Pages(SEED, hosts=HOSTS, written=Paper(SEED).written) as pages, nest(tmp_path) as hatch:
        urls = [pages.url(f"/article/{n}", host=n % HOSTS) for n in range(DAY.targets)]
        step = f"{DAY.step.total_seconds():g}s"
        root = hatch.make(tmp_path / "archive", *urls, allowed=pages.addresses, every=step)
        _have_steps_alone(root / "holdfast.toml")
        service = Service(archive=root).start()
        lives = Lives()
        lives.watch(service.process.pid)
        try:
            killed = _lived(service, lives, pages, chance)
        finally:
            lived = lives.end()
            assert service.end() == 0, service.log()[-2000:]
        print(f"seed {SEED}, every {step}, killed: {dict(killed)}")
        print(lives.table())
        _hold_level(lived)
        _hold_ledger(root, pages.asked)
        (status,) = rows("status", "--archive", str(root))
        del status["sites"]
        print(json.dumps(status, indent=1))
        ledger = status["visits"]
        assert ledger["made"] == status["totals"]["visits"]
        assert ledger["planned"] == ledger["made"] + ledger["skipped"] + ledger["missed"]
        assert ": 0 faults" in holdfast("verify", "--archive", str(root))


def _have_steps_alone(configuration: Path) -> None:
    """Have no page fetched a second time at once: the ledger is held to the steps."""
    text = configuration.read_text()
    configuration.write_text(text.replace("[defaults]", "[defaults]\nsecond_look = false", 1))


def _hold_level(lived: list[Life]) -> None:
    """Hold the last life of each process, the one that nobody ended, to what it had before."""
    last = {one.name: one for one in lived}
    assert {"service", "worker-1", "reader"} <= last.keys()
    for one in last.values():
        growth = one.growth()
        halves = one.halves()
        if one.name == "articles" and growth is None:
            continue  # renewed after so many pages anyway
        assert growth is not None, f"{one.name} lived only {one.seconds:.0f} s"
        assert halves is not None
        more_bytes, more_files = growth
        before = max(sample.memory_bytes for sample in halves[0])
        assert more_bytes <= before * MOST_GROWTH_SHARE + MOST_GROWTH_BYTES, one.name
        assert more_files <= MOST_MORE_FILES, one.name


def _hold_ledger(root: Path, asked: int) -> None:
    """Hold visits to what the site saw, the tallies to the visits, and each target to its plan."""
    with closing(sqlite3.connect(f"file:{root / 'catalogue.db'}?mode=ro", uri=True)) as db:
        ((made,),) = db.execute("SELECT count(*) FROM visits")
        ((tallied,),) = db.execute("SELECT sum(visits) FROM tallies")
        ((orphans,),) = db.execute(
            "SELECT count(*) FROM visits WHERE id NOT IN (SELECT visit_id FROM captures)"
        )
        visits = db.execute(_VISITS).fetchall()
        ((targets,),) = db.execute("SELECT count(*) FROM targets")
        causes = db.execute("SELECT cause, sum(visits) FROM gaps GROUP BY cause").fetchall()
    sums = _sums(visits)
    odd = {target: one for target, one in sums.items() if one.planned != one.made + one.missed}
    print(
        f"{made} visits of {targets} targets, {asked} requests seen by the site; "
        f"from the second visit of each on: {sum(one.planned for one in sums.values())} planned, "
        f"{sum(one.made for one in sums.values())} made, "
        f"{sum(one.missed for one in sums.values())} missed, all {dict(causes)}; "
        f"{len(odd)} targets whose sum is wrong"
    )
    assert made == tallied
    assert orphans == 0
    assert DAY.least_visits <= made <= asked
    assert len(sums) == targets, "a target was never visited twice"
    assert odd == {}


@dataclass(slots=True)
class Sum:
    """What was planned for one target up to its last visit, and what came of it."""

    planned: int
    made: int
    missed: int


def _sums(visits: list[tuple[int, str, str, int]]) -> dict[int, Sum]:
    """Add up each target from its second visit on: the first is due when it is added.

    From then on the planned times lie a step apart; the last of them that counts is the one before
    the end of the last visit.
    """
    by_target: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for target, *visit in visits:
        by_target[target].append((visit[0], visit[1], visit[2]))
    found = {}
    for target, (_, *later) in by_target.items():
        if later:
            first, last = _moment(later[0][0]), _moment(later[-1][1])
            # A kill between the sync of a visit and its row has the same plan made once more.
            again = len(later) - len({due for due, *_ in later})
            planned = (last - first) // DAY.step + 1 + again
            found[target] = Sum(planned, len(later), sum(missed for _, _, missed in later))
    return found


def _moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored)


def test_a_process_that_grows_would_be_seen() -> None:
    """What holds the processes level says no of one that takes a megabyte a second."""
    lived = [
        Life(name, number, [Sample(at, 50_000_000 + at * 1_000_000, 20) for at in range(80)])
        for number, name in enumerate(("service", "worker-1", "reader"))
    ]
    with pytest.raises(AssertionError, match="service"):
        _hold_level(lived)
