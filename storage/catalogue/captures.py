"""Find captures: what came of every exchange, and where its records lie."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from storage.catalogue.dialects import portions
from storage.catalogue.tables import captures
from storage.model import ANSWERED, Capture, Outcome, RecordRef, Role

COLUMNS = tuple(column for column in captures.columns if column.name != "text_id")
"""What a Capture is made of."""

_PLACES = tuple(
    f"{name}_{part}"
    for name in ("record", "request")
    for part in ("file", "offset", "length", "digest")
)
_PLAIN = tuple(column.name for column in COLUMNS if column.name not in _PLACES)
_PAGE = (Role.TARGET, Role.REDIRECT)


def from_row(row: RowMapping) -> Capture:
    """Make the noun of a row of COLUMNS."""
    return Capture(
        **{name: row[name] for name in _PLAIN},
        record=_record(row, "record"),
        request_record=_record(row, "request"),
    )


def as_row(capture: Capture) -> dict[str, object]:
    """Make the row of a noun, without its id."""
    row = {name: getattr(capture, name) for name in _PLAIN if name != "id"}
    for name, ref in (("record", capture.record), ("request", capture.request_record)):
        row[f"{name}_file"] = ref.file if ref else None
        row[f"{name}_offset"] = ref.offset if ref else None
        row[f"{name}_length"] = ref.length if ref else None
        row[f"{name}_digest"] = ref.digest if ref else None
    return row


def one(db: Connection, capture_id: int) -> Capture | None:
    """Return the capture of this id."""
    row = db.execute(select(*COLUMNS).where(captures.c.id == capture_id)).mappings().first()
    return None if row is None else from_row(row)


def listing(
    db: Connection,
    *,
    url: str | None = None,
    site: str | None = None,
    since: datetime | None = None,
    after_id: int = 0,
    limit: int | None = None,
) -> list[Capture]:
    """Return captures in the order they were kept; go on after the last id for the next page."""
    statement = select(*COLUMNS).where(captures.c.id > after_id).order_by(captures.c.id)
    if url is not None:
        statement = statement.where(captures.c.url == url)
    if site is not None:
        statement = statement.where(captures.c.site == site)
    if since is not None:
        statement = statement.where(captures.c.captured_at >= since)
    return [from_row(row) for row in db.execute(statement.limit(limit)).mappings()]


def of_visits(db: Connection, visit_ids: Sequence[int]) -> dict[int, tuple[Capture, ...]]:
    """Return the captures of each visit, in the order they were made."""
    found: dict[int, list[Capture]] = {}
    for part in portions(visit_ids):
        statement = select(*COLUMNS).where(captures.c.visit_id.in_(part)).order_by(captures.c.id)
        for row in db.execute(statement).mappings():
            found.setdefault(row["visit_id"], []).append(from_row(row))
    return {visit_id: tuple(made) for visit_id, made in found.items()}


def of_target(db: Connection, target_id: int, *, limit: int | None = None) -> list[Capture]:
    """Return the captures of the target's page and of the redirects to it, newest first."""
    statement = (
        select(*COLUMNS)
        .where(captures.c.target_id == target_id, captures.c.role.in_(_PAGE))
        .order_by(captures.c.captured_at.desc(), captures.c.id.desc())
        .limit(limit)
    )
    return [from_row(row) for row in db.execute(statement).mappings()]


def at(db: Connection, url: str, *, at: datetime | None) -> Capture | None:
    """Return how the URL was at a time: the last good capture before it, else the first after it.

    Without a time it is the newest good one.
    """
    good = (captures.c.url == url, captures.c.outcome == Outcome.OK)
    if at is None:
        return _newest(db, *good)
    before = _newest(db, *good, captures.c.captured_at <= at)
    if before is not None:
        return before
    statement = select(*COLUMNS).where(*good).order_by(captures.c.captured_at, captures.c.id)
    row = db.execute(statement.limit(1)).mappings().first()
    return None if row is None else from_row(row)


def known_requisites(db: Connection, site: str, urls: Sequence[str]) -> set[str]:
    """Return those of the URLs that the site already has as requisites; a 404 counts, a 503 not."""
    known: set[str] = set()
    for part in portions(urls):
        statement = select(captures.c.url).where(
            captures.c.url.in_(part),
            captures.c.site == site,
            captures.c.role == Role.REQUISITE,
            captures.c.outcome.in_(sorted(ANSWERED - {Outcome.SERVER_ERROR})),
        )
        known.update(db.execute(statement.distinct()).scalars())
    return known


def latest_digest(db: Connection, url: str) -> Capture | None:
    """Return the newest answered capture of the URL that has a payload digest."""
    return _newest(
        db,
        captures.c.url == url,
        captures.c.outcome.in_(sorted(ANSWERED)),
        captures.c.payload_digest.is_not(None),
    )


def _newest(db: Connection, *conditions: ColumnElement[bool]) -> Capture | None:
    statement = (
        select(*COLUMNS)
        .where(*conditions)
        .order_by(captures.c.captured_at.desc(), captures.c.id.desc())
        .limit(1)
    )
    row = db.execute(statement).mappings().first()
    return None if row is None else from_row(row)


def _record(row: RowMapping, name: str) -> RecordRef | None:
    if row[f"{name}_file"] is None:
        return None
    return RecordRef(
        file=row[f"{name}_file"],
        offset=row[f"{name}_offset"],
        length=row[f"{name}_length"],
        digest=row[f"{name}_digest"],
    )
