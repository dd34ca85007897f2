"""The takedown state machine, look by look, with the times as values."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from readings import (
    OTHER,
    PARAGRAPHS,
    T0,
    URL,
    article,
    edited,
    error_page,
    failure,
    reading,
    redirected,
)

from crawler.changes import clock
from crawler.changes.case import Case, Reading
from crawler.changes.hearing import Control, HostState, Verdict
from crawler.changes.judge import judge
from crawler.changes.surface import Link, Surface
from storage.model import (
    Alert,
    Axis,
    Event,
    FoundBy,
    Outcome,
    Phase,
    Severity,
    Site,
    Standing,
    Target,
    TargetState,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SITE = Site(name="paper")
TARGET = Target(
    id=7,
    site="paper",
    url=URL,
    host="paper.example",
    state=TargetState.ACTIVE,
    found_by=FoundBy.START,
    found_on=None,
    found_at=T0,
    every=None,
    robots=None,
    due_at=None,
    last_visit_at=None,
    last_outcome=None,
    last_status=None,
)
WELL = Control(host=HostState.WELL, network=True)
FAILING = Control(host=HostState.FAILING, network=True)
UNKNOWN = Control()
CUT_OFF = Control(host=HostState.WELL, network=False)


class Watch:
    """One target through time: every look is judged with the standing the last one left."""

    def __init__(self, *, site: Site = SITE, seen: bool = True) -> None:
        self.site = site
        self.standing = Standing(target_id=7)
        self.good: Reading | None = None
        self.now = T0
        self.verdict = Verdict(standing=self.standing)
        self.events: list[Event] = []
        self.looks = 0
        self.alike = 0
        if seen:
            self.look(reading())

    def look(
        self, page: Reading, *, after: timedelta = timedelta(0), control: Control = WELL
    ) -> Verdict:
        """Judge a look made ``after`` the one before."""
        self.now += after
        self.looks += 1
        page = replace(page, at=self.now, capture_id=self.looks)
        case = replace(Case(before=self.good, after=page), alike=self.alike)
        arguments = {
            "site": self.site,
            "target": TARGET,
            "visit_id": self.looks,
            "control": control,
        }
        verdict = judge(case, self.standing, **arguments)
        assert verdict == judge(case, self.standing, **arguments)
        assert verdict.look_again_at is None or verdict.look_again_at > self.now
        self.verdict, self.standing = verdict, verdict.standing
        self.events += verdict.events
        if verdict.standing.good_capture_id == self.looks:
            self.good = page
        return verdict

    def relook(self, page: Reading, *, control: Control = WELL) -> Verdict:
        """Judge the look that was planned."""
        planned = self.verdict.look_again_at
        assert planned is not None, "no re-look is planned"
        return self.look(page, after=planned - self.now, control=control)

    def until_confirmed(self, page: Reading, *, control: Control = WELL) -> None:
        """Make a bad look and all its planned re-looks."""
        self.look(page, after=HOUR, control=control)
        while self.verdict.look_again_at is not None:
            self.relook(page, control=control)

    def until_confirmed_outage(self, page: Reading) -> None:
        """Make a bad look and as many planned re-looks as a suspicion has."""
        self.look(page, after=HOUR)
        for _ in self.site.confirm:
            self.relook(page)

    @property
    def told(self) -> list[str]:
        return [event.kind for event in self.events if event.alert is not Alert.NONE]


def gone() -> Reading:
    return error_page(status=404)


# --- content ------------------------------------------------------------------------------------


def test_a_first_good_look_is_learnt_and_not_told():
    """The first capture is the measure of what follows."""
    watch = Watch()
    assert watch.events == []
    assert watch.standing == Standing(target_id=7, good_capture_id=1)
    assert watch.verdict.look_again_at is None


def test_an_edit_is_told_once_with_its_words():
    """One event, at once, with diff and both captures; then the new text is the good one."""
    watch = Watch()
    watch.look(edited("12 members", "14 members"), after=DAY)
    watch.look(edited("12 members", "14 members"), after=DAY)
    (event,) = watch.events
    assert (event.kind, event.axis, event.alert) == ("substantive_edit", Axis.CONTENT, Alert.NOW)
    assert "[-12-]{+14+}" in event.diff
    assert "[-12-]{+14+}" in event.summary
    assert event.summary.startswith("1 word changed")
    assert (event.before_capture_id, event.capture_id) == (1, 2)
    assert event.captured_at == T0 + DAY
    assert event.phase is None


def test_several_changes_of_one_look_are_one_event():
    """The weightiest finding gives the kind, the others are attached."""
    watch = Watch()
    watch.look(
        reading(article(*PARAGRAPHS[:-1], title="Market closed"), digest="sha1:B"), after=DAY
    )
    (event,) = watch.events
    assert event.kind == "content_removed"
    assert event.severity is Severity.HIGH
    assert [finding.kind for finding in event.findings] == ["content_removed", "headline_changed"]


def test_a_new_look_of_the_page_is_counted_and_not_told():
    """Cosmetic changes are findings, never events."""
    watch = Watch()
    watch.look(reading(digest="sha1:B"), after=DAY)
    assert [finding.kind for finding in watch.verdict.findings] == ["cosmetic"]
    assert watch.events == []


def test_not_modified_is_a_good_look():
    """A 304 ends a suspicion and leaves the last good capture where it is."""
    watch = Watch()
    watch.look(gone(), after=DAY)
    watch.look(Reading(url=URL, at=T0, outcome=Outcome.NOT_MODIFIED, status=304), after=MINUTE)
    assert watch.standing == Standing(target_id=7, good_capture_id=1)
    assert watch.events == []


def test_a_move_is_told_once_for_each_address():
    """The page counts as good; back and forth between addresses says nothing new."""
    watch = Watch()
    for address in ("/a", "/a", None, "/a", "/b", "/a"):
        page = reading() if address is None else redirected(f"https://paper.example{address}")
        watch.look(page, after=DAY)
    assert watch.told == ["moved", "moved"]
    assert watch.standing.moved_to == ("https://paper.example/a", "https://paper.example/b")
    assert watch.standing.phase is Phase.OK


# --- takedowns ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "kind", "looks"),
    [
        (error_page(status=404), "gone", 5),
        (error_page(status=410), "gone", 2),
        (error_page(status=451), "blocked_legal", 2),
        (error_page(status=403), "access_denied", 4),
        (reading(article(*OTHER, title="Nothing here")), "soft_404", 5),
    ],
)
def test_a_takedown_is_told_when_all_relooks_agree(page, kind, looks):
    """One event, about the first bad look, written when the last re-look of its list agreed."""
    watch = Watch()
    watch.until_confirmed(page)
    (event,) = watch.events
    assert (event.kind, event.alert, event.severity) == (kind, Alert.NOW, Severity.HIGH)
    assert (event.phase, event.axis) == (Phase.CONFIRMED, Axis.AVAILABILITY)
    assert event.captured_at == T0 + HOUR
    assert event.confirmed_at == watch.now
    assert len(event.looks) == looks
    assert (event.capture_id, event.before_capture_id) == (2, 1)
    assert watch.standing.phase is Phase.CONFIRMED
    assert watch.standing.told


def test_relooks_come_at_the_configured_times_with_a_steady_jitter():
    """1 min, 10 min, 1 h, 6 h, each up to a fifth sooner or later, the same when asked again."""
    watch = Watch()
    watch.until_confirmed(gone())
    times = [look.at for look in watch.events[0].looks]
    waits = [later - sooner for sooner, later in itertools.pairwise(times)]
    for wait, meant in zip(waits, SITE.confirm, strict=True):
        assert 0.8 <= wait / meant <= 1.2
    assert waits[0] == clock.delay(SITE.confirm, 0, url=URL)
    assert waits[0] != clock.delay(SITE.confirm, 0, url=URL + "8")


def test_a_confirmed_state_is_never_repeated():
    """Months of 404 are one event, and the regular schedule."""
    watch = Watch()
    watch.until_confirmed(gone())
    for _ in range(5):
        assert watch.look(gone(), after=DAY).look_again_at is None
    assert watch.told == ["gone"]


def test_one_good_look_ends_a_suspicion_without_a_word():
    """A page that is back before the last re-look was never gone; the next time starts anew."""
    watch = Watch()
    for _ in range(4):
        watch.look(gone(), after=DAY)
        watch.relook(gone())
        watch.relook(reading())
        assert watch.standing == Standing(target_id=7, good_capture_id=watch.looks)
    assert watch.events == []


def test_looks_before_their_time_neither_count_nor_reset():
    """Ten looks within the first second do not confirm; the planned time stays."""
    watch = Watch()
    planned = watch.look(gone(), after=DAY).look_again_at
    for _ in range(10):
        assert watch.look(gone(), after=timedelta(seconds=0.1)).look_again_at == planned
    while watch.verdict.look_again_at is not None:
        watch.relook(gone())
    assert len(watch.events[0].looks) == 15
    assert watch.now - watch.events[0].captured_at > timedelta(hours=5)


def test_an_outage_in_between_neither_counts_nor_resets():
    """404, 503, 404 …: the suspicion goes on where it was."""
    watch = Watch()
    watch.look(gone(), after=DAY)
    watch.relook(gone())
    watch.relook(error_page(status=503))
    assert (watch.standing.phase, watch.standing.kind) == (Phase.SUSPECT, "gone")
    while watch.verdict.look_again_at is not None:
        watch.relook(gone())
    assert watch.told == ["gone"]
    assert [look.kind for look in watch.events[0].looks].count("gone") == 5


def test_another_kind_of_takedown_is_another_suspicion():
    """404 that turns to 403 under suspicion begins again; told kinds follow one another."""
    watch = Watch()
    watch.look(gone(), after=DAY)
    watch.relook(error_page(status=403))
    assert (watch.standing.kind, len(watch.standing.looks)) == ("access_denied", 1)
    while watch.verdict.look_again_at is not None:
        watch.relook(error_page(status=403))
    watch.until_confirmed(error_page(status=451))
    assert watch.told == ["access_denied", "blocked_legal"]


def test_falling_back_to_the_told_kind_is_not_told_again():
    """Gone (told), one look of something else, gone: nothing new."""
    watch = Watch()
    watch.until_confirmed(gone())
    watch.look(error_page(status=403), after=DAY)
    assert watch.standing.phase is Phase.SUSPECT
    assert watch.look(gone(), after=MINUTE).look_again_at is None
    assert watch.standing.phase is Phase.CONFIRMED
    assert watch.told == ["gone"]


def test_a_404_that_becomes_410_needs_one_more_look():
    """410 is the server's own word that it is meant."""
    watch = Watch()
    watch.look(gone(), after=DAY)
    watch.relook(error_page(status=410))
    assert watch.events == []
    watch.relook(error_page(status=410))
    assert watch.told == ["gone"]


