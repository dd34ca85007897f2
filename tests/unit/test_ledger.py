"""What is written down after a visit and after a verdict."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from catalogues import HOUR, MINUTE, NOW, found, opened, visit, watch
from chronicles import chronicle

from crawler import ledger, readings
from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.chronicle import Chronicle
from crawler.ledger import Made
from crawler.planner import Jump, Planner
from crawler.revisit.curves import PageRole
from storage.catalogue import claims, deliveries, events, sites, standings, targets, texts, visits
from storage.catalogue.engine import Catalogue
from storage.model import (
    Alert,
    Article,
    Block,
    Capture,
    Claim,
    Outcome,
    Phase,
    Role,
    Severity,
    Site,
    Standing,
    Target,
    TargetState,
    Visit,
)

PAGE = "https://a.example/1"
SITE = Site(name="paper", alerts=("desk",), every="6h")


@pytest.fixture
def catalogue(tmp_path: Path):
    kept = opened(tmp_path)
    with kept.write() as db:
        sites.put(db, [SITE])
    yield kept
    kept.close()


@pytest.fixture
def notes(tmp_path: Path):
    with closing(chronicle(tmp_path)) as kept:
        yield kept


def made(target_id: int, url: str = PAGE, *, outcome: Outcome = Outcome.OK) -> Visit:
    """Make a visit with one capture, not yet written."""
    return Visit(
        target_id=target_id,
        site=SITE.name,
        url=url,
        started_at=NOW,
        finished_at=NOW,
        outcome=outcome,
        captures=(Capture(url=url, role=Role.TARGET, captured_at=NOW, outcome=outcome),),
        found=tuple(found(f"{url}/new")),
    )


def keep(
    catalogue: Catalogue, notes: Chronicle, done: Visit, *, target: Target, claim: Claim
) -> Visit:
    """Write one visit, as a worker writes many."""
    one = Made(visit=done, target=target, site=SITE, claim=claim)
    (kept,) = ledger.keep_visits(catalogue, [one], chronicle=notes)
    assert isinstance(kept, Visit)
    return kept


def test_new_pages_are_told_in_a_digest_but_not_those_of_the_first_look(catalogue, notes) -> None:
    """The first look at a page finds what is old; what a later one finds is new."""
    with catalogue.write() as db:
        (target,) = watch(db, PAGE)
        claim = claims.claim(db, worker="w", now=NOW, lease=HOUR, limit=9)
    keep(catalogue, notes, made(target.id), target=target, claim=claim)
    with catalogue.read() as db:
        assert events.listing(db) == []
        (new,) = [one for one in targets.listing(db) if one.url.endswith("/new")]
        again = targets.one(db, target.id)
    assert new.due_at == NOW
    later = replace(made(target.id), found=tuple(found(f"{PAGE}/later")))
    keep(catalogue, notes, later, target=again, claim=claim)
    with catalogue.read() as db:
        (event,) = events.listing(db)
        (delivery,) = deliveries.listing(db)
    assert (event.kind, event.alert) == ("new_page", Alert.DIGEST)
    assert [one.id for one in delivery.events] == [event.id]
    assert delivery.next_try_at > NOW


def test_a_page_that_became_watched_during_its_visit_is_planned(catalogue, notes) -> None:
    """`capture` made it due once; `watch add` came before the visit ended."""
    with catalogue.write() as db:
        (once,) = watch(db, PAGE, state=TargetState.ONCE)
        claim = claims.claim(db, worker="w", now=NOW, lease=HOUR, limit=9)
        targets.set_state(db, [once.id], TargetState.ACTIVE)
    keep(catalogue, notes, made(once.id), target=once, claim=claim)
    with catalogue.read() as db:
        planned = targets.one(db, once.id)
    assert planned is not None
    assert planned.due_at is not None
    assert NOW < planned.due_at <= NOW + 12 * HOUR


def judged(
    catalogue: Catalogue,
    notes: Chronicle,
    verdict: Verdict,
    after: Reading,
    done: Visit,
    planner: Planner | None = None,
) -> None:
    scene = readings.scene(done, catalogue=catalogue)
    ledger.keep_verdict(
        catalogue,
        verdict,
        visit=done,
        scene=scene,
        after=after,
        chronicle=notes,
        planner=planner or Planner(),
    )


def test_a_page_is_not_looked_at_again_before_the_time_it_asks_for(catalogue, notes) -> None:
    """Retry-After of two hours goes before the confirm delays; nobody is kept waiting for it."""
    now = datetime.now(UTC)
    with catalogue.write() as db:
        (target,) = watch(db, PAGE)
        done = visit(db, target, at=now, outcome=Outcome.SERVER_ERROR, next_due_at=now + HOUR)
    standing = Standing(target_id=target.id, phase=Phase.SUSPECT, kind="server_error", since=now)
    verdict = Verdict(standing=standing, look_again_at=now + MINUTE, deciding=True)
    fields = (("Retry-After", "7200"),)
    after = Reading(url=PAGE, at=now, outcome=Outcome.SERVER_ERROR, status=503, headers=fields)
    judged(catalogue, notes, verdict, after, done)
    with catalogue.read() as db:
        planned = targets.one(db, target.id)
        kept = standings.one(db, target.id)
    assert planned is not None
    assert planned.due_at == now + 2 * HOUR
    assert kept.relook_at is None
    with catalogue.read() as db:
        assert visits.unread(db, limit=9) == []


def test_the_text_of_a_bad_look_is_not_that_of_the_page(catalogue, notes) -> None:
    """Only a look that carried the article gives `holdfast text` something to show."""
    article = Article(url=PAGE, blocks=(Block(kind="paragraph", text="Not found."),))
    with catalogue.write() as db:
        (target,) = watch(db, PAGE)
        done = visit(db, target)
    (capture,) = done.captures
    after = Reading(url=PAGE, at=NOW, outcome=Outcome.OK, article=article, capture_id=capture.id)
    judged(catalogue, notes, Verdict(standing=Standing(target_id=target.id)), after, done)
    with catalogue.read() as db:
        assert texts.of_capture(db, capture.id) is None
    good = Standing(target_id=target.id, good_capture_id=capture.id)
    judged(catalogue, notes, Verdict(standing=good), after, done)
    with catalogue.read() as db:
        assert texts.of_capture(db, capture.id) == article


def test_a_schedule_keeps_its_grid(catalogue, notes) -> None:
    """The next visit is one interval on, however late this one was."""
    with catalogue.write() as db:
        (target,) = watch(db, PAGE)
    first = ledger.planned(target, SITE, now=NOW)
    late = ledger.planned(replace(target, due_at=first), SITE, now=first + timedelta(hours=2))
    assert late - first == timedelta(hours=6)


def test_pages_that_vanish_faster_are_an_event_of_their_host_told_once(catalogue, notes) -> None:
    """It is in the archive and on its way through the site's alert; the same jump is one event."""
    with catalogue.write() as db:
        targets_of_host = watch(db, PAGE, f"{PAGE}2")
        looks = [visit(db, one) for one in targets_of_host]
    jump = Jump(host="a.example", role=PageRole.ARCHIVE, since=NOW, losses=5.1, expected=0.04)
    for done in looks:
        after = Reading(url=done.url, at=NOW, outcome=Outcome.OK)
        standing = Standing(target_id=done.target_id)
        planner = Planner(jumps=[jump])
        judged(catalogue, notes, Verdict(standing=standing), after, done, planner)
        assert planner.jumps == []
    with catalogue.read() as db:
        (event,) = events.listing(db)
        (delivery,) = deliveries.listing(db)
    assert (event.kind, event.url, event.captured_at) == ("host_vanishing", PAGE, NOW)
    assert (event.alert, event.severity) == (Alert.NOW, Severity.HIGH)
    assert "about 5, where 0.04 would be usual" in event.summary
    assert [one.id for one in delivery.events] == [event.id]
