"""Lay out the records of one exchange: request, response or revisit, and what stands beside them.

What is not the page itself (interim answers, surplus bytes, bytes that are not HTTP, certificates)
goes into metadata records named ``urn:KIND:URL``: under the page's own address replay tools would
show them in its place.
"""

import hashlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import IO, assert_never

from storage.errors import RecordError
from storage.model import Exchange, Original, Role, Tls, Truncation
from storage.warc import blocks, fields

_REQUEST = "application/http; msgtype=request"
_RESPONSE = "application/http; msgtype=response"
_FIELDS = "application/warc-fields"
_CHAIN = "application/pem-certificate-chain"
_BYTES = "application/octet-stream"


class Profile(StrEnum):
    """Why a revisit stands for an earlier record (WARC/1.1 §6.7)."""

    IDENTICAL = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisit:
    """Say of an exchange that it brought what an earlier record holds, and how we know."""

    original: Original
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an exchange that its bytes do not say."""

    role: Role
    via: str | None = None
    hops: str = ""
    site: str = ""


@dataclass(slots=True)
class FileFacts:
    """What the records of one WARC file share: its warcinfo, and the certificates it has."""

    warcinfo_id: str
    chains: dict[tuple[bytes, ...], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record to be written: its head, and its block as bytes or as an open file."""

    kind: str
    id: str
    head: bytes
    block: bytes | IO[bytes]
    block_bytes: int
    packed_from: int
    """From here on the block is compressed already and is stored as it is."""
    payload_digest: str | None
    main: bool
    """Whether it holds the answer, so that a capture points to it."""


def of_exchange(exchange: Exchange, facts: Facts, file: FileFacts) -> list[Record]:
    """Lay out an exchange; the last record is its metadata, and an answer comes before it."""
    layout = _Layout(exchange, file)
    layout.request()
    if exchange.answer is not None:
        if exchange.head_bytes or exchange.status is not None:
            layout.response()
        else:
            layout.raw_answer("raw", _BYTES, main=True)
    layout.others(facts)
    return layout.records


