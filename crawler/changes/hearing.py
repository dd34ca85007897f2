"""Name what is known when one look is judged, and what the verdict on it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crawler.changes.case import Case
from storage.model import Axis, Event, Finding, Look, Site, Standing, Target


class HostState(StrEnum):
    """What other pages of a host say of it since a suspicion began."""

    WELL = "well"
    """Another watched page of the host, or its home page, gave a good look."""
    FAILING = "failing"
    """All other watched pages of the host fail as well."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What is known beside the target itself: whether its host is well, and our own network."""

    host: HostState = HostState.UNKNOWN
    network: bool | None = None
    """True if another host answered since, False if none does, None if nobody knows."""
    success: float | None = None
    """Share of the last two weeks in which the page answered; None where that is not known, or a
    ``down`` was told in that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one look means: the new standing, what to tell, and when to look again."""

    standing: Standing
    events: tuple[Event, ...] = ()
    findings: tuple[Finding, ...] = ()
    look_again_at: datetime | None = None
    """None: as the site's schedule says."""
    needs_control: bool = False
    """Whether a good look at another page of the host (or its home page) would decide."""
    needs_probe: bool = False
    """Whether it would help to know how the host answers an address that nobody knows."""
    deciding: bool = False
    """Whether ``look_again_at`` is one of the re-looks of a suspicion, for which a person waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """All that is known when one look is judged."""

    case: Case
    standing: Standing
    site: Site
    target: Target
    control: Control
    look: Look
    findings: tuple[Finding, ...]

    @property
    def now(self) -> datetime:
        """Return when the look was made."""
        return self.look.at

    def delays(self, kind: str) -> Sequence[timedelta]:
        """Return the waits between the re-looks of a kind."""
        return self.site.confirm_access if kind == "access_denied" else self.site.confirm

    def of(self, axis: Axis) -> tuple[Finding, ...]:
        """Return the findings of one axis."""
        return tuple(one for one in self.findings if one.axis is axis)
