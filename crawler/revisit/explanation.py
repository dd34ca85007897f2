"""Say in two sentences why a page is looked at every so often, with the numbers behind them."""

from dataclasses import dataclass, replace
from datetime import timedelta

from crawler.durations import tell_duration
from crawler.revisit.habits import Habit
from crawler.revisit.policy import Terms
from crawler.revisit.worth import LOSS_WORTH, Prospect, interval, parts

_DEARER = 2.0
"""What would change it is told for twice the importance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What an interval was planned with; together they give it again.

    The interval is where ``worth``, the sum of ``edit``, ``delay`` and ``loss``, reaches ``price``,
    between ``shortest`` and ``longest``; times are in days, rates a day.
    """

    looked_at: float
    interval: float
    price: float
    shortest: float
    longest: float
    importance: float
    changes_a_day: float
    """Of this page, on average over the interval."""
    factor: float
    """How many times as often as others of its kind it changes."""
    shape: float
    scale: float
    expected: float
    hazard: float
    edit: float
    delay: float
    loss: float
    changes_seen: int
    looks: int
    lost_looks: int
    noisy: bool
    at_double_importance: float

    @property
    def due_at(self) -> float:
        """Return when it is due: the last look and the interval."""
        return self.looked_at + self.interval


def numbers(habit: Habit, *, shortest: float, longest: float, spread: float) -> Numbers:
    """Return what the next look at a page was planned with."""
    prospect = as_planned(habit, spread=spread)
    edit, delay, loss = parts(prospect, habit.interval) if habit.interval > 0 else (0.0,) * 3
    terms = Terms(price=habit.price, shortest=shortest, longest=longest)
    dearer = replace(prospect, importance=prospect.importance * _DEARER)
    return Numbers(
        looked_at=habit.looked_at,
        interval=habit.interval,
        price=habit.price,
        shortest=shortest,
        longest=longest,
        importance=habit.importance,
        changes_a_day=prospect.shape / prospect.scale * habit.expected / (habit.interval or 1),
        factor=prospect.shape / prospect.scale,
        shape=prospect.shape,
        scale=prospect.scale,
        expected=habit.expected,
        hazard=habit.hazard,
        edit=edit,
        delay=delay,
        loss=loss,
        changes_seen=habit.changes,
        looks=habit.looks,
        lost_looks=habit.lost,
        noisy=habit.is_noisy,
        at_double_importance=solved(dearer, terms, near=habit.interval),
    )


def as_planned(habit: Habit, *, spread: float) -> Prospect:
    """Return what was expected of a page when it was planned, its changes spread evenly."""
    known = not habit.is_noisy
    return Prospect(
        shape=habit.shape if known else spread,
        scale=habit.scale if known else spread,
        steps=((0.0, 0.0, habit.expected / (habit.interval or 1)),),
        hazard=habit.hazard * LOSS_WORTH,
        importance=habit.importance,
    )


def solved(prospect: Prospect, terms: Terms, *, near: float) -> float:
    """Return the interval that a prospect leads to."""
    return interval(
        prospect,
        price=terms.price,
        shortest=terms.shortest,
        longest=terms.longest,
        near=near or terms.shortest,
    )


def sentences(told: Numbers) -> tuple[str, str]:
    """Return why a page is looked at every so often, and what would change it."""
    every = _length(told.interval)
    if told.lost_looks:
        found = f"{told.lost_looks} looks in a row found it so"
        rarer = "Each further look that finds it so trebles the wait, up to 90 d"
        return (
            f"It is lost, and is looked at again after {every}: {found}.",
            f"{rarer}; one that finds it back makes it an ordinary page again.",
        )
    return (_why(told, every), _what_else(told))


def _why(told: Numbers, every: str) -> str:
    if told.noisy:
        own = "it changes on every fetch, so that its changes tell nothing; add a mask"
    else:
        times = f"{told.factor:.2g} times as often as others of its kind"
        own = (
            f"about {told.changes_a_day:.2g} changes a day are expected, {times}"
            f" ({told.changes_seen} seen in {told.looks} looks)"
        )
    risk = f"the risk of its loss is {told.hazard:.2g} a day"
    return f"It is looked at every {every}: {own}, and {risk}."


def _what_else(told: Numbers) -> str:
    worth = told.edit + told.delay + told.loss
    earned = f"After that time a look is worth {worth:.3g} edits, a fetch costs {told.price:.3g}"
    if told.interval >= told.longest * 0.999:
        return f"{earned}; it would wait longer still, were it not for longest."
    if told.interval <= told.shortest * 1.001:
        return f"{earned}; it would be looked at sooner still, were it not for shortest."
    other = _length(told.at_double_importance)
    return f"{earned}; were it twice as important it would be every {other}."


def _length(days: float) -> str:
    return tell_duration(timedelta(days=days))


def holds(told: Numbers, *, within: float = 0.03) -> bool:
    """Say whether the numbers give the interval again: its worth is the price, or it is a bound."""
    worth = told.edit + told.delay + told.loss
    if told.lost_looks:
        return True
    if told.interval >= told.longest:
        return worth <= told.price * (1 + within)
    if told.interval <= told.shortest:
        return worth >= told.price * (1 - within)
    return abs(worth / told.price - 1) <= within
