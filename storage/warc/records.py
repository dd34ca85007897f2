"""Lay out the records of one exchange: request, response or revisit, and what stands beside them.

What is not the page itself (interim answers, surplus bytes, bytes that are not HTTP, certificates)
goes into metadata records named ``urn:KIND:URL``: under the page's own address replay tools would
show them in its place.
"""

import hashlib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, assert_never

from storage.errors import RecordError
from storage.model import Exchange, Original, Role, Tls, Truncation
from storage.warc import blocks, fields
from storage.warc.blocks import Block

_REQUEST = "WARC-Type: request\r\nContent-Type: application/http; msgtype=request\r\n"
_RESPONSE = "WARC-Type: response\r\nContent-Type: application/http; msgtype=response\r\n"
_REVISIT = "WARC-Type: revisit\r\nContent-Type: application/http; msgtype=response\r\n"
_BESIDE = "WARC-Type: metadata\r\nContent-Type: application/http; msgtype=response\r\n"
_BYTES = "WARC-Type: metadata\r\nContent-Type: application/octet-stream\r\n"
_CHAIN = "WARC-Type: metadata\r\nContent-Type: application/pem-certificate-chain\r\n"
_FIELDS = "WARC-Type: metadata\r\nContent-Type: application/warc-fields\r\n"
_MILLISECOND = timedelta(milliseconds=1)


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
    visit: bytes = b""
    """Lines of warc-fields that say which visit it belongs to, ready to be written."""


MOST_CHAINS = 10_000
"""Certificate chains of one file that are remembered, some 2 MB; a forgotten one is kept again."""


@dataclass(slots=True)
class FileFacts:
    """What the records of one WARC file share: the stock of ids, warcinfo, certificates."""

    ids: Iterator[str]
    warcinfo_id: str
    chains: dict[bytes, str] = field(default_factory=dict)
    """Ids of the records of certificates, by the digest of the chain; never more than a few."""

    def note(self, chains: Mapping[bytes, str]) -> None:
        """Remember certificates that were written; what was not needed for long is forgotten."""
        self.chains.update(chains)
        while len(self.chains) > MOST_CHAINS:
            del self.chains[next(iter(self.chains))]


class Record(NamedTuple):
    """One record to be written: its head, and its block as bytes or as an open file."""

    id: str
    head: bytes
    block: Block
    block_bytes: int
    packed_from: int
    """From here on the block is compressed already and is stored as it is."""
    payload_digest: str | None


def of_exchange(exchange: Exchange, facts: Facts, file: FileFacts) -> "Layout":
    """Lay out an exchange."""
    layout = Layout(exchange, file)
    layout.request()
    if exchange.answer is not None:
        if exchange.status is not None:
            layout.response()
        else:
            layout.raw()
    layout.others(facts)
    return layout


def of_revisit(exchange: Exchange, revisit: Revisit, facts: Facts, file: FileFacts) -> "Layout":
    """Lay out an exchange whose answer brought nothing new."""
    layout = Layout(exchange, file)
    layout.request()
    layout.revisit(revisit.original, revisit.profile)
    layout.others(facts)
    return layout


