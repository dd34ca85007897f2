"""Change the watch list: written to the journal first, then made true in the catalogue.

A change holds the journal, reads what it needs from the catalogue, says what shall be true
afterwards, and is done when it has been written down, synced and committed. Whoever dies in between
has changed nothing or all of it: the catalogue keeps how much of the journal it knows (its mark),
and the next change, start or rebuild takes up the rest. So a deleted catalogue, or one put back
from an older copy, has its watch list again at the next start.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from storage import journal
from storage.archive import Archive
from storage.catalogue import events, gaps, hosts, marks, sites, targets
from storage.catalogue.engine import Catalogue, Connection
from storage.host import host_of
from storage.journal import AddedSite, By, Entry, Journal, SeenEvent, Verb, WatchedTarget
from storage.model import Cause, Event, Site, Target, TargetState

_T = TypeVar("_T")

MARK = "watch.jsonl"
"""Name under which the catalogue keeps how much of the journal it knows."""

UNWATCHED = frozenset({TargetState.REMOVED, TargetState.ONCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A page as it was last spoken of, and when."""

    target: WatchedTarget
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What entries come to: the last word on each site and page, the first on each event."""

    sites: Mapping[str, AddedSite]
    targets: Mapping[str, Spoken]
    seen: Mapping[str, datetime]


@dataclass(slots=True, kw_only=True)
class Change:
    """One change under way: what it may look at, and what it says."""

    db: Connection
    at: datetime
    by: By
    passed_over: int = 0
    """Lines that were to be taken up first and that this release cannot read."""
    said: list[Entry] = field(default_factory=list)

    def site(self, site: Site) -> None:
        """Say that a site is, beside those of ``holdfast.toml``; or that it is one of them now."""
        self.said.append(Entry(at=self.at, by=self.by, verb=Verb.SITE, sites=(added_site(site),)))

    def targets(self, verb: Verb, named: Sequence[WatchedTarget]) -> None:
        """Say how these pages stand on the watch list from now on."""
        for part in _lines(named):
            self.said.append(Entry(at=self.at, by=self.by, verb=verb, targets=part))

    def seen(self, named: Sequence[SeenEvent]) -> None:
        """Say that a person has seen these events."""
        for part in _lines(named):
            self.said.append(Entry(at=self.at, by=self.by, verb=Verb.ACK, events=part))


@contextlib.contextmanager
def changing(
    archive: Archive, catalogue: Catalogue, *, defaults: Site, by: By, now: datetime
) -> Iterator[Change]:
    """Lend the watch list for one change, alone: at the end it is in journal and catalogue.

    What was left undone before is done first; ``defaults`` are what sites of the journal follow.
    On an error nothing of the change is kept. Not to be asked for again inside of it.
    """
    with journal.held(archive) as book:
        kept = None
        try:
            with catalogue.write() as db:
                passed_over = _take_up(db, book, defaults=defaults, now=now)
                kept = book.whole_bytes
                change = Change(db=db, at=now, by=by, passed_over=passed_over)
                yield change
                if change.said:
                    book.append(change.said)
                    _put(db, fold(change.said), defaults=defaults)
                if marks.taken(db, MARK) != book.whole_bytes:
                    marks.take(db, MARK, upto_bytes=book.whole_bytes)
        except BaseException:
            if kept is not None:
                book.cut(kept)
            raise


def replay(db: Connection, entries: Iterable[Entry], *, defaults: Site) -> None:
    """Make true in a catalogue what the entries come to; once or many times is the same.

    For a rebuild: after captures and events are there, because an event that is not there cannot
    be acknowledged, and before the sites of ``holdfast.toml`` are published. Pages that are not
    there are added, due at the time at which they were found; others keep their visits.
    """
    _put(db, fold(entries), defaults=defaults)


def fold(entries: Iterable[Entry]) -> Wanted:
    """Return what the entries come to, in their order."""
    named: dict[str, AddedSite] = {}
    spoken: dict[str, Spoken] = {}
    seen: dict[str, datetime] = {}
    for entry in entries:
        named |= {one.name: one for one in entry.sites}
        spoken |= {one.url: Spoken(target=one, at=entry.at) for one in entry.targets}
        for event in entry.events:
            seen.setdefault(event.id, event.at)
    return Wanted(sites=named, targets=spoken, seen=seen)


def following(defaults: Site, added: AddedSite | Site) -> Site:
    """Return a site of the journal as the defaults have it now."""
    return replace(
        defaults,
        name=added.name,
        start=added.start,
        spider=added.spider,
        every=added.every,
        from_file=added.from_file,
    )


def added_site(site: Site) -> AddedSite:
    """Return what the journal says of a site."""
    return AddedSite(
        name=site.name,
        start=site.start,
        spider=site.spider,
        every=site.every,
        from_file=site.from_file,
    )


def watched_target(target: Target) -> WatchedTarget:
    """Return what the journal says of a page, as it stands now."""
    return WatchedTarget(
        url=target.url,
        site=target.site,
        state=target.state,
        found_by=target.found_by,
        found_on=target.found_on,
        found_at=target.found_at,
        every=target.every,
        robots=target.robots,
        muted=target.muted,
    )


def _lines(named: Sequence[_T]) -> Iterator[tuple[_T, ...]]:
    """Yield what is named in parts that one line of the journal holds."""
    for start in range(0, len(named), journal.MOST_TARGETS):
        yield tuple(named[start : start + journal.MOST_TARGETS])


def _take_up(db: Connection, book: Journal, *, defaults: Site, now: datetime) -> int:
    """Bring catalogue and journal together, whichever is behind; return how many lines it lost."""
    known = marks.taken(db, MARK)
    if book.fresh or (known or 0) > book.whole_bytes:
        # No journal yet, or one that is behind: it is told how things are.
        change = Change(db=db, at=now, by=By.START)
        _tell_all(change)
        book.append(change.said)
        if book.fresh:
            book.place()
        return 0
    if (known or 0) < book.whole_bytes:
        reading = book.entries(known or 0)
        replay(db, reading, defaults=defaults)
        return reading.newer + reading.damaged
    return 0


def _tell_all(change: Change) -> None:
    """Say everything that people said and the catalogue still knows."""
    known = {site.name: site for site in sites.listing(change.db)}
    for site in known.values():
        if not site.from_file:
            change.site(site)
    spoken = [one for one in targets.spoken_of(change.db) if not _of_file(one, known.get(one.site))]
    change.targets(Verb.WATCH, [watched_target(one) for one in spoken])
    change.seen([_seen(one) for one in events.acknowledged(change.db)])


def _of_file(target: Target, site: Site | None) -> bool:
    """Tell whether ``holdfast.toml`` alone speaks of a page."""
    if site is None or not site.from_file or target.url not in site.start:
        return False
    plain = target.every is None and target.robots is None and not target.muted
    return plain and target.state is TargetState.ACTIVE


def _seen(event: Event) -> SeenEvent:
    assert event.acknowledged_at is not None
    return SeenEvent(id=event.id, at=event.acknowledged_at)


def _put(db: Connection, wanted: Wanted, *, defaults: Site) -> None:
    known = targets.by_urls(db, list(wanted.targets))
    hosts.hold(db, map(host_of, wanted.targets))
    _put_sites(db, wanted.sites.values(), defaults=defaults)
    _note_pauses(db, known, wanted.targets)
    rows = (_as_wanted(known.get(url), one) for url, one in wanted.targets.items())
    targets.put(db, [row for row in rows if row != known.get(row.url)])
    for event_id, at in wanted.seen.items():
        events.acknowledge(db, event_id, at=at)


def _note_pauses(db: Connection, known: Mapping[str, Target], spoken: Mapping[str, Spoken]) -> None:
    """Have the ledger know since when pages are paused, and until when they were."""
    for url, one in spoken.items():
        before = known.get(url)
        if before is None or before.state is one.target.state:
            continue
        if one.target.state is TargetState.PAUSED and before.due_at is not None:
            due_at = before.due_at
            gaps.put_off(db, before.id, Cause.PAUSED, due_at=due_at, at=one.at, until=None)
        elif before.state is TargetState.PAUSED and one.target.state is TargetState.ACTIVE:
            gaps.go_on(db, [before.id], Cause.PAUSED, at=one.at)
        else:
            gaps.visited(db, [before.id])


def _put_sites(db: Connection, named: Iterable[AddedSite], *, defaults: Site) -> None:
    there = {one.name: one for one in sites.listing(db)}
    for added in named:
        known = there.get(added.name)
        site = following(defaults, added)
        if known is not None and known.from_file:
            continue  # holdfast.toml speaks for it
        if known is None and added.from_file and sites.one(db, added.name) is not None:
            continue  # and names it no longer
        if site != known:
            sites.put(db, [site])


def _as_wanted(known: Target | None, spoken: Spoken) -> Target:
    """Return a target as it is to be: its visits are those of the catalogue, the rest is said."""
    said = spoken.target
    base = known or targets.never_visited(said, every=said.every, robots=said.robots)
    due_at = base.due_at
    if base.state in UNWATCHED and said.state is TargetState.ACTIVE:
        due_at = spoken.at
    elif base.every != said.every:
        due_at = min(due_at or spoken.at, spoken.at)
    return replace(
        base,
        site=said.site,
        state=said.state,
        found_by=said.found_by,
        found_on=said.found_on,
        found_at=said.found_at,
        every=said.every,
        robots=said.robots,
        muted=said.muted,
        due_at=due_at,
    )
