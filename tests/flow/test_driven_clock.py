"""The real service by a clock that the test drives: odd days, long stops, learnt plans."""

import json
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from papers import article
from server import Site
from service import Service, holdfast, listing, wait_for

from storage.catalogue import visits
from storage.catalogue.engine import open_catalogue

pytestmark = [
    pytest.mark.flow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the clock is a C library"),
]
SOURCE = Path(__file__).with_name("wallclock.c")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
every = "cron 30 2 * * *"
delay = "0.01s"
robots = "ignore"
requisites = false
spider = "page"
"""
ZONES = {
    "kolkata": "Asia/Kolkata",
    "copenhagen": "Europe/Copenhagen",
    "new-york": "America/New_York",
    "sao-paulo": "America/Sao_Paulo",
}
ODD_DAYS = [
    # São Paulo has set its clock back at midnight, Copenhagen and New York skip the very time.
    ("sao-paulo", "2018-02-17T04:30", "2018-02-18T05:30"),
    ("new-york", "2018-03-10T07:30", "2018-03-11T07:30"),
    ("copenhagen", "2018-03-24T01:30", "2018-03-25T01:30"),
    ("copenhagen", "2018-03-25T01:30", "2018-03-26T00:30"),
    ("kolkata", "2018-03-25T21:00", "2018-03-26T21:00"),
    # The time that Copenhagen repeats comes once; São Paulo and New York change on one day.
    ("copenhagen", "2018-10-28T00:30", "2018-10-29T01:30"),
    ("sao-paulo", "2018-11-03T05:30", "2018-11-04T04:30"),
    ("new-york", "2018-11-03T06:30", "2018-11-04T07:30"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Clock:
    """The wall clock of every process that is started from here."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self.file.write_bytes(struct.pack("q", 0))

    def show(self, moment: datetime) -> None:
        """Set it; it goes on from there."""
        shift = moment - datetime.now(UTC)
        nanoseconds = (shift // timedelta(microseconds=1)) * 1000
        with self.file.open("r+b") as file:  # in one write: a torn number would be another time
            file.write(struct.pack("q", nanoseconds))


@pytest.fixture
def clock(tmp_path: Path, monkeypatch) -> Clock:
    library = tmp_path / "wallclock.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    driven = Clock(tmp_path)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("WALLCLOCK_FILE", str(driven.file))
    return driven


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        for name in ZONES:
            running.pages[f"/{name}"] = article(name)
        yield running


def configure(archive: Path, site: Site) -> None:
    """Write four sites, each with its time zone and one page."""
    tables = [
        f'[[site]]\nname = "{name}"\ntime_zone = "{zone}"\nstart = ["{site.url(f"/{name}")}"]\n'
        for name, zone in ZONES.items()
    ]
    (archive / "holdfast.toml").write_text(CONFIGURATION + "\n".join(tables))


def due_times(archive: Path, name: str) -> list[datetime]:
    """Return what times the visits of a site were planned for."""
    catalogue = open_catalogue(archive / "catalogue.db", as_it_is=True)
    with closing(catalogue), catalogue.read() as db:
        made = visits.listing(db, site=name)
    return sorted(one.due_at for one in made if one.due_at is not None)


def test_fixed_words_hold_on_odd_days_and_after_a_long_stop(
    clock: Clock, site: Site, tmp_path: Path
) -> None:
    """Half past two comes once on each day of 23 and 25 hours; a week's stop is one visit late."""
    archive = tmp_path / "archive"
    clock.show(at("2018-02-16T12:00"))
    holdfast("init", str(archive))
    configure(archive, site)
    service = Service(archive=archive).start()
    try:
        wait_for(lambda: all(due_times(archive, name) for name in ZONES))
        for name, before, odd in ODD_DAYS:
            # Shortly before the last ordinary time, so that the next is planned from it.
            for moment in (at(before), at(odd)):
                clock.show(moment - SECOND)
                wait_for(lambda name=name, moment=moment: moment in due_times(archive, name))
    finally:
        assert service.end() == 0
    planned = due_times(archive, "copenhagen")
    assert len(planned) == len(set(planned)), "no time was kept twice"
    clock.show(at("2018-11-12T12:00"))
    count = len(due_times(archive, "kolkata"))
    service = Service(archive=archive).start()
    try:
        wait_for(lambda: len(due_times(archive, "kolkata")) > count)
    finally:
        assert service.end() == 0
    assert len(due_times(archive, "kolkata")) == count + 1, "one visit, not all that were missed"
    gaps = listing("visits", archive, "--gaps")
    missed = [one for one in gaps if one["cause"] == "not_running"]
    assert sum(one["visits"] for one in missed if one["site"] == "kolkata") >= 7


def test_a_page_as_it_deserves_is_planned_over_a_stop_of_a_week(
    clock: Clock, site: Site, tmp_path: Path
) -> None:
    """After a week of sleep it is looked at once, learns from the long gap, and is planned anew.

    What `explain` says of it gives its due time again. A clock set back loses no look.
    """
    archive = tmp_path / "archive"
    clock.show(at("2018-02-16T12:00"))
    holdfast("init", str(archive))
    text = CONFIGURATION.replace('"cron 30 2 * * *"', '"auto"')
    (archive / "holdfast.toml").write_text(
        f'{text}\n[[site]]\nname = "auto"\nstart = ["{site.url("/kolkata")}"]\n'
    )

    def looks() -> int:
        return len(due_times(archive, "auto"))

    def planned() -> datetime | None:
        (one,) = watched(archive)
        return datetime.fromisoformat(one["due_at"]) if one["due_at"] else None

    service = Service(archive=archive).start()
    try:
        wait_for(looks)
        clock.show(at("2018-02-23T12:00"))
        wait_for(lambda: looks() == 2)
        week_later = at("2018-02-23T12:00")
        wait_for(lambda: (due := planned()) is not None and due > week_later)
        due = planned()
        assert due is not None
        assert week_later < due <= week_later + 7 * DAY + timedelta(minutes=10)
        told = holdfast("explain", "--archive", str(archive), site.url("/kolkata"), "--json")
        numbers = json.loads(told)["numbers"]
        last = datetime.fromisoformat(numbers["looked_at"])
        assert abs(last + numbers["interval"] * DAY - due) < SECOND
        worth = numbers["edit"] + numbers["delay"] + numbers["loss"]
        assert worth <= numbers["price"] * 1.03
        assert worth == pytest.approx(numbers["price"], rel=0.03) or numbers["interval"] == 7
        count = looks()
        clock.show(at("2018-02-22T12:00"))
        clock.show(due + SECOND)
        wait_for(lambda: looks() == count + 1)
    finally:
        assert service.end() == 0


def test_a_host_gets_no_visit_more_than_it_may_have_a_day(
    clock: Clock, site: Site, tmp_path: Path
) -> None:
    """What is left over waits for the next day, and stands in the ledger as left out by rule."""
    archive = tmp_path / "archive"
    clock.show(at("2018-02-16T12:00"))
    holdfast("init", str(archive))
    pages = ", ".join(f'"{site.url(f"/{name}")}"' for name in ZONES)
    capped = "host_budget_per_day = 3\nsecond_look = false\n"
    text = CONFIGURATION.replace('"cron 30 2 * * *"', '"5m"') + capped
    (archive / "holdfast.toml").write_text(f'{text}\n[[site]]\nname = "many"\nstart = [{pages}]\n')

    def by_day() -> Counter[str]:
        catalogue = open_catalogue(archive / "catalogue.db", as_it_is=True)
        with closing(catalogue), catalogue.read() as db:
            return Counter(one.finished_at.date().isoformat() for one in visits.listing(db))

    service = Service(archive=archive).start()
    try:
        wait_for(lambda: by_day()["2018-02-16"] == 3)
        clock.show(at("2018-02-17T00:30"))
        wait_for(lambda: by_day()["2018-02-17"] == 3)
        told = json.loads(holdfast("status", "--archive", str(archive), "--json"))
    finally:
        assert service.end() == 0
    assert by_day() == {"2018-02-16": 3, "2018-02-17": 3}
    assert any("the 3 visits that it may have" in one for one in told["remarks"])
    gaps = [one for one in listing("visits", archive, "--gaps") if one["cause"] == "host_budget"]
    assert {one["result"] for one in gaps} == {"skipped"}
    assert sum(one["visits"] for one in gaps) > 1


def watched(archive: Path) -> list[dict[str, str]]:
    """Return the watch list."""
    told = holdfast("watch", "list", "--archive", str(archive), "--json")
    return [json.loads(line) for line in told.splitlines()]
