"""What we write, others read: warcio, fastwarc, gzip, and the standard's own words on digests."""

import argparse
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from exchanges import AT, PAGE, URL, answered, asked, chunked, message, sha1, unanswered
from fastwarc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from storage.archive import Archive, create
from storage.model import Exchange, Outcome, RecordRef, Role, Tls, Truncation
from storage.warc import reader
from storage.warc.writer import Info, Kept, Profile, Revisit, Writer

GZIPPED = gzip.compress(os.urandom(3000), mtime=0)
TLS = Tls(
    version="TLSv1.2",
    cipher="ECDHE-RSA-AES128-GCM-SHA256",
    chain=(b"leaf certificate", b"its issuer"),
    fault="self-signed certificate",
)

ANSWERS = {
    "plain": PAGE,
    "empty body": message(b""),
    "text above a window": message(b"word " * 20_000, "Content-Type: text/html"),
    "gzip": message(GZIPPED, "Content-Encoding: gzip", "Content-Type: text/html"),
    "image": message(os.urandom(70_000), "Content-Type: image/jpeg"),
    "odd heads": b"http/1.1 200\nX-Odd:\xff\xfe\n folded\nx-odd: 2\r\nno colon\n\nbody\r\n\r\n",
    "head alone": b"HTTP/1.1 204 No Content\r\nServer: a\r\n\r\n",
    "chunked": chunked([b"<p>one", b" two</p>"], "Content-Type: text/html"),
    "chunked gzip": chunked([GZIPPED[:100], GZIPPED[100:]], "Content-Encoding: gzip"),
    "large": message(os.urandom(3_000_000), "Content-Type: video/mp4"),
    "large text": message(b"0123456789abcdef" * 150_000, "Content-Type: text/plain"),
}


@dataclass(frozen=True)
class Seen:
    """One record as another reader sees it."""

    type: str
    headers: dict[str, str]
    block: bytes


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


def keep(archive: Archive, *exchanges: Exchange) -> list[Kept]:
    with Writer(archive, name="test", info=Info(software="Holdfast/test")) as writer:
        return [writer.append(one, role=Role.TARGET) for one in exchanges]


def by_warcio(path: Path) -> list[Seen]:
    with path.open("rb") as file:
        return [
            Seen(
                one.rec_type,
                {name.lower(): value for name, value in one.rec_headers.headers},
                one.raw_stream.read(),
            )
            for one in ArchiveIterator(file, no_record_parse=True)
        ]


def by_fastwarc(path: Path) -> Iterator[Seen]:
    with path.open("rb") as file:
        for one in FastIterator(file, parse_http=False):
            headers = {name.lower(): value for name, value in one.headers.items()}
            yield Seen(str(one.record_type), headers, one.reader.read())


def file_of(archive: Archive) -> Path:
    (path,) = archive.warc.rglob("*.warc.gz")
    return path


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_both_readers_find_the_very_bytes_of_the_wire(archive: Archive, answer: bytes) -> None:
    """Request and answer come back byte for byte, with warcio and with fastwarc."""
    keep(archive, answered(answer))
    for records in (by_warcio(file_of(archive)), list(by_fastwarc(file_of(archive)))):
        kinds = [one.type for one in records]
        assert kinds == ["warcinfo", "request", "response", "metadata"]
        assert records[1].block == asked(URL)
        assert records[2].block == answer
        assert records[2].headers["warc-block-digest"] == sha1(answer)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("digests", [True, False], ids=["given", "found"])
def test_digests_are_those_of_the_standard(archive: Archive, answer: bytes, digests: bool) -> None:
    """The payload is the entity: chunks taken off, coding kept, whoever computed the digest."""
    (kept,) = keep(archive, answered(answer, digests=digests))
    expected = answered(answer)
    response = by_warcio(file_of(archive))[2]
    assert response.headers["warc-block-digest"] == expected.block_digest
    assert response.headers["warc-payload-digest"] == expected.payload_digest
    assert kept.record.digest == expected.payload_digest
    with file_of(archive).open("rb") as file:
        assert all(one.verify_block_digest() for one in FastIterator(file, parse_http=False))


