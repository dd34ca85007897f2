"""Hold the revisit policy against its rivals in simulated worlds, at equal budget.

    HOLDFAST_SHARED=… python tests/bench/revisit.py [--profile dev] [--seeds 1 2 3] [--plot FILE]

The worlds and the scorer are those of $HOLDFAST_SHARED/revisit; `holdfast simulate --stdio` is a
process of its own, spoken to by lines. Prints what each policy reached, then each goal beside what
was measured. With --plot the delay of edits against the budget is drawn as SVG.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from revisit_plot import draw
from revisit_rivals import DAY, Fixed, Nutch, Oracle, Rival, Storm, run

OURS = "Holdfast"
TURN = "in turn"
BUDGETS = (0.25, 0.5, 1.0, 2.0)
"""Parts of a world's budget that the plot shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is asked of a figure of ours over a rival's."""

    title: str
    must: float
    aim: float | None
    figure: Callable[[dict[str, Any]], float | None]
    rival: str | None = None
    at_most: bool = False


def figure(*names: str) -> Callable[[dict[str, Any]], float | None]:
    """Return what reads one figure out of a score."""

    def read(score: dict[str, Any]) -> float | None:
        value: Any = score
        for name in names:
            value = (value or {}).get(name)
        return value

    return read


GOALS = (
    Goal(title="U / visiting in turn", must=1.35, aim=1.45, figure=figure("U"), rival=TURN),
    Goal(title="U / StormCrawler's rule", must=1.30, aim=1.38, figure=figure("U"),
         rival="StormCrawler-like"),
    Goal(title="U / Nutch's adaptive rule", must=2.5, aim=3, figure=figure("U"),
         rival="Nutch-like"),
    Goal(title="article versions captured / in turn", must=2.5, aim=2.8,
         figure=figure("article", "captured"), rival=TURN),
    Goal(title="mean delay of takedowns / in turn", must=1.25, aim=1.0,
         figure=figure("takedown", "mean_h"), rival=TURN, at_most=True),
    Goal(title="U / the index rule with true rates", must=0.93, aim=0.97, figure=figure("U"),
         rival="true rates"),
    Goal(title="refusals", must=0, aim=0, figure=figure("refused"), at_most=True),
    Goal(title="visits per CPU second", must=3_000, aim=10_000, figure=figure("visits_per_cpu_s")),
)  # fmt: skip


def load_world() -> ModuleType:
    """Import the program of the worlds from where the shared sets lie."""
    shared = os.environ.get("HOLDFAST_SHARED")
    if not shared:
        raise SystemExit("set HOLDFAST_SHARED to the folder that holds revisit/world.py")
    path = Path(shared, "revisit", "world.py")
    spec = importlib.util.spec_from_file_location("revisit_world", path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"{path} is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(worlds: ModuleType, world: Any) -> dict[str, Any]:
    """Have `holdfast simulate` live through a world; return what it cost."""
    words = [sys.executable, "-m", "crawler", "simulate", "--stdio"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        worlds.serve(world, process.stdout, process.stdin)
        process.communicate()
    if process.returncode:
        raise SystemExit(f"holdfast simulate ended with status {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"visits_per_cpu_s": len(world.log_p) / cpu, "cpu_s": cpu}


def rivals(data: Any, world: Any) -> dict[str, Rival]:
    """Return the rivals for a world; true rates need a price that spends its budget."""
    pages = sum(1 for one in data[1] if one["role"] not in ("feed", "sitemap"))
    return {
        TURN: Fixed(0.0),
        "fixed": Fixed(pages / world.budget * DAY),
        "StormCrawler-like": Storm(),
        "Nutch-like": Nutch(),
        "true rates": Oracle(data[2]),
    }


def measure(
    worlds: ModuleType, data: Any, *, budget: int | None = None, names: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each policy reached in a world."""
    world = worlds.World(*data, budget=budget)
    cost = simulate(worlds, world)
    yield OURS, worlds.score(data, world.log_p, world.log_t) | cost | {"refused": world.refused}
    for name, rival in rivals(data, world).items():
        if names and name not in names:
            continue
        world = worlds.World(*data, budget=budget)
        run(world, rival)
        yield name, worlds.score(data, world.log_p, world.log_t) | {"refused": world.refused}


