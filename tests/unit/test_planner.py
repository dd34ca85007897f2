"""What comparisons teach is kept, and pages are due when the policy says."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from catalogues import HOUR, NOW, opened, visit, watch

from crawler.commands import main
from crawler.forecast import forecast
from crawler.planner import (
    Brought,
    Planner,
    days_of,
    heed,
    is_loss,
    moment_of,
    published_of,
    role_of,
)
from crawler.pricing import LEAST_PRICE, refit
from crawler.revisit.curves import PageRole
from storage.archive import create
from storage.catalogue import learnt, sites, targets
from storage.catalogue.engine import open_catalogue
from storage.model import Article, Found, FoundBy, Phase, Site

DAY = timedelta(days=1)
PAPER = Site(name="paper", budget_per_day=20)
URLS = tuple(f"https://a.example/{number}" for number in range(14))


@pytest.fixture
def catalogue(tmp_path: Path):
    kept = opened(tmp_path)
    with kept.write() as db:
        sites.put(db, [PAPER])
        watch(db, *URLS)
    yield kept
    kept.close()


def look(catalogue, planner: Planner, url: str, *, at: datetime, site: Site = PAPER, **brought):
    """Look at a page, as a comparison takes it in; plan it, and return when it is due."""
    with catalogue.write() as db:
        target = targets.by_url(db, url)
        facts = {"digest": "same", "role": PageRole.PAGE} | brought
        due_at = planner.take_in(db, target, site, Brought(at=at, **facts))
        if due_at is not None:
            targets.plan(db, target.id, due_at)
    return due_at


def habit(catalogue, url: str) -> learnt.HabitRow:
    with catalogue.read() as db:
        target = targets.by_url(db, url)
        return learnt.of_targets(db, [target.id])[target.id]


def test_what_was_learnt_survives_a_restart(catalogue) -> None:
    """A planner that begins anew plans exactly as the one that learnt would have."""
    first = Planner()
    for day in range(4):
        for url in URLS[:5]:
            look(catalogue, first, url, at=NOW + day * DAY, digest=f"{day}")
    kept = habit(catalogue, URLS[0])
    assert (kept.looks, kept.changes) == (4, 3)
    second = Planner()
    at = NOW + 5 * DAY
    anew = look(catalogue, second, URLS[0], at=at, digest="4")
    with catalogue.write() as db:
        learnt.put(db, [kept])
    assert look(catalogue, first, URLS[0], at=at, digest="4") == pytest.approx(anew, abs=HOUR)


def test_a_fixed_word_is_learnt_from_and_left_alone(catalogue) -> None:
    """A page visited every 6 h teaches the policy, which does not move it."""
    fixed = replace(PAPER, every="6h")
    assert look(catalogue, Planner(), URLS[0], at=NOW, site=fixed) is None
    assert habit(catalogue, URLS[0]).looks == 1


def test_the_bounds_of_a_site_hold(catalogue) -> None:
    """No page is due sooner than shortest nor later than longest, whatever the price."""
    for price, expected in ((1e-9, HOUR), (1e9, 2 * DAY)):
        bounded = replace(PAPER, shortest=HOUR, longest=2 * DAY)
        planner = Planner()
        with catalogue.write() as db:
            planner.learning.keep_price(db, PAPER.name, price)
        assert look(catalogue, planner, URLS[1], at=NOW, site=bounded) == NOW + expected


def test_the_price_is_fitted_to_the_budget_and_plans_are_moved(catalogue) -> None:
    """After the fit the pages take about the budget, and pages that wait are due anew."""
    planner = Planner()
    for day in range(3):
        for url in URLS:
            look(catalogue, planner, url, at=NOW + day * DAY, digest=f"{day}")
    price = refit(catalogue, PAPER, now=NOW + 3 * DAY)
    with catalogue.read() as db:
        rows = list(learnt.of_site(db, PAPER.name))
        taken = sum(1 / one.interval for one in rows)
        due = {
            one.id: one.due_at
            for one in targets.by_ids(db, [row.target_id for row in rows]).values()
        }
    assert taken == pytest.approx(PAPER.budget_per_day, rel=0.25)
    assert all(one.price == pytest.approx(price, rel=0.6) for one in rows)
    moved = [one for one in rows if one.price == price]
    assert moved, "the first price is far from this one"
    now = datetime.now(NOW.tzinfo)
    for one in moved:
        planned = moment_of(one.looked_at + one.interval)
        assert due[one.target_id] == pytest.approx(max(planned, now), abs=10 * timedelta(seconds=1))


def test_a_small_archive_does_not_spend_its_budget_for_nothing(catalogue) -> None:
    """Where hardly anything changes a look is not made for less than the least price."""
    planner = Planner()
    for url in URLS:
        look(catalogue, planner, url, at=NOW, role=PageRole.ARCHIVE)
    rich = replace(PAPER, budget_per_day=1_000_000)
    assert refit(catalogue, rich, now=NOW + HOUR) == LEAST_PRICE


def test_a_page_under_suspicion_is_not_moved(catalogue) -> None:
    """A re-look that is planned by the confirm rule stays where it is."""
    planner = Planner()
    look(catalogue, planner, URLS[0], at=NOW)
    relook_at = NOW + timedelta(minutes=10)
    with catalogue.write() as db:
        target = targets.by_url(db, URLS[0])
        targets.plan(db, target.id, relook_at)
    refit(catalogue, PAPER, now=NOW + HOUR)
    with catalogue.read() as db:
        assert targets.by_url(db, URLS[0]).due_at == relook_at


def test_losses_in_a_row_bring_the_others_of_their_host_forward(catalogue, caplog) -> None:
    """The jump is told once, and what still stands is due sooner."""
    planner = Planner()
    for day in (0, 3, 6):
        for url in URLS:
            look(catalogue, planner, url, at=NOW + day * DAY, role=PageRole.ARCHIVE)
    before = habit(catalogue, URLS[-1]).interval
    for number, url in enumerate(URLS[:9]):
        at = NOW + 7 * DAY + number * timedelta(minutes=1)
        look(catalogue, planner, url, at=at, role=PageRole.ARCHIVE, lost=True)
    told = [one for one in caplog.records if "lost much faster" in one.message]
    assert len(told) == 1
    assert habit(catalogue, URLS[-1]).interval < before
    assert not planner.jumps, "a person is told of what is confirmed"
    for url in URLS[:3]:
        at = NOW + 7 * DAY + 8 * HOUR
        look(catalogue, planner, url, at=at, role=PageRole.ARCHIVE, lost=True, confirmed=True)
    (jump,) = planner.jumps
    assert jump.host == "a.example"
    assert jump.losses > 3 * jump.expected


def test_one_bad_look_is_no_loss_and_an_outage_never_is() -> None:
    """A loss counts from the second look that agrees; servers that fail may come back."""
    assert not is_loss(Phase.SUSPECT, "gone", 1)
    assert is_loss(Phase.SUSPECT, "gone", 2)
    assert not is_loss(Phase.SUSPECT, "gone", 3)
    assert is_loss(Phase.CONFIRMED, "soft_404", 5)
    assert not is_loss(Phase.CONFIRMED, "down", 5)


@pytest.mark.parametrize(
    ("published", "content_type", "is_list", "role"),
    [
        ("2026-11-04", "text/html", False, PageRole.ARTICLE),
        ("2014-10-10", "text/html", False, PageRole.ARCHIVE),
        (None, "text/html", False, PageRole.PAGE),
        ("once upon a time", "text/html", False, PageRole.PAGE),
        ("2026-11-04", "text/html", True, PageRole.SECTION),
    ],
)
def test_the_role_of_a_page_follows_what_it_says_of_itself(published, content_type, is_list, role):
    """A date makes an article, an old one an archive, a list a section."""
    target = SimpleNamespace(found_at=NOW, found_by=FoundBy.LINK)
    article = Article(url=URLS[0], published=published)
    assert role_of(target, article, content_type, is_list=is_list) is role


def test_a_date_beyond_all_calendars_is_none() -> None:
    """What a page says of its date is hostile."""
    article = Article(url=URLS[0], published="0001-01-01T00:00:00+14:00")
    assert published_of(article) is None


def test_times_are_days_and_back() -> None:
    """The policy's days lose less than a millisecond."""
    assert abs(moment_of(days_of(NOW)) - NOW) < timedelta(milliseconds=1)