def test_the_payload_of_a_chunked_answer_is_without_its_chunks(archive: Archive) -> None:
    """The digest of a chunked page is the digest of the page."""
    (kept,) = keep(archive, answered(ANSWERS["chunked"], digests=False))
    assert kept.record.digest == sha1(b"<p>one two</p>")


def test_warcio_check_is_content(archive: Archive) -> None:
    """Where warcio knows the payload, in answers without chunks, its checker finds no fault."""
    plain = [answer for name, answer in ANSWERS.items() if "chunked" not in name]
    exchanges = [answered(answer, url=f"{URL}/{number}") for number, answer in enumerate(plain)]
    exchanges.append(unanswered(outcome=Outcome.DNS, reason="no such name"))
    keep(archive, *exchanges)
    checker = Checker(argparse.Namespace(inputs=[str(file_of(archive))], verbose=False))
    assert checker.process_all() == 0


def test_members_are_independent(archive: Archive) -> None:
    """Each record is a gzip member of its own: plain zlib reads it from its reference alone."""
    kept = keep(archive, *(answered(answer) for answer in ANSWERS.values()))
    data = file_of(archive).read_bytes()
    for one, answer in zip(kept, ANSWERS.values(), strict=True):
        part = data[one.record.offset : one.record.offset + one.record.length]
        inflate = zlib.decompressobj(wbits=31)
        whole = inflate.decompress(part)
        assert inflate.eof
        assert inflate.unused_data == b""
        assert whole.endswith(answer + b"\r\n\r\n")
    assert len(gzip.decompress(data)) > sum(map(len, ANSWERS.values()))


def test_what_is_compressed_already_is_stored_at_its_size(archive: Archive) -> None:
    """A gzip body and a picture cost their own size and a small head, a text far less."""
    kept = keep(archive, *(answered(ANSWERS[name]) for name in ("gzip", "image", "large text")))
    assert kept[0].record.length < len(GZIPPED) + 700
    assert kept[1].record.length < 70_000 + 700
    assert kept[2].record.length < 2_400_000 / 50


def test_every_field_of_an_exchange(archive: Archive) -> None:
    """Date, address, protocols, cipher, digests and the ties between the records are there."""
    keep(archive, answered(tls=TLS, url="https://paper.example/node/1"))
    info, request, response, chain, metadata = by_warcio(file_of(archive))
    for one in (request, response, chain, metadata):
        assert one.headers["warc-date"] == "2026-11-22T13:14:15.123456Z"
        assert one.headers["warc-warcinfo-id"] == info.headers["warc-record-id"]
    for one in (request, response, chain):
        assert one.headers["warc-ip-address"] == "192.0.2.7"
        assert one.headers["warc-cipher-suite"] == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert response.headers["warc-concurrent-to"] == request.headers["warc-record-id"]
    assert metadata.headers["warc-concurrent-to"] == response.headers["warc-record-id"]
    assert response.headers["content-type"] == "application/http; msgtype=response"
    assert request.headers["content-type"] == "application/http; msgtype=request"
    assert "warc-identified-payload-type" not in response.headers
    with file_of(archive).open("rb") as file:
        fields = [one.rec_headers.headers for one in ArchiveIterator(file)][2]
    assert [value for name, value in fields if name == "WARC-Protocol"] == ["http/1.1", "tls/1.2"]


