"""When to look again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.revisit.calendar import (
    FIRST_INTERVAL,
    check_every,
    next_due,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URLS = [f"https://paper.example/node/{number}" for number in range(500)]


def due(every, after, *, count=1, zone="UTC"):
    """The next ``count`` times in UTC, as text."""
    times = []
    for _ in range(count):
        after = next_due(every, time_zone=zone, after=after)
        times.append(after.strftime("%m-%dT%H:%M"))
    return times


# --- intervals --------------------------------------------------------------------------------


def test_lateness_never_adds_up():
    """The next visit counts from the planned time, not from when the last one was made."""
    planned = next_due("6h", time_zone="UTC", after=NOON + timedelta(minutes=17), last=NOON)
    assert planned == NOON + timedelta(hours=6)


def test_a_long_stop_is_followed_by_one_visit():
    """What was missed while the service was down is not made up for."""
    back = NOON + timedelta(days=3, minutes=1)
    assert next_due("6h", time_zone="UTC", after=back, last=NOON) == NOON + timedelta(
        days=3, hours=6
    )


def test_a_plan_is_always_later_than_now():
    """A visit planned for this very moment is followed by the next one, not by itself."""
    assert next_due("6h", time_zone="UTC", after=NOON, last=NOON) == NOON + timedelta(hours=6)


def test_targets_added_together_do_not_fall_due_together():
    """Each URL has its own second of the interval, the same one after every restart."""
    times = [next_due("6h", time_zone="UTC", after=NOON, last=NOON, spread=url) for url in URLS]
    assert times == [next_due("6h", time_zone="UTC", after=NOON, spread=url) for url in URLS]
    hours = [sum(time - NOON < timedelta(hours=hour) for time in times) for hour in (3, 6, 9)]
    assert hours[0] == 0
    assert 180 < hours[1] < 320
    assert hours[2] == len(URLS)


@given(
    st.sampled_from(["0.2s", "90s", "6h", "3d"]),
    st.sampled_from(URLS),
    st.timedeltas(timedelta(days=-2000), timedelta(days=2000)).map(lambda ago: NOON + ago),
    st.timedeltas(timedelta(0), timedelta(days=10)),
)
def test_a_target_keeps_its_own_second(every, url, planned, late):
    """Once on its second, a target stays on it however late its visits are."""
    first = next_due(every, time_zone="UTC", after=planned, spread=url)
    second = next_due(every, time_zone="UTC", after=first, last=first, spread=url)
    late_one = next_due(every, time_zone="UTC", after=first + late, last=first, spread=url)
    interval = second - first
    assert late_one > first + late
    assert late_one - (first + late) <= interval
    assert (late_one - first) % interval == timedelta(0)


def test_a_clock_set_back_does_not_lose_a_target():
    """A plan made by a clock that ran ahead is dropped for one of the present."""
    ahead = NOON + timedelta(days=400)
    assert next_due("6h", time_zone="UTC", after=NOON, last=ahead) == NOON + timedelta(hours=6)


# --- cron lines -------------------------------------------------------------------------------


def test_a_line_is_read_in_its_time_zone():
    """Six in the morning in Copenhagen is five in winter and four in summer UTC."""
    line = "cron 0 6 * * mon-fri"
    winter = due(line, datetime(2026, 1, 16, 12, tzinfo=UTC), count=2, zone="Europe/Copenhagen")
    summer = due(line, datetime(2026, 7, 17, 12, tzinfo=UTC), count=2, zone="Europe/Copenhagen")
    assert winter == ["01-19T05:00", "01-20T05:00"]
    assert summer == ["07-20T04:00", "07-21T04:00"]


@pytest.mark.parametrize(
    ("line", "zone", "after", "expected"),
    [
        (
            "cron 30 2 * * *",
            "Europe/Copenhagen",
            "2026-03-28",
            ["03-28T01:30", "03-29T01:30", "03-30T00:30"],
        ),
        (
            "cron 30 2 * * *",
            "Europe/Copenhagen",
            "2026-10-24",
            ["10-24T00:30", "10-25T00:30", "10-26T01:30"],
        ),
        (
            "cron 30 2 * * *",
            "America/New_York",
            "2026-03-07",
            ["03-07T07:30", "03-08T07:30", "03-09T06:30"],
        ),
        (
            "cron 30 1 * * *",
            "America/New_York",
            "2026-10-31",
            ["10-31T05:30", "11-01T05:30", "11-02T06:30"],
        ),
        (
            "cron 0 0 * * *",
            "America/Sao_Paulo",
            "2018-11-03",
            ["11-03T03:00", "11-04T03:00", "11-05T02:00"],
        ),
    ],
)
def test_a_daily_line_comes_once_on_both_odd_days(line, zone, after, expected):
    """A time the clock repeats is kept once; a time it skips comes later, never not at all."""
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert due(line, start, count=3, zone=zone) == expected


@pytest.mark.parametrize("zone", ["Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    "day", ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"]
)
def test_an_hourly_line_follows_the_hours_as_they_pass(zone, day):
    """A line for every half hour leaves no hole and no double on days of 23 and 25 hours."""
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    for _ in range(96):
        following = next_due("cron */30 * * * *", time_zone=zone, after=moment)
        assert following - moment == timedelta(minutes=30)
        moment = following


def test_weekdays_count_as_in_crontab():
    """Sunday is 0 and 7, and a range may go over the end of the week."""
    saturday = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert due("cron 0 6 * * 1", saturday) == ["11-23T06:00"]
    assert due("cron 0 6 * * 0", saturday) == due("cron 0 6 * * 7", saturday) == ["11-22T06:00"]
    assert due("cron 0 6 * * sat-mon", saturday, count=3) == [
        "11-22T06:00",
        "11-23T06:00",
        "11-28T06:00",
    ]
    assert due("cron 0 6 * * 1-5/2", saturday, count=4) == due(
        "cron 0 6 * * MON,wed,fri", saturday, count=4
    )
    assert due("cron 0 6 * * *", saturday) == ["11-22T06:00"]


def test_either_of_two_days_will_do():
    """With a day of month and a day of week, cron means one or the other."""
    start = datetime(2026, 11, 8, tzinfo=UTC)
    assert due("cron 0 6 13 * wed", start, count=3) == ["11-11T06:00", "11-13T06:00", "11-18T06:00"]


def test_the_time_of_the_line_itself_is_not_later_than_itself():
    """Asked at the very moment, the answer is the next one."""
    six = datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert next_due("cron 0 6 * * *", time_zone="UTC", after=six) == six + timedelta(days=1)


# --- auto -------------------------------------------------------------------------------------


def test_auto_waits_as_the_policy_planned():
    """What the policy planned last holds; before it has, a page is looked at within the hour."""
    wait = timedelta(days=4)
    assert next_due("auto", time_zone="UTC", after=NOON, interval=wait) == NOON + wait
    assert next_due("auto", time_zone="UTC", after=NOON) == NOON + FIRST_INTERVAL


# --- the door ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["auto", "6h", "0.2s", "cron 0 6 * * mon-fri", "cron */5 8-18 * jan-mar 1"]
)
def test_a_schedule_is_taken_as_written(text):
    """Every form of the documentation is a schedule."""
    assert check_every(text) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("daily", 'write "auto"'),
        ("0s", "too often"),
        ("", 'write "auto"'),
        ("cron 0 6 * *", "five fields"),
        ("cronic 0 6 * * *", "five fields"),
        ("cron 61 * * * *", "not a cron line"),
        ("cron 0 6 * * 8", "day of week"),
        ("cron 0 6 * * mon/0", "a step is a number"),
        ("cron 0 0 31 2 *", "never comes"),
    ],
)
def test_no_schedule_is_refused_with_what_would_be_right(text, says):
    """A schedule that cannot be kept is refused before the first visit."""
    with pytest.raises(ValueError, match=says):
        check_every(text)