# --- what is said of it -----------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path: Path):
    """Make an archive with a page that was looked at a few times."""
    root = tmp_path / "archive"
    create(root, config="")
    with closing(open_catalogue(root / "catalogue.db")) as catalogue:
        with catalogue.write() as db:
            sites.put(db, [PAPER])
            for one in watch(db, *URLS[:3]):
                visit(db, one)
        planner = Planner()
        for day in range(5):
            look(catalogue, planner, URLS[0], at=NOW + day * DAY, digest=f"{day // 2}")
    return root


def test_explain_tells_the_truth(archive, capsys) -> None:
    """Its numbers give the due time again, which is that of the catalogue."""
    assert main(["explain", "--archive", str(archive), URLS[0], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    facts = told["numbers"]
    worth = facts["edit"] + facts["delay"] + facts["loss"]
    assert worth == pytest.approx(facts["price"], rel=0.05)
    looked_at = datetime.fromisoformat(facts["looked_at"])
    due_at = datetime.fromisoformat(facts["due_at"])
    assert due_at - looked_at == pytest.approx(
        timedelta(days=facts["interval"]), abs=timedelta(seconds=1)
    )
    with closing(open_catalogue(archive / "catalogue.db")) as catalogue, catalogue.read() as db:
        assert targets.by_url(db, URLS[0]).due_at == pytest.approx(due_at, abs=timedelta(seconds=1))
    assert any("It is looked at every" in one for one in told["because"])
    assert any(
        f"{facts['changes_seen']} seen in {facts['looks']} looks" in one for one in told["because"]
    )


def test_plan_says_what_the_budget_buys(archive, capsys) -> None:
    """Visits of all pages, none above the budget, with delays and room on the disk."""
    assert main(["plan", "--archive", str(archive), "--days", "7", "--json"]) == 0
    (site,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert site["site"] == PAPER.name
    assert sum(one["pages"] for one in site["pages"]) == 3
    assert 0 < site["visits_a_day"] <= PAPER.budget_per_day
    (page,) = [one for one in site["pages"] if one["kind"] == "page"]
    assert page["edit_delay_days"] == pytest.approx(page["interval_days"] / 2)
    assert 0 < page["captured"] <= 1
    assert main(["plan", "--archive", str(archive)]) == 0
    assert "visits a day" in capsys.readouterr().out


def test_a_budget_that_does_not_reach_or_cannot_be_spent_is_said(archive, capsys) -> None:
    """The budget outranks the longest interval, the host outranks both: plan and status say so."""
    with closing(open_catalogue(archive / "catalogue.db")) as catalogue:
        poor = replace(PAPER, budget_per_day=1, every="1h")
        with catalogue.write() as db:
            sites.put(db, [poor])
        own = SimpleNamespace(archive=SimpleNamespace(root=archive), catalogue=catalogue)
        (told,) = forecast(own, now=NOW, days=3)
        slow = replace(PAPER, budget_per_day=90, every="1h", host_budget_per_day=10)
        with catalogue.write() as db:
            sites.put(db, [slow])
        (cannot,) = forecast(own, now=NOW, days=3)
    assert told.visits_a_day == 1
    (short,) = told.remarks
    assert "raise budget_per_day" in short
    (unspent,) = cannot.remarks
    assert "72 visits a day are asked of a.example" in unspent
    assert "gets 10 at most" in unspent
    assert main(["status", "--archive", str(archive), "--json"]) == 0
    assert unspent in json.loads(capsys.readouterr().out)["remarks"]


# --- what lists tell --------------------------------------------------------------------------


def test_what_a_feed_tells_is_due_now_and_teaches_how_far_to_believe_it(catalogue) -> None:
    """A page that a list says has changed since its last look is looked at; others wait."""
    planner = Planner()
    for url in URLS[:2]:
        look(catalogue, planner, url, at=NOW)
    look(catalogue, planner, URLS[2], at=NOW, role=PageRole.FEED)
    later = NOW + HOUR
    told = [
        Found(url=URLS[0], found_by=FoundBy.FEED, changed_at=later - timedelta(minutes=1)),
        Found(url=URLS[1], found_by=FoundBy.FEED, changed_at=NOW - HOUR),
        Found(url=URLS[3], found_by=FoundBy.FEED, changed_at=later + 99 * DAY),
    ]
    with catalogue.write() as db:
        assert heed(db, told, host="a.example", site=PAPER, now=later) == 1
        assert targets.by_url(db, URLS[0]).due_at == later
        assert targets.by_url(db, URLS[1]).due_at > later
    look(catalogue, planner, URLS[0], at=later, digest="new")
    assert planner.learning.policy.listers["a.example"].right == 3
