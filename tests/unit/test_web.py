"""The web application, over a real server on the loopback and a real archive with rows in it."""

import http.client
import io
import json
import re
import socket
import threading
import time
from base64 import b32encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from crawler.health import Health, WorkerHealth
from crawler.listing import capture_dict, event_dict
from crawler.web.app import make_app
from storage.archive import Archive, create
from storage.catalogue import (
    captures,
    deliveries,
    events,
    missing,
    sites,
    standings,
    targets,
    texts,
    visits,
)
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.model import (
    Alert,
    Article,
    Axis,
    Block,
    Capture,
    Event,
    Exchange,
    Finding,
    Found,
    FoundBy,
    Look,
    Missing,
    Outcome,
    Phase,
    RecordRef,
    RequisiteKind,
    Role,
    Severity,
    Signal,
    Site,
    Standing,
    Target,
    Visit,
)
from storage.warc.derived import Info
from storage.warc.writer import Writer

NOW = datetime(2026, 11, 22, 13, 9, 5, tzinfo=UTC)
SITE = Site(name="the-herald", start=("http://herald.example/",), alerts=("desk",))
EVIL = "http://herald.example/\u202egpj.exe?<script>alert(1)</script>&\x1b[31m"
WELL = Health(
    ok=True,
    workers=(WorkerHealth(name="worker-1", pid=4121, alive=True, restarts=2),),
    reader_alive=True,
    scheduler_alive=True,
    last_tick_at=NOW,
    disk_free_bytes=812_000_000_000,
)
ILL = replace(WELL, ok=False, problems=("the disk is <full>; captures pause; make room",))
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@dataclass
class Desk:
    """A served archive, and the health it is said to have."""

    port: int
    archive: Archive
    catalogue: Catalogue
    health: Health


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, Catalogue]]:
    archive = create(tmp_path_factory.mktemp("web") / "archive")
    catalogue = open_catalogue(archive)
    fill(archive, catalogue)
    yield archive, catalogue
    catalogue.close()


@pytest.fixture(scope="module")
def served(filled: tuple[Archive, Catalogue]) -> Iterator[Desk]:
    archive, catalogue = filled
    with serving(archive, catalogue) as desk:
        yield desk


@pytest.fixture
def desk(served: Desk) -> Desk:
    served.health = WELL
    return served


@contextmanager
def serving(
    archive: Archive, catalogue: Catalogue, *, health: Callable[[], Health] | None = None
) -> Iterator[Desk]:
    listener = socket.create_server(("127.0.0.1", 0))
    desk = Desk(listener.getsockname()[1], archive, catalogue, WELL)
    app = make_app(
        catalogue=catalogue,
        archive=archive,
        health=health or (lambda: desk.health),
        allowed_hosts=["archive.example:8440", "::2"],
        now=lambda: NOW,
        started_at=NOW - timedelta(hours=3),
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield desk
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def get(desk: Desk, path: str, *, method: str = "GET", host: str | None = None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=10)
    try:
        headers = {"Host": host if host is not None else f"127.0.0.1:{desk.port}"}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.msg, answer.read().decode())
    finally:
        connection.close()


# --- rows -------------------------------------------------------------------------------------


def fill(archive: Archive, catalogue: Catalogue) -> None:
    """One edited page, one page gone, one suspected, one with a hostile address, one dead host."""
    urls = [f"http://herald.example/{name}" for name in ("edited", "gone", "doubtful")]
    urls += [EVIL, "http://lost.example/"]
    with catalogue.write() as db:
        sites.put(db, [SITE])
        made = targets.add(
            db,
            [Found(url=url, found_by=FoundBy.LINK, found_on=SITE.start[0]) for url in urls],
            site=SITE.name,
            now=NOW - timedelta(days=9),
            due_at=NOW + timedelta(minutes=7),
        )
        edited, gone, doubtful, evil, lost = sorted(made, key=lambda one: urls.index(one.url))
        before = visited(db, edited, at=NOW - timedelta(days=2), record=kept(archive, edited.url))
        after = visited(db, edited, at=NOW - timedelta(hours=2))
        bad = visited(db, gone, at=NOW - timedelta(hours=1), outcome=Outcome.CLIENT_ERROR)
        visited(db, evil, at=NOW - timedelta(minutes=2))
        visited(db, lost, at=NOW - timedelta(minutes=1), outcome=Outcome.DNS)
        texts.put(
            db,
            after.id,
            Article(
                url=edited.url,
                headline="Twelve <dead>",
                blocks=(Block(kind="paragraph", text="The ministry confirmed it."),),
            ),
        )
        standings.put(db, suspect(doubtful))
        missing.put(db, [lacked(doubtful)])
        for event in (edit(edited, before, after), loss(gone, bad), evil_event(evil)):
            assert events.put(db, event)
            deliveries.enqueue(db, event, alerts=["desk"], at=NOW, gather=False)
        [first, *_] = deliveries.listing(db)
        deliveries.failed(db, first.id, error="410 Gone", next_try_at=None)