def test_the_metadata_of_an_exchange(archive: Archive) -> None:
    """What the bytes do not say is in warc-fields, and hostile text cannot forge a field."""
    exchange = answered(outcome=Outcome.TRUNCATED, reason="cut\r\noutcome: ok\x1b[2J", tls=TLS)
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        writer.append(
            exchange, role=Role.REDIRECT, via="http://paper.example/", hops="LR", site="s"
        )
    *_, chain, metadata = by_warcio(file_of(archive))
    assert metadata.headers["content-type"] == "application/warc-fields"
    fields = dict(line.split(": ", 1) for line in metadata.block.decode().splitlines())
    assert fields == {
        "via": "http://paper.example/",
        "hopsFromSeed": "LR",
        "fetchTimeMs": "42",
        "role": "redirect",
        "site": "s",
        "outcome": "truncated",
        "reason": "cut outcome: ok [2J",
        "tlsFault": "self-signed certificate",
        "tlsChain": chain.headers["warc-record-id"],
        "payloadBytes": "13",
    }
    leaf = hashlib.sha256(TLS.chain[0]).hexdigest()
    assert chain.headers["warc-target-uri"] == f"urn:x509:sha256:{leaf}"
    assert chain.block.count(b"BEGIN CERTIFICATE") == 2


def test_a_certificate_chain_is_kept_once_a_file(archive: Archive) -> None:
    """The second exchange over the same certificates only names their record."""
    keep(archive, answered(tls=TLS), answered(tls=TLS))
    records = by_warcio(file_of(archive))
    assert sum("x509" in one.headers.get("warc-target-uri", "") for one in records) == 1
    ties = [one.block for one in records if b"tlsChain: <urn:uuid:" in one.block]
    assert len(ties) == 2


def test_warcinfo_says_who_made_the_file(archive: Archive) -> None:
    """The first record carries all that WARC/1.1 asks of it, and the confidential mark if asked."""
    info = Info(
        software="Holdfast/1",
        operator="Bibliothek Köln\r\nrobots: none",
        contact="mailto:web@example.org",
        robots="classic",
        user_agent="Holdfast/1 (+mailto:web@example.org)",
        is_part_of="test",
        confidential=True,
    )
    with Writer(archive, name="test", info=info) as writer:
        writer.append(answered(), role=Role.TARGET)
    path = file_of(archive)
    first = by_warcio(path)[0]
    text = first.block.decode()
    assert first.headers["warc-filename"] == path.name
    assert "operator: Bibliothek Köln robots: none\r\n" in text
    assert "conformsTo: http://iipc.github.io/warc-specifications/" in text
    assert text.count("robots: classic") == 1
    for name in ("software", "contact", "format", "hostname", "http-header-user-agent",
                 "isPartOf", "confidential"):  # fmt: skip
        assert f"\r\n{name}: " in f"\r\n{text}"


def test_a_cut_answer_is_marked(archive: Archive) -> None:
    """What came of a cut answer is kept with the reason, even a head that is not whole."""
    cut = answered(PAGE[:-4], outcome=Outcome.TRUNCATED, truncated=Truncation.DISCONNECT)
    head = answered(PAGE[:30], outcome=Outcome.TIMEOUT, truncated=Truncation.TIME)
    keep(archive, cut, head)
    responses = [one for one in by_warcio(file_of(archive)) if one.type == "response"]
    assert [one.headers["warc-truncated"] for one in responses] == ["disconnect", "time"]
    assert [one.block for one in responses] == [PAGE[:-4], PAGE[:30]]
    assert [one.type for one in by_fastwarc(file_of(archive))].count("response") == 2


def test_no_answer_keeps_the_request_and_the_reason(archive: Archive) -> None:
    """A failed exchange points to the metadata record that names the failure."""
    refused = unanswered(outcome=Outcome.REFUSED, reason="connection refused")
    reset = unanswered(outcome=Outcome.RESET, reason="reset", request=asked(URL))
    first, second = keep(archive, refused, reset)
    kinds = [one.type for one in by_warcio(file_of(archive))]
    assert kinds == ["warcinfo", "metadata", "request", "metadata"]
    assert first.request is None
    assert first.record == first.metadata
    assert second.request is not None
    record = reader.read(archive, first.record)
    with record.block as block:
        assert b"outcome: refused\r\nreason: connection refused\r\n" in block.read()


