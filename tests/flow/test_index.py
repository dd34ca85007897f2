"""Our index is the one pywb would make, and pywb serves an archive by it as it lies."""

import random
from pathlib import Path

import pytest
from behaviours import BEHAVIOURS
from replay import differing, held, indexed, installed, keys, replaying
from server import Page, Site
from service import holdfast

from storage.index.surt import surt

pytestmark = pytest.mark.flow

PATHS = ("/page", "/coded/gzip", "/chunked/gzip", "/redirect/301")


@pytest.fixture(scope="module", autouse=True)
def pywb() -> None:
    """Skip what cannot be shown before the work for it is done."""
    installed()


def test_pywb_serves_an_archive_by_our_index(tmp_path: Path, site: Site) -> None:
    """Line for line the index is that of pywb's indexer; each capture is shown as it was kept."""
    assert set(PATHS) <= BEHAVIOURS.keys()
    site.pages["/Ä/B C?x=2&A=1"] = Page(body=b"<p>An odd address.</p>" * 30)
    archive = tmp_path / "archive"
    words = ("capture", "--archive", str(archive), "--allow-address", "127.0.0.0/8")
    urls = [site.url(path) for path in [*PATHS, "/%C3%84/B%20C?x=2&A=1"]]
    for _ in range(2):  # the second time as revisits
        holdfast(*words, "--no-requisites", "--ignore-robots", *urls, expect=None)
    ours = b"".join(path.read_bytes() for path in sorted((archive / "index").iterdir()))
    theirs = indexed(archive, work=tmp_path / "pywb").read_bytes()
    # What we made of captures stands under urn: and is not looked for by its address.
    pages = [line for line in theirs.splitlines() if not line.startswith(b"urn:")]
    assert sorted(ours.splitlines()) == sorted(pages)
    assert b"warc/revisit" in ours
    with replaying(archive, work=tmp_path / "served", index=archive / "index") as replay:
        shown = [one for one in held(archive) if one.is_answer]
        assert len(shown) > len(PATHS)
        assert differing(replay, shown) == {}


def test_our_keys_are_those_of_pywb(tmp_path: Path) -> None:
    """Thousands of addresses put together of everything odd have the key that pywb asks for."""
    odd = random.Random(11)
    urls = [_any(odd) for _ in range(3000)]
    ours = {url: surt(url) for url in urls}
    theirs = dict(zip(urls, keys(urls, work=tmp_path / "pywb"), strict=True))
    assert {url: (ours[url], theirs[url]) for url in urls if ours[url] != theirs[url]} == {}


HOSTS = (
    *("example.com", "www.example.com", "WWW2.Example.com:8080", "127.0.0.1:8080", "a..b.example."),
    *(
        "a.example:80",
        "user:pw@a.example",
        "www.com",
        "[::1]:8080",
        "müller.example",
        "%41.example",
    ),
    *(
        "10",
        "0x7f.1",
        "012.1.2.3",
        "3279880203",
        "a_b.example",
        "a.example:",
        "www.",
        "a.example:443",
    ),
)
SESSION = "9d2d9d2d9d2d9d2d9d2d9d2d9d2d9d2d"
STEPS = (
    *(
        "",
        "a",
        "B",
        "..",
        ".",
        "%7Efoo",
        "%2f",
        "%2525",
        "x y",
        "ä",
        "%e4",
        "(4hqa0555fwsecu455xqckv45)",
    ),
    *(f"a;jsessionid={SESSION}", "(a(4hqa0555fwsecu455xqckv45))", "page.aspx", "a+b", "{x}", '"q"'),
    *("<x>", "|", "^", "\\", "~", "%00", "%0a", "a#b", "a:b@c", "😀", "%zz", "%", "%u1234"),
)
PARTS = (
    *("a=1", "B=2", "a", "", f"sid={SESSION}", f"PHPSESSID={SESSION}", "x=%20y", "x=%26z", "ä=ö"),
    *("u=http://b.example/?x=1", "aspsessionidabcdefgh=abcdefghijklmnopqrstuvwx", "%C3%A4", "="),
    *("cfid=12&cftoken=34", "?", "q=%%", "z=/a/../b", "k=#", "A=0", "x[]=1", "x%5B%5D=1", "sid=s"),
)


def _any(odd: random.Random) -> str:
    url = odd.choice(["http://", "https://", "HTTP://"]) + odd.choice(HOSTS)
    if odd.random() < 0.9:
        url += "/" + "/".join(odd.choice(STEPS) for _ in range(odd.randint(0, 4)))
    if odd.random() < 0.6:
        url += "?" + "&".join(odd.choice(PARTS) for _ in range(odd.randint(0, 4)))
    return url
