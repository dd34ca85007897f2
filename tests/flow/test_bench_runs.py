"""The bench itself: its runners work, keep what they fetched, and give figures."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.flow

BENCH = Path(__file__).parents[1] / "bench" / "capture.py"
OURS = ("stock", "fetch", "capture", "recapture", "share", "workers")
RUNS = {
    ("stock", "a"), ("stock", "b"), ("fetch", "a"), ("fetch", "b"), ("capture", "a"),
    ("capture", "b"), ("recapture", "b"), ("share", "b"),
}  # fmt: skip
GOALS = {"capture/stock/b", "capture/stock/a", "fetch/stock/b", "fetch/stock/a", "workers"}


def test_the_bench_measures_every_runner(tmp_path: Path) -> None:
    """A quick round runs Scrapy and all of ours, verifies what was kept, and tells numbers."""
    told = tmp_path / "figures.json"
    command = [sys.executable, str(BENCH), "--quick", "--pages", "48", "--only", ",".join(OURS)]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path), "--json", str(told)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(told.read_text())
    assert {(one["rival"], one["variant"]) for one in figures["results"]} == RUNS
    assert {one["goal"]["name"] for one in figures["goals"]} >= GOALS
    for one in figures["goals"]:
        assert all(math.isfinite(value) for value in one["measured"].values())
    for one in figures["results"]:
        cost = one["whole"]
        assert cost["pages"] == 48
        assert cost["cpu_seconds"] > 0
        assert cost["peak_bytes"] > 0
        assert (cost["written_bytes"] > 0) is (one["rival"] not in {"stock", "fetch"})
    assert "holds" in done.stdout
    # Of so few pages nothing is claimed: what is net of the start may be below nothing.
    assert " NO" not in done.stdout
    assert not re.search(r"(?m)^net CPU.*\[", done.stdout)
    assert "Quick: so few pages" in done.stdout
