"""The beat of the service's ticks."""

from datetime import UTC, datetime, timedelta

from crawler.service import Regularly

NOW = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)
STEP = timedelta(seconds=1)


def test_ticks_follow_each_other_at_their_distance():
    """The next time is counted from the last, so that lateness never adds up."""
    beat = Regularly(STEP)
    late = NOW + timedelta(milliseconds=300)
    assert beat.get_next_fire_time(None, NOW) == NOW
    assert beat.get_next_fire_time(NOW, late) == NOW + STEP


def test_what_a_sleep_has_skipped_is_not_counted():
    """After a year the next time lies ahead, in one step."""
    later = NOW + timedelta(days=365)
    assert Regularly(STEP).get_next_fire_time(NOW, later) == later + STEP
