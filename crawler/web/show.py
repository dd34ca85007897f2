"""Turn values into what a person reads on a page: times, sizes, words, word diffs."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crawler.console import diff_parts, escape
from crawler.durations import tell_duration
from crawler.listing import iso
from crawler.wording import cut, named
from storage.model import Outcome

TEMPLATES = Path(__file__).parent / "templates"
SHORT_CHANGES = 6
SHORT_CHANGE_LENGTH = 300
SHORT_CONTEXT_WORDS = 8
SHORT_CONTEXT_LENGTH = 80
"""Lengths are in characters: not every script puts spaces between its words."""

OUTCOMES = {
    Outcome.OK: "answered",
    Outcome.REDIRECT: "sent elsewhere",
    Outcome.NOT_MODIFIED: "not modified",
    Outcome.CLIENT_ERROR: "page denied or missing",
    Outcome.SERVER_ERROR: "fault of the server",
    Outcome.BLOCKED_ADDRESS: "address not allowed",
    Outcome.BLOCKED_ROBOTS: "robots.txt forbids it",
    Outcome.DNS: "host name not found",
    Outcome.REFUSED: "connection refused",
    Outcome.TLS: "no secure connection",
    Outcome.TIMEOUT: "no answer in time",
    Outcome.RESET: "connection broken off",
    Outcome.TRUNCATED: "answer cut short",
    Outcome.NOT_HTTP: "answer is not HTTP",
    Outcome.TOO_LARGE: "answer too large",
}
"""Every outcome as a person would say it; pinned by test_every_outcome_has_its_words."""

_GRAINS = (
    (timedelta(minutes=1), timedelta(seconds=1)),
    (timedelta(days=1), timedelta(minutes=1)),
    (timedelta(days=7), timedelta(hours=1)),
    (timedelta.max, timedelta(days=1)),
)
"""How roughly a distance in time is told: below the first of each pair, in steps of the second."""


class Mark(StrEnum):
    """What became of a run of words."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


_MARKS = {"": Mark.KEPT, "-": Mark.REMOVED, "+": Mark.ADDED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of words with one mark."""

    mark: Mark
    text: str


def templates() -> Environment:
    """Return the pages' templates: every value is made visible and escaped, wherever it stands."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "ago": ago,
        "due": due,
        "iso": iso,
        "moment": moment,
        "span": tell_duration,
        "size": size,
        "count": count,
        "words": named,
        "name": file_name,
        "outcome": outcome_words,
        "status": status_words,
        "link": outward,
        "pieces": pieces,
        "short": short,
    }
    return environment


def moment(at: datetime) -> str:
    """Return a time in UTC to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(at: datetime, now: datetime) -> str:
    """Return how far a time lies from now, roughly: ``3 min ago``, ``in 2 h``, ``now``."""
    distance = abs(at - now)
    grain = next(grain for below, grain in _GRAINS if distance < below)
    rough = distance // grain * grain
    if not rough:
        return "now"
    return f"{tell_duration(rough)} ago" if at < now else f"in {tell_duration(rough)}"


def due(at: datetime, now: datetime) -> str:
    """Return how far a promised time is: ``in 3 min``, ``now``, ``2 min late``."""
    return ago(at, now).replace(" ago", " late")


def size(bytes_: int) -> str:
    """Return a size in decimal units, as disks and archives count."""
    amount = float(bytes_)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{bytes_} bytes" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def file_name(path: str) -> str:
    """Return the last part of a file's name, for narrow columns."""
    return path.rpartition("/")[2]


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 page``, ``1,204 pages``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def status_words(status: int | None) -> str:
    """Return an HTTP status with its phrase, or nothing where there was no answer."""
    if status is None:
        return ""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def outcome_words(outcome: Outcome) -> str:
    """Return an outcome as a person would say it."""
    return OUTCOMES[outcome]


def outward(url: str) -> str:
    """Return a URL that may be a link: http and https with a host, else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""


def pieces(diff: str) -> list[Piece]:
    """Split a word diff into runs that were kept, removed (``[-…-]``) and added (``{+…+}``)."""
    return [Piece(mark=_MARKS[mark], text=text) for mark, text in diff_parts(diff) if text]


def short(diff: str) -> list[Piece]:
    """Return a word diff as one line: the first changes, each with a few words around it."""
    runs = pieces(re.sub(r"\s+", " ", diff))
    changes = 0
    kept: list[Piece] = []
    for place, piece in enumerate(runs):
        if piece.mark is Mark.KEPT:
            kept.append(_shortened(piece, first=place == 0, last=place == len(runs) - 1))
            continue
        changes += 1
        if changes > SHORT_CHANGES:
            kept.append(Piece(mark=Mark.KEPT, text=" …"))
            break
        kept.append(Piece(mark=piece.mark, text=cut(piece.text, SHORT_CHANGE_LENGTH)))
    return kept


def _shortened(piece: Piece, *, first: bool, last: bool) -> Piece:
    """Keep of unchanged words those next to a change; without changes, the beginning."""
    if first and last:
        return Piece(mark=piece.mark, text=cut(piece.text, SHORT_CHANGE_LENGTH))
    head = "" if first else _first_words(piece.text)
    # The last words of a text are the first ones of the text read backwards.
    tail = "" if last else _first_words(piece.text[::-1])[::-1]
    if len(piece.text) <= len(head) + len(tail):
        return piece
    sides = (head.rstrip(), "…", tail.lstrip())
    return Piece(mark=piece.mark, text=" ".join(side for side in sides if side))


def _first_words(text: str) -> str:
    runs = re.findall(r"\s+|\S+", text[:SHORT_CONTEXT_LENGTH])
    return "".join(runs[: SHORT_CONTEXT_WORDS * 2])


def _visible(value: object) -> object:
    """Make control and bidi characters of a value visible; line ends may stay in a page."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(escape(line) for line in value.split("\n"))
