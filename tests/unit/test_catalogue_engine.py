"""The catalogue's file and its transactions."""

import multiprocessing
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from catalogues import NOW, opened, watch
from sqlalchemy import text

from storage.archive import Archive
from storage.catalogue import dialects, targets
from storage.catalogue.engine import open_catalogue
from storage.errors import CatalogueError

FORK = multiprocessing.get_context("fork")
# From Python 3.12 a fork beside threads warns; the test runner may have some, these children none.
may_fork = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def write_many(path: Path, name: str, times: int) -> None:
    """Add targets, each in a transaction of its own; run in a process."""
    catalogue = open_catalogue(path)
    for number in range(times):
        with catalogue.write() as db:
            watch(db, f"https://{name}.example/{number}")
    catalogue.close()


def run(*processes: multiprocessing.Process) -> None:
    """Run processes side by side and see that each ends well."""
    for one in processes:
        one.start()
    for one in processes:
        one.join(20)
    assert [one.exitcode for one in processes] == [0] * len(processes)


def test_a_commit_is_synced_to_disk_in_a_write_ahead_log(tmp_path):
    """The catalogue runs with WAL, synchronous=FULL, foreign keys and patience."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        said = {
            name: db.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    catalogue.close()
    assert said == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": dialects.PATIENCE_SECONDS * 1000,
    }


def test_an_archive_a_path_and_a_url_open_the_same_catalogue(tmp_path):
    """The catalogue is named by its archive, its file or a database URL."""
    archive = Archive(tmp_path)
    for place in (archive, archive.catalogue, f"sqlite:///{archive.catalogue}"):
        catalogue = open_catalogue(place)
        with catalogue.write() as db:
            watch(db, "https://a.example/")
            assert len(targets.listing(db)) == 1
        catalogue.close()


def test_a_url_that_is_no_file_and_no_server_is_refused():
    """A catalogue that would die with the process, or in an unknown database, is refused."""
    for place in ("sqlite://", "sqlite:///:memory:", "mysql://x/y", "what?"):
        with pytest.raises(CatalogueError):
            open_catalogue(place)


def test_an_error_inside_write_leaves_nothing(tmp_path):
    """A step that fails half way is as if it had not begun."""
    catalogue = opened(tmp_path)

    def fail_half_way():
        with catalogue.write() as db:
            watch(db, "https://a.example/")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with catalogue.read() as db:
        assert targets.listing(db) == []
    catalogue.close()


def test_a_reader_cannot_write(tmp_path):
    """A transaction that was asked for as a reader refuses to write."""
    catalogue = opened(tmp_path)
    with pytest.raises(CatalogueError, match="read-only"), catalogue.read() as db:
        watch(db, "https://a.example/")
    catalogue.close()


def test_a_reader_does_not_wait_for_a_writer_and_sees_one_moment(tmp_path):
    """Reading goes on during a write, from the state before it, to the end of the reading."""
    catalogue = opened(tmp_path)
    with catalogue.read() as reader:
        assert targets.listing(reader) == []
        with catalogue.write() as writer:
            watch(writer, "https://a.example/")
            with catalogue.read() as other:
                assert targets.listing(other) == []
        assert targets.listing(reader) == []
    with catalogue.read() as reader:
        assert len(targets.listing(reader)) == 1
    catalogue.close()


@may_fork
def test_two_processes_make_one_catalogue_and_write_at_once(tmp_path):
    """Two processes that open a new catalogue and write side by side lose nothing."""
    path = tmp_path / "catalogue.db"
    run(*(FORK.Process(target=write_many, args=(path, name, 40)) for name in ("a", "b")))
    catalogue = open_catalogue(path)
    with catalogue.read() as db:
        assert len(targets.listing(db)) == 80
        assert db.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    catalogue.close()


def test_threads_share_one_catalogue(tmp_path):
    """Writers of one process queue up instead of failing."""
    catalogue = opened(tmp_path)

    def add(name):
        for number in range(10):
            with catalogue.write() as db:
                watch(db, f"https://{name}.example/{number}")

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalogue.read() as db:
        assert len(targets.listing(db)) == 40
    catalogue.close()


@may_fork
def test_a_forked_child_opens_its_own_connections(tmp_path):
    """A catalogue opened before a fork works in the child and goes on in the parent."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        watch(db, "https://parent.example/")
    with catalogue.read() as db:
        assert len(targets.listing(db)) == 1

    def child():
        with catalogue.write() as db:
            watch(db, "https://child.example/")
        catalogue.close()

    run(FORK.Process(target=child))
    with catalogue.write() as db:
        watch(db, "https://after.example/")
        assert len(targets.listing(db)) == 3
    catalogue.close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    """A foreign file is refused in one line and stays as it is."""
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"these are the notes of an archivist\n" * 40)
    with pytest.raises(CatalogueError, match=r"catalogue\.db: is not a catalogue"):
        open_catalogue(path)
    assert path.read_bytes().startswith(b"these are the notes")


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    """A database with other tables gets none of ours."""
    path = tmp_path / "catalogue.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    with pytest.raises(CatalogueError, match="is a database, but not a catalogue"):
        open_catalogue(path)
    with sqlite3.connect(path) as other:
        tables = other.execute("SELECT name FROM sqlite_master").fetchall()
    other.close()
    assert tables == [("recipes",)]


