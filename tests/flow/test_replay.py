"""Whatever is captured can be shown again: pywb, as others run it, returns it byte for byte."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import lxml.html
import pytest
from behaviours import BEHAVIOURS, Behaviour, End, chunk, chunked, message
from replay import COLLECTION, Replay, Replayed, differing, held, installed, replaying, stamp
from server import Page, Site
from service import holdfast, wait_for

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}

[defaults]
every = "1h"
delay = "0.001s"
"""

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.fixture(scope="module", autouse=True)
def pywb() -> None:
    """Skip what cannot be shown before the work for it is done."""
    installed()


def made(folder: Path, site: Site, *, more: str = "") -> Path:
    """Make an archive that may visit the site."""
    holdfast("init", str(folder))
    allowed = json.dumps([site.address, site.tls_address])
    (folder / "holdfast.toml").write_text(CONFIGURATION.format(allowed=allowed) + more)
    return folder


# --- one capture of everything ------------------------------------------------------------------


def _page(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> tuple[bytes, bytes]:
    """Return an answer and the payload it carries."""
    lines = [b"HTTP/1.1 " + status, *fields, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines), body


def _moved(status: bytes) -> tuple[bytes, bytes]:
    return _page(b"<p>It is elsewhere now.</p>" * 20, b"Location: /kind/html", status=status)


ARTICLE = (
    "<!doctype html><title>Harbour</title><h1>Harbour</h1>" + "<p>Der Prüfer sah es.</p>\n" * 50
)
KINDS = {
    "html": _page(ARTICLE.encode(), b"Content-Type: text/html; charset=utf-8"),
    "utf-16": _page(ARTICLE.encode("utf-16"), b"Content-Type: text/html; charset=utf-16"),
    "no-charset": _page(ARTICLE.encode("utf-16"), b"Content-Type: text/html"),
    "latin-1": _page(
        ARTICLE.encode("cp1252"), b"Content-Type: text/html; charset=iso-8859-1", b"Server: p\xfcb"
    ),
    "xhtml": _page(ARTICLE.encode(), b"Content-Type: application/xhtml+xml"),
    "no-type": _page(ARTICLE.encode()),
    "picture": _page(PICTURE, b"Content-Type: image/png"),
    "drawing": _page(
        gzip.compress(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        b"Content-Type: image/svg+xml",
        b"Content-Encoding: gzip",
    ),
    "style": _page(b"@import '/a.css'; p { background: url(b.png) }", b"Content-Type: text/css"),
    "script": _page(b"window.location = 'http://paper.example/'", b"Content-Type: text/javascript"),
    "data.json": _page(b'[{"url": "http://paper.example/"}]', b"Content-Type: application/json"),
    "document": _page(b"%PDF-1.7\n" + PICTURE, b"Content-Type: application/pdf"),
    "large": _page(random.Random(5).randbytes(5_000_000), b"Content-Type: video/mp4"),
    "large-text": _page(ARTICLE.encode() * 1000, b"Content-Type: text/plain; charset=utf-8"),
    "301": _moved(b"301 Moved Permanently"),
    "302": _moved(b"302 Found"),
    "303": _moved(b"303 See Other"),
    "307": _moved(b"307 Temporary Redirect"),
    "308": _moved(b"308 Permanent Redirect"),
    "404": _page(ARTICLE.encode(), b"Content-Type: text/html", status=b"404 Not Found"),
    "410": _page(b"", status=b"410 Gone"),
    "503": _page(ARTICLE.encode(), b"Retry-After: 1", status=b"503 Busy"),
}
"""Answers as any site gives them, each with its payload."""

PYWB_CANNOT = {
    "its web server sends no such status, field or length": (
        *("/head/glued-reason", "/head/tabs", "/head/nul", "/head/bare-cr"),
        *("/body/204-length", "/body/304", "/body/304-body"),
    ),
    "its WARC reader asks for HTTP/1.0 or HTTP/1.1": (
        *("/head/no-version", "/head/http19", "/head/http2"),
    ),
    "its WARC reader takes a folded line of blanks for the end of the head": ("/head/fold-empty",),
    "its WARC reader knows chunks that end with CRLF and have nothing behind the last": (
        *("/chunked/trailers", "/chunked/trailers-lf", "/chunked/many-trailers"),
        *("/chunked/odd-trailers", "/chunked/cut-in-trailer", "/chunked/no-end-line"),
        *("/chunked/lf-only", "/chunked/blank-lines", "/chunked/empty-chunk-line"),
        "/chunked/minus",
    ),
    "it takes off no transfer coding but chunked": (
        *("/transfer/gzip", "/transfer/gzip-fields", "/transfer/gzip-trailers"),
        *("/transfer/gzip-close", "/transfer/deflate", "/transfer/chunked-not-last"),
        *("/transfer/both", "/transfer/cut-gzip"),
    ),
    "it shows no redirect to the same page, which would go round for ever": ("/redirect/self",),
}
"""Answers kept byte for byte, as warcio reads them, that pywb does not show, and why."""

OVER_TLS = ("/page", "/coded/gzip", "/chunked/gzip", "/redirect/301")


def _can_be_asked(path: str, behaviour: Behaviour) -> bool:
    """Say whether a behaviour ends soon by itself, and asks no name server for other hosts."""
    return (
        behaviour.whole
        and behaviour.end is not End.STALL
        and not path.startswith(("/bomb/", "/redirect/backslash"))
    )


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Path, Replay]]:
    """Capture every kind of answer once, and serve the archive with pywb."""
    folder = tmp_path_factory.mktemp("everything")
    with Site() as site:
        site.pages |= {f"/kind/{name}": answer for name, (answer, _) in KINDS.items()}
        odd = [path for path, behaviour in BEHAVIOURS.items() if _can_be_asked(path, behaviour)]
        urls = [site.url(path) for path in (*site.pages, *odd)]
        urls += [site.url(path, tls=True) for path in OVER_TLS]
        (folder / "urls").write_text("\n".join(urls))
        archive = made(folder / "archive", site)
        words = ("--archive", str(archive), "--from", str(folder / "urls"))
        # Not everything there is a capture.
        assert f"captured in {archive}" in holdfast("capture", *words, expect=1)
        with replaying(archive, work=folder / "pywb") as replay:
            yield site, archive, replay


