"""Start verbs by the hundred, watched or broken by the shim; for the crash tests."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

import pytest
from service import ROOT

HERE = Path(__file__).parent
LONG = os.environ.get("HOLDFAST_SOAK") == "1"
"""Whether the long forms are wanted, as `make soak` does."""
PREPARE = "!prepare"
"""Word for the nest: restart the archive, as every verb that writes does first."""
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}

[defaults]
every = "{every}"
delay = "0s"
"""


class Suffers(IntEnum):
    """What happens to the n-th call; the numbers are those of the shim."""

    NOTHING = 0
    IO_ERROR = 1
    NO_SPACE = 2
    SHORT = 3
    """Half of a write is made, and there is no space for the next one."""
    KILL = 4
    """The process group is killed before the call."""
    TORN = 5
    """The process group is killed when half of a write is made; before any other call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the shim is to do for one process: see ``shim_set`` of it."""

    root: str
    log: str = ""
    data: int = 0
    nth: int = 0
    kind: int = Suffers.NOTHING
    kill_after: int = 0


@cache
def _compiled(folder: Path) -> Path | None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "shim.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *flags, "-o", library, HERE / "shim.c", "-ldl"], check=True)
    return library


def shim(folder: Path) -> Path:
    """Return the shim, compiled; where there is no compiler the test is skipped."""
    library = _compiled(folder)
    if library is None:
        lacks = "needs Linux and a C compiler (gcc), to stand between a process and its files"
        if os.environ.get("HOLDFAST_CI") == "1":
            pytest.fail(lacks)
        pytest.skip(lacks)
    return library


class Nest:
    """A process that hatches one verb after another; see ``nest``."""

    def __init__(self, folder: Path, *, library: Path | None = None) -> None:
        self._said = folder / "nest-said"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        if library is not None:
            env["LD_PRELOAD"] = str(library)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "nest.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=env,
        )

    def begin(self, *words: str, orders: Orders | None = None) -> int:
        """Start a verb and return the id of its process, which is that of its group."""
        assert self.process.stdin is not None
        order = {
            "words": words,
            "out": str(self._said),
            "shim": asdict(orders) if orders else None,
        }
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._heard()

    def end(self) -> int:
        """Wait until the verb has ended, and return how: negative for the signal that killed it."""
        return self._heard()

    def verb(self, *words: str, orders: Orders | None = None) -> int:
        """Run a verb to its end."""
        self.begin(*words, orders=orders)
        return self.end()

    def make(self, root: Path, *urls: str, allowed: Sequence[str], every: str = "1h") -> Path:
        """Make an archive that watches these pages."""
        assert self.verb("init", str(root)) == 0, self.said
        text = CONFIGURATION.format(allowed=json.dumps(list(allowed)), every=every)
        (root / "holdfast.toml").write_text(text)
        if urls:
            assert self.verb("watch", "add", "--archive", str(root), *urls) == 0, self.said
        return root

    def restart(self, root: Path) -> str:
        """Restart an archive that was left by a dead process, and return what is told of it."""
        assert self.verb(PREPARE, str(root)) == 0, self.said
        assert "not in the files" not in self.said, f"rows had lost their records: {self.said}"
        return self.said

    @property
    def said(self) -> str:
        """Return what the last verb wrote to stdout and stderr."""
        return self._said.read_text()

    def _heard(self) -> int:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the nest is gone"
        return int(line)


@contextmanager
def nest(folder: Path, *, library: Path | None = None) -> Iterator[Nest]:
    """Lend a nest."""
    one = Nest(folder, library=library)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()
