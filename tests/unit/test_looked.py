"""What somebody has seen of an archive since they last looked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawler.deliver import trial
from crawler.looked import OVERLAP, Looked, memory, recall, remember

NOW = datetime(2026, 11, 22, 13, 14, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT = trial("desk", now=NOW).events[0]


def test_each_event_is_new_once_whenever_it_was_written(tmp_path: Path) -> None:
    """One that is written late, with an earlier time, is still shown; none is shown twice."""
    path, archive = tmp_path / "state" / "looked.json", tmp_path
    first, second = (replace(EVENT, id=name, captured_at=NOW) for name in ("one", "two"))
    assert recall(path, archive).new([first]) == [first]
    remember(path, archive, recall(path, archive).after([first]))
    known = recall(path, archive)
    assert known.since == NOW - OVERLAP
    late = replace(second, captured_at=NOW - HOUR)
    assert known.new([late, first]) == [late]
    remember(path, archive, known.after([late, first]))
    assert recall(path, archive).new([late, first]) == []
    assert recall(path, tmp_path / "another") == Looked()


def test_only_what_may_come_again_is_remembered() -> None:
    """The memory of an archive of ten years is as small as that of two days."""
    old = replace(EVENT, id="old", captured_at=NOW - 2 * OVERLAP)
    assert Looked().after([old, EVENT]).ids == {EVENT.id}
    assert Looked().after([]) == Looked()


def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """A broken file shows everything once more, and is written anew."""
    path = tmp_path / "looked.json"
    path.write_text("[")
    assert recall(path, tmp_path) == Looked()
    remember(path, tmp_path, Looked().after([EVENT]))
    assert recall(path, tmp_path).ids == {EVENT.id}


def test_it_is_kept_where_state_belongs() -> None:
    """The place follows the environment, and a relative one does not count."""
    assert memory({"XDG_STATE_HOME": "/s"}) == Path("/s/holdfast/looked.json")
    assert memory({"XDG_STATE_HOME": "s"}).is_relative_to(Path.home())