def test_a_damaged_catalogue_is_named(tmp_path):
    """Pages of noise in the middle of the file are an error that says what to do."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        watch(db, *(f"https://a.example/{number}" for number in range(500)))
    catalogue.close()
    path = tmp_path / "catalogue.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 8192))

    def read_all():
        catalogue = open_catalogue(path)
        with catalogue.read() as db:
            targets.listing(db)

    with pytest.raises(CatalogueError, match="is damaged"):
        read_all()


def test_a_read_only_catalogue_is_named(tmp_path):
    """A catalogue that may not be written says so, and can still be read."""
    opened(tmp_path).close()
    catalogue = open_catalogue(f"sqlite:///file:{tmp_path}/catalogue.db?mode=ro&uri=true")
    with catalogue.read() as db:
        assert targets.listing(db) == []
    with pytest.raises(CatalogueError, match="is read-only"), catalogue.write() as db:
        watch(db, "https://a.example/")
    catalogue.close()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    """A catalogue in a missing folder cannot be opened, and the line says why."""
    with pytest.raises(CatalogueError, match="The folder must exist"):
        open_catalogue(tmp_path / "nowhere" / "catalogue.db")


def test_a_full_disk_keeps_the_catalogue_as_it_was(tmp_path):
    """When there is no room, the step is not kept and everything before it is."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        watch(db, "https://a.example/")

    def fill_the_disk():
        with catalogue.write() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar()
            db.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            watch(db, *(f"https://a.example/{number}" for number in range(2000)))

    with pytest.raises(CatalogueError, match="the disk is full"):
        fill_the_disk()
    with catalogue.read() as db:
        assert [target.url for target in targets.listing(db)] == ["https://a.example/"]
    catalogue.close()


def test_a_time_without_a_zone_is_refused(tmp_path):
    """A naive time is a mistake of ours and never reaches the file."""
    catalogue = opened(tmp_path)
    with pytest.raises(CatalogueError, match="without a zone"), catalogue.write() as db:
        watch(db, "https://a.example/", due_at=NOW.replace(tzinfo=None))
    catalogue.close()


def test_times_sort_as_text_in_the_file(tmp_path):
    """A time without microseconds sorts right among those that have some."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        watch(db, "https://a.example/")
        kept = db.execute(text("SELECT due_at, typeof(due_at) FROM targets")).one()
    catalogue.close()
    assert tuple(kept) == ("2026-11-05 06:00:00.000000", "text")
