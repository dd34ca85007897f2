"""Write down what a visit and a verdict mean for the catalogue: one transaction each."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from crawler.changes.case import Reading
from crawler.changes.judge import Verdict
from crawler.changes.telling import event_id
from crawler.controls import ask
from crawler.fetch.pace import retry_after
from crawler.readings import Scene
from crawler.revisit.calendar import History, next_due
from storage.catalogue import captures, deliveries, events, sites, standings, targets, texts, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.model import (
    Alert,
    Axis,
    Capture,
    Claim,
    Event,
    Outcome,
    Phase,
    Severity,
    Site,
    Target,
    TargetState,
    Visit,
)

logger = logging.getLogger(__name__)

DIGEST_AFTER = timedelta(hours=1)
"""How long a digest gathers events before it is sent."""

RARELY_ASKED = {
    Outcome.BLOCKED_ROBOTS: timedelta(days=1),
    Outcome.BLOCKED_ADDRESS: timedelta(hours=1),
}
"""What we may not look at is asked about again after this, however often it should be seen."""
SHORT_WAIT = timedelta(minutes=1)
"""A Retry-After up to this is kept by the pace of the host alone."""
CONTROL_LEAD = timedelta(seconds=5)
"""How long before a re-look its control page is looked at, at most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A worker's way to the catalogue; every call waits in a thread, never in the loop."""

    catalogue: Catalogue
    executor: Executor

    async def keep(self, visit: Visit, *, target: Target, site: Site, claim: Claim) -> Visit:
        """Write a visit whose bytes are safe, what it found, and when to come again."""
        return await self.in_thread(
            lambda: keep_visit(self.catalogue, visit, target=target, site=site, claim=claim)
        )

    async def wanted(self, site: Site, urls: list[str]) -> list[str]:
        """Return the requisites that the site does not have yet, in their order."""
        return await self.in_thread(lambda: _wanted(self.catalogue, site, urls))

    async def keep_requisites(self, visit: Visit, made: Sequence[Capture]) -> None:
        """Write captures of what the page of a visit needs; their bytes are safe."""
        await self.in_thread(lambda: keep_requisites(self.catalogue, visit, made))

    async def site_lost(self, target: Target, reason: str) -> None:
        """Write the event that a site's spider file does not load; once a day."""
        await self.in_thread(lambda: _site_lost(self.catalogue, target, reason))

    async def in_thread(self, step: Callable[[], T]) -> T:
        """Run a catalogue step in the worker's one thread for them."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, step)


def keep_visit(
    catalogue: Catalogue, visit: Visit, *, target: Target, site: Site, claim: Claim
) -> Visit:
    """Write a visit, the targets it found and the target's next due time, all or nothing."""
    now = visit.finished_at
    with catalogue.write() as db:
        next_due_at = planned(target, site, now=now)
        if visit.outcome in RARELY_ASKED:
            next_due_at = max(next_due_at, now + RARELY_ASKED[visit.outcome])
        kept = visits.finish(db, visit, claim=claim, next_due_at=next_due_at)
        new = targets.add(db, visit.found, site=site.name, now=now, due_at=now)
        if target.last_visit_at is not None:
            tell_events(db, (_new_page(one, kept) for one in new), site=site, now=now)
    for one in new:
        logger.debug("target found", extra={"url": one.url, "by": one.found_by.value})
    return kept


def keep_requisites(catalogue: Catalogue, visit: Visit, made: Sequence[Capture]) -> None:
    """Write captures that were made for a visit after it was kept."""
    with catalogue.write() as db:
        visits.add_captures(db, visit, made)


def planned(target: Target, site: Site, *, now: datetime, changed: bool = False) -> datetime:
    """Return when a target is next due by its schedule."""
    return next_due(
        target.every or site.every,
        time_zone=site.time_zone,
        after=now,
        last=target.due_at,
        spread=target.url,
        history=History(age=now - target.found_at, changed=changed),
    )


def postpone(catalogue: Catalogue, target: Target, *, until: datetime) -> None:
    """Plan a target for later, without a visit."""
    with catalogue.write() as db:
        targets.plan(db, target.id, until)


