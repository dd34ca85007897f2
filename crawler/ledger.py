"""Write down what a visit and a verdict mean for the catalogue: one transaction each."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from crawler.alarms import tell_events, tell_jumps
from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.changes.telling import event_id
from crawler.chronicle import Chronicle, is_quiet, new_pages, of_verdict, told_as
from crawler.controls import ask, ask_probe
from crawler.fetch.needs import MOST_REQUISITES, Known, Named, needs_of, sort_out
from crawler.fetch.pace import retry_after
from crawler.fetch.requisites import Gathered, is_held
from crawler.gaps import Late, note
from crawler.planner import Planner, heed, is_wanted, next_look
from crawler.readings import Scene
from crawler.revisit.calendar import next_due
from crawler.text.template import Lesson, learn
from storage.catalogue import (
    captures,
    gaps,
    hosts,
    learnt,
    missing,
    standings,
    targets,
    templates,
    texts,
    visits,
)
from storage.catalogue.engine import Catalogue, Connection
from storage.errors import CatalogueError
from storage.model import (
    Alert,
    Axis,
    Cause,
    Claim,
    Event,
    Missing,
    Outcome,
    Phase,
    Requisite,
    Severity,
    Site,
    Target,
    TargetState,
    Visit,
    payload_captures,
)
from storage.warc.statements import Statement

logger = logging.getLogger(__name__)

RARELY_ASKED = {
    Outcome.BLOCKED_ROBOTS: timedelta(days=1),
    Outcome.BLOCKED_ADDRESS: timedelta(hours=1),
}
"""What we may not look at is asked about again after this, however often it should be seen."""
SHORT_WAIT = timedelta(minutes=1)
"""A Retry-After up to this is kept by the pace of the host alone."""
CONTROL_LEAD = timedelta(seconds=5)
"""How long before a re-look its control page is looked at, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A visit whose bytes are safe, with what it was made for; not yet written."""

    visit: Visit
    target: Target
    site: Site
    claim: Claim
    requisites: tuple[Requisite, ...] = ()
    """What the page names as its requisites, where it was read."""


def keep_visits(
    catalogue: Catalogue, made: Sequence[Made], *, chronicle: Chronicle
) -> list[Visit | CatalogueError]:
    """Write visits, what they found and need, and when each is due next, in one transaction.

    What a page needs is listed as missing with its visit: it is not read again while it is as it
    was, so nothing else would tell of that after a crash. In the place of a visit whose claim is
    lost stands the fault; nothing of it was written. What was found is in the archive before.
    """
    statements: list[Statement] = []
    with catalogue.write() as db:
        waits = learnt.intervals(db, [one.target.id for one in made])
        kept = visits.finish_all(db, [_finished(one, waits) for one in made])
        pairs = list(zip(made, kept, strict=True))
        ended = ((one, visit) for one, visit in pairs if isinstance(visit, Visit))
        note(db, [Late(target=one.target, site=one.site, visit=visit) for one, visit in ended])
        for one, visit in pairs:
            if not isinstance(visit, Visit):
                continue
            if visit.outcome in RARELY_ASKED:
                put_off_forbidden(db, visit, target=one.target, site=one.site)
            if visit.found:
                statements += _take_in(db, visit, one)
            if one.requisites:
                _list_needs(db, visit, one)
        chronicle.keep(statements)
    return kept


def _finished(made: Made, waits: Mapping[int, timedelta]) -> visits.Finished:
    wait = waits.get(made.target.id)
    next_due_at = due_after(made.visit, target=made.target, site=made.site, interval=wait)
    return visits.Finished(visit=made.visit, claim=made.claim, next_due_at=next_due_at)


def due_after(
    visit: Visit, *, target: Target, site: Site, interval: timedelta | None = None
) -> datetime:
    """Return when a target is due after a visit, as long as nothing is known of what it brought.

    ``interval`` is what was planned for it last, under ``every = "auto"``.
    """
    now = visit.finished_at
    next_due_at = planned(target, site, now=now, interval=interval)
    if visit.outcome in RARELY_ASKED:
        next_due_at = max(next_due_at, now + RARELY_ASKED[visit.outcome])
    return next_due_at


def put_off_forbidden(db: Connection, visit: Visit, *, target: Target, site: Site) -> None:
    """Say in the ledger what was planned for a target that is asked about rarely now."""
    next_due_at = planned(target, site, now=visit.finished_at)
    until = due_after(visit, target=target, site=site)
    if until > next_due_at and target.state is TargetState.ACTIVE:
        cause = Cause.ROBOTS if visit.outcome is Outcome.BLOCKED_ROBOTS else Cause.ADDRESS
        at = visit.finished_at
        gaps.put_off(db, visit.target_id, cause, due_at=next_due_at, at=at, until=until)


def _take_in(db: Connection, visit: Visit, made: Made) -> list[Statement]:
    """Watch what a visit found, and tell it unless it was the first look at the page.

    Return what the archive is to say of it.
    """
    now = visit.finished_at
    new = targets.add(db, visit.found, site=made.site.name, now=now, due_at=now)
    heed(db, visit.found, host=made.target.host, site=made.site, now=now)
    for one in new:
        logger.debug("target found", extra={"url": one.url, "by": one.found_by.value})
    if not new:
        return []
    news = [_new_page(one, visit) for one in new if made.target.last_visit_at is not None]
    tell_events(db, news, site=made.site, now=now)
    return [new_pages(new, visit=visit), *(told_as(one, {}) for one in news)]


def _list_needs(db: Connection, visit: Visit, made: Made) -> None:
    """List what the page of a visit needs and its site does not have; it is due at once."""
    page = payload_captures(visit.captures)[-1]
    if not made.site.requisites or not is_held(page):
        return
    now = visit.finished_at
    needs = needs_of(made.requisites, target=made.target, via=page.url, depth=0, now=now)
    named = Named(
        target=made.target,
        site=made.site,
        via=page.url,
        needs=needs,
        again=False,
        room=MOST_REQUISITES,
    )
    _list_wanted(db, named, now=now)


def wanted(catalogue: Catalogue, named: Named) -> list[Missing]:
    """List as missing what a site does not have; return what of it is to be fetched now."""
    with catalogue.write() as db:
        return _list_wanted(db, named, now=datetime.now(UTC))


def _list_wanted(db: Connection, named: Named, *, now: datetime) -> list[Missing]:
    site = named.site
    own = {one.url: one for one in missing.of_target(db, named.target.id)}
    urls = list(own.keys() | {one.url for one in named.needs})
    got = captures.got_requisites(db, site.name, urls, since=now - site.requisites_every)
    tried = missing.last_tries(db, site.name, [url for url in urls if not got.get(url)])
    held = frozenset(url for url, whole in got.items() if whole or url not in tried)
    decided = sort_out(named, Known(own=own, tried=tried, held=held), now=now)
    missing.forget(db, named.target.id, (*decided.had, *decided.forgotten))
    missing.put(db, decided.listed)
    return list(decided.fetch)


def keep_requisites(catalogue: Catalogue, visit: Visit, gathered: Gathered) -> None:
    """Write what came of the requisites of a visit's page: what was had is missing no more."""
    with catalogue.write() as db:
        if gathered.captures:
            visits.add_captures(db, visit, gathered.captures)
        missing.had(db, visit.site, gathered.had)
        missing.put(db, gathered.missing)


