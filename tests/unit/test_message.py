"""The message syntax, lenient on purpose: heads, framing, chunks, codings."""

import gzip
import io
import tracemalloc
import zlib
from itertools import pairwise

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as some

from storage.message import (
    LONGEST_ENTITY_BYTES,
    Dechunker,
    Span,
    codings_of,
    decode,
    entity,
    framing,
    head_end,
    parse_head,
)

MIB = 1024 * 1024
TEXT = b"".join(b"<p>paragraph %d of the article</p>\n" % number for number in range(400))
CODED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]),
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT[:5000]) + zstd.compress(TEXT[5000:]),
}


@pytest.mark.parametrize(
    ("line", "version", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", "HTTP/1.1", 200, "OK"),
        (b"HTTP/1.0 404", "HTTP/1.0", 404, ""),
        (b"http/1.1 200 ok", "http/1.1", 200, "ok"),
        (b"HTTP/1.1\t301   Moved  for ever ", "HTTP/1.1", 301, "Moved  for ever"),
        (b"HTTP/1.1 200OK", "HTTP/1.1", 200, "OK"),
        (b"HTTP 999 \xe9", "HTTP", 999, "\xe9"),
    ],
)
def test_status_lines_are_read_as_servers_write_them(line, version, status, reason):
    """Version, status and reason come out of every spelling seen in the wild."""
    head = parse_head(line + b"\r\n\r\n")
    assert head is not None
    assert (head.version, head.status, head.reason) == (version, status, reason)
    assert head.complete
    assert head.size_bytes == len(line) + 4


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-x\r\n\r\n", b"<html>", b"HTTP/1.1 20 OK\n\n", b"HTTP/1.1 2000\n\n"]
)
def test_what_is_not_http_has_no_head(data):
    """Without protocol and three-digit status there is no head."""
    assert parse_head(data) is None


def test_odd_fields_are_read_and_keep_their_case():
    """LF-only, folded, colon-less and blank-ridden lines give the fields a browser would see."""
    head = parse_head(
        b"HTTP/1.1 200 OK\n"
        b" lost fold: 1\n"
        b"X-One:1\n"
        b"x-one : 2\r\n"
        b"Folded: a\r\n\t b\r\n  c\n"
        b"no colon here\n"
        b" nor in its fold\n"
        b": no name\n"
        b"Odd: \xff\x85 caf\xc3\xa9 \x01:x\r\n"
        b"Empty:\r\n"
        b"\r\nbody"
    )
    assert head is not None
    assert head.fields == (
        ("X-One", "1"),
        ("x-one", "2"),
        ("Folded", "a b c"),
        ("Odd", "\xff\x85 caf\xc3\xa9 \x01:x"),
        ("Empty", ""),
    )
    assert head.values("x-one") == ["1", "2"]


