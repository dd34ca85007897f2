"""Decide when an event is told: at once, gathered, by day or week, and not in quiet hours. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from crawler.durations import format_duration, parse_duration
from crawler.revisit.calendar import check_every, next_due
from storage.catalogue.deliveries import Waiting
from storage.model import Alert, Event, Site

NOW = "now"
DIGEST_AFTER = timedelta(hours=1)
"""How long a digest gathers where the site does not say."""
CALM = timedelta(seconds=1)
"""What comes within it is told together; the more waits, the more is expected to come."""
FREE_MESSAGES = 5
"""So many messages an hour go through an alert without a wait; then each waits twice as long."""
LONGEST_URGENT = timedelta(minutes=1)
LONGEST_EDITS = timedelta(hours=1)
"""Longer than this nothing waits to be told together with more."""

_RIGHT = 'write "now", a length of time such as "1h", "daily 08:00" or "weekly mon 08:00"'
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CLOCK = r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])"
_CALENDAR = re.compile(rf"(?:daily|weekly (?P<day>{'|'.join(_DAYS)})) {_CLOCK}")
_QUIET = re.compile(
    r"(?P<from>(?:[01][0-9]|2[0-3]):[0-5][0-9])-(?P<to>(?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When an event is due, and from when on a digest may be due that it joins."""

    at: datetime
    joins_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Hours of the day in which only what is urgent is told; over midnight if they end earlier."""

    begins: time
    ends: time
    time_zone: str = "UTC"

    def covers(self, now: datetime) -> bool:
        """Say whether it is quiet now."""
        clock = now.astimezone(ZoneInfo(self.time_zone)).time().replace(tzinfo=None)
        if self.begins <= self.ends:
            return self.begins <= clock < self.ends
        return clock >= self.begins or clock < self.ends


def check_edits(text: str) -> str:
    """Return ``text`` if edits can be told so; raise ValueError that says what would be right."""
    if text == NOW or _CALENDAR.fullmatch(text):
        return text
    try:
        return check_every(text) if text.startswith("cron ") else _length(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time to tell edits at; {_RIGHT}") from None


def parse_quiet(text: str, *, time_zone: str) -> Quiet:
    """Return the quiet hours that ``22:00-07:00`` names; ValueError says what would be right."""
    found = _QUIET.fullmatch(text)
    if found is None or found["from"] == found["to"]:
        raise ValueError(f'{text!r} are no quiet hours; write "22:00-07:00"')
    begins, ends = time.fromisoformat(found["from"]), time.fromisoformat(found["to"])
    return Quiet(begins=begins, ends=ends, time_zone=time_zone)


def plan(event: Event, *, site: Site, now: datetime) -> Plan:
    """Return when an event is to be told: what is urgent now, edits as their site says."""
    if event.urgent:
        return Plan(at=now, joins_after=now)
    edits = site.edits
    if edits == NOW:
        at = now if event.alert is Alert.NOW else now + DIGEST_AFTER
        return Plan(at=at, joins_after=now)
    line = _cron(edits)
    if line is None:
        return Plan(at=now + parse_duration(edits), joins_after=now)
    at = next_due(line, time_zone=site.time_zone, after=now)
    # It joins the digest of this very time: an earlier one would tell it too soon.
    return Plan(at=at, joins_after=at - timedelta(microseconds=1))


def ready(
    waiting: Sequence[Waiting],
    *,
    now: datetime,
    sent_lately: int = 0,
    quiet: Quiet | None = None,
    calm: timedelta = CALM,
) -> list[Waiting]:
    """Return what of one alert's waiting deliveries is sent now, as one; nothing if more may come.

    News that comes while other news still comes is told with it: after one event a second of calm
    ends it, after a thousand ten; a minute ends it if anything is urgent, else an hour. The more
    messages went out in the last hour, the longer the next one gathers: ten thousand changes are a
    few messages, whatever time they take. Without ``calm`` nothing waits for more.
    """
    is_quiet = quiet is not None and quiet.covers(now)
    due = [one for one in waiting if one.urgent or not is_quiet]
    if not due:
        return []
    longest = LONGEST_URGENT if any(one.urgent for one in due) else LONGEST_EDITS
    first, last = min(one.due_at for one in due), max(one.due_at for one in due)
    pause = calm * 2 ** max(0, min(sent_lately - FREE_MESSAGES, 20))
    over = max(first + pause, last + calm * len(due).bit_length())
    if now < min(over, first + longest):
        return []
    return due


def _cron(text: str) -> str | None:
    """Return the cron line of a calendar's words, or None for a length of time."""
    if text.startswith("cron "):
        return text
    found = _CALENDAR.fullmatch(text)
    if found is None:
        return None
    return f"cron {int(found['minute'])} {int(found['hour'])} * * {found['day'] or '*'}"


def _length(text: str) -> str:
    return format_duration(parse_duration(text))