def test_without_relooks_the_first_bad_look_confirms():
    """An empty list of delays is the user's own choice."""
    watch = Watch(site=replace(SITE, confirm=()))
    watch.look(gone(), after=DAY)
    assert watch.told == ["gone"]


def test_a_page_that_was_never_good_is_not_taken_down():
    """Its kind is remembered, so that a person can see it was not learnt yet; nothing is told."""
    watch = Watch(seen=False)
    for _ in range(8):
        assert watch.look(gone(), after=DAY).look_again_at is None
    assert (watch.standing.phase, watch.standing.kind) == (Phase.OK, "gone")
    assert watch.standing.since == T0 + DAY
    assert [finding.kind for finding in watch.verdict.findings] == ["gone"]
    watch.look(reading(), after=DAY)
    assert watch.standing == Standing(target_id=7, good_capture_id=watch.looks)
    assert watch.events == []


# --- host and network ---------------------------------------------------------------------------


def test_an_unknown_host_is_asked_for_before_anything_is_told():
    """All re-looks agreed, the control page is missing: look again soon, then confirm."""
    watch = Watch()
    watch.look(gone(), after=DAY, control=UNKNOWN)
    while not watch.verdict.needs_control:
        watch.relook(gone(), control=UNKNOWN)
    assert len(watch.standing.looks) == 5
    assert watch.verdict.look_again_at == watch.now + MINUTE
    watch.relook(gone(), control=UNKNOWN)
    assert watch.verdict.look_again_at == watch.now + 2 * MINUTE
    assert watch.events == []
    watch.relook(gone(), control=WELL)
    assert watch.told == ["gone"]
    assert watch.events[0].captured_at == T0 + DAY