def test_a_cut_head_is_read_as_far_as_it_goes():
    """A head without its empty line says that it is not complete."""
    head = parse_head(b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2")
    assert head is not None
    assert not head.complete
    assert head.fields == (("A", "1"), ("B", "2"))


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\n\n"])
def test_the_end_of_a_head_is_found_over_any_two_reads(end):
    """However the empty line is split, the search that goes on from the first read finds it."""
    data = b"HTTP/1.1 200 OK\r\nA: 1" + end + b"body\n\n"
    expected = data.index(b"body")
    for cut in range(len(data)):
        found = head_end(data[:cut])
        assert (found if found >= 0 else head_end(data, cut)) == expected


@pytest.mark.parametrize(
    ("method", "status", "fields", "span", "length"),
    [
        ("GET", 200, b"Content-Length: 5", Span.LENGTH, 5),
        ("GET", 200, b"Content-Length: 5\nContent-Length: 5", Span.LENGTH, 5),
        ("GET", 200, b"Content-Length: 5, 5", Span.LENGTH, 5),
        ("GET", 200, b"Content-Length: 5\nContent-Length: 6", Span.CLOSE, 0),
        ("GET", 200, b"Content-Length: -5", Span.CLOSE, 0),
        ("GET", 200, "Content-Length: \u00b2".encode("latin-1"), Span.CLOSE, 0),
        ("GET", 200, b"Content-Length: " + b"9" * 30, Span.CLOSE, 0),
        ("GET", 200, b"X: y", Span.CLOSE, 0),
        ("GET", 200, b"Transfer-Encoding: Chunked\nContent-Length: 5", Span.CHUNKED, 0),
        ("GET", 200, b"Transfer-Encoding: gzip, chunked", Span.CHUNKED, 0),
        ("GET", 200, b"Transfer-Encoding: gzip", Span.CLOSE, 0),
        ("GET", 200, b"Transfer-Encoding: identity\nContent-Length: 5", Span.LENGTH, 5),
        ("GET", 200, b"Transfer-Encoding: gzip\nTransfer-Encoding: chunked", Span.CHUNKED, 0),
        ("GET", 200, b"Transfer-Encoding: gzip;q=1 , CHUNKED ; a=b", Span.CHUNKED, 0),
        ("GET", 200, b"Transfer-Encoding: chunked, identity", Span.CHUNKED, 0),
        ("GET", 200, b"Transfer-Encoding: chunked, gzip", Span.CLOSE, 0),
        ("GET", 200, b"Transfer-Encoding: utf-8\nContent-Length: 5", Span.LENGTH, 5),
        ("GET", 200, b"Transfer-Encoding: utf-8", Span.CLOSE, 0),
        ("GET", 200, b"Transfer-Encoding: ,\nContent-Length: 5", Span.LENGTH, 5),
        ("HEAD", 200, b"Content-Length: 5", Span.NONE, 0),
        ("GET", 204, b"Content-Length: 5", Span.NONE, 0),
        ("GET", 304, b"Transfer-Encoding: chunked", Span.NONE, 0),
        ("GET", 103, b"Content-Length: 5", Span.NONE, 0),
    ],
)
def test_framing_follows_the_standard(method, status, fields, span, length):
    """RFC 9112 §6.3 decides; invalid lengths lose no byte."""
    head = parse_head(b"HTTP/1.1 %d\r\n%b\r\n\r\n" % (status, fields))
    assert head is not None
    found = framing(head, method)
    assert (found.span, found.length_bytes) == (span, length)


CHUNKED = (
    b'5;name=value;q="a b"\r\nhello\r\n'
    b" 0006 \r\n world\r\n"
    b"1\n!\n"
    b"0;last\r\nTrailer: x\r\n folded\r\n\r\n"
)


@given(cuts=some.lists(some.integers(0, len(CHUNKED)), max_size=12))
def test_chunks_come_apart_wherever_the_reads_are_cut(cuts):
    """Extensions, blanks, bare LF and trailers give the same entity for every segmentation."""
    dechunker = Dechunker()
    body = CHUNKED + b"surplus"
    edges = [0, *sorted(cuts), len(body)]
    out = b"".join(dechunker.feed(body[a:b]) for a, b in pairwise(edges))
    assert out == b"hello world!"
    assert dechunker.done
    assert dechunker.surplus == b"surplus"


def test_one_byte_chunks_and_one_byte_reads():
    """The smallest chunks in the smallest reads are no special case."""
    wire = b"".join(b"1\r\n%c\r\n" % byte for byte in b"slow") + b"0\r\n\r\n"
    dechunker = Dechunker()
    assert b"".join(dechunker.feed(bytes([byte])) for byte in wire) == b"slow"
    assert dechunker.done


@pytest.mark.parametrize(
    "body", [b"<html>not chunked</html>", b"<p>\nlines\n</p>\n", b"\n<html>", b"x" * 70_000]
)
def test_a_body_that_is_not_chunked_comes_as_it_is(body):
    """A false claim of chunking costs no byte."""
    dechunker = Dechunker()
    assert dechunker.feed(body) + dechunker.end() == body
    assert not dechunker.done
    assert not dechunker.last_chunk_seen


def test_garbage_after_good_chunks_is_passed_on():
    """Framing that breaks off gives what was understood and then everything as it is."""
    dechunker = Dechunker()
    assert dechunker.feed(b"3\r\nabc\r\nzz\r\nrest") == b"abczz\r\nrest"
    assert dechunker.broken
    assert dechunker.begun


@given(
    chunks=some.lists(
        some.tuples(
            some.sampled_from([1, 2, 3, 15, 16, 64, 65, 300]),
            some.sampled_from([b"%x", b"%X", b"00%x", b" %x ", b"%x;a=b"]),
            some.sampled_from([b"\r\n", b"\n"]),
            some.sampled_from([b"\r\n", b"\n", b"", b"\n\r\n"]),
            some.sampled_from([1, 2, 31, 32, 33, 70, 150]),
        ),
        max_size=6,
    ),
    step=some.sampled_from([1, 7, 100, 1000, 100_000]),
)
def test_chunks_of_every_shape_in_any_number_come_apart(chunks, step):
    """One after another or many at a time, cut by reads of any size: the same bytes come out."""
    wire, body = bytearray(), bytearray()
    for number, (size, form, line, end, times) in enumerate(chunks):
        for turn in range(times):
            data = (b"1\r\n%d\n%d\r\n" % (turn, number) * size)[:size]
            wire += form % size + line + data + end
            body += data
    wire += b"0\r\nTrailer: x\r\n\r\nsurplus"
    dechunker = Dechunker()
    out = b"".join(dechunker.feed(bytes(wire[at : at + step])) for at in range(0, len(wire), step))
    assert out == body
    assert dechunker.done
    assert dechunker.surplus == b"surplus"
    assert dechunker.trailer_bytes == len(b"Trailer: x\r\n\r\n")


def test_garbage_after_many_chunks_alike_is_passed_on():
    """However far chunks were taken together, the first that is none is noticed."""
    for times in range(30, 200):
        dechunker = Dechunker()
        assert dechunker.feed(b"1\r\nx\r\n" * times + b"1\rnx\r\n") == b"x" * times + b"1\rnx\r\n"
        assert dechunker.broken


def test_a_chunk_costs_a_fraction_of_its_bytes_in_objects():
    """A body in chunks of one byte is taken apart without holding an object for each."""
    wire = b"1\r\nx\r\n" * 40_000
    dechunker = Dechunker()
    tracemalloc.start()
    try:
        assert dechunker.feed(wire) == b"x" * 40_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(wire)


def test_the_last_chunk_makes_the_body_whole():
    """A server that closes after ``0`` without the empty line has sent everything."""
    dechunker = Dechunker()
    assert dechunker.feed(b"3\r\nabc\r\n0\r\n") == b"abc"
    assert dechunker.last_chunk_seen
    assert not dechunker.done


@pytest.mark.parametrize(
    ("block", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\r\nbody\r\n0\r\n\r\n", b"body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbody", b"body"),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nCut: here", b""),
        (b"220 ftp.example.org ready\r\n", b"220 ftp.example.org ready\r\n"),
        (b"", b""),
    ],
)
def test_the_entity_of_a_stored_block(block, body):
    """Reading back gives the body without its transfer coding, and raw what is not HTTP."""
    assert b"".join(entity(io.BytesIO(block))) == body


