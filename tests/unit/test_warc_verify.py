"""Each thing that can be wrong with a WARC file is found where it is, and what is right is left."""

import base64
import gzip
import hashlib
import io
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from exchanges import AT, PAGE, URL, answered, chunked, message, sha1, unanswered
from warcio.archiveiterator import ArchiveIterator

from crawler.commands import doctor
from storage.archive import Archive, create
from storage.model import Capture, Outcome, Role, Tls, Truncation
from storage.warc import reader
from storage.warc.verify import Fault, Gravity, Kind, plan, verify
from storage.warc.writer import Info, Kept, Profile, Revisit, Writer

IDS = [f"<urn:uuid:{number:08d}-0000-4000-8000-000000000000>" for number in range(9)]
DATE = "2026-11-22T13:14:15.123456Z"
HTTP = "application/http; msgtype=response"
IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
CHUNKED = chunked([b"<p>one", b" two</p>"])
RESPONSE = {
    "WARC-Type": "response",
    "WARC-Record-ID": IDS[0],
    "WARC-Date": DATE,
    "WARC-Target-URI": URL,
    "WARC-Block-Digest": sha1(PAGE),
    "WARC-Payload-Digest": sha1(b"<p>A page</p>"),
    "Content-Type": HTTP,
}
REVISIT = {
    "WARC-Type": "revisit",
    "WARC-Record-ID": IDS[1],
    "WARC-Date": "2026-11-23T13:14:15Z",
    "WARC-Target-URI": URL,
    "WARC-Profile": IDENTICAL,
    "WARC-Refers-To": IDS[0],
    "WARC-Refers-To-Target-URI": URL,
    "WARC-Refers-To-Date": DATE,
    "WARC-Payload-Digest": sha1(b"<p>A page</p>"),
    "Content-Type": HTTP,
}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


def record(
    fields: dict[str, str | None],
    block: bytes = PAGE,
    *,
    version: str = "WARC/1.1",
    length: int | None = None,
    end: bytes = b"\r\n\r\n",
    more: str = "",
) -> bytes:
    """Spell a record by hand; a field whose value is None is left out."""
    named = {"Content-Length": str(len(block) if length is None else length), **fields}
    lines = [f"{name}: {value}\r\n" for name, value in named.items() if value is not None]
    return f"{version}\r\n{''.join(lines)}{more}\r\n".encode() + block + end


def packed(*records: bytes) -> bytes:
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def judged(path: Path, *others: Path) -> list[Fault]:
    found = verify(plan(None, (path, *others)))
    return [fault for one in found for fault in one.faults]


def of(folder: Path, data: bytes, *, name: str = "x.warc.gz") -> list[Fault]:
    """Judge bytes as a file."""
    path = folder / name
    path.write_bytes(data)
    return judged(path)


def kinds(faults: Sequence[Fault]) -> list[str]:
    return [fault.kind.value for fault in faults]


def of_archive(
    archive: Archive, captures: Sequence[Capture] | None = None, *, held: bool = False
) -> list[Fault]:
    found = verify(plan(archive, held=held), captures=captures, archive=archive)
    return [fault for one in found for fault in one.faults]


def file_of(archive: Archive) -> Path:
    (path,) = archive.warc.rglob("*.warc.gz")
    return path


def capture(kept: Kept, number: int = 1, *, url: str = URL) -> Capture:
    """Make the row that the catalogue has of what was kept."""
    return Capture(
        id=number,
        url=url,
        role=Role.TARGET,
        captured_at=AT,
        outcome=Outcome.OK,
        record=kept.record,
        request_record=kept.request,
        record_id=kept.record_id,
    )


def two_pages(archive: Archive) -> list[Capture]:
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        urls = (URL, f"{URL}/مقال")
        return [
            capture(writer.append(answered(url=url), role=Role.TARGET), number, url=url)
            for number, url in enumerate(urls, start=1)
        ]


# --- what is right ----------------------------------------------------------------------------


