"""Make environments of their own for rivals, whose packages do not go together with ours."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast-bench"


class MissingError(Exception):
    """Say why a rival cannot be measured on this machine."""


def environment(name: str, installs: Sequence[Sequence[str]], *, imports: Sequence[str]) -> Path:
    """Return the interpreter of an environment in the user's cache; make it if need be.

    ``installs`` are the words for pip, in turn; ``imports`` are what must be there then. Raise
    MissingError when that cannot be done.
    """
    place = CACHE / name
    python, ready = place / "bin" / "python", place / "ready"
    wanted = repr(installs)
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return python
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(place)],
        [*pip, "--upgrade", "pip"],
        *([*pip, *words] for words in installs),
        [str(python), "-c", "import " + ", ".join(imports)],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            why = done.stderr.strip().rpartition("\n")[2]
            raise MissingError(f"{name} could not be installed: {why}")
    ready.write_text(wanted, encoding="utf-8")
    return python
