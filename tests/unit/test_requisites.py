"""What a page needs is read out of it as a browser would, in whatever form it is written."""

import time

import pytest

from spiders.reading.requisites import (
    MOST_REQUISITES,
    candidates,
    frame_requisites,
    page_requisites,
    tree_of,
)
from storage.model import RequisiteKind

PAGE = "http://paper.example/news/1"
HOST = "http://paper.example"
KINDS = {kind.value: kind for kind in RequisiteKind}


def read(text: str, *, encoding: str = "utf-8") -> list[tuple[str, str]]:
    """Return kind and address of what a page needs; those of its own host by their paths."""
    root = tree_of(text)
    if root is None:
        return []
    needs = page_requisites(root, url=PAGE, encoding=encoding)
    return [(one.kind.value, one.url.removeprefix(HOST)) for one in needs]


@pytest.mark.parametrize(
    ("written", "needed"),
    [
        ('<img src="/a.png">', ["image /a.png"]),
        ('<img src=" a b.png ">', ["image /news/a%20b.png"]),
        (
            '<img src="/a.png" srcset="/b.png 2x, /c.png">',
            ["image /a.png", "image /b.png", "image /c.png"],
        ),
        (
            '<picture><source srcset="/a.webp" src="/b.png"></picture>',
            ["image /b.png", "image /a.webp"],
        ),
        (
            '<video src="/a.mp4" poster="/b.png"><source src="/c.webm"><track src="/d.vtt">',
            ["image /b.png", "media /a.mp4", "media /c.webm", "data /d.vtt"],
        ),
        ('<audio src="/a.ogg">', ["media /a.ogg"]),
        ('<input type=IMAGE src="/a.png"><input type=text src="/b.png">', ["image /a.png"]),
        (
            '<link rel="StyleSheet" href="/a.css"><link rel="alternate stylesheet" href="/b.css">',
            ["style /a.css", "style /b.css"],
        ),
        (
            (
                '<link rel="shortcut icon" href="/a.ico"><link rel=apple-touch-icon href="/b.png">'
                '<link rel=mask-icon href="/c.svg">'
            ),
            ["icon /a.ico", "icon /b.png", "icon /c.svg"],
        ),
        (
            (
                '<link rel=preload as=font href="/a.woff2"><link rel=preload as=x href="/b.json">'
                '<link rel=modulepreload href="/c.js"><link rel=manifest href="/d.json">'
            ),
            ["font /a.woff2", "data /b.json", "script /c.js", "data /d.json"],
        ),
        (
            '<link rel=preload as=image href="/a.png" imagesrcset="/b.png 2x">',
            ["image /a.png", "image /b.png"],
        ),
        (
            '<link rel=prefetch href="/a"><link rel=canonical href="/b"><link rel=next href="/c">',
            [],
        ),
        (
            '<style>@import "/a.css"; p { background: url(/b.png) }</style>',
            ["style /a.css", "image /b.png"],
        ),
        ('<p style="background: url(&quot;/a.png&quot;)">', ["image /a.png"]),
        ('<script src="/a.js"></script><script>load("/b.js")</script>', ["script /a.js"]),
        ('<iframe src="/a.html"></iframe>', ["frame /a.html"]),
        ('<iframe srcdoc="&lt;img src=/a.png&gt;"></iframe>', ["image /a.png"]),
        (
            '<embed src="/a.swf"><object data="/b.pdf"><param name=movie value="/c.swf"></object>',
            ["data /a.swf", "data /b.pdf", "data /c.swf"],
        ),
        (
            (
                '<meta property="og:image" content="/a.png">'
                '<meta name="twitter:image" content="/b.png">'
                '<meta itemprop=image content="/c.png"><meta name=description content="/d.png">'
            ),
            ["image /a.png", "image /b.png", "image /c.png"],
        ),
        (
            (
                '<svg><image href="/a.png"/><image xlink:href="/b.png"/><use href="/c.svg#d"/>'
                '<use href="#e"/></svg>'
            ),
            ["image /a.png", "image /b.png", "image /c.svg"],
        ),
        (
            '<body background="/a.png"><table background="/b.png"><tr><td background="/c.png">',
            ["image /a.png", "image /b.png", "image /c.png"],
        ),
        ('<noscript><img src="/a.png"></noscript>', ["image /a.png"]),
        ('<template><img src="/a.png"></template>', ["image /a.png"]),
        ('<frameset><frame src="/a.html"></frameset>', ["frame /a.html"]),
        ('<a href="/a.png">a</a><area href="/b.png"><form action="/c"><blockquote cite="/d">', []),
        ('<img src="/a.png"><img src="/a.png"><img src="./../a.png#b">', ["image /a.png"]),
        ('<img src="#a"><img src=""><img src=" "><img><img src="/news/1">', []),
        (
            (
                '<img src="data:image/gif;base64,R0=="><img src="javascript:a()"><img src="blob:x">'
                '<img src="about:blank"><img src="http://[bad">'
            ),
            [],
        ),
        (
            '<base href="//cdn.example/x/"><img src="a.png"><base href="/no/">',
            ["image http://cdn.example/x/a.png"],
        ),
        ('<base href="data:,"><img src="a.png">', ["image /news/a.png"]),
        ("<img src=/a.png\x00>", ["image /a.png"]),
        ("", []),
    ],
)
def test_each_way_to_need_something(written, needed):
    """Every element that loads something is read, with what it is for; links are none."""
    assert [f"{kind} {url}" for kind, url in read(written)] == needed


