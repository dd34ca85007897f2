"""Spell the named fields of WARC records: addresses, dates, digests, protocols (WARC/1.1 §5)."""

import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from storage.digest import labelled
from storage.errors import RecordError

VERSION = "WARC/1.1"
LONGEST_URI_BYTES = 16_000
"""Readers give up on longer ``WARC-Target-URI`` lines."""

_UNSAFE_IN_URI = re.compile(r"[^\x21-\x3b\x3d\x3f-\x7e]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_HTTP_VERSION = re.compile(rb"HTTP/(\d)(?:\.(\d))?", re.IGNORECASE)
_TLS_VERSION = re.compile(r"(TLS|SSL)v(\d)(?:\.(\d))?")
_OPENSSL_CIPHER = re.compile(
    r"(?:(?P<exchange>ECDHE|DHE)-(?P<sign>RSA|ECDSA)-)?"
    r"(?:AES(?P<bits>128|256)|CHACHA20-POLY1305)(?P<gcm>-GCM)?(?:-(?P<hash>SHA\d*))?"
)


def target_uri(url: str) -> str:
    """Return the address as a URI: blanks, controls and letters beyond ASCII percent-encoded.

    An address above 16,000 bytes is refused (RecordError), and so is one that is no text.
    """
    uri = url
    if _UNSAFE_IN_URI.search(url):
        try:
            uri = _UNSAFE_IN_URI.sub(lambda found: quote(found[0], safe=""), url)
        except UnicodeEncodeError as error:
            raise RecordError(f"the address {url[:200]!r} is not text: not kept") from error
    if len(uri) > LONGEST_URI_BYTES:
        raise RecordError(
            f"the address {uri[:80]}… has {len(uri)} bytes, more than the {LONGEST_URI_BYTES} "
            f"that readers of WARC files bear: not kept"
        )
    return uri


def warc_date(at: datetime) -> str:
    """Return the time as a ``WARC-Date`` with microseconds."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def parse_date(text: str) -> datetime:
    """Read a ``WARC-Date`` of any precision WARC/1.1 §5.4 allows."""
    whole = text + {4: "-01-01T00:00Z", 7: "-01T00:00Z", 10: "T00:00Z"}.get(len(text), "")
    try:
        return datetime.fromisoformat(whole).astimezone(UTC)
    except ValueError as error:
        raise RecordError(f"{text[:40]!r} is not a WARC-Date") from error


def record_ids() -> Iterator[str]:
    """Yield the ``WARC-Record-ID``s of one file, as many as are asked for; no two are alike."""
    # UUIDs of version 8 (RFC 9562 §5.8): 90 random bits for the file, then a count. Where a record
    # names another of its file, digits that are alike deflate to 4 bytes, and random ones to 20.
    digits = os.urandom(12).hex()
    variant = "89ab"[int(digits[22], 16) & 3]
    stem = (
        f"<urn:uuid:{digits[:8]}-{digits[8:12]}-8{digits[12:15]}-"
        f"{variant}{digits[15:18]}-{digits[18:22]}"
    )
    return (f"{stem}{number:08x}>" for number in itertools.count())


def digest(pieces: Iterable[bytes]) -> str:
    """Return the digest over all pieces, as ``sha1:BASE32``."""
    # SHA-1 names the bytes in the form all archives compare; it protects nothing.
    sha1 = hashlib.sha1(usedforsecurity=False)
    for piece in pieces:
        sha1.update(piece)
    return labelled(sha1.digest())


def named_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """Return a block of ``application/warc-fields``; empty values are left out."""
    lines = [f"{name}: {one_line(value)}\r\n" for name, value in fields if value]
    return "".join(lines).encode()


def one_line(text: str) -> str:
    """Return the text without line ends and control characters, which could forge fields."""
    return text if text.isprintable() else _CONTROL.sub(" ", text).strip()


def http_protocol(message: bytes) -> str:
    """Return the ``WARC-Protocol`` of a request or status line, ``""`` when it names none."""
    found = _HTTP_VERSION.search(message.partition(b"\n")[0])
    if found is None:
        return ""
    return f"http/{int(found[1])}.{int(found[2] or 0)}"


@lru_cache(maxsize=16)
def tls_protocol(version: str) -> str:
    """Return the ``WARC-Protocol`` for a version as OpenSSL names it: ``TLSv1.3`` → ``tls/1.3``."""
    found = _TLS_VERSION.fullmatch(version)
    if found is None:
        return one_line(version).lower()
    name, major, minor = found.groups()
    return f"ssl/{major}" if name == "SSL" else f"tls/{major}.{minor or 0}"


@lru_cache(maxsize=64)
def cipher_suite(cipher: str) -> str:
    """Return the registered name of a cipher suite that OpenSSL names its own way."""
    found = _OPENSSL_CIPHER.fullmatch(cipher)
    if found is None:
        return one_line(cipher)
    keys = f"{found['exchange']}_{found['sign']}" if found["exchange"] else "RSA"
    mode = "GCM" if found["gcm"] else "CBC"
    suite = f"AES_{found['bits']}_{mode}" if found["bits"] else "CHACHA20_POLY1305"
    return f"TLS_{keys}_WITH_{suite}_{found['hash'] or 'SHA256'}"
