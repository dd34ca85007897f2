"""Keep how far files that are written before the catalogue are taken into it."""

from sqlalchemy import Connection, select

from storage.catalogue.dialects import insert_or_replace
from storage.catalogue.tables import marks


def taken(db: Connection, name: str) -> int | None:
    """Return how many bytes of a file are in the catalogue; None when it knows of no such file."""
    return db.execute(select(marks.c.taken_bytes).where(marks.c.name == name)).scalar()


def take(db: Connection, name: str, *, upto_bytes: int) -> None:
    """Say that the first bytes of a file are in the catalogue."""
    db.execute(insert_or_replace(db, marks), {"name": name, "taken_bytes": upto_bytes})
