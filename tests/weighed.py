"""Run a command to its end and tell how much memory its largest process took; also as a program.

A process inherits the peak of the one that started it, so the command is started by a small one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from service import COMMAND, ROOT


@dataclass(frozen=True, slots=True)
class Weighed:
    """How a command ended."""

    returncode: int
    said: str
    peak_bytes: int
    """Peak resident memory of the largest process among the command and its children."""


def weighed(*words: str, seconds: float = 120) -> Weighed:
    """Run one verb of the project and weigh it; TimeoutExpired if it does not end by itself."""
    return weigh([*COMMAND, *words], seconds=seconds)


def weigh(command: Sequence[str], *, seconds: float = 120) -> Weighed:
    """Run a command and weigh it; TimeoutExpired if it does not end by itself."""
    done = subprocess.run(
        [sys.executable, "-S", __file__, *command],
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    said, _, last = done.stdout.rstrip().rpartition("\n")
    told = json.loads(last)
    return Weighed(told["returncode"], said + done.stderr, told["peak_bytes"])


def main() -> None:
    """Run the command of the arguments, then print a line about it."""
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    _, status, used = os.wait4(pid, 0)
    told = {
        "returncode": os.waitstatus_to_exitcode(status),
        "peak_bytes": used.ru_maxrss * 1024,  # Linux counts in kibibytes, children included
    }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
