"""Remember, for one person on one machine, which events were seen when they last looked.

Nothing of it is in the archive: two people who look at one archive have two memories.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawler.errors import CrawlerError
from crawler.listing import iso
from storage.folders import explain, write_file
from storage.model import Event

OVERLAP = timedelta(days=2)
"""An event may be written after others that are later: a comparison can lag behind its look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """When the newest event was told that was seen, and which were seen shortly before."""

    at: datetime | None = None
    ids: frozenset[str] = frozenset()

    @property
    def since(self) -> datetime | None:
        """From when on events may be new; None when nobody has looked yet."""
        return None if self.at is None else self.at - OVERLAP

    def new(self, events: Iterable[Event]) -> list[Event]:
        """Return those that were not seen."""
        return [one for one in events if one.id not in self.ids]

    def after(self, events: Iterable[Event]) -> "Looked":
        """Return the memory once these, all since ``since``, were seen."""
        told = {one.id: one.confirmed_at or one.captured_at for one in events}
        at = max([*told.values(), *([self.at] if self.at else [])], default=None)
        kept = frozenset(name for name, when in told.items() if at and when >= at - OVERLAP)
        return Looked(at=at, ids=kept)


def memory(environ: Mapping[str, str]) -> Path:
    """Return where the memory is kept, as the XDG Base Directory Specification has it."""
    given = environ.get("XDG_STATE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return base / "holdfast" / "looked.json"


def recall(path: Path, archive: Path) -> Looked:
    """Return what is remembered of an archive; what cannot be read counts as nothing."""
    try:
        known = json.loads(path.read_bytes())[str(archive.resolve())]
        at = datetime.fromisoformat(known["at"]).astimezone(UTC)
        return Looked(at=at, ids=frozenset(map(str, known["ids"])))
    except (OSError, ValueError, KeyError, TypeError):
        return Looked()


def remember(path: Path, archive: Path, looked: Looked) -> None:
    """Keep it for the next time."""
    if looked.at is None:
        return
    try:
        every = json.loads(path.read_bytes())
    except (OSError, ValueError):
        every = {}
    every = every if isinstance(every, dict) else {}
    every[str(archive.resolve())] = {"at": iso(looked.at), "ids": sorted(looked.ids)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(every).encode())
    except OSError as error:
        raise CrawlerError(
            f"{path} cannot be written ({explain(error)}), so the next --new shows these again"
        ) from error


def mine() -> Path:
    """Return the memory of whoever runs this process."""
    return memory(os.environ)