def of_revisit(exchange: Exchange, revisit: Revisit, facts: Facts, file: FileFacts) -> list[Record]:
    """Lay out an exchange whose answer brought nothing new."""
    layout = _Layout(exchange, file)
    layout.request()
    layout.revisit(revisit.original, revisit.profile)
    if revisit.profile is Profile.NOT_MODIFIED and exchange.answer is not None:
        layout.raw_answer("not-modified", _RESPONSE, main=False)
    layout.others(facts)
    return layout.records


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A record before its head is spelled."""

    kind: str
    content_type: str
    block: bytes | IO[bytes]
    block_bytes: int
    block_digest: str
    uri: str
    extra: str = ""
    packed_from: int | None = None
    payload_digest: str | None = None
    main: bool = False


class _Layout:
    """Collect the records of one exchange, which share date, connection and warcinfo."""

    def __init__(self, exchange: Exchange, file: FileFacts) -> None:
        self.records: list[Record] = []
        self._exchange = exchange
        self._file = file
        self._uri = fields.target_uri(exchange.url)
        shared = f"WARC-Date: {fields.warc_date(exchange.started_at)}\r\n"
        if exchange.address:
            shared += f"WARC-IP-Address: {exchange.address.partition('%')[0]}\r\n"
        shared += f"WARC-Warcinfo-ID: {file.warcinfo_id}\r\n"
        self._shared = shared
        self._tls = ""
        if exchange.tls is not None:
            self._tls = (
                f"WARC-Protocol: {fields.tls_protocol(exchange.tls.version)}\r\n"
                f"WARC-Cipher-Suite: {fields.cipher_suite(exchange.tls.cipher)}\r\n"
            )
        self._concurrent = ""

    def request(self) -> None:
        """Add what we sent, if any of it was sent."""
        sent = self._exchange.request
        if sent:
            self._add(self._short("request", _REQUEST, sent, extra=_protocol(sent)))

    def response(self) -> None:
        """Add the answer, byte for byte."""
        exchange = self._exchange
        draft = self._answer("response", _RESPONSE, self._uri)
        payload = exchange.payload_digest or blocks.payload_digest(draft.block)
        protocol = _protocol(blocks.first(draft.block, 64))
        draft.extra = f"{protocol}WARC-Payload-Digest: {payload}\r\n{draft.extra}"
        draft.payload_digest = payload
        draft.main = True
        if blocks.is_packed(exchange.headers):
            draft.packed_from = exchange.head_bytes
        self._add(draft)

    def raw_answer(self, kind: str, content_type: str, *, main: bool) -> None:
        """Add the bytes of an answer that cannot stand as a response."""
        draft = self._answer("metadata", content_type, f"urn:{kind}:{self._uri}")
        draft.main = main
        self._add(draft)

    def revisit(self, original: Original, profile: Profile) -> None:
        """Add the record that stands for an answer kept before."""
        extra = (
            f"WARC-Profile: {profile}\r\n"
            f"WARC-Refers-To: {original.record_id}\r\n"
            f"WARC-Refers-To-Target-URI: {original.uri}\r\n"
            f"WARC-Refers-To-Date: {original.date}\r\n"
        )
        if original.place is not None:
            filename, offset = original.place
            extra += (
                f"WARC-Refers-To-Filename: {filename}\r\nWARC-Refers-To-File-Offset: {offset}\r\n"
            )
        extra += f"WARC-Payload-Digest: {original.payload_digest}\r\n"
        match profile:
            case Profile.IDENTICAL:
                head = self._identical_head(original)
                extra += f"{_protocol(head)}WARC-Truncated: {Truncation.LENGTH}\r\n"
            case Profile.NOT_MODIFIED:
                # With the head of the 304 as its block it replays nowhere; that head stands beside.
                head = b""
            case _:
                assert_never(profile)
        draft = self._short("revisit", _RESPONSE, head, extra=extra)
        draft.payload_digest = original.payload_digest
        draft.main = True
        self._add(draft)

    def others(self, facts: Facts) -> None:
        """Add interim answers, surplus bytes, new certificates, and what we know of it all."""
        exchange = self._exchange
        if exchange.interim:
            uri = f"urn:interim:{self._uri}"
            self._add(self._short("metadata", _RESPONSE, exchange.interim, uri=uri))
        if exchange.surplus:
            uri = f"urn:surplus:{self._uri}"
            self._add(self._short("metadata", _BYTES, exchange.surplus, uri=uri))
        if exchange.tls is not None and exchange.tls.chain:
            self._chain(exchange.tls)
        self._add(self._short("metadata", _FIELDS, fields.named_fields(self._told(facts))))

    def _chain(self, tls: Tls) -> None:
        """Add the certificates once a file: with every small page they would be a fifth of it."""
        if tls.chain not in self._file.chains:
            pem = "".join(map(ssl.DER_cert_to_PEM_cert, tls.chain)).encode()
            uri = f"urn:x509:sha256:{_fingerprint(tls)}"
            self._file.chains[tls.chain] = self._add(self._short("metadata", _CHAIN, pem, uri=uri))

    def _told(self, facts: Facts) -> Iterable[tuple[str, str]]:
        exchange = self._exchange
        yield "via", facts.via or ""
        yield "hopsFromSeed", facts.hops
        yield "fetchTimeMs", str(exchange.took // timedelta(milliseconds=1))
        yield "role", facts.role
        yield "site", facts.site
        yield "outcome", exchange.outcome
        yield "reason", exchange.reason
        tls = exchange.tls
        if tls is not None:
            yield "tlsVersion", tls.version
            yield "tlsCipher", tls.cipher
            yield "tlsFault", tls.fault or ""
            yield "tlsFingerprint", f"sha256:{_fingerprint(tls)}" if tls.chain else ""
            yield "tlsChain", self._file.chains.get(tls.chain, "")

    def _identical_head(self, original: Original) -> bytes:
        exchange = self._exchange
        answer = blocks.loaded(exchange)
        payload = exchange.payload_digest or blocks.payload_digest(answer)
        if payload != original.payload_digest:
            raise RecordError(
                f"{exchange.url} is no identical revisit: its payload is {payload}, "
                f"that of the original {original.payload_digest}"
            )
        return blocks.first(answer, exchange.head_bytes)

    def _short(
        self, kind: str, content_type: str, block: bytes, *, uri: str = "", extra: str = ""
    ) -> _Draft:
        return _Draft(
            kind=kind,
            content_type=content_type,
            block=block,
            block_bytes=len(block),
            block_digest=fields.digest((block,)),
            uri=uri or self._uri,
            extra=extra,
        )

    def _answer(self, kind: str, content_type: str, uri: str) -> _Draft:
        exchange = self._exchange
        block = blocks.loaded(exchange)
        return _Draft(
            kind=kind,
            content_type=content_type,
            block=block,
            block_bytes=exchange.answer_bytes,
            block_digest=exchange.block_digest or fields.digest(blocks.pieces(block)),
            uri=uri,
            extra=f"WARC-Truncated: {exchange.truncated}\r\n" if exchange.truncated else "",
        )

    def _add(self, draft: _Draft) -> str:
        record_id = fields.new_id()
        head = (
            f"{fields.VERSION}\r\nWARC-Type: {draft.kind}\r\nWARC-Record-ID: {record_id}\r\n"
            f"WARC-Target-URI: {draft.uri}\r\n{self._shared}{self._concurrent}{draft.extra}"
            f"{self._tls}WARC-Block-Digest: {draft.block_digest}\r\n"
            f"Content-Type: {draft.content_type}\r\nContent-Length: {draft.block_bytes}\r\n\r\n"
        )
        packed_from = draft.block_bytes if draft.packed_from is None else draft.packed_from
        self.records.append(
            Record(
                kind=draft.kind,
                id=record_id,
                head=head.encode(),
                block=draft.block,
                block_bytes=draft.block_bytes,
                packed_from=packed_from,
                payload_digest=draft.payload_digest,
                main=draft.main,
            )
        )
        if not self._concurrent or draft.main:
            self._concurrent = f"WARC-Concurrent-To: {record_id}\r\n"
        return record_id


def _protocol(message: bytes) -> str:
    protocol = fields.http_protocol(message)
    return f"WARC-Protocol: {protocol}\r\n" if protocol else ""


def _fingerprint(tls: Tls) -> str:
    return hashlib.sha256(tls.chain[0]).hexdigest()
