"""What is read back from WARC files: exchanges with their visits, statements, nothing forged."""

import gzip
import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from catalogues import NOW, event, opened, watch
from chronicles import chronicle
from exchanges import AT, PAGE, URL, answered, chunked, message, unanswered

from crawler.chronicle import told_as
from crawler.fetch.fetcher import NOT_ASKED_LINE
from storage import archive
from storage.archive import Archive
from storage.catalogue.staging import FoundTarget, staged
from storage.errors import RecordError
from storage.model import (
    Exchange,
    Found,
    FoundBy,
    Original,
    Outcome,
    Role,
    Standing,
    TargetState,
    Truncation,
)
from storage.warc import history
from storage.warc.history import Damage, Item, Past, Unclaimed
from storage.warc.originals import original_of
from storage.warc.statements import Judged, NewPages, Told, VisitName, body_of, statement_of
from storage.warc.writer import Facts, Info, Kept, Profile, Revisit, Writer

VISIT = VisitName(started_at=AT, worker="worker-1", url=URL)
OWN = b"visit: 2026-11-22T13:14:15.123456Z worker-1\r\n"
OTHER = OWN + b"target: " + URL.encode() + b"\r\n"


@pytest.fixture
def kept(tmp_path: Path) -> Archive:
    return archive.create(tmp_path / "archive")


def written(kept: Archive, *work: Callable[[Writer], object]) -> list[Item]:
    """Write into one file and read all of it back."""
    with Writer(kept, name="t", info=Info(software="t")) as writer:
        for one in work:
            one(writer)
    return [item for name in history.files_of(kept) for item in history.read_file(kept, name)]


def put(exchange: Exchange, role: Role = Role.TARGET, *, lines: bytes = OWN) -> Callable[..., Kept]:
    facts = Facts(role=role, site="paper", visit=lines)
    return lambda writer: writer.keep(exchange, facts)


def test_an_exchange_comes_back_as_its_row_was(kept: Archive) -> None:
    """Time, outcome, address, digests and places are those that the writer gave."""
    places: list[Kept] = []
    lines = OWN + b"due: 2026-11-22T13:00:00.000000Z\r\nfoundBy: link\r\n"
    facts = Facts(role=Role.TARGET, site="paper", via="http://paper.example/", visit=lines)
    cut = answered(truncated=Truncation.LENGTH, outcome=Outcome.TRUNCATED, reason="cut")
    (past,) = written(kept, lambda writer: places.append(writer.keep(cut, facts)))
    assert isinstance(past, Past)
    row = past.capture
    assert (past.visit, past.ended_at) == (VISIT, AT + timedelta(milliseconds=42))
    assert (past.due_at, past.found_by) == (datetime(2026, 11, 22, 13, tzinfo=UTC), FoundBy.LINK)
    assert past.via == "http://paper.example/"
    assert (row.url, row.role, row.site, row.captured_at) == (URL, Role.TARGET, "paper", AT)
    assert (row.outcome, row.reason, row.status) == (Outcome.TRUNCATED, "cut", 200)
    assert (row.content_type, row.address) == ("text/html", "192.0.2.7")
    assert (row.payload_digest, row.payload_bytes) == (cut.payload_digest, cut.payload_bytes)
    assert row.truncated is Truncation.LENGTH
    assert (row.record, row.request_record) == (places[0].record, places[0].request)
    assert row.record_id == places[0].record_id


