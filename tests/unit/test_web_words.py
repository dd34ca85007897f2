"""What the pages say of times, words, names and suspicions, without a server."""

from datetime import UTC, datetime, timedelta

import pytest

from crawler.web import show
from crawler.web.guard import host_name, own_names
from crawler.web.suspicion import suspicion
from storage.model import FoundBy, Look, Outcome, Phase, Site, Standing, Target, TargetState

NOW = datetime(2026, 11, 22, 13, 9, 5, tzinfo=UTC)
TARGET = Target(
    id=1,
    site="the-herald",
    url="http://herald.example/doubtful",
    host="herald.example",
    state=TargetState.ACTIVE,
    found_by=FoundBy.LINK,
    found_on=None,
    found_at=NOW - timedelta(days=9),
    every=None,
    robots=None,
    due_at=NOW + timedelta(minutes=7),
    last_visit_at=NOW,
    last_outcome=Outcome.CLIENT_ERROR,
    last_status=404,
)


def test_every_outcome_has_its_words():
    """A new outcome cannot be shown before somebody has said what it is called."""
    assert show.OUTCOMES.keys() == set(Outcome)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(milliseconds=400), "now"),
        (timedelta(seconds=-12.7), "12 s ago"),
        (timedelta(minutes=-3, seconds=-59), "3 min ago"),
        (timedelta(hours=2, minutes=5, seconds=9), "in 2 h 5 min"),
        (timedelta(days=-3, hours=-4, minutes=-59), "3 d 4 h ago"),
        (timedelta(days=-400, hours=-23), "400 d ago"),
    ],
)
def test_a_distance_in_time_is_told_roughly(distance, words):
    """The further away, the rougher; never rounded up."""
    assert show.ago(NOW + distance, NOW) == words


def test_a_promise_that_is_past_is_late():
    """A planned time that has gone by is not ago, it is late."""
    assert show.due(NOW - timedelta(minutes=2), NOW) == "2 min late"


def test_a_short_diff_keeps_each_change_in_its_surroundings():
    """Long unchanged stretches are cut, changes are kept, a mark that never closes is text."""
    long = " ".join(f"w{number}" for number in range(200))
    found = show.short(f"{long} [-old-] {{+new+}}\n\n{long} [-")
    assert [(one.mark.value, one.text) for one in found[1:4]] == [
        ("removed", "old"),
        ("kept", " "),
        ("added", "new"),
    ]
    assert found[0].text == "… w192 w193 w194 w195 w196 w197 w198 w199 "
    assert found[-1].text == " w0 w1 w2 w3 w4 w5 w6 w7 …"


def test_a_diff_of_many_changes_is_cut():
    """A rewritten page does not fill the first page: the rest is one click away."""
    found = show.short("[-a-] {+b+} c " * 500)
    assert len(found) < 20
    assert found[-1].text == " …"
    assert len(show.short("word " * 5000)[0].text) < 500


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://herald.example/a", True),
        ("http://[::1]/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//herald.example/", False),
        ("http://", False),
        ("http://[broken/", False),
    ],
)
def test_only_web_addresses_become_links(url, linked):
    """Schemes a browser would run or open locally stay text."""
    assert bool(show.outward(url)) is linked


@pytest.mark.parametrize(
    ("kind", "status", "wanted", "decided_in"),
    [
        ("gone", 404, 5, timedelta(minutes=7, hours=7)),
        ("gone", 410, 2, timedelta(minutes=7)),
        ("blocked_legal", 451, 2, timedelta(minutes=7)),
        ("access_denied", 403, 4, timedelta(minutes=7, hours=24)),
        ("unreachable", None, 0, timedelta(days=3, minutes=-5)),
    ],
)
def test_a_suspicion_says_when_it_can_be_decided(kind, status, wanted, decided_in):
    """The delays still to come are added up; an outage is decided by time alone."""
    since = NOW - timedelta(minutes=5)
    looks = tuple(
        Look(visit_id=1, at=at, outcome=Outcome.CLIENT_ERROR, status=status, kind=kind)
        for at in (since, since + timedelta(minutes=1))
    )
    standing = Standing(target_id=1, phase=Phase.SUSPECT, kind=kind, since=since, looks=looks)
    found = suspicion(TARGET, standing, Site(name="the-herald"))
    assert (found.looks_wanted, found.decided_at) == (wanted, NOW + decided_in)


def test_the_names_of_the_loopback_are_always_ours():
    """Whatever is allowed besides, a person on the machine itself gets in."""
    assert own_names([]) == {"localhost", "127.0.0.1", "[::1]"}
    assert "[2001:db8::1]" in own_names(["2001:DB8:0:0::1"])
    assert host_name("a b") is None
