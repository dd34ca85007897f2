"""Bring files and catalogue to agree after a crash, and tell a person what was recovered."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter

from crawler.rebuild_visits import row_of, visit_of
from storage.archive import Archive
from storage.catalogue import captures, payloads, targets, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.catalogue.staging import PastVisit
from storage.errors import RecordError
from storage.model import RecordRef, Role
from storage.warc import history, reader
from storage.warc.history import Past
from storage.warc.recovery import PATIENCE, Recovered, Unlisted, recover
from storage.warc.statements import VisitName


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What recovery found, and how many exchanges without a row have one now."""

    recovered: Recovered
    entered: int = 0


LOST = "its record was not in the WARC file after a crash"
_STAMP = re.compile(r"-(\d{14})\d{3}-")
_CLOCKS_DIFFER = timedelta(hours=1)


def recover_all(
    archive: Archive, catalogue: Catalogue, *, now: datetime, patience: timedelta = PATIENCE
) -> Reconciled:
    """Close what a crash left open, and hold it to the rows of the catalogue in the same pass.

    Exchanges without a row get theirs where their visit had come to an end, as a rebuild would give
    them; their target stays due, because what the visit led to died with its worker. Rows without a
    record lose it, and their targets are due.
    """

    def known(file: str) -> list[RecordRef]:
        with catalogue.read() as db:
            return captures.records_of(db, file, since=_begun_at(file) - _CLOCKS_DIFFER)

    found = recover(archive, patience=patience, known=known)
    if found.lost:
        with catalogue.write() as db:
            targets.make_due(db, captures.lose(db, found.lost, reason=LOST), at=now)
            for file in {one.file for one in found.lost}:
                payloads.forget(db, file)
    return Reconciled(recovered=found, entered=_enter(archive, catalogue, found.unlisted))


def unreadable(
    archive: Archive, catalogue: Catalogue, file: str, *, each: Callable[[object], None]
) -> list[RecordRef]:
    """Return the records that the catalogue names of a file and that cannot be read back.

    ``each`` is called before each of them, and may raise to break off.
    """
    with catalogue.read() as db:
        named = captures.records_of(db, file, since=_begun_at(file) - _CLOCKS_DIFFER)
    lost: list[RecordRef] = []
    for ref in named:
        each(ref)
        try:
            reader.read(archive, ref).block.close()
        except RecordError:
            lost.append(ref)
    return lost


def give_up(
    db: Connection, file: str, lost: Sequence[RecordRef], *, reason: str, at: datetime
) -> int:
    """Say of captures that their records are lost, and have their pages visited again.

    Return how many pages that are. No later answer refers to the file any more.
    """
    again = captures.lose(db, lost, reason=reason)
    targets.make_due(db, again, at=at)
    payloads.forget(db, file)
    return len(again)


def _enter(archive: Archive, catalogue: Catalogue, unlisted: Sequence[Unlisted]) -> int:
    """Write rows of exchanges that have none; return how many got one.

    The others are of visits that were cut short before their page had come, and stay in the files.
    """
    entered = 0
    of_file = itemgetter(0)
    places = sorted((one.file, one.offset) for one in unlisted if one.whole)
    for file, part in groupby(places, key=of_file):
        offsets = {offset for _, offset in part}
        named: dict[VisitName, list[Past]] = {}
        for item in history.read_file(archive, file, start=min(offsets)):
            if isinstance(item, Past) and _begins_at(item) in offsets:
                named.setdefault(item.visit, []).append(item)
        for name, exchanges in named.items():
            with catalogue.write() as db:
                entered += _enter_visit(db, name, exchanges)
    return entered


def _enter_visit(db: Connection, name: VisitName, exchanges: Sequence[Past]) -> int:
    target = targets.by_url(db, name.url)
    if target is None:
        return 0
    made = tuple(map(row_of, exchanges))
    there = visits.begun_at(db, target.id, name.started_at)
    if there is not None:
        visits.add_captures(db, there, made)
        return len(made)
    past = PastVisit(
        name=name,
        ended_at=max(one.ended_at for one in exchanges),
        due_at=exchanges[0].due_at,
        captures=made,
        via=(),
        judged=None,
    )
    visit = visit_of(past, target)
    if visit is None:
        return 0
    kept = visits.finish(db, visit, claim=None, next_due_at=target.due_at)
    if target.last_visit_at is not None and target.last_visit_at > past.ended_at:
        # It was looked at since: compared after that, what it brought would be told as news.
        visits.mark_read(db, kept.id, at=past.ended_at)
    needed = [one for one in made if one.role is Role.REQUISITE]
    if needed:
        visits.add_captures(db, kept, needed)
    return len(made)


def _begins_at(past: Past) -> int | None:
    first = past.capture.request_record or past.capture.record
    return first.offset if first is not None else None


def sentences(reconciled: Reconciled) -> Iterator[str]:
    """Say what recovery did, in two lines at most; nothing after a clean stop."""
    found = reconciled.recovered
    done = list(_done(found, entered=reconciled.entered))
    if done:
        yield f"{'; '.join(done)}; what was under way is visited again"
    wrong = list(_wrong(found))
    if wrong:
        yield f"{'; '.join(wrong)}; run `holdfast verify`"


def _done(found: Recovered, *, entered: int) -> Iterator[str]:
    if found.files:
        yield (
            f"{_count(len(found.files), 'file')} left open by a crash {_is(found.files)} closed "
            f"({_some(found.files)}) with every whole record, {found.kept_records} in all"
        )
    if found.torn:
        torn_bytes = sum(one.tail_bytes for one in found.torn)
        places = [one.saved_as for one in found.torn]
        yield f"{torn_bytes} torn bytes were set aside as {_some(places)}"
    if entered:
        yield f"{_count(entered, 'exchange')} that the catalogue did not know yet it knows now"
    if left := len(found.unlisted) - entered:
        yield f"{_count(left, 'exchange')} of visits that were cut short stay in the files unlisted"
    if found.busy:
        yield (
            f"{_some(found.busy)} {_is(found.busy)} still written by a process of before, and "
            "closed at the next start"
        )


def _wrong(found: Recovered) -> Iterator[str]:
    if found.lost:
        places = [f"{one.file} at {one.offset}" for one in found.lost]
        yield (
            f"{_count(len(found.lost), 'record')} that the catalogue names {_is(found.lost)} not "
            f"in the files ({_some(places)}): a disk did not keep what it had confirmed; these "
            "captures are lost, their pages are visited again"
        )
    if found.damaged:
        places = [f"{one.file} at {one.offset}" for one in found.damaged]
        yield (
            f"{_count(len(found.damaged), 'stretch', 'stretches')} between sound records "
            f"cannot be read ({_some(places)})"
        )


def _begun_at(file: str) -> datetime:
    """Return when a file was begun, by its name; the beginning of time for a foreign name."""
    found = _STAMP.search(file)
    if found is None:
        return datetime(1970, 1, 2, tzinfo=UTC)
    return datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _count(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"


def _is(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"
