"""Open the catalogue and hand out its transactions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Select, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import Pool

from storage.archive import Archive
from storage.catalogue import dialects, schema
from storage.catalogue.lookup import Lookup, Row
from storage.catalogue.same_file import SameFile
from storage.errors import CatalogueError

__all__ = ["Catalogue", "Connection", "open_catalogue"]


class Catalogue:
    """The catalogue of one archive; usable from several threads, and after a fork in the child.

    Every failure of the database leaves ``read`` and ``write`` as a CatalogueError of one line.
    """

    def __init__(self, url: URL) -> None:
        is_file = url.get_backend_name() == "sqlite"
        self.place = (url.database or "") if is_file else url.render_as_string(hide_password=True)
        self._reader = dialects.reader(url)
        self._writer = dialects.writer(url)
        self._file = SameFile(Path(self.place)) if is_file else None
        if self._file is not None:
            self._file.guard(self._reader)
            self._file.guard(self._writer)
        self._pid = os.getpid()
        self._left_alone: list[Pool] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Look at one moment of the catalogue; never waits for a writer, and cannot write."""
        with self._transaction(self._reader) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write, alone: all of it is kept and synced at the end, or on an error nothing.

        Ask for it once and not again inside of it: the second would wait for the first.
        """
        with self._transaction(self._writer) as db:
            yield db

    def lookup(self, statement: Select[*Row]) -> Lookup[*Row]:
        """Prepare a question that is to be asked very often; the caller closes it."""
        self._after_fork()
        return Lookup(self._reader, statement, self.place)

    def close(self) -> None:
        """Close the connections; the catalogue may be used again and opens new ones."""
        self._after_fork()
        self._reader.dispose()
        self._writer.dispose()
        if self._file is not None:
            self._file.forget()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        self._after_fork()
        try:
            with engine.begin() as db:
                yield db
        except SQLAlchemyError as error:
            raise dialects.fault(error, self.place) from error

    def _after_fork(self) -> None:
        # A child must neither use nor close a connection of its parent, nor let it be collected
        # (sqlite.org/howtocorrupt.html §2.6): the pools are kept and never touched again.
        # Pinned by test_a_forked_child_opens_its_own_connections.
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        for engine in (self._reader, self._writer):
            self._left_alone.append(engine.pool)
            engine.dispose(close=False)


def open_catalogue(place: Archive | Path | str, *, as_it_is: bool = False) -> Catalogue:
    """Open the catalogue of an archive, made or brought up to date first.

    A path is that of the SQLite file; a string is a database URL such as ``postgresql+psycopg://``.
    With ``as_it_is`` one of an older release raises CatalogueError: somebody is using it.
    """
    catalogue = Catalogue(_url(place))
    try:
        schema.bring_up(catalogue, as_it_is=as_it_is)
    except BaseException:
        catalogue.close()
        raise
    return catalogue


def _url(place: Archive | Path | str) -> URL:
    if isinstance(place, Archive):
        place = place.catalogue
    if isinstance(place, Path):
        return URL.create("sqlite", database=str(place.absolute()))
    try:
        url = make_url(place)
    except ArgumentError as error:
        raise CatalogueError(
            f"{place!r} is not a database URL; right would be"
            " sqlite:////archive/catalogue.db or postgresql+psycopg://user@host/name"
        ) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise CatalogueError(f"{place!r}: the catalogue lives in SQLite or PostgreSQL")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise CatalogueError(f"{place!r}: the catalogue must outlive the process: name a file")
    return url
