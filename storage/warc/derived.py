"""Write through warcio the records that are headers and known text: warcinfo and resource.

Request, response, revisit and the metadata of each exchange have their own encoder: warcio would
spell the HTTP heads anew, and its gzip level costs more than all the rest of an exchange.
"""

import io
import socket
from dataclasses import dataclass, field
from datetime import datetime

from warcio.warcwriter import WARCWriter

from storage.warc import fields

_CONFORMS_TO = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
_CONFIDENTIAL = "yes; the request records carry credentials of the operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What a WARC file says of itself in its first record (WARC/1.1 §6.2)."""

    software: str
    operator: str = ""
    contact: str = ""
    robots: str = ""
    """The policy followed, ``classic`` where ``robots.txt`` is obeyed."""
    user_agent: str = ""
    is_part_of: str = ""
    description: str = ""
    hostname: str = field(default_factory=socket.gethostname)
    confidential: bool = False
    """True when credentials configured for a site are sent, and so kept in request records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A thing made from captures, such as a text or an event, to be kept beside them."""

    uri: str
    at: datetime
    content_type: str
    body: bytes
    concurrent_to: str | None = None


def warcinfo(info: Info, *, record_id: str, filename: str, at: datetime) -> bytes:
    """Return the first record of a file, as one gzip member."""
    told = {
        "software": info.software,
        "operator": info.operator,
        "contact": info.contact,
        "robots": info.robots,
        "format": "WARC File Format 1.1",
        "conformsTo": _CONFORMS_TO,
        "hostname": info.hostname,
        "http-header-user-agent": info.user_agent,
        "isPartOf": info.is_part_of,
        "description": info.description,
        "confidential": _CONFIDENTIAL if info.confidential else "",
    }
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version=fields.VERSION)
    record = writer.create_warcinfo_record(
        filename, {name: fields.one_line(value) for name, value in told.items()}
    )
    record.rec_headers.replace_header("WARC-Record-ID", record_id)
    record.rec_headers.replace_header("WARC-Date", fields.warc_date(at))
    writer.write_record(record)
    return out.getvalue()


def resource(thing: Resource, *, record_id: str, warcinfo_id: str) -> tuple[str, bytes]:
    """Return the payload digest of a resource record and the record, as one gzip member."""
    payload_digest = fields.digest((thing.body,))
    headers = {
        "WARC-Record-ID": record_id,
        "WARC-Date": fields.warc_date(thing.at),
        "WARC-Warcinfo-ID": warcinfo_id,
        "WARC-Payload-Digest": payload_digest,
        "WARC-Block-Digest": payload_digest,
    }
    if thing.concurrent_to:
        headers["WARC-Concurrent-To"] = thing.concurrent_to
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version=fields.VERSION)
    record = writer.create_warc_record(
        fields.target_uri(thing.uri),
        "resource",
        payload=io.BytesIO(thing.body),
        length=len(thing.body),
        warc_content_type=fields.one_line(thing.content_type),
        warc_headers_dict=headers,
    )
    writer.write_record(record)
    return payload_digest, out.getvalue()
