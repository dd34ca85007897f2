"""Whether a host is well is read from what its other pages said in the same minute."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from catalogues import MINUTE, NOW, capture, opened, visit, watch
from sqlalchemy import Connection

from crawler.changes.case import Reading
from crawler.changes.hearing import Control, HostState
from crawler.controls import (
    Neighbours,
    alike,
    ask,
    ask_probe,
    host_state,
    is_probe,
    look_around,
    success_rate,
)
from storage.catalogue import captures, standings, targets
from storage.model import Look, Outcome, Phase, Site, Standing, Target, TargetState, Visit

SITE = Site(name="paper")
HOST = "https://a.example/"


@pytest.fixture
def db(tmp_path: Path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def well(db: Connection, target: Target, *, at: datetime = NOW - 60 * MINUTE) -> None:
    """Let a page have carried an article, and stand well."""
    visit(db, target, at=at)
    (kept, *_) = captures.of_target(db, target.id)
    standings.put(db, Standing(target_id=target.id, good_capture_id=kept.id))


def suspect(db: Connection, target: Target, *, since: datetime = NOW) -> Standing:
    """Let a page that was well be suspected since then."""
    look = Look(visit_id=1, at=since, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
    standing = replace(
        standings.one(db, target.id),
        phase=Phase.SUSPECT,
        kind="gone",
        since=since,
        looks=(look,),
    )
    standings.put(db, standing)
    return standing


def bad_look(db: Connection, target: Target, *, at: datetime) -> Visit:
    return visit(db, target, at=at, outcome=Outcome.CLIENT_ERROR)


def around(db: Connection, target: Target, look: Visit) -> tuple[Control, Neighbours]:
    return look_around(db, target, SITE, look, standings.one(db, target.id))


def test_a_good_look_at_another_page_in_the_minute_shows_a_host_that_is_well(db) -> None:
    """The look before and the look now count, an older one does not."""
    lost, other = watch(db, f"{HOST}1", f"{HOST}2")
    well(db, lost)
    well(db, other)
    suspect(db, lost)
    look = bad_look(db, lost, at=NOW + 10 * MINUTE)
    assert around(db, lost, look)[0].host is HostState.UNKNOWN
    visit(db, other, at=NOW + 9.5 * MINUTE)
    assert around(db, lost, look)[0] == Control(host=HostState.WELL, network=True)


def test_the_same_page_at_other_addresses_of_the_host_is_counted(db) -> None:
    """What the catalogue says of the looks about this time is enough to count them."""
    lost, *others = watch(db, *(f"{HOST}{number}" for number in range(4)))
    for page in (lost, *others):
        well(db, page)
    for page in others[:2]:
        visit(db, page, at=NOW)
    visit(db, others[2], at=NOW, made=[capture(others[2].url, digest="sha1:BBBB")])
    look = visit(db, lost, at=NOW)
    after = Reading(url=lost.url, at=NOW, outcome=Outcome.OK, hops=(capture(lost.url),))
    assert alike(db, after, around(db, lost, look)[1]) == 2


def test_a_page_without_an_article_is_never_asked(db) -> None:
    """Sitemaps and feeds answer well and say nothing: the control is a page that carried text."""
    lost, sitemap, other = watch(db, f"{HOST}1", f"{HOST}sitemap.xml", f"{HOST}2")
    for page in (lost, other):
        well(db, page)
    visit(db, sitemap, at=NOW)
    suspect(db, lost)
    look = bad_look(db, lost, at=NOW)
    control, known = around(db, lost, look)
    assert control.host is HostState.UNKNOWN
    asked = ask(db, known, site=SITE, now=NOW, at=NOW + MINUTE)
    assert asked == {other.id}
    due = targets.one(db, other.id)
    assert due is not None
    assert due.due_at == NOW + MINUTE


def test_two_pages_gone_do_not_make_a_host_down(db) -> None:
    """While a page that stands well has not been asked, nothing is known."""
    lost, other, third = watch(db, f"{HOST}1", f"{HOST}2", f"{HOST}3")
    for page in (lost, other, third):
        well(db, page)
    for page in (lost, other):
        suspect(db, page)
        look = bad_look(db, page, at=NOW)
    control, known = around(db, other, look)
    assert control.host is HostState.UNKNOWN
    assert known.page is not None
    assert known.page.id == third.id


def test_a_host_fails_when_none_of_its_pages_is_left(db) -> None:
    """All watched pages fail in the same minute: it is the host."""
    lost, other = watch(db, f"{HOST}1", f"{HOST}2")
    for page in (lost, other):
        well(db, page)
        suspect(db, page)
        look = bad_look(db, page, at=NOW)
    control, known = around(db, other, look)
    assert control.host is HostState.UNKNOWN
    (asked,) = ask(db, known, site=SITE, now=NOW, at=NOW)
    home = targets.one(db, asked)
    assert home is not None
    visit(db, home, at=NOW, outcome=Outcome.REFUSED)
    assert around(db, other, look)[0].host is HostState.FAILING


def test_pages_taken_down_together_are_no_failing_host(db) -> None:
    """All watched pages are gone and the home page is well: it is no fault of the host."""
    lost, other, home = watch(db, f"{HOST}1", f"{HOST}2", HOST)
    for page in (lost, other):
        well(db, page)
        suspect(db, page)
        look = bad_look(db, page, at=NOW)
    visit(db, home, at=NOW)
    assert around(db, other, look)[0].host is HostState.WELL


def test_an_address_that_nobody_knows_is_asked_once_a_host_and_day(db) -> None:
    """The probe stands beside the page, is visited once, and is no page of the host."""
    (lost,) = watch(db, f"{HOST}news/1")
    (asked,) = ask_probe(db, lost, site=SITE, now=NOW)
    probe = targets.one(db, asked)
    assert probe is not None
    assert probe.state is TargetState.ONCE
    assert probe.url.startswith(f"{HOST}news/")
    assert is_probe(probe.url)
    assert ask_probe(db, lost, site=SITE, now=NOW + 60 * MINUTE) == set()
    assert ask_probe(db, lost, site=SITE, now=NOW + 25 * 60 * MINUTE)
    visit(db, probe, at=NOW)
    suspect(db, lost)
    assert around(db, lost, bad_look(db, lost, at=NOW))[1].good == 0


def test_a_single_page_is_held_against_the_home_page(db) -> None:
    """The home page is asked once; that it answers is enough, also with 404."""
    (lost,) = watch(db, f"{HOST}1")
    well(db, lost)
    suspect(db, lost)
    look = bad_look(db, lost, at=NOW)
    control, known = around(db, lost, look)
    assert control.host is HostState.UNKNOWN
    (asked,) = ask(db, known, site=SITE, now=NOW, at=NOW)
    home = targets.one(db, asked)
    assert home is not None
    assert (home.url, home.state) == (HOST, TargetState.ONCE)
    bad_look(db, home, at=NOW)
    assert around(db, lost, look)[0].host is HostState.WELL


def test_a_home_page_that_fails_speaks_for_a_host_that_fails(db) -> None:
    """No answer at all, or a server error, is a host in trouble."""
    (lost,) = watch(db, f"{HOST}1")
    (home,) = watch(db, HOST)
    well(db, lost)
    suspect(db, lost)
    look = bad_look(db, lost, at=NOW)
    visit(db, home, at=NOW, outcome=Outcome.SERVER_ERROR)
    assert around(db, lost, look)[0].host is HostState.FAILING


def test_a_page_that_robots_txt_forbids_says_nothing(db) -> None:
    """A look that was never made is no failing look; nothing is left to ask then."""
    (lost,) = watch(db, f"{HOST}1")
    (home,) = watch(db, HOST)
    well(db, lost)
    suspect(db, lost)
    look = bad_look(db, lost, at=NOW)
    assert around(db, lost, look)[0].host is HostState.UNKNOWN
    visit(db, home, at=NOW, outcome=Outcome.BLOCKED_ROBOTS)
    control, known = around(db, lost, look)
    assert control.host is HostState.WELL
    assert known.home_url is None


def test_a_paused_home_page_cannot_be_asked(db) -> None:
    """Where nothing can be asked, the answer of the page itself speaks for its host."""
    (lost,) = watch(db, f"{HOST}1")
    (home,) = watch(db, HOST)
    targets.set_state(db, [home.id], TargetState.PAUSED)
    well(db, lost)
    suspect(db, lost)
    look = bad_look(db, lost, at=NOW)
    control, known = around(db, lost, look)
    assert control.host is HostState.WELL
    assert ask(db, known, site=SITE, now=NOW, at=NOW) == set()


def test_several_controls_that_fail_are_a_host_that_fails() -> None:
    """Not every page of a large site is asked before its host is said to fail."""
    left = Target(
        id=9,
        site="paper",
        url=f"{HOST}9",
        host="a.example",
        state=TargetState.ACTIVE,
        found_by="link",
        found_on=None,
        found_at=NOW,
        every=None,
        robots=None,
        due_at=NOW,
        last_visit_at=None,
        last_outcome=None,
        last_status=None,
    )
    assert host_state(Neighbours(failing=2, failing_since=2, page=left)) is HostState.UNKNOWN
    assert host_state(Neighbours(failing=3, failing_since=3, page=left)) is HostState.FAILING
    assert host_state(Neighbours(failing=3, failing_since=1, page=left)) is HostState.UNKNOWN


def test_our_own_network_is_seen_from_other_hosts(db) -> None:
    """No answer anywhere is our own fault; without other hosts nobody knows."""
    (lost,) = watch(db, f"{HOST}1")
    (elsewhere,) = watch(db, "https://b.example/")
    look = visit(db, lost, at=NOW, outcome=Outcome.TIMEOUT)
    assert around(db, lost, look)[0].network is None
    visit(db, elsewhere, at=NOW - timedelta(seconds=20), outcome=Outcome.DNS)
    assert around(db, lost, look)[0].network is False
    visit(db, elsewhere, at=NOW - timedelta(seconds=10))
    assert around(db, lost, look)[0].network is True


def test_how_often_a_page_answers_is_weighed_by_time() -> None:
    """A look counts until the next one; few looks, or a short time, say nothing."""
    day = timedelta(days=1)
    looks = [(NOW + n * day, n % 2 == 0) for n in range(10)]
    assert success_rate(looks, now=NOW + 10 * day) == pytest.approx(0.5)
    assert success_rate([(at, True) for at, _ in looks], now=NOW + 10 * day) is None
    assert success_rate(looks[:4], now=NOW + 10 * day) is None
    assert success_rate(looks, now=NOW + 2 * day) is None
