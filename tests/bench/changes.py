"""Measure the meaning of change: a site moved through its epochs, watched by the real commands.

    python tests/bench/changes.py [--no-noise] [--part DIR] [--keep DIR] [--json FILE]

The server, its labels and the scorer lie in HOLDFAST_SHARED/changes; without them nothing is run.
Every epoch is one ``holdfast visit --all``, re-looks included; then the events are scored.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recompute import recomputed

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 6
CONFIGURATION = """
[network]
allow_addresses = ["127.0.0.0/8"]
first_byte_timeout = "{timeout}"

[defaults]
every = "7d"
delay = "0s"
robots = "ignore"
confirm = ["0.3s", "0.6s"]
confirm_access = ["0.3s", "0.6s"]
down_after = "1d"
"""
GOALS = (
    ("false alarms per 1,000 unchanged", "false_alarms_per_1000_unchanged", "≤ 4", "≤ 1"),
    ("the same, redesigned", "false_alarms_per_1000_redesigned", "≤ 20", "0"),
    ("the same, flaky", "alarms_per_1000_flaky_but_unchanged", "≤ 10", "0"),
    ("repeats on lasting states per 1,000", "repeat_alerts_per_1000_lasting_states", "0", "0"),
    ("edits alerted", "edit.alerted", "≥ .97", "≥ .99"),
    ("the worst operation", "worst", "≥ .90", "≥ .90"),
    ("takedowns alerted", "takedown.alerted", "≥ .98", "1.00"),
    ("takedowns rightly grouped", "takedown.right_group", "≥ .96", ".99"),
    ("takedowns by status missed", "by_status", "0", "0"),
    ("passing fault called takedown per 1,000", "transient_called_takedown_per_1000", "0", "0"),
    ("passing fault called edit per 1,000", "transient_called_edit_per_1000", "≤ 10", "0"),
    ("alert precision", "alert_precision", "≥ .97", "≥ .99"),
    ("macro-F1 over the kinds", "macro_F1_typed", "≥ .92", "≥ .96"),
    ("events whose kind recomputes from the WARCs", "recomputed", "1.00", "1.00"),
)


def main() -> int:
    """Run the bench and print its table; 0 also where there is nothing to run it with."""
    arguments = _arguments()
    shared = Path(os.environ.get("HOLDFAST_SHARED", "/nowhere")) / "changes"
    part = arguments.part or shared
    if not (shared / "server.py").exists():
        print("skipped: HOLDFAST_SHARED names no folder with changes/server.py")
        return 0
    with _workshop(arguments.keep) as work:
        extra = ["--no-noise"] if arguments.no_noise else []
        with _served(shared, part, work / "state", extra) as control:
            seconds = _watched(work, control)
        found = _scored(shared, part, work)
        found["recomputed"] = recomputed(work / "archive", work / "again")
    print(_table(found))
    print(f"\nseconds an epoch: {' '.join(f'{one:.0f}' for one in seconds)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-noise", action="store_true", help="the same events, no noise")
    parser.add_argument("--part", type=Path, help="another manifest, noise and wordings")
    parser.add_argument("--keep", type=Path, help="keep archive and events in this new folder")
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


@contextmanager
def _workshop(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="holdfast-changes-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _served(shared: Path, part: Path, state: Path, extra: list[str]) -> Iterator[int]:
    """Lend the control port of the server while it runs."""
    state.mkdir()
    command = [sys.executable, str(shared / "server.py"), "--part", str(part)]
    command += ["--base", str(shared / "base"), "--state", str(state), "--stall", "3", *extra]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield int(json.loads(server.stdout.readline())["control"])
    finally:
        server.terminate()
        server.wait()


def _watched(work: Path, control: int) -> list[float]:
    """Watch the site through its epochs; return how long each took."""
    archive = work / "archive"
    _holdfast("init", str(archive))
    (archive / "holdfast.toml").write_text(CONFIGURATION.format(timeout="5s"))
    lines = (work / "state" / "urls.jsonl").read_text().splitlines()
    urls = [str(json.loads(line)["url"]) for line in lines]
    _holdfast("watch", "add", "--archive", str(archive), *urls)
    seconds = []
    for number in range(EPOCHS):
        if number:
            address = f"http://127.0.0.1:{control}/epoch?n={number}"
            urllib.request.urlopen(address, timeout=60).read()
        begun = time.monotonic()
        _holdfast("visit", "--all", "--quiet", "--archive", str(archive))
        seconds.append(time.monotonic() - begun)
        print(f"epoch {number}: {seconds[-1]:.0f} s", file=sys.stderr, flush=True)
    events = _holdfast("events", "--archive", str(archive), "--json")
    (work / "events.jsonl").write_text(events)
    return seconds


def _holdfast(*words: str) -> str:
    command = [sys.executable, "-m", "crawler", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"holdfast {' '.join(words[:3])} ended with {done.returncode}")
    return done.stdout


def _scored(shared: Path, part: Path, work: Path) -> dict[str, Any]:
    state, out = work / "state", work / "score.json"
    command = [sys.executable, str(shared / "score.py"), "--json", str(out)]
    command += ["--labels", str(part / "labels.jsonl"), "--urls", str(state / "urls.jsonl")]
    command += ["--epochs", str(state / "epochs.json"), "--events", str(work / "events.jsonl")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(out.read_text())
    for group, figures in found["groups"].items():
        found |= {f"{group}.{name}": value for name, value in figures.items()}
    kinds = found["by_detail"].items()
    edits = [one["alerted"] / one["n"] for name, one in kinds if name.startswith("edit/")]
    found["worst"] = min(edits, default=None)
    found["by_status"] = sum(
        one["n"] - one["alerted"]
        for name, one in kinds
        if name.startswith("takedown/") and "/http" in name
    )
    return found


def _table(found: dict[str, Any]) -> str:
    rows = ["| measure | must | aim | measured |", "|---|---|---|---|"]
    for title, key, must, aim in GOALS:
        rows.append(f"| {title} | {must} | {aim} | {found.get(key, 'none')} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
