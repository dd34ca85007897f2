"""Run a PostgreSQL server of our own, for tests of the catalogue on it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from storage.catalogue.engine import open_catalogue
from storage.catalogue.tables import metadata

SERVER = "HOLDFAST_POSTGRES"
"""Variable of the environment: with the URL of a server, tests of the catalogue use that."""
_BLANK = "blank"
_MOST = 4
_USED: dict[str, str] = {}
"""Databases by the names of the catalogues in them."""
_FAST = "-c fsync=off -c full_page_writes=off -c max_connections=300 -c listen_addresses=''"


def _bin() -> Path | None:
    """Return where the server's programs are; Debian has them in no PATH."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in places if (one / "pg_ctl").exists()), None)


def _absent() -> str:
    if find_spec("psycopg") is None:
        return "needs psycopg: pip install 'holdfast[postgres]'"
    return "" if _bin() is not None else "needs the programs of a PostgreSQL server (initdb)"


@contextmanager
def server() -> Iterator[str]:
    """Lend the URL of a new server; without the programs for one the test is skipped."""
    if lacks := _absent():
        if os.environ.get("HOLDFAST_CI") == "1":
            pytest.fail(lacks)
        pytest.skip(lacks)
    programs = _bin()
    assert programs is not None
    # A folder of its own: those of pytest are closed to the user that the server must run as.
    folder = Path(tempfile.mkdtemp(prefix="holdfast-postgres-"))
    user = "nobody" if os.geteuid() == 0 else None
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *words]
        with (folder / "said").open("ab") as said:
            done = subprocess.run(
                command, user=user, cwd=folder, stdout=said, stderr=said, check=False
            )
        assert done.returncode == 0, (folder / "said").read_text()

    (folder / "said").touch()
    try:
        run("initdb", "--username=holdfast", "--auth=trust", "--encoding=UTF8", "--locale=C")
        run("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "-o", f"-k {folder} {_FAST}")
        try:
            url = URL.create(
                "postgresql+psycopg",
                username="holdfast",
                database="postgres",
                query={"host": str(folder)},
            )
            yield url.render_as_string(hide_password=False)
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def database(name: str, *, at: str) -> str:
    """Return the URL of a catalogue of this name on a server: an empty one, when it is new.

    A few databases are enough, used in turn: to make and remove one costs more than most tests.
    """
    if name not in _USED:
        made = f"test_{len(_USED) % _MOST}"
        if made not in _names(at):
            _make_blank(at)
            _execute(at, f"CREATE DATABASE {made} TEMPLATE {_BLANK}")
        url = make_url(at).set(database=made).render_as_string(hide_password=False)
        rows = ", ".join(one.name for one in metadata.sorted_tables)
        _execute(url, f"TRUNCATE {rows} RESTART IDENTITY")
        _USED[name] = url
    return _USED[name]


@cache
def _make_blank(at: str) -> None:
    """Make the tables once: the migrations take longer than most tests."""
    if _BLANK not in _names(at):
        _execute(at, f"CREATE DATABASE {_BLANK}")
        open_catalogue(
            make_url(at).set(database=_BLANK).render_as_string(hide_password=False)
        ).close()


def _names(at: str) -> set[str]:
    engine = create_engine(at)
    with engine.connect() as db:
        found = set(db.execute(text("SELECT datname FROM pg_database")).scalars())
    engine.dispose()
    return found


def _execute(at: str, statement: str) -> None:
    engine = create_engine(at, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        db.execute(text(statement))
    engine.dispose()
