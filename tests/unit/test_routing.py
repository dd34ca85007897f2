"""When an event is told: at once, gathered, by the calendar, after quiet hours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawler.deliver import trial
from crawler.routing import (
    CALM,
    DIGEST_AFTER,
    FREE_MESSAGES,
    LONGEST_EDITS,
    LONGEST_URGENT,
    check_edits,
    parse_quiet,
    plan,
    ready,
)
from storage.catalogue.deliveries import Waiting
from storage.model import Alert, Axis, Severity, Site

NOW = datetime(2026, 11, 22, 13, 14, 5, tzinfo=UTC)  # a Sunday
SECOND = timedelta(seconds=1)
TRIAL = trial("desk", now=NOW).events[0]
EDIT = replace(TRIAL, kind="substantive_edit", axis=Axis.CONTENT, severity=Severity.NOTICE)
GONE = replace(TRIAL, kind="gone", axis=Axis.AVAILABILITY, severity=Severity.HIGH)


def waiting(*ages: timedelta, urgent: bool = False) -> list[Waiting]:
    """Make deliveries that have been due for so long."""
    return [
        Waiting(id=str(number), alert="desk", due_at=NOW - age, urgent=urgent)
        for number, age in enumerate(ages)
    ]


@pytest.mark.parametrize(
    ("edits", "at"),
    [
        ("now", NOW),
        ("30m", NOW + timedelta(minutes=30)),
        ("daily 08:00", datetime(2026, 11, 23, 7, 0, tzinfo=UTC)),
        ("weekly mon 08:30", datetime(2026, 11, 23, 7, 30, tzinfo=UTC)),
        ("weekly sun 08:30", datetime(2026, 11, 29, 7, 30, tzinfo=UTC)),
        ("cron 0 15 * * *", datetime(2026, 11, 22, 14, 0, tzinfo=UTC)),
    ],
)
def test_edits_are_told_when_their_site_says(edits: str, at: datetime) -> None:
    """An edit waits for the site's hour in the site's time zone; a takedown never does."""
    site = Site(name="paper", edits=check_edits(edits), time_zone="Europe/Berlin")
    assert plan(EDIT, site=site, now=NOW).at == at
    assert plan(GONE, site=site, now=NOW).at == NOW


def test_small_things_gather_for_an_hour() -> None:
    """What is told in a digest waits where its site does not say when."""
    small = replace(EDIT, alert=Alert.DIGEST)
    assert plan(small, site=Site(name="paper"), now=NOW).at == NOW + DIGEST_AFTER


def test_an_event_for_the_morning_joins_no_earlier_digest() -> None:
    """A digest by the calendar takes only what is due at its very time."""
    when = plan(EDIT, site=Site(name="paper", edits="daily 08:00"), now=NOW)
    assert when.at - timedelta(microseconds=1) == when.joins_after
    assert plan(EDIT, site=Site(name="paper", edits="2h"), now=NOW).joins_after == NOW


def test_the_hour_of_a_digest_follows_the_clock_of_its_place() -> None:
    """Eight o'clock is eight o'clock before and after the clocks change."""
    site = Site(name="paper", edits="daily 08:00", time_zone="Europe/Berlin")
    saturday = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    sunday = plan(EDIT, site=site, now=saturday).at
    assert sunday == datetime(2026, 10, 25, 7, 0, tzinfo=UTC)
    friday = datetime(2026, 10, 23, 12, 0, tzinfo=UTC)
    assert plan(EDIT, site=site, now=friday).at == datetime(2026, 10, 24, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "daily", "daily 24:00", "weekly 08:00", "weekly mon", "soon"])
def test_a_wrong_time_for_edits_is_refused_with_what_would_be_right(text: str) -> None:
    """A slip is told with the forms there are."""
    with pytest.raises(ValueError, match="daily 08:00"):
        check_edits(text)


def test_quiet_hours_go_over_midnight_and_by_the_place() -> None:
    """Ten at night to seven in the morning, where the people are."""
    quiet = parse_quiet("22:00-07:00", time_zone="Asia/Kolkata")
    night = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)  # 22:30 there
    assert quiet.covers(night)
    assert quiet.covers(night + timedelta(hours=8))
    assert not quiet.covers(night + timedelta(hours=8, minutes=30))
    by_day = parse_quiet("12:00-14:00", time_zone="UTC")
    assert [by_day.covers(NOW + timedelta(hours=n)) for n in (-2, 0, 1)] == [False, True, False]
    for wrong in ("22-7", "22:00", "25:00-07:00", "07:00-07:00"):
        with pytest.raises(ValueError, match="22:00-07:00"):
            parse_quiet(wrong, time_zone="UTC")


def test_in_quiet_hours_only_what_is_urgent_is_told() -> None:
    """An edit waits for the morning; a takedown wakes people."""
    quiet = parse_quiet("12:00-14:00", time_zone="UTC")
    edits, urgent = waiting(2 * CALM), waiting(2 * CALM, urgent=True)
    assert ready(edits, now=NOW, quiet=quiet) == []
    assert ready([*edits, *urgent], now=NOW, quiet=quiet) == urgent
    assert ready([*edits, *urgent], now=NOW) == [*edits, *urgent]


def test_what_comes_together_is_told_together() -> None:
    """While more comes nothing is sent, and in the end all of it is: but not for ever."""
    assert ready(waiting(), now=NOW) == []
    assert ready(waiting(3 * SECOND, SECOND / 2), now=NOW) == []
    calm = waiting(3 * SECOND, 2 * SECOND)
    assert ready(calm, now=NOW) == calm
    many = waiting(*[9 * SECOND] * 1000)
    assert ready(many, now=NOW) == []
    assert ready(many, now=NOW + SECOND) == many
    for urgent, longest in ((True, LONGEST_URGENT), (False, LONGEST_EDITS)):
        unending = waiting(longest, SECOND / 2, urgent=urgent)
        assert ready(unending, now=NOW) == unending


def test_an_alert_that_speaks_often_speaks_in_larger_digests() -> None:
    """After a few messages an hour each waits longer than the one before, a takedown a minute."""
    few = waiting(2 * CALM)
    assert ready(few, now=NOW, sent_lately=FREE_MESSAGES) == few
    assert ready(few, now=NOW, sent_lately=FREE_MESSAGES + 3) == []
    minute = waiting(timedelta(minutes=1))
    assert ready(minute, now=NOW, sent_lately=1000) == []
    urgent = waiting(timedelta(minutes=1), urgent=True)
    assert ready(urgent, now=NOW, sent_lately=1000) == urgent


def test_who_waits_for_nothing_sends_what_is_due() -> None:
    """A command that ends gathers no more."""
    due = waiting(timedelta(0), timedelta(0))
    assert ready(due, now=NOW, calm=timedelta(0)) == due
