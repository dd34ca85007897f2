"""The archive folder: made, opened, refused in one line, and held by one service at a time."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.archive import Archive, create, hold, holder, open_archive
from storage.errors import ArchiveLockedError, RecordError, StorageError

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Lay down the rights of root for a moment; an ordinary user has none to lay down."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(user)


def test_a_new_archive_has_its_folders_and_its_configuration(tmp_path: Path) -> None:
    """Creating makes every folder above it too, and opening finds what was made."""
    made = create(tmp_path / "a" / "b", config="# mine\n")
    assert made == open_archive(tmp_path / "a" / "b")
    assert made.config.read_text() == "# mine\n"
    folders = (made.warc, made.torn, made.index)
    assert all(folder.is_dir() for folder in folders)
    assert sorted(one.name for one in made.root.iterdir()) == [
        "holdfast.toml",
        "index",
        "torn",
        "warc",
    ]


def test_an_archive_is_never_made_twice_nor_among_other_files(tmp_path: Path) -> None:
    """An existing archive, a folder with other things and a file are refused, and left alone."""
    create(tmp_path / "archive", config="first")
    with pytest.raises(StorageError, match="is an archive already"):
        create(tmp_path / "archive", config="second")
    assert (tmp_path / "archive" / "holdfast.toml").read_text() == "first"
    with pytest.raises(StorageError, match="is not empty and is not an archive"):
        create(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="is not a folder"):
        create(tmp_path / "file")
    with pytest.raises(StorageError, match="cannot make the archive"):
        create(tmp_path / "file" / "below")


def test_a_half_made_archive_is_finished(tmp_path: Path) -> None:
    """A crash inside creation leaves a folder that can be created again."""
    (tmp_path / "archive" / "warc").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"has no holdfast\.toml"):
        open_archive(tmp_path / "archive")
    create(tmp_path / "archive")
    open_archive(tmp_path / "archive")


def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    """Missing, a file, a folder of something else: each has its own sentence."""
    (tmp_path / "file").touch()
    for name, why in (
        ("missing", "there is no archive at"),
        ("file", "is not a folder"),
        (".", "has no holdfast.toml"),
    ):
        with pytest.raises(StorageError, match=why) as caught:
            open_archive(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_read_only_archive_is_found_before_anything_is_fetched() -> None:
    """Who may not write gets one line; for reading the archive opens all the same."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        archive = create(Path(folder) / "archive")
        archive.root.chmod(0o555)
        try:
            with as_nobody():
                with pytest.raises(StorageError, match="is read-only for this user"):
                    open_archive(archive.root)
                assert open_archive(archive.root, read_only=True) == archive
                with pytest.raises(StorageError, match=r"cannot open .*lock: permission denied"):
                    hold(archive)
        finally:
            archive.root.chmod(0o755)


def test_a_restored_archive_gets_its_empty_folders_back(tmp_path: Path) -> None:
    """Copies often lack empty folders; opening makes them."""
    archive = create(tmp_path / "archive")
    archive.torn.rmdir()
    open_archive(archive.root)
    assert archive.torn.is_dir()


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "warc/../../x"])
def test_a_name_never_leads_out_of_the_archive(tmp_path: Path, name: str) -> None:
    """A file name from the catalogue that points elsewhere is an error."""
    with pytest.raises(RecordError, match="inside the archive"):
        Archive(tmp_path).path(name)


def test_one_holder_at_a_time_and_it_is_named(tmp_path: Path) -> None:
    """The second is told process, time and address of the first; released, it is free."""
    archive = create(tmp_path / "archive")
    assert holder(archive) is None
    with hold(archive, note="http://127.0.0.1:8440") as first:
        with pytest.raises(ArchiveLockedError) as caught:
            hold(archive)
        assert f"process {os.getpid()}, since 20" in str(caught.value)
        assert "http://127.0.0.1:8440" in str(caught.value)
        first.tell("http://[::1]:1")
        assert "http://[::1]:1" in (holder(archive) or "")
        assert "8440" not in (holder(archive) or "")
    first.release()
    assert holder(archive) is None
    hold(archive).release()


def test_a_broken_note_is_no_reason_to_fail(tmp_path: Path) -> None:
    """What another wrote into the lock file cannot stop us from saying that it is held."""
    archive = create(tmp_path / "archive")
    with hold(archive):
        archive.lock_file.write_bytes(b"\xff{")
        assert holder(archive) == "another process"
        for pid, address in (("1e400", ""), ("1", r"\u001b[2J"), ("[]", ""), ('"x"', "")):
            note = f'{{"pid": {pid}, "since": "", "address": "{address}"}}'
            archive.lock_file.write_text(note)
            assert holder(archive) == "another process"


def test_children_keep_the_archive_held(tmp_path: Path) -> None:
    """While a child has the descriptor the lock stands, though its parent let go or died."""
    archive = create(tmp_path / "archive")
    held = hold(archive)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        pass_fds=(held.fd,),
    ) as child:
        held.release()
        assert f"process {os.getpid()}" in (holder(archive) or "")
        child.communicate()
    assert holder(archive) is None


def test_the_children_of_a_dead_holder_are_waited_for(tmp_path: Path) -> None:
    """What a killed service had just started ends a moment after it, and the next one gets in."""
    archive = create(tmp_path / "archive")
    with hold(archive) as held:
        orphan = subprocess.Popen(["sleep", "60"], pass_fds=(held.fd,))
    gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    note = f'{{"pid": {gone.stdout.strip()}, "since": "2026", "address": ""}}'
    archive.lock_file.write_text(note)
    ending = threading.Timer(0.6, orphan.kill)
    ending.start()
    try:
        hold(archive).release()
        assert orphan.wait(timeout=10) != 0
    finally:
        ending.join()
        orphan.kill()


def test_the_note_of_a_dead_holder_says_that_its_children_live(tmp_path: Path) -> None:
    """A service killed outright is named as ended while a worker of it still writes."""
    archive = create(tmp_path / "archive")
    with hold(archive):
        gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                              capture_output=True, text=True, check=True)  # fmt: skip
        note = f'{{"pid": {gone.stdout.strip()}, "since": "2026", "address": ""}}'
        archive.lock_file.write_text(note)
        assert "it has ended, its children have not" in (holder(archive) or "")
