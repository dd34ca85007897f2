"""Say what is suspected now, how far its confirmation is, and when it can be confirmed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawler.changes import clock
from crawler.changes.suspicion import OUTAGES
from storage.model import Site, Standing, Target

_BY_TIME = OUTAGES - {"bot_challenge"}
"""Kinds that are told when they last; a challenge is told when it is met again."""

_AT_SECOND_LOOK = frozenset({"blocked_legal", "bot_challenge"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A target under suspicion, as a person asks for it."""

    target: Target
    standing: Standing
    looks_made: int
    looks_wanted: int
    """Looks that must agree, the first one included; 0 when time decides, not looks."""
    decided_at: datetime | None
    """When it can be decided at the earliest, if every look agrees; None when that is not known."""


def suspicion(target: Target, standing: Standing, site: Site | None) -> Suspicion:
    """Return how far a suspicion is; without its site's delays the verdict's time is not known."""
    if site is None or standing.kind in _BY_TIME:
        lasts_until = standing.since + site.down_after if site and standing.since else None
        return Suspicion(
            target=target,
            standing=standing,
            looks_made=len(standing.looks),
            looks_wanted=0,
            decided_at=lasts_until,
        )
    delays = site.confirm_access if standing.kind == "access_denied" else site.confirm
    counted = clock.counted(standing.looks, standing.kind, delays=delays, url=target.url)
    quick = standing.kind in _AT_SECOND_LOOK or (
        bool(counted) and all(look.status == 410 for look in counted[-2:])
    )
    relooks = min(1, len(delays)) if quick else len(delays)
    # The next look is planned already; only the delays after it are still to come.
    later = (clock.delay(delays, number, url=target.url) for number in range(len(counted), relooks))
    return Suspicion(
        target=target,
        standing=standing,
        looks_made=len(counted),
        looks_wanted=relooks + 1,
        decided_at=target.due_at + sum(later, timedelta()) if target.due_at else None,
    )
