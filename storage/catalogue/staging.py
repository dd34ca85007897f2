"""Hold what a rebuild has read of the archive, sorted, on the disk: memory stays flat.

A file of its own beside the catalogue that is being made, thrown away at the end. Nothing in it is
worth a sync: a rebuild that dies begins anew.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.codec import Codec
from storage.errors import StorageError
from storage.model import Capture, Found, FoundBy, Role, TargetState
from storage.warc.history import Past
from storage.warc.statements import (
    Judged,
    NewPages,
    Sent,
    Statement,
    Stopped,
    Told,
    VisitName,
)

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE exchanges (
    n INTEGER PRIMARY KEY, visit TEXT NOT NULL, ended_at TEXT NOT NULL, counts INTEGER NOT NULL,
    due_at TEXT, via TEXT NOT NULL, capture TEXT NOT NULL
);
CREATE TABLE visits (visit TEXT PRIMARY KEY, ended_at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE targets (
    url TEXT PRIMARY KEY, found_at TEXT NOT NULL, site TEXT NOT NULL, found_by TEXT NOT NULL,
    found_on TEXT, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE told (id TEXT PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE judged (visit TEXT PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE stopped (
    cause TEXT NOT NULL, site TEXT NOT NULL, began_at TEXT NOT NULL, ended INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (cause, site, began_at)
) WITHOUT ROWID;
CREATE TABLE sent (id TEXT PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE records (record_id TEXT PRIMARY KEY, capture INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE stands (
    target INTEGER PRIMARY KEY, good INTEGER, url TEXT, digest TEXT, judged TEXT NOT NULL
);
CREATE TABLE readings (n INTEGER PRIMARY KEY, capture INTEGER NOT NULL, same_as INTEGER);
"""
_PUT_TARGET = """
INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (url) DO UPDATE SET
found_at = excluded.found_at, site = excluded.site, found_by = excluded.found_by,
found_on = excluded.found_on, state = excluded.state WHERE excluded.found_at < targets.found_at
"""
_STANDS = """
SELECT stands.target, stands.good, stands.url, stands.digest, judged.body
FROM stands JOIN judged ON judged.visit = stands.judged
"""
_CAPTURE = Codec(Capture)
_TOLD = Codec(Told)
_JUDGED = Codec(Judged)
_STOPPED = Codec(Stopped)
_SENT = Codec(Sent)
_MANY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTarget:
    """A page as it was first heard of."""

    url: str
    site: str
    found_by: FoundBy
    found_on: str | None
    found_at: datetime
    state: TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVisit:
    """The exchanges of one visit, in their order; ``judged`` is what its comparison came to."""

    name: VisitName
    ended_at: datetime
    due_at: datetime | None
    captures: tuple[Capture, ...]
    via: tuple[str, ...]
    """Of each capture, what led to it."""
    judged: Judged | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a page stands so far: as its last judgement says, with its last good capture."""

    target_id: int
    judged: Judged
    good_id: int | None
    url: str | None
    """Address of the good capture."""
    digest: str | None
    """Payload digest of the good capture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A capture whose article is to be read, or is that of an earlier capture."""

    capture_id: int
    same_as: int | None


class Staging:
    """What was read so far; ``staged`` makes it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def exchange(self, past: Past) -> None:
        """Take an exchange, and what it says of its target."""
        capture, key = past.capture, _key(past.visit)
        counts = capture.role is not Role.REQUISITE
        ended_at = _text(past.ended_at)
        text = _CAPTURE.text(capture)
        self._db.execute(
            "INSERT INTO exchanges (visit, ended_at, counts, due_at, via, capture)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (key, ended_at, counts, _maybe(past.due_at), past.via, text),
        )
        if counts:
            self._db.execute(
                "INSERT INTO visits VALUES (?, ?) ON CONFLICT (visit) DO UPDATE SET"
                " ended_at = max(ended_at, excluded.ended_at)",
                (key, ended_at),
            )
        if capture.role is Role.TARGET:
            self.target(
                FoundTarget(
                    url=past.visit.url,
                    site=capture.site,
                    found_by=past.found_by or FoundBy.USER,
                    found_on=past.via or None,
                    found_at=past.found_at or capture.captured_at,
                    state=past.state,
                )
            )

    def statement(self, said: Statement) -> None:
        """Take a statement; one that is repeated counts once, of a visit judged twice the last."""
        match said:
            case Told():
                row = (said.event.id, _text(said.at), _TOLD.text(said))
                self._db.execute("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", row)
            case Judged():
                row = (_key(said.visit), _text(said.at), _JUDGED.text(said))
                self._db.execute(
                    "INSERT INTO judged VALUES (?, ?, ?) ON CONFLICT (visit) DO UPDATE SET"
                    " at = excluded.at, body = excluded.body WHERE excluded.at > judged.at",
                    row,
                )
            case NewPages():
                for page in said.pages:
                    self._found(page, said)
            case Stopped():
                key = (said.cause.value, said.site or "", _text(said.began_at))
                self._db.execute(
                    "INSERT INTO stopped VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " ended = 1, body = excluded.body WHERE excluded.ended",
                    (*key, said.ended_at is not None, _STOPPED.text(said)),
                )
            case Sent():
                row = (said.id, _text(said.at), _SENT.text(said))
                self._db.execute("INSERT OR IGNORE INTO sent VALUES (?, ?, ?)", row)

    def _found(self, page: Found, said: NewPages) -> None:
        self.target(
            FoundTarget(
                url=page.url,
                site=said.site,
                found_by=page.found_by,
                found_on=page.found_on,
                found_at=said.at,
                state=TargetState.ACTIVE,
            )
        )

    def target(self, found: FoundTarget) -> None:
        """Take note of a page; what was heard of it first counts."""
        at = _text(found.found_at)
        row = (found.url, at, found.site, found.found_by.value, found.found_on, found.state.value)
        self._db.execute(_PUT_TARGET, row)

    def known_as(self, record_id: str, capture_id: int) -> None:
        """Say which row a record has now."""
        row = (record_id, capture_id)
        self._db.execute("INSERT OR REPLACE INTO records VALUES (?, ?)", row)

    def capture_of(self, record_id: str | None) -> int | None:
        """Return the row of a record, None where it has none."""
        if record_id is None:
            return None
        asked = "SELECT capture FROM records WHERE record_id = ?"
        row = self._db.execute(asked, (record_id,)).fetchone()
        return None if row is None else int(row[0])

    def stands(self, stand: Stand) -> None:
        """Say where a page stands now."""
        row = (
            stand.target_id,
            stand.good_id,
            stand.url,
            stand.digest,
            _key(stand.judged.visit),
        )
        self._db.execute(
            "INSERT OR REPLACE INTO stands (target, good, url, digest, judged)"
            " VALUES (?, ?, ?, ?, ?)",
            row,
        )

    def stand_of(self, target_id: int) -> Stand | None:
        """Return where a page stands; None where it was never judged."""
        asked = f"{_STANDS} WHERE stands.target = ?"
        row = self._db.execute(asked, (target_id,)).fetchone()
        return None if row is None else _stand(row)

    def all_stands(self) -> Iterator[Sequence[Stand]]:
        """Yield where the pages stand."""
        rows = self._db.execute(f"{_STANDS} ORDER BY stands.target")
        while part := rows.fetchmany(_MANY):
            yield [_stand(row) for row in part]

    def to_read(self, capture_id: int, *, same_as: int | None) -> None:
        """Say that the article of a capture is wanted."""
        row = (capture_id, same_as)
        self._db.execute("INSERT INTO readings (capture, same_as) VALUES (?, ?)", row)

    def sites(self) -> list[str]:
        """Return the names of all sites that pages are of."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT site FROM targets")]

    def targets(self) -> Iterator[Sequence[FoundTarget]]:
        """Yield the pages, in the order in which they were heard of."""
        rows = self._db.execute("SELECT * FROM targets ORDER BY found_at, url")
        while part := rows.fetchmany(_MANY):
            yield [
                FoundTarget(
                    url=url,
                    site=site,
                    found_by=FoundBy(found_by),
                    found_on=found_on,
                    found_at=_moment(at),
                    state=TargetState(state),
                )
                for url, at, site, found_by, found_on, state in part
            ]

    def index(self) -> None:
        """Prepare for ``visits``: all exchanges are there."""
        self._db.execute("CREATE INDEX of_visit ON exchanges (visit, n)")
        self._db.execute("CREATE INDEX in_time ON visits (ended_at, visit)")

    def count(self) -> int:
        """Return how many visits there are."""
        (count,) = self._db.execute("SELECT count(*) FROM visits").fetchone()
        return int(count)

    def visits(self) -> Iterator[Sequence[PastVisit]]:
        """Yield the visits in the order in which they ended, some at a time."""
        rows = self._db.execute("SELECT visit, ended_at FROM visits ORDER BY ended_at, visit")
        while part := rows.fetchmany(_MANY):
            yield [self._visit(key, _moment(at)) for key, at in part]

    def _visit(self, key: str, ended_at: datetime) -> PastVisit:
        asked = "SELECT due_at, via, capture FROM exchanges WHERE visit = ? ORDER BY n"
        rows = self._db.execute(asked, (key,)).fetchall()
        found = self._db.execute("SELECT body FROM judged WHERE visit = ?", (key,)).fetchone()
        due = next((_moment(row[0]) for row in rows if row[0]), None)
        return PastVisit(
            name=_name(key),
            ended_at=ended_at,
            due_at=due,
            captures=tuple(_CAPTURE.value(row[2]) for row in rows),
            via=tuple(row[1] for row in rows),
            judged=None if found is None else _JUDGED.value(found[0]),
        )

    def told(self) -> Iterator[Told]:
        """Yield the events in the order in which they could be told."""
        for row in self._db.execute("SELECT body FROM told ORDER BY at, id"):
            yield _TOLD.value(row[0])

    def stopped(self) -> Iterator[Stopped]:
        """Yield the times in which nothing was visited, each cause and site by its beginnings."""
        asked = "SELECT body FROM stopped ORDER BY cause, site, began_at"
        for row in self._db.execute(asked):
            yield _STOPPED.value(row[0])

    def sent(self) -> Iterator[Sent]:
        """Yield what was sent, in its order."""
        for row in self._db.execute("SELECT body FROM sent ORDER BY at, id"):
            yield _SENT.value(row[0])

    def count_readings(self) -> int:
        """Return how many captures want their article."""
        (count,) = self._db.execute("SELECT count(*) FROM readings").fetchone()
        return int(count)

    def readings(self) -> Iterator[Sequence[Reading]]:
        """Yield the captures whose articles are wanted, earlier ones first."""
        rows = self._db.execute("SELECT capture, same_as FROM readings ORDER BY n")
        while part := rows.fetchmany(_MANY):
            yield [Reading(capture_id=one, same_as=same) for one, same in part]


@contextmanager
def staged(path: Path) -> Iterator[Staging]:
    """Lend a new staging file, and take it away at the end."""
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.executescript(_TABLES)
        db.execute("BEGIN")
        yield Staging(db)
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be written: {error}") from error
    finally:
        db.close()
        path.unlink(missing_ok=True)


def _stand(row: tuple[int, int | None, str | None, str | None, str]) -> Stand:
    target_id, good_id, url, digest, body = row
    return Stand(
        target_id=target_id, judged=_JUDGED.value(body), good_id=good_id, url=url, digest=digest
    )


def _key(name: VisitName) -> str:
    return f"{_text(name.started_at)} {name.worker}\n{name.url}"


def _name(key: str) -> VisitName:
    first, _, url = key.partition("\n")
    at, _, worker = first.partition(" ")
    return VisitName(started_at=_moment(at), worker=worker, url=url)


def _text(at: datetime) -> str:
    """Return a time so that the order of texts is the order of times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else _text(at)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