def test_quick_sites_are_asked_again_quickly():
    """With delays of fractions of a second the wait for the control is one of them."""
    watch = Watch(site=replace(SITE, confirm=(timedelta(seconds=0.2), timedelta(seconds=0.3))))
    watch.look(gone(), after=DAY, control=UNKNOWN)
    watch.relook(gone(), control=UNKNOWN)
    watch.relook(gone(), control=UNKNOWN)
    assert watch.verdict.needs_control
    assert watch.verdict.look_again_at == watch.now + timedelta(seconds=0.3)


def test_nothing_is_confirmed_while_our_own_network_is_down():
    """What we cannot reach is not gone."""
    watch = Watch()
    watch.look(gone(), after=DAY)
    for _ in range(8):
        watch.relook(gone(), control=CUT_OFF)
    assert watch.events == []
    assert watch.verdict.needs_control
    watch.relook(gone())
    assert watch.told == ["gone"]


def test_a_host_that_fails_as_a_whole_is_one_event():
    """Every target may write it: its id is the host's and the day's."""
    one, other = Watch(), Watch()
    for watch in (one, other):
        watch.look(gone(), after=DAY)
        while "host_down" not in watch.told:
            watch.relook(gone(), control=FAILING)
        watch.relook(gone(), control=FAILING)
        assert watch.verdict.look_again_at is None, "it is known now and looked at by schedule"
        watch.look(gone(), after=DAY, control=FAILING)
    assert one.told == other.told == ["host_down"]
    assert one.events[0].id == other.events[0].id
    assert one.standing.phase is Phase.SUSPECT
    one.look(gone(), after=DAY, control=WELL)
    assert one.told == ["host_down", "gone"]
    other.look(reading(), after=DAY)
    assert other.told == ["host_down", "restored"]
    assert other.events[-1].alert is Alert.DIGEST


