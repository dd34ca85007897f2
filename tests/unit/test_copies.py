"""Copies of closed files: read back before they count, never made of damaged originals."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from closed import archived, closed, flip

from storage import copies
from storage.archive import Archive
from storage.catalogue.backup import back_up
from storage.errors import CatalogueError, DamagedError, StorageError
from storage.manifest import Manifest
from storage.repair import Mended, repair


def nothing(piece: object) -> None:
    """Pass over a piece."""


def copied(archive: Archive, place: Path) -> list[str]:
    """Copy all that is not in a place, and return its names."""
    done = []
    for name, sha256 in copies.uncopied(archive, place):
        copies.copy_closed(archive, name, sha256, place, each=nothing)
        done.append(name)
    return done


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "second"
    folder.mkdir()
    return folder


def mended(archive: Archive, *places: Path) -> list[Mended]:
    return list(repair(archive, places))


def test_a_copy_is_listed_once_it_was_read_back(tmp_path: Path, place: Path) -> None:
    """The place holds the same bytes under the same name, and a list that sha256sum can check."""
    archive, name = archived(tmp_path / "archive")
    assert copied(archive, place) == [name]
    assert (place / name).read_bytes() == archive.path(name).read_bytes()
    assert copied(archive, place) == []
    for folder in (place, archive.root):
        words = ["sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt"]
        subprocess.run(words, cwd=folder, check=True, timeout=30)


def test_a_damaged_original_never_replaces_a_good_copy(tmp_path: Path, place: Path) -> None:
    """What changed since it was closed is told and not copied, also where the list was lost."""
    archive, name = archived(tmp_path / "archive")
    copied(archive, place)
    good = (place / name).read_bytes()
    flip(archive.path(name))
    Manifest(place).path.unlink()
    assert copied(archive, place) == [name], "the good copy is found and listed again"
    assert (place / name).read_bytes() == good
    (place / name).unlink()
    with pytest.raises(DamagedError, match="is not copied"):
        copied(archive, place)
    assert [one for one in place.rglob("*") if one.is_file()] == [Manifest(place).path]


def test_a_place_that_is_not_there_is_not_made(tmp_path: Path, place: Path) -> None:
    """A missing folder, a file, an empty folder where copies were: refused, with the reason."""
    assert "is its disk mounted?" in copies.unusable(tmp_path / "mnt" / "archive")
    assert not (tmp_path / "mnt").exists()
    file = tmp_path / "file"
    file.write_text("")
    assert copies.unusable(file) == "it is not a folder"
    assert copies.unusable(place) == ""
    assert "its copies are gone" in copies.unusable(place, used_before=True)


def test_a_place_that_goes_away_meanwhile_is_not_made(tmp_path: Path, place: Path) -> None:
    """A disk that is unmounted between look and copy leaves no folder that would be filled."""
    archive, name = archived(tmp_path / "archive")
    sha256 = Manifest(archive.root).read()[name]
    place.rmdir()
    with pytest.raises(StorageError, match="it does not exist"):
        copies.copy_closed(archive, name, sha256, place, each=nothing)
    with pytest.raises(StorageError, match="it does not exist"):
        copies.copy_small(archive.config, place, "index/x", each=nothing)
    assert not place.exists()


def test_small_files_are_copied_when_they_changed(tmp_path: Path, place: Path) -> None:
    """Configuration and journal follow, with their rights: they may hold secrets."""
    archive, _ = archived(tmp_path / "archive")
    archive.config.write_text("one")
    archive.config.chmod(0o600)
    target = place / "holdfast.toml"
    assert copies.copy_small(archive.config, place, "holdfast.toml", each=nothing)
    assert not copies.copy_small(archive.config, place, "holdfast.toml", each=nothing)
    archive.config.write_text("two")
    assert copies.copy_small(archive.config, place, "holdfast.toml", each=nothing)
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("two", 0o600)
    assert not copies.copy_small(archive.watch_journal, place, "watch.jsonl", each=nothing)


def test_a_full_place_is_an_error_of_one_line(tmp_path: Path) -> None:
    """What the system refuses is told with file and place."""
    archive, name = archived(tmp_path / "archive")
    place = tmp_path / "second"
    place.mkdir()
    (place / "warc").write_text("in the way")
    sha256 = Manifest(archive.root).read()[name]
    with pytest.raises(StorageError, match=f"{name} cannot be copied to {place}: "):
        copies.copy_closed(archive, name, sha256, place, each=nothing)


COPIER = """
import sys
from pathlib import Path
from storage import copies
from storage.archive import Archive
archive, place = Archive(Path(sys.argv[1])), Path(sys.argv[2])
def each(piece):
    print("piece", flush=True)
    sys.stdin.readline()
for name, sha256 in copies.uncopied(archive, place):
    copies.copy_closed(archive, name, sha256, place, each=each)
