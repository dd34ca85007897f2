"""What a look is read as: a 304 as the page its server vouches for, or as no page at all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from catalogues import HOUR, NOW, opened, watch
from exchanges import AT, answered, message
from readings import article

from crawler import readings
from crawler.changes.hearing import Verdict
from crawler.changes.judge import judge
from crawler.killable import ArticleReader
from crawler.readings import Scene
from storage.archive import Archive, create
from storage.catalogue import sites, standings, texts, visits
from storage.catalogue.engine import Catalogue
from storage.model import Capture, Exchange, Outcome, Role, Site, Standing, Target, Visit
from storage.warc import reader
from storage.warc.writer import Info, Kept, Profile, Revisit, Writer

URL = "http://paper.example/node/1"
LATER = AT + timedelta(hours=1)
PAGE = message(b"<p>The council met on Thursday.</p>" * 9, "Content-Type: text/html", 'ETag: "1"')
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
ARTICLE = replace(article(), url=URL)
SITE = Site(name="paper")


class Room:
    """An archive and a catalogue in which a page was captured, read and found good."""

    def __init__(self, folder: Path) -> None:
        self.archive: Archive = create(folder / "archive")
        self.catalogue: Catalogue = opened(folder)
        self.writer = Writer(self.archive, name="w", info=Info(software="test"))
        exchange = answered(PAGE, url=URL)
        self.kept = self.writer.append(exchange, role=Role.TARGET)
        with self.catalogue.write() as db:
            sites.put(db, [SITE])
            (self.target,) = watch(db, URL)
        first = self.look(exchange, self.kept, digest=exchange.payload_digest)
        self.good_id = first.captures[0].id
        with self.catalogue.write() as db:
            texts.put(db, self.good_id, ARTICLE)
            standings.put(db, Standing(target_id=self.target.id, good_capture_id=self.good_id))

    def look(
        self, exchange: Exchange, kept: Kept, *, digest: str | None, refers_to: str | None = None
    ) -> Visit:
        """Write a visit that made this exchange."""
        self.writer.sync()
        made = Capture(
            url=URL,
            role=Role.TARGET,
            captured_at=exchange.started_at,
            outcome=exchange.outcome,
            status=exchange.status,
            record=kept.record,
            record_id=kept.record_id,
            refers_to=refers_to,
            payload_digest=digest,
            payload_bytes=exchange.payload_bytes,
        )
        done = _visit(self.target, made)
        with self.catalogue.write() as db:
            return visits.finish(db, done, claim=None, next_due_at=NOW + HOUR)

    def unchanged(self, *, asked: bool) -> Visit:
        """Write a visit that was answered 304, as a revisit where it had been asked for."""
        exchange = answered(NOT_MODIFIED, url=URL, at=LATER, outcome=Outcome.NOT_MODIFIED)
        if not asked:
            kept = self.writer.append(exchange, role=Role.TARGET)
            return self.look(exchange, kept, digest=exchange.payload_digest)
        original = reader.original(self.archive, self.kept.record)
        revisit = Revisit(original=original, profile=Profile.NOT_MODIFIED)
        kept = self.writer.append_revisit(exchange, revisit, role=Role.TARGET)
        digest, first = original.payload_digest, original.record_id
        return self.look(exchange, kept, digest=digest, refers_to=first)

    def judged(self, done: Visit, scene: Scene, articles: ArticleReader) -> Verdict:
        """Return what a visit comes to."""
        after = readings.present(done, scene, archive=self.archive, articles=articles)
        return judge(
            readings.case(
                scene,
                after,
                catalogue=self.catalogue,
                archive=self.archive,
                articles=articles,
            ),
            scene.standing,
            site=SITE,
            target=self.target,
            visit_id=done.id,
            control=scene.control,
        )

    def close(self) -> None:
        self.writer.close()
        self.catalogue.close()


def _visit(target: Target, made: Capture) -> Visit:
    return Visit(
        target_id=target.id,
        site=target.site,
        url=target.url,
        started_at=made.captured_at,
        finished_at=made.captured_at,
        outcome=made.outcome,
        status=made.status,
        captures=(made,),
    )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.close()


@pytest.fixture
def articles() -> Iterator[ArticleReader]:
    """A reader whose child is never started, because nothing here needs one."""
    with ArticleReader() as made:
        yield made


def test_a_304_that_was_asked_for_is_a_good_look_at_the_page(
    room: Room, articles: ArticleReader
) -> None:
    """It carries the article we hold, its head is the original's, and nothing is suspected."""
    done = room.unchanged(asked=True)
    scene = readings.scene(done, catalogue=room.catalogue)
    after = readings.present(done, scene, archive=room.archive, articles=articles)
    assert (after.outcome, after.status) == (Outcome.OK, 200)
    assert after.article == ARTICLE
    assert after.header("content-type") == "text/html"
    assert after.hops[-1].payload_bytes > 0
    verdict = room.judged(done, scene, articles)
    assert (verdict.events, verdict.findings) == ((), ())
    assert verdict.standing == replace(scene.standing, good_capture_id=done.captures[0].id)


def test_a_304_that_nobody_asked_for_brings_no_page(room: Room, articles: ArticleReader) -> None:
    """It has no article, so that the last good capture and its text stay what they were."""
    done = room.unchanged(asked=False)
    scene = readings.scene(done, catalogue=room.catalogue)
    after = readings.present(done, scene, archive=room.archive, articles=articles)
    assert (after.outcome, after.status) == (Outcome.NOT_MODIFIED, 304)
    assert after.article is None
    verdict = room.judged(done, scene, articles)
    assert verdict.events == ()
    assert verdict.standing == scene.standing
    assert verdict.standing.good_capture_id == room.good_id


def test_the_good_look_after_a_304_is_still_the_page(room: Room, articles: ArticleReader) -> None:
    """A second 304 is held against the first, and is as good a look as that."""
    first = room.unchanged(asked=True)
    good_id = first.captures[0].id
    with room.catalogue.write() as db:
        texts.put(db, good_id, ARTICLE)
        standings.put(db, Standing(target_id=room.target.id, good_capture_id=good_id))
    done = room.unchanged(asked=True)
    scene = readings.scene(done, catalogue=room.catalogue)
    assert room.judged(done, scene, articles).findings == ()


def test_a_damaged_record_is_said_once_and_shows_nothing(
    room: Room, articles: ArticleReader, caplog: pytest.LogCaptureFixture
) -> None:
    """The look is neither good nor bad, and is not tried again for ever."""
    changed = answered(PAGE.replace(b"Thursday", b"Saturday"), url=URL, at=LATER)
    kept = room.writer.append(changed, role=Role.TARGET)
    visit = room.look(changed, kept, digest=changed.payload_digest)
    file = room.archive.path(kept.record.file + ".open")
    data = bytearray(file.read_bytes())
    data[kept.record.offset + kept.record.length - 20] ^= 1
    file.write_bytes(data)
    scene = readings.scene(visit, catalogue=room.catalogue)
    verdict = room.judged(visit, scene, articles)
    assert verdict.events == ()
    assert verdict.standing.good_capture_id == room.good_id
    assert [one.message for one in caplog.records] == [
        "a kept record is damaged, this look is not compared; run holdfast verify"
    ]
