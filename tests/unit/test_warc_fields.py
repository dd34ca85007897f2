"""Named fields and gzip members: the small parts of a record, each against its standard."""

import gzip
import io
import itertools
import os
import ssl
import uuid
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from storage.errors import RecordError
from storage.warc import fields
from storage.warc.member import FASTEST, TEXT_BYTES, ZLIB, Decoder, Encoder, Engine, MemberError


def encoded(packed: bytes, stored: bytes = b"", *, engine: Engine = FASTEST) -> bytes:
    """Return one gzip member: what is deflated, then what is only stored."""
    pieces: list[bytes] = []
    encoder = Encoder(pieces.append, text=len(packed) > TEXT_BYTES, engine=engine)
    encoder.pack(packed)
    if stored:
        encoder.store(stored)
    encoder.end()
    return b"".join(pieces)


engines = pytest.mark.parametrize("engine", [ZLIB, FASTEST], ids=["zlib", "fastest"])


@engines
@pytest.mark.parametrize("text", [b"head" * 300, b"body of text " * 3000])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_a_member_is_gzip_whatever_is_stored_in_it(text: bytes, size: int, engine: Engine) -> None:
    """Deflated and stored blocks in one member are read by gzip, at every size of block."""
    stored = os.urandom(size)
    member = encoded(text, stored, engine=engine)
    assert gzip.decompress(member) == text + stored
    assert len(member) < len(text) // 50 + size + 5 * (size // 65_535 + 1) + 100


@engines
def test_a_member_is_the_same_in_pieces(engine: Engine) -> None:
    """A large body that comes piece by piece is packed as well as one that is there at once."""
    text = bytes(range(256)) * 4000
    out: list[bytes] = []
    encoder = Encoder(out.append, text=True, engine=engine)
    for start in range(0, len(text), 100_000):
        encoder.pack(text[start : start + 100_000])
    encoder.end()
    assert gzip.decompress(b"".join(out)) == text
    assert sum(map(len, out)) < len(text) / 50


def test_nothing_is_deflated_behind_a_stored_block() -> None:
    """The deflater would refer to bytes that stand elsewhere: refused."""
    encoder = Encoder(lambda _: None, text=False)
    encoder.store(b"x")
    with pytest.raises(RecordError):
        encoder.pack(b"y")


def test_a_decoder_reads_one_member_and_knows_its_length() -> None:
    """Members behind one another are read one by one, in pieces of any size."""
    contents = [b"a" * 300_000, os.urandom(100_000), b"", b"last"]
    members = [encoded(one[:9], one[9:]) for one in contents]
    file = io.BytesIO(b"".join(members))
    offset = 0
    for content, member in zip(contents, members, strict=True):
        decoder = Decoder(file, offset=offset)
        assert b"".join(iter(lambda: decoder.read(1000), b"")) == content  # noqa: B023
        assert decoder.length == len(member)
        offset += decoder.length


@pytest.mark.parametrize("place", [0, 20, -6, -1])
def test_a_decoder_sees_every_fault(place: int) -> None:
    """A wrong magic, a wrong block, a wrong sum, a wrong size and a cut are all faults."""
    member = bytearray(encoded(b"head", b"body" * 100))
    member[place] ^= 1
    with pytest.raises(MemberError, match="damaged"):
        list(iter(Decoder(io.BytesIO(member), offset=0).read, b""))
    with pytest.raises(MemberError, match="breaks off"):
        list(iter(Decoder(io.BytesIO(member[:-9]), offset=len(member)).read, b""))


def test_dates_have_microseconds_and_are_utc() -> None:
    """Any zone becomes UTC, any precision of the standard is read."""
    at = datetime(2026, 11, 22, 13, 14, 15, tzinfo=timezone(timedelta(hours=2)))
    assert fields.warc_date(at) == "2026-11-22T11:14:15.000000Z"
    assert fields.parse_date("2026-11-22T11:14:15.000000Z") == at
    assert fields.parse_date("2026-11-22T11:14:15.123456789Z").microsecond == 123456
    assert fields.parse_date("2026-11-22T11:14:15Z") == at
    assert fields.parse_date("2026-11") == datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(RecordError):
        fields.parse_date("yesterday")


def test_record_ids_are_uuids_of_a_family() -> None:
    """Ids are UUIDs of version 8, no two alike; those of one file differ in their last digits."""
    ids = list(itertools.islice(fields.record_ids(), 300))
    assert len(set(ids)) == 300
    assert len({one[:-9] for one in ids}) == 1
    families = {next(fields.record_ids()) for _ in range(300)}
    assert len(families) == 300
    for one in (*ids, *families):
        found = uuid.UUID(one.removeprefix("<urn:uuid:").removesuffix(">"))
        assert f"<{found.urn}>" == one
        assert (found.version, found.variant) == (8, uuid.RFC_4122)


def test_cipher_suites_have_their_registered_names() -> None:
    """Every suite that this Python offers by default gets the name IANA gave it."""
    names = {one["name"] for one in ssl.create_default_context().get_ciphers()}
    for name in names:
        assert fields.cipher_suite(name).startswith("TLS_")
    for name, registered in (
        ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
        ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("ECDHE-RSA-AES256-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
        ("DHE-RSA-AES128-SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
        ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("SOMETHING-\r\nNEW", "SOMETHING- NEW"),
    ):
        assert fields.cipher_suite(name) == registered


def test_protocols_are_those_of_the_proposal() -> None:
    """HTTP and TLS versions are spelled as readers expect; what names none gives none."""
    assert fields.http_protocol(b"GET / HTTP/1.1\r\nHost: a\r\n") == "http/1.1"
    assert fields.http_protocol(b"http/1.0 200\n") == "http/1.0"
    assert fields.http_protocol(b"ICY 200 OK\r\nX: HTTP/1.1\r\n") == ""
    assert fields.tls_protocol("TLSv1.3") == "tls/1.3"
    assert fields.tls_protocol("TLSv1") == "tls/1.0"
    assert fields.tls_protocol("SSLv3") == "ssl/3"


def test_the_head_of_a_member_costs_no_time_stamp() -> None:
    """The same bytes give the same member, whenever they are written."""
    assert encoded(b"x") == encoded(b"x")
    assert zlib.decompress(encoded(b"x"), wbits=31) == b"x"
