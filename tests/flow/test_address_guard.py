"""No request reaches a place that is not the public web, however it is named and on whatever way.

Each way is gone by a real process, with a listener that counts connections at its end; each hop
that was not made is listed. The last tests have a network of their own, with public addresses.
"""

import asyncio
import html
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from forbidden import IMPOSSIBLE, WRITTEN, Forbidden, urls
from server import Page, Site
from service import ROOT, holdfast, listing, verb

from crawler.fetch.guard import AddressGuard
from crawler.fetch.wire import Client, Limits, WireRequest
from storage.model import Outcome

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}

[defaults]
delay = "0s"
confirm = ["0.05s"]
"""
BLOCKED = "blocked_address"


@pytest.fixture
def forbidden() -> Iterator[Forbidden]:
    """Listen where nobody may come."""
    with Forbidden() as listener:
        yield listener


def made(folder: Path, *allowed: str, more: str = "") -> Path:
    """Make an archive that may visit these addresses and no other."""
    holdfast("init", str(folder))
    text = CONFIGURATION.format(allowed=json.dumps(allowed)) + more
    (folder / "holdfast.toml").write_text(text)
    return folder


def rows_of(archive: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of an archive by their role."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in listing("captures", archive):
        found.setdefault(row["role"], []).append(row)
    return found


def ends(rows: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return the end of each path among rows, and what came of it."""
    return {("/" + row["url"].split("/", 3)[3], row["outcome"]) for row in rows}


def test_no_way_to_write_an_address_leads_inside(
    tmp_path: Path, site: Site, forbidden: Forbidden
) -> None:
    """As a target every spelling is blocked and listed, or refused with a reason of its own."""
    archive = made(tmp_path / "archive", site.address)
    port = f":{forbidden.port}"
    impossible = [url.format(port=port) for url in IMPOSSIBLE]
    done = verb("capture", "--archive", str(archive), *urls(port), *impossible)
    assert done.returncode == 1
    assert done.stderr.count("not captured: ") == len(WRITTEN) + len(IMPOSSIBLE)
    assert ends(rows_of(archive)["target"]) == {(f"/in/{n}", BLOCKED) for n in range(len(WRITTEN))}
    assert forbidden.reached == []


def test_nothing_a_page_names_leads_inside(
    tmp_path: Path, site: Site, forbidden: Forbidden
) -> None:
    """Redirects, images, styles and frames are blocked and listed; a refresh is not followed."""
    port = f":{forbidden.port}"
    inside = urls(port)
    raw = [url.format(port=port) for url in IMPOSSIBLE]
    here = forbidden.port
    odd = [f"//127.1:{here}/odd", f"http:\\\\127.1:{here}\\odd", f" ht\ntp://127.\t1:{here}/odd"]
    for number, url in enumerate([*inside, *raw, *odd]):
        location = url.replace("\n", "").replace("\r", "").encode().decode("latin-1")
        site.pages[f"/to/{number}"] = Page(302, {"Location": location}, "")
    written = "".join(f'<img src="{html.escape(url)}">' for url in [*inside, *raw, *odd])
    site.pages["/shown"] = Page(200, {}, f"<title>Shown</title>{written}")
    site.pages["/refresh"] = Page(
        200,
        {"Refresh": f"0; url={inside[0]}"},
        f'<meta http-equiv="refresh" content="0;url={inside[0]}"><title>Refresh</title>'
        f'<link rel="stylesheet" href="{inside[1]}"><iframe src="{inside[2]}"></iframe>',
    )
    archive = made(tmp_path / "archive")
    ways = [site.url(f"/to/{n}") for n in range(len(inside) + len(raw) + len(odd))]
    pages = [site.url("/shown"), site.url("/refresh")]
    allow = ("--allow-address", site.address, "--ignore-robots")
    done = verb("capture", "--archive", str(archive), *allow, *ways, *pages)
    assert done.returncode == 1
    assert forbidden.reached == []
    rows = rows_of(archive)
    asked = {f"/in/{n}" for n in range(len(inside))}
    blocked = {path for path, outcome in ends(rows["redirect"]) if outcome == BLOCKED}
    assert blocked >= asked | {"/odd"}
    assert all(
        one["outcome"] == BLOCKED or one["url"].startswith(site.url("/"))
        for one in rows["redirect"] + rows["requisite"]
    )
    blocked = {path for path, outcome in ends(rows["requisite"]) if outcome == BLOCKED}
    assert blocked >= asked | {"/odd"}
    assert {"/shown", "/refresh"} <= {p for p, outcome in ends(rows["target"]) if outcome == "ok"}


