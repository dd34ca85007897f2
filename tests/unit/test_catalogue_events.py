"""Sites, standings, events and their deliveries."""

from dataclasses import replace
from datetime import timedelta

import pytest
from catalogues import HOUR, MINUTE, NOW, event, opened, told, visit, watch

from storage.catalogue import deliveries, events, sites, standings, targets
from storage.model import (
    Alert,
    Axis,
    DeliveryState,
    Finding,
    Look,
    Outcome,
    Phase,
    Severity,
    Site,
    Standing,
)

A, B = "https://a.example/", "https://b.example/"


@pytest.fixture
def db(tmp_path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


@pytest.fixture
def target(db):
    return watch(db, A)[0]


def test_sites_of_the_file_go_and_those_of_a_person_stay(db):
    """The configuration replaces its own sites and leaves those added by command."""
    old, kept = (Site(name=name, from_file=True) for name in ("old", "kept"))
    added = Site(name="added", every="6h")
    sites.put(db, [added])
    sites.put(db, [old, kept], replace_file_sites=True)
    changed = replace(kept, delay=timedelta(seconds=9))
    sites.put(db, [changed], replace_file_sites=True)
    assert sites.listing(db) == [added, changed]
    assert sites.one(db, "old") == old
    assert sites.one(db, "none") is None


def test_a_target_never_judged_stands_well(db, target):
    """Without a standing a target is OK; with one it is what was kept last."""
    assert standings.one(db, target.id) == Standing(target_id=target.id)
    (made,) = visit(db, target).captures
    look = Look(visit_id=1, at=NOW, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
    suspect = Standing(
        target_id=target.id,
        phase=Phase.SUSPECT,
        kind="gone",
        since=NOW,
        looks=(look,),
        good_capture_id=made.id,
    )
    standings.put(db, replace(suspect, phase=Phase.OK))
    standings.put(db, suspect)
    assert standings.one(db, target.id) == suspect
    assert standings.by_phase(db, Phase.SUSPECT) == [suspect]
    assert standings.by_phase(db, Phase.CONFIRMED) == []


def test_an_event_is_kept_once_and_comes_back_as_it_was(db, target):
    """Writing an event twice changes nothing."""
    (made,) = visit(db, target).captures
    one = event(target)
    finding = Finding(
        kind="gone",
        axis=Axis.AVAILABILITY,
        rule="gone",
        alert=one.alert,
        severity=one.severity,
        summary=one.summary,
    )
    one = replace(one, phase=Phase.CONFIRMED, capture_id=made.id, findings=(finding,), diff="[-x-]")
    assert events.put(db, one)
    assert not events.put(db, replace(one, summary="another"))
    assert events.one(db, one.id) == one
    assert events.one(db, "none") is None


def test_an_event_of_no_target_is_kept(db, target):
    """What is said of a host or a site has no target."""
    one = replace(event(target), target_id=0, axis=Axis.OPERATIONS, kind="site_lost")
    assert events.put(db, one)
    deliveries.enqueue(db, one, alerts=["desk"], at=NOW, gather=False)
    assert deliveries.due(db, now=NOW, limit=9)[0].events == (one,)


def test_events_are_listed_by_when_they_could_be_told(db, target):
    """A takedown confirmed today is news of today, though its first bad look is of yesterday."""
    (other,) = watch(db, B, site="other")
    late = event(target, 1, at=NOW - HOUR, confirmed_at=NOW + HOUR)
    early = event(other, 2, at=NOW)
    for one in (late, early):
        events.put(db, one)
    assert events.listing(db) == [early, late]
    assert events.listing(db, newest_first=True, limit=1) == [late]
    assert events.listing(db, since=NOW + MINUTE) == [late]
    assert events.listing(db, url=B) == events.listing(db, site="other") == [early]


def test_the_first_acknowledgement_counts(db, target):
    """When a person saw an event first is kept."""
    told(db, target)
    assert events.acknowledge(db, "event-1", at=NOW)
    assert events.acknowledge(db, "event-1", at=NOW + HOUR)
    assert not events.acknowledge(db, "none", at=NOW)
    kept = events.one(db, "event-1")
    assert kept is not None
    assert kept.acknowledged_at == NOW


def test_each_alert_gets_its_own_delivery_once(db, target):
    """An event goes to every alert, and to each once, however often it is enqueued."""
    one = told(db, target)
    for _ in range(2):
        deliveries.enqueue(db, one, alerts=["desk", "log", "desk"], at=NOW, gather=False)
    due = deliveries.due(db, now=NOW, limit=9)
    assert sorted(delivery.alert for delivery in due) == ["desk", "log"]
    assert [delivery.events for delivery in due] == [(one,), (one,)]
    assert len({delivery.id for delivery in due}) == 2
    assert deliveries.due(db, now=NOW - MINUTE, limit=9) == []


def test_the_events_of_a_muted_target_are_told_to_nobody(db, target):
    """A mute keeps the event and sends nothing."""
    targets.put(db, [replace(target, muted=True)])
    deliveries.enqueue(db, told(db, target), alerts=["desk"], at=NOW, gather=False)
    assert deliveries.listing(db) == []


def test_a_digest_gathers_until_it_is_due(db, target):
    """Events join the open digest of their alert in order; what is on its way is left alone."""
    one, two, three = (told(db, target, number) for number in (1, 2, 3))

    def gather(event_, *, now, alerts=("desk",)):
        deliveries.enqueue(db, event_, alerts=alerts, at=now + HOUR, gather=True, joins_after=now)

    gather(one, now=NOW, alerts=("desk", "log"))
    gather(two, now=NOW + HOUR / 2)
    gather(two, now=NOW + HOUR / 2)
    gather(three, now=NOW + HOUR)
    desk = [delivery for delivery in deliveries.listing(db) if delivery.alert == "desk"]
    assert [delivery.events for delivery in desk] == [(three,), (one, two)]
    assert desk[1].next_try_at == NOW + HOUR
    (log,) = deliveries.listing(db, alert="log")
    assert log.events == (one,)


def bundle_all(db, now):
    """Bundle all that is due and open of the one alert."""
    deliveries.bundle(db, [one.id for one in deliveries.waiting(db, now=now)])


def test_a_digest_that_was_tried_takes_no_more(db, target):
    """A second try sends what the first may have sent: the same events under the same id."""
    one, two = (told(db, target, number) for number in (1, 2))
    deliveries.enqueue(db, one, alerts=["desk"], at=NOW, gather=True, joins_after=NOW - HOUR)
    assert deliveries.due(db, now=NOW, limit=9) == []
    bundle_all(db, NOW)
    (digest,) = deliveries.due(db, now=NOW, limit=9)
    deliveries.failed(db, digest.id, error="refused", next_try_at=NOW + HOUR)
    deliveries.enqueue(db, two, alerts=["desk"], at=NOW + HOUR, gather=True, joins_after=NOW)
    bundle_all(db, NOW + HOUR)
    due = {delivery.id: delivery for delivery in deliveries.due(db, now=NOW + HOUR, limit=9)}
    assert due.pop(digest.id).events == (one,)
    (other,) = due.values()
    assert other.events == (two,)


def test_what_waits_is_bundled_in_its_order_and_then_closed(db, target):
    """Open deliveries of an alert become one, with every event once; a later event joins not."""
    made = [told(db, target, number) for number in range(1, 6)]
    for number, one in enumerate(made[:3]):
        at = NOW + MINUTE * number
        deliveries.enqueue(db, one, alerts=["desk"], at=at, gather=True, joins_after=at)
    deliveries.enqueue(
        db, made[3], alerts=["desk"], at=NOW + 2 * MINUTE, gather=True, joins_after=NOW + MINUTE
    )
    assert [one.urgent for one in deliveries.waiting(db, now=NOW + HOUR)] == [True] * 3
    bundle_all(db, NOW + HOUR)
    deliveries.enqueue(
        db, made[4], alerts=["desk"], at=NOW + HOUR, gather=True, joins_after=NOW - HOUR
    )
    (bundle,) = deliveries.due(db, now=NOW + HOUR, limit=9)
    assert bundle.events == tuple(made[:4])
    assert deliveries.waiting(db, now=NOW + HOUR)[0].due_at == NOW + HOUR
    assert deliveries.count_sent(db, since=NOW) == {}
    deliveries.sent(db, bundle.id, at=NOW + HOUR)
    assert deliveries.count_sent(db, since=NOW) == {"desk": 1}


@pytest.mark.parametrize("alert", list(Alert))
@pytest.mark.parametrize("axis", list(Axis))
@pytest.mark.parametrize("severity", list(Severity))
def test_what_is_urgent_is_the_same_in_rows(db, target, alert, axis, severity):
    """The noun and the query agree on what waits for no digest and no morning."""
    one = replace(event(target), alert=alert, axis=axis, severity=severity)
    events.put(db, one)
    deliveries.enqueue(db, one, alerts=["desk"], at=NOW, gather=True)
    assert [found.urgent for found in deliveries.waiting(db, now=NOW)] == [one.urgent]


def test_a_delivery_brings_the_captures_of_its_events(db, target):
    """Whoever is told gets file, offset and digest of both captures with it."""
    before, after = (visit(db, target, at=NOW + MINUTE * n).captures[0] for n in (0, 1))
    one = replace(event(target), before_capture_id=before.id, capture_id=after.id)
    events.put(db, one)
    deliveries.enqueue(db, one, alerts=["desk"], at=NOW, gather=False)
    (found,) = deliveries.due(db, now=NOW, limit=9)
    assert found.captures == {before.id: before, after.id: after}


def test_an_event_told_at_once_does_not_join_a_digest(db, target):
    """Urgent news has its own delivery beside an open digest, and no digest joins it."""
    one, two, three = (told(db, target, number) for number in (1, 2, 3))
    deliveries.enqueue(db, one, alerts=["desk"], at=NOW + HOUR, gather=True, joins_after=NOW)
    deliveries.enqueue(db, two, alerts=["desk"], at=NOW + MINUTE, gather=False)
    deliveries.enqueue(db, three, alerts=["desk"], at=NOW + HOUR, gather=True, joins_after=NOW)
    assert [delivery.events for delivery in deliveries.listing(db)] == [(one, three), (two,)]


def test_a_delivery_is_tried_until_it_is_sent_or_given_up(db, target):
    """A failed delivery comes again under its id, with its tries counted; a sent one does not."""
    first, second = (told(db, target, number) for number in (1, 2))
    deliveries.enqueue(db, first, alerts=["desk"], at=NOW, gather=False)
    (delivery,) = deliveries.due(db, now=NOW, limit=9)
    deliveries.failed(db, delivery.id, error="refused", next_try_at=NOW + MINUTE)
    assert deliveries.due(db, now=NOW, limit=9) == []
    (again,) = deliveries.due(db, now=NOW + MINUTE, limit=9)
    assert (again.id, again.attempts, again.last_error) == (delivery.id, 1, "refused")
    deliveries.sent(db, again.id, at=NOW + MINUTE)
    deliveries.enqueue(db, second, alerts=["desk"], at=NOW, gather=False)
    (other,) = deliveries.due(db, now=NOW, limit=9)
    deliveries.failed(db, other.id, error="no such address", next_try_at=None)
    assert deliveries.due(db, now=NOW + HOUR, limit=9) == []
    ended = {one.state: one for one in deliveries.listing(db)}
    assert ended[DeliveryState.SENT].sent_at == NOW + MINUTE
    assert ended[DeliveryState.GIVEN_UP].last_error == "no such address"