def test_what_our_writer_writes_is_without_fault_or_remark(archive: Archive) -> None:
    """Every kind of exchange, both kinds of revisit and a resource pass, with and without rows."""
    body = gzip.compress(bytes(range(256)) * 50)
    answers = (
        PAGE,
        CHUNKED,
        message(b""),
        message(body, "Content-Encoding: gzip"),
        chunked([body[:50], body[50:]], "Content-Encoding: gzip"),
        message(random.Random(1).randbytes(1_500_000), "Content-Type: video/mp4"),
        b"http/1.1 200\nX-Odd:\xff\xfe\n folded\nno colon\n\nbody\r\n\r\n",
    )
    tls = Tls(version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", chain=(b"leaf",), fault=None)
    raw = answered(b"SSH-2.0-x\r\n", outcome=Outcome.NOT_HTTP, reason="not HTTP", tls=tls)
    beside = answered(interim=b"HTTP/1.1 103 Early Hints\r\n\r\n", surplus=b"more")
    cut = replace(answered(PAGE[:-3]), truncated=Truncation.DISCONNECT)
    none = unanswered(outcome=Outcome.DNS, reason="no such name")
    with Writer(archive, name="test", info=Info(software="x")) as writer:
        kept = [writer.append(answered(one), role=Role.TARGET) for one in answers]
        kept += [writer.append(one, role=Role.TARGET) for one in (raw, beside, cut, none)]
        original = reader.original(archive, kept[0].record)
        for profile in Profile:
            revisit = Revisit(original=original, profile=profile)
            kept.append(writer.append_revisit(answered(), revisit, role=Role.TARGET))
        writer.append_resource(
            f"urn:text:{URL}",
            at=AT,
            content_type="text/plain; charset=utf-8",
            body=b"text",
            concurrent_to=kept[0].record_id,
        )
    assert of_archive(archive) == []
    rows = [capture(one, number) for number, one in enumerate(kept)]
    assert of_archive(archive, rows) == []


def test_another_library_s_file_is_without_fault(tmp_path: Path) -> None:
    """A file of WARC/1.0 by its own rules, brackets around addresses included, is right."""
    fields = RESPONSE | {"WARC-Date": "2026-11-22T13:14:15Z", "WARC-Target-URI": f"<{URL}>"}
    assert of(tmp_path, packed(record(fields, version="WARC/1.0"))) == []


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("md5", "hex"),
        ("sha1", "hex"),
        ("sha-1", "base32"),
        ("SHA256", "hex"),
        ("sha256", "base32"),
        ("sha512", "HEX"),
        ("sha3-256", "hex"),
        ("blake2b", "hex"),
    ],
)
def test_digests_of_every_usual_kind_are_checked(tmp_path: Path, name: str, spelling: str) -> None:
    """Label, algorithm and spelling vary; the right one passes and a wrong one does not."""
    algorithm = name.lower().replace("sha-1", "sha1").replace("-", "_")
    value = hashlib.new(algorithm, PAGE).digest()
    spelled = {
        "hex": value.hex(),
        "HEX": value.hex().upper(),
        "base32": base64.b32encode(value).decode(),
    }[spelling]
    right = RESPONSE | {"WARC-Block-Digest": f"{name}:{spelled}"}
    assert of(tmp_path, packed(record(right))) == []
    other = PAGE.replace(b"200 OK", b"200 KO")
    assert kinds(of(tmp_path, packed(record(right, other)))) == ["block_digest"]


# --- what is wrong with one record ------------------------------------------------------------

WARCINFO = {
    "WARC-Type": "warcinfo",
    "WARC-Record-ID": IDS[5],
    "WARC-Date": DATE,
    "WARC-Filename": "x.warc.gz",
    "Content-Type": "application/warc-fields",
}

