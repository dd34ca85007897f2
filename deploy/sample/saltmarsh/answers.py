"""Answer a request for something printed: whole, compressed, or not at all if nothing changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from saltmarsh.pages import notice_page
from saltmarsh.press import HTML, Print

MISSING = {
    404: ("Page not found", "The requested page could not be found."),
    410: ("Page removed", "The requested page has been removed and will not come back."),
    451: ("Not available", "This page is not available for legal reasons, by order of a court."),
}
MOVES = frozenset({301, 302, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    from_here: bool = False
    """Whether it came over the loopback: only then may it change the newspaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back; length and date are added on the way out."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def answer_print(found: Print, headers: Mapping[str, str]) -> Answer:
    """Answer with a printed page, honouring conditions (RFC 9110 §13.1) and codings (§12.5.3)."""
    body, coding = found.body, ""
    if found.compressed is not None and _takes_gzip(headers.get("accept-encoding", "")):
        body, coding = found.compressed, "gzip"
    # Two representations of one page must not share a strong validator (RFC 9110 §8.8.3.3).
    etag = f'"{found.etag}-{coding}"' if coding else f'"{found.etag}"'
    fields = [
        ("ETag", etag),
        ("Last-Modified", format_datetime(found.modified_at, usegmt=True)),
        ("Vary", "Accept-Encoding"),
    ]
    if found.status == 200 and _still_fresh(found, etag, headers):
        return Answer(status=304, headers=tuple(fields))
    if coding:
        fields.append(("Content-Encoding", coding))
    fields.append(("Content-Type", found.content_type))
    if found.content_type == HTML:
        fields.append(("Content-Language", "en"))
    return Answer(status=found.status, headers=tuple(fields), body=body)


def answer_missing(status: int) -> Answer:
    """Answer that there is no such page, in the newspaper's own dress."""
    title, sentence = MISSING[status]
    headers = (("Content-Type", HTML), ("Content-Language", "en"))
    return Answer(status=status, headers=headers, body=notice_page(title, sentence).encode())


def answer_moved(status: int, to: str) -> Answer:
    """Answer that the page has another address."""
    page = notice_page("Moved", f"This page is now found at {to}.")
    headers = (("Location", to), ("Content-Type", HTML))
    return Answer(status=status, headers=headers, body=page.encode())


def answer_refused() -> Answer:
    """Answer somebody who would like to comment."""
    page = notice_page("Access denied", "Comments on this article are closed.")
    return Answer(status=403, headers=(("Content-Type", HTML),), body=page.encode())


def answer_json(status: int, value: object) -> Answer:
    """Answer one who drives the newspaper by hand."""
    body = json.dumps(value, indent=2).encode() + b"\n"
    return Answer(status=status, headers=(("Content-Type", "application/json"),), body=body)


def _takes_gzip(accepted: str) -> bool:
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        try:
            weights[coding.strip()] = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _still_fresh(found: Print, etag: str, headers: Mapping[str, str]) -> bool:
    """Tell whether the client has these bytes: its tag decides, its date only where no tag is."""
    if (tags := headers.get("if-none-match")) is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return tags.strip() == "*" or etag in known
    since = _date(headers.get("if-modified-since", ""))
    return since is not None and found.modified_at.replace(microsecond=0) <= since


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
