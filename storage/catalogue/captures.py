"""Find captures: what came of every exchange, and where its records lie."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    RowMapping,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from storage.catalogue.dialects import portions
from storage.catalogue.tables import captures
from storage.model import Capture, Outcome, RecordRef, Role

COLUMNS = tuple(column for column in captures.columns if column.name != "text_id")
"""What a Capture is made of."""

_PLACES = tuple(
    f"{name}_{part}"
    for name in ("record", "request")
    for part in ("file", "offset", "length", "digest")
)
_REFS = tuple(captures.c[name] for name in _PLACES)
_NOWHERE = {
    name: dict.fromkeys((place for place in _PLACES if place.startswith(name)), None)
    for name in ("record", "request")
}
_LOOKED_THROUGH = 50_000
"""Rows that are looked through at once for those of one file."""
_PLAIN = tuple(column.name for column in COLUMNS if column.name not in _PLACES)
_plain_facts = attrgetter(*_PLAIN)
_PAGE = (Role.TARGET, Role.REDIRECT)
_ONE = select(*COLUMNS).order_by(captures.c.captured_at.desc(), captures.c.id.desc()).limit(1)

# Made once, not with each visit: putting a statement together costs more than running it.
_WHOLE = _ONE.where(
    # A 304 that was not asked for stands for no page.
    or_(captures.c.outcome == Outcome.OK, captures.c.refers_to.is_not(None)),
    captures.c.outcome.in_((Outcome.OK, Outcome.NOT_MODIFIED)),
    captures.c.record_file.is_not(None),
    captures.c.payload_digest.is_not(None),
    captures.c.truncated.is_(None),
)
_WHOLE_OF_TARGET = _WHOLE.where(
    captures.c.target_id == bindparam("of_target"),
    captures.c.role == Role.TARGET,
    captures.c.hop == 0,
)
_WHOLE_OF_REQUISITE = _WHOLE.where(
    captures.c.url == bindparam("of_url"),
    captures.c.site == bindparam("of_site"),
    captures.c.role == Role.REQUISITE,
)


def from_row(row: RowMapping) -> Capture:
    """Make the noun of a row of COLUMNS."""
    return Capture(
        **{name: row[name] for name in _PLAIN},
        record=_record(row, "record"),
        request_record=_record(row, "request"),
    )


def as_row(capture: Capture) -> dict[str, object]:
    """Make the row of a noun."""
    row: dict[str, object] = dict(zip(_PLAIN, _plain_facts(capture), strict=True))
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


def by_ids(db: Connection, capture_ids: Collection[int]) -> dict[int, Capture]:
    """Return the captures of these ids, each under its own."""
    found: dict[int, Capture] = {}
    for part in portions(list(dict.fromkeys(capture_ids))):
        rows = db.execute(select(*COLUMNS).where(captures.c.id.in_(part))).mappings()
        found |= {row["id"]: from_row(row) for row in rows}
    return found


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


def got_requisites(
    db: Connection, site: str, urls: Sequence[str], *, since: datetime
) -> dict[str, bool]:
    """Return those of the URLs that the site got as requisites since then, or was sent on from.

    True says that it came itself; False that there is only a redirect, which may lead to nothing.
    """
    got: dict[str, bool] = {}
    for part in portions(urls):
        statement = select(captures.c.url, captures.c.outcome).where(
            captures.c.url.in_(part),
            captures.c.captured_at >= since,
            captures.c.site == site,
            captures.c.role == Role.REQUISITE,
            or_(
                captures.c.outcome.in_((Outcome.OK, Outcome.REDIRECT)),
                # A 304 that nobody asked for stands for nothing.
                and_(captures.c.outcome == Outcome.NOT_MODIFIED, captures.c.refers_to.is_not(None)),
            ),
        )
        for url, outcome in db.execute(statement):
            got[url] = got.get(url, False) or outcome is not Outcome.REDIRECT
    return got


def latest_whole(db: Connection, target_id: int) -> Capture | None:
    """Return the newest capture of the target's own URL that came whole, or was not modified.

    Its record is there and has a payload digest; it may be a revisit record (``refers_to``). A
    target that redirects elsewhere has none.
    """
    return _first(db, _WHOLE_OF_TARGET, {"of_target": target_id})


def latest_requisite(db: Connection, site: str, url: str) -> Capture | None:
    """Return the newest capture of a URL as a requisite of the site, with the same promises."""
    return _first(db, _WHOLE_OF_REQUISITE, {"of_site": site, "of_url": url})


def nearest(db: Connection, site: str, url: str, *, at: datetime) -> Capture | None:
    """Return the capture of a URL by a site nearest to a time that leads to what it shows.

    It is a good one, one that was not modified, or a redirect.
    """
    shows = (
        captures.c.url == url,
        captures.c.site == site,
        captures.c.role != Role.ROBOTS,
        captures.c.record_file.is_not(None),
        or_(
            captures.c.outcome.in_((Outcome.OK, Outcome.REDIRECT)),
            and_(captures.c.outcome == Outcome.NOT_MODIFIED, captures.c.refers_to.is_not(None)),
        ),
    )
    before = _newest(db, *shows, captures.c.captured_at <= at)
    later = select(*COLUMNS).where(*shows, captures.c.captured_at > at)
    after = _first(db, later.order_by(captures.c.captured_at, captures.c.id).limit(1), {})
    known = [one for one in (before, after) if one is not None]
    return min(known, key=lambda one: abs(one.captured_at - at), default=None)


def last_robots(db: Connection, made: Capture) -> Capture | None:
    """Return the last answer to the same robots.txt before this one: a file, or that there is none.

    "Too many requests" and what failed are no answers.
    """
    return _newest(
        db,
        captures.c.url == made.url,
        captures.c.captured_at < made.captured_at,
        captures.c.role == Role.ROBOTS,
        captures.c.outcome.in_((Outcome.OK, Outcome.CLIENT_ERROR)),
        captures.c.status != 429,
        captures.c.record_file.is_not(None),
    )


def by_record(db: Connection, record_id: str, *, url: str) -> Capture | None:
    """Return the capture of a URL whose record has this id."""
    return _newest(db, captures.c.url == url, captures.c.record_id == record_id)


def _newest(db: Connection, *conditions: ColumnElement[bool]) -> Capture | None:
    return _first(db, _ONE.where(*conditions), {})


def _first(db: Connection, statement: Executable, values: Mapping[str, object]) -> Capture | None:
    row = db.execute(statement, values).mappings().first()
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


def records_of(db: Connection, file: str, *, since: datetime) -> list[RecordRef]:
    """Return the records of a young WARC file that rows point to; it was begun at this time.

    The rows are looked through from the newest back: files that are growing hold the newest, and
    an index for this alone would cost every capture.
    """
    found: list[RecordRef] = []
    highest = db.execute(select(func.max(captures.c.id))).scalar() or 0
    while highest > 0:
        some = captures.c.id.between(highest - _LOOKED_THROUGH + 1, highest)
        here = [captures.c[f"{name}_file"] == file for name in ("record", "request")]
        rows = db.execute(select(*_REFS).where(some, or_(*here))).mappings().all()
        for name in ("record", "request"):
            refs = (_record(row, name) for row in rows)
            found += [ref for ref in refs if ref is not None and ref.file == file]
        oldest = db.execute(select(func.min(captures.c.captured_at)).where(some)).scalar()
        if not rows and oldest is not None and oldest < since:
            break
        highest -= _LOOKED_THROUGH
    return found


def lose(db: Connection, lost: Sequence[RecordRef], *, reason: str) -> list[int]:
    """Say of captures that their record is not there; return their targets."""
    targets: set[int] = set()
    for ref in lost:
        here = (captures.c.record_file == ref.file, captures.c.record_offset == ref.offset)
        asked = (captures.c.request_file == ref.file, captures.c.request_offset == ref.offset)
        of_request = update(captures).where(*asked).values(_NOWHERE["request"])
        targets.update(db.execute(of_request.returning(captures.c.target_id)).scalars())
        marked = (
            update(captures)
            .where(*here)
            .values(**_NOWHERE["record"], record_id=None, outcome=Outcome.TRUNCATED, reason=reason)
        )
        targets.update(db.execute(marked.returning(captures.c.target_id)).scalars())
    return sorted(targets)