WRONG_FIELDS: list[tuple[str, dict[str, str | None]]] = [
    ("missing_field", {"WARC-Type": None}),
    ("missing_field", {"WARC-Record-ID": None}),
    ("missing_field", {"WARC-Date": None}),
    ("missing_field", {"WARC-Target-URI": None}),
    ("field_value", {"WARC-Record-ID": "urn:uuid:1"}),
    ("field_value", {"WARC-Record-ID": "<no scheme>"}),
    ("field_value", {"WARC-Date": "2026-11-22 13:14:15Z"}),
    ("field_value", {"WARC-Date": "2026-11-22T13:14:15"}),
    ("field_value", {"WARC-Date": "2026-11-22T13:14:15+01:00"}),
    ("field_value", {"WARC-Date": "2026-11-22T13:14:15.1234567890Z"}),
    ("field_value", {"WARC-Date": "2026-02-30T13:14:15Z"}),
    ("field_value", {"WARC-Target-URI": f"<{URL}>"}),
    ("field_value", {"WARC-Target-URI": "http://paper.example/a b"}),
    ("field_value", {"WARC-Target-URI": "http://paper.example/ä"}),
    ("field_value", {"WARC-IP-Address": "192.0.2.256"}),
    ("field_value", {"WARC-IP-Address": "fe80::1%eth0"}),
    ("field_value", {"WARC-Block-Digest": "AAAA"}),
    ("field_value", {"Content-Type": "html"}),
    ("field_value", {"WARC-Concurrent-To": "1"}),
    ("misplaced_field", {"WARC-Filename": "x.warc.gz"}),
    ("misplaced_field", {"WARC-Profile": IDENTICAL}),
    ("misplaced_field", {"WARC-Refers-To-Date": DATE}),
    ("misplaced_field", {"WARC-Segment-Total-Length": "1"}),
    ("payload_digest", {"WARC-Payload-Digest": sha1(b"another")}),
    ("block_digest", {"WARC-Block-Digest": sha1(b"another")}),
    ("length", {"Content-Length": "many"}),
    ("unknown_value", {"WARC-Truncated": "tired"}),
    ("unknown_value", {"WARC-Type": "screenshot"}),
    ("no_content_type", {"Content-Type": None, "WARC-Payload-Digest": None}),
    ("uri_letters", {"WARC-Target-URI": "http://paper.example/a|b"}),
    ("uri_letters", {"WARC-Target-URI": "http://paper.example/100%"}),
    ("not_checked", {"WARC-Block-Digest": "xxh3:abcdef0123456789"}),
    ("not_checked", {"WARC-Payload-Digest": "sha1:TOOSHORT"}),
    ("not_checked", {"WARC-Segment-Number": "1"}),
    ("field_value", {"WARC-Segment-Number": "0", "WARC-Payload-Digest": None}),
    ("field_value", {"WARC-Segment-Number": "2", "WARC-Payload-Digest": None}),
    ("field_value", {"WARC-Segment-Number": "one", "WARC-Payload-Digest": None}),
    ("field_value", {"Content-Type": "application/http;msgtype=request"}),
    ("field_value", {"Content-Type": 'application/http; MsgType="request"'}),
    ("wrong_record", {"WARC-Warcinfo-ID": IDS[0]}),
]


@pytest.mark.parametrize(("kind", "changed"), WRONG_FIELDS)
def test_a_wrong_field_is_found(tmp_path: Path, kind: str, changed: dict[str, str | None]) -> None:
    """One field that is not as the standard has it is one fault, at its offset, with its name."""
    first = record(WARCINFO, b"software: x\r\n")
    faults = of(tmp_path, packed(first, record(RESPONSE | changed)))
    assert kinds(faults) == [kind]
    (fault,) = faults
    assert fault.offset == len(packed(first))
    assert fault.url == (changed.get("WARC-Target-URI", URL) or "").strip("<>")
    assert fault.captured_at == (changed.get("WARC-Date", DATE) or "")


SHAPES: list[tuple[str, bytes]] = [
    ("repeated_field", record(RESPONSE, more=f"WARC-Date: {DATE}\r\n")),
    ("version", record(RESPONSE, version="WARC/0.18")),
    ("head", record(RESPONSE, more="no colon\r\n")),
    ("head", record(RESPONSE, more="X-(odd): 1\r\n")),
    ("head", record(RESPONSE, more="X-Odd: a\x07b\r\n")),
    ("head", record(RESPONSE, more="X-Odd: 1\n")),
    ("head", record(RESPONSE, more="X-Odd: ?\r\n").replace(b"?", b"\xff")),
    ("record_end", record(RESPONSE, end=b"")),
    ("record_end", record(RESPONSE, end=b"\r\n")),
    ("record_end", record(RESPONSE, end=b"\n\n")),
    ("length", record(RESPONSE | {"WARC-Block-Digest": None, "WARC-Payload-Digest": None},
                      length=1000)),
    ("no_record", b"HTTP/1.1 200 OK\r\n\r\n"),
    ("no_record", b"WARC/1.1\r\nWARC-Type: response\r\n"),
    ("no_record", b""),
    ("file_name", record(WARCINFO | {"WARC-Filename": "y.warc.gz"}, b"software: x\r\n")),
    ("misplaced_field", record(WARCINFO | {"WARC-Target-URI": URL}, b"software: x\r\n")),
    ("misplaced_field", record(WARCINFO | {"WARC-Payload-Digest": sha1(b"")}, b"x: y\r\n")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), SHAPES)
def test_a_wrong_shape_is_found_and_the_next_record_read(
    tmp_path: Path, kind: str, data: bytes
) -> None:
    """What is wrong with one member does not hide the one behind it."""
    second = record(RESPONSE | {"WARC-Record-ID": IDS[2], "WARC-Block-Digest": sha1(b"another")})
    faults = of(tmp_path, packed(data, second))
    assert kinds(faults) == [kind, "block_digest"]
    assert [fault.offset for fault in faults] == [0, len(packed(data))]


