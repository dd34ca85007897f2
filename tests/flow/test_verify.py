"""``holdfast verify`` on real archives and on files of other tools, as a person calls it."""

import gzip
import io
import json
import random
import resource
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from behaviours import chunk, chunked, message
from closed import archived, flip
from exchanges import URL, answered, sha1
from server import Site
from service import COMMAND, ROOT, holdfast, verb
from warcio.archiveiterator import ArchiveIterator

from crawler.commands import main
from storage.archive import create
from storage.catalogue.engine import open_catalogue
from storage.model import Role
from storage.warc.writer import Info, Writer

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["{address}"]

[defaults]
delay = "0.01s"
"""
KEYS = {"file", "offset", "url", "captured_at", "kind", "severity", "message"}


def said(*words: str, expect: int) -> str:
    """Return what ``verify`` prints in this very process, once it ended as expected."""
    with redirect_stdout(io.StringIO()) as out:
        assert main(["verify", *words]) == expect, out.getvalue()
    return out.getvalue()


def found(*words: str, expect: int) -> list[dict[str, Any]]:
    """Return what ``verify --json`` says."""
    return [json.loads(line) for line in said(*words, "--json", expect=expect).splitlines()]


def order(fault: dict[str, Any]) -> str:
    """Return a key to sort by: what is found between files comes in any order."""
    return json.dumps(fault, sort_keys=True)


def starts_of(path: Path) -> list[int]:
    """Find the members of a file with another library."""
    with path.open("rb") as source:
        iterator = ArchiveIterator(source, no_record_parse=True)
        starts = []
        for one in iterator:
            one.raw_stream.read()
            starts.append(iterator.get_record_offset())
        return starts


def small(folder: Path) -> Path:
    """Make a WARC file of two pages with our writer."""
    archive = create(folder)
    body = random.Random(5).randbytes(300)
    picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + body
    answers = (answered(), answered(picture, url=f"{URL}/png"))
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        for answer in answers:
            writer.append(answer, role=Role.TARGET)
    (path,) = archive.warc.rglob("*.warc.gz")
    return path


def test_an_archive_is_verified_and_each_loss_found(tmp_path: Path, site: Site) -> None:
    """Right after two captures nothing is wrong; a byte, a record, a file less, and it is told."""
    site.pages["/page"] = chunked(chunk(b"<p>one"), chunk(b" two</p>"))
    archive = tmp_path / "archive"
    holdfast("init", str(archive))
    (archive / "holdfast.toml").write_text(CONFIGURATION.format(address=site.address))
    for _ in range(2):
        holdfast("capture", "--archive", str(archive), site.url("/page"))
    assert found("--archive", str(archive), expect=0) == []
    done = verb("verify", "--archive", str(archive))
    assert done.returncode == 0
    every = sorted(archive.rglob("*.warc.gz"))
    assert done.stdout.startswith(f"{len(every)} files, ")
    assert done.stdout.endswith(": 0 faults, 0 remarks\n")

    first, second = (path for path in every if "-notes-" not in path.name)
    whole = first.read_bytes()
    last = starts_of(first)[-1]
    broken = bytearray(whole)
    broken[-6] ^= 1
    first.write_bytes(bytes(broken))
    (fault,) = found("--archive", str(archive), expect=1)
    assert set(fault) == KEYS
    assert (fault["kind"], fault["severity"]) == ("check_sum", "fault")
    assert fault["file"] == first.relative_to(archive).as_posix()
    assert fault["offset"] == last
    assert fault["captured_at"].endswith("Z")
    first.write_bytes(whole[:-9])
    assert {one["kind"] for one in found("--archive", str(archive), expect=1)} == {"torn"}
    first.unlink()
    kinds = {one["kind"] for one in found("--archive", str(archive), expect=1)}
    assert "missing_file" in kinds
    first.write_bytes(whole)
    (archive / "catalogue.db").write_bytes(b"no database at all, by no means" * 100)
    kinds = {one["kind"] for one in found("--archive", str(archive), expect=1)}
    assert kinds == {"catalogue"}
    assert second.exists()


def test_repair_says_what_it_did_and_what_it_could_not(tmp_path: Path) -> None:
    """Exit 0 only when nothing is wrong any more; a line for each file that was."""
    archive, name = archived(tmp_path / "archive")
    place = tmp_path / "second"
    archive.config.write_text(f'[archive]\ncopies = ["{place}"]\n')
    words = ("--archive", str(archive.root), "--repair")
    open_catalogue(archive).close()
    assert said(*words, expect=0).endswith(": 0 faults, 1 remark\n"), "no row points to its page"
    good = archive.path(name).read_bytes()
    flip(archive.path(name))
    text = said(*words, expect=1)
    assert text.startswith(f"not repaired: {name}: ")
    assert f"; {place} has no sound copy\n" in text
    (place / name).parent.mkdir(parents=True)
    (place / name).write_bytes(good)
    text = said(*words, expect=0)
    assert text.startswith(f"repaired: {name}: ")
    assert f"; the copy of {place} was put in its place; " in text, text
    assert "; the damaged one is kept as torn/" in text, text
    assert archive.path(name).read_bytes() == good
    assert "repaired" not in said(*words, expect=0)


def test_bad_words_are_refused() -> None:
    """Without anything to read, or with a file that is not there, the status is 2."""
    said(expect=2)
    said("--repair", __file__, expect=2)
    said("no-such.warc.gz", expect=2)
    said("--jobs", "0", __file__, expect=2)


def test_what_is_no_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    """A folder, a device and a folder without an archive each have their own sentence."""
    folder = verb("verify", str(tmp_path))
    assert (folder.returncode, folder.stdout) == (2, "")
    assert f"{tmp_path} is a folder: name the WARC files in it" in folder.stderr
    device = verb("verify", "/dev/null")
    assert device.returncode == 2
    assert "/dev/null is no ordinary file" in device.stderr
    nothing = verb("verify", "--archive", str(tmp_path / "none"))
    assert nothing.returncode == 1
    assert len(nothing.stderr.splitlines()) == 1
    (tmp_path / "hello.txt").write_text("hello")
    text = said(str(tmp_path / "hello.txt"), expect=1)
    assert "this is no WARC file" in text
    assert text.endswith("1 file, 0 records, 5 bytes: 1 fault, 0 remarks\n")


def test_names_from_an_archive_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """Addresses and values of a hostile file are shown escaped."""
    data = b"WARC/1.1\r\nWARC-Type: \x1b[2J\r\nWARC-Target-URI: http://a/\x1b]0;x\x07\r\n\r\n"
    path = tmp_path / "x\x1b[31m.warc.gz"
    path.write_bytes(gzip.compress(data))
    shown = said(str(path), expect=1)
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b" in shown


def test_every_flipped_bit_is_found_or_means_nothing(tmp_path: Path) -> None:
    """Of 300 flips only those pass that change nothing a reader sees.

    These are MTIME, XFL, OS and FTEXT in the header of a member (RFC 1952 §2.3.1), the bits that
    fill the last byte of a deflate stream or the one before a stored block (RFC 1951 §3.2.4), and
    the rare other spelling of the same bytes.
    """
    path = small(tmp_path / "archive")
    whole = path.read_bytes()
    starts = [*starts_of(path), len(whole)]
    rng = random.Random(20261122)
    flips = [(one, rng.randrange(8)) for one in rng.sample(range(len(whole)), 300)]
    folder = tmp_path / "flipped"
    for number, (position, bit) in enumerate(flips):
        data = bytearray(whole)
        data[position] ^= 1 << bit
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / path.name).write_bytes(bytes(data))
    places = [str(folder / str(number) / path.name) for number in range(len(flips))]
    faults: dict[str, list[dict[str, Any]]] = {place: [] for place in places}
    for fault in found(*places, expect=1):
        # All the copies have the same ids, which is another matter.
        if fault["kind"] != "duplicate_id":
            faults[fault["file"]].append(fault)
    unnamed = 0
    for place, (position, _) in zip(places, flips, strict=True):
        start = max(one for one in starts if one <= position)
        end = min(one for one in starts if one > position)
        if faults[place]:
            assert start in [fault["offset"] for fault in faults[place]]
            continue
        assert gzip.decompress(Path(place).read_bytes()) == gzip.decompress(whole)
        header, filling = 3 <= position - start <= 9, position == end - 9
        unnamed += not (header or filling)
    assert unnamed <= 2


def test_a_bomb_is_judged_in_bounded_memory(tmp_path: Path) -> None:
    """A record of 600 MB of zeros in a small member is read with less memory than it has bytes."""
    path = tmp_path / "bomb.warc.gz"
    size = 600_000_000
    head = (
        f"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:uuid:1>\r\n"
        f"WARC-Date: 2026-11-22T13:14:15Z\r\nWARC-Target-URI: {URL}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {size}\r\n\r\n"
    )
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(head.encode())
        piece = bytes(1_000_000)
        for _ in range(size // len(piece)):
            out.write(piece)
        out.write(b"\r\n\r\n")
    done = subprocess.run(
        [*COMMAND, "verify", "--jobs", "1", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(": 0 faults, 0 remarks\n")


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    """Large files are read side by side, with the same faults."""
    path = small(tmp_path / "archive")
    filler = random.Random(7).randbytes(35_000_000)
    places = []
    for number in range(3):
        place = tmp_path / f"{number}.warc.gz"
        place.write_bytes(path.read_bytes()[:-1] + filler[: 35_000_000 if number else 9])
        places.append(str(place))
    alone = found("--jobs", "1", *places, expect=1)
    together = verb("verify", "--jobs", "2", "--json", *places)
    faults = [json.loads(line) for line in together.stdout.splitlines()]
    assert sorted(faults, key=order) == sorted(alone, key=order)
    assert {one["file"] for one in alone} == set(places)


# --- files of other tools ---------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_what_wget_writes_is_judged(tmp_path: Path, site: Site) -> None:
    """Its files of WARC/1.0 pass but for two digests, which are not those of the standard."""
    site.pages["/chunked"] = chunked(chunk(b"<p>one"), chunk(b" two</p>"))
    site.pages["/plain"] = message()
    pages = [site.url("/plain"), site.url("/chunked")]
    for name, more in (("first", ["--warc-cdx"]), ("second", ["--warc-dedup=first.cdx"])):
        subprocess.run(
            ["wget", "-q", f"--warc-file={name}", *more, "-O", "out", *pages],
            cwd=tmp_path,
            check=True,
            timeout=60,
        )
    paths = [str(tmp_path / f"{name}.warc.gz") for name in ("first", "second")]
    faults = found(*paths, expect=1)
    told = {(Path(one["file"]).name, one["kind"], one["url"]) for one in faults}
    assert ("first.warc.gz", "payload_digest", site.url("/chunked")) in told
    # The head alone is the block of its revisits; their block digest is still of the whole answer.
    assert ("second.warc.gz", "block_digest", site.url("/chunked")) in told
    assert {kind for _, kind, _ in told} <= {"payload_digest", "block_digest"}
    assert all("with its chunks" in one["message"] for one in faults if one["kind"][0] == "p")


def test_what_warcio_writes_is_judged(tmp_path: Path) -> None:
    """A chunked answer through warcio's own writer has the digest of its chunks."""
    program = (
        "import io, sys\n"
        "from warcio.warcwriter import WARCWriter\n"
        "out = open(sys.argv[1], 'wb')\n"
        "writer = WARCWriter(out, gzip=True, warc_version='1.1')\n"
        "body = b'6\\r\\n<p>one\\r\\n8\\r\\n two</p>\\r\\n0\\r\\n\\r\\n'\n"
        "head = b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n'\n"
        "writer.write_record(writer.create_warc_record(\n"
        "    'http://paper.example/', 'response', payload=io.BytesIO(head + body)))\n"
        "out.close()\n"
    )
    path = tmp_path / "x.warc.gz"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
    (fault,) = found(str(path), expect=1)
    chunks = b"6\r\n<p>one\r\n8\r\n two</p>\r\n0\r\n\r\n"
    assert fault["kind"] == "payload_digest"
    assert sha1(chunks) in fault["message"]
    assert "with its chunks" in fault["message"]
