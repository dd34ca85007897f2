"""Fit the price of a fetch to the budget, and how much pages differ to what was seen."""

from collections.abc import Sequence
from math import inf
from random import Random

from crawler.revisit.curves import Curve, PageRole, fit_spread
from crawler.revisit.habits import Habit
from crawler.revisit.policy import Policy, Terms
from crawler.revisit.worth import interval

_SAMPLE = 400
_ROUNDS = 10
_NEAR = 0.015


def fit_price(
    policy: Policy, habits: Sequence[Habit], *, terms: Terms, visits_a_day: float, chance: Random
) -> float:
    """Return the price of a fetch at which these pages take so many visits a day.

    A sample in the proportion of their present rates speaks for all: a uniform one is ruined by its
    few pages that are looked at most.
    """
    planned = [one for one in habits if not one.lost and not one.role.lists]
    if not planned or visits_a_day <= 0:
        return terms.price
    rates = [1 / max(one.interval, terms.shortest) for one in planned]
    step = sum(rates) / min(_SAMPLE, len(planned))
    sample: list[tuple[Habit, float]] = []
    passed, place = 0.0, chance.random() * step
    for habit, rate in zip(planned, rates, strict=True):
        passed += rate
        while place < passed:
            sample.append((habit, step / rate))
            place += step
    return _solve(policy, sample, terms=terms, visits_a_day=visits_a_day)


def _solve(
    policy: Policy, sample: Sequence[tuple[Habit, float]], *, terms: Terms, visits_a_day: float
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
        taken = sum(count / gap for (_, count), gap in zip(sample, near, strict=True))
        ratio = taken / visits_a_day
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
