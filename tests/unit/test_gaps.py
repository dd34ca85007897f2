"""The ledger of visits: what was planned and not made has its number, its cause and its times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from catalogues import HOUR, MINUTE, opened, visit, watch
from chronicles import chronicle

from crawler import gaps as reasons
from crawler.chronicle import Chronicle
from crawler.config import Config
from crawler.gaps import Late, Part, Span, note, open_parts, parts
from crawler.opening import Parts
from crawler.owing import ledger_of, sentences
from crawler.pulse import Instant, Pulse, awaken, strange
from crawler.revisit.calendar import Series, next_due, passed_over
from storage.archive import Archive, create
from storage.catalogue import gaps, sites, stoppages, targets, visits
from storage.catalogue.stoppages import Stoppage
from storage.catalogue.visits import Finished
from storage.model import BY_RULE, Cause, Outcome, Site, TargetState, Visit
from storage.warc import history
from storage.warc.statements import Stopped

NOW = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)
URL = "https://a.example/"
PAPER = Site(name="paper", every="1h")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


@pytest.fixture
def notes(archive: Archive) -> Chronicle:
    return chronicle(archive)


def said_of(archive: Archive) -> list[object]:
    """Return what the archive says of times in which nothing was visited."""
    return [item for name in history.files_of(archive) for item in history.read_file(archive, name)]


def total(series):
    return sum(one.count for one in series)


@pytest.mark.parametrize("every", ["6h", "0.1s", "cron 0 */6 * * *", "cron 30 5 * * mon"])
@pytest.mark.parametrize("late", [timedelta(0), MINUTE, 5 * HOUR, 30 * HOUR, timedelta(days=40)])
def test_what_is_passed_over_and_the_next_time_leave_nothing_between(every, late):
    """Between the visit's planned time and the next one lie as many as are told, plus its own."""
    planned = next_due(every, time_zone="UTC", after=NOW, spread="" if "cron" in every else URL)
    spread = "" if "cron" in every else URL
    ended = planned + late
    following = next_due(every, time_zone="UTC", after=ended, last=planned, spread=spread)
    passed = passed_over(every, time_zone="UTC", planned_at=planned, until=ended, spread=spread)
    times, at = 0, planned
    if every != "0.1s":
        while at < following:
            at = next_due(every, time_zone="UTC", after=at, last=at, spread=spread)
            times += 1
        assert total(passed) == times - 1
    else:
        assert total(passed) == (following - planned) // timedelta(milliseconds=100) - 1


def test_a_cron_line_of_years_is_counted_by_its_mean_distance():
    """A stop of four years costs no walk over each minute of it."""
    until = NOW + timedelta(days=1461)
    passed = passed_over("cron * * * * *", time_zone="UTC", planned_at=NOW, until=until)
    assert total(passed) == 1461 * 1440
    assert len(passed) < 1000


def test_each_planned_time_has_the_cause_of_its_time():
    """What a person wants comes before what failed, and the rest had not had its turn."""
    series = [Series(first=NOW, step=HOUR, count=10)]
    spans = [
        Span(cause=Cause.NOT_RUNNING, began_at=NOW - HOUR, ended_at=NOW + 4 * HOUR),
        Span(cause=Cause.PAUSED, began_at=NOW + 3 * HOUR, ended_at=NOW + 6 * HOUR),
        Span(cause=Cause.DISK_FULL, began_at=NOW + 8 * HOUR, ended_at=None),
    ]
    found = parts(series, spans, until=NOW + 10 * HOUR)
    assert [(one.cause, one.visits) for one in found] == [
        (Cause.NOT_RUNNING, 3),
        (Cause.PAUSED, 3),
        (Cause.BUSY, 2),
        (Cause.DISK_FULL, 2),
    ]
    assert (found[0].first_at, found[0].last_at) == (NOW, NOW + 3 * HOUR)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_words_and_a_rank(cause):
    """None is told as a number, and none but the last resort is unknown to the ranking."""
    assert reasons.tell_cause(cause)
    assert (cause in reasons.RANKED) is (cause is not Cause.BUSY)
    assert reasons.is_skipped(cause) is (cause in BY_RULE)


