"""A budget that is spent is said, and what may not be looked at does not spend it."""

from dataclasses import replace
from pathlib import Path

import pytest
from catalogues import HOUR, NOW, opened, visit, watch

from crawler import budget
from crawler.commands import parse_end
from crawler.fetch.guard import without_password
from storage.catalogue import targets
from storage.model import Outcome, Site

SITE = Site(name="paper", budget_per_day=2)
PAGE = "https://a.example/"


@pytest.fixture
def db(tmp_path: Path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def test_a_spent_budget_is_told_until_the_day_ends(db):
    """Visits of the day count, those of the day before do not."""
    (page,) = watch(db, PAGE)
    visit(db, page, at=NOW - 24 * HOUR)
    visit(db, page, at=NOW)
    assert budget.remarks(db, [SITE], now=NOW + HOUR) == ()
    visit(db, page, at=NOW + HOUR)
    (remark,) = budget.remarks(db, [SITE], now=NOW + HOUR)
    assert "paper has spent its budget of 2 visits" in remark
    assert budget.remarks(db, [SITE], now=NOW + 24 * HOUR) == ()


def test_what_robots_txt_forbids_spends_nothing(db):
    """No request was made for it."""
    (page,) = watch(db, PAGE)
    for _ in range(3):
        visit(db, page, at=NOW, outcome=Outcome.BLOCKED_ROBOTS)
    assert not budget.is_spent(db, SITE, now=NOW + HOUR)


def test_what_the_guard_refused_is_tried_anew_on_demand(db):
    """A start with other exceptions of the guard must not wait for the schedule."""
    one, two = watch(db, f"{PAGE}1", f"{PAGE}2")
    visit(db, one, at=NOW, outcome=Outcome.BLOCKED_ADDRESS, next_due_at=NOW + 9 * HOUR)
    visit(db, two, at=NOW, next_due_at=NOW + 9 * HOUR)
    targets.retry(db, Outcome.BLOCKED_ADDRESS, at=NOW + HOUR)
    due = [targets.one(db, page.id).due_at for page in (one, two)]
    assert due == [NOW + HOUR, NOW + 9 * HOUR]


def test_a_day_means_its_end():
    """As it was on a day: whatever was kept on that day is included."""
    assert parse_end("2026-11-22").isoformat() == "2026-11-22T23:59:59.999999+00:00"
    assert parse_end("2026-11-22T13:00Z").isoformat() == "2026-11-22T13:00:00+00:00"


def test_a_password_is_not_shown():
    """Neither is the name before it; an @ further on is part of the path."""
    assert without_password("http://me:secret@a.example/x@y") == "http://…@a.example/x@y"
    assert without_password("http://a.example/x@y") == "http://a.example/x@y"


def test_far_from_its_budget_a_site_is_not_counted_each_time():
    """A part of what is left may be spent uncounted, for a while, and never of another budget."""
    site = Site(name="paper", budget_per_day=1000)
    given = budget.Allowances()
    assert not given.take(site, now=NOW)
    given.give(site, left=200, now=NOW)
    taken = [given.take(site, now=NOW) for _ in range(10)]
    assert taken == [True] * 4 + [False] * 6
    given.give(site, left=200, now=NOW)
    assert not given.take(site, now=NOW + budget.COUNTED_EVERY)
    assert not given.take(site, now=NOW - HOUR)
    assert not given.take(replace(site, budget_per_day=100), now=NOW)
    assert not given.take(replace(site, host_budget_per_day=9), now=NOW)
    given.give(site, left=10, now=NOW)
    assert not given.take(site, now=NOW)
