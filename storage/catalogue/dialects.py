"""Name every difference between SQLite and PostgreSQL that the catalogue has to know."""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Float,
    Insert,
    Select,
    Table,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storage.errors import CatalogueError

T = TypeVar("T")

PATIENCE_SECONDS = 30
"""How long a writer waits for the one before it."""

LOOKUP_PATIENCE_MS = 200
"""How long a look-up waits, in an event loop, for a log that is being recovered."""

_MOST_VALUES = 500
"""Values of one IN list: SQLite allows 32,766 variables, PostgreSQL 65,535; both plan 500 well."""

_NEXT_IDS = text(
    "SELECT nextval(pg_get_serial_sequence(:of_table, 'id')) FROM generate_series(1, :wanted)"
)

_PRAGMAS = (
    f"PRAGMA busy_timeout = {PATIENCE_SECONDS * 1000}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -16384",
    "PRAGMA temp_store = MEMORY",
)


def writer(url: URL) -> Engine:
    """Make an engine whose transactions may write, one at a time within this process.

    On SQLite a transaction takes the write lock when it begins (BEGIN IMMEDIATE): one that began
    as a reader and then writes fails at once if another wrote in between, and no time-out helps.
    """
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(
        url,
        connect_args={"timeout": PATIENCE_SECONDS},
        pool_size=1,
        max_overflow=0,
        pool_timeout=PATIENCE_SECONDS,
    )
    # The size limit gives back the space of a log that one long reader let grow.
    wal = ("PRAGMA journal_mode = WAL", "PRAGMA journal_size_limit = 67108864")
    _begin_ourselves(engine, pragmas=(*_PRAGMAS, *wal), begin="BEGIN IMMEDIATE")
    return engine


def reader(url: URL) -> Engine:
    """Make an engine whose transactions see one moment of the catalogue and cannot write."""
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"},
        )
    if still := _never_changes(url):
        # SQLite would make the files its processes share beside it, and fail on read-only media.
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                still, timeout=PATIENCE_SECONDS, uri=True, check_same_thread=False
            ),
            poolclass=QueuePool,
            max_overflow=-1,
        )
    else:
        engine = create_engine(url, connect_args={"timeout": PATIENCE_SECONDS}, max_overflow=-1)
    _begin_ourselves(engine, pragmas=(*_PRAGMAS, "PRAGMA query_only = ON"), begin="BEGIN")
    return engine


def _never_changes(url: URL) -> str:
    """Return how SQLite is to open a file that nobody can change; empty where somebody can.

    With a log beside it, it was not closed well: its last changes are read by way of that log.
    """
    path = Path(url.database or "")
    if not path.is_file() or os.access(path.parent, os.W_OK):
        return ""
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return f"file:{quote(str(path))}?{how}"


def standing(engine: Engine) -> Connection:
    """Take a connection to keep, on which each statement is a transaction of its own."""
    db = engine.connect()
    if engine.dialect.name == "sqlite":
        # Nothing begins a transaction there but the engine's own BEGIN, which only comes with
        # statements that go through SQLAlchemy.
        db.connection.cursor().execute(f"PRAGMA busy_timeout = {LOOKUP_PATIENCE_MS}")
        return db
    return db.execution_options(isolation_level="AUTOCOMMIT")


def shares_writing(db: Connection) -> bool:
    """Say whether others write at the same time, so that rows are to be locked in one order.

    On SQLite a transaction that writes is the only one.
    """
    return db.dialect.name != "sqlite"


def insert_new(db: Connection, table: Table) -> Insert:
    """Start an INSERT that passes over rows which are there already, by any unique key."""
    return _insert_new(db.dialect.name, table)


def insert_or_replace(db: Connection, table: Table, *, added: Sequence[str] = ()) -> Insert:
    """Start an INSERT that replaces the row of the same primary key; columns in `added` add up."""
    return _insert_or_replace(db.dialect.name, table, tuple(added))


def reserve(db: Connection, table: Table, count: int) -> list[int]:
    """Take ids for rows that this transaction is going to insert, in ascending order.

    To ask the database which id it gave to which row costs more than to insert the row.
    """
    if db.dialect.name == "sqlite":
        # As SQLite counts itself; nobody else writes before this transaction ends.
        last: int = db.execute(_last_id(table)).scalar() or 0
        return list(range(last + 1, last + 1 + count))
    drawn = {"of_table": table.name, "wanted": count}
    return sorted(db.execute(_NEXT_IDS, drawn).scalars())


