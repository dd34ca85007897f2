"""Tell the ids of WARC records from the numbers of rows: what lasts from what may be made anew."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from storage.catalogue.dialects import portions
from storage.catalogue.tables import captures
from storage.model import Role

_PAGE = (Role.TARGET, Role.REDIRECT)


def record_ids(db: Connection, capture_ids: Collection[int]) -> dict[int, str]:
    """Return the WARC record ids of captures, of those that have a record."""
    found: dict[int, str] = {}
    for part in portions(sorted(capture_ids)):
        rows = select(captures.c.id, captures.c.record_id).where(captures.c.id.in_(part))
        found |= {row[0]: row[1] for row in db.execute(rows) if row[1] is not None}
    return found


def visit_at(db: Connection, target_id: int, at: datetime) -> int | None:
    """Return the visit of a target whose page was asked for at this time, as a look names it."""
    then = (captures.c.target_id == target_id, captures.c.captured_at == at)
    asked = select(captures.c.visit_id).where(*then, captures.c.role.in_(_PAGE)).limit(1)
    return db.execute(asked).scalar()