def test_a_person_waits_for_re_looks_and_for_no_more():
    """An outage is looked at again as often as the list says, then by schedule or as down."""
    watch = Watch()
    watch.look(failure(Outcome.TIMEOUT), after=DAY)
    waits = 0
    while watch.verdict.deciding:
        waits += 1
        watch.relook(failure(Outcome.TIMEOUT))
    assert waits == len(watch.site.confirm)
    assert watch.standing.phase is Phase.SUSPECT
    assert watch.verdict.look_again_at == watch.standing.since + watch.site.down_after


# --- outages ------------------------------------------------------------------------------------

OUTAGES = [
    error_page(status=503),
    failure(Outcome.TIMEOUT),
    failure(Outcome.DNS),
    failure(Outcome.TRUNCATED),
]


@pytest.mark.parametrize("page", OUTAGES)
def test_an_outage_is_no_takedown_and_is_told_when_it_lasts(page):
    """Three days of trouble are one ``down``, at once when they are over; before that, silence."""
    watch = Watch()
    watch.look(page, after=HOUR)
    while watch.now < T0 + HOUR + SITE.down_after:
        assert not any(one.alert is not Alert.NONE for one in watch.events)
        watch.relook(page)
    (event,) = [one for one in watch.events if one.alert is not Alert.NONE]
    assert (event.kind, event.alert, event.phase) == ("down", Alert.NOW, Phase.CONFIRMED)
    assert event.captured_at == T0 + HOUR
    assert event.confirmed_at == T0 + HOUR + SITE.down_after
    assert "3 days" in event.summary
    watch.look(page, after=DAY)
    watch.look(reading(), after=DAY)
    assert watch.told == ["down", "restored"]


