"""Keep on disk what was done to the newspaper, so that it can be started again as it was."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from saltmarsh.edition import Change, ChangeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """When the script began, how far it is, and every change since."""

    started_at: datetime | None = None
    steps_taken: int = 0
    changes: tuple[Change, ...] = ()


def remember(file: Path, memory: Memory) -> None:
    """Write the memory in place of the one before."""
    fresh = file.with_name(file.name + ".new")
    text = json.dumps(asdict(memory), indent=2, default=datetime.isoformat)
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(file)


def recall(file: Path) -> Memory:
    """Read a memory; where there is none, nothing has happened yet."""
    if not file.exists():
        return Memory()
    value = json.loads(file.read_text(encoding="utf-8"))
    started_at = value["started_at"]
    return Memory(
        started_at=datetime.fromisoformat(started_at) if started_at else None,
        steps_taken=value["steps_taken"],
        changes=tuple(_change(one) for one in value["changes"]),
    )


def _change(value: dict[str, object]) -> Change:
    match value:
        case {
            "kind": str(kind),
            "node": int(node),
            "at": str(at),
            "replacements": list(replacements),
            "to": str(to),
            "status": int(status),
        }:
            return Change(
                kind=ChangeKind(kind),
                node=node,
                at=datetime.fromisoformat(at),
                replacements=tuple((old, new) for old, new in replacements),
                to=to,
                status=status,
            )
        case _:
            raise ValueError(f"not a change: {value}")
