"""A catalogue made anew takes the place of the old one, of which nothing is lost."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.catalogue import replacement
from storage.errors import CatalogueError

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def test_the_old_catalogue_is_kept_with_its_log(tmp_path: Path) -> None:
    """Its log belongs to it and would damage the new one; both say afterwards what they said."""
    archive = Archive(tmp_path)
    old = sqlite3.connect(archive.catalogue, isolation_level=None)
    old.execute("PRAGMA journal_mode = WAL")
    old.execute("CREATE TABLE was (x)")
    log = archive.catalogue.with_name("catalogue.db-wal").read_bytes()
    new = sqlite3.connect(replacement.draft(archive))
    new.execute("CREATE TABLE be (x)")
    new.close()
    kept = replacement.put_in_place(archive, now=NOW)
    assert kept is not None
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == log
    old.close()
    assert tables(archive.catalogue) == ["be"]
    assert not archive.catalogue.with_name("catalogue.db-wal").exists()
    assert not replacement.draft(archive).exists()


def test_where_there_was_no_catalogue_none_is_kept(tmp_path: Path) -> None:
    """The new one takes its name; what a try that died has left is taken away first."""
    archive = Archive(tmp_path)
    draft = replacement.draft(archive)
    for name in (draft.name, f"{draft.name}-wal", f"{draft.name}-journal"):
        (tmp_path / name).write_bytes(b"left")
    replacement.discard(archive)
    replacement.discard(archive)
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(draft).close()
    assert replacement.put_in_place(archive, now=NOW) is None
    assert archive.catalogue.exists()


def test_without_a_new_catalogue_the_old_one_stays(tmp_path: Path) -> None:
    """Nothing is moved before the new one is safe."""
    archive = Archive(tmp_path)
    archive.catalogue.write_bytes(b"old")
    with pytest.raises(CatalogueError, match="run holdfast rebuild again"):
        replacement.put_in_place(archive, now=NOW)
    assert archive.catalogue.read_bytes() == b"old"


def tables(path: Path) -> list[str]:
    db = sqlite3.connect(path)
    try:
        return [row[0] for row in db.execute("SELECT name FROM sqlite_master")]
    finally:
        db.close()