def test_outages_of_several_kinds_are_one():
    """Refused today, 503 tomorrow: the page is out of reach all the while."""
    watch = Watch()
    for page in OUTAGES:
        watch.look(page, after=DAY)
    assert watch.told == ["down"]
    assert watch.events[0].captured_at == T0 + DAY


def test_a_passing_outage_is_silent():
    """503 once or twice, then the page: nothing to tell."""
    watch = Watch()
    for _ in range(5):
        watch.look(error_page(status=503), after=HOUR)
        watch.relook(failure(Outcome.RESET))
        watch.relook(reading())
    assert watch.events == []


def test_an_outage_of_the_whole_host_is_the_hosts():
    """``down_after`` with all pages failing is one host event."""
    watch = Watch()
    for _ in range(5):
        watch.look(failure(Outcome.REFUSED), after=DAY, control=FAILING)
    assert watch.told == ["host_down"]


def test_an_outage_seen_from_a_dead_network_is_not_told():
    """If nothing answers us, it is we who are down."""
    watch = Watch()
    for _ in range(5):
        watch.look(failure(Outcome.TIMEOUT), after=DAY, control=CUT_OFF)
    assert watch.events == []
    assert watch.verdict.needs_control


def test_a_takedown_after_an_outage_starts_its_own_suspicion():
    """503 for a day, then 404: the looks of the outage do not count."""
    watch = Watch()
    for _ in range(4):
        watch.look(error_page(status=503), after=HOUR)
    watch.look(gone(), after=HOUR)
    assert (watch.standing.kind, len(watch.standing.looks)) == ("gone", 1)
    while watch.verdict.look_again_at is not None:
        watch.relook(gone())
    assert watch.told == ["gone"]


def test_an_outage_that_swallows_a_suspicion_is_told_in_the_end():
    """404 once, then days without an answer: ``down``, counted from the outage's first look."""
    watch = Watch()
    watch.look(gone(), after=HOUR)
    watch.relook(failure(Outcome.TIMEOUT))
    first, looks = watch.now, 0
    while not watch.events:
        watch.relook(failure(Outcome.TIMEOUT))
        looks += 1
    assert watch.told == ["down"]
    assert watch.events[0].captured_at == first
    assert looks < 30


def test_a_challenge_met_twice_goes_to_the_operator_once():
    """It is never content, never a takedown, never the last good."""
    wall = error_page(status=403, headers=(("cf-mitigated", "challenge"),))
    watch = Watch()
    watch.look(wall, after=HOUR)
    assert watch.events == []
    watch.relook(wall)
    for _ in range(10):
        watch.look(wall, after=DAY)
    (event,) = watch.events
    assert (event.kind, event.axis, event.alert) == ("bot_challenge", Axis.OPERATIONS, Alert.DIGEST)
    assert watch.standing.good_capture_id == 1
    watch.look(reading(), after=DAY)
    assert watch.told == ["bot_challenge", "restored"]
    assert watch.events[-1].alert is Alert.DIGEST


# --- return -------------------------------------------------------------------------------------


