"""Read what a server says of when a page changed last, and learn how far to believe it.

``Last-Modified`` and ``ETag`` come with the page, so they save no fetch. Where they are true, one
that is the same vouches that nothing changed, whatever noise the bytes hold, and a date says when a
change came, and that none came since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from storage.message import first_of

OF_NOW = timedelta(minutes=1)
"""A date so close to the time of the answer is the time of the answer, and says nothing."""
_BELIEVED_FROM = 0.9
_OF_NOISE = 0.1
"""So much of a change is one that seems to be noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What one answer says of its page's last change."""

    mark: str = ""
    """Tells it from that of another version; empty where it says nothing."""
    modified_at: datetime | None = None


@dataclass(slots=True)
class Stamper:
    """A host that stamps its pages, and how far that is true; it learns, so it is no frozen value.

    ``told`` are looks at which the stamp was another, ``changed`` those at which the words were,
    ``both`` those at which both were.
    """

    host: str
    told: float = 0.0
    changed: float = 0.0
    both: float = 0.0

    @property
    def precision(self) -> float:
        """Return the share of new stamps that come with new words."""
        return (1 + self.both) / (2 + self.told)

    @property
    def recall(self) -> float:
        """Return the share of new words that come with a new stamp."""
        return (1 + self.both) / (2 + self.changed)

    @property
    def vouches(self) -> bool:
        """Whether a stamp that is the same is believed: nothing has changed."""
        return self.recall > _BELIEVED_FROM

    @property
    def dates(self) -> bool:
        """Whether a date is believed to be that of the last change of the words."""
        return self.precision > _BELIEVED_FROM and self.vouches

    def learn(self, *, told: bool, changed: bool) -> None:
        """Take in a look at a page that is not known to change on every fetch.

        Where stamps are believed, other words under the same stamp are noise before all else.
        """
        noise = changed and not told and self.vouches
        self.told += told
        self.changed += _OF_NOISE if noise else changed
        self.both += told and changed


def stamp_of(fields: Sequence[tuple[str, str]], *, at: datetime) -> Stamp:
    """Return what the header fields of an answer that came at a time say."""
    etag = (first_of(fields, "etag") or "").strip().removeprefix("W/")
    modified_at = _moment(first_of(fields, "last-modified") or "")
    if modified_at is not None and modified_at > at - OF_NOW:
        modified_at = None
    said = (etag, "" if modified_at is None else modified_at.isoformat())
    mark = blake2b("\n".join(said).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return Stamp(mark=mark if any(said) else "", modified_at=modified_at)


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