@pytest.mark.parametrize(
    ("kind", "changed", "block"),
    [
        ("no_http", {}, b"SSH-2.0-x\r\n"),
        ("no_http", {}, b"<p>A page"),
        ("no_http", {}, b"GET / HTTP/1.1\r\n\r\n"),
        (None, {}, b"http 200\nbody"),
        (None, {}, b"HTTP/1.1 200 " + b"long " * 200 + b"\r\n\r\n"),
        (None, {"WARC-Truncated": "disconnect"}, b"HTT"),
        ("no_http", {"WARC-Truncated": "disconnect"}, b"SSH-2.0-x\r\n"),
        (None, {"Content-Type": "application/octet-stream"}, b"SSH-2.0-x\r\n"),
        (None, {"WARC-Type": "metadata"}, b"what else came"),
        (None, {"WARC-Type": "request", "Content-Type": "application/http"}, b"GET /\r\n"),
        ("no_http", {"WARC-Type": "request", "Content-Type": "application/http"}, PAGE),
        ("field_value", {"WARC-Type": "request"}, b"GET / HTTP/1.1\r\n\r\n"),
    ],
)
def test_what_is_said_to_be_http_begins_as_http(
    tmp_path: Path, kind: str | None, changed: dict[str, str | None], block: bytes
) -> None:
    """As lenient as the capture is, a block of something else is not an answer or a request."""
    fields = RESPONSE | {"WARC-Block-Digest": None, "WARC-Payload-Digest": None} | changed
    assert kinds(of(tmp_path, packed(record(fields, block)))) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("number", "right"), [("2", True), ("017", True), ("1", False), ("0", False)]
)
def test_a_continuation_begins_at_two(tmp_path: Path, number: str, right: bool) -> None:
    """The first segment is no continuation (WARC/1.1 §5.20)."""
    first = RESPONSE | {"WARC-Segment-Number": "1", "WARC-Payload-Digest": None}
    later = {
        "WARC-Type": "continuation",
        "WARC-Record-ID": IDS[1],
        "WARC-Date": DATE,
        "WARC-Target-URI": URL,
        "WARC-Segment-Origin-ID": IDS[0],
        "WARC-Segment-Number": number,
    }
    faults = of(tmp_path, packed(record(first), record(later, b"the rest")))
    assert kinds(faults) == ([] if right else ["field_value"])


def test_folded_lines_are_legal(tmp_path: Path) -> None:
    """A value may go on in the next line, by the letter of WARC/1.1 §4."""
    folded = RESPONSE | {"WARC-Target-URI": None}
    more = "WARC-Target-URI:\r\n http://paper.example/node/1\r\n"
    assert of(tmp_path, packed(record(folded, more=more))) == []


def test_the_payload_of_a_chunked_answer_is_the_page(tmp_path: Path) -> None:
    """A digest over the chunks, as warcio and wget write it, is a fault that names itself so."""
    fields = RESPONSE | {"WARC-Block-Digest": sha1(CHUNKED)}
    right = fields | {"WARC-Payload-Digest": sha1(b"<p>one two</p>")}
    assert of(tmp_path, packed(record(right, CHUNKED))) == []
    wrong = fields | {"WARC-Payload-Digest": sha1(CHUNKED.partition(b"\r\n\r\n")[2])}
    (fault,) = of(tmp_path, packed(record(wrong, CHUNKED)))
    assert fault.kind is Kind.PAYLOAD_DIGEST
    assert "but of the body with its chunks, as it was transferred" in fault.message


def test_a_large_chunked_answer_is_judged_in_pieces(tmp_path: Path) -> None:
    """Above the size that is held in memory the same holds, for both digests."""
    pieces = [bytes([number]) * 70_000 for number in range(20)]
    large = chunked(pieces)
    fields = RESPONSE | {"WARC-Block-Digest": sha1(large)}
    right = fields | {"WARC-Payload-Digest": sha1(b"".join(pieces))}
    assert of(tmp_path, packed(record(right, large))) == []
    wrong = fields | {"WARC-Payload-Digest": sha1(large.partition(b"\r\n\r\n")[2])}
    (fault,) = of(tmp_path, packed(record(wrong, large)))
    assert "but of the body with its chunks" in fault.message


def test_the_payload_of_a_gzip_answer_keeps_its_coding(tmp_path: Path) -> None:
    """A content coding belongs to the entity body: a digest over the decoded page is a fault."""
    page = b"<p>page</p>" * 9
    block = message(gzip.compress(page), "Content-Encoding: gzip")
    fields = RESPONSE | {"WARC-Block-Digest": sha1(block)}
    right = fields | {"WARC-Payload-Digest": sha1(gzip.compress(page))}
    assert of(tmp_path, packed(record(right, block))) == []
    wrong = fields | {"WARC-Payload-Digest": sha1(page)}
    assert kinds(of(tmp_path, packed(record(wrong, block)))) == ["payload_digest"]


