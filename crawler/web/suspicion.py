"""Say what is suspected now, how far its confirmation is, and when it can be confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.model import Site, Standing, Target

ACCESS = frozenset({"access_denied"})
"""Kinds that are confirmed by the delays of ``confirm_access``."""

OUTAGES = frozenset({"server_error", "unreachable", "broken_response", "bot_challenge"})
"""Kinds that never become a takedown: an outage is told after ``down_after``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A target under suspicion, as a person asks for it."""

    target: Target
    standing: Standing
    looks_wanted: int
    """Looks that must agree, the first one included; 0 when time decides, not looks."""
    decided_at: datetime | None
    """When it can be decided at the earliest, if every look agrees."""


def suspicion(target: Target, standing: Standing, site: Site | None) -> Suspicion:
    """Return how far a suspicion is; without its site's delays the verdict's time is not known."""
    if site is None:
        return Suspicion(target=target, standing=standing, looks_wanted=0, decided_at=None)
    if standing.kind in OUTAGES:
        decided_at = standing.since + site.down_after if standing.since else None
        return Suspicion(target=target, standing=standing, looks_wanted=0, decided_at=decided_at)
    delays = _delays(standing, site)
    decided_at = None
    if target.due_at is not None:
        # The next look is planned already; only the delays after it are still to come.
        decided_at = target.due_at + sum(delays[len(standing.looks) :], timedelta())
    return Suspicion(
        target=target, standing=standing, looks_wanted=len(delays) + 1, decided_at=decided_at
    )


def _delays(standing: Standing, site: Site) -> Sequence[timedelta]:
    if standing.kind in ACCESS:
        return site.confirm_access
    plain_words = standing.kind == "blocked_legal" or (
        bool(standing.looks) and standing.looks[-1].status == 410
    )
    return site.confirm[:1] if plain_words else site.confirm
