"""Named fields and gzip members: the small parts of a record, each against its standard."""

import gzip
import io
import os
import ssl
import uuid
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from storage.errors import RecordError
from storage.warc import fields
from storage.warc.member import Decoder, Encoder, MemberError


def encoded(*, packed: bytes, stored: bytes = b"", text: bool = False) -> bytes:
    out: list[bytes] = []
    encoder = Encoder(out.append, text=text)
    encoder.pack(packed)
    if stored:
        encoder.store(stored)
    encoder.end()
    return b"".join(out)


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_a_member_is_gzip_whatever_is_stored_in_it(size: int, text: bool) -> None:
    """Deflated and stored blocks in one member are read by gzip, at every size of block."""
    stored = os.urandom(size)
    member = encoded(packed=b"head" * 300, stored=stored, text=text)
    assert gzip.decompress(member) == b"head" * 300 + stored
    assert len(member) < size + 5 * (size // 65_535 + 1) + 100


def test_nothing_is_deflated_behind_a_stored_block() -> None:
    """The deflater would refer to bytes that stand elsewhere: refused."""
    encoder = Encoder(lambda _: None, text=False)
    encoder.store(b"x")
    with pytest.raises(RecordError):
        encoder.pack(b"y")


def test_a_decoder_reads_one_member_and_knows_its_length() -> None:
    """Members behind one another are read one by one, in pieces of any size."""
    contents = [b"a" * 300_000, os.urandom(100_000), b"", b"last"]
    members = [encoded(packed=one[:9], stored=one[9:]) for one in contents]
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
    member = bytearray(encoded(packed=b"head", stored=b"body" * 100))
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


def test_record_ids_are_random_uuids() -> None:
    """An id is a version 4 UUID in the form WARC asks for, and no two are alike."""
    ids = {fields.new_id() for _ in range(200)}
    assert len(ids) == 200
    for one in ids:
        found = uuid.UUID(one.removeprefix("<urn:uuid:").removesuffix(">"))
        assert (found.version, found.variant) == (4, uuid.RFC_4122)


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
    assert encoded(packed=b"x") == encoded(packed=b"x")
    assert zlib.decompress(encoded(packed=b"x"), wbits=31) == b"x"
