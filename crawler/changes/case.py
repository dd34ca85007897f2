"""Say what a change rule is given, and what it must be."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from storage.model import Article, Axis, Capture, Finding, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one visit brought, read: how it ended, over which hops, and the article if it had one."""

    url: str
    at: datetime
    outcome: Outcome
    reason: str = ""
    status: int | None = None
    hops: tuple[Capture, ...] = ()
    """The captures that lead to the page, redirects first."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields of the last answer."""
    article: Article | None = None
    capture_id: int | None = None
    image_digests: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a rule judges: the last good reading, if there is one, and the present one."""

    before: Reading | None
    after: Reading


class Rule(Protocol):
    """One change rule; ``axis`` and ``rank`` order the findings (low rank is told first)."""

    axis: Axis
    rank: int

    def find(self, case: Case) -> Finding | None:
        """Return what the rule sees, or None. Pure: no clock, disk, network or log."""
        ...
