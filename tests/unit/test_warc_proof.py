"""What is wrong before a file is closed never gets a name under which it ships."""

import gzip
import hashlib
import io
import random
import zlib
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from closed import INFO, closed, flip, writer
from exchanges import AT, PAGE, URL, answered, message, sha1

from storage.archive import Archive, create
from storage.index import cdxj
from storage.manifest import Manifest
from storage.model import Role
from storage.warc import proof, reader
from storage.warc.member import Decoder
from storage.warc.unseen import odd_member
from storage.warc.verify import plan, verify
from storage.warc.writer import Writer


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


def kinds(archive: Archive) -> list[str]:
    """Return the kinds of all that verify finds."""
    return [fault.kind for one in verify(plan(archive), archive=archive) for fault in one.faults]


def tended(archive: Archive) -> None:
    """Do with closed files what the service does."""
    for name in closed(archive):
        proof.accept(archive, name)


def test_a_sound_file_is_in_the_manifest(archive: Archive) -> None:
    """Its SHA-256 is that of its bytes."""
    with writer(archive) as out:
        out.append(answered(), role=Role.TARGET)
    (name,) = closed(archive)
    tended(archive)
    sha256 = hashlib.sha256(archive.path(name).read_bytes()).hexdigest()
    assert Manifest(archive.root).read() == {name: sha256}
    assert kinds(archive) == []


def test_a_file_with_a_fault_is_set_aside(archive: Archive) -> None:
    """Bits that changed between write and close: the file ships nowhere, its sound part is read."""
    with writer(archive) as out:
        good = out.append(answered(), role=Role.TARGET)
        other = answered(message(b"<p>other"), url="http://paper.example/2")
        bad = out.append(other, role=Role.TARGET)
        (growing,) = archive.warc.rglob("*.open")
        flip(growing, at=bad.record.offset + bad.record.length // 2)
    tended(archive)
    assert closed(archive) == []
    (aside,) = archive.warc.rglob("*.invalid")
    assert archive.name(aside) == good.record.file
    assert Manifest(archive.root).read() == {}
    assert list(cdxj.unindexed(archive)) == []
    with reader.read(archive, good.record).block as block:
        assert block.read() == PAGE
    assert "set_aside" in kinds(archive)
    assert len(kinds(archive)) > 1


def test_a_bit_that_no_reader_sees_is_named_by_its_record(archive: Archive) -> None:
    """The time in the header of a member: no check sum covers it, the manifest does."""
    with writer(archive) as out:
        out.append_resource("urn:a", at=AT, content_type="text/plain", body=b"note")
        kept = out.append(answered(), role=Role.TARGET)
    tended(archive)
    (name,) = closed(archive)
    flip(archive.path(name), at=kept.record.offset + 5)
    (told,) = [fault for one in verify(plan(archive), archive=archive) for fault in one.faults]
    assert (told.kind, told.offset, told.url) == ("manifest", kept.record.offset, URL)
    assert told.captured_at == "2026-11-22T13:14:15.123456Z"


def test_bits_that_only_fill_a_byte_are_named_by_their_record(archive: Archive) -> None:
    """Of deflated heads and text as of stored bodies; one bit that no reader sees, wherever."""
    with writer(archive) as out:
        body = random.Random(7).randbytes(900)
        packed = message(gzip.compress(body, mtime=0), "Content-Encoding: gzip")
        out.append(answered(packed), role=Role.TARGET)
        out.append(answered(message(b"<p>Text of a page." * 300)), role=Role.TARGET)
        out.append_resource("urn:a", at=AT, content_type="text/plain", body=b"note")
    (name,) = closed(archive)
    whole = archive.path(name).read_bytes()
    plain = gzip.decompress(whole)
    assert odd_member(io.BytesIO(whole)) is None
    starts = _starts(whole)
    headers = {start + byte for start in starts for byte in range(10)}
    unseen: Counter[int | None] = Counter()
    for place, byte in enumerate(whole):
        for bit in range(8):
            flipped = whole[:place] + bytes((byte ^ (1 << bit),)) + whole[place + 1 :]
            if place not in headers and _unpacked(flipped) == plain:
                start = max(one for one in starts if one <= place)
                named = odd_member(io.BytesIO(flipped))
                # None: a reference to the same bytes elsewhere, and no bit that fills a byte.
                assert named in (start, None), (place - start, bit)
                unseen[named] += 1
    assert len(unseen) > len(starts) // 2
    assert unseen.pop(None) < sum(unseen.values()) / 4
    assert sum(unseen.values()) > 20


def _starts(data: bytes) -> list[int]:
    starts, length = [0], len(data)
    while starts[-1] < length:
        decoder = Decoder(io.BytesIO(data), offset=starts[-1])
        while decoder.read():
            pass
        starts.append(starts[-1] + decoder.length)
    return starts[:-1]


def _unpacked(data: bytes) -> bytes | None:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def test_a_lying_digest_is_found_before_the_file_ships(archive: Archive) -> None:
    """Also a record that was never as it says is not shipped."""
    with writer(archive) as out:
        out.append(replace(answered(), payload_digest=sha1(b"another")), role=Role.TARGET)
    tended(archive)
    assert closed(archive) == []
    assert "payload_digest" in kinds(archive)


def test_a_file_is_closed_after_its_time(archive: Archive) -> None:
    """Only closed files are copied: one that grows slowly, too, and by a clock set back."""
    now = AT
    with Writer(
        archive, name="test", info=INFO, clock=lambda: now, max_age=timedelta(hours=24)
    ) as out:
        for ahead in (0, 23, 24, 25, -50):
            now = AT + timedelta(hours=ahead)
            out.append(answered(url=f"http://paper.example/{ahead + 100}"), role=Role.TARGET)
            out.sync()
        assert len(closed(archive)) == 2
    assert len(closed(archive)) == 3


def test_a_writer_that_has_nothing_to_add_ends_its_old_file(archive: Archive) -> None:
    """What was kept is not left open until something else comes; what comes then is in another."""
    now, hour = AT, timedelta(hours=1)
    with Writer(archive, name="t", info=INFO, clock=lambda: now, max_age=hour) as out:
        assert not out.end_old(), "there is no file yet"
        first = out.append(answered(), role=Role.TARGET).record
        assert not out.end_old()
        now += hour
        assert out.end_old()
        assert closed(archive) == [], "the sync finishes it"
        out.sync()
        assert closed(archive) == [first.file]
        assert not out.end_old()
        assert out.append(answered(), role=Role.TARGET).record.file != first.file
