"""Add the ledger of visits up: what was planned is what was made, skipped and missed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crawler.gaps import Part, open_parts, tell_cause
from storage.archive import Archive, holder
from storage.catalogue import gaps, learnt, overview, sites, stoppages, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.catalogue.gaps import Gap, GapSum
from storage.catalogue.stoppages import Stoppage
from storage.model import BY_RULE, NOT_ASKED, Cause, Outcome, Target

_OF_OUTCOME = {Outcome.BLOCKED_ROBOTS: Cause.ROBOTS, Outcome.BLOCKED_ADDRESS: Cause.ADDRESS}


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMade:
    """Planned visits of all sites not made for one cause; what is still due stands apart."""

    cause: Cause
    visits: int = 0
    since_at: datetime | None = None
    until_at: datetime | None = None
    waiting: int = 0
    """Targets whose visit is due, and not made for this cause until now."""
    waiting_since_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What was planned, what was made of it, and what was not, each with its cause."""

    made: int
    skipped: int
    missed: int
    causes: tuple[NotMade, ...]

    @property
    def planned(self) -> int:
        """Return how many visits were planned and are over, one way or the other."""
        return self.made + self.skipped + self.missed


class Looked(Protocol):
    """An archive that is looked at."""

    @property
    def archive(self) -> Archive:
        """Return its folder."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Return its catalogue."""
        ...


def ledger(own: Looked, *, now: datetime) -> Ledger:
    """Add up the visits of an archive."""
    with own.catalogue.read() as db:
        totals = overview.totals(db, now=now)
        over = gaps.sums(db)
        owed = gaps.owed(db, now=now)
        lasting = _lasting(own, db)
    general = next((one.cause for one in lasting if one.site is None and one.host is None), None)
    waiting = (
        NotMade(
            cause=wait.cause or general or Cause.BUSY,
            waiting=wait.targets,
            waiting_since_at=wait.since_at,
        )
        for wait in owed
    )
    return _added_up(totals.outcomes, over, waiting)


def ledger_of(own: Looked, target: Target, *, now: datetime) -> Ledger:
    """Add up the visits of one page; what is due and not made stands with its last cause."""
    with own.catalogue.read() as db:
        outcomes = visits.outcomes_of(db, target.id)
        over = gaps.sums(db, target_id=target.id)
    owed = owed_gaps(own, now=now, url=target.url)
    waiting = [
        NotMade(cause=one.cause, waiting=one.visits, waiting_since_at=one.first_at) for one in owed
    ]
    return _added_up(outcomes, over, waiting)


def sentences(of: Ledger) -> Iterator[str]:
    """Say of a page's ledger what a person should know, each cause in a sentence."""
    if of.planned:
        yield (
            f"Of {of.planned} planned visits {of.made} were made, {of.skipped} skipped and "
            f"{of.missed} missed."
        )
    for one in of.causes:
        if one.visits:
            since = f", since {one.since_at:%Y-%m-%d %H:%M} UTC" if one.since_at else ""
            result = "skipped" if one.cause in BY_RULE else "missed"
            yield f"{one.visits} {result}{since}: {tell_cause(one.cause)}."
        if one.waiting:
            at = one.waiting_since_at
            since = f" since {at:%Y-%m-%d %H:%M} UTC" if at is not None else ""
            yield f"{one.waiting} due{since} and not made: {tell_cause(one.cause)}."


def _added_up(
    outcomes: Mapping[Outcome, int], over: Iterable[GapSum], waiting: Iterable[NotMade]
) -> Ledger:
    by_cause: dict[Cause, NotMade] = {}

    def add(one: NotMade) -> None:
        by_cause[one.cause] = _sum(by_cause.get(one.cause, NotMade(cause=one.cause)), one)

    for outcome, cause in _OF_OUTCOME.items():
        if count := outcomes.get(outcome, 0):
            add(NotMade(cause=cause, visits=count))
    for done in over:
        since, until = done.first_at, done.last_at
        add(NotMade(cause=done.cause, visits=done.visits, since_at=since, until_at=until))
    for one in waiting:
        add(one)
    causes = tuple(by_cause[one] for one in Cause if one in by_cause)
    return Ledger(
        made=sum(count for one, count in outcomes.items() if one not in NOT_ASKED),
        skipped=sum(one.visits for one in causes if one.cause in BY_RULE),
        missed=sum(one.visits for one in causes if one.cause not in BY_RULE),
        causes=causes,
    )


def owed_gaps(
    own: Looked, *, now: datetime, url: str | None = None, site: str | None = None
) -> list[Gap]:
    """Return the planned visits that are not made until now, of targets that wait for one."""
    with own.catalogue.read() as db:
        listed = gaps.overdue(db, now=now, url=url, site=site)
        named = {one: sites.one(db, one) for one in {target.site for target in listed}}
        waits = gaps.waiting(db, [one.id for one in listed])
        steps = learnt.intervals(db, [one.id for one in listed])
        since = min((one.due_at for one in listed if one.due_at), default=now)
        since = min([since, *(one.due_at for one in waits.values())])
        known = [*stoppages.between(db, since, now), *_alone(own, db)]
    return [
        _gap(target, part)
        for target in listed
        if (of := named[target.site]) is not None
        for part in open_parts(
            target,
            of,
            wait=waits.get(target.id),
            known=known,
            now=now,
            step=steps.get(target.id),
        )
    ]


def _gap(target: Target, part: Part) -> Gap:
    return Gap(
        target_id=target.id,
        url=target.url,
        site=target.site,
        cause=part.cause,
        first_at=part.first_at,
        last_at=part.last_at,
        visits=part.visits,
    )


def _lasting(own: Looked, db: Connection) -> list[Stoppage]:
    return [*_alone(own, db), *stoppages.lasting(db)]


def _alone(own: Looked, db: Connection) -> list[Stoppage]:
    """Return that nobody runs, where a service that was killed could not write it down."""
    if holder(own.archive) is not None:
        return []
    since = stoppages.last_beat(db)
    return [] if since is None else [Stoppage(cause=Cause.NOT_RUNNING, began_at=since)]


def _sum(one: NotMade, other: NotMade) -> NotMade:
    return NotMade(
        cause=one.cause,
        visits=one.visits + other.visits,
        since_at=_least(one.since_at, other.since_at),
        until_at=max((at for at in (one.until_at, other.until_at) if at), default=None),
        waiting=one.waiting + other.waiting,
        waiting_since_at=_least(one.waiting_since_at, other.waiting_since_at),
    )


def _least(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