def lacked(target: Target) -> Missing:
    return Missing(
        target_id=target.id,
        site=target.site,
        url="http://herald.example/<photo>.jpg",
        kind=RequisiteKind.IMAGE,
        via=target.url,
        outcome=Outcome.CLIENT_ERROR,
        status=404,
        tries=1,
        since_at=NOW,
        next_try_at=NOW + timedelta(hours=1),
    )


def kept(archive: Archive, url: str) -> tuple[RecordRef, RecordRef]:
    body = b"<h1>Twelve</h1>"
    head = b"HTTP/1.1 200 OK\r\nX-Odd:  <b>\r\nContent-Length: %d\r\n\r\n" % len(body)
    exchange = Exchange(
        url=url,
        method="GET",
        started_at=NOW - timedelta(days=2),
        took=timedelta(seconds=1),
        outcome=Outcome.OK,
        reason="",
        request=b"GET /edited HTTP/1.1\r\nHost: herald.example\r\nCookie: sid=secret\r\n\r\n",
        answer=io.BytesIO(head + body),
        answer_bytes=len(head + body),
        head_bytes=len(head),
        status=200,
        headers=(("X-Odd", "<b>"), ("Content-Length", str(len(body)))),
        block_digest=digest(head + body),
        payload_digest=digest(body),
        payload_bytes=len(body),
    )
    with Writer(archive, name="test", info=Info(software="test"), max_bytes=1 << 30) as writer:
        written = writer.append(exchange, role=Role.TARGET)
        writer.sync()
    assert written.record is not None
    assert written.request is not None
    return written.record, written.request


def digest(data: bytes) -> str:
    return "sha1:" + b32encode(sha1(data, usedforsecurity=False).digest()).decode()


def visited(db, target: Target, *, at: datetime, outcome=Outcome.OK, record=None) -> Capture:
    status = {Outcome.OK: 200, Outcome.CLIENT_ERROR: 404}.get(outcome)
    missing = RecordRef(file="warc/2026/11/TEST.warc.gz", offset=77, length=99, digest=None)
    refs = record or ((missing, missing) if status else (None, None))
    capture = Capture(
        url=target.url,
        role=Role.TARGET,
        captured_at=at,
        outcome=outcome,
        reason="" if status else "the name server does not know lost.example",
        status=status,
        record=refs[0],
        request_record=refs[1],
        payload_digest=digest(target.url.encode()) if status else None,
    )
    visit = Visit(
        target_id=target.id,
        site=target.site,
        url=target.url,
        started_at=at,
        finished_at=at,
        outcome=outcome,
        reason=capture.reason,
        status=status,
        captures=(capture,),
    )
    due_at = NOW + timedelta(minutes=7)
    return visits.finish(db, visit, claim=None, next_due_at=due_at).captures[0]