def keep_verdict(
    catalogue: Catalogue, verdict: Verdict, *, visit: Visit, scene: Scene, after: Reading
) -> set[int]:
    """Write what a comparison came to: text, standing, events, deliveries, the next look.

    Return the targets that are to be looked at as controls.
    """
    now = datetime.now(UTC)
    controls: set[int] = set()
    with catalogue.write() as db:
        good = after.capture_id is not None and (
            verdict.standing.good_capture_id == after.capture_id
        )
        if good and after.article is not None and after.capture_id is not None:
            texts.put(db, after.capture_id, after.article)
        wait_until = _asked_until(after, visit)
        relook_at = verdict.look_again_at if verdict.deciding and wait_until is None else None
        standings.put(db, replace(verdict.standing, relook_at=relook_at))
        tell_events(db, verdict.events, site=scene.site, now=now)
        target = targets.one(db, scene.target.id) or scene.target
        if target.state is TargetState.ACTIVE and verdict.look_again_at is not None:
            if target.due_at is None or target.due_at > now:  # else somebody wants it now
                look_at = max(verdict.look_again_at, wait_until or verdict.look_again_at)
                targets.plan(db, target.id, look_at)
            if verdict.needs_control or verdict.standing.phase is Phase.SUSPECT:
                # The host is to be seen well, or failing, just before the page is looked at again.
                lead = max(min(CONTROL_LEAD, (verdict.look_again_at - now) / 10), timedelta(0))
                at = now if verdict.needs_control else verdict.look_again_at - lead
                controls = ask(db, scene.neighbours, site=scene.site, now=now, at=at)
        elif target.state is TargetState.ACTIVE and wait_until is not None:
            targets.plan(db, target.id, max(wait_until, target.due_at or wait_until))
        elif _has_changed(verdict):
            targets.make_due(db, [scene.target.id], at=_after_change(scene, now=now))
        visits.mark_read(db, visit.id, at=now)
    return controls


def tell_events(db: Connection, told: Iterable[Event], *, site: Site, now: datetime) -> None:
    """Write events and, in the same transaction, the deliveries that will tell them."""
    for event in told:
        if not events.put(db, event) or event.alert is Alert.NONE:
            continue
        gather = event.alert is Alert.DIGEST
        at = now + DIGEST_AFTER if gather else now
        deliveries.enqueue(db, event, alerts=site.alerts, at=at, gather=gather)


def tell(verdict: Verdict, *, scene: Scene) -> None:
    """Say in the log what a verdict brought: events, suspicions and their end."""
    before, after = scene.standing, verdict.standing
    for event in verdict.events:
        sentence = "confirmed" if event.phase is Phase.CONFIRMED else "changed"
        logger.info(
            "back again" if event.kind == "restored" else sentence,
            extra={
                "kind": event.kind,
                "url": event.url,
                "summary": event.summary,
                "diff": event.diff,
            },
        )
    if after.phase is Phase.SUSPECT and (before.phase, before.kind) != (after.phase, after.kind):
        logger.info(
            "suspected, will look again",
            extra={"kind": after.kind, "url": scene.target.url, "at": verdict.look_again_at},
        )
    elif after.phase is Phase.SUSPECT and len(after.looks) > len(before.looks):
        logger.info(
            "still suspected",
            extra={"kind": after.kind, "url": scene.target.url, "looks": len(after.looks)},
        )
    elif before.phase is Phase.SUSPECT and after.phase is Phase.OK:
        logger.info("suspicion ended", extra={"kind": before.kind, "url": scene.target.url})


def is_news(visit: Visit, target: Target) -> bool:
    """Say whether a visit is worth a line in the log: the first, or one that ended another way."""
    last = (target.last_outcome, target.last_status)
    return target.last_visit_at is None or last != (visit.outcome, visit.status)


def told(visit: Visit) -> dict[str, object]:
    """Return the fields that name a visit in the log."""
    fields: dict[str, object] = {"outcome": visit.outcome.value, "url": visit.url}
    if visit.status is not None:
        fields["status"] = visit.status
    if visit.reason:
        fields["reason"] = visit.reason
    return fields


def _new_page(target: Target, visit: Visit) -> Event:
    return Event(
        id=event_id(target.url, "new_page", target.found_at),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="new_page",
        axis=Axis.CONTENT,
        alert=Alert.DIGEST,
        severity=Severity.INFO,
        summary=f"A new page was found by {target.found_by.value} on {visit.url}.",
        captured_at=target.found_at,
    )


def _wanted(catalogue: Catalogue, site: Site, urls: list[str]) -> list[str]:
    with catalogue.read() as db:
        known = captures.known_requisites(db, site.name, urls)
    return [url for url in urls if url not in known]


def _site_lost(catalogue: Catalogue, target: Target, reason: str) -> None:
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
            tell_events(db, [event], site=site, now=now)


def _asked_until(after: Reading, visit: Visit) -> datetime | None:
    """Return until when the page asked to be left alone, if for longer than a re-look may wait."""
    if after.status not in (429, 503):
        return None
    asked = retry_after(after.headers, now=visit.finished_at)
    return visit.finished_at + asked if asked is not None and asked > SHORT_WAIT else None


def _has_changed(verdict: Verdict) -> bool:
    return any(one.axis is Axis.CONTENT for one in verdict.events)


def _after_change(scene: Scene, *, now: datetime) -> datetime:
    """Return when a page that has just changed is looked at again, if its schedule allows."""
    return planned(scene.target, scene.site, now=now, changed=True)
