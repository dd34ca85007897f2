"""The writer: all of an exchange or nothing, names, rotation, syncing beside appending."""

import contextlib
import gzip
import io
import os
import re
import resource
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import pytest
from exchanges import AT, PAGE, URL, answered, message, sha1

from storage.archive import Archive, create
from storage.errors import RecordError, StorageError
from storage.model import Original, RecordRef, Role, Tls
from storage.warc import reader, recovery
from storage.warc.records import MOST_CHAINS, FileFacts
from storage.warc.writer import Info, Kept, Profile, Revisit, Writer

LARGE = message(os.urandom(400_000), "Content-Type: image/png")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


def writer_on(archive: Archive, *, name: str = "test", max_bytes: int = 10**9) -> Writer:
    return Writer(archive, name=name, info=Info(software="x"), max_bytes=max_bytes)


def block_of(archive: Archive, ref: RecordRef) -> bytes:
    with reader.read(archive, ref).block as block:
        return block.read()


def files(archive: Archive) -> list[str]:
    return sorted(path.name for path in archive.warc.rglob("*") if path.is_file())


@contextmanager
def files_limited_to(limit_bytes: int) -> Iterator[None]:
    """Let the system refuse to grow any file past a size, as a full disk does: in mid-write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_open_while_written_and_named_at_the_end(archive: Archive) -> None:
    """The name carries prefix, time, serial and host; `.open` goes away with the writer."""
    at = datetime(2026, 11, 5, 6, 7, 8, 9_000, tzinfo=UTC)
    writer = Writer(archive, name="work/er 1", info=Info(software="x"), clock=lambda: at)
    assert files(archive) == []
    kept = writer.append(answered(), role=Role.TARGET)
    host = re.sub(r"[^A-Za-z0-9_.-]+", "_", socket.gethostname())
    name = f"work_er_1-20261105060708009-00000-{host}.warc.gz"
    assert files(archive) == [f"{name}.open"]
    assert kept.record.file == f"warc/2026/11/{name}"
    assert block_of(archive, kept.record) == PAGE
    writer.close()
    writer.close()
    assert files(archive) == [name]
    assert block_of(archive, kept.record) == PAGE


def test_two_writers_at_one_instant_have_two_files(archive: Archive) -> None:
    """The same name at the same millisecond gets the next serial, also when one is closed."""

    def clock() -> datetime:
        return AT

    writers = [Writer(archive, name="same", info=Info(software="x"), clock=clock) for _ in range(3)]
    writers[0].append(answered(), role=Role.TARGET)
    writers[1].append(answered(), role=Role.TARGET)
    writers[0].close()
    writers[2].append(answered(), role=Role.TARGET)
    for one in writers:
        one.close()
    assert [name.split("-")[2] for name in files(archive)] == ["00000", "00001", "00002"]


def test_a_full_file_is_followed_by_the_next(archive: Archive) -> None:
    """Rotation keeps exchanges whole, and the next sync gives the full files their names."""
    writer = writer_on(archive, max_bytes=500_000)
    kept = [writer.append(answered(LARGE), role=Role.TARGET) for _ in range(5)]
    assert [name.endswith(".open") for name in files(archive)] == [True, True, True]
    writer.sync()
    assert [name.endswith(".open") for name in files(archive)] == [False, False, True]
    assert writer.unsynced_bytes == 0
    writer.close()
    assert len({one.record.file for one in kept}) == 3
    for one in kept:
        assert one.request is not None
        assert one.request.file == one.record.file == one.metadata.file
        assert block_of(archive, one.record) == LARGE


def test_a_writer_that_kept_nothing_leaves_nothing(archive: Archive) -> None:
    """No exchange, no file; and a file whose only exchange was refused goes away."""
    with writer_on(archive):
        pass
    with writer_on(archive) as writer, pytest.raises(RecordError):
        writer.append(answered(url="http://a.example/" + "x" * 16_000), role=Role.TARGET)
    assert files(archive) == []


def test_a_longest_address_is_kept_and_a_longer_one_refused(archive: Archive) -> None:
    """16,000 bytes are kept; one more is refused by name, and the writer goes on."""
    longest = "http://a.example/".ljust(16_000, "x")
    with writer_on(archive) as writer:
        writer.append(answered(url=longest), role=Role.TARGET)
        with pytest.raises(RecordError, match="16001 bytes"):
            writer.append(answered(url=longest + "x"), role=Role.TARGET)
        with pytest.raises(RecordError, match="is not text"):
            writer.append(answered(url="http://a.example/\ud800"), role=Role.TARGET)
        kept = writer.append(answered(), role=Role.TARGET)
    assert block_of(archive, kept.record) == PAGE


@pytest.mark.parametrize("allowed", [0, 1, 300, 200_000])
def test_a_failed_write_is_undone_and_closes_the_writer(archive: Archive, allowed: int) -> None:
    """Where the disk ends in mid-record, the file is cut back and nothing is appended behind."""
    writer = writer_on(archive)
    first = writer.append(answered(), role=Role.TARGET)
    (path,) = archive.warc.rglob("*.open")
    before = path.read_bytes()
    with (
        files_limited_to(len(before) + allowed),
        pytest.raises(RecordError, match=re.escape(URL) + ".*larger than this system allows"),
    ):
        writer.append(answered(LARGE), role=Role.TARGET)
    assert path.read_bytes() == before
    with pytest.raises(RecordError, match="the writer is closed"):
        writer.append(answered(), role=Role.TARGET)
    writer.sync()
    writer.close()
    assert block_of(archive, first.record) == PAGE
    assert recovery.recover(archive) == recovery.Recovered()


@pytest.mark.parametrize("allowed", [0, 1, 300, 1_000_000, 1_150_000])
def test_what_is_gathered_is_kept_together_or_said_to_be_lost(
    archive: Archive, allowed: int
) -> None:
    """Wherever the disk ends, the file ends with a whole exchange and nobody relies on more."""
    writer = writer_on(archive)
    first = writer.append(answered(), role=Role.TARGET)
    (path,) = archive.warc.rglob("*.open")
    before = path.stat().st_size
    gathered: list[Kept] = []

    def gather() -> None:
        with files_limited_to(before + allowed), writer.gathering():
            for exchange in map(answered, (PAGE, LARGE, LARGE, LARGE)):
                kept = writer.append(exchange, role=Role.TARGET)
                gathered.append(kept)

    with pytest.raises(StorageError, match="larger than this system allows"):
        gather()
    with pytest.raises(RecordError, match="the writer is closed"):
        writer.append(answered(), role=Role.TARGET)
    writer.sync()
    ends = {before, *(one.metadata.offset + one.metadata.length for one in gathered)}
    assert path.stat().st_size in ends
    writer.close()
    assert block_of(archive, first.record) == PAGE
    assert recovery.recover(archive) == recovery.Recovered()


def test_what_is_gathered_reads_as_if_written_one_by_one(archive: Archive) -> None:
    """Places are known at once; a refused exchange leaves no trace, a full file is followed."""
    with writer_on(archive, max_bytes=800_000) as writer, writer.gathering():
        kept = [writer.append(answered(LARGE), role=Role.TARGET) for _ in range(2)]
        with pytest.raises(RecordError, match="bytes its exchange says"):
            writer.append(replace(answered(), answer_bytes=7), role=Role.TARGET)
        small = [writer.append(answered(), role=Role.TARGET) for _ in range(200)]
    assert [block_of(archive, one.record) for one in kept] == [LARGE] * 2
    assert {block_of(archive, one.record) for one in small} == {PAGE}
    assert len(files(archive)) == 2


def test_a_disk_that_is_full_at_the_start_leaves_no_file(archive: Archive) -> None:
    """Where not even the warcinfo fits, the error says so and no empty file stays."""
    writer = writer_on(archive)
    with files_limited_to(10), pytest.raises(StorageError, match="cannot begin warc/"):
        writer.append(answered(), role=Role.TARGET)
    assert files(archive) == []
    kept = writer.append(answered(), role=Role.TARGET)
    writer.close()
    assert block_of(archive, kept.record) == PAGE


@pytest.mark.parametrize("told_bytes", [len(PAGE) - 1, len(PAGE) + 1])
def test_an_answer_of_another_size_is_refused(archive: Archive, told_bytes: int) -> None:
    """An exchange that contradicts its answer never becomes a record."""
    with writer_on(archive) as writer:
        with pytest.raises(RecordError, match="bytes its exchange says"):
            writer.append(replace(answered(), answer_bytes=told_bytes), role=Role.TARGET)
        kept = writer.append(answered(), role=Role.TARGET)
    assert block_of(archive, kept.record) == PAGE


def test_a_large_answer_of_another_size_is_taken_back(archive: Archive) -> None:
    """When the lie shows only after a part was written, that part is gone again."""
    answer = message(os.urandom(3_000_000), "Content-Type: video/mp4")
    writer = writer_on(archive)
    kept = writer.append(answered(), role=Role.TARGET)
    (path,) = archive.warc.rglob("*.open")
    before = path.read_bytes()
    with pytest.raises(RecordError, match="bytes its exchange says"):
        writer.append(replace(answered(answer), answer_bytes=len(answer) + 1), role=Role.TARGET)
    assert path.read_bytes() == before
    writer.close()
    assert block_of(archive, kept.record) == PAGE


def test_certificates_of_a_refused_exchange_are_kept_with_the_next(archive: Archive) -> None:
    """No metadata names a record of certificates that was never written."""
    tls = Tls(version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", chain=(b"leaf",), fault=None)
    with writer_on(archive) as writer:
        with pytest.raises(RecordError, match="bytes its exchange says"):
            writer.append(replace(answered(tls=tls), answer_bytes=2_000_000), role=Role.TARGET)
        kept = writer.append(answered(tls=tls), role=Role.TARGET)
        again = writer.append(answered(tls=tls), role=Role.TARGET)
    chain = replace(
        kept.record,
        offset=kept.record.offset + kept.record.length,
        length=kept.metadata.offset - kept.record.offset - kept.record.length,
        digest=None,
    )
    record = reader.read(archive, chain)
    record.block.close()
    tie = f"tlsChain: {record.id}\r\n".encode()
    assert tie in block_of(archive, kept.metadata)
    assert tie in block_of(archive, again.metadata)


def test_a_false_revisit_is_refused(archive: Archive) -> None:
    """A payload that differs from the original's cannot be called identical."""
    original = Original(record_id="<a>", uri=URL, date="2026", payload_digest=sha1(b"other"))
    revisit = Revisit(original=original, profile=Profile.IDENTICAL)
    with writer_on(archive) as writer, pytest.raises(RecordError, match="no identical revisit"):
        writer.append_revisit(answered(), revisit, role=Role.TARGET)


