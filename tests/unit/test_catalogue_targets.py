"""Targets, their due times, and the queues of their hosts."""

from dataclasses import replace

import pytest
from catalogues import HOUR, MINUTE, NOW, found, opened, visit, watch
from sqlalchemy import select

from storage.catalogue import sites, targets
from storage.catalogue.tables import hosts as host_rows
from storage.errors import CatalogueError
from storage.host import host_of
from storage.model import FoundBy, Robots, Site, TargetState

A = "https://a.example/1"


@pytest.fixture
def db(tmp_path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def head(db, host="a.example"):
    """Return when the first target of a host is due."""
    return db.execute(select(host_rows.c.head_due_at).where(host_rows.c.host == host)).scalar_one()


def test_only_new_urls_are_returned_in_the_order_found(db):
    """A URL is a target once, however often it is found."""
    first = watch(db, "https://a.example/2", A, A)
    assert [one.url for one in first] == ["https://a.example/2", A]
    assert [one.url for one in watch(db, A, "https://b.example/")] == ["https://b.example/"]


def test_a_target_remembers_how_it_was_found_and_what_was_said_of_it(db):
    """What is said of a target is kept with it."""
    (added,) = targets.add(db, found(A), site="paper", now=NOW, due_at=NOW + HOUR)
    one = replace(added, every="6h", robots=Robots.IGNORE)
    targets.put(db, [one])
    assert targets.one(db, one.id) == targets.by_url(db, A) == one
    assert (one.found_by, one.found_on, one.found_at) == (
        FoundBy.LINK,
        "https://a.example/",
        NOW,
    )
    assert (one.host, one.every, one.robots, one.due_at) == (
        "a.example",
        "6h",
        Robots.IGNORE,
        NOW + HOUR,
    )
    assert targets.one(db, 99) is targets.by_url(db, "https://no.example/") is None


def test_a_long_list_is_added_whole(db):
    """A site map of thousands of addresses is one call."""
    urls = [f"https://a.example/{number}" for number in range(1800)]
    assert len(watch(db, *urls)) == 1800
    assert watch(db, *urls) == []


def test_a_removed_target_comes_back_only_for_a_user(db):
    """What a user removed stays away though its links are found, until a user names it again."""
    (one,) = watch(db, A)
    targets.set_state(db, [one.id], TargetState.REMOVED)
    assert targets.add(db, found(A), site="paper", now=NOW, due_at=NOW) == []
    targets.put(db, [replace(one, site="other")])
    again = targets.one(db, one.id)
    assert (again.state, again.site) == (TargetState.ACTIVE, "other")
    assert head(db) == NOW


def test_a_target_captured_once_can_be_watched_later(db):
    """A URL captured once counts as new when it is to be watched, and not when captured again."""
    watch(db, A, state=TargetState.ONCE)
    assert watch(db, A, state=TargetState.ONCE) == []
    (one,) = targets.add(db, found(A), site="paper", now=NOW, due_at=NOW)
    assert one.state == TargetState.ACTIVE


def test_the_head_of_a_host_is_its_first_due_target(db):
    """Planning, removing and visiting keep the head at the least due time."""
    one, two = watch(db, A, "https://a.example/2", due_at=NOW + HOUR)
    assert head(db) == NOW + HOUR
    targets.plan(db, two.id, NOW)
    assert head(db) == NOW
    visit(db, two, next_due_at=NOW + 2 * HOUR)
    assert head(db) == NOW + HOUR
    targets.plan(db, one.id, None)
    assert head(db) == NOW + 2 * HOUR


def test_paused_and_removed_targets_hold_nobody_back(db):
    """A paused target keeps its due time, but the head of its host is another's."""
    one, two = watch(db, A, "https://a.example/2")
    targets.plan(db, two.id, NOW + HOUR)
    for state in (TargetState.PAUSED, TargetState.REMOVED):
        targets.set_state(db, [one.id], state)
        assert head(db) == NOW + HOUR
        assert [target.id for target in targets.next_due(db, limit=9)] == [two.id]
        assert targets.count_due(db, now=NOW) == 0
    targets.set_state(db, [one.id], TargetState.ACTIVE)
    assert head(db) == NOW


def test_a_paused_target_stays_out_of_the_queue_when_planned(db):
    """Planning a paused target does not wake it."""
    (one,) = watch(db, A)
    targets.set_state(db, [one.id], TargetState.PAUSED)
    targets.make_due(db, [one.id], at=NOW)
    targets.plan(db, one.id, NOW)
    assert head(db) is None


def test_make_due_never_delays(db):
    """What is overdue keeps its place; what is later or unplanned becomes due."""
    early, late, never = watch(db, A, "https://a.example/2", "https://a.example/3")
    targets.plan(db, early.id, NOW - HOUR)
    targets.plan(db, late.id, NOW + HOUR)
    targets.plan(db, never.id, None)
    targets.make_due(db, [early.id, late.id, never.id], at=NOW)
    due = [target.due_at for target in targets.listing(db)]
    assert due == [NOW - HOUR, NOW, NOW]


def test_targets_of_a_site_that_is_gone_wait_until_it_returns(db):
    """A site taken out of the configuration is not visited; put back, its targets are due again."""
    paper = Site(name="paper", from_file=True)
    sites.put(db, [paper], replace_file_sites=True)
    (one,) = watch(db, A)
    sites.put(db, [], replace_file_sites=True)
    assert head(db) is None
    targets.plan(db, one.id, NOW + MINUTE)
    assert head(db) is None
    sites.put(db, [paper], replace_file_sites=True)
    assert head(db) == NOW + MINUTE


def test_listings_are_by_site_state_url_and_page(db):
    """The watch list can be cut in every way it is asked for."""
    one, two = watch(db, A, "https://a.example/2")
    (three,) = watch(db, "https://b.example/", site="other")
    targets.set_state(db, [two.id], TargetState.PAUSED)
    ids = [target.id for target in targets.listing(db, site="paper")]
    assert ids == [one.id, two.id]
    assert [target.id for target in targets.listing(db, state=TargetState.PAUSED)] == [two.id]
    assert [target.id for target in targets.listing(db, url="https://b.example/")] == [three.id]
    assert [target.id for target in targets.listing(db, after_id=one.id, limit=1)] == [two.id]


def test_what_is_said_of_targets_is_put_in_place(db):
    """Known ones keep their id and visits, new ones are added; the queue follows."""
    one, two = watch(db, A, "https://a.example/2")
    visit(db, two, next_due_at=NOW + HOUR)
    visited = targets.one(db, two.id)
    wanted = [
        replace(one, state=TargetState.PAUSED, every="cron 0 6 * * *"),
        replace(visited, site="other", muted=True, due_at=NOW + MINUTE),
        replace(one, id=0, url="https://b.example/", host="b.example", due_at=NOW),
    ]
    targets.put(db, wanted)
    kept = targets.by_urls(db, [each.url for each in wanted])
    third = kept["https://b.example/"]
    assert [kept[one.url] for one in wanted] == [*wanted[:2], replace(wanted[2], id=third.id)]
    assert (head(db), head(db, "b.example")) == (NOW + MINUTE, NOW)


def test_the_host_of_a_url_has_its_unusual_port():
    """Two servers on one machine are two hosts; the usual port is not said."""
    assert host_of("https://A.Example:443/x") == "a.example"
    assert host_of("http://127.0.0.1:8080/") == "127.0.0.1:8080"
    assert host_of("http://[::1]:80/") == "[::1]"
    for url in ("mailto:a@b", "http://[::1/", "http://a:99999/"):
        with pytest.raises(CatalogueError, match="cannot be a target"):
            host_of(url)


def test_a_hostile_url_is_one_target(db):
    """A URL with what no database keeps is added once and found again."""
    assert len(watch(db, "https://a.example/\0\ud800")) == 1
    assert watch(db, "https://a.example/\0\ud800") == []
    assert targets.by_url(db, "https://a.example/\0\ud800") is not None