@pytest.mark.parametrize(
    ("written", "needed"),
    [
        ('<img data-src="/a.jpg">', ["image /a.jpg"]),
        ('<img data-lazy-src="/a?w=300">', ["image /a?w=300"]),
        ('<img data-original="/a.JPG?w=3">', ["image /a.JPG?w=3"]),
        ('<img data-srcset="/a.jpg 1x, /b.jpg 2x">', ["image /a.jpg", "image /b.jpg"]),
        ('<img data-lazy-srcset="/a 300w">', ["image /a"]),
        ('<div data-bg="/a.webp">', ["image /a.webp"]),
        ("<div data-background='url(\"/a.webp\")'>", ["image /a.webp"]),
        ('<iframe data-src="/a">', ["frame /a"]),
        ('<script data-src="/a.js"></script>', ["script /a.js"]),
        ('<video data-src="/a.mp4" data-poster="/b.png">', ["media /a.mp4", "image /b.png"]),
        ('<video><source data-src="/a.mp4"></video>', ["media /a.mp4"]),
        ('<img data-src="{{photo.url}}" data-src-x="[1]" data-srcs=\'{"a": "/b.png"}\'>', []),
        ('<p data-source="a story from the harbour." data-id="7" data-name="photo.jpg of it">', []),
        ('<a data-href="/a" data-target="#b" data-url="/c.html">', []),
    ],
)
def test_pictures_that_a_script_puts_in_place_later(written, needed):
    """They are told by the shape of attribute and value, whatever library the page uses."""
    assert [f"{kind} {url}" for kind, url in read(written)] == needed


@pytest.mark.parametrize(
    ("srcset", "images"),
    [
        ("", []),
        (" , ,, ", []),
        ("a.jpg", ["a.jpg"]),
        ("a.jpg, b.jpg 2x", ["a.jpg", "b.jpg"]),
        ("a,b.jpg 1x,c.jpg 2x", ["a,b.jpg", "c.jpg"]),
        ("a.jpg,b.jpg", ["a.jpg,b.jpg"]),
        ("a.jpg,, b.jpg", ["a.jpg", "b.jpg"]),
        ("\n\ta.jpg\t300w\f400h,\r\n b.jpg", ["a.jpg", "b.jpg"]),
        ("data:image/png;base64,AA== 1x, b.jpg 2x", ["data:image/png;base64,AA==", "b.jpg"]),
        ("a.jpg (b, c) 2x, d.jpg", ["a.jpg", "d.jpg"]),
        ("a.jpg (b, c", ["a.jpg"]),
        ("a.jpg b) c, d.jpg", ["a.jpg", "d.jpg"]),
    ],
)
def test_a_srcset_is_cut_as_browsers_cut_it(srcset, images):
    """Commas inside addresses and brackets are theirs; blanks and other commas part candidates."""
    assert [url for url, _ in candidates(srcset)] == images


def test_queries_are_written_in_the_encoding_of_the_page():
    """And each requisite tells it, for a style sheet that does not say its own."""
    (need,) = page_requisites(tree_of('<img src="/é?é">'), url=PAGE, encoding="cp1252")
    assert need.url == f"{HOST}/%C3%A9?%E9"
    assert need.encoding == "cp1252"


@pytest.mark.parametrize(
    ("body", "content_type", "needed"),
    [
        ("<img src=/é?é>".encode("latin-1"), "text/html; charset=latin-1", "/%C3%A9?%E9"),
        ("<img src=/é>".encode(), "text/html", "/%C3%A9"),
        ("<img src=/é>".encode("latin-1"), "text/html", "/%C3%A9"),
        (b"\xff\xfe" + "<img src=/é>".encode("utf-16-le"), "text/html; charset=x", "/%C3%A9"),
        ("<meta charset=koi8-r><img src=/ж>".encode("koi8-r"), "", "/%D0%B6"),
        (b"<img src=/a>", "text/html; charset=punycode", "/a"),
        (b"<img src=/a>", "text/html; charset=hex", "/a"),
        (b"<?xml version='1.0'?><svg xmlns='s'><image href='/a'/></svg>", "image/svg+xml", "/a"),
    ],
)
def test_the_document_of_a_frame_is_read_from_its_bytes(body, content_type, needed):
    """Mark, header and meta name its charset; a codec that is none is passed over."""
    (need,) = frame_requisites(body, url=PAGE, content_type=content_type)
    assert need.url == HOST + needed


HOSTILE = {
    "images": "".join(f'<img src="/{n}">' for n in range(30_000)),
    "bad addresses": "".join(f'<img src="http://[{n}">' for n in range(20_000)),
    "attributes": "<p " + " ".join(f"data-{n}=b{n}.jpg" for n in range(3_000)) + ">",
    "candidates": '<img srcset="' + "a 1x," * 50_000 + '">',
    "brackets": '<img srcset="' + "a(" * 500_000 + '">',
    "commas": '<img srcset="' + "," * 1_000_000 + '">',
    "steps": '<img src="' + "../" * 300_000 + '">',
    "styles": "<style>a{b:url(c)}</style>" * 10_000,
    "inner documents": '<iframe srcdoc="' + "&lt;iframe srcdoc=" * 20_000 + '">',
    "deep": "<div>" * 100_000 + "<img src=/a>",
    "long": "<img src=/" + "a" * 1_000_000 + ">",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_are_read_in_bounded_time(name):
    """However many things a page names, and however oddly, only some thousands are read."""
    begun = time.process_time()
    assert len(read(HOSTILE[name])) <= MOST_REQUISITES
    assert time.process_time() - begun < 4