def test_ordinary_answers_replay_as_they_were_sent(
    everything: tuple[Site, Path, Replay],
) -> None:
    """Text, pictures, redirects, absence, 5 MB: the payload is the one the site has."""
    site, archive, replay = everything
    seen = {one.path: one for one in held(archive)}
    for name, (_, payload) in KINDS.items():
        one = seen[f"/kind/{name}"]
        shown = replay.raw(site.url(one.path), one.capture["captured_at"], codings="gzip")
        assert (shown.status, shown.body) == (one.capture["status"], payload), name
        assert shown.at == datetime.fromisoformat(one.capture["captured_at"]).replace(microsecond=0)


def test_every_capture_replays(everything: tuple[Site, Path, Replay]) -> None:
    """Odd heads, framings and codings too; what does not is kept right, and pywb's own limit."""
    site, archive, replay = everything
    every = held(archive)
    sent: dict[str, list[bytes]] = {}
    for one in site.log:
        sent.setdefault(urlsplit(one.path).path, []).append(one.response)
    answers = [one for one in every if one.is_answer]
    for one in answers:
        assert any(one.block in answer for answer in sent[one.path]), one.path
    faults = differing(replay, every)
    limits = {path for paths in PYWB_CANNOT.values() for path in paths}
    assert {path: fault for path, fault in faults.items() if path not in limits} == {}
    # A revisit is read out of its original, which pywb may understand.
    whole = {one.path for one in every if one.type == "response"}
    assert limits & whole - faults.keys() == set()


def test_what_is_no_answer_is_not_shown_as_one(everything: tuple[Site, Path, Replay]) -> None:
    """Bytes that are not HTTP, and failures, stand beside the pages: pywb finds no page there."""
    _, archive, replay = everything
    others = [one for one in held(archive) if one.type == "metadata"]
    assert {"/not-http/ssh", "/cut/nothing"} <= {one.path for one in others}
    for one in others:
        at = one.capture["captured_at"]
        assert replay.raw(str(one.capture["url"]), at).status == 404, one.path


# --- a page with all it needs -------------------------------------------------------------------

