"""Fit the price of a fetch to the budget of each site, every hour, and plan anew what it moves."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from random import Random

from crawler.learning import Learning, habit_of
from crawler.planner import DAY, replan, terms_of
from crawler.revisit.habits import Habit
from crawler.revisit.price import fit_price
from storage.catalogue import learnt, sites, visits
from storage.catalogue.engine import Catalogue
from storage.model import Site

LEAST_PRICE = 0.002
"""A look is not made for less, however much of the budget is left: servers pay for it too."""
MOVED = 1.6
"""Where the price has moved by more since a page was planned, it is planned anew."""
_MOST_OTHER = 0.8
"""Share of a budget that looks not planned here may take from those that are."""
_A_STEP = 500


def most_of_host(site: Site) -> float:
    """Return how many visits a day one host of a site gets at most: by its delay, by its budget."""
    by_delay = DAY / site.delay if site.delay else inf
    return min(by_delay, inf if site.host_budget_per_day is None else site.host_budget_per_day)


def refit(catalogue: Catalogue, site: Site, *, now: datetime) -> float:
    """Fit the price of a fetch of a site to its budget, plan anew what it moves, and return it."""
    with catalogue.read() as db:
        learning = Learning()
        learning.load(db)
        habits = [habit_of(row) for row in learnt.of_site(db, site.name)]
        made = visits.count_between(db, site=site.name, since=now - DAY, until=now)
    before = learning.price(site.name)
    price = fitted(learning, habits, site=site, made=made, price=before)
    stale = [
        one.target_id
        for one in habits
        if not one.lost and not 1 / MOVED < one.price / price < MOVED
    ]
    with catalogue.write() as db:
        learning.keep_price(db, site.name, price)
    for start in range(0, len(stale), _A_STEP):
        with catalogue.write() as db:
            rows = learnt.of_targets(db, stale[start : start + _A_STEP])
            some = [habit_of(row) for row in rows.values()]
            replan(db, learning, some, site=site, terms=terms_of(site, price))
    return price


def fitted(
    learning: Learning, habits: Sequence[Habit], *, site: Site, made: int, price: float
) -> float:
    """Return the price at which these pages take what of the budget others leave them."""
    chance = Random(0)  # noqa: S311 - a sample, no secret
    planned = sum(1 / one.interval for one in habits if one.interval > 0)
    other = min(max(made - planned, 0.0), _MOST_OTHER * site.budget_per_day)
    fit = fit_price(
        learning.policy,
        habits,
        terms=terms_of(site, price),
        visits_a_day=site.budget_per_day - other,
        chance=chance,
        most=dict.fromkeys({one.host for one in habits}, most_of_host(site)),
    )
    return max(fit, LEAST_PRICE)


def refit_all(catalogue: Catalogue) -> None:
    """Fit the price of a fetch of every site that is watched."""
    with catalogue.read() as db:
        listed = sites.listing(db)
    for site in listed:
        refit(catalogue, site, now=datetime.now(UTC))
