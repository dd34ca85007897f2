"""Sort targets by how long they are to wait, so that overdue ones take their turns by it.

A page that is to be looked at every half hour is later after an hour than one of every month after
a day. Which is the latest for its interval changes with time, so no index can hold that order. But
of pages with about the same interval the one that was due first always is: each class of intervals
is one range of an index, and the latest of all are among the first few of each.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, literal

from storage.catalogue.columns import Moment
from storage.catalogue.dialects import seconds_between
from storage.catalogue.tables import targets
from storage.model import Target

_SHORTEST = timedelta(minutes=10)
_AT_FIRST = timedelta(minutes=1)
"""A page that was never visited waits as if it were to be looked at so often.

No shorter interval counts: or each second fetch would stand before pages that nobody has kept yet.
"""
BOUNDS = tuple(_SHORTEST * 2**power for power in range(11))
"""Below each lies a class of intervals, and one is above the last, a week."""
PACES = range(len(BOUNDS) + 1)


def pace_of(interval: timedelta) -> int:
    """Return the class of an interval."""
    return sum(interval >= bound for bound in BOUNDS)


def paced(due_at: ColumnElement[datetime | None] | datetime | None) -> ColumnElement[int]:
    """Say, for an UPDATE of targets, the class of each, given when it is due."""
    moment = due_at if isinstance(due_at, ColumnElement) else literal(due_at, Moment)
    seconds = seconds_between(targets.c.last_visit_at, moment)
    steps = [(seconds < bound.total_seconds(), place) for place, bound in enumerate(BOUNDS)]
    never = (targets.c.last_visit_at.is_(None), pace_of(_AT_FIRST))
    return case(never, (moment.is_(None), 0), *steps, else_=len(BOUNDS))


def lateness(target: Target, now: datetime) -> float:
    """Return for how many of its intervals a target is overdue."""
    if target.due_at is None:
        return 0.0
    last = target.last_visit_at
    interval = target.due_at - last if last is not None else _AT_FIRST
    return (now - target.due_at) / max(interval, _AT_FIRST)