_IN_CSS = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
_LINKS = ("a", "area", "form")


def _needs(page: str) -> dict[str, Page]:
    """Return a page of every kind of requisite, and those, by path."""
    png, css = {"Content-Type": "image/png"}, {"Content-Type": "text/css"}
    pictures = (
        *("img", "set-1x", "set-2x", "wide", "narrow", "lazy", "poster", "social", "icon"),
        *("css-url", "css-import", "css-deep", "inline", "block", "framed"),
    )
    needs = {f"/need/{name}.png": Page(200, png, PICTURE + name.encode()) for name in pictures}
    return needs | {
        page: Page(200, {}, _SHOWN),
        "/need/site.css": Page(
            200, css, "@import 'more.css'; h1 { background: url(css-url.png) }\n" + _FONT
        ),
        "/need/more.css": Page(
            200, css, '@import url("deep.css"); p { background: url("css-import.png") }'
        ),
        "/need/deep.css": Page(200, css, "p { background: url('css-deep.png') }"),
        "/need/font.woff2": Page(200, {"Content-Type": "font/woff2"}, b"wOF2" + PICTURE),
        "/need/site.js": Page(200, {"Content-Type": "text/javascript"}, "document.title = 'x'"),
        "/need/frame.html": Page(200, {}, '<p>framed</p><img src="framed.png">'),
    }


_FONT = "@font-face { font-family: F; src: url(font.woff2) format('woff2') }"
_SHOWN = """<!doctype html><html><head><title>All of it</title>
<link rel="stylesheet" href="/need/site.css">
<link rel="icon" href="/need/icon.png">
<meta property="og:image" content="/need/social.png">
<style>h2 { background: url(/need/block.png) }</style>
<script src="/need/site.js"></script></head><body><h1>All of it</h1>
<img src="/need/img.png" srcset="/need/set-1x.png 1x, /need/set-2x.png 2x">
<picture><source srcset="/need/wide.png" media="(min-width: 40em)">
<img src="/need/narrow.png"></picture>
<img data-src="/need/lazy.png" src="/need/img.png">
<video poster="/need/poster.png"></video>
<p style="background: url('/need/inline.png')">text</p>
<iframe src="/need/frame.html"></iframe>
</body></html>"""


def test_a_page_replays_with_nothing_missing(tmp_path: Path, site: Site) -> None:
    """Whatever the replayed page names, and the style sheets and frames it names, is there."""
    needs = _needs("/shown")
    site.pages |= needs
    archive = made(tmp_path / "archive", site)
    holdfast("capture", "--archive", str(archive), site.url("/shown"))
    (page,) = [one for one in held(archive) if one.path == "/shown"]
    at = page.capture["captured_at"]
    with replaying(archive, work=tmp_path / "pywb") as replay:
        missing = [
            path
            for path, answer in needs.items()
            if replay.raw(site.url(path), at).body != _bytes(answer)
        ]
        shown = _all_shown(replay, site.url("/shown"), at)
    assert missing == []
    assert {url: one.status for url, one in shown.items() if one.status != 200} == {}
    # Later, and elsewhere, a script or another site asks for these two.
    named = {urlsplit(place.partition("/")[2]).path for place in shown}
    assert named == needs.keys() - {"/need/lazy.png", "/need/social.png"}


def _bytes(page: Page) -> bytes:
    return page.body.encode() if isinstance(page.body, str) else page.body


def _all_shown(replay: Replay, url: str, at: str) -> dict[str, Replayed]:
    """Fetch a rewritten page and, again and again, whatever it shows itself with."""
    waiting, shown = [f"{stamp(at)}mp_/{url}"], dict[str, Replayed]()
    while waiting:
        place = waiting.pop()
        shown[place] = one = replay.get(f"/{COLLECTION}/{place}")
        waiting += sorted(set(_named(place, one)) - shown.keys() - set(waiting))
    return shown


