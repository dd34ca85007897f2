"""Recovery: a crash loses the record it tore and nothing before it, whenever it happens."""

import fcntl
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from exchanges import PAGE, answered, message
from fastwarc import ArchiveIterator as FastIterator

from storage.archive import Archive, create
from storage.errors import StorageError
from storage.model import RecordRef, Role
from storage.warc import reader
from storage.warc.recovery import Recovered, recover
from storage.warc.writer import Info, Kept, Writer

ROOT = Path(__file__).parents[2]
NAME = "w-20261105060708009-00000-host.warc.gz"
NOTHING = Recovered()

APPENDER = """
import os, sys
from pathlib import Path
from exchanges import answered, message
from storage.archive import Archive
from storage.model import Role
from storage.warc.writer import Info, Writer

writer = Writer(Archive(Path(sys.argv[1])), name="child", info=Info(software="x"))
while True:
    answer = message(os.urandom(6_000_000), "Content-Type: image/png")
    kept = writer.append(answered(answer), role=Role.TARGET)
    writer.sync()
    ref = kept.record
    print(ref.file, ref.offset, ref.length, ref.digest, flush=True)
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Kept]]:
    """Return a closed file of two exchanges, and where they lie in it."""
    archive = create(tmp_path_factory.mktemp("written") / "archive")
    with Writer(archive, name="w", info=Info(software="x")) as writer:
        kept = [writer.append(answered(), role=Role.TARGET) for _ in range(2)]
    (path,) = archive.warc.rglob("*.warc.gz")
    return path.read_bytes(), kept


def crashed(archive: Archive, data: bytes, name: str = NAME) -> Path:
    """Leave a file as a writer that died would."""
    path = archive.warc / "2026" / "11" / f"{name}.open"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def final(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".open"))


def records_in(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for one in FastIterator(file) if one.reader.read() is not None)


def test_after_a_clean_stop_there_is_nothing_to_recover(archive: Archive) -> None:
    """An archive without `.open` files is left as it is."""
    assert recover(archive) == NOTHING
    with Writer(archive, name="w", info=Info(software="x")) as writer:
        writer.append(answered(), role=Role.TARGET)
    assert recover(archive) == NOTHING


def test_a_file_that_was_not_closed_gets_its_name(
    archive: Archive, written: tuple[bytes, list[Kept]]
) -> None:
    """A crash between two records tears nothing: all is kept, and the file is closed."""
    data, _ = written
    path = crashed(archive, data)
    found = recover(archive)
    assert found == Recovered(files=(f"warc/2026/11/{NAME}",), kept_records=6)
    assert not path.exists()
    assert final(path).read_bytes() == data
    assert not any(archive.torn.iterdir())


def test_a_tail_torn_at_any_byte_is_cut_and_kept(
    archive: Archive, written: tuple[bytes, list[Kept]]
) -> None:
    """Wherever the last record breaks off, the ones before it stay, and no byte is thrown away."""
    data, kept = written
    last = kept[-1].metadata
    assert last.offset + last.length == len(data)
    cuts = range(last.offset, len(data))
    paths = {cut: crashed(archive, data[:cut], f"w-{cut}.warc.gz") for cut in cuts}
    found = recover(archive)
    assert found.kept_records == 5 * len(paths)
    assert len(found.torn) == len(paths) - 1
    tails = {one.file: one for one in found.torn}
    for cut, path in paths.items():
        assert final(path).read_bytes() == data[: last.offset]
        if cut > last.offset:
            tail = tails[archive.name(path)]
            assert (tail.offset, tail.tail_bytes) == (last.offset, cut - last.offset)
            assert archive.path(tail.saved_as).read_bytes() == data[last.offset : cut]
    assert records_in(final(paths[len(data) - 1])) == 6
    assert recover(archive) == NOTHING


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"garbage", b"\x1f\x8b\x08\0"])
def test_a_tail_of_another_kind_is_cut_too(
    archive: Archive, written: tuple[bytes, list[Kept]], tail: bytes
) -> None:
    """Zeros that a power cut left, and anything else behind the last record, go to `torn/`."""
    data, _ = written
    path = crashed(archive, data + tail)
    (torn,) = recover(archive).torn
    assert (torn.offset, torn.tail_bytes) == (len(data), len(tail))
    assert archive.path(torn.saved_as).read_bytes() == tail
    assert final(path).read_bytes() == data


def test_a_file_without_an_exchange_goes_away(
    archive: Archive, written: tuple[bytes, list[Kept]]
) -> None:
    """An empty file, a torn warcinfo and a warcinfo alone hold nothing; what was torn is kept."""
    data, kept = written
    assert kept[0].request is not None
    info_bytes = kept[0].request.offset
    crashed(archive, b"", "a.warc.gz")
    crashed(archive, data[: info_bytes - 1], "b.warc.gz")
    crashed(archive, data[:info_bytes], "c.warc.gz")
    crashed(archive, data[: info_bytes + 9], "d.warc.gz")
    found = recover(archive)
    assert (found.files, found.kept_records) == ((), 0)
    assert [Path(name).name[0] for name in found.removed] == ["a", "b", "c", "d"]
    assert [(one.offset, one.tail_bytes) for one in found.torn] == [
        (0, info_bytes - 1),
        (info_bytes, 9),
    ]
    assert [path for path in archive.warc.rglob("*") if path.is_file()] == []
    assert len(list(archive.torn.iterdir())) == 2


def test_recovery_may_die_and_be_run_again(
    archive: Archive, written: tuple[bytes, list[Kept]]
) -> None:
    """From every state a death inside recovery can leave, the next run ends in the same one."""
    data, _ = written
    tail = b"\x1f\x8b torn"
    saved = archive.torn / f"{NAME}.{len(data)}.torn"
    path = crashed(archive, data + tail)
    saved.with_name(saved.name + ".part").write_bytes(tail[:3])
    first = recover(archive)
    assert final(path).read_bytes() == data

    crashed(archive, data + tail)
    final(path).unlink()
    assert recover(archive) == first

    crashed(archive, data)
    final(path).unlink()
    assert recover(archive) == first
    assert final(path).read_bytes() == data
    assert [one.name for one in archive.torn.iterdir()] == [saved.name]
    assert saved.read_bytes() == tail
    assert recover(archive) == NOTHING


def test_a_file_whose_writer_lives_is_left_alone(
    archive: Archive, written: tuple[bytes, list[Kept]]
) -> None:
    """A locked file is waited for, named, and not touched; once free, it is recovered."""
    data, _ = written
    path = crashed(archive, data + b"half a rec")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = recover(archive, patience=timedelta(0))
        assert found == Recovered(busy=(f"warc/2026/11/{NAME}",))
        assert path.read_bytes() == data + b"half a rec"
    assert recover(archive, patience=timedelta(0)).kept_records == 6


def test_the_lock_of_a_living_writer_is_seen(archive: Archive) -> None:
    """A writer holds its file from the first byte on, and may go on after recovery came by."""
    writer = Writer(archive, name="w", info=Info(software="x"))
    writer.append(answered(), role=Role.TARGET)
    assert len(recover(archive, patience=timedelta(0)).busy) == 1
    kept = writer.append(answered(), role=Role.TARGET)
    writer.close()
    assert recover(archive) == NOTHING
    with reader.read(archive, kept.record).block as block:
        assert block.read() == PAGE


def test_two_files_of_one_name_are_for_a_person(
    archive: Archive, written: tuple[bytes, list[Kept]]
) -> None:
    """A file that exists both open and closed is no crash of ours: neither is touched."""
    data, _ = written
    path = crashed(archive, data + b"tail")
    final(path).write_bytes(b"another")
    with pytest.raises(StorageError, match="both open and closed"):
        recover(archive)
    assert path.read_bytes() == data + b"tail"
    assert final(path).read_bytes() == b"another"


def test_nothing_synced_is_lost_to_a_kill(archive: Archive) -> None:
    """A writer killed while large answers arrive: all it called safe is read again, twice over."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    child = subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(archive.root)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    with child, child.stdout:
        lines = [child.stdout.readline() for _ in range(3)]
        child.kill()
        lines += child.stdout.readlines()
    safe = [line.split() for line in lines if line.endswith("\n")]
    assert len(safe) >= 3
    found = recover(archive)
    assert len(found.files) == 1
    assert found.busy == ()
    for file, offset, length, digest in safe:
        ref = RecordRef(file=file, offset=int(offset), length=int(length), digest=digest)
        with reader.read(archive, ref).block as block:
            assert len(block.read()) == len(message(bytes(6_000_000), "Content-Type: image/png"))
    assert records_in(archive.path(found.files[0])) == found.kept_records + 1
