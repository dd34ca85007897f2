"""Whole exchanges, copied byte for byte into a WARC file of their own."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from exchanges import AT, answered
from warcio.archiveiterator import ArchiveIterator

from storage.archive import Archive, create
from storage.errors import RecordError
from storage.model import RecordRef, Role, Tls
from storage.warc import derived, excerpt, fields
from storage.warc.writer import Info, Kept, Writer

TLS = Tls(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", chain=(b"leaf",), fault=None)
PLACES = ("http://paper.example/1", "https://paper.example/2", "https://paper.example/3")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


@pytest.fixture
def kept(archive: Archive) -> Iterator[list[Kept]]:
    """Keep three exchanges, the last two over one certificate, in a file that still grows."""
    with Writer(archive, name="test", info=Info(software="Test")) as writer:
        first = [
            writer.append(
                answered(url=PLACES[0], interim=b"HTTP/1.1 103 Hm\r\n\r\n"), role=Role.TARGET
            ),
            writer.append(answered(url=PLACES[1], tls=TLS), role=Role.TARGET),
            writer.append(answered(url=PLACES[2], tls=TLS), role=Role.REQUISITE),
        ]
        writer.sync()
        yield first


def first_of(one: Kept) -> RecordRef:
    assert one.request is not None
    return one.request


def test_an_exchange_ends_with_what_is_known_of_it(archive: Archive, kept: list[Kept]) -> None:
    """Request, answer, what came beside it, facts: all of one exchange and nothing of the next."""
    types = [[one.type for one in excerpt.exchange(archive, first_of(each))] for each in kept]
    assert types == [
        ["request", "response", "metadata", "metadata"],
        ["request", "response", "metadata", "metadata"],
        ["request", "response", "metadata"],
    ]
    from_answer = excerpt.exchange(archive, kept[2].record)
    assert [one.type for one in from_answer] == ["response", "metadata"]


def test_certificates_are_found_where_they_were_kept_first(
    archive: Archive, kept: list[Kept]
) -> None:
    """The third exchange names those that stand with the second, which come as a whole."""
    named = excerpt.exchange(archive, first_of(kept[2]))[-1].chain_id
    found = excerpt.named(archive, kept[2].record.file, {named})
    assert found == excerpt.exchange(archive, first_of(kept[1]))
    assert excerpt.named(archive, kept[2].record.file, {"<urn:uuid:nobody>"}) == []


def test_the_copy_is_a_file_that_others_read(archive: Archive, kept: list[Kept]) -> None:
    """Its own warcinfo, that of the source, then each record once, at the place that is told."""
    members = [*excerpt.exchange(archive, first_of(kept[2]))] * 2
    warcinfo = derived.warcinfo(
        Info(software="Test"), record_id=next(fields.record_ids()), filename="x.warc.gz", at=AT
    )
    out = io.BytesIO()
    copied = excerpt.write(archive, members, out=out, warcinfo=warcinfo)
    out.seek(0)
    found = [(one.rec_type, one.rec_headers["WARC-Record-ID"]) for one in ArchiveIterator(out)]
    assert [kind for kind, _ in found] == [
        *("warcinfo", "warcinfo", "request", "response", "metadata"),
    ]
    assert [name for _, name in found[1:]] == [one.member.id for one in copied]
    for one in copied:
        out.seek(one.offset)
        record = next(iter(ArchiveIterator(out)))
        assert record.rec_headers["WARC-Record-ID"] == one.member.id


def test_a_damaged_record_is_not_copied(archive: Archive, kept: list[Kept]) -> None:
    """It is refused with file and place; the exchanges beside it are copied all the same."""
    path = next(archive.warc.rglob("*.warc.gz.open"))
    data = bytearray(path.read_bytes())
    data[kept[1].record.offset + kept[1].record.length // 2] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(RecordError, match=f"{kept[1].record.offset} of "):
        excerpt.exchange(archive, first_of(kept[1]))
    assert excerpt.exchange(archive, first_of(kept[0]))
    with pytest.raises(RecordError, match="missing"):
        excerpt.exchange(archive, replace(first_of(kept[0]), file="warc/2026/11/none.warc.gz"))