def test_a_page_that_comes_back_is_told_with_what_changed():
    """``restored`` carries the diff to the last good text, and no second event."""
    watch = Watch()
    watch.until_confirmed(gone())
    watch.look(edited("12 members", "14 members"), after=2 * DAY)
    event = watch.events[-1]
    assert watch.told == ["gone", "restored"]
    assert (event.alert, event.phase, event.axis) == (Alert.NOW, Phase.OK, Axis.AVAILABILITY)
    assert "[-12-]{+14+}" in event.diff
    assert event.before_capture_id == 1
    assert [finding.kind for finding in event.findings] == ["substantive_edit"]
    assert event.summary == "The page is back after 2 days, with 1 word changed."
    assert watch.standing == Standing(target_id=7, good_capture_id=watch.looks)


def test_a_told_page_that_changes_kind_and_returns_is_restored():
    """The end of a told state is told even if another suspicion was running."""
    watch = Watch()
    watch.until_confirmed(gone())
    watch.look(error_page(status=403), after=DAY)
    watch.look(reading(), after=MINUTE)
    assert watch.told == ["gone", "restored"]
    assert watch.events[-1].summary.endswith("as it was.")


def test_a_page_may_go_twice():
    """Gone, back, gone: two takedowns with ids of their own."""
    watch = Watch()
    watch.until_confirmed(gone())
    watch.look(reading(), after=DAY)
    watch.until_confirmed(gone())
    assert watch.told == ["gone", "restored", "gone"]
    assert len({event.id for event in watch.events}) == 3


# --- looks that say nothing ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        failure(Outcome.BLOCKED_ROBOTS),
        failure(Outcome.BLOCKED_ADDRESS),
        Reading(url=URL, at=T0, outcome=Outcome.OK, status=200),
    ],
)
def test_a_look_that_shows_nothing_changes_nothing(page):
    """Not asked for, or not readable: neither good nor bad."""
    watch = Watch()
    watch.look(gone(), after=DAY)
    before = watch.standing
    watch.look(page, after=MINUTE)
    assert replace(watch.standing, looks=before.looks) == before
    while watch.verdict.look_again_at is not None and watch.looks < 30:
        watch.relook(page)
    assert watch.events == []
    watch.look(gone(), after=DAY)
    while watch.verdict.look_again_at is not None:
        watch.relook(gone())
    assert watch.told == ["gone"]


def test_a_passing_outage_that_all_relooks_saw_is_written_down_and_told_to_nobody():
    """The event and its end are kept for the record; an outage of one look leaves no trace."""
    watch = Watch()
    watch.until_confirmed_outage(error_page(status=503))
    assert [(one.kind, one.alert) for one in watch.events] == [("server_error", Alert.NONE)]
    watch.look(reading(), after=HOUR)
    assert [one.kind for one in watch.events] == ["server_error", "restored"]
    assert watch.told == []
    watch.look(error_page(status=503), after=DAY)
    watch.look(reading(), after=MINUTE)
    assert len(watch.events) == 2


def test_a_server_that_names_a_long_wait_is_taken_at_its_word():
    """Retry-After of an hour is an outage at the first look."""
    watch = Watch()
    watch.look(replace(error_page(status=503), wait_asked=HOUR), after=HOUR)
    assert [one.kind for one in watch.events] == ["server_error"]
    assert watch.told == []


def test_a_page_that_rarely_answers_is_down():
    """Less than three quarters of two weeks: told once, however short each outage is."""
    watch = Watch()
    rarely = replace(WELL, success=0.6)
    watch.look(error_page(status=503), after=HOUR, control=rarely)
    (event,) = watch.events
    assert (event.kind, event.alert) == ("down", Alert.NOW)
    assert "60%" in event.summary


def test_the_same_foreign_page_at_several_addresses_is_told_of_the_host_too():
    """The page has its own event, the host one of its own id, whichever page tells it."""
    links = tuple(Link(url=f"{URL}?k={n}", text="word") for n in range(6))
    page = reading(
        article(*OTHER, title="Buy"), surface=Surface(url=URL, links=links), digest="sha1:P"
    )
    watch = Watch()
    watch.alike = 3
    watch.until_confirmed(page)
    assert watch.told == ["parked", "host_parked"]
