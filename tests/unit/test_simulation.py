"""The policy lives through a small world and keeps its rules."""

import io
import json
from pathlib import Path

import pytest
from catalogues import opened

from crawler.commands import main
from crawler.simulation import SITE, Simulation
from storage.catalogue import learnt, targets

DAY = 86_400.0


class World:
    """Two hosts, a few pages: one changes every hour, one is lost, the rest lie still."""

    def __init__(self, *, days: int, budget: int) -> None:
        self.days, self.budget = days, budget
        self.clock, self.made, self.used = 0.0, [], {}
        self.free_at = dict.fromkeys(("live", "still"), 0.0)
        self.delay = {"live": 20.0, "still": 5.0}
        self.most = {"live": 40, "still": 12}
        facts = [("live", "article", 0.0), ("live", "section", 0.0), ("live", "feed", 0.0)]
        facts += [("still", "archive", 0.0)] * 8 + [("live", "article", 1.3 * DAY)]
        self.pages = [
            {
                "op": "page", "page": f"p{number}", "host": host, "role": role,
                "discovered_at": found, "published_at": found, "importance": 1.0,
            }
            for number, (host, role, found) in enumerate(facts)
        ]  # fmt: skip
        self.told = 0
        self.refused = []

    @property
    def hello(self):
        hosts = [
            {"host": one, "min_delay_s": self.delay[one], "max_per_day": self.most[one]}
            for one in self.delay
        ]
        return {
            "op": "hello", "version": 1, "days": self.days, "budget_per_day": self.budget,
            "hosts": hosts, "weights": {},
        }  # fmt: skip

    def ask(self, act):
        """Answer an act as the protocol says."""
        at = act["t"]
        assert at >= self.clock, "time runs forwards only"
        if self.told < len(self.pages) and self.pages[self.told]["discovered_at"] <= at:
            self.told += 1
            page = self.pages[self.told - 1]
            return page | {"t": max(self.clock, page["discovered_at"])}
        self.clock = at
        if at >= self.days * DAY:
            return {"op": "end", "t": at}
        return {"op": "tick", "t": at} if act["op"] == "wait" else self.visit(act["page"], at)

    def visit(self, name: str, at: float):
        page = self.pages[int(name[1:])]
        host, day = page["host"], int(at // DAY)
        used = self.used.get((host, day), 0)
        spent = sum(1 for _, when in self.made if when // DAY == day)
        broken = (at < self.free_at[host], used >= self.most[host], spent >= self.budget)
        if any(broken):
            self.refused.append((name, at, broken))
            return {"op": "refused", "why": str(broken), "retry_at": at + 60}
        self.used[host, day] = used + 1
        self.free_at[host] = at + self.delay[host]
        self.made.append((name, at))
        said = {"op": "result", "t": at, "page": name, "status": 200}
        if page["role"] == "feed":
            return said | {"entries": [["p0", at - 60.0]]}
        if name == "p3" and at > DAY:
            return said | {"status": 404}
        version = int(at // 3600) if name in ("p0", "p1") else 0
        return said | {"raw": f"{version}", "text": f"{name}/{version}"}


@pytest.fixture
def catalogue(tmp_path: Path):
    kept = opened(tmp_path)
    yield kept
    kept.close()


def test_no_rule_of_the_world_is_broken_and_the_budget_is_spent(catalogue) -> None:
    """Neither a host's delay and day cap nor the budget is exceeded, and little is left over."""
    world = World(days=4, budget=45)
    Simulation(world.ask, catalogue).run(world.hello)
    assert world.refused == []
    assert len(world.made) > 0.9 * 4 * 45


def test_what_changes_is_looked_at_most_and_what_is_lost_least(catalogue) -> None:
    """The visits follow the changes; a new page is captured at once, a lost one kept."""
    world = World(days=4, budget=45)
    Simulation(world.ask, catalogue).run(world.hello)
    visits = {
        page["page"]: [at for one, at in world.made if one == page["page"]] for page in world.pages
    }
    still = [len(visits[f"p{number}"]) for number in range(4, 11)]
    assert len(visits["p0"]) > max(still)
    assert visits["p11"][0] - 1.3 * DAY < 120
    assert sum(1 for at in visits["p3"] if at > DAY) in (1, 2)


def test_what_it_learnt_is_in_the_catalogue(catalogue) -> None:
    """Policy and store are those of the service: pages, lessons and price are rows."""
    world = World(days=2, budget=45)
    Simulation(world.ask, catalogue).run(world.hello)
    with catalogue.read() as db:
        rows = list(learnt.of_site(db, SITE))
        assert len(rows) == len(world.pages) == len(targets.listing(db))
        assert {"article", "archive"} <= set(learnt.lessons_of(db, "curve"))
        assert SITE in learnt.lessons_of(db, "price")
    looks = sum(row.looks for row in rows)
    assert looks == len(world.made)


def test_it_speaks_by_lines(monkeypatch, capsys) -> None:
    """One line for each line, and an end when the world has ended."""
    said = [World(days=1, budget=5).hello, {"op": "end", "t": DAY}]
    lines = io.StringIO("".join(json.dumps(one) + "\n" for one in said))
    monkeypatch.setattr("sys.stdin", lines)
    assert main(["simulate", "--stdio"]) == 0
    acts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["op"] for one in acts] == ["wait", "end"]


@pytest.mark.parametrize("line", ["", "nonsense\n", "[]\n", '{"op": "hello", "version": 9}\n'])
def test_a_world_that_does_not_say_hello_is_refused(monkeypatch, capsys, line) -> None:
    """A first line that is no hello is a sentence, and no traceback."""
    monkeypatch.setattr("sys.stdin", io.StringIO(line))
    assert main(["simulate", "--stdio"]) == 1
    assert "world" in capsys.readouterr().err