LISTED = """
[[site]]
name = "paper"
start = ["{front}", "{map}", "{feed}"]
include = ["/*", {include}]
"""


def test_no_list_of_pages_leads_inside(tmp_path: Path, site: Site, forbidden: Forbidden) -> None:
    """Links, sitemaps, feeds and a robots.txt that lead inside are blocked, though in scope."""
    port = f":{forbidden.port}"
    hosts = ("127.0.0.1", "localhost", "2130706433", "[::1]", "0x7f.1")
    way = {kind: [f"http://{host}{port}/{kind}" for host in hosts] for kind in ("a", "map", "feed")}
    site.pages["/front"] = Page(200, {}, "".join(f'<a href="{url}">a</a>' for url in way["a"]))
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in way["map"])
    xml = {"Content-Type": "application/xml"}
    site.pages["/map.xml"] = Page(200, xml, f"<urlset>{entries}</urlset>")
    items = "".join(f"<item><link>{url}</link></item>" for url in way["feed"])
    site.pages["/feed.xml"] = Page(200, xml, f"<rss><channel>{items}</channel></rss>")
    site.robots = "".join(f"Sitemap: http://{host}{port}/sitemap.xml\n" for host in hosts)
    more = LISTED.format(
        front=site.url("/front"),
        map=site.url("/map.xml"),
        feed=site.url("/feed.xml"),
        include=", ".join(f'"http://{host}{port}/*"' for host in hosts),
    )
    archive = made(tmp_path / "archive", site.address, more=more)
    verb("visit", "--quiet", "--archive", str(archive))
    assert forbidden.reached == []
    inside = [one for one in rows_of(archive)["target"] if port in one["url"]]
    assert {one["outcome"] for one in inside} == {BLOCKED}
    assert {one["url"].rsplit("/", 1)[1] for one in inside} == {"a", "map", "feed", "sitemap.xml"}


@pytest.mark.parametrize("host", ["0x7f.1", "u@127.0.0.1"])
def test_no_robots_txt_leads_inside(
    tmp_path: Path, site: Site, forbidden: Forbidden, host: str
) -> None:
    """A robots.txt that moved inside is not fetched from there, and its page not either."""
    site.robots = Page(301, {"Location": f"http://{host}:{forbidden.port}/robots.txt"}, "")
    archive = made(tmp_path / "archive", site.address)
    done = verb("capture", "--archive", str(archive), site.url("/page"))
    assert done.returncode == 1
    assert (forbidden.reached, site.requests("/page")) == ([], 0)
    rows = rows_of(archive)
    assert [one["outcome"] for one in rows["target"]] == [BLOCKED]
    assert rows["robots"][0]["outcome"] == "redirect"


def test_the_listener_is_reached_where_it_is_allowed(
    tmp_path: Path, site: Site, forbidden: Forbidden
) -> None:
    """The other tests would see a connection: an exception for address and port lets one through.

    It opens the port it names and no other.
    """
    archive = made(tmp_path / "archive", f"127.0.0.1:{forbidden.port}")
    words = ("capture", "--archive", str(archive), "--ignore-robots")
    spelt = [f"http://{host}:{forbidden.port}/in" for host in ("127.0.0.1", "0x7f.1", "127.1")]
    assert verb(*words, *spelt, site.url("/page")).returncode == 1
    assert forbidden.reached in (["::ffff:127.0.0.1"] * 3, ["127.0.0.1"] * 3)
    rows = rows_of(archive)["target"]
    assert sorted(one["outcome"] for one in rows) == [BLOCKED, "ok", "ok", "ok"]
    assert site.log == []