def test_a_connection_over_which_nothing_went_is_told(archive: Archive) -> None:
    """Where no request and no answer could say it, the metadata says to whom we spoke."""
    failed = unanswered(outcome=Outcome.TLS, reason="handshake broken")
    keep(archive, replace(failed, address="192.0.2.7", tls=replace(TLS, chain=())))
    _, metadata = by_warcio(file_of(archive))
    assert metadata.headers["warc-ip-address"] == "192.0.2.7"
    assert metadata.headers["warc-protocol"] == "tls/1.2"
    assert b"tlsFault: self-signed certificate\r\n" in metadata.block


def test_what_is_not_http_is_kept_raw_beside(archive: Archive) -> None:
    """Bytes of another protocol are a metadata record that no replay takes for the page."""
    raw = b"SSH-2.0-OpenSSH_9.9\r\n"
    (kept,) = keep(archive, answered(raw, outcome=Outcome.NOT_HTTP, reason="not HTTP"))
    kinds = [one.type for one in by_warcio(file_of(archive))]
    assert kinds == ["warcinfo", "request", "metadata", "metadata"]
    record = reader.read(archive, kept.record)
    with record.block as block:
        assert block.read() == raw
    assert record.url == f"urn:raw:{URL}"


def test_interim_and_surplus_bytes_stand_beside(archive: Archive) -> None:
    """Interim answers and bytes after the end are kept, each in a metadata record."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    keep(archive, answered(interim=interim, surplus=b"one too many"))
    records = {one.headers.get("warc-target-uri"): one for one in by_warcio(file_of(archive))}
    assert records[f"urn:interim:{URL}"].block == interim
    assert records[f"urn:surplus:{URL}"].block == b"one too many"


def test_an_identical_answer_is_a_revisit(archive: Archive) -> None:
    """The head is kept, the payload referred to, letter by letter, and the page still readable."""
    again = answered(PAGE.replace(b"text/html", b"text/HTML"), at=AT.replace(day=23))
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        first = writer.append(answered(), role=Role.TARGET)
        original = reader.original(archive, first.record)
        revisit = Revisit(original=original, profile=Profile.IDENTICAL)
        second = writer.append_revisit(again, revisit, role=Role.TARGET)
    records = by_warcio(file_of(archive))
    response, record = records[2], records[5]
    head = PAGE.partition(b"<p>")[0].replace(b"text/html", b"text/HTML")
    assert record.type == "revisit"
    assert record.block == head
    assert record.headers["warc-truncated"] == "length"
    assert record.headers["warc-refers-to"] == response.headers["warc-record-id"]
    assert record.headers["warc-refers-to-target-uri"] == response.headers["warc-target-uri"]
    assert record.headers["warc-refers-to-date"] == response.headers["warc-date"]
    assert record.headers["warc-payload-digest"] == response.headers["warc-payload-digest"]
    assert [one.type for one in by_fastwarc(file_of(archive))].count("revisit") == 1
    page = reader.page(archive, second.record, limit_bytes=1000)
    assert (page.body, page.status, page.at) == (b"<p>A page</p>", 200, AT.replace(day=23))
    assert reader.original(archive, second.record) == original


def test_a_304_is_a_revisit_with_an_empty_block(archive: Archive) -> None:
    """The 304 itself stands beside, for with it as its block a revisit replays nowhere."""
    not_modified = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"
    exchange = answered(not_modified, outcome=Outcome.NOT_MODIFIED)
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        first = writer.append(answered(), role=Role.TARGET)
        original = reader.original(archive, first.record)
        revisit = Revisit(original=original, profile=Profile.NOT_MODIFIED)
        second = writer.append_revisit(exchange, revisit, role=Role.TARGET)
    records = by_warcio(file_of(archive))
    record, beside, metadata = records[5:8]
    assert (record.type, record.block) == ("revisit", b"")
    assert record.headers["warc-payload-digest"] == original.payload_digest
    assert "warc-truncated" not in record.headers
    assert beside.block == not_modified
    assert metadata.headers["warc-concurrent-to"] == record.headers["warc-record-id"]
    page = reader.page(archive, second.record, limit_bytes=1000)
    assert (page.body, page.status) == (b"<p>A page</p>", 200)


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("http://paper.example/مقال?q=ä b", None),
        ("http://paper.example/a|b{c}[d]'~", "http://paper.example/a|b{c}[d]'~"),
        ("http://paper.example/<x>\r\nWARC-Type: forged", None),
    ],
)
def test_any_address_is_one_line_of_ascii(archive: Archive, url: str, uri: str | None) -> None:
    """Letters, blanks and line ends are percent-encoded; both readers see the same address."""
    keep(archive, answered(url=url))
    seen = [list(by_fastwarc(file_of(archive))), by_warcio(file_of(archive))]
    uris = {records[2].headers["warc-target-uri"] for records in seen}
    (one,) = uris
    assert one.isascii()
    assert one.isprintable()
    assert " " not in one
    assert uri is None or one == uri


def test_a_text_is_a_resource(archive: Archive) -> None:
    """What is made from a capture is a resource record tied to it, exact, under a urn."""
    body = "Überschrift\r\n\r\nText".encode()
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        kept = writer.append(answered(), role=Role.TARGET)
        ref = writer.append_resource(
            f"urn:text:{URL}",
            at=AT,
            content_type="text/plain; charset=utf-8",
            body=body,
            concurrent_to=kept.record_id,
        )
    for records in (by_warcio(file_of(archive)), list(by_fastwarc(file_of(archive)))):
        assert (records[-1].type, records[-1].block) == ("resource", body)
        assert records[-1].headers["warc-concurrent-to"] == kept.record_id
        assert records[-1].headers["warc-payload-digest"] == ref.digest == sha1(body)
    with reader.read(archive, ref).block as block:
        assert block.read() == body


def test_an_answer_on_the_disk_is_streamed(archive: Archive, tmp_path: Path) -> None:
    """A large answer in a file is kept from its start, wherever the file stood."""
    answer = ANSWERS["large"]
    path = tmp_path / "spooled"
    path.write_bytes(answer)
    with path.open("rb") as spooled:
        spooled.seek(100)
        exchange = replace(answered(answer), answer=spooled)
        (kept,) = keep(archive, exchange)
    with reader.read(archive, kept.record).block as block:
        assert block.read() == answer


def test_the_reader_gives_the_page_without_its_codings(archive: Archive) -> None:
    """Chunks and gzip are taken off, and the body ends where the limit is."""
    body = gzip.compress(b"<p>The article</p>")
    pieces = [body[:7], body[7:]]
    (kept,) = keep(archive, answered(chunked(pieces, "Content-Encoding: gzip", "X-A: 1")))
    page = reader.page(archive, kept.record, limit_bytes=1000)
    assert page.body == b"<p>The article</p>"
    assert page.status == 200
    assert ("X-A", "1") in page.headers
    assert reader.page(archive, kept.record, limit_bytes=3).body == b"<p>"


def test_a_reference_of_another_kind_of_file_reads_too(archive: Archive) -> None:
    """A record written by warcio itself is read by offset and length."""
    (kept,) = keep(archive, answered())
    with file_of(archive).open("rb") as file:
        iterator = ArchiveIterator(file)
        next(iterator)
        place = (iterator.get_record_offset(), iterator.get_record_length())
    ref = RecordRef(file=kept.record.file, offset=place[0], length=place[1], digest=None)
    record = reader.read(archive, ref)
    with record.block:
        assert record.type == "warcinfo"
    assert io.BytesIO(file_of(archive).read_bytes()).read(2) == b"\x1f\x8b"
