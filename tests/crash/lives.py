"""Look at the processes of a service again and again: what memory and how many files they hold."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_SEEN_EVERY_SECONDS = 0.5
_LEAST_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process."""

    at: float
    memory_bytes: int
    """What is its own: resident pages without those of files and shared memory."""
    files: int


@dataclass(slots=True)
class Life:
    """One process from its start to its end."""

    name: str
    pid: int
    samples: list[Sample] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Return how long it was looked at."""
        return self.samples[-1].at - self.samples[0].at

    def halves(self) -> tuple[list[Sample], list[Sample]] | None:
        """Return the second and the last quarter of its samples; None of a short life."""
        quarter = len(self.samples) // 4
        if quarter * 4 < _LEAST_SAMPLES:
            return None
        return self.samples[quarter : 2 * quarter], self.samples[-quarter:]

    def growth(self) -> tuple[int, int] | None:
        """Return by how many bytes and files the last quarter is above the second."""
        halves = self.halves()
        if halves is None:
            return None
        early, late = halves
        memory = [int(statistics.median(one.memory_bytes for one in part)) for part in halves]
        files = max(one.files for one in late) - max(one.files for one in early)
        return memory[1] - memory[0], files


class Lives:
    """The lives of all processes below one; ``watch`` another when that one was killed."""

    def __init__(self) -> None:
        self.all: dict[int, Life] = {}
        self._root = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def watch(self, root: int) -> None:
        """Look at this process and all it starts."""
        self._root = root

    def now(self) -> dict[str, int]:
        """Return the processes that live now, by name."""
        return dict(_below(self._root))

    def end(self) -> list[Life]:
        """Look no more, and return all lives in the order in which they began."""
        self._ended.set()
        self._thread.join()
        return [one for one in self.all.values() if one.samples]

    def table(self) -> str:
        """Return the lives as a table for a person."""
        lines = [
            f"{'process':12} {'seconds':>8} {'MB first':>9} {'MB last':>9} {'MB most':>9} files"
        ]
        for one in self.all.values():
            if not one.samples:
                continue
            sizes = [sample.memory_bytes / 1e6 for sample in one.samples]
            counts = [sample.files for sample in one.samples]
            lines.append(
                f"{one.name:12} {one.seconds:8.0f} {sizes[0]:9.1f} {sizes[-1]:9.1f} "
                f"{max(sizes):9.1f} {counts[0]} → {counts[-1]}, most {max(counts)}"
            )
        return "\n".join(lines)

    def _look(self) -> None:
        while not self._ended.wait(_SEEN_EVERY_SECONDS):
            for name, pid in _below(self._root):
                with suppress(OSError, ValueError):
                    sample = Sample(time.monotonic(), _memory(pid), _files(pid))
                    self.all.setdefault(pid, Life(name, pid)).samples.append(sample)


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")]
    if not found:
        raise ProcessLookupError(pid)  # dead, and not buried yet
    return found[0]


def _files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _below(root: int) -> Iterator[tuple[str, int]]:
    """Yield the process and its children by the names they have for a person."""
    if not root or not Path(f"/proc/{root}").exists():
        return
    yield "service", root
    for pid in _children(root):
        words = _words(pid)
        for kind in ("worker", "reader"):
            if kind in words:
                yield words[words.index(kind) + 2], pid
        if "reader" in words:
            for child in _children(pid):
                if any("spawn_main" in word for word in _words(child)):
                    yield "articles", child


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return []


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        # Each thread has its own children.
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found