def planned(
    target: Target, site: Site, *, now: datetime, interval: timedelta | None = None
) -> datetime:
    """Return when a target is next due by its schedule."""
    return next_due(
        target.every or site.every,
        time_zone=site.time_zone,
        after=now,
        last=target.due_at,
        spread=target.url,
        interval=interval,
    )


def postpone(
    catalogue: Catalogue, target: Target, *, until: datetime, now: datetime, cause: Cause
) -> None:
    """Plan a target for later, without a visit; the ledger keeps when it was planned, and why."""
    with catalogue.write() as db:
        targets.plan(db, target.id, until)
        if target.due_at is not None and target.state is TargetState.ACTIVE:
            gaps.put_off(db, target.id, cause, due_at=target.due_at, at=now, until=until)


def keep_verdict(  # noqa: PLR0913 - one fact each
    catalogue: Catalogue,
    verdict: Verdict,
    *,
    visit: Visit,
    scene: Scene,
    after: Reading,
    chronicle: Chronicle,
    planner: Planner,
) -> set[int]:
    """Write what a comparison came to: text, standing, events, deliveries, the next look.

    What of it the captures alone do not say is in the archive before. Return the targets that are
    to be looked at as controls.
    """
    now = datetime.now(UTC)
    controls: set[int] = set()
    wait_until = _asked_until(after, visit)
    relook_at = verdict.look_again_at if verdict.deciding and wait_until is None else None
    standing = replace(verdict.standing, relook_at=relook_at)
    due_at = next_look(verdict, target=scene.target, wait_until=wait_until, now=now)
    if due_at is not None or not is_quiet(verdict, scene=scene, visit=visit, after=after):
        with catalogue.read() as db:
            said = of_verdict(db, verdict.events, standing, visit=visit, at=now, due_at=due_at)
        chronicle.keep(said)
    with catalogue.write() as db:
        hosts.hold_of(db, [scene.target.id])  # before all else: see there
        good = after.capture_id is not None and (
            verdict.standing.good_capture_id == after.capture_id
        )
        if good and after.article is not None and after.capture_id is not None:
            texts.put(db, after.capture_id, after.article)
            if after.lesson is not None:
                _teach(db, visit.site, after.lesson)
        standings.put(db, standing)
        tell_events(db, verdict.events, site=scene.site, now=now)
        target = targets.one(db, scene.target.id) or scene.target
        learnt_due_at = planner.judged(db, scene, visit=visit, verdict=verdict, after=after)
        tell_jumps(db, planner, target=target, site=scene.site, chronicle=chronicle, now=now)
        due_at = next_look(verdict, target=target, wait_until=wait_until, now=now)
        if due_at is None and not is_wanted(target, now=now):
            due_at = learnt_due_at
        if due_at is not None:
            targets.plan(db, target.id, due_at)
        if target.state is TargetState.ACTIVE and verdict.look_again_at is not None:
            if verdict.needs_control or verdict.standing.phase is Phase.SUSPECT:
                # The host is to be seen well, or failing, just before the page is looked at again.
                lead = max(min(CONTROL_LEAD, (verdict.look_again_at - now) / 10), timedelta(0))
                at = now if verdict.needs_control else verdict.look_again_at - lead
                controls = ask(db, scene.neighbours, site=scene.site, now=now, at=at)
            if verdict.needs_probe:
                controls |= ask_probe(db, target, site=scene.site, now=now)
        elif (
            target.state is TargetState.ACTIVE
            and wait_until is not None
            and (was_due := target.due_at) is not None
            and was_due < wait_until
        ):
            cause, until = Cause.ASKED, wait_until
            gaps.put_off(db, target.id, cause, due_at=was_due, at=now, until=until)
        visits.mark_read(db, visit.id, at=now)
    return controls


def _teach(db: Connection, site: str, taught: Lesson) -> None:
    """Let a good page teach what its site's pages have in common."""
    known = templates.of_site(db, site)
    learnt = learn(known, taught)
    if learnt is not known:
        templates.put(db, site, learnt)


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


def _asked_until(after: Reading, visit: Visit) -> datetime | None:
    """Return until when the page asked to be left alone, if for longer than a re-look may wait."""
    if after.status not in (429, 503):
        return None
    asked = retry_after(after.headers, now=visit.finished_at)
    return visit.finished_at + asked if asked is not None and asked > SHORT_WAIT else None