class seconds_between(FunctionElement[float]):  # noqa: N801 - reads as a function of SQL
    """Return, of two moments in SQL, the seconds from the first to the second."""

    type = Float()
    inherit_cache = True


@compiles(seconds_between, "sqlite")
def _seconds_in_sqlite(asked: seconds_between, compiler: SQLCompiler, **words: object) -> str:
    earlier, later = (compiler.process(one, **words) for one in asked.clauses)
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"


@compiles(seconds_between, "postgresql")
def _seconds_in_postgresql(asked: seconds_between, compiler: SQLCompiler, **words: object) -> str:
    earlier, later = (compiler.process(one, **words) for one in asked.clauses)
    return f"EXTRACT(EPOCH FROM {later} - {earlier})"


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a long list of values into parts that fit one IN list."""
    for start in range(0, len(values), _MOST_VALUES):
        yield values[start : start + _MOST_VALUES]


def fault(error: Exception, place: str) -> CatalogueError:
    """Say in one line what a failure of the database means for the archive and what to do."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        # Errors that Python's own module raises carry no SQLite code.
        code = getattr(cause, "sqlite_errorcode", None)
        code = code if isinstance(code, int) else 0
        line = _SQLITE_LINES.get(code) or _SQLITE_LINES.get(code & 0xFF)
        if line is not None:
            return CatalogueError(f"{place}: {line} ({cause})")
    return CatalogueError(f"{place}: the database refused a step and kept nothing of it: {cause}")


_FULL = (
    "the disk is full, or no file may grow so large (ulimit -f); nothing of this step was kept."
    " Make room, or lift the limit; the step will be taken again"
)
_SQLITE_LINES = {
    sqlite3.SQLITE_NOTADB: "is not a catalogue, or its beginning is damaged; nothing was changed."
    " Move the file away and make it anew with `holdfast rebuild`, or name the right archive",
    sqlite3.SQLITE_CORRUPT: "is damaged; the WARC files are not touched. Stop Holdfast,"
    " move this file away, and make it anew with `holdfast rebuild`, or put back a good copy",
    sqlite3.SQLITE_READONLY: "is read-only, so nothing can be kept."
    " Give this user the right to write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened, so nothing can be kept."
    " The folder must exist, and this user must be able to write in it and to open more files",
    sqlite3.SQLITE_PERM: "may not be opened by this user, so nothing can be kept."
    " Give this user the right to write the file and its folder",
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_NOMEM: "there is not enough memory; nothing of this step was kept."
    " Give the process more; the step will be taken again",
    # SQLite calls it so when there is no room for the file its processes share; pinned by
    # test_a_full_disk_is_refused.
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_IOERR: "the disk failed; nothing of this step was kept."
    " Look at the system's log and at the disk before going on",
    sqlite3.SQLITE_BUSY: f"another process kept it locked for {PATIENCE_SECONDS} s;"
    " nothing of this step was kept. End the process that holds it",
    sqlite3.SQLITE_LOCKED: "another transaction of this process keeps it locked;"
    " nothing of this step was kept",
}


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    # Made once for each table: putting a statement together costs more than running it.
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


@cache
def _insert_or_replace(dialect: str, table: Table, added: tuple[str, ...]) -> Insert:
    statement = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    new = statement.excluded
    changes = {
        column.name: column + new[column.name] if column.name in added else new[column.name]
        for column in table.columns
        if not column.primary_key
    }
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=changes
    )


@cache
def _last_id(table: Table) -> Select[int | None]:
    return select(func.max(table.c.id))


def _begin_ourselves(engine: Engine, *, pragmas: Sequence[str], begin: str) -> None:
    # The driver's own transaction control leaves reads and DDL outside of transactions and differs
    # between versions of Python, so it is turned off and BEGIN is said here.
    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            _patiently(cursor, pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def start(db: Connection) -> None:
        db.exec_driver_sql(begin)


def _patiently(cursor: DBAPICursor, pragma: str) -> None:
    # SQLite does not wait, whatever its busy_timeout, when two connections turn a new file to WAL
    # at once. Pinned by test_two_processes_make_one_catalogue_and_write_at_once.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            cursor.execute(pragma)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
