"""The reader's backlog: looks that brought the same bytes are compared many at once."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from catalogues import HOUR, NOW, opened, watch
from exchanges import AT, answered, message
from readings import article

from crawler import backlog, flow
from crawler.chronicle import Chronicle
from crawler.killable import ArticleReader
from crawler.planner import Planner
from crawler.reader import Reader
from crawler.text.sameness import sameness
from storage.archive import create
from storage.catalogue import captures, sites, standings, texts, visits
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.model import Capture, Outcome, Role, Site, Standing, Target, Visit
from storage.warc import history
from storage.warc.statements import Judged
from storage.warc.writer import Info, Writer

LOOKS = 3
ROOT = "http://paper.example"
QUAY = {"/quay.jpg?v=1": "sha1:QUAY"}


def page(url: str, token: int = 0, picture: str = "/quay.jpg?v=1") -> bytes:
    code = f"<img src={picture}><script nonce=n{token}>token={token}</script>".encode()
    return f"<p>All of {url} is as it was.</p>".encode() * 9 + code


def _picture(path: str, digest: str, at: datetime) -> Capture:
    return Capture(
        url=ROOT + path,
        site="paper",
        role=Role.REQUISITE,
        captured_at=at,
        outcome=Outcome.OK,
        status=200,
        payload_digest=digest,
    )


class Backlog:
    """An archive with pages in good standing, and looks at them that nobody has compared."""

    def __init__(self, folder: Path) -> None:
        self.archive = create(folder / "archive")
        self.catalogue: Catalogue = opened(self.archive.root)
        self.articles = ArticleReader()
        self.writer = Writer(self.archive, name="w", info=Info(software="test"))
        self.chronicle = Chronicle(make_writer=self._no_writer)
        with self.catalogue.write() as db:
            sites.put(db, [Site(name="paper")])
            self.targets = watch(db, f"{ROOT}/1", f"{ROOT}/2", f"{ROOT}/3")
        for target in self.targets:
            first = self.look(target, number=0)
            good_id = first.captures[0].id
            with self.catalogue.write() as db:
                texts.put(db, good_id, replace(article(), url=target.url))
                standings.put(db, Standing(target_id=target.id, good_capture_id=good_id))
                visits.mark_read(db, first.id, at=NOW)
        for number in range(1, LOOKS + 1):
            for target in self.targets:
                self.look(target, number=number)

    def look(
        self, target: Target, *, number: int, token: int = 0, pictures: Mapping[str, str] = QUAY
    ) -> Visit:
        """Write a visit that brought the page as it is, and pictures by their payload digests."""
        at = AT + timedelta(minutes=number)
        body = page(target.url, token, *reversed(pictures))
        sent = message(body, "Content-Type: text/html")
        exchange = answered(sent, url=target.url, at=at)
        kept = self.writer.append(exchange, role=Role.TARGET)
        self.writer.sync()
        made = Capture(
            url=target.url,
            role=Role.TARGET,
            captured_at=at,
            outcome=exchange.outcome,
            status=exchange.status,
            record=kept.record,
            record_id=kept.record_id,
            payload_digest=exchange.payload_digest,
            payload_bytes=exchange.payload_bytes,
        )
        visit = Visit(
            target_id=target.id,
            site=target.site,
            url=target.url,
            started_at=at,
            finished_at=at,
            outcome=made.outcome,
            status=made.status,
            captures=(made, *(_picture(one, digest, at) for one, digest in pictures.items())),
        )
        with self.catalogue.write() as db:
            return visits.finish(db, visit, claim=None, next_due_at=NOW + HOUR)

    def reader(self, catalogue: Catalogue) -> Reader:
        return Reader(
            archive=self.archive,
            catalogue=catalogue,
            articles=self.articles,
            chronicle=self.chronicle,
        )

    def told(self, catalogue: Catalogue) -> list[object]:
        """Return all that a comparison changes of these pages."""
        with catalogue.read() as db:
            ids = [one.id for one in self.targets]
            stands = standings.of_targets(db, ids)
            kept = [one.id for target in ids for one in captures.of_target(db, target)]
            return [stands, texts.of_captures(db, kept), visits.backlog(db)]

    def close(self) -> None:
        self.articles.close()
        self.writer.close()
        self.catalogue.close()

    def _no_writer(self) -> Writer:
        raise AssertionError("of an unchanged page nothing is written")


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Backlog]:
    one = Backlog(tmp_path)
    yield one
    one.close()


def test_many_unchanged_looks_come_to_the_same_as_one_by_one(
    waiting: Backlog, tmp_path: Path
) -> None:
    """Standings, texts and what is left to compare are those that single comparisons leave."""
    waiting.catalogue.close()
    shutil.copy(waiting.archive.catalogue, tmp_path / "other.db")
    other = open_catalogue(tmp_path / "other.db")
    with other.read() as db:
        unread = visits.unread(db, limit=100)
    assert len(unread) == LOOKS * len(waiting.targets)
    planner = Planner()
    for visit in unread:
        flow.compare_visit(
            visit,
            archive=waiting.archive,
            catalogue=other,
            articles=waiting.articles,
            chronicle=waiting.chronicle,
            planner=planner,
        )
    assert waiting.reader(waiting.catalogue).step() == len(unread)
    stands, shown, left = waiting.told(waiting.catalogue)
    assert [stands, shown, left] == waiting.told(other)
    assert left == (0, None)
    assert isinstance(shown, dict)
    assert len(shown) == (LOOKS + 1) * len(waiting.targets)
    other.close()


def test_a_page_of_which_more_is_known_is_compared_alone(waiting: Backlog) -> None:
    """Other bytes than the last good ones, or no good look before, are left to their turn."""
    strange = replace(article(), url=f"{ROOT}/elsewhere")
    with waiting.catalogue.write() as db:
        first, second, _ = (standings.one(db, one.id) for one in waiting.targets)
        assert first.good_capture_id is not None
        texts.put(db, first.good_capture_id, strange)
        standings.put(db, replace(second, good_capture_id=None))
        unread = visits.unread(db, limit=3)
    same = flow.compare_unchanged(
        unread,
        archive=waiting.archive,
        catalogue=waiting.catalogue,
        chronicle=waiting.chronicle,
        planner=Planner(),
    )
    assert [one.url for one in unread if one.id in same] == [f"{ROOT}/3"]


def test_other_bytes_that_show_the_same_are_compared_together(
    waiting: Backlog, tmp_path: Path
) -> None:
    """No page is read again; the archive says where the page stands, as the bytes do not."""
    surface = sameness(page(waiting.targets[0].url), (("Content-Type", "text/html"),))
    first = waiting.targets[0]
    shown = replace(article(), url=first.url, surface=surface)
    with waiting.catalogue.write() as db:
        standing = standings.one(db, first.id)
        assert standing.good_capture_id is not None
        texts.put(db, standing.good_capture_id, shown)
        for one in visits.unread(db, limit=100):
            visits.mark_read(db, one.id, at=NOW)
    made = [waiting.look(one, number=9, token=1) for one in waiting.targets[:2]]
    own = create(tmp_path / "said")
    told = Chronicle(make_writer=lambda: Writer(own, name="c", info=Info(software="test")))
    same = flow.compare_unchanged(
        made,
        archive=waiting.archive,
        catalogue=waiting.catalogue,
        chronicle=told,
        planner=Planner(),
    )
    told.close()
    assert same == {made[0].id}
    good_id = made[0].captures[0].id
    with waiting.catalogue.read() as db:
        assert standings.one(db, first.id).good_capture_id == good_id
        assert texts.of_capture(db, good_id) == shown
    files = history.files_of(own)
    (said,) = (
        one for name in files for one in history.read_file(own, name) if isinstance(one, Judged)
    )
    assert said.good_record_id == made[0].captures[0].record_id


def test_a_long_backlog_is_told(waiting: Backlog) -> None:
    """Status and health say how many visits wait, and since when, once it is long."""
    with waiting.catalogue.read() as db:
        count, since = visits.backlog(db)
        assert (count, since) == (LOOKS * len(waiting.targets), AT + timedelta(minutes=1))
        assert since is not None
        assert backlog.remarks(db, now=since + timedelta(minutes=5)) == ()
        (sentence,) = backlog.remarks(db, now=since + timedelta(minutes=11))
    assert sentence.startswith(f"{count} visits wait to be compared, the oldest since ")


@pytest.mark.parametrize(
    ("pictures", "is_same"),
    [
        ({"/quay.jpg?v=2": "sha1:QUAY"}, True),
        ({"/quay.jpg?v=2": "sha1:CRANE"}, False),
        ({"/crane.jpg": "sha1:QUAY"}, False),
    ],
    ids=["a token", "another file", "another name"],
)
def test_a_picture_at_another_address_is_told_by_its_bytes(
    waiting: Backlog, tmp_path: Path, pictures: Mapping[str, str], *, is_same: bool
) -> None:
    """What follows the name of a picture's file is a token, or says that the file is another."""
    first = waiting.targets[0]
    surface = sameness(page(first.url), (("Content-Type", "text/html"),))
    with waiting.catalogue.write() as db:
        standing = standings.one(db, first.id)
        assert standing.good_capture_id is not None
        texts.put(db, standing.good_capture_id, replace(article(), url=first.url, surface=surface))
        for one in visits.unread(db, limit=100):
            visits.mark_read(db, one.id, at=NOW)
    made = waiting.look(first, number=9, pictures=pictures)
    own = create(tmp_path / "said")
    told = Chronicle(make_writer=lambda: Writer(own, name="c", info=Info(software="test")))
    same = flow.compare_unchanged(
        [made],
        archive=waiting.archive,
        catalogue=waiting.catalogue,
        chronicle=told,
        planner=Planner(),
    )
    told.close()
    assert same == ({made.id} if is_same else set())