def visited(target, *, at):
    """Return a visit that ended at a time."""
    return Visit(
        target_id=target.id,
        site=target.site,
        url=target.url,
        due_at=target.due_at,
        started_at=at,
        finished_at=at,
        outcome=Outcome.OK,
    )


def keep(db, target, *, at):
    """Write a visit with what the ledger has to say of it."""
    every = {"time_zone": "UTC", "after": at, "last": target.due_at, "spread": target.url}
    done = Finished(visit=visited(target, at=at), claim=None, next_due_at=next_due("1h", **every))
    (kept,) = visits.finish_all(db, [done])
    note(db, [Late(target=target, site=PAPER, visit=kept)])
    return kept


@pytest.fixture
def db(tmp_path: Path):
    catalogue = opened(tmp_path)
    with catalogue.write() as one:
        sites.put(one, [PAPER])
        yield one
    catalogue.close()


def planned_at(target):
    """Return the time of a target's schedule that is nearest to NOW, as its due time is."""
    return next_due("1h", time_zone="UTC", after=NOW, spread=target.url)


def entered(db, url=URL):
    """Watch a page, due at a time of its schedule."""
    (target,) = watch(db, url)
    targets.plan(db, target.id, planned_at(target))
    return targets.one(db, target.id)


def test_a_visit_in_time_leaves_no_gap(db):
    """A page that is visited when it is due has nothing in the ledger but its visits."""
    target = entered(db)
    for _ in range(3):
        keep(db, target, at=target.due_at + MINUTE)
        target = targets.one(db, target.id)
    assert gaps.sums(db) == []


def test_a_late_visit_says_what_it_comes_too_late_for(db):
    """Twelve hours without a service are one row of eleven visits, in the visit that came."""
    target = entered(db)
    due = target.due_at
    out = Stoppage(cause=Cause.NOT_RUNNING, began_at=due - MINUTE, ended_at=due + 11 * HOUR)
    stoppages.put(db, out)
    kept = keep(db, target, at=due + 11 * HOUR + MINUTE)
    (gap,) = gaps.of_visits(db, [kept.id])[kept.id]
    assert (gap.cause, gap.visits, gap.first_at, gap.url) == (Cause.NOT_RUNNING, 11, due, URL)
    (one,) = gaps.sums(db)
    assert (one.site, one.visits) == ("paper", 11)
    assert targets.one(db, target.id).due_at == due + 12 * HOUR


def test_a_budget_that_was_spent_is_the_cause_although_the_due_time_moved(db):
    """However often a page is put off, the ledger counts from when it was planned first."""
    target = entered(db)
    due = target.due_at
    for hours in range(5):
        at = due + hours * HOUR
        gaps.put_off(db, target.id, Cause.BUDGET, due_at=at, at=at, until=at + HOUR)
        targets.plan(db, target.id, at + HOUR)
    keep(db, targets.one(db, target.id), at=due + 5 * HOUR)
    (one,) = gaps.sums(db)
    assert (one.cause, one.visits, one.first_at) == (Cause.BUDGET, 5, due)
    assert gaps.waiting(db, [target.id]) == {}


def test_a_paused_page_counts_what_it_skips_while_it_is_paused(db):
    """The ledger knows it at any time, and after it went on for ever."""
    target = entered(db)
    due = target.due_at
    gaps.put_off(db, target.id, Cause.PAUSED, due_at=due, at=due - MINUTE, until=None)
    wait = gaps.waiting(db, [target.id])[target.id]
    now = due + 3 * HOUR + MINUTE
    assert open_parts(target, PAPER, wait=wait, known=[], now=now) == [
        Part(cause=Cause.PAUSED, first_at=due, last_at=now, visits=4)
    ]
    targets.set_state(db, [target.id], TargetState.PAUSED)
    (owed,) = gaps.owed(db, now=now)
    assert (owed.cause, owed.targets, owed.since_at) == (Cause.PAUSED, 1, due)
    targets.set_state(db, [target.id], TargetState.ACTIVE)
    gaps.go_on(db, [target.id], Cause.PAUSED, at=now)
    keep(db, targets.one(db, target.id), at=now + MINUTE)
    assert [(one.cause, one.visits) for one in gaps.sums(db)] == [(Cause.PAUSED, 3)]


