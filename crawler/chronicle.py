"""Write what was found out of captures into the archive, before the catalogue says it.

Events, what is known of a page's state, and newly found pages: the catalogue can be made anew from
these records and those of the exchanges (``crawler/rebuild.py``).
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.likeness import same_bytes
from crawler.readings import Scene
from storage.catalogue.engine import Connection
from storage.catalogue.references import record_ids
from storage.catalogue.stoppages import Stoppage
from storage.model import NOT_ASKED, Event, Found, Look, Phase, Standing, Target, Visit
from storage.warc.statements import (
    CONTENT_TYPE,
    Judged,
    NewPages,
    Sight,
    Statement,
    Stopped,
    Told,
    VisitName,
    body_of,
)
from storage.warc.writer import Writer

Ids = Mapping[int, str]
"""Ids of WARC records by the numbers of captures."""


@dataclass(slots=True, kw_only=True)
class Chronicle:
    """A process' file for statements, of all its threads; made when there is the first of them.

    A statement that is repeated, because the process died before its row was written, is one.
    """

    make_writer: Callable[[], Writer]
    _writer: Writer | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, statements: Sequence[Statement]) -> None:
        """Append statements and wait until they are safe; StorageError when they are not.

        After a failure the next call begins a new file.
        """
        if not statements:
            return
        with self._turn:
            writer, self._writer = self._writer or self.make_writer(), None
            with writer.gathering():
                for one in statements:
                    body = body_of(one)
                    writer.append_resource(one.uri, at=one.at, content_type=CONTENT_TYPE, body=body)
            writer.sync()
            self._writer = writer

    def close_old(self) -> None:
        """Close a file to which nothing was added for long, so that it is listed and copied."""
        with self._turn:
            writer, self._writer = self._writer, None
            if writer is not None:
                if writer.end_old():
                    writer.sync()
                self._writer = writer

    def close(self) -> None:
        """Give the file its final name, if there is one; more can be kept in another."""
        with self._turn:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()


def is_quiet(verdict: Verdict, *, scene: Scene, visit: Visit, after: Reading) -> bool:
    """Say whether the captures alone tell what a comparison came to, so that nothing is written.

    It is so of a visit that was not asked for, and of one that brought to a page in good standing
    the very bytes of the last good one: most visits are of these two kinds.
    """
    if visit.outcome in NOT_ASKED:
        return not verdict.events and verdict.standing == scene.standing
    if scene.standing.twin_capture_id is not None or scene.standing.relook_at is not None:
        return False
    is_told = same_bytes(scene.good, visit.captures)
    return is_told and stays(verdict, scene=scene, after=after)


def stays(verdict: Verdict, *, scene: Scene, after: Reading) -> bool:
    """Say whether a page in good standing is where it was, but for its last good capture.

    The look after a first capture, from which noise would have been learnt, has then been made.
    """
    before = scene.standing
    is_calm = before.phase is Phase.OK and before.twin_capture_id in (None, before.good_capture_id)
    if verdict.events or verdict.look_again_at is not None or not is_calm:
        return False
    same = replace(before, good_capture_id=after.capture_id, twin_capture_id=None, relook_at=None)
    return verdict.standing == same


def of_verdict(
    db: Connection,
    events: Sequence[Event],
    standing: Standing,
    *,
    visit: Visit,
    at: datetime,
    due_at: datetime | None,
) -> list[Statement]:
    """Return what the archive is to say of a comparison: the events, then where the page stands."""
    named = {one for event in events for one in _named(event.capture_id, event.looks)}
    named |= {one.before_capture_id for one in events if one.before_capture_id is not None}
    named |= set(_named(standing.good_capture_id, standing.looks))
    named |= set(_named(standing.twin_capture_id, ()))
    ids = record_ids(db, named)
    told = (told_as(one, ids) for one in events)
    return [*told, judged_as(standing, ids, visit=visit, at=at, due_at=due_at)]


def told_as(event: Event, ids: Ids) -> Told:
    """Return an event as the archive keeps it."""
    return Told(
        event=replace(event, target_id=0, capture_id=None, before_capture_id=None, looks=()),
        about_page=event.target_id != 0,
        record_id=_id_of(event.capture_id, ids),
        before_record_id=_id_of(event.before_capture_id, ids),
        looks=_sights(event.looks, ids),
    )


def judged_as(
    standing: Standing, ids: Ids, *, visit: Visit, at: datetime, due_at: datetime | None
) -> Judged:
    """Return where a page stands since the comparison of a visit as the archive keeps it."""
    return Judged(
        visit=VisitName(started_at=visit.started_at, worker=visit.worker, url=visit.url),
        at=at,
        standing=replace(
            standing, target_id=0, looks=(), good_capture_id=None, twin_capture_id=None
        ),
        good_record_id=_id_of(standing.good_capture_id, ids),
        looks=_sights(standing.looks, ids),
        due_at=due_at,
        twin_record_id=_id_of(standing.twin_capture_id, ids),
    )


def stopped_as(one: Stoppage) -> Stopped:
    """Return a stoppage as the archive keeps it; one of a host is not kept."""
    return Stopped(cause=one.cause, site=one.site, began_at=one.began_at, ended_at=one.ended_at)


def stoppage_of(said: Stopped) -> Stoppage:
    """Return a stoppage as the catalogue keeps it."""
    return Stoppage(
        cause=said.cause, site=said.site, began_at=said.began_at, ended_at=said.ended_at
    )


def new_pages(new: Sequence[Target], *, visit: Visit) -> NewPages:
    """Return what a visit led to, as the archive keeps it."""
    pages = (Found(url=one.url, found_by=one.found_by, found_on=one.found_on) for one in new)
    return NewPages(on=visit.url, at=visit.finished_at, site=visit.site, pages=tuple(pages))


def _named(first: int | None, looks: Sequence[Look]) -> Iterator[int]:
    for number in (first, *(look.capture_id for look in looks)):
        if number is not None:
            yield number


def _id_of(number: int | None, ids: Ids) -> str | None:
    return None if number is None else ids.get(number)


def _sights(looks: Sequence[Look], ids: Ids) -> tuple[Sight, ...]:
    return tuple(
        Sight(
            at=look.at,
            outcome=look.outcome,
            status=look.status,
            kind=look.kind,
            record_id=_id_of(look.capture_id, ids),
        )
        for look in looks
    )
