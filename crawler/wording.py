"""Put events and deliveries into words for people: log lines, mails, pages."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from crawler.placeholders import fill
from storage.model import Capture, Delivery, Event, Look, Severity

SUBJECT_LENGTH = 150
"""A subject longer than this is cut: mail programs show less."""

DIFF_LENGTH = 4000
"""Characters of a word diff that a mail carries; the rest stays in the archive."""

FULL_EVENTS = 50
"""Events a mail tells in full; those after them have their line only."""

LISTED_EVENTS = 500
"""Events a mail tells at all; those after them are counted."""

# Joiners belong to the spelling of Persian and of Indic scripts; they turn no direction.
_JOINERS = frozenset("\u200c\u200d")
_WEIGHT = {Severity.INFO: 0, Severity.NOTICE: 1, Severity.HIGH: 2}


def shown(text: str) -> str:
    """Return text from outside as one line that no terminal, header or log obeys.

    Control characters, line ends, direction marks and lone surrogates become escapes such as
    ``\\x1b``; letters and spaces of every script stay.
    """
    if text.isprintable():
        return text
    return "".join(_escape(character) for character in text)


def shown_lines(text: str) -> list[str]:
    """Return text from outside as safe lines, cut where it has line feeds."""
    return [shown(line) for line in text.replace("\r\n", "\n").split("\n")]


def cut(text: str, length: int) -> str:
    """Return text of at most ``length`` characters, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clock(at: datetime) -> str:
    """Return a time as people read it: ``2026-11-22 13:14:05 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def named(kind: str) -> str:
    """Return the kind of an event as words: ``headline_changed`` is "headline changed"."""
    return shown(kind).replace("_", " ")


LINE = "{kind}: {url}: {summary}"
"""How an event is told in one line, where nobody says it otherwise."""
SUBJECT = "Holdfast: {what}"
EVENT_NAMES = (
    "kind",
    "url",
    "site",
    "summary",
    "severity",
    "captured_at",
    "confirmed_at",
    "event",
    "digest",
    "warc_file",
    "warc_offset",
)
"""Placeholders of what is said of one event."""
DELIVERY_NAMES = ("what", "count", "kinds", "sites", "alert")
"""Placeholders of what is said of a delivery as a whole."""


def event_values(event: Event, captures: Mapping[int, Capture]) -> dict[str, str]:
    """Return the texts that EVENT_NAMES stand for, each one safe line; empty where unknown."""
    capture = captures.get(event.capture_id or 0)
    record = capture.record if capture is not None else None
    digest = capture.payload_digest if capture is not None else None
    return {
        "kind": named(event.kind),
        "url": shown(event.url),
        "site": shown(event.site),
        "summary": shown(event.summary),
        "severity": event.severity.value,
        "captured_at": clock(event.captured_at),
        "confirmed_at": clock(event.confirmed_at) if event.confirmed_at is not None else "",
        "event": shown(event.id),
        "digest": shown(digest or ""),
        "warc_file": shown(record.file) if record is not None else "",
        "warc_offset": str(record.offset) if record is not None else "",
    }


def delivery_values(delivery: Delivery) -> dict[str, str]:
    """Return the texts that DELIVERY_NAMES stand for, each one safe line."""
    events = weightiest_first(delivery)
    kinds = _counts(named(event.kind) for event in events)
    what = f"{len(events)} events: {kinds}"
    if len(events) == 1:
        urgent = " (high)" if events[0].severity is Severity.HIGH else ""
        what = f"{named(events[0].kind)}{urgent}: {shown(events[0].url)}"
    return {
        "what": what,
        "count": str(len(events)),
        "kinds": kinds,
        "sites": ", ".join(dict.fromkeys(shown(event.site) for event in events if event.site)),
        "alert": shown(delivery.alert),
    }


def one_line(
    event: Event, captures: Mapping[int, Capture] = MappingProxyType({}), *, line: str = ""
) -> str:
    """Return an event as one safe line, by a template of EVENT_NAMES."""
    return fill(line or LINE, event_values(event, captures))


def subject(delivery: Delivery, *, template: str = "") -> str:
    """Return what a delivery is about as one short safe line, by a template of DELIVERY_NAMES."""
    return cut(fill(template or SUBJECT, delivery_values(delivery)), SUBJECT_LENGTH)


def body(delivery: Delivery, *, line: str = "", full: bool = True) -> str:
    """Return a delivery as plain text for a mail: each event with its evidence, then its id.

    Of several events there is first a line each, by site. Without ``full`` that is all.
    """
    return "\n".join(_body_lines(delivery, line=line, full=full)) + "\n"


def listed(delivery: Delivery, *, most: int = LISTED_EVENTS, line: str = "") -> list[str]:
    """Return a line an event, grouped by site, the weightiest first; those beyond are counted."""
    events = weightiest_first(delivery)
    groups: dict[str, list[Event]] = {}
    for event in events[:most]:
        groups.setdefault(event.site, []).append(event)
    lines = []
    for site, group in groups.items():
        lines += [f"{shown(site) or 'no site'}: {_counts(named(one.kind) for one in group)}"]
        lines += [f"  {one_line(one, delivery.captures, line=line)}" for one in group]
    if len(events) > most:
        lines.append(f"And {len(events) - most} more: see `holdfast events`.")
    return lines


def weightiest_first(delivery: Delivery) -> list[Event]:
    """Return the events of a delivery, the most severe first, else in their order."""
    return sorted(delivery.events, key=lambda event: -_WEIGHT[event.severity])


def _counts(kinds: Iterable[str]) -> str:
    return ", ".join(f"{kind} ({count})" for kind, count in Counter(kinds).items())


def _body_lines(delivery: Delivery, *, line: str, full: bool) -> Iterator[str]:
    events = weightiest_first(delivery)
    if len(events) > 1 or not full:
        yield from listed(delivery, line=line)
        yield ""
    for number, event in enumerate(events[:FULL_EVENTS] if full else (), start=1):
        yield from _event_lines(event, number, delivery.captures)
        yield ""
    yield "-- "
    yield f'Delivery {shown(delivery.id)} of the alert "{shown(delivery.alert)}" of Holdfast.'
    yield "The same delivery may come twice after a failure; its id is then the same."


def _event_lines(event: Event, number: int, captures: Mapping[int, Capture]) -> Iterator[str]:
    yield f"{number}. {named(event.kind)} ({event.severity})"
    yield f"   {shown(event.url)}"
    yield f"   {shown(event.summary)}"
    yield ""
    yield f"   site       {shown(event.site)}"
    yield f"   captured   {clock(event.captured_at)}"
    if event.confirmed_at is not None:
        yield f"   confirmed  {clock(event.confirmed_at)}"
    yield from (f"   look       {_look(look)}" for look in event.looks)
    yield f"   event      {shown(event.id)}"
    for name, capture_id in (("before", event.before_capture_id), ("capture", event.capture_id)):
        capture = captures.get(capture_id or 0)
        if capture is not None:
            yield from _proof(name, capture)
    yield f"   evidence   holdfast show --archive ARCHIVE {shown(event.id)}"
    if event.diff:
        yield ""
        yield "   What changed, [-removed-] and {+added+}:"
        yield from (f"     {line}" for line in _diff_lines(event))


def _proof(name: str, capture: Capture) -> Iterator[str]:
    """Yield where the record of a capture lies, and the digest of what came."""
    if capture.payload_digest:
        yield f"   {name:<10} {shown(capture.payload_digest)}"
    if capture.record is not None:
        yield f"   {'':<10} {shown(capture.record.file)}, at {capture.record.offset}"


def _diff_lines(event: Event) -> Iterator[str]:
    yield from shown_lines(event.diff[:DIFF_LENGTH])
    left = len(event.diff) - DIFF_LENGTH
    if left > 0:
        all_of_it = f"holdfast diff --archive ARCHIVE {shown(event.id)}"
        yield f"[cut here, {left} characters more: {all_of_it}]"


def _look(look: Look) -> str:
    status = f" {look.status}" if look.status is not None else ""
    return f"{clock(look.at)}  {named(look.kind)} ({look.outcome}{status})"


def _escape(character: str) -> str:
    if character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")
