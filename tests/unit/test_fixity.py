"""The round over the closed files: which is next, what is found, what is known after a restart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from closed import archived, flip

from storage import fixity
from storage.archive import Archive
from storage.fixity import Checked, Place, Progress

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


def audited(archive: Archive, name: str, *, at: datetime = NOW) -> Checked:
    """Read a file again, and write down what was found."""
    found = fixity.audit(archive, name, now=at, each=lambda _: None)
    fixity.write(archive, fixity.read(archive).with_checked(name, found))
    return fixity.read(archive).files[name]


def due(archive: Archive, *, at: datetime = NOW) -> str | None:
    return fixity.next_file(archive, fixity.read(archive), every=MONTH, now=at)


def test_each_file_comes_once_in_its_time(tmp_path: Path) -> None:
    """First what was never read, then what was longest ago; a restart changes nothing of it."""
    archive, first = archived(tmp_path / "archive")
    _, second = archived(tmp_path / "archive", b"<p>other", name="u")
    assert due(archive) == min(first, second)
    assert audited(archive, first).fault == ""
    assert due(archive) == second
    audited(archive, second, at=NOW + timedelta(days=1))
    assert due(archive, at=NOW + timedelta(days=2)) is None
    assert due(archive, at=NOW + MONTH) == first
    assert due(archive, at=NOW - MONTH) == first, "a clock set back holds nothing up"
    (archive.root / fixity.NAME).write_text('{"files": {"x": []}')
    assert due(archive, at=NOW) == min(first, second), "progress that cannot be read is none"


def test_a_damaged_file_is_told_until_it_is_another(tmp_path: Path) -> None:
    """Flipped, cut and missing are found; what was put back is read at once."""
    archive, name = archived(tmp_path / "archive")
    path, good = archive.path(name), archive.path(name).read_bytes()
    flip(path)
    found = audited(archive, name)
    assert found.since == NOW
    assert "damaged" in found.fault or "digest" in found.fault or "differs" in found.fault
    assert fixity.damaged(archive, fixity.read(archive)) == {name: found.fault}
    assert due(archive) is None
    path.write_bytes(good[:-5])
    assert fixity.damaged(archive, fixity.read(archive)) == {}
    assert due(archive) == name
    again = audited(archive, name, at=NOW + timedelta(hours=1))
    assert ("breaks off" in again.fault, again.since) == (True, NOW)
    path.unlink()
    assert audited(archive, name).fault == "it is missing"
    assert list(fixity.damaged(archive, fixity.read(archive))) == [name]
    path.write_bytes(good)
    assert due(archive) == name
    assert audited(archive, name).fault == ""
    assert fixity.damaged(archive, fixity.read(archive)) == {}


def test_what_no_reader_checks_is_held_to_the_manifest(tmp_path: Path) -> None:
    """A bit of a gzip header changes nothing that is read, and is told all the same."""
    archive, name = archived(tmp_path / "archive")
    flip(archive.path(name), at=5)
    assert "not those it was closed with" in audited(archive, name).fault


def test_what_is_known_of_places_is_kept(tmp_path: Path) -> None:
    """Whether a place had copies, and what is wrong with it, outlives the service."""
    archive, _ = archived(tmp_path / "archive")
    progress = Progress(places={"/mnt/second": Place(used=True, trouble="it is not there")})
    fixity.write(archive, progress)
    assert fixity.read(archive) == progress