def suspect(target: Target) -> Standing:
    since = NOW - timedelta(minutes=5)
    looks = tuple(
        Look(visit_id=1, at=at, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
        for at in (since, since + timedelta(minutes=2))
    )
    return Standing(target_id=target.id, phase=Phase.SUSPECT, kind="gone", since=since, looks=looks)


def edit(target: Target, before: Capture, after: Capture) -> Event:
    return Event(
        id="edit-1",
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="substantive_edit",
        axis=Axis.CONTENT,
        alert=Alert.NOW,
        severity=Severity.NOTICE,
        summary="Two words & [-twelve-] {+fourteen+} changed.",
        captured_at=after.captured_at,
        capture_id=after.id,
        before_capture_id=before.id,
        findings=(finding("substantive_edit", Axis.CONTENT),),
        diff="The ministry said [-twelve-] {+<b>fourteen</b>+} people had died.",
    )


def loss(target: Target, capture: Capture) -> Event:
    return Event(
        id="loss-1",
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="gone",
        axis=Axis.AVAILABILITY,
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary="The page is gone.",
        captured_at=capture.captured_at,
        confirmed_at=NOW - timedelta(minutes=3),
        phase=Phase.CONFIRMED,
        capture_id=capture.id,
        findings=(finding("gone", Axis.AVAILABILITY),),
        looks=suspect(target).looks,
    )


def evil_event(target: Target) -> Event:
    return Event(
        id="<evil>?#",
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="moved",
        axis=Axis.CONTENT,
        alert=Alert.NONE,
        severity=Severity.INFO,
        summary="Moved to javascript:alert(1)",
        captured_at=NOW - timedelta(minutes=2),
    )


def finding(kind: str, axis: Axis) -> Finding:
    return Finding(
        kind=kind,
        axis=axis,
        rule="words",
        alert=Alert.NOW,
        severity=Severity.NOTICE,
        summary="Words differ.",
        signals=(Signal(name="survival", value="0.82", threshold="< 0.85"),),
        details={"moved_to": "http://elsewhere.example/"},
    )


# --- reading a page back ----------------------------------------------------------------------


class Elements(HTMLParser):
    """What a page is made of: its elements with attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def own_paths(desk: Desk) -> list[str]:
    """Every page of ours that can be reached from the first one by its links."""
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        links = [one["href"] for one in Elements(get(desk, path).text).all("a")]
        waiting += [one.partition("#")[0] for one in links if one and one.startswith("/")]
    return sorted(seen)


# --- claims -----------------------------------------------------------------------------------


def test_the_first_page_answers_what_a_person_asks_first(desk):
    """Health, sites, suspicions, events with their words, captures and next visits on one page."""
    page = Elements(get(desk, "/").text)
    words = " ".join(page.words.split())
    assert "All is well" in words
    assert "5 pages watched on 1 site" in words
    assert "1 of 1 running" in words
    for heading in ("Suspected now", "Last events", "Sites", "Last captures", "Next visits"):
        assert heading in words
    assert "2 of 5" in words
    assert re.search(r"2026-11-22 13:16:05 in 7 min 2026-11-22 \d\d:\d\d:\d\d in [5-8] h", words)
    assert "404 Not Found page denied or missing" in words
    assert "host name not found: the name server does not know lost.example" in words
    assert "TEST.warc.gz" in words
    assert "1 given up" in words
    assert words.index("The page is gone.") < words.index("Two words & twelve fourteen changed.")


def test_removed_and_added_words_are_marked_as_such(desk):
    """A word diff becomes del and ins elements; the page's own markup stays text."""
    text = get(desk, "/events/edit-1").text
    assert "<del>twelve</del>" in text
    assert "<ins>&lt;b&gt;fourteen&lt;/b&gt;</ins>" in text
    assert "<h1>Two words &amp; <del>twelve</del> <ins>fourteen</ins> changed.</h1>" in text


def test_an_event_shows_its_evidence(desk):
    """Findings with signals and thresholds, looks, and both captures with their records."""
    words = Elements(get(desk, "/events/edit-1").text).words
    for proof in ("survival", "0.82", "< 0.85", "http://elsewhere.example/", "offset 77, 99 bytes"):
        assert proof in words
    assert digest(b"http://herald.example/edited") in words
    looks = Elements(get(desk, "/events/loss-1").text).words
    assert "2026-11-22 13:06:05" in looks
    assert "First bad look" in looks


def test_a_capture_shows_what_the_wire_carried_but_no_secret(desk):
    """The heads come from the WARC itself; cookies and credentials stay in the record."""
    with desk.catalogue.read() as db:
        first, second, *_ = captures.listing(db, url="http://herald.example/edited")
    text = get(desk, f"/captures/{first.id}").text
    words = Elements(text).words
    assert "GET /edited HTTP/1.1" in words
    assert "X-Odd:  <b>" in words
    assert "secret" not in text
    assert "Cookie: (kept in the record, not shown)" in words
    assert "Twelve <dead>" in Elements(get(desk, f"/captures/{second.id}").text).words


def test_a_record_that_is_missing_is_said(desk):
    """A capture whose WARC file is not there has a page, and the page says so."""
    with desk.catalogue.read() as db:
        [capture] = captures.listing(db, url="http://herald.example/gone")
    answer = get(desk, f"/captures/{capture.id}")
    assert answer.status == 200
    assert "unreadable: the file is missing" in answer.text


def test_a_target_is_found_by_its_address(desk):
    """Its page tells standing, visits, events and what it is missing; an unknown one is a 404."""
    answer = get(desk, "/targets?url=" + quote("http://herald.example/doubtful", safe=""))
    assert answer.status == 200
    assert "suspected: gone" in Elements(answer.text).words
    assert "http://herald.example/&lt;photo&gt;.jpg" in answer.text
    assert "404 Not Found" in answer.text
    edited = get(desk, "/targets?url=" + quote("http://herald.example/edited", safe=""))
    assert "Missing to be shown" not in edited.text
    assert get(desk, "/targets").status == 200
    unknown = get(desk, "/targets?url=" + quote("http://herald.example/never", safe=""))
    assert unknown.status == 404
    assert "is not watched" in unknown.text


def test_every_link_of_ours_leads_to_a_page(desk):
    """All pages that can be reached answer 200, also those of hostile names."""
    paths = own_paths(desk)
    assert len(paths) > 12
    assert [path for path in paths if get(desk, path).status != 200] == []


def test_no_page_obeys_what_comes_from_the_web(desk):
    """No script, style or handler, no raw control or bidi character, links only http(s)."""
    for path in own_paths(desk):
        text = get(desk, path).text
        page = Elements(text)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), path
        assert page.all("script") == []
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name == "style" or name.startswith("on")], (
                tag
            )
        for link in page.all("a"):
            href = link["href"] or ""
            if href.startswith(("/", "#")) and not href.startswith("//"):
                continue
            assert href.startswith("http://")
            assert "noreferrer" in (link["rel"] or "")


