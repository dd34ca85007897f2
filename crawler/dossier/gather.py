"""Gather what belongs to an event: both captures, all its looks, the host around it, requisites."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from crawler.changes.diff import Diff, word_diff
from crawler.dossier.needs import Needed, needed
from crawler.errors import CrawlerError
from crawler.history import said
from crawler.killable import ArticleReader
from crawler.opening import Parts
from crawler.plugins import rules_of
from crawler.readings import study_of
from crawler.text.article import Context
from storage.archive import Archive
from storage.catalogue import captures, sites, targets, texts, visits
from storage.catalogue.engine import Connection
from storage.errors import RecordError
from storage.model import (
    Article,
    Capture,
    Event,
    Look,
    Phase,
    RecordRef,
    payload_captures,
)
from storage.warc import excerpt, reader
from storage.warc.excerpt import Member

_MINUTE = timedelta(minutes=1)
MOST_CONTROLS = 3
"""Other pages of the host that are shown to have answered when the event was confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two captures that an event holds against each other."""

    name: str
    """``before`` or ``after``."""
    capture: Capture
    hops: tuple[Capture, ...]
    """How the visit came to it: redirects first, itself last."""
    article: Article | None
    fault: str = ""
    """Why there is no article, where one was looked for in vain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a dossier is made of; its members lie in the archive and are sound."""

    event: Event
    before: Side | None
    after: Side | None
    looks: tuple[tuple[Look, tuple[Capture, ...]], ...]
    controls: tuple[Capture, ...]
    """Pages of the host that answered well in the minute in which the event was confirmed."""
    missing: tuple[str, ...]
    """What the pages need to be shown and the archive does not have."""
    members: tuple[Member, ...]
    faults: tuple[str, ...]
    """Records that could not be read, a sentence each."""
    diff: Diff | None


def gather(own: Parts, event: Event) -> Evidence:
    """Return the evidence of an event; CrawlerError when it is about no capture."""
    with own.catalogue.read() as db:
        sides = [_made(db, number) for number in (event.before_capture_id, event.capture_id)]
        if not any(sides):
            raise CrawlerError(
                f"event {event.id} ({event.kind}) is about no capture, so there is nothing to put "
                "into a dossier; `holdfast show` prints what is known of it"
            )
        looks = _looks(db, event)
        controls = _controls(db, event)
        visited = _visited(db, [*filter(None, sides)], looks, controls)
        found = [
            needed(db, own.archive, one, site=event.site)
            for one in filter(None, sides)
            if one.record is not None
        ]
        copying = _Copying(db, own.archive)
        for one in [*visited, *(page for need in found for page in need.captures)]:
            copying.add(one)
        copying.add_certificates()
        stored = [None if one is None else texts.of_capture(db, one.id) for one in sides]
    before, after = _read(own, sides, stored, visited)
    return Evidence(
        event=event,
        before=before,
        after=after,
        looks=looks,
        controls=controls,
        missing=_missing(found),
        members=tuple(copying.members.values()),
        faults=tuple(dict.fromkeys(copying.faults)),
        diff=_diff(before, after),
    )


def _made(db: Connection, number: int | None) -> Capture | None:
    return None if number is None else captures.one(db, number)


def _looks(db: Connection, event: Event) -> tuple[tuple[Look, tuple[Capture, ...]], ...]:
    made = captures.of_visits(db, [look.visit_id for look in event.looks])
    return tuple((look, made.get(look.visit_id, ())) for look in event.looks)


def _controls(db: Connection, event: Event) -> tuple[Capture, ...]:
    """Return pages of the host that were well when a takedown was confirmed."""
    target = targets.one(db, event.target_id)
    if target is None or event.confirmed_at is None or event.phase is not Phase.CONFIRMED:
        return ()
    around = visits.recent_of_host(
        db,
        target.host,
        since=event.confirmed_at - _MINUTE,
        until=event.confirmed_at + _MINUTE,
        except_target=target.id,
    )
    well = [one.id for one in around if one.status is not None and one.status < 400]
    made = captures.of_visits(db, well)
    pages = [payload_captures(made.get(one, ())) for one in well]
    return tuple([one[-1] for one in pages if one][:MOST_CONTROLS])


def _visited(
    db: Connection,
    sides: Sequence[Capture],
    looks: Sequence[tuple[Look, tuple[Capture, ...]]],
    controls: Sequence[Capture],
) -> list[Capture]:
    """Return every exchange of the visits of both sides, of the looks and of the controls."""
    numbers = [one.visit_id for one in (*sides, *controls)]
    numbers += [look.visit_id for look, _ in looks]
    made = captures.of_visits(db, list(dict.fromkeys(numbers)))
    return [one for every in made.values() for one in every]


def _missing(found: Sequence[Needed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url for one in found for url in one.missing))


def _read(
    own: Parts,
    sides: Sequence[Capture | None],
    stored: Sequence[Article | None],
    visited: Sequence[Capture],
) -> tuple[Side | None, Side | None]:
    """Return both sides with their articles: as they were kept, else read from the record."""
    made: list[Side | None] = []
    with ArticleReader() as articles:
        for name, capture, kept in zip(("before", "after"), sides, stored, strict=True):
            if capture is None:
                made.append(None)
                continue
            article, fault = kept, ""
            if article is None:
                with own.catalogue.read() as db:
                    site = sites.one(db, capture.site)
                context = Context(rules=rules_of(site.spider if site is not None else ""))
                found, fault = study_of(
                    capture, archive=own.archive, articles=articles, context=context
                )
                article = found.article if found is not None else None
            of_visit = [one for one in visited if one.visit_id == capture.visit_id]
            hops = tuple(payload_captures(of_visit)) or (capture,)
            side = Side(name=name, capture=capture, hops=hops, article=article, fault=fault)
            made.append(side)
    return made[0], made[1]


def _diff(before: Side | None, after: Side | None) -> Diff | None:
    """Return the way from the text before to what came; nothing came is an empty text."""
    if before is None or before.article is None:
        return None
    new = said(after.article) if after is not None and after.article is not None else []
    return word_diff(said(before.article), new)


class _Copying:
    """The records of exchanges, those that revisits stand for, and certificates."""

    def __init__(self, db: Connection, archive: Archive) -> None:
        self.members: dict[tuple[str, int], Member] = {}
        self.faults: list[str] = []
        self._db = db
        self._archive = archive

    def add(self, capture: Capture) -> None:
        """Add the exchange of a capture, and the one that holds its payload."""
        first = capture.request_record or capture.record
        if first is None or (first.file, first.offset) in self.members:
            return
        self._exchange(first)
        if capture.refers_to is None or capture.record is None:
            return
        try:
            original = reader.original(self._archive, capture.record)
        except RecordError as fault:
            self.faults.append(str(fault))
            return
        known = captures.by_record(self._db, original.record_id, url=original.uri)
        if known is not None:
            self.add(known)
        elif original.place is not None and (
            file := reader.place_of(self._archive, original.place[0])
        ):
            self._exchange(RecordRef(file=file, offset=original.place[1], length=0, digest=None))

    def add_certificates(self) -> None:
        """Add the certificates that the exchanges name; they stand once a file."""
        named: dict[str, set[str]] = {}
        here = {one.id for one in self.members.values()}
        for one in self.members.values():
            if one.chain_id and one.chain_id not in here:
                named.setdefault(one.file, set()).add(one.chain_id)
        for file, ids in named.items():
            try:
                self._take(excerpt.named(self._archive, file, ids))
            except RecordError as fault:
                self.faults.append(str(fault))

    def _exchange(self, first: RecordRef) -> None:
        try:
            self._take(excerpt.exchange(self._archive, first))
        except RecordError as fault:
            self.faults.append(str(fault))

    def _take(self, members: Sequence[Member]) -> None:
        self.members |= {(one.file, one.offset): one for one in members}


def captures_of(evidence: Evidence) -> Iterator[Capture]:
    """Yield the captures a reader asks for first: both sides with their redirects, then looks."""
    for side in (evidence.before, evidence.after):
        if side is not None:
            yield from side.hops
    for _, made in evidence.looks:
        yield from payload_captures(made)