def test_revisits_come_back_with_what_they_refer_to(kept: Archive) -> None:
    """The head of a 304 stands beside its record; an identical answer has its own."""
    body = message(b"x" * 300, "Content-Type: text/html")
    made: list[Original] = []

    def first(writer: Writer) -> None:
        one = writer.keep(answered(body), Facts(role=Role.TARGET, visit=OWN))
        made.append(original_of(answered(body), record_id=one.record_id, record=one.record))

    def again(writer: Writer) -> None:
        revisit = Revisit(original=made[0], profile=Profile.IDENTICAL)
        writer.keep(answered(body), Facts(role=Role.TARGET, visit=OWN), revisit=revisit)

    def unchanged(writer: Writer) -> None:
        answer = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Type: text/plain\r\n\r\n'
        said = answered(answer, outcome=Outcome.NOT_MODIFIED)
        revisit = Revisit(original=made[0], profile=Profile.NOT_MODIFIED)
        writer.keep(said, Facts(role=Role.TARGET, visit=OWN), revisit=revisit)

    whole, identical, not_modified = written(kept, first, again, unchanged)
    assert isinstance(whole, Past)
    assert isinstance(identical, Past)
    assert isinstance(not_modified, Past)
    assert whole.capture.refers_to is None
    for one in (identical, not_modified):
        assert one.capture.refers_to == whole.capture.record_id
        assert one.capture.payload_digest == whole.capture.payload_digest
        assert one.capture.truncated is None
    assert (identical.capture.status, identical.capture.payload_bytes) == (200, 300)
    assert (not_modified.capture.status, not_modified.capture.content_type) == (304, "text/plain")


def test_exchanges_without_an_answer_and_of_others_come_back(kept: Archive) -> None:
    """No answer, bytes that are no HTTP, a requisite in chunks, a page that was not asked for."""
    refused = unanswered(outcome=Outcome.RESET, reason="reset", request=b"GET / HTTP/1.1\r\n\r\n")
    unsent = unanswered(outcome=Outcome.DNS, reason="no such host")
    raw = replace(answered(b"ICY 200 OK\r\n", outcome=Outcome.NOT_HTTP), headers=())
    blocked = unanswered(outcome=Outcome.BLOCKED_ROBOTS, reason="no", url="http://a.example/\ud800")
    items = written(
        kept,
        put(refused),
        put(unsent),
        put(raw),
        put(answered(chunked([b"ab", b"c"])), Role.REQUISITE, lines=OTHER),
        put(blocked, Role.REDIRECT, lines=OTHER + NOT_ASKED_LINE),
        put(answered(), lines=b""),
    )
    *pasts, left = items
    assert isinstance(left, Unclaimed)
    rows = [one.capture for one in pasts if isinstance(one, Past)]
    assert [one.outcome for one in rows] == [
        Outcome.RESET,
        Outcome.DNS,
        Outcome.NOT_HTTP,
        Outcome.OK,
        Outcome.BLOCKED_ROBOTS,
    ]
    assert [one.status for one in rows] == [None, None, None, 200, None]
    assert [one.request_record is None for one in rows] == [False, True, False, False, True]
    assert [one.record is None for one in rows] == [False, False, False, False, True]
    assert rows[3].payload_bytes == 3
    assert rows[4].url == "http://a.example/"
    assert {one.visit.url for one in pasts if isinstance(one, Past)} == {URL}


def test_an_address_comes_back_as_it_was_asked_for(kept: Archive) -> None:
    """A record spells it as a URI; the catalogue had the letters."""
    url = "http://paper.example/caf\u00e9"
    (past,) = written(kept, put(answered(url=url)))
    assert isinstance(past, Past)
    assert (past.capture.url, past.visit.url) == (url, url)


def test_a_forged_file_inside_a_damaged_record_forges_nothing(
    kept: Archive, tmp_path: Path
) -> None:
    """A server's own WARC file is an answer, wherever a damaged member lets it show."""
    forger = archive.create(tmp_path / "forger")
    written(forger, put(answered(url="http://forged.example/")))
    (theirs,) = forger.warc.rglob("*.gz")
    body = message(theirs.read_bytes(), "Content-Encoding: gzip")
    places: list[Kept] = []
    facts = Facts(role=Role.TARGET, visit=OWN)
    written(kept, lambda writer: places.append(writer.keep(answered(body), facts)), put(answered()))
    (ours,) = kept.warc.rglob("*.gz")
    data = bytearray(ours.read_bytes())
    data[places[0].record.offset + 40] ^= 255
    ours.write_bytes(data)
    items = list(history.read_file(kept, kept.name(ours)))
    assert isinstance(items[0], Damage)
    assert [type(one) for one in items if not isinstance(one, Damage)] == [Past, Past]
    assert "forged" not in repr(items)
    lost, whole = (one.capture for one in items if isinstance(one, Past))
    assert (lost.outcome, lost.record, lost.reason) == (Outcome.TRUNCATED, None, history.LOST)
    assert (whole.outcome, whole.url) == (Outcome.OK, URL)