def test_nothing_is_loaded_from_elsewhere(desk):
    """Every picture, sheet and form is ours, and is there."""
    page = Elements(get(desk, "/").text)
    addresses = [one["src"] for one in page.all("img")] + [one["href"] for one in page.all("link")]
    assert len(addresses) == 3
    for address in addresses:
        assert address is not None
        assert address.startswith("/static/")
        assert get(desk, address).status == 200
    assert [one["action"] for one in page.all("form")] == ["/targets"]
    assert "url(" not in get(desk, "/static/holdfast.css").text
    assert "@import" not in get(desk, "/static/holdfast.css").text


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/metrics", "/static/holdfast.css", "/nothing", "/api/v1/events"]
)
def test_every_answer_carries_the_headers_of_safety(desk, path):
    """CSP and its companions stand on pages, faults, probes and files alike; no cookie is set."""
    headers = get(desk, path).headers
    assert headers["Content-Security-Policy"] == CSP
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Set-Cookie"] is None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8440", 200),
        ("[::1]:8440", 200),
        ("[::2]", 200),
        ("archive.example", 200),
        ("archive.example.:443", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.0.0.1", 421),
        ("localhost@evil.example", 400),
        ("localhost/evil", 400),
        ("", 400),
    ],
)
def test_only_our_own_names_are_answered(desk, host, status):
    """A name that was pointed at us from outside reads nothing (DNS rebinding)."""
    answer = get(desk, "/api/v1/events", host=host)
    assert answer.status == status
    assert ("herald" in answer.text) == (status == 200)
    assert answer.headers["Content-Security-Policy"] == CSP


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_web_only_reads(desk, method):
    """Nothing but GET and HEAD is answered."""
    assert get(desk, "/", method=method).status == 405
    assert get(desk, "/events/edit-1", method=method).status == 405


def test_a_head_has_no_body(desk):
    """HEAD gives the headers of GET and nothing else."""
    answer = get(desk, "/", method="HEAD")
    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/captures/99999", 404),
        ("/captures/one", 400),
        ("/captures/99999999999999999999999", 400),
        ("/events/none", 404),
        ("/events?limit=0", 400),
        ("/sites/none", 404),
        ("/sites/the-herald?after=-1", 400),
        ("/?refresh=later", 400),
        ("/targets?url=" + "a" * 20_000, 400),
        ("/static/../app.py", 404),
        ("/static/%2e%2e/app.py", 404),
        ("/docs", 404),
        ("/openapi.json", 404),
        ("/%00", 404),
        ("/events/%00", 404),
        ("/targets?url=%00%ff", 404),
    ],
)
def test_a_wrong_address_gets_a_plain_answer(desk, path, status):
    """What is not there or not understood is a page with a status, never a fault of ours."""
    answer = get(desk, path)
    assert answer.status == status
    assert "To the overview" in answer.text or "is not watched" in answer.text


def test_health_is_told_to_machines(desk):
    """200 while well, 503 when not, with the same facts as the first page."""
    well = get(desk, "/healthz")
    assert (well.status, json.loads(well.text)["ok"]) == (200, True)
    assert json.loads(well.text)["workers"] == [
        {"name": "worker-1", "pid": 4121, "alive": True, "restarts": 2}
    ]
    desk.health = ILL
    ill = get(desk, "/healthz")
    assert ill.status == 503
    assert json.loads(ill.text)["problems"] == list(ILL.problems)
    front = get(desk, "/").text
    assert "Not well" in front
    assert "the disk is &lt;full&gt;" in front