def test_syncing_goes_on_beside_appending(archive: Archive) -> None:
    """A sync from another thread sees whole exchanges only, and after the last one all is safe."""
    writer = writer_on(archive, max_bytes=300_000)
    done = threading.Event()
    faults: list[BaseException] = []

    def keep_syncing() -> None:
        try:
            while not done.is_set():
                writer.sync()
        except StorageError as error:
            faults.append(error)

    thread = threading.Thread(target=keep_syncing)
    thread.start()
    answer = message(os.urandom(20_000), "Content-Encoding: gzip")
    kept = [writer.append(answered(answer), role=Role.TARGET) for _ in range(100)]
    done.set()
    thread.join()
    assert writer.unsynced_bytes >= 0
    writer.sync()
    assert writer.unsynced_bytes == 0
    writer.close()
    assert faults == []
    for one in kept:
        assert block_of(archive, one.record) == answer


def test_a_page_that_did_not_change_costs_little(archive: Archive) -> None:
    """An exchange costs less than 1,250 bytes beside its body, its revisit less than 1,500."""
    head = (
        "HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\nDate: Sun, 22 Nov 2026 10:15:35 GMT\r\n"
        "Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
        'Last-Modified: Fri, 10 Oct 2014 05:12:45 GMT\r\nETag: "5438a6bd-39a4"\r\n'
        "Cache-Control: max-age=300\r\nConnection: keep-alive\r\n\r\n"
    )
    body = os.urandom(12_000)
    exchange = answered(head.encode() + body, url="https://english.paper.example/node/10005")
    with writer_on(archive, name="worker-1") as writer:
        first = writer.append(exchange, role=Role.TARGET, site="paper")
        original = reader.original(archive, first.record)
        revisit = Revisit(original=original, profile=Profile.IDENTICAL)
        again = replace(exchange, started_at=AT.replace(day=23))
        second = writer.append_revisit(again, revisit, role=Role.TARGET, site="paper")
    assert _length(first) - len(body) < 1_250
    assert _length(second) < 1_500


