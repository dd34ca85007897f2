"""Run a command in a process of its own and say what it cost: CPU, time, memory, bytes.

Only the standard library is imported here: the peak memory of a child is never told below what its
parent had when it began.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class BenchError(Exception):
    """Say that a run did not do its work, so that its figures mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took, from its start to its end."""

    pages: int
    cpu_seconds: float
    """User and system, all threads and waited-for children: ``wait4``."""
    wall_seconds: float
    peak_bytes: int
    """Largest resident size: ``ru_maxrss``."""
    written_bytes: int
    server_cpu_seconds: float
    told: dict[str, object]
    """What the process says of itself on its last line."""

    @property
    def server_share(self) -> float:
        """Return how much of one core the server was busy meanwhile."""
        return self.server_cpu_seconds / self.wall_seconds


@dataclass(frozen=True, slots=True)
class Origin:
    """The bench's own server, in a process of its own."""

    port: int
    pid: int
    articles: int
    digests: Path
    """Holds the payload digest of every article, a line each."""

    def cpu_seconds(self) -> float:
        """Return the CPU time it has had so far."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def origin(articles: int, folder: Path) -> Iterator[Origin]:
    """Lend a server that has rendered so many articles."""
    digests = folder / "digests.txt"
    command = [sys.executable, str(HERE / "origin.py"), str(articles), str(digests)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            port = json.loads(process.stdout.readline())["port"]
            yield Origin(port, process.pid, articles, digests)
        finally:
            process.communicate()


@dataclass(frozen=True, slots=True)
class Started:
    """A process under way, and what was known when it began."""

    process: subprocess.Popen[bytes]
    folder: Path
    site: Origin
    at: float
    server_cpu_seconds: float


def start(command: Sequence[str], folder: Path, *, site: Origin) -> Started:
    """Start a command in its own new folder, which gets what it writes and prints."""
    folder.mkdir(parents=True)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        before = site.cpu_seconds()
        at = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=folder, env=environ
        )
    return Started(process, folder, site, at, before)


def finish(started: Started, *, pages: int) -> Cost:
    """Wait for the end of a command that was to fetch so many pages; raise BenchError if it failed.

    What it told of its pages is held against that.
    """
    process = started.process
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stdin is not None
    process.stdin.close()
    if process.returncode != 0:
        said = (started.folder / "err").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise BenchError(f"{process.args!r} ended with {process.returncode}:\n{said}")
    told = last_line(started.folder)
    if told.get("pages", pages) != pages:
        raise BenchError(f"{process.args!r} fetched {told['pages']} of {pages} pages")
    return Cost(
        pages=pages,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        wall_seconds=ended - started.at,
        peak_bytes=usage.ru_maxrss * 1024,
        written_bytes=written(started.folder),
        server_cpu_seconds=started.site.cpu_seconds() - started.server_cpu_seconds,
        told=told,
    )


def run(command: Sequence[str], folder: Path, *, pages: int, site: Origin) -> Cost:
    """Run a command to its end and return what it cost."""
    return finish(start(command, folder, site=site), pages=pages)


def written(folder: Path) -> int:
    """Return the bytes of the archive files below a folder."""
    kept = (one for one in folder.rglob("*") if ".warc" in one.name or one.suffix == ".wacz")
    return sum(one.stat().st_size for one in kept)


def last_line(folder: Path) -> dict[str, object]:
    """Return what the command told of itself, if it is one of ours."""
    lines = (folder / "out").read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}
    told: dict[str, object] = json.loads(lines[-1])
    return told