def table(scores: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield what each policy reached, as means over the worlds."""
    heads = ("U", "edits", "takedowns", "captured", "edit seen h", "takedown h", "visits/day")
    yield f"{'':20}" + "".join(f"{one:>13}" for one in heads)
    for name, own in scores.items():
        figures = (
            mean(own, "U"), mean(own, "U_edit"), mean(own, "U_take"),
            mean(own, "article", "captured"), mean(own, "article", "mean_h"),
            mean(own, "takedown", "mean_h"), mean(own, "visits_per_day"),
        )  # fmt: skip
        yield f"{name:20}" + "".join(f"{one:13.3f}" for one in figures)


def mean(scores: Sequence[dict[str, Any]], *names: str) -> float:
    """Return the mean of a figure over the worlds that have it."""
    found = [value for one in scores if (value := figure(*names)(one)) is not None]
    return sum(found) / len(found) if found else 0.0


def goal_lines(scores: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield each goal beside what was measured: the mean over the worlds, least and most."""
    yield f"{'':42}{'must':>9}{'aim':>9}   {'measured':<30}holds"
    for goal in GOALS:
        found = [one for one in _values(goal, scores) if one is not None]
        if not found:
            continue
        middle = sum(found) / len(found)
        holds = middle <= goal.must if goal.at_most else middle >= goal.must
        sign = "≤" if goal.at_most else "≥"
        measured = f"{middle:,.3f} ({min(found):,.3f} to {max(found):,.3f})"
        asked = f"{f'{sign} {goal.must:,g}':>9}{f'{sign} {goal.aim:,g}':>9}"
        yield f"{goal.title:42}{asked}   {measured:<30}{'yes' if holds else 'NO'}"


def _values(goal: Goal, scores: dict[str, list[dict[str, Any]]]) -> Iterator[float | None]:
    for place, ours in enumerate(scores[OURS]):
        own = goal.figure(ours)
        if goal.rival is None:
            yield own
        elif goal.rival in scores:
            other = goal.figure(scores[goal.rival][place])
            yield own / other if own is not None and other else None


def plot(worlds: ModuleType, data: Any, path: Path) -> None:
    """Draw the mean delay of edits against the budget, of our policy and of its rivals."""
    names = (TURN, "StormCrawler-like", "Nutch-like")
    lines: dict[str, list[tuple[float, float]]] = {}
    for part in BUDGETS:
        budget = round(data[4]["budget_per_day"] * part)
        for name, score in measure(worlds, data, budget=budget, names=names):
            delay = mean([score], "article", "mean_h")
            lines.setdefault(name, []).append((budget / data[4]["pages"], delay))
    path.write_text(
        draw(
            lines, across="looks a day for each page", up="mean delay of edits of articles, hours"
        ),
        "utf-8",
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="dev", help="a profile of $HOLDFAST_SHARED/revisit")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--plot", type=Path, help="where to draw the delay against the budget")
    parser.add_argument("--json", action="store_true", help="print all scores as one JSON object")
    asked = parser.parse_args()
    worlds = load_world()
    profile = Path(os.environ["HOLDFAST_SHARED"], "revisit", f"{asked.profile}.json")
    scores: dict[str, list[dict[str, Any]]] = {}
    for seed in asked.seeds:
        began = time.monotonic()
        data = worlds.generate(json.loads(profile.read_text("utf-8")), seed)
        for name, score in measure(worlds, data):
            scores.setdefault(name, []).append(score)
        print(f"seed {seed}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        if asked.plot is not None and seed == asked.seeds[0]:
            plot(worlds, data, asked.plot)
    if asked.json:
        print(json.dumps(scores))
        return
    print("\n".join(table(scores)), end="\n\n")
    print("\n".join(goal_lines(scores)))


if __name__ == "__main__":
    main()
