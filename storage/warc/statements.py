"""Spell what was found out as JSON, and read it again: events, standings, new pages, stoppages.

Each statement is a ``resource`` record of its own. It names captures by the ids of their records
and pages by their addresses, never by the numbers of rows: the catalogue can be made anew from it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from storage.codec import Codec
from storage.errors import RecordError
from storage.model import Cause, Event, Found, Outcome, Standing
from storage.warc import fields

CONTENT_TYPE = "application/json"
_EVENT = "urn:event:"
_STANDING = "urn:standing:"
_FOUND = "urn:found:"
_STOPPAGE = "urn:stoppage:"
_DELIVERY = "urn:delivery:"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitName:
    """Name one visit: nobody begins two visits of a page at one microsecond."""

    started_at: datetime
    worker: str
    url: str
    """Address of its target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A look as the archive tells it; ``at`` is the time of the last exchange it saw."""

    at: datetime
    outcome: Outcome
    status: int | None
    kind: str
    record_id: str | None = None
    """Of the answer's record, if there was an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event, without the numbers of rows."""

    event: Event
    """Its target is 0, and it has neither captures nor looks: they are named here."""
    about_page: bool
    """Whether it is about its page, and not about a host or a site."""
    record_id: str | None
    before_record_id: str | None
    looks: tuple[Sight, ...] = ()

    @property
    def uri(self) -> str:
        """Return the name of its record."""
        return _EVENT + self.event.id

    @property
    def at(self) -> datetime:
        """Return when it could be told."""
        return self.event.confirmed_at or self.event.captured_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Where a page stands since one of its visits was compared."""

    visit: VisitName
    at: datetime
    """When it was compared."""
    standing: Standing
    """Its target is 0, and it names no captures: looks and captures are named here."""
    good_record_id: str | None
    looks: tuple[Sight, ...] = ()
    due_at: datetime | None = None
    """When the comparison planned the next visit; None where it left that to the schedule."""
    twin_record_id: str | None = None
    """Of the capture that waits for a second fetch of the page."""

    @property
    def uri(self) -> str:
        """Return the name of its record."""
        return _named(_STANDING, self.visit.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPages:
    """Pages that a visit led to and that are watched from then on."""

    on: str
    """Address of the target of that visit."""
    at: datetime
    site: str
    pages: tuple[Found, ...]

    @property
    def uri(self) -> str:
        """Return the name of its record."""
        return _named(_FOUND, self.on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A time in which nothing was visited; said when it begins, where that is known, and ends."""

    cause: Cause
    site: str | None = None
    began_at: datetime
    ended_at: datetime | None = None
    """None while it lasts."""

    @property
    def uri(self) -> str:
        """Return the name of its record."""
        return _named(f"{_STOPPAGE}{self.cause}:", self.site or "")

    @property
    def at(self) -> datetime:
        """Return when it was known."""
        return self.ended_at or self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Events that went out together through one alert."""

    id: str
    """Of the delivery."""
    alert: str
    events: tuple[str, ...]
    """Their ids, in their order."""
    attempts: int
    at: datetime

    @property
    def uri(self) -> str:
        """Return the name of its record."""
        return _DELIVERY + self.id


Statement: TypeAlias = Told | Judged | NewPages | Stopped | Sent

_TOLD = Codec(Told, error=RecordError)
_JUDGED = Codec(Judged, error=RecordError)
_NEW_PAGES = Codec(NewPages, error=RecordError)
_STOPPED = Codec(Stopped, error=RecordError)
_SENT = Codec(Sent, error=RecordError)
_BY_NAME: tuple[
    tuple[str, Codec[Told] | Codec[Judged] | Codec[NewPages] | Codec[Stopped] | Codec[Sent]], ...
] = (
    (_EVENT, _TOLD),
    (_STANDING, _JUDGED),
    (_FOUND, _NEW_PAGES),
    (_STOPPAGE, _STOPPED),
    (_DELIVERY, _SENT),
)


def _named(kind: str, url: str) -> str:
    """Return the name of a record about a page; its digest stands for an address too long."""
    if len(fields.target_uri(url)) + len(kind) <= fields.LONGEST_URI_BYTES:
        return kind + url
    return f"{kind}sha256:{hashlib.sha256(url.encode()).hexdigest()}"


def body_of(statement: Statement) -> bytes:
    """Return a statement as JSON; the same statement always gives the same bytes."""
    return _text_of(statement).encode()


def _text_of(statement: Statement) -> str:
    match statement:
        case Told():
            return _TOLD.text(statement)
        case Judged():
            return _JUDGED.text(statement)
        case NewPages():
            return _NEW_PAGES.text(statement)
        case Stopped():
            return _STOPPED.text(statement)
        case Sent():
            return _SENT.text(statement)


def statement_of(uri: str, body: bytes) -> Statement | None:
    """Return the statement in a record of this name, None where it holds none.

    Fields that a newer release added are passed over. RecordError where the body is no statement.
    """
    for name, codec in _BY_NAME:
        if uri.startswith(name):
            try:
                return codec.value(body)
            except RecordError as error:
                raise RecordError(
                    f"{fields.one_line(uri[:200])} holds no statement that this release can read"
                ) from error
    return None
