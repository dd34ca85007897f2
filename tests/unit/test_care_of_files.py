"""What is cared for without a service: listing and indexing, and what holds up nothing else."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from catalogues import HOUR, opened, visit, watch
from chronicles import chronicle
from closed import archived, closed, flip, writer
from exchanges import AT, answered, message

from crawler.care import Care, remarks, tend_files
from crawler.config import ArchiveConfig
from storage import fixity
from storage.archive import create
from storage.catalogue import captures, events, payloads, targets
from storage.fixity import Place, Progress
from storage.index import cdxj
from storage.manifest import Manifest
from storage.model import Capture, Outcome, Role
from storage.warc import history
from storage.warc.statements import Told


def test_what_is_not_listed_is_listed_if_it_is_sound(tmp_path: Path) -> None:
    """Files of an earlier release get their line and index; a damaged one is set aside."""
    archive, first = archived(tmp_path / "archive")
    _, second = archived(tmp_path / "archive", b"<p>other", name="u")
    Manifest(archive.root).path.unlink()
    flip(archive.path(first))
    assert tend_files(archive) == ()
    assert list(Manifest(archive.root).read()) == closed(archive) == [second]
    assert list(cdxj.unindexed(archive)) == []
    (says,) = remarks(archive)
    assert says.startswith(f"{first} had a fault when it was closed and is set aside")


def test_a_file_without_an_index_holds_up_no_other(tmp_path: Path) -> None:
    """One that was damaged after it was closed is told; the others are indexed."""
    archive, first = archived(tmp_path / "archive")
    _, second = archived(tmp_path / "archive", b"<p>other", name="u")
    flip(archive.path(first))
    (says,) = tend_files(archive)
    assert says.startswith(f"{first} has no index, because a record is damaged")
    assert cdxj.index_path(archive, second).exists()


def test_what_a_person_should_know_is_read_from_the_disk(tmp_path: Path) -> None:
    """Damage, what was set aside, and places without copies are told while no service runs."""
    archive, name = archived(tmp_path / "archive")
    assert remarks(archive) == ()
    flip(archive.path(name))
    checked = fixity.audit(archive, name, now=datetime.now(UTC), each=lambda _: None)
    progress = Progress(places={"/mnt/second": Place(trouble="it is not there")})
    fixity.write(archive, progress.with_checked(name, checked))
    path = archive.path(name)
    path.with_name("x.warc.gz.invalid").write_bytes(b"")
    damaged, aside, place = remarks(archive)
    assert damaged.startswith(f"{name} is damaged: ")
    assert "--repair` puts back a sound copy" in damaged
    assert "x.warc.gz had a fault when it was closed and is set aside" in aside
    assert place.startswith("nothing is copied to /mnt/second: it is not there; ")


def test_what_a_file_that_is_set_aside_has_spoilt_is_visited_again(tmp_path: Path) -> None:
    """Captures that cannot be read back say so, and their pages are due; others are left alone."""
    archive = create(tmp_path / "archive")
    catalogue = opened(archive.root)
    later = datetime.now(UTC) + 99 * HOUR
    urls = ("http://paper.example/1", "http://paper.example/2")
    with writer(archive) as out, catalogue.write() as db:
        for url, target in zip(urls, watch(db, *urls), strict=True):
            exchange = answered(message(f"<p>{url}</p>".encode() * 90), url=url)
            kept = out.append(exchange, role=Role.TARGET)
            made = Capture(
                url=url,
                role=Role.TARGET,
                captured_at=AT,
                outcome=Outcome.OK,
                record=kept.record,
                request_record=kept.request,
                record_id=kept.record_id,
                payload_digest=exchange.payload_digest,
                payload_bytes=exchange.payload_bytes,
            )
            visit(db, target, at=AT, made=[made], next_due_at=later)
        (growing,) = archive.warc.rglob("*.open")
        flip(growing, at=kept.record.offset + kept.record.length // 2)

    def tended() -> None:
        notes = chronicle(archive)
        care = Care(archive=archive, catalogue=catalogue, config=ArchiveConfig(), chronicle=notes)
        care.tend(threading.Event())
        care.tend(threading.Event())
        notes.close()

    for _ in range(2):  # also by a service that begins anew
        tended()
        with catalogue.write() as db:
            (event,) = events.listing(db)
            (good,), (bad,) = (captures.listing(db, url=url) for url in urls)
            sound, spoilt = (targets.by_url(db, url) for url in urls)
            assert sound is not None
            assert spoilt is not None
            assert spoilt.due_at is not None
            assert (sound.due_at, spoilt.due_at < later) == (later, True)
            targets.plan(db, spoilt.id, spoilt.due_at)
            assert payloads.forget(db, kept.record.file) == 0
    assert (good.outcome, bad.outcome) == (Outcome.OK, Outcome.TRUNCATED)
    assert (good.record is not None, bad.record) == (True, None)
    assert bad.reason == f"its record is damaged: {kept.record.file} is set aside as invalid"
    assert "captures of 1 page, which is visited again" in event.summary
    said = [item for name in closed(archive) for item in history.read_file(archive, name)]
    assert [one.event for one in said if isinstance(one, Told)] == [event]
    catalogue.close()