"""


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_copy_that_was_killed_is_made_anew(tmp_path: Path, place: Path, pieces: int) -> None:
    """Killed while writing or reading back, no file has its name, and the next run makes it."""
    archive, name = archived(tmp_path / "archive", os.urandom(3_000_000))
    words = [sys.executable, "-c", COPIER, str(archive.root), str(place)]
    pipe = subprocess.PIPE
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(pieces):
            assert process.stdout.readline() == "piece\n"
            process.stdin.write("\n")
            process.stdin.flush()
        process.send_signal(signal.SIGKILL)
    assert not (place / name).exists()
    assert copied(archive, place) == [name]
    assert (place / name).read_bytes() == archive.path(name).read_bytes()
    assert sorted(one.name for one in place.rglob("*") if one.is_file()) == sorted(
        [Path(name).name, "manifest-sha256.txt"]
    )


# --- repair -----------------------------------------------------------------------------------


def test_repair_brings_back_the_same_bytes(tmp_path: Path, place: Path) -> None:
    """Flipped, cut, empty or missing: the sound copy is put in place, the damaged one kept."""
    archive, name = archived(tmp_path / "archive")
    copied(archive, place)
    path, good = archive.path(name), archive.path(name).read_bytes()
    flipped = good[:300] + bytes((good[300] ^ 1,)) + good[301:]
    for number, damage in enumerate((good[:-9], b"", flipped), start=1):
        path.write_bytes(damage)
        (one,) = mended(archive, place)
        assert one.done
        assert path.read_bytes() == good
        assert (archive.torn / f"{path.name}.{number}.damaged").read_bytes() == damage
    path.unlink()
    (one,) = mended(archive, place)
    assert (one.done, one.fault, path.read_bytes()) == (True, "it is missing", good)
    assert mended(archive, place) == []


def test_a_damaged_copy_repairs_nothing(tmp_path: Path, place: Path) -> None:
    """A copy is taken only as it was closed; of several places the sound one is taken."""
    archive, name = archived(tmp_path / "archive")
    other = tmp_path / "third"
    other.mkdir()
    for one in (place, other):
        copied(archive, one)
    good = archive.path(name).read_bytes()
    flip(archive.path(name), at=500)
    flip(place / name)
    bad = archive.path(name).read_bytes()
    (tried,) = mended(archive, place, tmp_path / "unmounted")
    assert not tried.done
    assert tried.says == (f"{place} has no sound copy; {tmp_path / 'unmounted'} has no sound copy")
    assert archive.path(name).read_bytes() == bad
    assert not list(archive.torn.iterdir())
    assert [one.done for one in mended(archive, place, other)] == [True]
    assert archive.path(name).read_bytes() == good


def test_a_change_where_no_reader_looks_is_repaired_too(tmp_path: Path, place: Path) -> None:
    """The time in a gzip header is covered by no check sum but that of the manifest."""
    archive, name = archived(tmp_path / "archive")
    copied(archive, place)
    good = archive.path(name).read_bytes()
    flip(archive.path(name), at=5)
    (one,) = mended(archive, place)
    assert "not those it was closed with" in one.fault
    assert archive.path(name).read_bytes() == good


def test_a_lost_manifest_is_that_of_the_copies(tmp_path: Path, place: Path) -> None:
    """Manifest and file may be lost together: the place knows what it read back."""
    archive, name = archived(tmp_path / "archive")
    copied(archive, place)
    good = archive.path(name).read_bytes()
    Manifest(archive.root).path.unlink()
    archive.path(name).unlink()
    (one,) = mended(archive, place)
    assert one.done
    assert archive.path(name).read_bytes() == good
    assert Manifest(archive.root).read() == Manifest(place).read()


def test_repair_without_places_says_so(tmp_path: Path) -> None:
    """Where no copies are configured nothing is touched."""
    archive, name = archived(tmp_path / "archive")
    flip(archive.path(name))
    (one,) = mended(archive)
    assert (one.done, one.says) == (False, "holdfast.toml names no places under copies")
    assert closed(archive) == [name]


# --- the catalogue ----------------------------------------------------------------------------


def test_the_catalogue_is_copied_while_it_is_written(tmp_path: Path) -> None:
    """The copy is one moment of it, however much is written meanwhile, and it is whole."""
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    db = sqlite3.connect(source, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE pages (body)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO pages VALUES (?)", [("x" * 4000,)] * 6000)
    db.execute("COMMIT")
    steps = 0

    def write() -> None:
        nonlocal steps
        steps += 1
        db.execute("INSERT INTO pages VALUES ('later')")

    back_up(source, target, each=write)
    assert steps > 2
    with sqlite3.connect(target) as copy:
        assert copy.execute("SELECT count(*) FROM pages").fetchone() == (6000,)
    copy.close()
    db.close()


def test_a_damaged_catalogue_is_not_copied_as_a_good_one(tmp_path: Path) -> None:
    """SQLite looks through the copy before it counts."""
    source = tmp_path / "a.db"
    db = sqlite3.connect(source)
    db.execute("CREATE TABLE pages (url PRIMARY KEY, body)")
    rows = [(f"http://paper.example/{n}", "x" * 500) for n in range(2000)]
    db.executemany("INSERT INTO pages VALUES (?, ?)", rows)
    db.commit()
    db.close()
    data = bytearray(source.read_bytes())
    data[20 * 4096 : 60 * 4096] = bytes(40 * 4096)
    source.write_bytes(data)
    with pytest.raises(CatalogueError, match=r"damaged|malformed"):
        back_up(source, tmp_path / "b.db", each=time.monotonic)
