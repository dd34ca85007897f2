"""Ask one question of the catalogue again and again, fast enough for an event loop."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVarTuple

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError

from storage.catalogue import dialects

Row = TypeVarTuple("Row")


class Lookup(Generic[*Row]):
    """A statement compiled once, on a connection of its own that is kept open.

    Each call is a transaction of its own and sees what was committed before it. Values go in and
    come out as the database has them: column types have no say, so only ask for text and numbers.
    For one thread at a time, in the process that made it.
    """

    def __init__(self, engine: Engine, statement: Select[*Row], place: str) -> None:
        self._engine = engine
        self._place = place
        compiled = statement.compile(dialect=engine.dialect)
        self._sql = compiled.string
        self._order = compiled.positiontup
        self._faults: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._open: tuple[Connection, DBAPICursor] | None = None

    def first(self, values: Mapping[str, object]) -> tuple[*Row] | None:
        """Return the first row for these values; CatalogueError when the database fails."""
        ordered = values if self._order is None else [values[name] for name in self._order]
        try:
            cursor = self._cursor()
            cursor.execute(self._sql, ordered)
            # All rows, for a statement that is not read to its end keeps its transaction open.
            rows: Sequence[tuple[*Row]] = cursor.fetchall()
        except (self._faults, SQLAlchemyError) as error:
            # A connection that failed may be a dead one: the next call takes another.
            self.close()
            raise dialects.fault(error, self._place) from error
        return rows[0] if rows else None

    def close(self) -> None:
        """Give the connection back; the next call takes another."""
        if self._open is not None:
            connection, _ = self._open
            self._open = None
            connection.invalidate()
            connection.close()

    def _cursor(self) -> DBAPICursor:
        if self._open is None:
            connection = dialects.standing(self._engine)
            self._open = (connection, connection.connection.cursor())
        return self._open[1]
