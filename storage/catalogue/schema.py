"""Bring a catalogue to the shape this release knows, or refuse it."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, inspect, text

from storage.errors import CatalogueError

HEAD = "0008"
"""The newest revision of migrations/versions; a test holds it to the files there."""


class Transactions(Protocol):
    """What gives out transactions of a catalogue that stands at ``place``."""

    place: str

    def read(self) -> AbstractContextManager[Connection]:
        """Give a transaction that reads."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """Give a transaction that writes."""
        ...


def bring_up(catalogue: Transactions, *, as_it_is: bool = False) -> None:
    """Make the tables, or run the migrations that are missing, all in one transaction."""
    with catalogue.read() as db:
        revision = _revision(db)
        if revision == HEAD:
            return
    if as_it_is and revision is not None and revision < HEAD:
        raise CatalogueError(
            f"{catalogue.place}: is of an older release (revision {revision}) that is using it now;"
            " nothing was changed. Restart the service with this release, or use that one"
        )
    with catalogue.write() as db:
        # Asked again: another process may have done it while we waited for the lock.
        revision = _revision(db)
        if revision == HEAD:
            return
        if revision is None and inspect(db).get_table_names():
            raise CatalogueError(
                f"{catalogue.place}: is a database, but not a catalogue; nothing was changed."
                " Move the file away, or name the right archive"
            )
        _upgrade(db, revision, catalogue.place)


def _upgrade(db: Connection, revision: str | None, place: str) -> None:
    # Alembic takes as long to import as SQLAlchemy, and a catalogue needs it once in its life.
    from storage.catalogue import upgrade  # noqa: PLC0415  # see above: 0.4 s of every command

    if revision is not None and revision not in upgrade.revisions():
        raise CatalogueError(
            f"{place}: was made by a newer release of Holdfast (revision {revision}; this one knows"
            f" {HEAD}); nothing was changed. Use that release or a newer one"
        )
    upgrade.upgrade(db)


def _revision(db: Connection) -> str | None:
    if not inspect(db).has_table("alembic_version"):
        return None
    return db.execute(text("SELECT version_num FROM alembic_version")).scalar()
