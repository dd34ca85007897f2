"""Run the real service on a real archive, and ask it what it did; for the flow tests."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

COMMAND = (sys.executable, "-m", "crawler")
WORDS = ("--listen", "127.0.0.1:0", "--workers", "1")
PACKAGES = ("crawler", "spiders", "storage")
ROOT = Path(__file__).resolve().parents[1]


def verb(
    *words: str,
    env: Mapping[str, str] | None = None,
    root: Path = ROOT,
    before: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run one verb to its end, as the project in ``root`` has it, and return how it ended."""
    return subprocess.run(
        [*before, *COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=root,
        env=_environment(root, env),
        check=False,
    )


def holdfast(
    *words: str,
    expect: int | None = 0,
    env: Mapping[str, str] | None = None,
    root: Path = ROOT,
) -> str:
    """Run one verb to its end and return what it printed."""
    done = verb(*words, env=env, root=root)
    if expect is not None:
        assert done.returncode == expect, f"{words} → {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def begun(*words: str, root: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """Start one verb and lend the process; what is still there at the end is killed."""
    with subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env=_environment(root),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rows(*words: str, root: Path = ROOT) -> list[dict[str, Any]]:
    """Run a verb with ``--json`` and return what its lines say."""
    done = verb(*words, "--json", root=root)
    assert done.returncode == 0, f"{words} → {done.returncode}\n{done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def listing(verb: str, archive: Path, *words: str, root: Path = ROOT) -> list[dict[str, Any]]:
    """Return a listing as it is printed for programs."""
    return rows(verb, "--archive", str(archive), *words, root=root)


def copied(to: Path) -> Path:
    """Copy the three packages and what belongs to them, and return where the copy is."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / package)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / file, to / file)
    return to


def _environment(root: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root), **(more or {})}


def wait_for(what: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Return what is wanted as soon as it is there; fail when it does not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


@dataclass(slots=True, kw_only=True)
class Service:
    """One run of ``holdfast run``."""

    archive: Path
    root: Path = ROOT
    process: subprocess.Popen[str] = field(init=False)

    def start(self) -> "Service":
        """Start it and wait until its page answers."""
        log = (self.archive.parent / "service.log").open("a")
        self.process = subprocess.Popen(
            [*COMMAND, "run", "--archive", str(self.archive), *WORDS],
            stdout=log,
            stderr=log,
            text=True,
            cwd=self.root,
            env=_environment(self.root),
        )
        log.close()
        wait_for(self.healthy, seconds=30)
        return self

    def healthy(self) -> bool:
        """Say whether its page says it is well."""
        assert self.process.poll() is None, self.log()
        address = self.address()
        if address is None:
            return False
        try:
            with urlopen(f"{address}healthz", timeout=5) as answer:
                return bool(json.load(answer)["ok"])
        except OSError:
            return False

    def address(self) -> str | None:
        """Return where its page is, as its lock file says."""
        try:
            known = json.loads((self.archive / "lock").read_text())
        except (OSError, ValueError):
            return None
        mine = known["pid"] == self.process.pid
        return str(known["address"]) if mine and known["address"] else None

    def ask(self, place: str) -> list[dict[str, Any]]:
        """Return what the service's API lists at a place such as ``events?limit=1000``."""
        with urlopen(f"{self.address()}api/v1/{place}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def workers(self) -> list[dict[str, Any]]:
        """Return what its health says of each worker process, also while it is not well (503)."""
        try:
            answer = urlopen(f"{self.address()}healthz", timeout=10)
        except HTTPError as unwell:
            answer = unwell
        with answer:
            found: list[dict[str, Any]] = json.load(answer)["workers"]
            return found

    def metric(self, name: str) -> float:
        """Return the value of a metric without labels."""
        with urlopen(f"{self.address()}metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def log(self) -> str:
        """Return what it has said so far."""
        return (self.archive.parent / "service.log").read_text()

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal and return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(timeout=20)
