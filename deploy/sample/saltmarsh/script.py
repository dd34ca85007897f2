"""Read the script of changes: what happens to which article, and when."""

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from saltmarsh.edition import Change, ChangeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the script; ``after`` counts from the first article that was fetched."""

    after: timedelta
    kind: ChangeKind
    node: int
    replacements: tuple[tuple[str, str], ...]
    to: str
    status: int
    does: str

    def change(self, at: datetime) -> Change:
        """Return the change this step makes when it is made at a moment."""
        return Change(
            kind=self.kind,
            node=self.node,
            at=at,
            replacements=self.replacements,
            to=self.to,
            status=self.status,
        )


def read_script(file: Path) -> tuple[Step, ...]:
    """Return the steps of a script in the order in which they happen."""
    lines = tomllib.loads(file.read_text(encoding="utf-8"))["step"]
    steps = (
        Step(
            after=timedelta(seconds=float(line["after"].removesuffix("s"))),
            kind=ChangeKind(line["change"]),
            node=line["node"],
            replacements=tuple((old, new) for old, new in line.get("replace", ())),
            to=line.get("to", ""),
            status=line.get("status", 0),
            does=line["does"],
        )
        for line in lines
    )
    return tuple(sorted(steps, key=lambda step: step.after))
