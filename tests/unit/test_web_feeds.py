"""The feeds that the service gives out: of the whole archive, and of each site."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from catalogues import NOW, event, opened, watch

from crawler.feed import read
from crawler.health import Health
from crawler.web.app import make_app
from storage.archive import create
from storage.catalogue import events, sites
from storage.catalogue.engine import open_catalogue
from storage.model import Alert, Site

HEALTH = Health(
    ok=True,
    workers=(),
    reader_alive=True,
    scheduler_alive=True,
    last_tick_at=NOW,
    disk_free_bytes=1,
)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    archive = create(tmp_path_factory.mktemp("feeds") / "archive")
    _fill(archive.root)
    catalogue = open_catalogue(archive)
    app = make_app(
        catalogue=catalogue,
        archive=archive,
        health=lambda: HEALTH,
        allowed_hosts=(),
        now=lambda: NOW,
        started_at=NOW,
    )
    with _serving(app) as port:
        yield port
    catalogue.close()


def _fill(root: Path) -> None:
    catalogue = opened(root)
    with catalogue.write() as db:
        sites.put(db, [Site(name="paper"), Site(name="herald")])
        (here,) = watch(db, "https://a.example/1")
        (there,) = watch(db, "https://b.example/<2>", site="herald")
        events.put(db, event(here, 1))
        events.put(db, event(there, 2))
        events.put(db, replace(event(there, 3), alert=Alert.NONE))
    catalogue.close()


@contextmanager
def _serving(app: object) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off")  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str | None, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request(method, path)
    answer = client.getresponse()
    said = (answer.status, answer.headers["Content-Type"], answer.read())
    client.close()
    return said


def test_the_feed_of_the_archive_has_what_is_told(port: int) -> None:
    """Each told event once, leading to its page here; what is only counted is no news."""
    status, kind, body = ask(port, "/feed.atom")
    assert (status, kind) == (200, "application/atom+xml")
    found = {one.link for one in read(body)}
    assert found == {f"http://127.0.0.1:{port}/events/event-{n}" for n in (1, 2)}
    assert f'rel="self" type="application/atom+xml" href="http://127.0.0.1:{port}/'.encode() in body
    assert ask(port, "/feed.atom?limit=1")[2].count(b"<entry>") == 1
    assert ask(port, "/feed.atom", "HEAD")[::2] == (200, b"")


def test_each_site_has_its_own(port: int) -> None:
    """A feed holds the events of its site and says whose it is; a site that is none has none."""
    status, _, body = ask(port, "/sites/herald/feed.atom")
    assert status == 200
    assert b"<title>Holdfast: herald</title>" in body
    assert [one.link[-7:] for one in read(body)] == ["event-2"]
    assert ask(port, "/sites/nothing/feed.atom")[0] == 404
    assert ask(port, "/feed.atom?limit=0")[0] == 400


def test_the_pages_lead_to_their_feeds(port: int) -> None:
    """A feed reader finds the feed by the page of events, and a person its link."""
    for page, feed in (("/events", "/feed.atom"), ("/events?site=paper", "/sites/paper/feed.atom")):
        body = ask(port, page)[2].decode()
        assert f'type="application/atom+xml" title="Events" href="{feed}"' in body
        assert f'<a href="{feed}">' in body
