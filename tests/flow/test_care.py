"""What the service does for closed files: index, copies, reading again; and their repair."""

import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from closed import flip
from receivers import WebReceiver, web_receiver
from server import Page, Site
from service import Service, holdfast, listing, verb, wait_for

from storage.archive import Archive
from storage.manifest import Manifest

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"
copies = ["{place}"]
copy_catalogue_every = "1s"
fixity_every = "1s"
close_after = "1s"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
every = "1s"
delay = "0.01s"
requisites = false

[[site]]
name = "paper"
start = ["{address}/a"]
spider = "page"

[[alert]]
name = "desk"
channel = "webhook"
url = "{hook}"
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        running.pages["/a"] = Page(
            body=b"<html><title>A</title><p>A page that stays as it is.</html>"
        )
        yield running


@pytest.fixture
def desk() -> Iterator[WebReceiver]:
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "mnt" / "second"


@pytest.fixture
def service(tmp_path: Path, site: Site, desk: WebReceiver, place: Path) -> Iterator[Service]:
    folder = tmp_path / "archive"
    holdfast("init", str(folder))
    text = CONFIGURATION.format(place=place, address=site.url("").rstrip("/"), hook=desk.url)
    (folder / "holdfast.toml").write_text(text)
    running = Service(archive=folder)
    yield running
    if running.process.poll() is None:
        running.end(signal.SIGKILL)


def problems(service: Service) -> str:
    """Return what its health wants a person to see."""
    with urlopen(f"{service.address()}healthz", timeout=10) as answer:
        return "\n".join(json.load(answer)["problems"])


def damage(service: Service) -> list[dict[str, Any]]:
    """Return the events that tell of damaged files."""
    return [one for one in service.ask("events") if one["kind"] == "archive_damaged"]


def test_closed_files_are_copied_while_the_place_is_there(service: Service, place: Path) -> None:
    """A disk that is not mounted is told, never filled, and made up for when it is back."""
    archive = Archive(service.archive)
    service.start()
    wait_for(lambda: "is its disk mounted?" in problems(service))
    assert "nothing is copied to" in holdfast("status", "--archive", str(archive.root))
    assert not place.exists()

    place.mkdir(parents=True)
    wait_for(lambda: len(Manifest(place).read()) > 1)
    wait_for(lambda: problems(service) == "")
    names = list(Manifest(place).read())
    for name in names:
        assert (place / name).read_bytes() == archive.path(name).read_bytes()
        index = f"{Path(name).name}.cdxj"
        assert (place / "index" / index).read_bytes() == (archive.index / index).read_bytes()
    assert (place / "holdfast.toml").read_bytes() == archive.config.read_bytes()
    wait_for((place / "catalogue.db").exists)

    place.rename(place.with_name("away"))
    wait_for(lambda: "is its disk mounted?" in problems(service))
    place.mkdir()
    wait_for(lambda: "its copies are gone" in problems(service))
    place.rmdir()
    place.with_name("away").rename(place)
    wait_for(lambda: problems(service) == "")
    service.end(signal.SIGKILL)
    service.start()
    wait_for(lambda: set(Manifest(place).read()) > set(names))
    assert service.end() == 0
    for name, sha256 in Manifest(place).read().items():
        assert hashlib.sha256((place / name).read_bytes()).hexdigest() == sha256


def test_what_is_idle_is_closed_and_copied(service: Service, place: Path) -> None:
    """The records of a page that is asked for once a day are not on one disk until then."""
    configuration = service.archive / "holdfast.toml"
    text = configuration.read_text().replace('every = "1s"\ndelay', 'every = "1d"\ndelay')
    configuration.write_text(text)
    place.mkdir(parents=True)
    service.start()
    kinds = {"worker-1", "reader-notes", "service-notes"}

    def copied() -> bool:
        names = Manifest(place).read()
        return kinds <= {kind for kind in kinds if any(f"-{kind}-" in one for one in names)}

    wait_for(copied)
    # The second look of a first visit comes a second later, perhaps into files that are new.
    wait_for(lambda: not list(service.archive.rglob("*.open")))
    assert service.end() == 0


def test_damage_is_found_told_and_repaired(
    service: Service, place: Path, desk: WebReceiver
) -> None:
    """A bit flips in the original, then in the copy: all is told, and well again in the end."""
    archive = Archive(service.archive)
    place.mkdir(parents=True)
    service.start()
    wait_for(lambda: Manifest(place).read())
    (name, *_) = Manifest(place).read()
    path, good = archive.path(name), archive.path(name).read_bytes()
    flip(path)
    wait_for(lambda: f"{name} is damaged" in problems(service))
    (event,) = wait_for(lambda: damage(service))
    assert (event["url"], event["alert"], event["severity"]) == (name, True, "high")
    wait_for(lambda: any(b"archive_damaged" in one.body for one in desk.posts))
    assert (place / name).read_bytes() == good

    words = ("verify", "--archive", str(archive.root))
    assert verb(*words).returncode == 1
    said = holdfast(*words, "--repair")
    assert f"repaired: {name}: " in said
    assert path.read_bytes() == good
    wait_for(lambda: problems(service) == "")

    flip(place / name)
    wait_for(lambda: (place / name).read_bytes() == good)
    assert "copy is damaged or gone; it is made anew" in service.log()
    assert len(damage(service)) == 1
    assert service.end() == 0


def test_a_copy_restores_the_archive(service: Service, place: Path, tmp_path: Path) -> None:
    """What lies in the place is an archive: put back, it is verified and read."""
    place.mkdir(parents=True)
    service.start()
    wait_for(lambda: len(Manifest(place).read()) > 1)
    wait_for((place / "catalogue.db").exists)
    assert service.end() == 0
    wanted = Manifest(place).read()
    back = tmp_path / "back"
    shutil.copytree(place, back)
    words = ("verify", "--archive", str(back))
    faults = [line for line in verb(*words).stdout.splitlines() if line.startswith("fault")]
    # Its catalogue is younger than its files: what it names besides was still being written.
    assert all(one.startswith("fault missing_file: ") for one in faults)
    assert not [name for name in wanted if any(name in one for one in faults)]
    kept = [one for one in listing("captures", back) if one["warc_file"] in wanted]
    assert kept


def test_one_off_commands_list_and_index_what_they_close(tmp_path: Path, site: Site) -> None:
    """After a capture its file is in manifest and index; a lost index is made at the next end."""
    folder = tmp_path / "archive"
    words = ("capture", "--archive", str(folder), "--allow-address", "127.0.0.0/8")
    holdfast(*words, "--no-requisites", site.url("/a"))
    archive = Archive(folder)
    first = set(Manifest(folder).read())
    assert {archive.name(path) for path in archive.warc.rglob("*.gz")} == first
    made = {path.name: path.read_bytes() for path in archive.index.iterdir()}
    assert set(made) == {f"{Path(name).name}.cdxj" for name in first}
    assert any(b'"status": "200"' in lines for lines in made.values())
    shutil.rmtree(archive.index)
    Manifest(folder).path.unlink()
    holdfast(*words, "--no-requisites", site.url("/a"))
    assert first < set(Manifest(folder).read())
    assert {name: (archive.index / name).read_bytes() for name in made} == made
    holdfast("verify", "--archive", str(folder))
