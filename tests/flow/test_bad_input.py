"""What goes wrong outside and what is typed wrong: each gets its reason, and nothing is lost."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from behaviours import Behaviour, Part, Pause, message
from papers import article, index
from receivers import dripping_receiver, free_port, silent_receiver
from server import Site
from service import Service, copied, holdfast, listing, rows, verb, wait_for

pytestmark = pytest.mark.flow

HEAD = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}

[defaults]
every = "1h"
delay = "0.01s"
requisites = false
"""

FORBIDDEN = (
    "file:///etc/passwd",
    "ftp://ftp.example/papers",
    "javascript:alert(1)",
    "http://name:password@paper.example/",
)
"""Refused by their look: they never become targets."""

PRIVATE = (
    "http://2130706433:9/",
    "http://0x7f.1:9/",
    "http://017700000001:9/",
    "http://127.1:9/",
    "http://①②⑦.⓪.⓪.①:9/",
    "http://[::ffff:7f00:1]:9/",
    "http://[64:ff9b::7f00:1]:9/",
    "http://localhost:9/",
    "http://0:9/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/",
)
"""Spellings of places that are not the public web."""

ALLOWED = {
    "http://2130706433:9/": "127.0.0.1:9",
    "http://10.0.0.1/": "10.0.0.1:80",
    "http://[fe80::1]/": "[fe80::1]:80",
}
"""What would let some of them be visited."""

REDIRECTED = ("/redirect/loopback", "/redirect/decimal", "/redirect/mapped", "/redirect/metadata")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    holdfast("init", str(folder))
    return folder


def configure(archive: Path, *allowed: str, more: str = "") -> None:
    text = HEAD.format(allowed=json.dumps(allowed)) + more
    (archive / "holdfast.toml").write_text(text)


def test_each_failure_of_the_web_has_its_reason(archive: Path, site: Site) -> None:
    """Every bad URL is told with its reason and exit 1; the good one among them is captured."""
    with ExitStack() as servers:
        silent = f"127.0.0.1:{servers.enter_context(silent_receiver())}"
        plain = f"127.0.0.1:{servers.enter_context(dripping_receiver(b'220 hello'))}"
        closed = f"127.0.0.1:{free_port()}"
        configure(archive, site.address, silent, plain, closed)
        outcomes = {
            "http://nowhere.invalid/": "dns",
            f"http://{closed}/": "refused",
            f"https://{plain}/": "tls",
            f"https://{silent}/": "timeout",
            site.url("/cut/nothing-reset"): "reset",
            site.url("/cut/body"): "truncated",
            site.url("/not-http/html"): "not_http",
        }
        outcomes |= dict.fromkeys(PRIVATE, "blocked_address")
        redirected = [site.url(path) for path in REDIRECTED]
        bad = [*FORBIDDEN, *outcomes, *redirected]
        good = site.url("/page")
        done = verb("capture", "--archive", str(archive), *bad, good)

    assert done.returncode == 1
    assert done.stdout.startswith(f"1 of {len(bad) + 1} captured")
    told = dict(line.removeprefix("not captured: ").split(": ", 1) for line in lines_of(done))
    with_password = "http://name:password@paper.example/"
    assert set(told) == {*bad, "http://…@paper.example/"} - {with_password}
    listed = {one["url"]: one for one in listing("captures", archive) if one["role"] != "robots"}
    for url, outcome in outcomes.items():
        assert listed[url]["outcome"] == outcome
        assert listed[url]["reason"]
        assert told[url].startswith(f"{outcome}: {listed[url]['reason']}")
    for url in redirected:
        target = listed[listed[url]["location"]]
        assert (target["role"], target["outcome"]) == ("redirect", "blocked_address")
        assert told[url].startswith(f"blocked_address: {target['reason']}")
    for url, option in ALLOWED.items():
        assert told[url].endswith(
            f"--allow-address {option}, or in allow_addresses of holdfast.toml"
        )
    assert listed[good]["outcome"] == "ok"
    assert listed[good]["warc_file"]


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what a verb said on stderr; one of its own errors never comes as a traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.splitlines()


def test_what_a_page_lacks_is_told_and_tried_at_once_by_hand(archive: Path, site: Site) -> None:
    """Each capture by hand asks again for what was missing, however long it was to rest."""
    configure(archive, site.address)
    configuration = archive / "holdfast.toml"
    configuration.write_text(configuration.read_text().replace("requisites = false", ""))
    page = site.url("/page")
    site.pages["/page"] = message(b"<p>A page</p><img src='/lost.png'><img src='/gone.png'>")
    capture = ("capture", "--archive", str(archive), page)
    for times in (1, 2):
        done = verb(*capture)
        assert (done.returncode, done.stdout[:6]) == (0, "1 of 1")
        (line,) = lines_of(done)
        ask = f"holdfast coverage --archive {archive} --url {page}"
        assert line == f"{page}: 2 things it needs are missing: {ask}"
        assert site.requests("/lost.png") == times
    assert lines_of(verb(*capture, "--no-requisites")) == []
    holdfast("watch", "add", "--archive", str(archive), page)
    for path in ("/lost.png", "/gone.png"):
        site.pages[path] = message(b"picture")
    holdfast("visit", "--archive", str(archive), page)
    assert site.requests("/lost.png") == 3
    said = holdfast("coverage", "--archive", str(archive), "--url", page)
    assert said == "nothing is missing\n"


