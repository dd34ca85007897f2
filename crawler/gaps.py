"""Say of each planned visit that was not made why it was not, and since when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import assert_never

from crawler.revisit.calendar import Series, passed_over
from storage.catalogue import gaps, learnt, stoppages
from storage.catalogue.engine import Connection
from storage.catalogue.gaps import Gap, Wait
from storage.catalogue.stoppages import Stoppage
from storage.model import BY_RULE, Cause, Site, Target, TargetState, Visit

RANKED = (
    Cause.PAUSED,
    Cause.SITE_GONE,
    Cause.ROBOTS,
    Cause.ADDRESS,
    Cause.BUDGET,
    Cause.HOST_BUDGET,
    Cause.ASKED,
    Cause.CLOCK,
    Cause.NOT_RUNNING,
    Cause.ASLEEP,
    Cause.DISK_FULL,
    Cause.FAULT,
)
"""Of several causes at one time the first is told: what a person wants comes before what failed."""

LATE_AFTER = timedelta(minutes=1)
"""A visit that waits no longer than this is on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which a target was not visited for one cause; it lasts where it has no end."""

    cause: Cause
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Planned visits that were not made for one cause: how many, from when to when."""

    cause: Cause
    first_at: datetime
    last_at: datetime
    visits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A visit with what it was made for."""

    target: Target
    site: Site
    visit: Visit


def tell_cause(cause: Cause) -> str:  # noqa: C901, PLR0911, PLR0912 - a sentence each, no more
    """Return why a visit was not made, in words for a person."""
    match cause:
        case Cause.NOT_RUNNING:
            return "the service was not running"
        case Cause.ASLEEP:
            return "the machine was asleep"
        case Cause.CLOCK:
            return "the clock was set ahead"
        case Cause.DISK_FULL:
            return "the disk was full"
        case Cause.FAULT:
            return "a fault of Holdfast kept it from being made; the log has it"
        case Cause.BUSY:
            return "its turn had not come"
        case Cause.ASKED:
            return "its host was left alone, as it asked or as its delay says"
        case Cause.BUDGET:
            return "the site's budget was spent"
        case Cause.HOST_BUDGET:
            return "its host had as many visits as it may have a day"
        case Cause.ROBOTS:
            return "robots.txt forbade it"
        case Cause.ADDRESS:
            return "its address may not be asked"
        case Cause.PAUSED:
            return "it was paused"
        case Cause.SITE_GONE:
            return "holdfast.toml did not name its site"
        case _:
            assert_never(cause)


def is_skipped(cause: Cause) -> bool:
    """Say whether visits were left out because somebody wants it so; else they were missed."""
    return cause in BY_RULE


def note(db: Connection, late: Sequence[Late]) -> None:
    """Write which planned visits these visits come too late for, and why they were not made."""
    waits = gaps.waiting(db, [one.target.id for one in late])
    steps = learnt.intervals(db, [one.target.id for one in late])
    passed = [
        (one, series)
        for one in late
        if (series := _passed(one, waits.get(one.target.id), steps.get(one.target.id)))
    ]
    if passed:
        since = min(series[0].first for _, series in passed)
        known = stoppages.between(db, since, max(one.visit.finished_at for one, _ in passed))
        for one, series in passed:
            spans = spans_of(known, target=one.target, wait=waits.get(one.target.id))
            gaps.put(db, _gaps(one, parts(series, spans, until=one.visit.finished_at)))
    if waits:
        gaps.visited(db, waits)


def open_parts(
    target: Target,
    site: Site,
    *,
    wait: Wait | None,
    known: Sequence[Stoppage],
    now: datetime,
    step: timedelta | None = None,
) -> list[Part]:
    """Return the planned visits of a target that are not made until now, the last one included.

    ``step`` is the interval that was planned last, under ``every = "auto"``.
    One that is just due is none of them, if nothing keeps it from being made.
    """
    planned_at = wait.due_at if wait is not None else target.due_at
    if planned_at is None or planned_at > now:
        return []
    spans = spans_of(known, target=target, wait=wait)
    series = _series(target, site, planned_at=planned_at, until=now, step=step)
    found = parts(series, spans, until=now)
    cause = _cause_at(now, now, spans)
    if found and found[-1].cause is cause:
        return [*found[:-1], replace(found[-1], last_at=now, visits=found[-1].visits + 1)]
    if not found and cause is Cause.BUSY and now - planned_at < LATE_AFTER:
        return []
    first_at = found[-1].last_at if found else planned_at
    return [*found, Part(cause=cause, first_at=first_at, last_at=now, visits=1)]


def spans_of(known: Sequence[Stoppage], *, target: Target, wait: Wait | None) -> list[Span]:
    """Return what kept a target from being visited, and when."""
    spans = [
        Span(cause=one.cause, began_at=one.began_at, ended_at=one.ended_at)
        for one in known
        if one.site in (None, target.site) and one.host in (None, target.host)
    ]
    if wait is not None:
        spans.append(Span(cause=wait.cause, began_at=wait.since_at, ended_at=wait.until_at))
    return spans


def parts(series: Sequence[Series], spans: Sequence[Span], *, until: datetime) -> list[Part]:
    """Sort planned times that were passed over by why they were, in the order of time."""
    if not series:
        return []
    since = series[0].first
    times = {since, until}
    for span in spans:
        times |= {span.began_at, span.ended_at or until}
    made: list[Part] = []
    for begin, end in pairwise(sorted(time for time in times if since <= time <= until)):
        visits = sum(one.within(begin, end) for one in series)
        if not visits:
            continue
        cause = _cause_at(begin, end, spans)
        first_at = begin
        if made and made[-1].cause is cause:
            before = made.pop()
            first_at, visits = before.first_at, visits + before.visits
        made.append(Part(cause=cause, first_at=first_at, last_at=end, visits=visits))
    return made


def _cause_at(begin: datetime, end: datetime, spans: Sequence[Span]) -> Cause:
    held = {
        one.cause
        for one in spans
        if one.began_at <= begin and (one.ended_at is None or one.ended_at >= end)
    }
    return next((cause for cause in RANKED if cause in held), Cause.BUSY)


def _passed(late: Late, wait: Wait | None, step: timedelta | None) -> tuple[Series, ...]:
    planned_at = wait.due_at if wait is not None else late.visit.due_at
    if planned_at is None or late.target.state is not TargetState.ACTIVE:
        return ()
    until = late.visit.finished_at
    return _series(late.target, late.site, planned_at=planned_at, until=until, step=step)


def _series(
    target: Target, site: Site, *, planned_at: datetime, until: datetime, step: timedelta | None
) -> tuple[Series, ...]:
    return passed_over(
        target.every or site.every,
        time_zone=site.time_zone,
        planned_at=planned_at,
        until=until,
        spread=target.url,
        interval=step,
    )


def _gaps(late: Late, found: Sequence[Part]) -> Iterator[Gap]:
    for one in found:
        yield Gap(
            target_id=late.target.id,
            site=late.target.site,
            cause=one.cause,
            first_at=one.first_at,
            last_at=one.last_at,
            visits=one.visits,
            visit_id=late.visit.id,
        )
