"""Read what the shim wrote down: the calls of a process on its files, in their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log: a call that is entered (E), was left (X), or was made to fail (F)."""

    mark: str
    process: int
    thread: int
    what: str
    number: int
    """E: flags, offset or length; X: what was returned; F: which call it was."""
    size: int
    """E: bytes of a write; X: where the file stands after it."""
    path: str
    path2: str = ""
    data: bytes = b""


def calls(log: Path) -> list[Call]:
    """Return the calls of a log; the last one may be missing when its process was killed."""
    raw = log.read_bytes() if log.exists() else b""
    found = []
    at = 0
    while (end := raw.find(b"\n", at)) >= 0:
        mark, process, thread, what, number, size, kept, path = (
            raw[at:end].decode(errors="surrogateescape").split(" ", 7)
        )
        at = end + 1 + int(kept)
        first, _, second = path.partition("\t")
        found.append(
            Call(
                mark,
                int(process),
                int(thread),
                what,
                int(number),
                int(size),
                first,
                second,
                raw[end + 1 : at],
            )
        )
    return found


def without_syncs(log: Sequence[Call], which: Callable[[Call], bool]) -> list[Call]:
    """Return the log of a process that forgot some of its syncs."""
    kept = []
    left_out: set[int] = set()
    for call in log:
        if call.mark == "E" and call.what == "fsync" and which(call):
            left_out.add(call.thread)
        elif call.mark == "X" and call.thread in left_out:
            left_out.remove(call.thread)
        else:
            kept.append(call)
    return kept
