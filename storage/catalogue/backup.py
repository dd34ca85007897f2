"""Copy the catalogue while it is written: one moment of it, whole."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from storage.errors import CatalogueError

_STEP_PAGES = 2048
"""Some 8 MiB: between two steps the copy may be broken off."""


def back_up(source: Path, target: Path, *, each: Callable[[], object]) -> None:
    """Make a copy of a SQLite catalogue, and have SQLite look it through; CatalogueError.

    ``each`` is called after every few MiB and raises to break off. The copy is not synced yet.
    """
    target.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as held,
            closing(sqlite3.connect(target)) as copy,
        ):
            # A transaction that is open keeps the moment: SQLite would else begin anew whenever
            # another process has written (sqlite.org/c3ref/backup_finish.html).
            held.execute("PRAGMA busy_timeout = 30000")
            held.execute("BEGIN")
            held.execute("SELECT count(*) FROM sqlite_master").fetchone()
            copy.execute("PRAGMA synchronous = OFF")
            held.backup(copy, pages=_STEP_PAGES, progress=lambda *_: each())
        with closing(sqlite3.connect(f"file:{quote(str(target))}?immutable=1", uri=True)) as copy:
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise CatalogueError(f"{source} cannot be copied to {target}: {error}") from error
    if found != "ok":
        raise CatalogueError(f"{source} is damaged, and so would be its copy: {found}")