def _length(kept: Kept) -> int:
    assert kept.request is not None
    return kept.metadata.offset + kept.metadata.length - kept.request.offset


class Endless:
    """An answer of any size that costs no memory: a seekable file of one repeated block."""

    def __init__(self, head: bytes, size: int) -> None:
        self._head, self._size, self._at = head, size, 0

    def seek(self, position: int) -> int:
        self._at = position
        return position

    def read(self, size: int) -> bytes:
        start, self._at = self._at, min(self._at + size, self._size)
        ours = self._head[start : self._at]
        return ours + bytes(self._at - start - len(ours))


def test_memory_stays_flat_under_a_large_answer(archive: Archive) -> None:
    """Of an answer of 64 MiB never more than a few pieces are in memory, written or read."""
    size = 64 << 20
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n"
    exchange = replace(
        answered(head),
        answer=cast("IO[bytes]", Endless(head, size)),
        answer_bytes=size,
        block_digest=sha1(head),
        payload_digest=sha1(b""),
    )
    writer = writer_on(archive)
    tracemalloc.start()
    writer.append(exchange, role=Role.TARGET)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    writer.close()
    (path,) = archive.warc.rglob("*.warc.gz")
    assert path.stat().st_size > size
    assert peak < 6 << 20
    path.unlink()