# --- before the first request -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "line", "word"),
    [
        ("[[site]\n", 13, "not TOML"),
        ('colour = "red"\n', 13, "no such key"),
        ("budget_per_day = true\n", 13, "whole number"),
        ('[[site]]\nname = "a"\nstart = ["htp://paper.example/"]\n', 15, "only http and https"),
        ('[[alert]]\nname = "a"\nchannel = "webhook"\nurl_file = "lost"\n', 16, "lost"),
    ],
    ids=["syntax", "unknown-key", "type", "url", "secret"],
)
def test_a_broken_configuration_is_refused_with_file_and_line(
    archive: Path, site: Site, wrong: str, line: int, word: str
) -> None:
    """One line that names file, line and fault, exit 78, and the server has seen nothing."""
    configure(archive, site.address, more=wrong)
    for words in (("capture", site.url("/page")), ("run", "--listen", "127.0.0.1:0")):
        done = verb(*words, "--archive", str(archive))
        assert done.returncode == 78
        (said,) = lines_of(done)
        assert f"{archive}/holdfast.toml:{line}" in said
        assert word in said
    assert site.log == []


def refused(archive: Path, site: Site, word: str, before: tuple[str, ...] = ()) -> None:
    """Hold that captures, visits and the service end with one line, and ask for nothing."""
    verbs = (("capture", site.url("/page")), ("visit",), ("run", "--listen", "127.0.0.1:0"))
    for words in verbs:
        done = verb(*words, "--archive", str(archive), before=before)
        assert done.returncode not in (0, None)
        (said,) = lines_of(done)
        assert re.search(word, said)
    assert site.log == []


def mounted(script: str, folder: Path) -> tuple[str, ...]:
    """Return what to put before a command so that it alone sees a folder mounted otherwise."""
    shell = f'{script}; exec "$@"'
    before = ("unshare", "--map-root-user", "--mount", "sh", "-ec", shell, str(folder))
    able = shutil.which("unshare") is not None
    if not able or subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us mount nothing, not even where nobody else sees it")
    return before


def test_a_read_only_archive_is_refused(archive: Path, site: Site) -> None:
    """One line, a non-zero exit, and the server has seen nothing."""
    configure(archive, site.address)
    if os.geteuid() != 0:
        archive.chmod(0o555)
        refused(archive, site, "read-only")
        archive.chmod(0o755)
        return
    # Root may write everywhere but on a mount that is read-only.
    bind = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"'
    refused(archive, site, "read-only", mounted(bind, archive))


def test_a_full_disk_is_refused(archive: Path, site: Site) -> None:
    """One line, a non-zero exit, and the server has seen nothing."""
    configure(archive, site.address)
    holdfast("watch", "add", "--archive", str(archive), site.url("/page"))
    shutil.copytree(archive, f"{archive}.kept")
    small = 'mount -t tmpfs -o size=2m none "$0"; cp -r "$0.kept/." "$0"'
    fill = 'cat /dev/zero >"$0/rest" 2>/dev/null || :'
    refused(archive, site, "disk is full|no space left", mounted(f"{small}; {fill}", archive))


def test_a_file_in_place_of_the_archive_is_refused(tmp_path: Path, site: Site) -> None:
    """One line, a non-zero exit, and the server has seen nothing."""
    file = tmp_path / "archive"
    file.write_text("no folder")
    refused(file, site, "not a folder")
    assert file.read_text() == "no folder"


def test_a_port_in_use_is_refused(archive: Path, site: Site) -> None:
    """The service names the address it cannot have, exits 1 and lets go of the archive."""
    configure(
        archive, site.address, more=f'[[site]]\nname = "a"\nstart = ["{site.url("/page")}"]\n'
    )
    done = verb("run", "--archive", str(archive), "--listen", site.address)
    assert done.returncode == 1
    (said,) = lines_of(done)
    assert f"cannot listen on {site.address}" in said
    (status,) = listing("status", archive)
    assert status["held_by"] is None
    assert site.log == []


# --- broken files, dying processes --------------------------------------------------------------

SPIDER = '''"""Read the frail paper."""

from spiders.base import SiteSpider


class Spider(SiteSpider):
    """Nothing differs."""

    name = "frail"
'''

BRITTLE_RULE = '''"""Break on one page."""

from crawler.changes.case import Case
from storage.model import Axis


class Rule:
    """Fail where the address says so."""

    axis = Axis.CONTENT
    rank = 1

    def find(self, case: Case) -> None:
        """Raise for one page, find nothing in the others."""
        if case.after.url.endswith("/brittle"):
            raise ValueError("this rule is broken")
'''

