"""Say which sites and hosts had as many visits as they may have for today (UTC)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from storage.catalogue import visits
from storage.catalogue.engine import Connection
from storage.model import Cause, Site

COUNTED_EVERY = timedelta(seconds=10)
PARTS = 50
"""Of what is left of a budget one part may be spent without a count."""


def spent(
    db: Connection, site: Site, host: str, *, now: datetime, unwritten: int = 0
) -> Cause | None:
    """Return which limit of today holds back a visit to a host for a site; None if none does.

    ``unwritten`` are visits to the host that were made and are in no row yet. A host may have no
    visit more than it may have; a site, whose hosts are asked side by side, may have a few.
    """
    since, until = _today(now)
    limit = site.host_budget_per_day
    if limit is not None:
        made = visits.of_hosts_between(db, [host], since=since, until=until)
        if made.get(host, 0) + unwritten >= limit:
            return Cause.HOST_BUDGET
    return Cause.BUDGET if is_spent(db, site, now=now) else None


def is_spent(db: Connection, site: Site, *, now: datetime) -> bool:
    """Say whether a site had as many visits today as it may have; forbidden ones do not count."""
    return left(db, site, now=now) <= 0


def left(db: Connection, site: Site, *, now: datetime) -> int:
    """Return how many visits a site may have today yet."""
    since, until = _today(now)
    made = visits.count_between(db, site=site.name, since=since, until=until)
    return site.budget_per_day - made


class Allowances:
    """Visits that may be begun without a count, as long as a site is far from its budget.

    A count takes the longer the more visits there were today. What is allowed is a small part of
    what is left, for a short while, so that workers together stay within a few of the budget.
    """

    def __init__(self) -> None:
        self._given: dict[str, tuple[int, int, datetime]] = {}

    def take(self, site: Site, *, now: datetime) -> bool:
        """Say whether one more visit to a site may begin uncounted."""
        budget, free, until = self._given.get(site.name, (0, 0, now))
        if free <= 0 or now >= until or now < until - COUNTED_EVERY:
            return False
        if budget != site.budget_per_day or site.host_budget_per_day is not None:
            return False
        self._given[site.name] = (budget, free - 1, until)
        return True

    def give(self, site: Site, *, left: int, now: datetime) -> None:
        """Allow a part of what is left of a site's budget."""
        given = (site.budget_per_day, left // PARTS, now + COUNTED_EVERY)
        self._given[site.name] = given


def remarks(db: Connection, sites: Iterable[Site], *, now: datetime) -> tuple[str, ...]:
    """Return a sentence for a person for each site, and each host, that waits for tomorrow."""
    return tuple(one for site in sites for one in _remarks(db, site, now=now))


def _remarks(db: Connection, site: Site, *, now: datetime) -> Iterator[str]:
    if is_spent(db, site, now=now):
        yield (
            f"site {site.name} has spent its budget of {site.budget_per_day} visits for today"
            " (UTC); its pages are not looked at until tomorrow; raise budget_per_day or lengthen"
            " every"
        )
    limit = site.host_budget_per_day
    if limit is None:
        return
    since, until = _today(now)
    asked = visits.hosts_between(db, site=site.name, since=since, until=until)
    made = visits.of_hosts_between(db, asked, since=since, until=until)
    for host in (one for one, count in sorted(made.items()) if count >= limit):
        yield (
            f"{host} has had the {limit} visits that it may have for today (UTC); its pages of"
            f" site {site.name} are not looked at until tomorrow; raise host_budget_per_day or"
            " lengthen every"
        )


def _today(now: datetime) -> tuple[datetime, datetime]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # Visits of a clock that was ahead are none of today's.
    return today, today + timedelta(days=1)