def test_what_is_just_due_is_no_gap(db):
    """A visit on its way is not told as missed."""
    target = entered(db)
    soon = target.due_at + timedelta(seconds=5)
    assert open_parts(target, PAPER, wait=None, known=[], now=soon) == []
    late = target.due_at + 5 * MINUTE
    (one,) = open_parts(target, PAPER, wait=None, known=[], now=late)
    assert (one.cause, one.visits) == (Cause.BUSY, 1)


# --- the service and the clock ----------------------------------------------------------------


def test_the_time_after_the_last_beat_is_one_stoppage(db, notes, archive):
    """A service that was killed is missed from its last sign of life to the next start."""
    watch(db, URL)
    stoppages.beat(db, at=NOW)
    assert list(awaken(db, now=NOW + HOUR, serves=None)) == []
    assert [one.ended_at for one in stoppages.lasting(db)] == [None]
    assert list(awaken(db, now=NOW + 2 * HOUR, serves=notes)) == []
    (one,) = stoppages.between(db, NOW, NOW + 3 * HOUR)
    assert (one.cause, one.began_at, one.ended_at) == (Cause.NOT_RUNNING, NOW, NOW + 2 * HOUR)
    notes.close()
    (said,) = said_of(archive)
    assert said == Stopped(cause=Cause.NOT_RUNNING, began_at=NOW, ended_at=NOW + 2 * HOUR)
    assert stoppages.last_beat(db) == NOW + 2 * HOUR


def test_a_site_that_is_gone_is_a_stoppage_until_it_is_back(db, notes, archive):
    """While holdfast.toml does not name a site, its pages skip their visits for that."""
    sites.put(db, [Site(name="file", from_file=True)], replace_file_sites=True)
    sites.put(db, [], replace_file_sites=True)
    list(awaken(db, now=NOW, serves=notes))
    (one,) = [one for one in stoppages.lasting(db) if one.cause is Cause.SITE_GONE]
    assert (one.site, one.began_at) == ("file", NOW)
    sites.put(db, [Site(name="file", from_file=True)], replace_file_sites=True)
    list(awaken(db, now=NOW + HOUR, serves=notes))
    assert stoppages.lasting(db) == []
    notes.close()
    begun = Stopped(cause=Cause.SITE_GONE, site="file", began_at=NOW)
    said = [one for one in said_of(archive) if one.cause is Cause.SITE_GONE]
    assert said == [begun, replace(begun, ended_at=NOW + HOUR)]


def test_a_clock_that_was_years_ahead_stalls_nothing_and_lets_nothing_stampede(db, notes):
    """Put right, it finds every page planned within its schedule, and not all at once."""
    year = timedelta(days=1000)
    entered_ones = [entered(db, f"https://{n}.example/") for n in range(50)]
    for one in entered_ones:
        targets.plan(db, one.id, NOW + year)
    stoppages.beat(db, at=NOW + year)
    (said,) = awaken(db, now=NOW, serves=notes)
    assert "later than the clock shows now" in said
    dues = [targets.one(db, one.id).due_at for one in entered_ones]
    assert all(NOW < due <= NOW + 2 * HOUR for due in dues)
    assert len(set(dues)) == len(dues)
    assert stoppages.last_beat(db) == NOW
    assert list(awaken(db, now=NOW + MINUTE, serves=notes)) == []


def instant(wall, *, awake, slept=0.0):
    """Return a moment so many seconds after the first one."""
    passed = timedelta(seconds=awake + slept)
    return Instant(wall=wall, awake=timedelta(seconds=awake), passed=passed)