def test_a_reference_that_does_not_fit_is_refused(archive: Archive) -> None:
    """Another length, offset, digest or file is an error that names file, offset and address."""
    with writer_on(archive) as writer:
        kept = writer.append(answered(), role=Role.TARGET)
    ref = kept.record
    for wrong, why in (
        (replace(ref, length=ref.length + 1), "bytes long"),
        (replace(ref, offset=ref.offset + 1), "is unreadable"),
        (replace(ref, digest=sha1(b"other")), "its payload is"),
        (replace(ref, file="warc/2026/11/none.warc.gz"), "the file is missing"),
        (replace(ref, file="../holdfast.toml"), "inside the archive"),
        (replace(ref, file="/etc/passwd"), "inside the archive"),
    ):
        with pytest.raises(RecordError, match=why) as caught:
            reader.read(archive, wrong)
        assert str(wrong.offset) in str(caught.value)
    with pytest.raises(RecordError, match=re.escape(URL)):
        reader.read(archive, replace(ref, length=1))


def test_a_flipped_bit_is_never_read_as_a_record(archive: Archive) -> None:
    """Wherever one bit of a record turns, reading it fails or gives the very same bytes."""
    with writer_on(archive) as writer:
        ref = writer.append(answered(), role=Role.TARGET).record
    path = archive.path(ref.file)
    good = path.read_bytes()
    told = 0
    for place in range(ref.offset, ref.offset + ref.length):
        path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        with contextlib.suppress(RecordError):
            # Time and system in the gzip header mean nothing, nor do the bits that fill up the
            # last byte; and a reference to another copy of the same words gives the same words.
            assert block_of(archive, ref) == PAGE
            continue
        told += 1
    assert told >= ref.length - 12


def test_only_an_answer_is_a_page(archive: Archive) -> None:
    """A request or metadata record has no page, and says so."""
    with writer_on(archive) as writer:
        kept = writer.append(answered(), role=Role.TARGET)
    for ref in (kept.request, kept.metadata):
        assert ref is not None
        with pytest.raises(RecordError, match="holds no page"):
            reader.page(archive, ref, limit_bytes=10)
    assert io.BytesIO(reader.page(archive, kept.record, limit_bytes=99).body).read(3) == b"<p>"


def test_certificates_do_not_fill_memory(archive: Archive) -> None:
    """A server with new certificates for every connection costs a digest each, not for ever."""
    facts = FileFacts(ids=iter(()), warcinfo_id="<urn:uuid:0>")
    for number in range(3):
        facts.note({bytes([n % 256, n // 256, number]): "<id>" for n in range(MOST_CHAINS)})
    assert len(facts.chains) == MOST_CHAINS
    assert all(len(key) == 3 for key in facts.chains)


def test_a_revisit_is_read_by_its_own_coding(archive: Archive) -> None:
    """The same bytes under another Content-Encoding are another text."""
    packed = gzip.compress(b"<p>of many words</p>" * 30)
    with writer_on(archive) as writer:
        whole = answered(message(packed))
        kept = writer.append(whole, role=Role.TARGET)
        writer.sync()
        original = reader.original(archive, kept.record)
        again = answered(message(packed, "Content-Encoding: gzip"))
        revisit = Revisit(original=original, profile=Profile.IDENTICAL)
        second = writer.append_revisit(again, revisit, role=Role.TARGET)
        writer.sync()
        assert reader.page(archive, kept.record, limit_bytes=10**6).body == packed
        shown = reader.page(archive, second.record, limit_bytes=10**6)
    assert shown.body == b"<p>of many words</p>" * 30
