"""Claims: one worker a host, leases that run out, fences that hold."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from catalogues import HOUR, MINUTE, NOW, only_sqlite, opened, visit, watch
from sqlalchemy import select

from storage.catalogue import claims, targets, visits
from storage.catalogue.pace import pace_of
from storage.catalogue.tables import targets as target_rows
from storage.errors import CatalogueError, FenceError
from storage.model import TargetState

A, B = "https://a.example/", "https://b.example/"


@pytest.fixture
def db(tmp_path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def take(db, *, worker="w1", now=NOW, limit=9):
    """Claim a host for a minute."""
    return claims.claim(db, worker=worker, now=now, lease=MINUTE, limit=limit)


def test_the_host_that_waits_longest_is_claimed_with_its_due_targets(db):
    """A claim is the host with the oldest head and what is due on it, oldest first."""
    watch(db, f"{A}1", f"{A}2", due_at=NOW - HOUR)
    late, _ = watch(db, f"{B}1", f"{B}2", due_at=NOW - 2 * HOUR)
    targets.plan(db, late.id, NOW + HOUR)
    claim = take(db)
    assert claim is not None
    assert (claim.host, claim.fence, claim.until) == ("b.example", 1, NOW + MINUTE)
    assert [target.url for target in claim.targets] == [f"{B}2"]
    other = take(db, worker="w2", limit=1)
    assert other is not None
    assert (other.host, len(other.targets)) == ("a.example", 1)
    assert take(db) is None


def test_of_many_due_targets_those_come_first_that_are_latest_for_their_interval(db):
    """A page of every half hour that is an hour late goes before one of every month, a day late."""
    often, *rarely = watch(db, f"{A}often", *(f"{A}{number}" for number in range(30)))
    visit(db, often, at=NOW - 1.5 * HOUR, next_due_at=NOW - HOUR)
    for one in rarely:
        visit(db, one, at=NOW - 31 * 24 * HOUR, next_due_at=NOW - 24 * HOUR)
    (new,) = watch(db, f"{A}new", due_at=NOW - HOUR / 60)
    claim = take(db, limit=4)
    assert [one.url for one in claim.targets[:2]] == [often.url, new.url]
    assert {one.id for one in claim.targets[2:]} <= {one.id for one in rarely}


def test_what_was_never_kept_does_not_wait_behind_second_fetches(db):
    """A page that is fetched twice at once takes its turn among those that nobody has seen yet."""
    seen, *others = watch(db, f"{A}seen", *(f"{A}{n}" for n in range(9)), due_at=NOW - HOUR)
    visit(db, seen, at=NOW - HOUR / 2, next_due_at=NOW - HOUR / 2 + timedelta(seconds=1))
    claim = take(db, limit=9)
    assert {one.id for one in claim.targets} == {one.id for one in others}


@pytest.mark.parametrize("hours", [0.1, 0.2, 1, 5, 30, 100, 1000])
def test_the_class_of_an_interval_is_the_same_for_the_catalogue_and_for_us(db, hours):
    """It is said in SQL where a page is planned by itself, and reckoned where a visit plans it."""
    (page,) = watch(db, A)
    read = select(target_rows.c.pace).where(target_rows.c.id == page.id)
    assert db.execute(read).scalar() == pace_of(HOUR / 60)
    visit(db, page, at=NOW, next_due_at=NOW + hours * HOUR)
    reckoned = db.execute(read).scalar()
    assert reckoned == pace_of(hours * HOUR)
    targets.plan(db, page.id, NOW + hours * HOUR)
    assert db.execute(read).scalar() == reckoned


def test_nothing_due_is_no_claim(db):
    """What is due later is not claimed, to the microsecond."""
    watch(db, A, due_at=NOW + timedelta(microseconds=1))
    assert take(db) is None
    assert take(db, now=NOW + timedelta(microseconds=1)) is not None


def test_targets_captured_once_are_claimed_and_paused_ones_are_not(db):
    """A target to be captured once is due like any other; a paused one never."""
    (paused,) = watch(db, f"{A}1")
    watch(db, f"{A}2", state=TargetState.ONCE)
    targets.set_state(db, [paused.id], TargetState.PAUSED)
    claim = take(db)
    assert claim is not None
    assert [target.url for target in claim.targets] == [f"{A}2"]


def test_a_released_host_waits_until_it_may_be_asked(db):
    """After a release nobody gets the host before the time that was said."""
    watch(db, f"{A}1", f"{A}2")
    claim = take(db)
    claims.release(db, claim, next_ok_at=NOW + MINUTE)
    assert take(db) is None
    assert claims.next_at(db) == NOW + MINUTE
    again = take(db, now=NOW + MINUTE)
    assert again is not None
    assert again.fence == claim.fence + 1


def test_a_lease_that_ran_out_is_taken_by_another_with_a_higher_fence(db):
    """The host of a dead worker goes to the next one, and the dead one can write no more."""
    watch(db, f"{A}1", f"{A}2")
    lost = take(db)
    taken = take(db, worker="w2", now=NOW + MINUTE)
    assert taken is not None
    assert taken.fence == lost.fence + 1
    for write in (
        lambda: claims.renew(db, lost, until=NOW + HOUR),
        lambda: claims.release(db, lost, next_ok_at=NOW),
        lambda: visit(db, lost.targets[0], claim=lost),
    ):
        with pytest.raises(FenceError, match="lost its claim"):
            write()
    assert visits.listing(db) == []
    assert targets.one(db, lost.targets[0].id) == lost.targets[0]
    visit(db, taken.targets[0], claim=taken)


def test_a_renewed_claim_is_kept(db):
    """A worker that says it is alive keeps its host past the first lease."""
    watch(db, A)
    claim = claims.renew(db, take(db), until=NOW + HOUR)
    assert claim.until == NOW + HOUR
    assert take(db, worker="w2", now=NOW + 2 * MINUTE) is None


def test_a_released_claim_is_no_claim(db):
    """Who gave a host back cannot write for it, though nobody else took it."""
    watch(db, A)
    claim = take(db)
    claims.release(db, claim, next_ok_at=NOW)
    with pytest.raises(FenceError):
        visit(db, claim.targets[0], claim=claim)


def test_a_claim_is_for_its_host_only(db):
    """A visit to another host cannot be written with it."""
    watch(db, A)
    (other,) = watch(db, B, due_at=NOW + HOUR)
    claim = take(db)
    with pytest.raises(CatalogueError, match=r"is on b\.example"):
        visit(db, other, claim=claim)


def test_a_new_service_frees_every_claim(db):
    """After a crash all hosts can be claimed at once, and old workers are locked out."""
    watch(db, A, B)
    old = take(db)
    claims.release(db, take(db), next_ok_at=NOW + HOUR)
    assert claims.free_all(db) == 1
    with pytest.raises(FenceError):
        claims.release(db, old, next_ok_at=NOW)
    again = take(db)
    assert again is not None
    assert (again.host, again.fence) == (old.host, 3)
    assert take(db) is None


def test_next_at_says_when_to_ask_again(db):
    """A worker without work knows when there will be some."""
    assert claims.next_at(db) is None
    watch(db, A, due_at=NOW + HOUR)
    assert claims.next_at(db) == NOW + HOUR
    targets.make_due(db, [1], at=NOW)
    take(db)
    assert claims.next_at(db) == NOW + MINUTE


@contextmanager
def plans(db):
    """Collect how SQLite finds the rows of each statement that is run meanwhile."""
    seen: list[str] = []
    steps: list[str] = []
    connection = db.connection.driver_connection
    connection.set_trace_callback(seen.append)
    try:
        yield steps
    finally:
        connection.set_trace_callback(None)
    for statement in seen:
        cursor = connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        steps += [row[3] for row in cursor]
        cursor.close()


@only_sqlite
def test_claiming_reads_indexes_only(db):
    """No step of a claim looks through all hosts or all targets, or sorts them."""
    watch(db, A, B)
    with plans(db) as steps:
        take(db)
    for index in ("ix_hosts_awake", "ix_hosts_asleep", "ix_targets_host_pace_queue_at"):
        assert [step for step in steps if index in step]
    # What SQLite calls anon_1 and so on are the first few rows of each class of intervals.
    steps = [step for step in steps if not step.startswith("SCAN anon_")]
    assert not [step for step in steps if step.startswith(("SCAN", "USE TEMP"))]


@only_sqlite
def test_finishing_a_visit_reads_indexes_only(db):
    """No step of keeping a visit and giving the host back looks through a table."""
    watch(db, A, B)
    claim = take(db)
    with plans(db) as steps:
        visit(db, claim.targets[0], claim=claim)
        claims.release(db, claim, next_ok_at=NOW)
    # SQLite plans a look for rows that wait for new captures, and skips it as none can (FkIfZero).
    never_run = {"SCAN standings", "SCAN events"}
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and step not in never_run]
