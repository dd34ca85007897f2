"""What is cared for without a service: listing and indexing, and what holds up nothing else."""

from datetime import UTC, datetime
from pathlib import Path

from closed import archived, closed, flip

from crawler.care import remarks, tend_files
from storage import fixity
from storage.fixity import Place, Progress
from storage.index import cdxj
from storage.manifest import Manifest


def test_what_is_not_listed_is_listed_if_it_is_sound(tmp_path: Path) -> None:
    """Files of an earlier release get their line and index; a damaged one is set aside."""
    archive, first = archived(tmp_path / "archive")
    _, second = archived(tmp_path / "archive", b"<p>other", name="u")
    Manifest(archive.root).path.unlink()
    flip(archive.path(first))
    assert tend_files(archive) == ()
    assert list(Manifest(archive.root).read()) == closed(archive) == [second]
    assert list(cdxj.unindexed(archive)) == []
    (says,) = remarks(archive)
    assert says.startswith(f"{first} had a fault when it was closed and is set aside")


def test_a_file_without_an_index_holds_up_no_other(tmp_path: Path) -> None:
    """One that was damaged after it was closed is told; the others are indexed."""
    archive, first = archived(tmp_path / "archive")
    _, second = archived(tmp_path / "archive", b"<p>other", name="u")
    flip(archive.path(first))
    (says,) = tend_files(archive)
    assert says.startswith(f"{first} has no index, because a record is damaged")
    assert cdxj.index_path(archive, second).exists()


def test_what_a_person_should_know_is_read_from_the_disk(tmp_path: Path) -> None:
    """Damage, what was set aside, and places without copies are told while no service runs."""
    archive, name = archived(tmp_path / "archive")
    assert remarks(archive) == ()
    flip(archive.path(name))
    checked = fixity.audit(archive, name, now=datetime.now(UTC), each=lambda _: None)
    progress = Progress(places={"/mnt/second": Place(trouble="it is not there")})
    fixity.write(archive, progress.with_checked(name, checked))
    path = archive.path(name)
    path.with_name("x.warc.gz.invalid").write_bytes(b"")
    damaged, aside, place = remarks(archive)
    assert damaged.startswith(f"{name} is damaged: ")
    assert "--repair` puts back a sound copy" in damaged
    assert "x.warc.gz had a fault when it was closed and is set aside" in aside
    assert place.startswith("nothing is copied to /mnt/second: it is not there; ")
