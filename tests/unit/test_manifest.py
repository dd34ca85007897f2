"""The list of what was closed: appended, synced, and read again whatever a power cut left."""

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import StorageError
from storage.manifest import Manifest, Summed

A, B = "a" * 64, "b" * 64


def test_a_name_is_noted_once(tmp_path: Path) -> None:
    """The first line of a name counts, and a second is not written."""
    listed = Manifest(tmp_path)
    assert listed.read() == {}
    listed.add("warc/x.warc.gz", A)
    listed.add("warc/x.warc.gz", B)
    assert listed.path.read_text() == f"{A}  warc/x.warc.gz\n"
    listed.forget("warc/x.warc.gz")
    listed.add("warc/x.warc.gz", B)
    assert listed.read() == {"warc/x.warc.gz": B}


@pytest.mark.parametrize("cut", [1, 30, 64, 66, 70, 80])
def test_half_a_line_is_no_line(tmp_path: Path, cut: int) -> None:
    """A line that a power cut left half written is passed over, and hides none behind it."""
    listed = Manifest(tmp_path)
    listed.add("one", A)
    listed.add("two-that-is-longer", B)
    listed.path.write_bytes(listed.path.read_bytes()[: len(A) + 6 + cut])
    listed.add("three", B)
    assert listed.read() == {"one": A, "three": B}


def test_bytes_that_are_no_text_are_no_line(tmp_path: Path) -> None:
    """A bad sector in the list loses its lines and nothing else."""
    listed = Manifest(tmp_path)
    listed.path.write_bytes(b"\xff\x00\xfe" * 200 + b"\n" + f"{A}  one\n".encode())
    assert listed.read() == {"one": A}


def test_a_name_that_breaks_the_list_is_refused(tmp_path: Path) -> None:
    """A line end in a name would make two lines of it."""
    with pytest.raises(StorageError, match="cannot stand"):
        Manifest(tmp_path).add(f"x\n{A}  y", A)
    assert Manifest(tmp_path).read() == {}


def test_many_processes_note_side_by_side(tmp_path: Path) -> None:
    """Workers close files at the same time; no line is lost or torn."""
    program = (
        "import sys; from pathlib import Path; from storage.manifest import Manifest\n"
        "for n in range(20): Manifest(Path(sys.argv[1])).add(f'{sys.argv[2]}-{n}', 'c' * 64)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    root = Path(__file__).parents[2]
    started = [subprocess.Popen([*words, str(one)], cwd=root) for one in range(3)]
    assert [one.wait(timeout=60) for one in started] == [0, 0, 0]
    assert len(Manifest(tmp_path).read()) == 60


def test_a_file_is_summed_up_in_whatever_order_it_is_read(tmp_path: Path) -> None:
    """Once forward it is read once; what was passed over is read at the end."""
    data = random.Random(5).randbytes(3_000_000)
    path = tmp_path / "file"
    path.write_bytes(data)
    orders = ((), ((0, 700_000), (100, 50)), ((2_000_000, 10), (1_500_000, 900_000), (0, 1)))
    for order in orders:
        seen: list[bytes] = []
        with path.open("rb", buffering=0) as file:
            summed = Summed(file, seen.append)
            for offset, size in order:
                summed.seek(offset)
                assert summed.read(size) == data[offset : offset + size]
            assert summed.sha256() == hashlib.sha256(data).hexdigest()
        if not order:
            assert b"".join(seen) == data