@pytest.mark.parametrize("name", sorted(CODED))
@pytest.mark.parametrize("tail", [b"0\r\n\r\n", b""])
def test_compressed_transfer_codings_are_no_part_of_the_entity(name, tail):
    """Under chunks, and alone to the end of the connection, whole and cut."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %b" % name.encode()
    coded = CODED[name]
    chunk = b"%x\r\n%b\r\n" % (len(coded), coded)
    chunked = io.BytesIO(head + b", chunked\r\n\r\n" + chunk + tail)
    assert b"".join(entity(chunked)) == TEXT
    assert b"".join(entity(io.BytesIO(head + b"\r\n\r\n" + coded))) == TEXT


@pytest.mark.parametrize(
    "field", [b"gzip, chunked", b"gzip", b"chunked, gzip", b"compress", b"gzip, utf-8, chunked"]
)
def test_a_transfer_coding_that_is_none_costs_no_byte(field):
    """A body that only claims to be compressed is its own entity."""
    body = b"b\r\n<p>text</p>\r\n0\r\n\r\n" if field.endswith(b"chunked") else b"<p>text</p>"
    block = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + field + b"\r\n\r\n" + body
    assert b"".join(entity(io.BytesIO(block))) == b"<p>text</p>"


def test_content_codings_lie_below_transfer_codings():
    """What was compressed twice, once for each kind, is read by undoing both."""
    coded = gzip.compress(zlib.compress(TEXT))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nTransfer-Encoding: gzip\r\n\r\n"
    body = entity(io.BytesIO(head + coded))
    assert decode(body, ["deflate"], limit_bytes=MIB) == TEXT


def test_a_bomb_in_a_transfer_coding_is_cut():
    """The entity ends at its limit, and no more than pieces of it are held."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"
    pieces = entity(io.BytesIO(head + bombs()["gzip"]))
    assert sum(map(len, pieces)) == LONGEST_ENTITY_BYTES


