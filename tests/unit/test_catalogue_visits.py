"""Visits and the captures they made."""

from dataclasses import replace
from datetime import datetime

import pytest
from catalogues import HOUR, MINUTE, NOW, all_captures, capture, opened, visit, watch
from sqlalchemy import select

from storage.catalogue import captures, claims, overview, targets, visits
from storage.catalogue.tables import hosts as host_rows
from storage.errors import CatalogueError, FenceError
from storage.model import (
    Capture,
    Claim,
    Outcome,
    RecordRef,
    Role,
    Target,
    TargetState,
    Truncation,
    Visit,
)

A, B = "https://a.example/", "https://b.example/"


@pytest.fixture
def db(tmp_path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def test_a_visit_is_kept_with_its_captures_and_comes_back_as_it_was(db):
    """What finish() returns is what is read later, ids and records included."""
    (target,) = watch(db, A)
    made = (
        capture(A, role=Role.REDIRECT, outcome=Outcome.REDIRECT, digest=None),
        capture(f"{A}x", at=NOW + MINUTE),
        capture(f"{A}s.css", role=Role.REQUISITE, outcome=Outcome.TIMEOUT),
    )
    kept = visit(db, target, made=made)
    assert [one.url for one in kept.captures] == [one.url for one in made]
    assert {one.visit_id for one in kept.captures} == {kept.id}
    assert {one.target_id for one in kept.captures} == {target.id}
    assert {one.site for one in kept.captures} == {"paper"}
    assert visits.unread(db, limit=9) == visits.listing(db) == [kept]
    assert all_captures(db) == list(kept.captures)


def test_every_fact_of_a_capture_is_kept(db):
    """Both records, the cut, the address and the reason survive."""
    (target,) = watch(db, A)
    ref = RecordRef(file="warc/x.warc.gz", offset=2**40, length=2**33, digest="sha1:B")
    full = Capture(
        url=A,
        role=Role.TARGET,
        hop=2,
        captured_at=NOW,
        outcome=Outcome.TRUNCATED,
        reason="ended after 3 of 9 bytes",
        status=200,
        content_type="text/html",
        location=B,
        address="2001:db8::1",
        record=ref,
        request_record=RecordRef(file="warc/x.warc.gz", offset=0, length=9, digest=None),
        payload_digest="sha1:C",
        payload_bytes=3,
        truncated=Truncation.DISCONNECT,
    )
    bare = Capture(url=B, role=Role.TARGET, captured_at=NOW, outcome=Outcome.DNS)
    kept = visit(db, target, made=(full, bare))
    assert captures.one(db, kept.captures[0].id) == kept.captures[0]
    assert captures.one(db, kept.captures[1].id) == kept.captures[1]
    assert kept.captures[0].record == ref
    assert kept.captures[1].record is None


def test_a_visit_says_what_came_and_plans_the_next(db):
    """After a visit its target knows the last outcome and its next due time."""
    (target,) = watch(db, A)
    visit(db, target, outcome=Outcome.TIMEOUT, next_due_at=NOW + HOUR)
    kept = targets.one(db, target.id)
    assert kept is not None
    assert (kept.last_visit_at, kept.last_outcome, kept.last_status) == (NOW, Outcome.TIMEOUT, None)
    assert kept.due_at == NOW + HOUR


def test_a_target_captured_once_is_not_planned_again(db):
    """`holdfast capture` is due once; whatever is planned then, it is not visited again."""
    (target,) = watch(db, A, state=TargetState.ONCE)
    visit(db, target, next_due_at=NOW + HOUR)
    kept = targets.one(db, target.id)
    assert kept is not None
    assert kept.due_at is None
    assert claims.next_at(db) is None


def test_a_visit_of_nobody_is_an_error(db):
    """A visit to a target that the catalogue does not know is refused."""
    (target,) = watch(db, A)
    with pytest.raises(CatalogueError, match="not known"):
        visit(db, replace(target, id=9))


def test_a_lost_claim_undoes_the_whole_batch(tmp_path):
    """When one visit of a batch is refused, none of it is kept."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        watch(db, f"{A}1", f"{A}2")
        claim = claims.claim(db, worker="w", now=NOW, lease=MINUTE, limit=9)
    assert claim is not None

    def lose_it_half_way():
        with catalogue.write() as db:
            visit(db, claim.targets[0], claim=claim)
            claims.free_all(db)
            visit(db, claim.targets[1], claim=claim)

    with pytest.raises(FenceError):
        lose_it_half_way()
    with catalogue.read() as db:
        assert visits.listing(db) == []
        assert all_captures(db) == []
    catalogue.close()


def looked(target: Target, *made: Capture, at: datetime = NOW, outcome: Outcome = Outcome.OK):
    """Make a visit that is not yet kept."""
    return Visit(
        target_id=target.id,
        site=target.site,
        url=target.url,
        worker="w",
        started_at=at,
        finished_at=at,
        outcome=outcome,
        captures=made or (capture(target.url, at=at, outcome=outcome),),
    )


def ended(visit: Visit, claim: Claim | None = None, next_due_at: datetime | None = NOW + HOUR):
    """Say what is to be written with a visit."""
    return visits.Finished(visit=visit, claim=claim, next_due_at=next_due_at)


def test_a_batch_keeps_what_its_visits_keep_one_by_one(tmp_path):
    """Rows, ids, plans, queues and tallies are the same, whichever way visits are written."""
    seen = []
    for way, size in (("one by one", 1), ("together", 99)):
        catalogue = opened(tmp_path / way)
        with catalogue.write() as db:
            one, two, three = watch(db, f"{A}1", f"{A}2", B)
            once, paused = watch(db, f"{B}once", f"{A}paused", state=TargetState.ONCE)
            targets.set_state(db, [paused.id], TargetState.PAUSED)
            robots = capture(f"{A}robots.txt", role=Role.ROBOTS, outcome=Outcome.CLIENT_ERROR)
            batch = [
                ended(looked(one, robots, capture(one.url)), next_due_at=NOW + 2 * HOUR),
                ended(looked(two, outcome=Outcome.TIMEOUT)),
                ended(replace(looked(three), read_as="site page")),
                ended(looked(once)),
                ended(looked(paused)),
                ended(looked(three, at=NOW + MINUTE), next_due_at=NOW + 3 * HOUR),
                ended(replace(looked(two, at=NOW + HOUR), captures=()), next_due_at=None),
            ]
            kept = [
                each
                for start in range(0, len(batch), size)
                for each in visits.finish_all(db, batch[start : start + size])
            ]
        with catalogue.read() as db:
            assert list(reversed(visits.listing(db))) == [replace(v, read_as=None) for v in kept]
            seen.append(
                (
                    visits.listing(db),
                    all_captures(db),
                    targets.listing(db),
                    sorted((row.host, row.head_due_at) for row in db.execute(select(host_rows))),
                    overview.totals(db, now=NOW),
                )
            )
            assert targets.one(db, three.id).read_as == "site page"
            assert targets.one(db, three.id).due_at == NOW + 3 * HOUR
            assert targets.one(db, once.id).due_at is None
        catalogue.close()
    assert seen[0] == seen[1]


def test_an_empty_batch_is_none(db):
    """A group without visits writes nothing."""
    assert visits.finish_all(db, []) == []


def test_a_lost_claim_fails_its_own_visits_alone(db):
    """The visits of other claims in the same transaction are kept; of these nothing is written."""
    first, second = watch(db, f"{A}1", f"{A}2", due_at=NOW - HOUR)
    (third,) = watch(db, B)
    lost = claims.claim(db, worker="w", now=NOW, lease=MINUTE, limit=9)
    held = claims.claim(db, worker="w", now=NOW, lease=MINUTE, limit=9)
    again = claims.claim(db, worker="w", now=NOW + HOUR, lease=HOUR, limit=1)
    assert (lost.host, held.host, again.host) == ("a.example", "b.example", "a.example")
    batch = [
        ended(looked(first), lost),
        ended(looked(third), held),
        ended(looked(second), lost),
        ended(looked(first, at=NOW + HOUR), again),
    ]
    results = visits.finish_all(db, batch)
    assert [isinstance(one, FenceError) for one in results] == [True, False, True, False]
    assert list(reversed(visits.listing(db))) == [results[1], results[3]]
    assert [one.visit_id for one in all_captures(db)] == [results[1].id, results[3].id]
    assert targets.one(db, second.id) == second
    assert overview.totals(db, now=NOW).visits == 2


def test_a_visit_that_cannot_be_is_refused_alone(db):
    """An unknown target, or one that is not on the claimed host, does not hold up the others."""
    watch(db, A)
    (elsewhere,) = watch(db, B, due_at=NOW + HOUR)
    claim = claims.claim(db, worker="w", now=NOW, lease=MINUTE, limit=9)
    batch = [
        ended(replace(looked(elsewhere), target_id=99)),
        ended(looked(elsewhere), claim),
        ended(looked(claim.targets[0]), claim),
    ]
    unknown, foreign, kept = visits.finish_all(db, batch)
    assert "not known" in str(unknown)
    assert "the claim is for a.example" in str(foreign)
    assert visits.listing(db) == [kept]


def test_what_was_read_is_known_until_something_else_is(db):
    """A visit whose spider read nothing leaves the name of what it read before."""
    (one,) = watch(db, A)
    for read_as, known in (("site 1", "site 1"), (None, "site 1"), ("site 2", "site 2")):
        visits.finish_all(db, [ended(replace(looked(one), read_as=read_as))])
        assert targets.one(db, one.id).read_as == known


def test_sites_take_turns_in_the_backlog_oldest_first(db):
    """A site with a long backlog does not keep another waiting, and each is read in its order."""
    (one,) = watch(db, A)
    (two,) = watch(db, B, site="other")
    first, second, third = (visit(db, one) for _ in range(3))
    other = visit(db, two)
    assert [one.id for one in visits.unread(db, limit=2)] == [first.id, other.id]
    visits.mark_read(db, first.id, at=NOW)
    waiting = [one.id for one in visits.unread(db, limit=9)]
    assert waiting == [second.id, other.id, third.id]


def test_the_ledger_is_newest_first_and_can_be_cut(db):
    """Visits are listed by site, URL and time."""
    (one,) = watch(db, A)
    (two,) = watch(db, B, site="other")
    first = visit(db, one)
    second = visit(db, two, at=NOW + HOUR)
    third = visit(db, one, at=NOW + 2 * HOUR)
    assert visits.listing(db) == [third, second, first]
    assert visits.listing(db, site="other") == [second]
    assert visits.listing(db, url=A, limit=1) == [third]
    assert visits.listing(db, since=NOW + HOUR) == [third, second]


def test_the_host_is_judged_by_the_latest_visit_of_its_other_targets(db):
    """A control page is another target of the host, by its last visit."""
    one, two, three = watch(db, f"{A}1", f"{A}2", f"{A}3")
    (elsewhere,) = watch(db, B)
    for target in (one, elsewhere):
        visit(db, target, at=NOW + HOUR)
    visit(db, three, at=NOW)
    visit(db, two, at=NOW + HOUR, outcome=Outcome.RESET)
    latest = replace(visit(db, two, at=NOW + HOUR), captures=())
    within = {"since": NOW + HOUR, "until": NOW + 2 * HOUR}
    seen = visits.recent_of_host(db, "a.example", except_target=one.id, **within)
    assert seen == [latest]
    visit(db, two, at=NOW + 3 * HOUR)
    seen = visits.recent_of_host(db, "a.example", except_target=one.id, **within)
    assert seen == [latest]


def test_other_hosts_say_how_our_own_network_is(db):
    """Only visits to other hosts within the time count, however they ended."""
    one, two = watch(db, f"{A}1", f"{A}2")
    (elsewhere,) = watch(db, B)
    visit(db, elsewhere, at=NOW, outcome=Outcome.OK)
    visit(db, two, at=NOW + HOUR)
    visit(db, elsewhere, at=NOW + HOUR, outcome=Outcome.DNS)
    within = {"since": NOW + HOUR / 2, "until": NOW + 2 * HOUR}
    assert visits.outcomes_elsewhere(db, one.host, **within) == [Outcome.DNS]


def test_what_a_page_needs_is_added_to_its_visit(db):
    """Requisites that are kept later belong to the visit and are counted."""
    (one,) = watch(db, A)
    made = visit(db, one)
    visits.add_captures(db, made, [capture(f"{A}logo.png", role=Role.REQUISITE)])
    (listed,) = visits.listing(db, url=A)
    assert [(each.url, each.visit_id, each.site) for each in listed.captures] == [
        (A, made.id, one.site),
        (f"{A}logo.png", made.id, one.site),
    ]
    assert overview.totals(db, now=NOW).captures == 2
    assert overview.totals(db, now=NOW).visits == 1


def test_a_resting_target_holds_up_nobody(db):
    """Visits of targets that rest are left out of what is to be compared."""
    one, two = watch(db, f"{A}1", f"{A}2")
    visit(db, one)
    second = visit(db, two)
    assert visits.unread(db, limit=1, except_targets=[one.id]) == [second]
    assert visits.count_unread_of(db, [one.id]) == 1


def test_a_site_is_counted_by_its_visits_of_a_day(db):
    """The budget of a site counts its own visits between two times, none of a clock ahead."""
    (one,) = watch(db, A)
    (other,) = watch(db, B, site="other")
    for target, hours in ((one, 0), (one, 2), (other, 2)):
        visit(db, target, at=NOW + hours * HOUR)
    day = {"since": NOW + HOUR, "until": NOW + 24 * HOUR}
    assert visits.count_between(db, site=one.site, **day) == 1
    assert visits.count_between(db, site=one.site, since=NOW, until=NOW + HOUR) == 1
