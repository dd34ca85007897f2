"""What pages are missing is kept in the catalogue: per page, per site, until it is had."""

from dataclasses import replace
from pathlib import Path

import pytest
from catalogues import HOUR, MINUTE, NOW, capture, opened, visit, watch

from storage.catalogue import missing
from storage.catalogue.missing import NextTries
from storage.model import Missing, Outcome, RequisiteKind, Role, Target

A, B = "https://a.example/", "https://b.example/"
LOGO, PHOTO = f"{A}logo.png", f"{A}photo.png"


@pytest.fixture
def catalogue(tmp_path: Path):
    kept = opened(tmp_path)
    yield kept
    kept.close()


def lack(target: Target, url: str = LOGO, **changes: object) -> Missing:
    row = Missing(
        target_id=target.id,
        site=target.site,
        url=url,
        kind=RequisiteKind.IMAGE,
        via=target.url,
        encoding="utf-8",
        since_at=NOW,
        next_try_at=NOW,
    )
    return replace(row, **changes)


def test_a_row_comes_back_as_it_was_and_is_replaced_by_the_next(catalogue) -> None:
    """A page lacks an address once, with what came of the last try."""
    with catalogue.write() as db:
        (one,) = watch(db, A)
        row = lack(one, outcome=Outcome.CLIENT_ERROR, status=404, reason="r", tries=2, depth=1)
        missing.put(db, [lack(one), lack(one, PHOTO)])
        missing.put(db, [row])
        assert missing.of_target(db, one.id) == [row, lack(one, PHOTO)]
        missing.forget(db, one.id, [PHOTO])
        assert missing.of_target(db, one.id) == [row]


def test_what_is_had_is_missing_of_no_page_of_the_site(catalogue) -> None:
    """Pages of other sites go on missing it."""
    with catalogue.write() as db:
        one, two = watch(db, A, B)
        (other,) = watch(db, "https://c.example/", site="other")
        missing.put(db, [lack(one), lack(two), lack(other), lack(one, PHOTO)])
        missing.had(db, "paper", [LOGO])
        assert [one.url for one in missing.of_target(db, one.id)] == [PHOTO]
        assert missing.of_target(db, two.id) == []
        assert missing.of_target(db, other.id) == [lack(other)]


def test_the_last_try_of_a_site_is_that_which_rests_longest(catalogue) -> None:
    """Rows that were never tried say nothing to other pages."""
    with catalogue.write() as db:
        one, two = watch(db, A, B)
        first = lack(one, tries=1, next_try_at=NOW + HOUR, outcome=Outcome.DNS)
        last = lack(two, tries=2, next_try_at=NOW + 6 * HOUR, outcome=Outcome.DNS)
        missing.put(db, [first, last, lack(one, PHOTO)])
        assert missing.last_tries(db, "paper", [LOGO, PHOTO, A]) == {LOGO: last}
        assert missing.last_tries(db, "other", [LOGO]) == {}


def test_what_pages_miss_can_be_made_due(catalogue) -> None:
    """A page's rows rest no longer, nor the site's other rows that would hold them back."""
    later = NOW + 6 * HOUR
    with catalogue.write() as db:
        one, two = watch(db, A, B)
        (other,) = watch(db, "https://c.example/", site="other")
        for target, url in ((one, LOGO), (two, LOGO), (two, PHOTO), (other, LOGO)):
            missing.put(db, [lack(target, url, tries=1, next_try_at=later)])
        missing.put(db, [lack(one, PHOTO, next_try_at=NOW - HOUR)])
        missing.due_now(db, [one.id], at=NOW)
        due = {
            (row.target_id, row.url): row.next_try_at
            for target in (one, two, other)
            for row in missing.of_target(db, target.id)
        }
        assert due == {
            (one.id, LOGO): NOW,
            (two.id, LOGO): NOW,
            (one.id, PHOTO): NOW - HOUR,
            (two.id, PHOTO): NOW,
            (other.id, LOGO): later,
        }


def test_whether_a_try_is_due_is_seen_at_once(catalogue) -> None:
    """For each page by itself, also of what was committed a moment ago."""
    tries = NextTries(catalogue)
    with catalogue.write() as db:
        one, two = watch(db, A, B)
    assert not tries.is_due(one.id, now=NOW)
    with catalogue.write() as db:
        missing.put(
            db, [lack(one, next_try_at=NOW + MINUTE), lack(one, PHOTO, next_try_at=NOW + HOUR)]
        )
    assert not tries.is_due(one.id, now=NOW)
    assert tries.is_due(one.id, now=NOW + MINUTE)
    assert not tries.is_due(two.id, now=NOW + MINUTE)
    tries.close()


def test_coverage_counts_what_is_known_held_and_missing(catalogue) -> None:
    """Pages once, requisites by address; what was had before it broke is not missing."""
    with catalogue.write() as db:
        one, two, _ = watch(db, A, B, f"{A}never")
        got = capture(LOGO, role=Role.REQUISITE)
        broken = capture(PHOTO, role=Role.REQUISITE, outcome=Outcome.TIMEOUT)
        visit(db, one, made=[capture(A), got, broken])
        visit(db, one, at=NOW + HOUR, made=[capture(A, at=NOW + HOUR)])
        visit(db, two, outcome=Outcome.DNS)
        missing.put(db, [lack(one), lack(one, PHOTO), lack(two, PHOTO)])
        watch(db, "https://c.example/", site="other")
        paper, other = sorted(missing.coverage(db), key=lambda row: row.site, reverse=True)
        assert missing.coverage(db, site="paper") == [paper]
        assert missing.held_at(db, [LOGO, PHOTO]) == {LOGO: NOW}
    assert (paper.site, paper.targets, paper.held, paper.never_had) == ("paper", 3, 1, 2)
    assert (paper.requisites, paper.missing) == (1, 1)
    assert (other.site, other.targets, other.missing) == ("other", 1, 0)