def test_the_first_page_renews_itself_only_when_asked(desk):
    """Nobody's reading is interrupted unasked; the page offers it."""
    assert Elements(get(desk, "/").text).all("meta")[-1].get("http-equiv") is None
    asked = Elements(get(desk, "/?refresh=10").text).all("meta")[-1]
    assert asked == {"http-equiv": "refresh", "content": "10"}


def test_metrics_say_what_the_catalogue_says(desk):
    """The text is Prometheus's own, every name is ours, and the numbers are those of the rows."""
    answer = get(desk, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    samples = {
        (one.name, *one.labels.values()): one.value for family in families for one in family.samples
    }
    assert all(family.name.startswith("holdfast_") for family in families)
    assert all(family.documentation for family in families)
    assert samples["holdfast_healthy",] == 1
    assert samples["holdfast_targets",] == 5
    assert samples["holdfast_visits_total",] == 5
    assert samples["holdfast_captures_total",] == 4
    assert samples["holdfast_events_total",] == 3
    assert samples["holdfast_visit_outcomes_total", "dns"] == 1
    assert samples["holdfast_deliveries", "given_up"] == 1
    assert samples["holdfast_site_suspects", "the-herald"] == 1
    assert samples["holdfast_worker_restarts_total", "worker-1"] == 2
    assert samples["holdfast_lateness_seconds",] == 0


def test_every_metric_is_documented(desk):
    """A metric nobody can look up is a number without a meaning."""
    text = (Path(__file__).parents[2] / "docs/web.md").read_text()
    samples = re.findall(r"^(holdfast_\w+)", get(desk, "/metrics").text, re.MULTILINE)
    assert len(set(samples)) > 15
    assert [name for name in samples if f"`{name}" not in text] == []


def test_the_api_speaks_as_the_commands_do(desk):
    """Events and captures have the keys of the listings; filters and pages work."""
    with desk.catalogue.read() as db:
        told = [event_dict(one) for one in events.listing(db)]
        made = [capture_dict(one) for one in captures.listing(db)]
    assert json.loads(get(desk, "/api/v1/events").text) == told
    assert json.loads(get(desk, "/api/v1/captures").text) == made
    after = get(desk, f"/api/v1/captures?after={made[1]['id']}&limit=1")
    assert json.loads(after.text) == [made[2]]
    none = get(desk, "/api/v1/events?since=2026-11-23T00:00:00")
    assert json.loads(none.text) == []
    [site] = json.loads(get(desk, "/api/v1/sites").text)
    assert (site["site"], site["targets"], site["suspects"]) == ("the-herald", 5, 1)
    assert get(desk, "/api/v1/events?limit=x").status == 400
    assert "error" in json.loads(get(desk, "/api/v1/nothing").text)


def test_a_catalogue_that_cannot_be_read_is_said(tmp_path):
    """A broken catalogue gives 503 with its reason, on pages and in the API."""
    archive = create(tmp_path / "archive")
    catalogue = open_catalogue(archive)
    catalogue.close()
    archive.catalogue.write_bytes(b"no catalogue at all " * 500)
    for file in tmp_path.glob("archive/catalogue.db-*"):
        file.unlink()
    with serving(archive, catalogue) as desk:
        page, api = get(desk, "/"), get(desk, "/api/v1/events")
    catalogue.close()
    assert (page.status, api.status) == (503, 503)
    assert "could not be read" in page.text
    assert "could not be read" in json.loads(api.text)["error"]
    assert page.headers["Content-Security-Policy"] == CSP


def test_a_fault_of_ours_is_plain_and_guarded(desk):
    """An error nobody foresaw gives 500 without its insides, with the headers of safety."""

    def broken() -> Health:
        raise RuntimeError("insides")

    with serving(desk.archive, desk.catalogue, health=broken) as faulty:
        answer = get(faulty, "/healthz")
    assert answer.status == 500
    assert "insides" not in answer.text
    assert answer.headers["Content-Security-Policy"] == CSP


def test_an_empty_archive_has_its_pages_too(tmp_path):
    """A newcomer's first look, before anything is watched, is a page and not a fault."""
    archive = create(tmp_path / "archive")
    catalogue = open_catalogue(archive)
    with serving(archive, catalogue) as desk:
        desk.health = replace(WELL, workers=(), last_tick_at=None)
        pages = {path: get(desk, path) for path in own_paths(desk)}
        assert get(desk, "/metrics").status == 200
    catalogue.close()
    assert {"/", "/sites", "/events", "/alerts"} <= pages.keys()
    assert {answer.status for answer in pages.values()} == {200}
    assert "holdfast watch add" in pages["/"].text
