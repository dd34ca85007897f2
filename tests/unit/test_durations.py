"""Lengths of time, read and written."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.durations import format_duration, parse_duration, tell_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.2s", timedelta(milliseconds=200)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("6h", timedelta(hours=6)),
        ("3d", timedelta(days=3)),
        ("0s", timedelta(0)),
        ("1.5h", timedelta(minutes=90)),
        (" 6h ", timedelta(hours=6)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text, expected):
    """Every unit of the configuration is understood, fractions too."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "6", "h", "6 h", "-1s", "1w", "1h30m", "1e3s", "6H", "٣d", "1.s", "nan", "inf s", "1h\n2"],
)
def test_anything_else_is_refused_with_what_would_be_right(text):
    """A length of time without a known unit is refused, and the message shows right ones."""
    with pytest.raises(ValueError, match=r'such as "90s", "15m", "6h" or "3d"'):
        parse_duration(text)


def test_a_duration_beyond_reason_is_refused():
    """A number of days that would overflow a date is refused as text, not as an overflow."""
    with pytest.raises(ValueError, match="longer than a hundred years"):
        parse_duration("999999999999d")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36500)))
def test_what_is_written_is_read_back(duration):
    """Formatting and parsing are inverse for every length the configuration can hold."""
    assert abs(parse_duration(format_duration(duration)) - duration) < timedelta(microseconds=2)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(hours=6), "6h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(milliseconds=200), "0.2s"),
        (timedelta(0), "0s"),
        (timedelta(days=3), "3d"),
    ],
)
def test_the_largest_unit_that_divides_is_used(duration, text):
    """A duration is written the way a person would write it in the configuration."""
    assert format_duration(duration) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=0.25), "0.3 s"),
        (timedelta(seconds=59.7), "1 min"),
        (timedelta(days=3, hours=4, minutes=5), "3 d 4 h"),
        (timedelta(minutes=-12), "-12 min"),
        (timedelta(0), "0 s"),
    ],
)
def test_a_duration_is_told_in_two_units(duration, text):
    """Tables show a rounded length of time, never a long fraction."""
    assert tell_duration(duration) == text