def test_the_payload_of_a_request_is_its_body(tmp_path: Path) -> None:
    """What was posted is the payload; the head of the request is not."""
    block = b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b"
    fields = RESPONSE | {
        "WARC-Type": "request",
        "WARC-Block-Digest": sha1(block),
        "Content-Type": "application/http; msgtype=request",
    }
    right = fields | {"WARC-Payload-Digest": sha1(b"a=b")}
    assert of(tmp_path, packed(record(right, block))) == []
    wrong = fields | {"WARC-Payload-Digest": sha1(block)}
    (fault,) = of(tmp_path, packed(record(wrong, block)))
    assert "but of the whole block" in fault.message


# --- what is wrong between records ------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("elsewhere", {"WARC-Refers-To": IDS[8]}),
        ("revisit", {"WARC-Payload-Digest": sha1(b"another")}),
        ("revisit", {"WARC-Refers-To-Target-URI": f"{URL}/other"}),
        ("revisit", {"WARC-Refers-To-Date": "2026-11-22T13:14:15Z"}),
        ("revisit", {"WARC-Refers-To-Filename": "x.warc.gz", "WARC-Refers-To-File-Offset": "7"}),
        ("missing_field", {"WARC-Profile": None}),
        ("missing_field", {"WARC-Payload-Digest": None}),
        ("unknown_value", {"WARC-Profile": "http://example.org/other-profile"}),
    ],
)
def test_a_revisit_must_say_what_its_original_says(
    tmp_path: Path, kind: str, changed: dict[str, str | None]
) -> None:
    """Digest, address, date and place of the original are held to the record that is named."""
    original = record(RESPONSE)
    assert of(tmp_path, packed(original, record(REVISIT, b""))) == []
    faults = of(tmp_path, packed(original, record(REVISIT | changed, b"")))
    assert kinds(faults) == [kind]
    assert faults[0].offset == len(packed(original))
    assert faults[0].url == URL


def test_a_revisit_with_its_head_must_say_that_it_is_cut(tmp_path: Path) -> None:
    """An identical revisit that keeps the head is truncated, and says so (WARC/1.1 §6.7.2)."""
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    cut = record(REVISIT | {"WARC-Truncated": "length"}, head)
    assert of(tmp_path, packed(record(RESPONSE), cut)) == []
    assert kinds(of(tmp_path, packed(record(RESPONSE), record(REVISIT, head)))) == ["missing_field"]


def test_a_revisit_of_what_holds_no_payload_is_a_fault(tmp_path: Path) -> None:
    """Neither a revisit nor a metadata record can stand for the page."""
    other = REVISIT | {"WARC-Record-ID": IDS[2], "WARC-Refers-To": IDS[1]}
    data = packed(record(RESPONSE), record(REVISIT, b""), record(other, b""))
    (fault,) = of(tmp_path, data)
    assert fault.kind is Kind.REVISIT
    assert "a revisit record, which holds no payload" in fault.message


def test_the_original_of_a_revisit_may_lie_in_another_file(tmp_path: Path) -> None:
    """All files that are read are one archive, whichever comes first."""
    first, second = tmp_path / "a.warc.gz", tmp_path / "b.warc.gz"
    first.write_bytes(packed(record(REVISIT, b"")))
    second.write_bytes(packed(record(RESPONSE)))
    assert judged(first, second) == []
    assert kinds(judged(first)) == ["elsewhere"]


def test_an_id_is_there_once(tmp_path: Path) -> None:
    """Of two records with one id the later is named, be it in the same file or in another."""
    one = packed(record(RESPONSE))
    (fault,) = of(tmp_path, one + one)
    assert (fault.kind, fault.offset) == (Kind.DUPLICATE_ID, len(one))
    (tmp_path / "y.warc.gz").write_bytes(one)
    faults = judged(tmp_path / "y.warc.gz", tmp_path / "x.warc.gz")
    assert kinds(faults) == ["duplicate_id"] * 2


def test_records_of_one_event_have_one_date(tmp_path: Path) -> None:
    """A record tied to another by WARC-Concurrent-To has its date (WARC/1.1 §5.4)."""
    other = RESPONSE | {"WARC-Record-ID": IDS[2], "WARC-Concurrent-To": IDS[0]}
    assert of(tmp_path, packed(record(RESPONSE), record(other))) == []
    later = record(other | {"WARC-Date": "2026-11-22T13:14:16Z"})
    assert kinds(of(tmp_path, packed(record(RESPONSE), later))) == ["concurrent_date"]


