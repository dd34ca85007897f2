"""Say when to look again: every so often, by a cron line, or as the page deserves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from crawler.durations import format_duration, parse_duration

AUTO = "auto"
FIRST_INTERVAL = timedelta(hours=1)
"""Until when a page whose first look is not yet compared is looked at again at the latest."""
LEAST_EVERY = timedelta(milliseconds=100)

_RIGHT = 'write "auto", a length of time such as "6h", or "cron 0 6 * * mon-fri"'
_FIELDS = ("minute", "hour", "day", "month", "day_of_week")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def next_due(
    every: str,
    *,
    time_zone: str,
    after: datetime,
    last: datetime | None = None,
    spread: str = "",
    interval: timedelta | None = None,
) -> datetime:
    """Return the first planned time later than ``after``, in UTC.

    ``last`` is the time the previous visit was *planned* for, so that lateness never adds up and a
    long stop is followed by one visit, not by all that were missed. ``spread`` (the URL) gives each
    target its own second of the interval: thousands added together do not fall due together. A cron
    line is the user's own choice of second and is never spread. ``interval`` is what the policy
    planned last under ``every = "auto"``, None before the first look is compared.
    """
    if every == AUTO:
        return after.astimezone(UTC) + (interval or FIRST_INTERVAL)
    if every.startswith("cron"):
        return _next_by_cron(_calendar(every), ZoneInfo(time_zone), after)
    return _next_by_interval(_length(every), after=after, last=last, spread=spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Planned times at equal distances: the first, the step, and how many."""

    first: datetime
    step: timedelta
    count: int

    def within(self, since: datetime, until: datetime) -> int:
        """Return how many of them lie between two times, the first of which counts."""
        return max(0, self._before(until) - self._before(since))

    def _before(self, moment: datetime) -> int:
        if moment <= self.first:
            return 0
        return min(-((self.first - moment) // self.step), self.count)


MOST_TIMES = 500
"""So many times of a cron line are told one by one; beyond them their mean distance goes on."""


def passed_over(
    every: str,
    *,
    time_zone: str,
    planned_at: datetime,
    until: datetime,
    spread: str = "",
    interval: timedelta | None = None,
) -> tuple[Series, ...]:
    """Return the planned times for which no visit was made, when one is made for the last of them.

    They begin with ``planned_at``. The visit that is over at ``until`` counts for the last planned
    time before; where that is the only one, nothing was passed over.
    """
    planned_at, until = planned_at.astimezone(UTC), until.astimezone(UTC)
    if until <= planned_at:
        return ()
    if every.startswith("cron"):
        return _passed_by_cron(_calendar(every), ZoneInfo(time_zone), planned_at, until)
    if every == AUTO:
        step = interval or FIRST_INTERVAL
        first = planned_at
    else:
        step = _length(every)
        first = _nearest_own_second(planned_at, step, spread) if spread else planned_at
    count = (until - first) // step
    return (Series(first=first, step=step, count=count),) if count > 0 else ()


def _passed_by_cron(
    calendar: "_Calendar", zone: ZoneInfo, planned_at: datetime, until: datetime
) -> tuple[Series, ...]:
    times = [planned_at]
    while len(times) <= MOST_TIMES and (later := _next_by_cron(calendar, zone, times[-1])) <= until:
        times.append(later)
    last = times.pop()  # the one the visit was made for, unless there are many more
    passed = [Series(first=at, step=_DAY, count=1) for at in times]
    if len(times) == MOST_TIMES:
        step = (last - planned_at) / MOST_TIMES
        passed.append(Series(first=last, step=step, count=(until - last) // step))
    return tuple(one for one in passed if one.count)


def check_every(text: str) -> str:
    """Return ``text`` if it is a schedule; raise ValueError that says what would be right."""
    if text == AUTO:
        return text
    if text.startswith("cron"):
        calendar = _calendar(text)
        if next(_walls(calendar, datetime(2000, 1, 1, tzinfo=UTC)), None) is None:
            raise ValueError(f"{text!r} names a day that never comes")
        return text
    _length(text)
    return text


def _share(spread: str) -> float:
    """Return a fraction in [0, 1) that is always the same for one text."""
    digest = blake2b(spread.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


# --- every so often ---------------------------------------------------------------------------


def _length(text: str) -> timedelta:
    try:
        interval = parse_duration(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a schedule; {_RIGHT}") from None
    if interval < LEAST_EVERY:
        raise ValueError(f"{text!r} is too often; the least is {format_duration(LEAST_EVERY)!r}")
    return interval


def _next_by_interval(
    interval: timedelta, *, after: datetime, last: datetime | None, spread: str
) -> datetime:
    after = after.astimezone(UTC)
    anchor = after if last is None or last > after else last.astimezone(UTC)
    if spread:
        anchor = _nearest_own_second(anchor, interval, spread)
    steps = max(1, (after - anchor) // interval + 1)
    return anchor + steps * interval


def _nearest_own_second(moment: datetime, interval: timedelta, spread: str) -> datetime:
    """Return the target's own second of the cycle that is nearest to ``moment``."""
    phase = interval * _share(spread)
    cycles = (moment - _EPOCH - phase + interval / 2) // interval
    return _EPOCH + phase + cycles * interval


# --- by a cron line ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calendar:
    """A cron line as triggers over the wall clock; any of them may fire.

    The triggers run in UTC on wall-clock time: given a real zone, APScheduler 3.11 fires a daily
    line twice on the day of 25 hours and skips one whose time the day of 23 hours leaves out
    (test_calendar.py: test_a_daily_line_comes_once_on_both_odd_days).
    """

    triggers: tuple[CronTrigger, ...]
    every_hour: bool
    """Whether the line follows the hours as they pass, so that a repeated hour counts twice."""


@lru_cache(maxsize=256)
def _calendar(text: str) -> _Calendar:
    word, *fields = text.split()
    if word != "cron" or len(fields) != len(_FIELDS):
        raise ValueError(
            f"{text!r} is not a cron line; write cron and five fields: minute, hour, day of month, "
            'month, day of week, such as "cron 0 6 * * mon-fri"'
        )
    values = dict(zip(_FIELDS, fields, strict=True))
    values["day_of_week"] = _weekdays(values["day_of_week"])
    # crontab(5): when both days are given, either of them will do.
    either = not values["day"].startswith("*") and values["day_of_week"] != "*"
    lines = [{**values, "day": "*"}, {**values, "day_of_week": "*"}] if either else [values]
    try:
        triggers = tuple(CronTrigger(timezone=UTC, **line) for line in lines)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a cron line: {error}") from None
    return _Calendar(triggers=triggers, every_hour=values["hour"].startswith("*"))


def _weekdays(field: str) -> str:
    """Return the field with weekdays by name, as crontab(5) means them: Sunday is both 0 and 7.

    APScheduler counts from Monday, and refuses a range that goes over the end of the week.
    """
    days: set[int] = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, last = _weekday_span(span, field)
        if step and not (step.isascii() and step.isdigit() and int(step)):
            raise ValueError(f"{field!r} is not a day of week: a step is a number above 0")
        if step and "-" not in span and span != "*":
            last = 6
        days.update(day % 7 for day in range(first, last + 1, int(step or 1)))
    return "*" if len(days) == 7 else ",".join(_WEEKDAYS[day] for day in sorted(days))


def _weekday_span(span: str, field: str) -> tuple[int, int]:
    if span == "*":
        return 0, 6
    first, dash, last = span.partition("-")
    start = _weekday(first, field)
    if not dash:
        return start, start
    end = _weekday(last, field)
    return start, end if end >= start else end + 7


def _weekday(text: str, field: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if len(text) == 1 and text in "01234567":
        return int(text)
    raise ValueError(f"{field!r} is not a day of week; write mon-fri, sat,sun or 0 to 7")


def _next_by_cron(calendar: _Calendar, zone: ZoneInfo, after: datetime) -> datetime:
    """Return the first instant later than ``after`` whose wall clock the line names.

    A time that the clock skips comes as much later as it skips; a time that the clock repeats comes
    once, or twice when the line counts every hour (as in cron(8)).
    """
    after = after.astimezone(UTC)
    shift = abs(_offset(zone, after + _DAY) - _offset(zone, after - _DAY))
    start = after.astimezone(zone).replace(tzinfo=UTC) - shift
    found: datetime | None = None
    found_at = start
    for wall in _walls(calendar, start):
        if found is not None and wall > found_at + shift:
            break
        for fold in (0, 1) if calendar.every_hour else (0,):
            instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            if instant > after and (found is None or instant < found):
                found, found_at = instant, wall
    if found is None:
        raise ValueError("the cron line names a day that never comes")
    return found


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _walls(calendar: _Calendar, start: datetime) -> Iterator[datetime]:
    """Yield the wall-clock times from ``start`` on, written as if they were UTC."""
    while True:
        times = [trigger.get_next_fire_time(None, start) for trigger in calendar.triggers]
        wall = min((time for time in times if time is not None), default=None)
        if wall is None:
            return
        yield wall
        start = wall + _MICROSECOND
