"""What is written of a comparison before the catalogue says it, and when nothing is."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from catalogues import HOUR, NOW, capture, event, opened, visit, watch
from chronicles import chronicle

from crawler import ledger, readings
from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.chronicle import is_quiet
from crawler.planner import Planner
from storage.archive import Archive
from storage.catalogue import events, sites, standings, texts
from storage.catalogue.engine import Catalogue
from storage.errors import StorageError
from storage.model import (
    Article,
    Block,
    Look,
    Outcome,
    Phase,
    Site,
    Standing,
    Visit,
)
from storage.warc import history
from storage.warc.history import Item
from storage.warc.statements import Judged, Told

PAGE = "https://a.example/1"
ARTICLE = Article(url=PAGE, blocks=(Block(kind="paragraph", text="As it was."),))


@pytest.fixture
def catalogue(tmp_path: Path):
    with closing(opened(tmp_path)) as kept:
        yield kept


@pytest.fixture
def twice(catalogue: Catalogue) -> tuple[Visit, Visit]:
    """Return two visits that brought the same bytes; the first carried the article."""
    row = replace(capture(PAGE), record_id="<urn:uuid:1>")
    with catalogue.write() as db:
        sites.put(db, [Site(name="paper", every="6h")])
        (target,) = watch(db, PAGE)
        first = visit(db, target, made=[row])
        again = replace(row, captured_at=NOW + HOUR, record_id="<urn:uuid:2>")
        second = visit(db, target, at=NOW + HOUR, made=[again], next_due_at=NOW + 99_999 * HOUR)
        texts.put(db, first.captures[0].id, ARTICLE)
        standings.put(db, Standing(target_id=target.id, good_capture_id=first.captures[0].id))
    return first, second


def reading(of: Visit) -> Reading:
    row = of.captures[0]
    return Reading(
        url=PAGE, at=row.captured_at, outcome=of.outcome, article=ARTICLE, capture_id=row.id
    )


def said(folder: Path) -> list[Item]:
    kept = Archive(folder / "chronicle")
    return [one for name in history.files_of(kept) for one in history.read_file(kept, name)]


def test_the_same_bytes_again_are_not_worth_a_word(catalogue, twice, tmp_path: Path) -> None:
    """Their capture says it all; what else the comparison came to is written."""
    first, second = twice
    scene = readings.scene(second, catalogue=catalogue)
    after, good = reading(second), second.captures[0].id
    same = Verdict(standing=Standing(target_id=second.target_id, good_capture_id=good))
    assert is_quiet(same, scene=scene, visit=second, after=after)
    with closing(chronicle(tmp_path)) as notes:
        ledger.keep_verdict(
            catalogue,
            same,
            visit=second,
            scene=scene,
            after=after,
            chronicle=notes,
            planner=Planner(),
        )
    assert not (tmp_path / "chronicle").exists()

    suspected = replace(same.standing, phase=Phase.SUSPECT, kind="gone", since=NOW)
    told = event(scene.target)
    for verdict in (
        replace(same, standing=suspected),
        replace(same, standing=replace(same.standing, moved_to=("https://b.example/",))),
        replace(same, standing=replace(same.standing, good_capture_id=first.captures[0].id)),
        replace(same, events=(told,)),
    ):
        assert not is_quiet(verdict, scene=scene, visit=second, after=after)
    unread = replace(scene, standing=replace(scene.standing, phase=Phase.SUSPECT))
    assert not is_quiet(same, scene=unread, visit=second, after=after)


def test_a_visit_that_was_not_asked_for_is_not_worth_a_word(catalogue, twice) -> None:
    """It says nothing of the page, and where the page stands is as it was."""
    second = replace(twice[1], outcome=Outcome.BLOCKED_ROBOTS)
    scene = readings.scene(second, catalogue=catalogue)
    verdict = Verdict(standing=scene.standing)
    assert is_quiet(verdict, scene=scene, visit=second, after=reading(second))
    other = replace(verdict, standing=replace(scene.standing, kind="gone"))
    assert not is_quiet(other, scene=scene, visit=second, after=reading(second))


def test_an_event_is_in_the_archive_before_it_is_in_the_catalogue(
    catalogue, twice, tmp_path: Path
) -> None:
    """It names records, not rows; and what cannot be written down is not said."""
    first, second = twice
    look = Look(
        visit_id=second.id,
        at=NOW + HOUR,
        outcome=Outcome.OK,
        status=200,
        kind="gone",
        capture_id=second.captures[0].id,
    )
    scene = readings.scene(second, catalogue=catalogue)
    told = replace(
        event(scene.target),
        capture_id=second.captures[0].id,
        before_capture_id=first.captures[0].id,
        looks=(look,),
    )
    standing = replace(scene.standing, phase=Phase.CONFIRMED, kind="gone", looks=(look,))
    verdict = Verdict(standing=standing, events=(told,), look_again_at=NOW + timedelta(days=900))

    def keep(notes) -> None:
        ledger.keep_verdict(
            catalogue,
            verdict,
            visit=second,
            scene=scene,
            after=reading(second),
            chronicle=notes,
            planner=Planner(),
        )

    broken = chronicle(Archive(tmp_path / "nowhere" / "\0"))
    with pytest.raises((StorageError, ValueError)):
        keep(broken)
    with catalogue.read() as db:
        assert events.listing(db) == []
    with closing(chronicle(tmp_path)) as notes:
        keep(notes)
    kept, judged = said(tmp_path)
    assert isinstance(kept, Told)
    assert isinstance(judged, Judged)
    assert (kept.event.id, kept.event.target_id, kept.event.looks) == (told.id, 0, ())
    assert (kept.record_id, kept.before_record_id) == ("<urn:uuid:2>", "<urn:uuid:1>")
    assert [one.record_id for one in kept.looks] == ["<urn:uuid:2>"]
    assert (judged.visit.url, judged.visit.started_at) == (PAGE, second.started_at)
    assert (judged.standing.kind, judged.good_record_id) == ("gone", "<urn:uuid:1>")
    assert judged.due_at == verdict.look_again_at
    with catalogue.read() as db:
        assert [one.id for one in events.listing(db)] == [told.id]