class Layout:
    """The records of one exchange, in order; the last is its metadata.

    ``main`` is the place of the record that holds the answer, so that a capture points to it; -1,
    the metadata, where there is none. ``asked`` says that the first is the request, and ``chains``
    holds the certificates the file has once these records are written.
    """

    def __init__(self, exchange: Exchange, file: FileFacts) -> None:
        self.records: list[Record] = []
        self.main = -1
        self.asked = bool(exchange.request)
        self.chains: dict[bytes, str] = {}
        self._exchange = exchange
        self._file = file
        self._uri = _uri(exchange)
        self._shared = (
            f"WARC-Date: {fields.warc_date(exchange.started_at)}\r\n"
            f"WARC-Warcinfo-ID: {file.warcinfo_id}\r\n"
        )
        self._connection = _connection(exchange)
        self._tie = ""

    def request(self) -> None:
        """Add what we sent, if any of it was sent."""
        if self.asked:
            sent = self._exchange.request
            self._add(_REQUEST, sent, f"{_protocol(sent)}{self._connection}{_digest(sent)}")

    def response(self) -> None:
        """Add the answer, byte for byte."""
        exchange = self._exchange
        block = blocks.loaded(exchange)
        payload = exchange.payload_digest or blocks.payload_digest(block)
        lines = (
            f"{_protocol(blocks.first(block, 64))}{self._connection}"
            f"WARC-Payload-Digest: {payload}\r\n{self._answered(block)}"
        )
        packed_from = exchange.head_bytes if blocks.is_packed(exchange.headers) else None
        self.main = len(self.records)
        self._add(_RESPONSE, block, lines, payload_digest=payload, packed_from=packed_from)

    def raw(self) -> None:
        """Add an answer that is not HTTP."""
        block = blocks.loaded(self._exchange)
        lines = self._connection + self._answered(block)
        self.main = len(self.records)
        self._add(_BYTES, block, lines, uri=f"urn:raw:{self._uri}")

    def revisit(self, original: Original, profile: Profile) -> None:
        """Add the record that stands for an answer kept before."""
        lines = (
            f"{self._connection}WARC-Profile: {profile}\r\n"
            f"WARC-Refers-To: {original.record_id}\r\n"
            f"WARC-Refers-To-Target-URI: {original.uri}\r\n"
            f"WARC-Refers-To-Date: {original.date}\r\n"
        )
        if original.place is not None:
            filename, offset = original.place
            lines += (
                f"WARC-Refers-To-Filename: {filename}\r\nWARC-Refers-To-File-Offset: {offset}\r\n"
            )
        lines += f"WARC-Payload-Digest: {original.payload_digest}\r\n"
        match profile:
            case Profile.IDENTICAL:
                head = self._identical_head(original)
                lines = f"{_protocol(head)}{lines}WARC-Truncated: {Truncation.LENGTH}\r\n"
            case Profile.NOT_MODIFIED:
                # With the head of the 304 as its block it replays nowhere; that head stands beside.
                head = b""
            case _:
                assert_never(profile)
        lines += _digest(head)
        self.main = len(self.records)
        self._add(_REVISIT, head, lines, payload_digest=original.payload_digest)
        if profile is Profile.NOT_MODIFIED and self._exchange.answer is not None:
            block = blocks.loaded(self._exchange)
            uri = f"urn:not-modified:{self._uri}"
            self._add(_BESIDE, block, self._answered(block), uri=uri)

    def others(self, facts: Facts) -> None:
        """Add interim answers, surplus bytes, new certificates, and what we know of it all."""
        exchange = self._exchange
        if exchange.interim:
            interim, uri = exchange.interim, f"urn:interim:{self._uri}"
            self._add(_BESIDE, interim, _digest(interim), uri=uri)
        if exchange.surplus:
            surplus, uri = exchange.surplus, f"urn:surplus:{self._uri}"
            self._add(_BYTES, surplus, _digest(surplus), uri=uri)
        chain_id = self._chain(exchange.tls) if exchange.tls is not None else ""
        told = (
            ("via", facts.via or ""),
            ("hopsFromSeed", facts.hops),
            ("fetchTimeMs", str(exchange.took // _MILLISECOND)),
            ("role", facts.role),
            ("site", facts.site),
            ("outcome", exchange.outcome),
            ("reason", exchange.reason),
            ("tlsFault", (exchange.tls and exchange.tls.fault) or ""),
            ("tlsChain", chain_id),
            ("payloadBytes", str(exchange.payload_bytes or "")),
            # Where it had to be spelled as a URI, the catalogue knows it as it was asked for.
            ("url", exchange.url if exchange.url != self._uri else ""),
        )
        block = fields.named_fields(told) + facts.visit
        # How we were connected stands with what was sent and what came; where nothing was, here.
        connection = "" if self.records else self._connection
        self._add(_FIELDS, block, connection + _digest(block))

    def _chain(self, tls: Tls) -> str:
        """Add the certificates once a file: with every small page they would be a fifth of it."""
        if not tls.chain:
            return ""
        # A digest, not the chain: a server may have new certificates for every connection.
        key = hashlib.sha256(b"".join(tls.chain)).digest()
        known = self._file.chains.get(key)
        if known is not None:
            return known
        pem = "".join(map(ssl.DER_cert_to_PEM_cert, tls.chain)).encode()
        fingerprint = hashlib.sha256(tls.chain[0]).hexdigest()
        uri = f"urn:x509:sha256:{fingerprint}"
        self._add(_CHAIN, pem, self._connection + _digest(pem), uri=uri)
        self.chains[key] = self.records[-1].id
        return self.records[-1].id

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

    def _answered(self, block: Block) -> str:
        """Spell whether the answer is whole, and its digest."""
        exchange = self._exchange
        digest = exchange.block_digest or fields.digest(blocks.pieces(block))
        cut = f"WARC-Truncated: {exchange.truncated}\r\n" if exchange.truncated else ""
        return f"{cut}WARC-Block-Digest: {digest}\r\n"

    def _add(
        self,
        kind: str,
        block: Block,
        lines: str,
        *,
        uri: str = "",
        payload_digest: str | None = None,
        packed_from: int | None = None,
    ) -> None:
        record_id = next(self._file.ids)
        size = len(block) if isinstance(block, bytes) else self._exchange.answer_bytes
        head = (
            f"{fields.VERSION}\r\n{kind}WARC-Target-URI: {uri or self._uri}\r\n{self._shared}"
            f"WARC-Record-ID: {record_id}\r\n{self._tie}{lines}Content-Length: {size}\r\n\r\n"
        )
        if not self.records or self.main == len(self.records):
            self._tie = f"WARC-Concurrent-To: {record_id}\r\n"
        if packed_from is None:
            packed_from = size
        self.records.append(
            Record(record_id, head.encode(), block, size, packed_from, payload_digest)
        )


def _uri(exchange: Exchange) -> str:
    """Return the address as a URI; where nothing was asked, one that is none gets a name."""
    try:
        return fields.target_uri(exchange.url)
    except RecordError:
        if exchange.request or exchange.answer is not None:
            raise
        name = hashlib.sha256(exchange.url.encode("utf-8", "replace")).hexdigest()
        return f"urn:refused:sha256:{name}"


def _digest(block: bytes) -> str:
    return f"WARC-Block-Digest: {fields.digest((block,))}\r\n"


def _protocol(message: bytes) -> str:
    protocol = fields.http_protocol(message)
    return f"WARC-Protocol: {protocol}\r\n" if protocol else ""


def _connection(exchange: Exchange) -> str:
    """Spell how we were connected: to which address, over which TLS."""
    lines = ""
    if exchange.tls is not None:
        lines = (
            f"WARC-Protocol: {fields.tls_protocol(exchange.tls.version)}\r\n"
            f"WARC-Cipher-Suite: {fields.cipher_suite(exchange.tls.cipher)}\r\n"
        )
    if exchange.address:
        lines += f"WARC-IP-Address: {exchange.address.partition('%')[0]}\r\n"
    return lines
