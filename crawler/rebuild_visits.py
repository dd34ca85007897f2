"""Live through the visits of an archive again, in the order in which they ended."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from crawler.fetch.fetcher import MOST_HOPS, location_of
from crawler.fetch.needs import after_try
from crawler.fetch.requisites import is_held
from crawler.gaps import Late, note
from crawler.ledger import RARELY_ASKED, due_after, put_off_forbidden
from crawler.planner import is_loss
from storage.catalogue import missing, sites, standings, targets, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.catalogue.references import visit_at
from storage.catalogue.replays import mark_read
from storage.catalogue.staging import PastVisit, Staging, Stand
from storage.catalogue.visits import Finished
from storage.message import transfer_of
from storage.model import (
    NOT_ASKED,
    Capture,
    Event,
    Look,
    Missing,
    Outcome,
    Phase,
    RequisiteKind,
    Role,
    Site,
    Target,
    TargetState,
    Visit,
    payload_captures,
)
from storage.warc.history import Past
from storage.warc.statements import Judged, Sight, Told

TOO_MANY_HOPS = f"more than {MOST_HOPS} redirects"


class Sum(Protocol):
    """What is counted."""

    visits: int
    captures: int
    unfinished: int
    unread: int


@dataclass(slots=True)
class _Batch:
    """Visits that are written in one transaction, and what is known of their pages."""

    db: Connection
    sites: dict[str, Site | None] = field(default_factory=dict)
    plans: dict[int, datetime] = field(default_factory=dict)

    compared: dict[int, datetime] = field(default_factory=dict)
    late: dict[int, Late] = field(default_factory=dict)
    """By target, visits that the ledger has not yet taken note of."""

    def note(self, late: Late) -> None:
        """Have the ledger take note of a visit, one after another of the same page."""
        if late.target.id in self.late:
            self.note_all()
        self.late[late.target.id] = late

    def note_all(self) -> None:
        """Have the ledger take note of what waits for it."""
        note(self.db, list(self.late.values()))
        self.late.clear()

    def site(self, name: str) -> Site:
        """Return a site; one that nothing is known of has the usual options."""
        if name not in self.sites:
            self.sites[name] = sites.one(self.db, name)
        return self.sites[name] or Site(name=name)


class Replay:
    """Write visits, captures and standings into a new catalogue."""

    def __init__(
        self,
        catalogue: Catalogue,
        staging: Staging,
        count: Sum,
        begin: Callable[[str, int], Callable[[str], None]],
    ) -> None:
        self._catalogue = catalogue
        self._staging = staging
        self._sum = count
        self._begin = begin
        self.lost: set[int] = set()
        """Visits that saw a loss, which the policy learns from."""

    def run(self) -> None:
        """Live through all visits."""
        step = self._begin("visits", self._staging.count())
        for part in self._staging.visits():
            with self._catalogue.write() as db:
                self._write(db, part)
            for past in part:
                step(past.name.url)
        self._settle()

    def event(self, db: Connection, told: Told) -> Event:
        """Return an event with the rows that it names now."""
        target = targets.by_url(db, told.event.url) if told.about_page else None
        target_id = target.id if target is not None else 0
        return replace(
            told.event,
            target_id=target_id,
            capture_id=self._staging.capture_of(told.record_id),
            before_capture_id=self._staging.capture_of(told.before_record_id),
            looks=self._looks(db, told.looks, target_id),
        )

    def _write(self, db: Connection, part: Sequence[PastVisit]) -> None:
        batch = _Batch(db)
        known = targets.by_urls(db, [past.name.url for past in part])
        made: list[tuple[PastVisit, Visit, Target]] = []
        for past in part:
            target = known.get(past.name.url)
            visit = visit_of(past, target) if target is not None else None
            if target is None or visit is None:
                self._sum.unfinished += 1
                continue
            made.append((past, visit, replace(target, due_at=past.due_at)))
        finished = [
            Finished(
                visit=visit,
                claim=None,
                next_due_at=due_after(visit, target=target, site=batch.site(target.site)),
            )
            for _, visit, target in made
        ]
        for kept, (past, _, target) in zip(visits.finish_all(db, finished), made, strict=True):
            if not isinstance(kept, Visit):
                raise kept
            self._keep(batch, kept, past, target)
        batch.note_all()
        mark_read(db, batch.compared)
        targets.replan(db, batch.plans)

    def _keep(self, batch: _Batch, visit: Visit, past: PastVisit, target: Target) -> None:
        db = batch.db
        self._sum.visits += 1
        self._sum.captures += len(past.captures)
        for one in visit.captures:
            if one.record_id is not None:
                self._staging.known_as(one.record_id, one.id)
        needed = [one for one in past.captures if one.role is Role.REQUISITE]
        if needed:
            visits.add_captures(db, visit, needed)
            _list_missing(db, past, target)
        late = Late(target=target, site=batch.site(target.site), visit=visit)
        batch.note(late)
        if visit.outcome in RARELY_ASKED:
            batch.note_all()
            put_off_forbidden(db, visit, target=target, site=late.site)
        batch.plans.pop(target.id, None)
        if past.judged is None:
            self._quiet(batch, visit)
            return
        self._judge(batch, visit, past.judged)
        if past.judged.due_at is not None and target.state is not TargetState.ONCE:
            batch.plans[target.id] = past.judged.due_at

    def _judge(self, batch: _Batch, visit: Visit, judged: Judged) -> None:
        """Put a page where the comparison of this visit put it."""
        standing = judged.standing
        if is_loss(standing.phase, standing.kind, len(judged.looks)):
            self.lost.add(visit.id)
        before = self._staging.stand_of(visit.target_id)
        last = payload_captures(visit.captures)[-1]
        good_id = self._staging.capture_of(judged.good_record_id)
        url: str | None = last.url
        digest = last.payload_digest
        if good_id != last.id:
            is_known = before is not None and before.good_id == good_id
            url, digest = (before.url, before.digest) if before and is_known else (None, None)
        elif good_id is not None:
            same = before.good_id if before is not None and _same_bytes(before, last) else None
            self._staging.to_read(good_id, same_as=same)
        self._staging.stands(
            Stand(target_id=visit.target_id, judged=judged, good_id=good_id, url=url, digest=digest)
        )
        batch.compared[visit.id] = judged.at

    def _quiet(self, batch: _Batch, visit: Visit) -> None:
        """Do as a comparison did of which nothing was written; see ``chronicle.is_quiet``."""
        if visit.outcome in NOT_ASKED:
            batch.compared[visit.id] = visit.finished_at
            return
        stand = self._staging.stand_of(visit.target_id)
        last = payload_captures(visit.captures)[-1]
        if (
            stand is None
            or stand.judged.standing.phase is not Phase.OK
            or not _same_bytes(stand, last)
        ):
            self._sum.unread += 1
            return
        self._staging.stands(replace(stand, good_id=last.id))
        batch.compared[visit.id] = visit.finished_at
        self._staging.to_read(last.id, same_as=stand.good_id)

    def _settle(self) -> None:
        """Write where each page stands in the end."""
        for part in self._staging.all_stands():
            with self._catalogue.write() as db:
                for stand in part:
                    standing = replace(
                        stand.judged.standing,
                        target_id=stand.target_id,
                        good_capture_id=stand.good_id,
                        twin_capture_id=self._staging.capture_of(stand.judged.twin_record_id),
                        looks=self._looks(db, stand.judged.looks, stand.target_id),
                    )
                    standings.put(db, standing)

    def _looks(self, db: Connection, sights: Sequence[Sight], target_id: int) -> tuple[Look, ...]:
        return tuple(
            Look(
                visit_id=visit_at(db, target_id, one.at) or 0,
                at=one.at,
                outcome=one.outcome,
                status=one.status,
                kind=one.kind,
                capture_id=self._staging.capture_of(one.record_id),
            )
            for one in sights
        )


def row_of(past: Past) -> Capture:
    """Return the row of an exchange, with what its header fields tell of it."""
    row = past.capture
    is_redirect = row.outcome is Outcome.REDIRECT
    location = location_of(row.url, past.headers) if is_redirect else None
    return replace(row, location=location, transfer=transfer_of(past.headers))


def visit_of(past: PastVisit, target: Target) -> Visit | None:
    """Put a visit together; None where its page had not come when it was cut short."""
    made = tuple(one for one in past.captures if one.role is not Role.REQUISITE)
    chain = payload_captures(made)
    if not chain:
        return None
    last = chain[-1]
    if last.location is not None and last.hop < MOST_HOPS:
        return None
    reason = last.reason or (TOO_MANY_HOPS if last.location is not None else "")
    return Visit(
        target_id=target.id,
        site=made[0].site,
        url=past.name.url,
        worker=past.name.worker,
        due_at=past.due_at,
        started_at=past.name.started_at,
        finished_at=past.ended_at,
        outcome=last.outcome,
        reason=reason,
        status=last.status,
        captures=made,
    )


def _same_bytes(stand: Stand, last: Capture) -> bool:
    """Say of a visit's last hop what ``likeness.same_bytes`` says of it and the last good one."""
    return (
        stand.good_id is not None
        and stand.digest is not None
        and last.outcome in (Outcome.OK, Outcome.NOT_MODIFIED)
        and last.url == stand.url
        and last.payload_digest == stand.digest
    )


def _list_missing(db: Connection, past: PastVisit, target: Target) -> None:
    """List of a page what it needs and did not get at a visit, and take from all what was had."""
    had: list[str] = []
    for url, via, last in _tried(past):
        if is_held(last):
            had.append(url)
            continue
        own = {one.url: one for one in missing.of_target(db, target.id)}
        need = own.get(url) or Missing(
            target_id=target.id,
            site=target.site,
            url=url,
            kind=RequisiteKind.OTHER,
            via=via,
            since_at=last.captured_at,
            next_try_at=last.captured_at,
        )
        missing.put(db, [after_try(need, last, now=last.captured_at)])
    missing.had(db, target.site, had)


def _tried(past: PastVisit) -> Iterator[tuple[str, str, Capture]]:
    """Yield each requisite that was asked for, what named it, and its last hop."""
    led: dict[str, tuple[str, str]] = {}
    last: dict[tuple[str, str], Capture] = {}
    for one, via in zip(past.captures, past.via, strict=True):
        if one.role is not Role.REQUISITE:
            continue
        first = led.pop(one.url, None) if one.hop else None
        root = first or (one.url, via)
        last[root] = one
        if one.location is not None:
            led[one.location] = root
    for (url, via), hop in last.items():
        yield url, via, hop
