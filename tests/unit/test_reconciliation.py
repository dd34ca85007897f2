"""After a crash files and catalogue agree again, and a person is told in two lines."""

from datetime import timedelta
from pathlib import Path

import pytest
from catalogues import NOW, opened, watch
from exchanges import URL, answered

from crawler.reconciliation import recover_all, sentences
from storage.archive import Archive, create
from storage.catalogue import captures, targets, visits
from storage.catalogue.engine import Catalogue
from storage.catalogue.visits import Finished
from storage.model import Capture, Outcome, Role, Target, Visit
from storage.warc import fields, reader
from storage.warc.writer import Facts, Info, Kept, Writer

LATER = NOW + timedelta(days=30)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return create(tmp_path / "archive")


@pytest.fixture
def catalogue(archive: Archive):
    one = opened(archive.root)
    with one.write() as db:
        watch(db, URL, due_at=LATER)
    yield one
    one.close()


def target_of(catalogue: Catalogue) -> Target:
    with catalogue.read() as db:
        (target,) = targets.listing(db)
    return target


def of_visit(number: int) -> bytes:
    """Return what the metadata record says of the visit it is of."""
    at = fields.warc_date(NOW + timedelta(minutes=number))
    return fields.named_fields((("visit", f"{at} worker-1"),))


def written(archive: Archive, *numbers: int, role: Role = Role.TARGET) -> list[Kept]:
    """Write an exchange for each of these visits, and die."""
    # The clock of the file's name is not that of the visits.
    with Writer(archive, name="w", info=Info(software="x"), clock=lambda: NOW) as writer:
        kept = [
            writer.keep(answered(), Facts(role=role, site="paper", visit=of_visit(number)))
            for number in numbers
        ]
    (path,) = archive.warc.rglob("*.warc.gz")
    path.rename(f"{path}.open")
    return kept


def enter(catalogue: Catalogue, kept: Kept, number: int) -> Visit:
    """Write the row of an exchange."""
    target = target_of(catalogue)
    at = NOW + timedelta(minutes=number)
    capture = Capture(
        url=URL,
        role=Role.TARGET,
        captured_at=at,
        outcome=Outcome.OK,
        status=200,
        record=kept.record,
        request_record=kept.request,
        record_id=kept.record_id,
    )
    visit = Visit(
        target_id=target.id,
        site="paper",
        url=URL,
        worker="worker-1",
        started_at=at,
        finished_at=at,
        outcome=Outcome.OK,
        status=200,
        captures=(capture,),
    )
    with catalogue.write() as db:
        (done,) = visits.finish_all(db, [Finished(visit=visit, claim=None, next_due_at=LATER)])
    assert isinstance(done, Visit)
    return done


def test_an_exchange_killed_before_its_row_gets_it(archive: Archive, catalogue: Catalogue) -> None:
    """Between sync and commit nothing is lost: the row is made of the records, and told."""
    first, second, third = written(archive, 1, 2, 3)
    enter(catalogue, second, 2)
    found = recover_all(archive, catalogue, now=NOW)
    assert [one.offset for one in found.recovered.unlisted] == [
        one.request.offset for one in (first, third) if one.request is not None
    ]
    assert found.entered == 2
    with catalogue.read() as db:
        listed = captures.listing(db)
        made = visits.listing(db)
    assert {one.record for one in listed} == {one.record for one in (first, second, third)}
    assert {one.started_at - NOW for one in made} == {timedelta(minutes=n) for n in (1, 2, 3)}
    assert len({(one.outcome, one.status, one.worker) for one in made}) == 1
    for one in listed:
        assert one.record is not None
        assert reader.page(archive, one.record, limit_bytes=10**6).body
    (said,) = sentences(found)
    assert "2 exchanges that the catalogue did not know yet it knows now" in said
    assert list(sentences(recover_all(archive, catalogue, now=NOW))) == []


def test_a_look_before_the_last_known_one_is_listed_and_no_news(
    archive: Archive, catalogue: Catalogue
) -> None:
    """While a service runs, its page may have been looked at again before the row is made."""
    _, second = written(archive, 1, 2)
    later = enter(catalogue, second, 60 * 24 * 60)
    assert recover_all(archive, catalogue, now=NOW).entered == 1
    with catalogue.read() as db:
        assert len(visits.listing(db)) == 2
        assert [one.id for one in visits.unread(db, limit=9)] == [later.id]


def test_what_is_not_of_a_known_page_stays_in_the_file(
    archive: Archive, catalogue: Catalogue
) -> None:
    """A visit that was cut short before its page had come is told, and gets no row."""
    written(archive, 1, role=Role.ROBOTS)
    found = recover_all(archive, catalogue, now=NOW)
    assert (len(found.recovered.unlisted), found.entered) == (1, 0)
    (said,) = sentences(found)
    assert "1 exchange of visits that were cut short stay in the files unlisted" in said


def test_a_row_without_its_record_is_loud_and_its_page_is_due(
    archive: Archive, catalogue: Catalogue
) -> None:
    """A disk that lost what it had confirmed is told; the capture is called one no more."""
    first, second = written(archive, 1, 2)
    enter(catalogue, first, 1)
    enter(catalogue, second, 2)
    assert target_of(catalogue).due_at == LATER
    (path,) = archive.warc.rglob("*.open")
    with path.open("r+b") as file:
        file.truncate(second.record.offset + 5)
    found = recover_all(archive, catalogue, now=NOW)
    assert [one.offset for one in found.recovered.lost] == [second.record.offset]
    assert target_of(catalogue).due_at == NOW
    with catalogue.read() as db:
        outcomes = {one.outcome: one.record for one in captures.listing(db)}
    assert outcomes == {Outcome.OK: first.record, Outcome.TRUNCATED: None}
    told = list(sentences(found))
    assert len(told) == 2
    assert "1 record that the catalogue names is not in the files" in told[1]


def test_damage_before_a_known_record_cuts_nothing(archive: Archive, catalogue: Catalogue) -> None:
    """What lies behind a damaged stretch is sound, and stays."""
    first, second = written(archive, 1, 2)
    enter(catalogue, second, 2)
    (path,) = archive.warc.rglob("*.open")
    size_bytes = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(first.record.offset + 20)
        file.write(b"\xff" * 20)
    found = recover_all(archive, catalogue, now=NOW)
    assert [one.offset for one in found.recovered.damaged] == [first.record.offset]
    assert found.recovered.torn == ()
    (kept,) = archive.warc.rglob("*.warc.gz*")  # set aside, because it would not verify
    assert kept.stat().st_size == size_bytes
    assert "1 stretch between sound records cannot be read" in list(sentences(found))[-1]


def test_what_the_catalogue_knows_is_not_read_again(archive: Archive, catalogue: Catalogue) -> None:
    """Of records with a row only the last is read: a large file costs what is new in it."""
    first, second = written(archive, 1, 2)
    enter(catalogue, first, 1)
    enter(catalogue, second, 2)
    (path,) = archive.warc.rglob("*.open")
    with path.open("r+b") as file:  # unread, so unseen here; verify reads all
        file.seek(first.record.offset + 20)
        file.write(b"\xff" * 20)
    found = recover_all(archive, catalogue, now=NOW).recovered
    assert (found.damaged, found.lost, found.unlisted) == ((), (), ())
