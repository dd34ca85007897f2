"""Put events and deliveries into words for people: log lines, mails, pages."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from storage.model import Delivery, Event, Look, Severity

SUBJECT_LENGTH = 150
"""A subject longer than this is cut: mail programs show less."""

DIFF_LENGTH = 4000
"""Characters of a word diff that a mail carries; the rest stays in the archive."""

FULL_EVENTS = 50
"""Events a mail tells in full; those after them get a line each."""

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


def one_line(event: Event) -> str:
    """Return an event as one safe line: kind, address, what was seen."""
    return f"{named(event.kind)}: {shown(event.url)}: {shown(event.summary)}"


def subject(delivery: Delivery) -> str:
    """Return what a delivery is about as one short safe line."""
    events = delivery.events
    if len(events) == 1:
        event = events[0]
        urgent = " (high)" if event.severity is Severity.HIGH else ""
        return cut(f"Holdfast: {named(event.kind)}{urgent}: {shown(event.url)}", SUBJECT_LENGTH)
    counts = Counter(named(event.kind) for event in weightiest_first(delivery))
    kinds = ", ".join(f"{kind} ({count})" for kind, count in counts.items())
    return cut(f"Holdfast: {len(events)} events: {kinds}", SUBJECT_LENGTH)


def body(delivery: Delivery) -> str:
    """Return a delivery as plain text for a mail: each event with its evidence, then its id."""
    return "\n".join(_body_lines(delivery)) + "\n"


def weightiest_first(delivery: Delivery) -> list[Event]:
    """Return the events of a delivery, the most severe first, else in their order."""
    return sorted(delivery.events, key=lambda event: -_WEIGHT[event.severity])


def _body_lines(delivery: Delivery) -> Iterator[str]:
    events = weightiest_first(delivery)
    for number, event in enumerate(events[:FULL_EVENTS], start=1):
        yield from _event_lines(event, number)
        yield ""
    brief = events[FULL_EVENTS:LISTED_EVENTS]
    if brief:
        yield "Also:"
        yield from (f"  {one_line(event)}" for event in brief)
        yield ""
    if len(events) > LISTED_EVENTS:
        yield f"And {len(events) - LISTED_EVENTS} more: see `holdfast events`."
        yield ""
    yield "-- "
    yield f'Delivery {shown(delivery.id)} of the alert "{shown(delivery.alert)}" of Holdfast.'
    yield "The same delivery may come twice after a failure; its id is then the same."


def _event_lines(event: Event, number: int) -> Iterator[str]:
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
    yield f"   evidence   holdfast show --archive ARCHIVE {shown(event.id)}"
    if event.diff:
        yield ""
        yield "   What changed, [-removed-] and {+added+}:"
        yield from (f"     {line}" for line in _diff_lines(event))


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
