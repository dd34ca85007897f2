"""Fit the price of a fetch to the budget, and how much pages differ to what was seen."""

from collections.abc import Mapping, Sequence
from math import inf
from random import Random
from types import MappingProxyType

from crawler.revisit.curves import Curve, PageRole, fit_spread
from crawler.revisit.habits import Habit
from crawler.revisit.policy import Policy, Terms
from crawler.revisit.worth import interval

_SAMPLE = 400
_ROUNDS = 10
_NEAR = 0.015
_NO_LIMITS: Mapping[str, float] = MappingProxyType({})


def fit_price(
    policy: Policy,
    habits: Sequence[Habit],
    *,
    terms: Terms,
    visits_a_day: float,
    chance: Random,
    most: Mapping[str, float] = _NO_LIMITS,
) -> float:
    """Return the price of a fetch at which these pages take so many visits a day.

    ``most`` are the visits a day that hosts allow: what is asked of one beyond that is not made,
    and the others have it. A sample in the proportion of their present rates speaks for all pages:
    a uniform one is ruined by its few that are looked at most.
    """
    sample = _sample(habits, terms=terms, chance=chance)
    if not sample or visits_a_day <= 0:
        return terms.price
    return _solve(policy, sample, terms=terms, visits_a_day=visits_a_day, most=most)


def _sample(habits: Sequence[Habit], *, terms: Terms, chance: Random) -> list[tuple[Habit, float]]:
    """Return pages, each standing for so many, in the proportion of their present rates."""
    planned = [one for one in habits if not one.lost and not one.role.lists]
    rates = [1 / max(one.interval, terms.shortest) for one in planned]
    step = sum(rates) / min(_SAMPLE, max(len(planned), 1))
    sample: list[tuple[Habit, float]] = []
    passed, place = 0.0, chance.random() * step
    for habit, rate in zip(planned, rates, strict=True):
        passed += rate
        while place < passed:
            sample.append((habit, step / rate))
            place += step
    return sample


def _solve(
    policy: Policy,
    sample: Sequence[tuple[Habit, float]],
    *,
    terms: Terms,
    visits_a_day: float,
    most: Mapping[str, float],
) -> float:
    """Return the price at which a sample, each standing for so many pages, takes these visits."""
    prospects = [policy.prospect(habit) for habit, _ in sample]
    near = [habit.interval for habit, _ in sample]
    price, low, high = terms.price, 0.0, inf
    for _ in range(_ROUNDS):
        near = [
            interval(one, price=price, shortest=terms.shortest, longest=terms.longest, near=place)
            for one, place in zip(prospects, near, strict=True)
        ]
        ratio = _made(sample, near, most) / visits_a_day
        if abs(ratio - 1) < _NEAR:
            break
        if ratio > 1:
            low = max(low, price)
        else:
            high = min(high, price)
        price *= ratio**1.2
        if not low < price < high:
            price = (low * high) ** 0.5 if low and high < inf else low * 1.1 or high * 0.9
    return price


def _made(
    sample: Sequence[tuple[Habit, float]], gaps: Sequence[float], most: Mapping[str, float]
) -> float:
    """Return the visits a day that a sample takes at these intervals, each host its most."""
    of_hosts: dict[str, float] = {}
    for (habit, count), gap in zip(sample, gaps, strict=True):
        of_hosts[habit.host] = of_hosts.get(habit.host, 0.0) + count / gap
    return sum(min(visits, most.get(host, inf)) for host, visits in of_hosts.items())


def refit_spreads(
    curves: dict[PageRole, Curve], habits: Sequence[Habit], *, chance: Random
) -> None:
    """Fit how much the pages of each role differ, and move their factors with it."""
    for role, curve in curves.items():
        own = [one for one in habits if one.role is role and not one.is_noisy]
        looked = [one for one in own if one.looks > 1]
        some = chance.sample(looked, min(_SAMPLE, len(looked)))
        before = curve.spread
        seen = [(max(one.shape - before, 0.0), max(one.scale - before, 0.0)) for one in some]
        curve.spread = fit_spread(curve, seen)
        if curve.spread != before:
            for one in own:
                one.shape = max(one.shape + curve.spread - before, curve.spread / 5)
                one.scale = max(one.scale + curve.spread - before, curve.spread / 2)
