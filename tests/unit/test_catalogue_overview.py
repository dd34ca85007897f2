"""What a person or a monitor asks first."""

import pytest
from catalogues import HOUR, NOW, capture, opened, told, visit, watch

from storage.catalogue import deliveries, overview, sites, standings, targets, visits
from storage.catalogue.overview import SiteOverview, Totals
from storage.model import Outcome, Phase, Role, Site, Standing, TargetState


@pytest.fixture
def db(tmp_path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def fill(db):
    """Make a site with one target of each kind, and an empty one."""
    sites.put(db, [Site(name="paper"), Site(name="empty")])
    made = watch(db, *(f"https://a.example/{number}" for number in range(6)))
    overdue, well, suspect, confirmed, paused, removed = made
    targets.plan(db, overdue.id, NOW - HOUR)
    requisite = capture("https://a.example/p.png", role=Role.REQUISITE)
    visits_made = [
        visit(db, well, made=[capture(well.url), requisite]),
        visit(db, suspect, outcome=Outcome.TIMEOUT),
        visit(db, confirmed, at=NOW + HOUR, outcome=Outcome.CLIENT_ERROR),
    ]
    standings.put(db, Standing(target_id=suspect.id, phase=Phase.SUSPECT))
    standings.put(db, Standing(target_id=confirmed.id, phase=Phase.CONFIRMED))
    targets.set_state(db, [paused.id], TargetState.PAUSED)
    targets.set_state(db, [removed.id], TargetState.REMOVED)
    visits.mark_read(db, visits_made[0].id, at=NOW)
    deliveries.enqueue(db, told(db, confirmed), alerts=["desk", "log"], at=NOW, gather=False)
    (delivery, _) = deliveries.due(db, now=NOW, limit=9)
    deliveries.failed(db, delivery.id, error="refused", next_try_at=None)


def test_a_site_is_summed_up(db):
    """Removed targets do not count, paused ones are not due, and a 404 is a capture."""
    fill(db)
    empty, paper = overview.site_overviews(db, now=NOW)
    assert empty == SiteOverview(site="empty")
    assert paper == SiteOverview(
        site="paper",
        targets=5,
        paused=1,
        due_now=1,
        suspects=1,
        confirmed=1,
        last_visit_at=NOW + HOUR,
        last_event_at=NOW,
        next_due_at=NOW - HOUR,
        captures=3,
    )


def test_the_archive_is_summed_up(db):
    """The totals say how much there is, how late we are, and what waits."""
    fill(db)
    assert overview.totals(db, now=NOW) == Totals(
        targets=5,
        visits=3,
        captures=3,
        events=1,
        unread_visits=2,
        unread_since_at=NOW,
        pending_deliveries=1,
        given_up_deliveries=1,
        oldest_due_at=NOW - HOUR,
        outcomes={Outcome.OK: 1, Outcome.TIMEOUT: 1, Outcome.CLIENT_ERROR: 1},
    )
    assert overview.totals(db, now=NOW - 2 * HOUR).oldest_due_at is None


def test_an_empty_archive_has_an_overview(db):
    """Before the first capture everything is nought, and no question fails."""
    assert overview.site_overviews(db, now=NOW) == []
    assert overview.totals(db, now=NOW).visits == 0
