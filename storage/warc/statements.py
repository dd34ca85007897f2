"""Spell what was found out of captures as JSON, and read it again: events, standings, new pages.

Each statement is a ``resource`` record of its own. It names captures by the ids of their records
and pages by their addresses, never by the numbers of rows: the catalogue can be made anew from it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from storage.errors import RecordError
from storage.model import Event, Found, Outcome, Standing
from storage.warc import fields

CONTENT_TYPE = "application/json"
_EVENT = "urn:event:"
_STANDING = "urn:standing:"
_FOUND = "urn:found:"


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


Statement: TypeAlias = Told | Judged | NewPages

_CONFIG = ConfigDict(ser_json_timedelta="float")
# A configuration reaches dataclasses only from a type around them, hence the tuples.
_TOLD: TypeAdapter[tuple[Told]] = TypeAdapter(tuple[Told], config=_CONFIG)
_JUDGED: TypeAdapter[tuple[Judged]] = TypeAdapter(tuple[Judged], config=_CONFIG)
_NEW_PAGES: TypeAdapter[tuple[NewPages]] = TypeAdapter(tuple[NewPages], config=_CONFIG)


def _named(kind: str, url: str) -> str:
    """Return the name of a record about a page; its digest stands for an address too long."""
    if len(fields.target_uri(url)) + len(kind) <= fields.LONGEST_URI_BYTES:
        return kind + url
    return f"{kind}sha256:{hashlib.sha256(url.encode()).hexdigest()}"


def body_of(statement: Statement) -> bytes:
    """Return a statement as JSON; the same statement always gives the same bytes."""
    try:
        match statement:
            case Told():
                return _TOLD.dump_json((statement,))[1:-1]
            case Judged():
                return _JUDGED.dump_json((statement,))[1:-1]
            case NewPages():
                return _NEW_PAGES.dump_json((statement,))[1:-1]
    except PydanticSerializationError as error:
        what = fields.one_line(statement.uri[:200])
        raise RecordError(f"{what} cannot be written as JSON: {error}") from error


def statement_of(uri: str, body: bytes) -> Statement | None:
    """Return the statement in a record of this name, None where it holds none.

    Fields that a newer release added are passed over. RecordError where the body is no statement.
    """
    text = b"[%s]" % body
    try:
        if uri.startswith(_EVENT):
            return _TOLD.validate_json(text)[0]
        if uri.startswith(_STANDING):
            return _JUDGED.validate_json(text)[0]
        if uri.startswith(_FOUND):
            return _NEW_PAGES.validate_json(text)[0]
    except ValidationError as error:
        raise RecordError(
            f"{fields.one_line(uri[:200])} holds no statement that this release can read"
        ) from error
    return None