# --- what is wrong with the file --------------------------------------------------------------


def starts_of(whole: bytes) -> list[int]:
    """Find the members of a file with another library."""
    iterator = ArchiveIterator(io.BytesIO(whole), no_record_parse=True)
    found = []
    for one in iterator:
        one.raw_stream.read()
        found.append(iterator.get_record_offset())
    return found


def test_a_file_cut_anywhere_is_found_where_it_was_cut(tmp_path: Path, archive: Archive) -> None:
    """The record that breaks off is named; only a cut between two records leaves a whole file."""
    two_pages(archive)
    whole = file_of(archive).read_bytes()
    starts = starts_of(whole)
    for size in range(1, len(whole), 83):
        faults = of(tmp_path, whole[:size], name=file_of(archive).name)
        torn = [fault.offset for fault in faults if fault.kind is Kind.TORN]
        begun = max(one for one in starts if one < size)
        assert torn == ([] if size in starts else [begun])


def test_bytes_between_members_are_found(tmp_path: Path) -> None:
    """What belongs to no member is named with its length, and what follows it is read."""
    one, two = packed(record(RESPONSE)), packed(record(REVISIT | {"WARC-Date": "now"}, b""))
    faults = of(tmp_path, one + b"\0" * 17 + two + b"junk")
    assert kinds(faults) == ["between", "field_value", "between"]
    assert [fault.offset for fault in faults] == [len(one), len(one) + 17, len(one + two) + 17]
    assert "17 bytes" in faults[0].message


@pytest.mark.parametrize("where", [-8, -4])
def test_a_wrong_trailer_is_told_by_name(tmp_path: Path, where: int) -> None:
    """CRC-32 and ISIZE are told apart, and the record that has them is named."""
    one = bytearray(packed(record(RESPONSE)))
    one[where] ^= 1
    (fault,) = of(tmp_path, bytes(one))
    assert (fault.kind, fault.offset, fault.url) == (Kind.CHECK_SUM, 0, URL)
    assert ("CRC-32" if where == -8 else "ISIZE") in fault.message