def _named(place: str, one: Replayed) -> Iterator[str]:
    """Yield the places in the collection that a page or style sheet needs."""
    kind, text = one.header("Content-Type") or "", one.body.decode("latin-1")
    written: list[str] = []
    if "text/css" in kind:
        written = [quoted or bare for quoted, bare in _IN_CSS.findall(text)]
    elif "text/html" in kind:
        page = lxml.html.document_fromstring(text)
        written = [link for node, _, link, _ in page.iterlinks() if node.tag not in _LINKS]
        written += page.xpath("//@poster")
        for several in page.xpath("//@srcset"):
            written += [part.split()[0] for part in several.split(",")]
    mark, _, url = place.partition("/")
    for name in written:
        _, rewritten, inside = name.partition(f"/{COLLECTION}/")
        if rewritten:
            yield inside
        elif not name.startswith(("http:", "https:", "/")):
            yield f"{mark}/{urljoin(url, name)}"


# --- the same site twice ------------------------------------------------------------------------

PAPER = """
[[site]]
name = "paper"
start = ["{front}"]
"""
ARTICLES, PICTURES = 15, 3
WAVERING, MOVED = "/news/wavering", "/news/moved"


def _paper() -> Iterator[tuple[str, Page]]:
    """Yield a paper of 20 to 60 KB an article, gzip from the server, with pictures and a style."""
    draw = random.Random(7)
    words = ["".join(draw.choices("eeeaaiotnsrhldcm", k=draw.randint(2, 11))) for _ in range(4000)]
    links = [*(f"/news/{number}" for number in range(ARTICLES)), WAVERING, MOVED]
    listed = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
    yield "/", _packed(f"<!doctype html><title>Today</title>{listed}")
    for number in range(ARTICLES):
        text = "".join(
            f"<p>{' '.join(draw.choices(words, k=60))}.</p>\n" for _ in range(draw.randint(55, 160))
        )
        picture = f'<img src="/picture/{number % PICTURES}.jpg">'
        style = '<link rel="stylesheet" href="/paper.css">'
        head = f"<!doctype html><title>{number}</title>{style}<h1>The {number}th</h1>"
        yield f"/news/{number}", _packed(f"{head}{picture}<article>{text}</article>")
    for number in range(PICTURES):
        jpeg = draw.randbytes(20_000)
        yield f"/picture/{number}.jpg", Page(200, {"Content-Type": "image/jpeg"}, jpeg)
    yield "/paper.css", Page(200, {"Content-Type": "text/css"}, "p { margin: 1em }")
    yield MOVED, Page(302, {"Location": "/news/0"}, "<p>It has moved, says a long page.</p>" * 20)


def _packed(text: str) -> Page:
    fields = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}
    return Page(200, fields, gzip.compress(text.encode(), 6, mtime=0))


def _stored_bytes(archive: Path) -> int:
    return sum(file.stat().st_size for file in (archive / "warc").rglob("*.warc.gz"))


def test_both_rounds_replay(tmp_path: Path, site: Site) -> None:
    """An unchanged site costs a tenth the second time, and both rounds are shown whole."""
    paper = dict(_paper())
    # The same bytes in chunks, then with a length: pywb reads a revisit by its own framing.
    wavering = ARTICLE.encode()
    framings = cycle((chunked(chunk(wavering)), message(wavering)))
    site.pages |= {**paper, WAVERING: lambda _: next(framings)}
    archive = made(tmp_path / "archive", site, more=PAPER.format(front=site.url("/")))
    visit = ("visit", "--quiet", "--all", "--archive", str(archive))
    holdfast(*visit)
    first = held(archive)
    first_bytes = _stored_bytes(archive)
    last = max(str(one.capture["captured_at"]) for one in first)
    wait_for(lambda: stamp(datetime.now(UTC)) > stamp(last))
    holdfast(*visit)
    every = held(archive)
    second = [one for one in every if str(one.capture["captured_at"]) > last]
    pages = {f"/news/{number}" for number in range(ARTICLES)}
    for one_round in (first, second):
        assert {one.path for one in one_round} >= pages | {WAVERING, MOVED}
    assert {one.type for one in second if one.path in pages} == {"revisit"}
    with replaying(archive, work=tmp_path / "pywb") as replay:
        assert differing(replay, every) == {}
        for one in (one for one in second if one.path in paper):
            shown = replay.raw(site.url(one.path), one.capture["captured_at"], codings="gzip")
            assert shown.body == _bytes(paper[one.path]), one.path
    assert (_stored_bytes(archive) - first_bytes) / first_bytes <= 0.1