def test_sleep_and_a_set_clock_are_told_apart():
    """The clock of the wall alone cannot say which of the two it was."""
    first = instant(NOW, awake=0)
    slept = strange(first, instant(NOW + HOUR, awake=10, slept=3590))
    assert (slept.slept, slept.set_by) == (timedelta(seconds=3590), timedelta(0))
    ahead = strange(first, instant(NOW + HOUR, awake=10))
    assert (ahead.slept, ahead.set_by) == (timedelta(0), timedelta(seconds=3590))


def test_the_pulse_writes_sleep_and_jumps_of_the_clock(archive, notes, caplog):
    """Each is one stoppage and one line; set back, the clock leaves nothing planned years off."""
    catalogue = opened(archive.root)
    with catalogue.write() as db:
        sites.put(db, [PAPER])
        target = entered(db)
    at = [
        instant(NOW, awake=0),
        instant(NOW + HOUR, awake=10, slept=3590),
        instant(NOW + 25 * HOUR, awake=20, slept=3590),
        instant(NOW + HOUR, awake=30, slept=3590),
    ]
    moments = iter(at)
    pulse = Pulse(
        archive=archive, catalogue=catalogue, chronicle=notes, clocks=lambda: next(moments)
    )
    for _ in range(3):
        pulse.beat()
    with catalogue.write() as db:
        known = stoppages.between(db, NOW, NOW + 30 * HOUR)
        targets.plan(db, target.id, NOW + 26 * HOUR)
    assert [(one.cause, one.began_at) for one in known] == [
        (Cause.ASLEEP, NOW),
        (Cause.CLOCK, NOW + HOUR),
    ]
    pulse.beat()
    with catalogue.read() as db:
        assert targets.one(db, target.id).due_at <= NOW + 2 * HOUR
    catalogue.close()
    notes.close()
    assert said_of(archive) == [
        Stopped(cause=one.cause, began_at=one.began_at, ended_at=one.ended_at) for one in known
    ]
    said = [record.message.split(";")[0] for record in caplog.records]
    assert said == [
        "the machine was asleep",
        "the clock was set ahead",
        "the clock was set back",
    ]


def test_a_host_that_is_left_alone_again_and_again_is_one_row(db):
    """A stoppage that begins before the last one ended makes that one longer."""
    for hours in range(5):
        at = NOW + hours * HOUR
        out = Stoppage(
            cause=Cause.ASKED, host="a.example", began_at=at, ended_at=at + HOUR + MINUTE
        )
        stoppages.prolong(db, out)
    (one,) = stoppages.between(db, NOW, NOW + 9 * HOUR)
    assert (one.began_at, one.ended_at) == (NOW, NOW + 5 * HOUR + MINUTE)


def test_the_ledger_of_one_page_is_told_in_sentences(tmp_path: Path):
    """What was planned is made, skipped and missed, each with its cause; what waits is apart."""
    archive = create(tmp_path / "archive")
    own = Parts(archive=archive, config=Config(), catalogue=opened(archive.root))
    with own.catalogue.write() as db:
        sites.put(db, [PAPER])
        target, other = entered(db), entered(db, "https://b.example/")
        visit(db, target, at=NOW)
        done = visit(db, target, at=NOW + 5 * HOUR)
        visit(db, other, at=NOW)
        stopped = gaps.Gap(
            target_id=target.id,
            site="paper",
            cause=Cause.NOT_RUNNING,
            first_at=NOW + HOUR,
            last_at=NOW + 4 * HOUR,
            visits=3,
            visit_id=done.id,
        )
        gaps.put(db, [stopped])
        targets.plan(db, target.id, NOW + 6 * HOUR)
    told = list(sentences(ledger_of(own, target, now=NOW + 5 * HOUR)))
    assert told == [
        "Of 5 planned visits 2 were made, 0 skipped and 3 missed.",
        "3 missed, since 2026-11-05 07:00 UTC: the service was not running.",
    ]
    *_, waits = sentences(ledger_of(own, target, now=NOW + 8 * HOUR))
    assert waits.startswith("3 due since 2026-11-05 11:5")
    assert waits.endswith(" UTC and not made: its turn had not come.")
    own.catalogue.close()
