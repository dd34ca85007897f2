"""Small catalogues for tests: real SQLite files, filled in one line."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import postgres
import pytest
from sqlalchemy import Connection

from storage.catalogue import captures, events, targets, visits
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.model import (
    Alert,
    Axis,
    Capture,
    Claim,
    Event,
    Found,
    FoundBy,
    Outcome,
    RecordRef,
    Role,
    Severity,
    Target,
    TargetState,
    Visit,
)

NOW = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


only_sqlite = pytest.mark.skipif(
    bool(os.environ.get(postgres.SERVER)),
    reason="asks SQLite itself",
)


@cache
def blank() -> bytes:
    """Make a new catalogue and return its file; the migrations take longer than most tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "catalogue.db")
        open_catalogue(path).close()
        return path.read_bytes()


def opened(folder: Path) -> Catalogue:
    """Open the catalogue of a folder, a blank one if there is none.

    It is in a database of the PostgreSQL server that the environment names, if it names one.
    """
    if server := os.environ.get(postgres.SERVER):
        return open_catalogue(postgres.database(str(folder), at=server))
    path = folder / "catalogue.db"
    folder.mkdir(exist_ok=True)
    if not path.exists():
        path.write_bytes(blank())
    return open_catalogue(path)


def found(*urls: str, found_by: FoundBy = FoundBy.LINK) -> list[Found]:
    """Make what a page led to."""
    return [Found(url=url, found_by=found_by, found_on="https://a.example/") for url in urls]


def watch(
    db: Connection,
    *urls: str,
    site: str = "paper",
    due_at: datetime | None = NOW,
    state: TargetState = TargetState.ACTIVE,
) -> list[Target]:
    """Add targets as a user would."""
    named = found(*urls, found_by=FoundBy.USER)
    return targets.add(db, named, site=site, now=NOW, due_at=due_at, state=state)


def capture(
    url: str,
    *,
    at: datetime = NOW,
    role: Role = Role.TARGET,
    outcome: Outcome = Outcome.OK,
    digest: str | None = "sha1:AAAA",
) -> Capture:
    """Make a capture with a record, or without one where there was no answer."""
    record = RecordRef(file="warc/2026/11/x.warc.gz", offset=10, length=20, digest=digest)
    return Capture(
        url=url,
        role=role,
        captured_at=at,
        outcome=outcome,
        record=record,
        payload_digest=digest,
        payload_bytes=3,
    )


def visit(
    db: Connection,
    target: Target,
    *,
    at: datetime = NOW,
    outcome: Outcome = Outcome.OK,
    made: Sequence[Capture] | None = None,
    claim: Claim | None = None,
    next_due_at: datetime | None = NOW + HOUR,
) -> Visit:
    """Finish a visit of a target, with one capture unless told otherwise."""
    one = Visit(
        target_id=target.id,
        site=target.site,
        url=target.url,
        worker="w1",
        due_at=target.due_at,
        started_at=at,
        finished_at=at,
        outcome=outcome,
        status=200 if outcome == Outcome.OK else None,
        captures=tuple([capture(target.url, at=at, outcome=outcome)] if made is None else made),
    )
    return visits.finish(db, one, claim=claim, next_due_at=next_due_at)


def event(
    target: Target, number: int = 1, *, at: datetime = NOW, confirmed_at: datetime | None = None
) -> Event:
    """Make an event of a target."""
    return Event(
        id=f"event-{number}",
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="gone",
        axis=Axis.AVAILABILITY,
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary="The page is gone.",
        captured_at=at,
        confirmed_at=confirmed_at,
    )


def told(db: Connection, target: Target, number: int = 1) -> Event:
    """Make an event of a target and keep it."""
    one = event(target, number)
    events.put(db, one)
    return one


def all_captures(db: Connection) -> list[Capture]:
    """Return every capture there is."""
    return captures.listing(db)