def test_a_damaged_record_is_named_and_the_next_ones_read(tmp_path: Path) -> None:
    """Address and date are saved from a member that cannot be inflated to its end."""
    text = message(random.Random(3).randbytes(40_000).hex().encode())
    fields = RESPONSE | {"WARC-Block-Digest": sha1(text), "WARC-Payload-Digest": None}
    one = bytearray(packed(record(fields, text)))
    one[len(one) // 2 : len(one) // 2 + 40] = b"\xff" * 40
    faults = of(tmp_path, bytes(one) + packed(record(REVISIT, b"")))
    assert kinds(faults)[0] in ("damaged", "block_digest")
    assert {"damaged", "check_sum"} & set(kinds(faults))
    assert (faults[0].offset, faults[0].url, faults[0].captured_at) == (0, URL, DATE)


def test_records_in_one_member_are_a_fault_and_are_read_all_the_same(tmp_path: Path) -> None:
    """A file compressed as a whole has no record that could be read by itself."""
    wrong = record(RESPONSE | {"WARC-Record-ID": IDS[2], "WARC-Date": "now"})
    faults = of(tmp_path, packed(record(RESPONSE) + wrong))
    assert kinds(faults) == ["shared_member", "field_value"]


def test_a_file_that_is_not_compressed_is_read_too(tmp_path: Path) -> None:
    """Records that simply follow each other are judged at their offsets, past a broken one."""
    one, two = record(RESPONSE), record(REVISIT, b"")
    assert of(tmp_path, one + two, name="x.warc") == []
    broken = record(RESPONSE | {"Content-Length": "7"})
    faults = of(tmp_path, broken + two, name="x.warc")
    assert "record_end" in kinds(faults)
    assert {fault.offset for fault in faults} <= {0, len(broken)}
    (fault,) = of(tmp_path, one + two[:-3], name="x.warc")
    assert (fault.kind, fault.offset) == (Kind.TORN, len(one))


def test_what_is_no_warc_file_is_a_fault(tmp_path: Path) -> None:
    """Text, an empty member and an empty file are told of, not passed over."""
    (fault,) = of(tmp_path, b"hello")
    assert fault.message.startswith("this is no WARC file")
    assert fault.offset is None
    assert kinds(of(tmp_path, b"hello", name="x.warc")) == ["no_warc"]
    assert kinds(of(tmp_path, gzip.compress(b"hello"))) == ["no_record"]
    assert kinds(of(tmp_path, b"")) == ["empty"]


def test_a_file_by_another_name_is_read_and_remarked(tmp_path: Path) -> None:
    """Renamed or unpacked, with whatever ending, it is the same records."""
    whole = record(WARCINFO, b"software: x\r\n") + record(RESPONSE)
    for name, data in (("y.warc.gz", packed(whole)), ("x.warc", whole), ("copy.gz", whole)):
        faults = [
            one for one in of(tmp_path, data, name=name) if one.kind is not Kind.SHARED_MEMBER
        ]
        assert kinds(faults) == ["file_name"]
        assert faults[0].gravity is Gravity.REMARK


def test_a_header_with_every_option_of_gzip_is_read(tmp_path: Path) -> None:
    """Extra field, name, comment and header check sum are legal; a wrong one is found."""
    body = gzip.compress(record(RESPONSE), mtime=0)[10:]
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\x00abc" + b"name\0" + b"comment\0"
    check = (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    assert of(tmp_path, header + check + body) == []
    assert kinds(of(tmp_path, header + b"xx" + body)) == ["damaged"]
    assert kinds(of(tmp_path, b"\x1f\x8b\x08\xe0" + bytes(6) + body)) == ["damaged"]


def test_the_list_of_one_file_ends(tmp_path: Path) -> None:
    """A file in which everything is wrong cannot fill the memory: the rest is counted."""
    bad = packed(record({"WARC-Type": "resource", "WARC-Record-ID": IDS[0]}, b"", end=b""))
    faults = of(tmp_path, bad * 3_334)
    of_file = [fault for fault in faults if fault.kind is not Kind.DUPLICATE_ID]
    assert len(of_file) == 10_001
    assert of_file[-1].message == "2 more faults of this file are not listed"


def test_what_is_broken_all_over_is_given_up(tmp_path: Path) -> None:
    """Records that each claim the whole file as their block cannot make it be read for ever."""
    greedy = record({"WARC-Type": "resource"}, b"", length=10**9)
    faults = of(tmp_path, greedy * 3_000, name="x.warc")
    assert faults[-1].kind is Kind.DAMAGED
    assert "were given up" in faults[-1].message
    assert sum(fault.kind is Kind.TORN for fault in faults) < 100


# --- the archive and its catalogue ------------------------------------------------------------


def test_rows_that_agree_are_silent_and_a_missing_one_is_a_remark(archive: Archive) -> None:
    """A record nobody points to is no fault: its process may have died before it told."""
    rows = two_pages(archive)
    assert of_archive(archive, rows) == []
    faults = of_archive(archive, rows[:1])
    assert kinds(faults) == ["no_row"]
    assert faults[0].gravity is Gravity.REMARK


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda row: replace(row, url="http://other.example/"), "the address"),
        (lambda row: replace(row, captured_at=AT.replace(day=1)), "the date"),
        (lambda row: replace(row, record_id=IDS[8]), "the id"),
        (lambda row: replace(row, record=replace(row.record, length=7)), "7 bytes instead of"),
        (lambda row: replace(row, record=replace(row.record, digest=sha1(b""))), "the payload"),
        (lambda row: replace(row, record=row.request_record), "it is a request record"),
        (lambda row: replace(row, record=replace(row.record, offset=3)), "no whole record begins"),
    ],
)
def test_a_row_that_says_otherwise_is_found(
    archive: Archive, change: Callable[[Capture], Capture], says: str
) -> None:
    """Address, date, id, length, digest, place: each is held to the record."""
    first, second = two_pages(archive)
    faults = [one for one in of_archive(archive, [first, change(second)]) if one.kind is Kind.ROW]
    assert faults
    assert says in " ".join(fault.message for fault in faults)


def test_swapped_records_are_found_by_their_rows(archive: Archive) -> None:
    """Two whole records in each other's place are no fault of the file, but of the archive."""
    rows = two_pages(archive)
    path, data = file_of(archive), file_of(archive).read_bytes()
    parts = [data[start:end] for start, end in pairwise([*starts_of(data), len(data)])]
    parts[2], parts[5] = parts[5], parts[2]
    path.write_bytes(b"".join(parts))
    assert of_archive(archive) == []
    assert set(kinds(of_archive(archive, rows))) >= {"row"}


def test_a_missing_file_is_told_once(archive: Archive) -> None:
    """The file is named with how many records are lost with it."""
    rows = two_pages(archive)
    name = archive.name(file_of(archive))
    file_of(archive).unlink()
    (fault,) = of_archive(archive, rows)
    assert (fault.kind, fault.file, fault.offset) == (Kind.MISSING_FILE, name, None)
    assert "4 records" in fault.message