# --- names that change their mind ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "outcomes"),
    [
        ([["127.0.0.1"]], [BLOCKED, BLOCKED]),
        ([["10.0.0.5", "fd00::5", "::ffff:127.0.0.1", "127.0.0.1"]], [BLOCKED, BLOCKED]),
        ([["::1", "64:ff9b::7f00:1", "0.0.0.0"]], [BLOCKED, BLOCKED]),
        ([["127.0.0.1\0"], ["127.1"], ["no address"]], [BLOCKED, BLOCKED]),
        ([["SITE"], ["127.0.0.1"]], ["ok", BLOCKED]),
        ([["10.0.0.5", "SITE"], ["SITE", "10.0.0.5"]], ["ok", "ok"]),
    ],
)
def test_a_name_is_judged_by_the_address_it_has_now(
    site: Site, forbidden: Forbidden, answers: list[list[str]], outcomes: list[str]
) -> None:
    """A name that resolves inside, first or later or among others, is not followed there."""
    given = iter(answers)
    last = answers[-1]

    async def resolve(host: str, port: int) -> list[str]:
        # "SITE" stands for the one address that is public here: port and address are allowed.
        return ["127.0.0.2" if one == "SITE" else one for one in next(given, last)]

    async def main() -> list[str]:
        found = []
        for port in (forbidden.port, forbidden.port):  # a client a look-up: names are remembered
            guard = AddressGuard([f"127.0.0.2:{port}"])
            limits = Limits(connect=timedelta(seconds=5))
            client = Client(guard=guard, limits=limits, resolver=resolve)
            exchange = await client.fetch(WireRequest(url=f"http://turning.example:{port}/"))
            if exchange.answer is not None:
                exchange.answer.close()
            found.append(exchange.outcome.value)
            await client.close()
        return found

    assert asyncio.run(main()) == outcomes
    let_through = sum(one == Outcome.OK for one in outcomes)
    assert [one.rpartition(":")[2] for one in forbidden.reached] == ["127.0.0.2"] * let_through


# --- in a network of its own --------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Go all ways in name spaces of our own, where public addresses are ours; return what came."""
    before = ("unshare", "--map-root-user", "--net", "--mount")
    able = shutil.which("unshare") is not None
    if not able or subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us make no network of our own")
    folder = tmp_path_factory.mktemp("walled")
    script = Path(__file__).resolve().parents[1] / "walled.py"
    done = subprocess.run(
        [*before, sys.executable, str(script), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_in_a_network_of_its_own_nothing_inside_is_reached(told: dict[str, Any]) -> None:
    """With real names, real look-ups and no exception at all: public pages come, nothing else."""
    assert told["inside"] == []
    rows = told["rows"]
    assert {row["outcome"] for row in rows if "/in/" in row["url"]} == {BLOCKED}
    kept = {row["url"] for row in rows if row["outcome"] == "ok"}
    names = ("paper.example/page", "mixed.example/page", "turning.example/again")
    assert kept == {f"http://{name}" for name in names}
    by_name = {row["url"]: row["outcome"] for row in rows if row["role"] == "target"}
    for name in ("inside", "metadata", "mapped", "private", "carried"):
        assert by_name[f"http://{name}.example/in/"] == BLOCKED
    for number in range(len(told["robots"])):
        assert by_name[f"http://robots-{number}.example/page"] == BLOCKED


def test_a_name_that_moves_inside_is_not_followed(told: dict[str, Any]) -> None:
    """The first look-up said a public address and its page came; the second said ours: blocked."""
    turned = [row for row in told["rows"] if "turning" in row["url"] and row["role"] == "target"]
    assert [row["outcome"] for row in turned] == ["ok", BLOCKED]
