"""What the pages say of times, words, names and suspicions, without a server."""

from datetime import UTC, datetime, timedelta

import pytest

from crawler.changes import clock
from crawler.web import show
from crawler.web.guard import host_name, own_names
from crawler.web.suspicion import suspicion
from storage.model import FoundBy, Look, Outcome, Phase, Site, Standing, Target, TargetState

NOW = datetime(2026, 11, 22, 13, 9, 5, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=5)
SITE = Site(name="the-herald")
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
    unspaced = show.short(f"{'文' * 5000}[-{'字' * 5000}-]{'文' * 5000}{{+新+}}")
    assert sum(len(piece.text) for piece in unspaced) < 700


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
    ("kind", "status", "wanted", "later"),
    [
        ("gone", 404, 5, (timedelta(hours=1), timedelta(hours=6))),
        ("gone", 410, 2, ()),
        ("blocked_legal", 451, 2, ()),
        ("bot_challenge", 403, 2, ()),
        ("access_denied", 403, 4, (timedelta(hours=24),)),
    ],
)
def test_a_suspicion_says_when_it_can_be_decided(kind, status, wanted, later):
    """The delays after the next look are added up, each within the jitter of the re-looks."""
    delays = SITE.confirm_access if kind == "access_denied" else SITE.confirm
    found = suspicion(TARGET, suspected(kind, status, gap=delays[0] * 1.3), SITE)
    assert (found.looks_made, found.looks_wanted) == (2, wanted)
    assert found.decided_at is not None
    assert TARGET.due_at is not None
    rest, most = found.decided_at - TARGET.due_at, sum(later, timedelta())
    assert most * (1 - clock.JITTER) <= rest <= most * (1 + clock.JITTER)


def test_a_look_before_its_time_does_not_count():
    """What the page says of the looks is what the judge counts."""
    found = suspicion(TARGET, suspected("gone", 404, gap=timedelta(seconds=1)), SITE)
    assert found.looks_made == 1


def test_an_outage_is_decided_by_time_alone():
    """A host that does not answer is told as down after ``down_after``, however often we look."""
    standing = suspected("unreachable", None, gap=timedelta(minutes=2))
    found = suspicion(TARGET, standing, SITE)
    assert (found.looks_made, found.looks_wanted) == (2, 0)
    assert found.decided_at == SINCE + SITE.down_after
    assert suspicion(TARGET, standing, None).decided_at is None


def suspected(kind: str, status: int | None, *, gap: timedelta) -> Standing:
    looks = tuple(
        Look(visit_id=1, at=at, outcome=Outcome.CLIENT_ERROR, status=status, kind=kind)
        for at in (SINCE, SINCE + gap)
    )
    return Standing(target_id=1, phase=Phase.SUSPECT, kind=kind, since=SINCE, looks=looks)


def test_the_names_of_the_loopback_are_always_ours():
    """Whatever is allowed besides, a person on the machine itself gets in."""
    assert own_names([]) == {"localhost", "127.0.0.1", "[::1]"}
    assert "[2001:db8::1]" in own_names(["2001:DB8:0:0::1"])
    assert host_name("a b") is None
