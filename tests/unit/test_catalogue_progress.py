"""How far a one-off run is, and claims of given targets only."""

from datetime import datetime
from pathlib import Path

import pytest
from catalogues import HOUR, MINUTE, NOW, opened, visit, watch

from storage.catalogue import claims, progress, standings, targets, visits
from storage.model import Phase, Standing, Target, TargetState

A, B = "https://a.example/", "https://b.example/"
LEASE = 2 * MINUTE


@pytest.fixture
def db(tmp_path: Path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def test_a_run_is_over_when_nothing_is_due_or_uncompared(db):
    """Due and not yet visited counts as left, visited and not yet compared too."""
    one, two = watch(db, f"{A}1", f"{A}2")
    known = progress.of_run(db, since=NOW, now=NOW)
    assert (known.due, known.visited, known.unread) == (2, 0, 0)
    made = [visit(db, target, at=NOW + MINUTE) for target in (one, two)]
    known = progress.of_run(db, since=NOW, now=NOW + MINUTE)
    assert (known.due, known.visited, known.unread) == (0, 2, 2)
    for one_made in made:
        visits.mark_read(db, one_made.id, at=NOW)
    assert progress.of_run(db, since=NOW, now=NOW + MINUTE).unread == 0


def test_a_run_over_given_targets_sees_no_others(db):
    """Other targets are due for somebody else."""
    one, _ = watch(db, f"{A}1", f"{A}2")
    known = progress.of_run(db, since=NOW, now=NOW, ids=[one.id])
    assert known.due == 1
    assert progress.of_run(db, since=NOW, now=NOW, ids=[]) == progress.Progress()


def test_a_visited_target_that_is_due_again_does_not_keep_a_run_going(db):
    """A short schedule must not make a run endless."""
    (one,) = watch(db, A)
    visit(db, one, at=NOW + MINUTE, next_due_at=NOW + 2 * MINUTE)
    assert progress.of_run(db, since=NOW, now=NOW + HOUR).due == 0


def suspected(target: Target, *, relook_at: datetime | None) -> Standing:
    return Standing(target_id=target.id, phase=Phase.SUSPECT, kind="gone", relook_at=relook_at)


def test_a_suspicion_says_when_it_is_looked_at_next(db):
    """Suspected targets that are still watched are waited for."""
    one, two = watch(db, f"{A}1", f"{A}2", due_at=NOW + HOUR)
    for target in (one, two):
        standings.put(db, suspected(target, relook_at=NOW + HOUR))
    targets.set_state(db, [two.id], TargetState.REMOVED)
    known = progress.of_run(db, since=NOW, now=NOW)
    assert (known.suspected, known.next_look_at) == (1, NOW + HOUR)
    standings.put(db, suspected(one, relook_at=None))
    assert progress.of_run(db, since=NOW, now=NOW).suspected == 0


def test_a_claim_of_given_targets_leaves_the_others(db):
    """A one-off run claims hosts of its targets and gets only its targets."""
    _, two = watch(db, f"{A}1", f"{A}2")
    (elsewhere,) = watch(db, B, due_at=NOW - HOUR)
    now = {"worker": "w", "now": NOW, "lease": LEASE, "limit": 10}
    claim = claims.claim(db, **now, only=[two.id])
    assert claim is not None
    assert [target.id for target in claim.targets] == [two.id]
    assert claims.claim(db, **now, only=[two.id]) is None
    assert claims.claim(db, **now, only=[]) is None
    rest = claims.claim(db, **now)
    assert rest is not None
    assert [target.id for target in rest.targets] == [elsewhere.id]