def test_what_lies_behind_a_cut_is_told_once(archive: Archive) -> None:
    """One line sums up the rows whose records are gone, with the first and the last of them."""
    rows = two_pages(archive)
    path = file_of(archive)
    data = path.read_bytes()
    starts = starts_of(data)
    for size, kind in ((starts[2] + 9, "torn"), (starts[2], None), (0, "empty")):
        path.write_bytes(data[:size])
        *others, lost = of_archive(archive, rows)
        assert kinds(others) == ([kind] if kind else [])
        assert lost.kind is Kind.ROW
        count = 4 if size == 0 else 3
        assert lost.message.startswith(f"{count} records of the catalogue lie behind the cut: ")
        assert rows[0].url in lost.message
        assert rows[1].url in lost.message


def test_a_record_that_is_named_and_in_no_file_of_the_archive_is_missing(archive: Archive) -> None:
    """In a whole archive there is no elsewhere."""
    path = archive.warc / "x.warc.gz"
    path.write_bytes(packed(record(REVISIT, b"")))
    assert kinds(of_archive(archive)) == ["missing_record"]
    # A service may have appended it to a file that was read before this one.
    (remark,) = of_archive(archive, held=True)
    assert (remark.kind, remark.gravity) == (Kind.ELSEWHERE, Gravity.REMARK)


def test_a_file_being_written_is_read_to_its_last_whole_record(archive: Archive) -> None:
    """While a service runs, half a record at the end of an open file is only remarked."""
    rows = two_pages(archive)
    path = file_of(archive)
    data = path.read_bytes()
    path.unlink()
    path.with_name(path.name + ".open").write_bytes(data + data[:100])
    faults = of_archive(archive, rows, held=True)
    assert kinds(faults) == ["open_file", "open_file"]
    assert faults[1].offset == len(data)
    assert all("is being written" in fault.message for fault in faults)
    faults = of_archive(archive, rows)
    assert kinds(faults) == ["open_file", "open_file"]
    assert "left open by a crash" in faults[0].message
    assert "a crash left 100 bytes of an unfinished record" in faults[1].message


def test_what_a_crash_left_is_remarked(archive: Archive) -> None:
    """Tails that were set aside are no fault, and not forgotten."""
    (archive.torn / "x.warc.gz.100.torn").write_bytes(b"tail")
    (fault,) = of_archive(archive)
    assert (fault.kind, fault.file) == (Kind.TORN_FOLDER, "torn/x.warc.gz.100.torn")


def test_nothing_is_changed(archive: Archive) -> None:
    """To verify writes nothing into the archive, whatever is wrong with it."""
    rows = two_pages(archive)
    path = file_of(archive)
    path.write_bytes(path.read_bytes()[:-5])
    before = {one: one.stat() for one in archive.root.rglob("*")}
    assert of_archive(archive, rows)
    after = {one: one.stat() for one in archive.root.rglob("*")}
    assert {one: stat.st_mtime_ns for one, stat in before.items()} == {
        one: stat.st_mtime_ns for one, stat in after.items()
    }


def test_every_kind_is_explained() -> None:
    """docs/verify.md says of each kind what it means, and calls those remarks that are."""
    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text("utf-8")
    table = page.partition("\n## What is checked")[2].partition("\n**The payload**")[0]
    for kind in Kind:
        (line,) = [one for one in table.splitlines() if f"`{kind}`" in one[: one.find("|", 1)]]
        fault = Fault(file="", offset=None, kind=kind, message="")
        assert ("(remark)" in line) == (fault.gravity is Gravity.REMARK)


def test_lines_of_the_journal_that_nobody_can_read_are_told(tmp_path: Path) -> None:
    """A damaged line is a fault with its place, one of a newer release a remark."""
    kept = create(tmp_path / "archive")
    good = b'{"version":1,"at":"2026-11-22T20:15:00Z","by":"command","verb":"pause"}\n'
    newer = good.replace(b'"version":1', b'"version":9')
    kept.watch_journal.write_bytes(good + b"\xff\xfe\n" + newer + b"torn")
    told = [fault for one in verify(plan(kept), archive=kept) for fault in one.faults]
    assert [(one.kind, one.file, one.offset) for one in told] == [
        ("journal", "watch.jsonl", len(good)),
        ("journal_newer", "watch.jsonl", None),
    ]
    assert [one.gravity for one in told] == ["fault", "remark"]
    seen = doctor._watch_list(kept)
    assert seen.state is doctor.State.FAULT
    assert f"damaged at byte {len(good)} (1 of its lines)" in seen.says
