"""A catalogue that is gone, or another file, while it is open."""

from pathlib import Path

import pytest
from catalogues import blank, watch

from storage.archive import Archive, create
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.catalogue.whereabouts import Whereabouts
from storage.errors import CatalogueError


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = create(tmp_path / "archive")
    made.catalogue.write_bytes(blank())
    return made


def written(archive: Archive) -> tuple[Catalogue, Whereabouts]:
    """Open the catalogue and write to it, so that it has a log."""
    catalogue = open_catalogue(archive)
    with catalogue.write() as db:
        watch(db, "https://a.example/1")
    known = Whereabouts(archive, catalogue)
    known.check()
    return catalogue, known


def logs(archive: Archive) -> list[str]:
    return sorted(one.name for one in archive.root.glob("catalogue.db-wal*"))


def test_a_catalogue_in_its_place_is_well(archive: Archive) -> None:
    """Rows that are written, and a log that comes and goes, make it no other file."""
    catalogue, known = written(archive)
    known.check()
    catalogue.close()
    known.check()
    with catalogue.write() as db:
        watch(db, "https://a.example/2")
    known.check()
    catalogue.close()


def test_a_deleted_catalogue_is_told_and_its_log_moved_aside(archive: Archive) -> None:
    """No file that is put in its place can be spoiled by the log of the old one."""
    _, known = written(archive)
    assert logs(archive) == ["catalogue.db-wal"]
    archive.catalogue.unlink()
    with pytest.raises(CatalogueError, match=r"was deleted while .* the WARC files hold all"):
        known.check()
    known.leave()
    (log,) = logs(archive)
    assert log.startswith("catalogue.db-wal.before-")
    assert not archive.catalogue.exists()


def test_a_replaced_catalogue_keeps_the_log_it_came_with(archive: Archive) -> None:
    """A log that somebody put beside the new file is left where it is."""
    _, known = written(archive)
    new = archive.root / "new.db"
    new.write_bytes(blank())
    new.rename(archive.catalogue)
    with pytest.raises(CatalogueError, match="was replaced while the service ran"):
        known.check()
    own = archive.root / "own-wal"
    own.write_bytes(b"")
    own.rename(archive.root / "catalogue.db-wal")
    known.leave()
    assert logs(archive) == ["catalogue.db-wal"]


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_opened_in_place_of_what_is_gone(archive: Archive, *, replaced: bool) -> None:
    """A new connection makes no empty catalogue, and plays no old log into the new file."""
    catalogue, known = written(archive)
    new = archive.root / "new.db"
    new.write_bytes(blank())
    before = new.read_bytes()
    archive.catalogue.unlink()
    if replaced:
        new.rename(archive.catalogue)
    refused = pytest.raises(CatalogueError, match="deleted or replaced")
    with catalogue.read(), refused, catalogue.read():  # the first has the one that is kept
        pass
    known.leave()
    assert logs(archive) != ["catalogue.db-wal"]
    assert archive.catalogue.exists() == replaced
    assert not replaced or archive.catalogue.read_bytes() == before