def test_a_long_entity_is_read_by_pieces():
    """A body longer than a read comes whole, chunk framing over the seams included."""
    chunk = b"%x\r\n%b\r\n" % (len(TEXT), TEXT)
    block = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 60 + b"0\r\n\r\n"
    assert b"".join(entity(io.BytesIO(block))) == TEXT * 60


@pytest.mark.parametrize("name", sorted(CODED))
@pytest.mark.parametrize("step", [7, 100_000])
def test_codings_are_undone(name, step):
    """Every coding, several streams after one another, reads of every size."""
    coded = CODED[name]
    chunks = [coded[start : start + step] for start in range(0, len(coded), step)]
    assert decode(chunks, [name.upper()], limit_bytes=MIB) == TEXT


def test_raw_deflate_is_taken_for_deflate():
    """Servers that leave the zlib wrapper away are understood."""
    compressor = zlib.compressobj(wbits=-15)
    raw = compressor.compress(TEXT) + compressor.flush()
    assert decode([raw], ["deflate"], limit_bytes=MIB) == TEXT


def test_several_codings_are_undone_in_reverse():
    """The last coding named was applied last."""
    coded = brotli.compress(gzip.compress(TEXT))
    names = codings_of((("Content-Encoding", "gzip, utf-8"), ("content-encoding", "br")))
    assert names == ("gzip", "utf-8", "br")
    assert decode([coded], names, limit_bytes=MIB) == TEXT


@pytest.mark.parametrize("name", sorted(CODED))
def test_cut_streams_give_what_came(name):
    """Half of a coded body gives the beginning of the text."""
    coded = CODED[name]
    text = decode([coded[: len(coded) * 2 // 3]], [name], limit_bytes=MIB)
    assert 0 < len(text) < len(TEXT)
    assert TEXT.startswith(text)


@pytest.mark.parametrize("name", sorted(CODED))
@pytest.mark.parametrize("body", [TEXT, b"hi", b"{}", b"\x00" * 3000, b""])
def test_falsely_declared_codings_give_the_raw_bytes(name, body):
    """A body that is not in its declared coding is not lost."""
    assert decode([body] if body else [], [name], limit_bytes=MIB) == body


def test_a_wrong_checksum_costs_nothing_before_it():
    """A gzip body whose checksum alone is wrong is a whole page, as browsers see it."""
    coded = bytearray(CODED["gzip"])
    coded[-6] ^= 0xFF
    assert decode([bytes(coded)], ["gzip"], limit_bytes=MIB) == TEXT


def test_bytes_after_a_stream_are_ignored():
    """Padding after a gzip stream is no part of the text."""
    assert decode([CODED["gzip"] + b"\0" * 50], ["gzip"], limit_bytes=MIB) == TEXT


def test_more_codings_than_anybody_means_are_not_undone():
    """A tower of codings is taken down only so far, without an error."""
    coded = TEXT
    for _ in range(12):
        coded = gzip.compress(coded)
    assert decode([coded], ["gzip"] * 12, limit_bytes=MIB).startswith(b"\x1f\x8b")


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "twice"])
def test_no_bomb_allocates_more_than_the_limit(name):
    """A gigabyte of zeros in any coding gives the limit, and the peak stays near it."""
    bomb = bombs()[name]
    names = ["gzip", "gzip"] if name == "twice" else [name]
    tracemalloc.start()
    try:
        body = decode([bomb], names, limit_bytes=2 * MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body.count(0) == len(body) == 2 * MIB
    assert peak < 3 * MIB


def bombs() -> dict[str, bytes]:
    """Return small bodies that decode to 64 MiB, or to a GiB, of zeros."""
    zeros = b"\0" * MIB
    deflate = zlib.compressobj(9)
    parts = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)
    member = gzip.compress(zeros) * 1024
    return {
        "gzip": member,
        "deflate": parts + block * 63,
        "br": brotli.compress(zeros * 64, quality=4),
        "zstd": zstd.compress(zeros) * 1024,
        "twice": gzip.compress(member),
    }