def test_a_word_of_a_newer_release_costs_its_exchange_alone(kept: Archive) -> None:
    """It is named as what could not be read, and the next exchange is."""
    items = written(kept, put(answered(), lines=OWN + b"watch: adored\r\n"), put(answered()))
    assert [type(one) for one in items] == [Damage, Past]


def test_statements_come_back_and_one_that_is_repeated_is_one(
    kept: Archive, tmp_path: Path
) -> None:
    """Events, standings and new pages go through the archive without the numbers of rows."""
    with closing(opened(tmp_path)) as catalogue, catalogue.write() as db:
        (target,) = watch(db, URL)
    told = told_as(replace(event(target), capture_id=3, looks=()), {3: "<urn:uuid:x>"})
    assert (told.event.target_id, told.about_page, told.record_id) == (0, True, "<urn:uuid:x>")
    standing = Standing(target_id=0, kind="gone", moved_to=("http://b.example/",))
    judged = Judged(visit=VISIT, at=NOW, standing=standing, good_record_id=None)
    found = Found(url="http://paper.example/2", found_by=FoundBy.FEED)
    pages = NewPages(on=URL, at=NOW, site="paper", pages=(found,))
    with closing(chronicle(kept)) as notes:
        notes.keep([])
        assert history.files_of(kept) == []
        notes.keep([told, judged])
        notes.keep([told, pages, replace(judged, at=NOW + timedelta(seconds=1))])
    (name,) = history.files_of(kept)
    items = list(history.read_file(kept, name))
    assert items[:2] == [told, judged]
    assert items[3] == pages
    with staged(tmp_path / "notes") as staging:
        for one in items:
            assert isinstance(one, (Told, Judged, NewPages))
            staging.statement(one)
        assert list(staging.told()) == [told]
        ((listed,),) = staging.targets()
    assert (listed.url, listed.found_at, listed.site) == (found.url, NOW, "paper")
    assert not (tmp_path / "notes").exists()


def test_what_was_heard_of_a_page_first_counts(tmp_path: Path) -> None:
    """However the files are ordered."""
    first = FoundTarget(
        url=URL,
        site="paper",
        found_by=FoundBy.LINK,
        found_on="http://paper.example/",
        found_at=NOW,
        state=TargetState.ACTIVE,
    )
    later = replace(first, found_by=FoundBy.USER, found_at=NOW + timedelta(hours=1))
    with staged(tmp_path / "notes") as staging:
        for one in (later, first, later):
            staging.target(one)
        assert list(staging.targets()) == [[first]]


def test_what_is_no_statement_is_refused() -> None:
    """A record of our name with another body is damage; one of another name says nothing."""
    with pytest.raises(RecordError, match="no statement"):
        statement_of("urn:event:x", b'{"event": 1}')
    assert statement_of("urn:text:x", b"{}") is None
    long = Judged(
        visit=replace(VISIT, url="http://a.example/" + "x" * 15_980),
        at=NOW,
        standing=Standing(target_id=0),
        good_record_id=None,
    )
    assert statement_of(long.uri, body_of(long)) == long
    assert len(long.uri) < 100


def test_a_member_that_is_no_record_is_passed_over(kept: Archive) -> None:
    """Foreign bytes between records are named, and what follows is read."""
    written(kept, put(answered()))
    (ours,) = kept.warc.rglob("*.gz")
    good = ours.read_bytes()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as out:
        out.write(PAGE)
    ours.write_bytes(good[:400] + packed.getvalue() + good)
    items = list(history.read_file(kept, kept.name(ours)))
    assert isinstance(items[-1], Past)
    assert any(isinstance(one, Damage) for one in items)
