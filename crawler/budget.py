"""Say which sites have spent their budget of visits for today (UTC)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from storage.catalogue import visits
from storage.catalogue.engine import Connection
from storage.model import Site


def is_spent(db: Connection, site: Site, *, now: datetime) -> bool:
    """Say whether a site had as many visits today as it may have; forbidden ones do not count."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # Visits of a clock that was ahead are none of today's.
    until = today + timedelta(days=1)
    made = visits.count_between(db, site=site.name, since=today, until=until)
    return made >= site.budget_per_day


def remarks(db: Connection, sites: Iterable[Site], *, now: datetime) -> tuple[str, ...]:
    """Return a sentence for a person for each site that waits for tomorrow."""
    return tuple(
        f"site {site.name} has spent its budget of {site.budget_per_day} visits for today (UTC); "
        "its pages are not looked at until tomorrow; raise budget_per_day or lengthen every"
        for site in sites
        if is_spent(db, site, now=now)
    )