TWO_PAPERS = """
[[site]]
name = "frail"
start = ["{frail}"]
spider = "frail"

[[site]]
name = "well"
start = ["{well}"]
"""


def test_a_broken_spider_file_and_a_broken_rule_cost_only_their_own(
    archive: Path, site: Site, tmp_path: Path
) -> None:
    """The site of a broken spider is told as lost and still kept; other pages are compared."""
    project = copied(tmp_path / "project")
    spider = project / "spiders" / "frail.py"
    spider.write_text(SPIDER)
    with Site() as well:
        more = TWO_PAPERS.format(frail=site.url("/"), well=well.url("/"))
        configure(archive, site.address, well.address, more=more)
        site.pages |= {"/": index("/a"), "/a": article("Herring"), "/b": article("Nets")}
        well.pages |= {"/": index("/edited", "/brittle"), "/edited": article("The mole")}
        well.pages["/brittle"] = article("The quay")
        visit = ("visit", "--quiet", "--archive", str(archive))
        holdfast(*visit, root=project)
        assert len(rows("watch", "list", "--archive", str(archive), root=project)) == 5

        spider.write_text(f"import nowhere_to_be_found\n{SPIDER}")
        rule = project / "crawler" / "changes" / "rules" / "brittle.py"
        rule.write_text(BRITTLE_RULE)
        site.pages["/"] = index("/a", "/b")
        well.pages["/edited"] = article("The mole", amount="15 million")
        well.pages["/brittle"] = article("The quay", amount="15 million")
        done = verb(*visit, "--all", root=project)
        assert done.returncode == 1
        assert "a visit could not be compared" in done.stderr.splitlines()[-1]
        events = listing("events", archive, root=project)
        (lost,) = [one for one in events if one["kind"] == "site_lost"]
        assert lost["site"] == "frail"
        assert "nowhere_to_be_found" in lost["summary"]
        (edit,) = [one for one in events if one["kind"] == "substantive_edit"]
        assert edit["url"] == well.url("/edited")
        kept = listing("captures", archive, "--url", site.url("/a"), root=project)
        # The two fetches of the first visit, then the one of the second.
        assert [one["outcome"] for one in kept] == ["ok", "ok", "ok"]
        assert site.requests("/b") == 0

        rule.unlink()
        spider.write_text(SPIDER)
        holdfast(*visit, site.url("/"), root=project)
        holdfast(*visit, root=project)
        told = {(one["kind"], one["url"]) for one in listing("events", archive, root=project)}
        assert ("substantive_edit", well.url("/brittle")) in told
        assert ("new_page", site.url("/b")) in told
        assert site.requests("/b") == 2  # its first visit


def gated(gate: threading.Event) -> Behaviour:
    """Return a page that comes when the gate is opened."""

    def parts() -> Iterator[Part]:
        while not gate.is_set():
            yield Pause(seconds=0.02)
        yield message()

    return Behaviour(parts=parts)


def test_a_killed_worker_is_replaced_and_a_stalling_page_does_not_hold_up_the_end(
    archive: Path, site: Site
) -> None:
    """SIGKILL to a worker in mid-visit costs that visit only; SIGTERM ends all in 10 s, with 0."""
    start = json.dumps([site.url("/a"), site.url("/gated"), site.url("/b")])
    paper = f'[[site]]\nname = "paper"\nstart = {start}\nspider = "page"\nevery = "0.5s"\n'
    silent = socket.create_server(("127.0.0.1", 0))
    silent.settimeout(30)
    deaf = f"127.0.0.1:{silent.getsockname()[1]}"
    configure(archive, site.address, deaf, more=paper)
    gate = threading.Event()
    site.pages |= {"/a": article("A"), "/b": article("B"), "/gated": gated(gate)}
    service = Service(archive=archive).start()
    try:
        site.wait_for("/gated")
        (worker,) = service.workers()
        os.kill(worker["pid"], signal.SIGKILL)
        gate.set()
        wait_for(lambda: service.workers()[0]["restarts"] == 1, seconds=20)
        site.wait_for("/gated", 2)
        for path in ("/a", "/b"):
            site.wait_for(path, site.requests(path) + 1)
        outcomes = [one["outcome"] for one in service.ask("captures?limit=1000")]
        assert set(outcomes) <= {"ok", "client_error"}

        stalling = [site.url("/cut/nothing-stall"), f"https://{deaf}/"]
        holdfast("watch", "add", "--archive", str(archive), *stalling)
        site.wait_for("/cut/nothing-stall")
        never_answered, _ = silent.accept()
        with never_answered:
            asked_at = time.monotonic()
            assert service.end() == 0
            assert time.monotonic() - asked_at < 10
    finally:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)
        silent.close()
    assert "is killed" not in service.log()
    # That of the worker that was killed was closed when it was missed, the other by its own.
    assert not list((archive / "warc").rglob("*.open"))
    due = {one["url"]: one for one in rows("watch", "list", "--archive", str(archive))}
    for url in stalling:
        assert due[url]["last_visit_at"] is None
        assert due[url]["due_at"] is not None
