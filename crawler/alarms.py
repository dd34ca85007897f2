"""Write events with the deliveries that tell them, those of no single page included."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from crawler import routing
from crawler.changes.telling import event_id, vanishing
from crawler.chronicle import Chronicle, told_as
from crawler.planner import Planner
from storage.catalogue import deliveries, events, sites
from storage.catalogue.engine import Catalogue, Connection
from storage.model import Alert, Axis, Event, Severity, Site, Target

logger = logging.getLogger(__name__)


def tell_events(db: Connection, told: Iterable[Event], *, site: Site, now: datetime) -> None:
    """Write events and, in the same transaction, the deliveries that will tell them."""
    for event in told:
        if not events.put(db, event) or event.alert is Alert.NONE:
            continue
        when = routing.plan(event, site=site, now=now)
        deliveries.enqueue(
            db, event, alerts=site.alerts, at=when.at, gather=True, joins_after=when.joins_after
        )


def tell_jumps(
    db: Connection,
    planner: Planner,
    *,
    target: Target,
    site: Site,
    chronicle: Chronicle,
    now: datetime,
) -> None:
    """Write the events of what the planner has seen: the archive has them before the catalogue."""
    told = [
        vanishing(target, since=one.since, lost=one.losses, usual=one.expected)
        for one in planner.jumps
    ]
    planner.jumps.clear()
    _tell_new(db, told, site=site, chronicle=chronicle, now=now)


def site_lost(catalogue: Catalogue, target: Target, reason: str, *, chronicle: Chronicle) -> None:
    """Write the event that a site's spider file does not load; once a day."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    logger.error("spider of a site is broken", extra={"site": target.site, "reason": reason})
    event = Event(
        id=event_id(target.site, "site_lost", today),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="site_lost",
        axis=Axis.OPERATIONS,
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary=f"{reason}. Its known pages are still kept; new ones are not found.",
        captured_at=now,
    )
    with catalogue.write() as db:
        site = sites.one(db, target.site)
        if site is not None:
            _tell_new(db, [event], site=site, chronicle=chronicle, now=now)


def _tell_new(
    db: Connection, told: Iterable[Event], *, site: Site, chronicle: Chronicle, now: datetime
) -> None:
    """Write those events that are not known yet, in the archive first."""
    new = [one for one in told if events.one(db, one.id) is None]
    chronicle.keep([told_as(one, {}) for one in new])
    tell_events(db, new, site=site, now=now)
