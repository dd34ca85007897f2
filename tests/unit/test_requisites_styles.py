"""Addresses in style sheets are found in every form CSS has for them, in linear time."""

import time

import pytest

from spiders.reading.requisites import sheet_requisites
from spiders.reading.styles import LONGEST_REFERENCE, style_references

SHEET = "http://paper.example/css/main.css"


def read(text: str) -> list[str]:
    return [f"{kind.value} {reference}" for reference, kind in style_references(text)]


@pytest.mark.parametrize(
    ("written", "needed"),
    [
        ('@import "a.css";', ["style a.css"]),
        ("@import 'a.css' screen and (width > 3px);", ["style a.css"]),
        ("@import url(a.css);@IMPORT URL( 'b.css' ) layer(c);", ["style a.css", "style b.css"]),
        ('@import url("a.css") supports(background: url(b.png));', ["style a.css", "image b.png"]),
        ('@\\69mport "a.css";', ["style a.css"]),
        ('@import/**/"a.css"', ["style a.css"]),
        ('@import "a.css', ["style a.css"]),
        ('@charset "utf-8"; @namespace url(http://www.w3.org/1999/xhtml); @namespace a "b";', []),
        ("@document url(http://a/) { b { c: url(d.png) } }", ["image d.png"]),
        ("a { b: url(c.png) }", ["image c.png"]),
        ("a { b: url( \n c.png\t) }", ["image c.png"]),
        ('a { b: url("c\'d.png") }', ["image c'd.png"]),
        ("a { b: url('c)d.png') }", ["image c)d.png"]),
        ("a { b: url(c\\)d\\20 e.png) }", ["image c)d e.png"]),
        ("a { b: \\75 rl(c.png) u\\000072l(d.png) }", ["image c.png", "image d.png"]),
        ('a { b: url("c\\\nd.png") }', ["image cd.png"]),
        ('a { b: url("c\\"d.png") }', ['image c"d.png']),
        ('a { b: url("\\0 \\d800 \\110000 ") }', ["image \ufffd\ufffd\ufffd"]),
        ("a { b: url(c d.png) url(e.png) }", ["image e.png"]),
        ("a { b: url(c'd.png) url(e.png) }", ["image e.png"]),
        ('a { b: "no\n; c: url(d.png) }', ["image d.png"]),
        ("a { b: url(c.png", ["image c.png"]),
        ('a { b: "url(c.png)" } /* url(d.png) */ #url(e) { }', []),
        ("a { b: my-url(c.png) format('woff') local('d') }", []),
        (
            "@font-face { font-family: 'a'; src: url(b.woff2) format('woff2'), url('c.ttf') }",
            ["font b.woff2", "font c.ttf"],
        ),
        (
            "@media print { @font-face { src: url(a.woff) } b { c: url(d.png) } } e { f: url(g) }",
            ["font a.woff", "image d.png", "image g"],
        ),
        (
            "a { b: image-set('c.png' 1x, url(d.png) 2x, 'e.avif' type('image/avif')) }",
            ["image c.png", "image d.png", "image e.avif"],
        ),
        (
            "a { b: -webkit-image-set(url(c.png) 1x) image('d.png', red) src('e.png') }",
            ["image c.png", "image d.png", "image e.png"],
        ),
        (
            "a { --b: url(c.png); cursor: url(d.cur) 2 2, auto; filter: url(#e) }",
            ["image c.png", "image d.cur", "image #e"],
        ),
        ("background: url(c.png)", ["image c.png"]),
        ("<!-- a { b: url(c.png) } -->", ["image c.png"]),
        (f"a {{ b: url({'c' * (LONGEST_REFERENCE + 1)}) }}", []),
        ("", []),
    ],
)
def test_each_way_to_write_an_address(written, needed):
    """Imports, functions, strings and escapes are read; names, words and comments are not."""
    assert read(written) == needed


@pytest.mark.parametrize(
    ("body", "content_type", "referrer", "query"),
    [
        (b'@import "a?\xe9";', "text/css; charset=latin-1", "", "%E9"),
        (b'@import "a?\xc3\xa9";', "text/css", "koi8-r", "%C3%A9"),
        (b'@charset "koi8-r";@import "a?\xc1";', "text/css", "", "%C1"),
        (b'@charset "koi8-r";@import "a?\xc3\xa9";', "text/css; charset=utf-8", "", "%C3%A9"),
        (b'\xef\xbb\xbf@import "a?\xc3\xa9";', "text/css; charset=koi8-r", "", "%C3%A9"),
        (b'@charset "utf-16";@import "a?\xc3\xa9";', "text/css", "", "%C3%A9"),
        (b'@import "a?\xc1";', "text/css", "koi8-r", "%C1"),
        (b'@import "a?\xe9";', "text/css", "", "%E9"),
        (b'@charset "punycode";@import "a?\xe9";', "text/css; charset=hex", "idna", "%E9"),
        (b"\xff\xfe" + '@import "a?é";'.encode("utf-16-le"), "text/css", "", "%C3%A9"),
    ],
)
def test_the_charset_of_a_sheet(body, content_type, referrer, query):
    """Its mark goes before its header, that before its rule, that before what names the sheet."""
    (need,) = sheet_requisites(body, url=SHEET, content_type=content_type, encoding=referrer)
    assert need.url == f"http://paper.example/css/a?{query}"


HOSTILE = (
    '"a\n',
    '"',
    "'\\\n",
    "(",
    "url(",
    'url("',
    "url(a'",
    "url( ",
    "/*",
    "\\",
    "\\\n",
    "{",
    "@",
    "@import",
    '@import"',
    "#a",
    "a",
    "-",
    "a(",
    "image-set('a'",
    "}",
    "url(a)",
    "\\75rl(",
    "/",
    "ж",
)


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_sheets_are_read_in_linear_time(part):
    """Whatever is said again and again, and never ended, is read once."""
    begun = time.process_time()
    sheet = (part * (100_000 // len(part))).encode()
    assert len(list(sheet_requisites(sheet, url=SHEET, content_type="text/css"))) <= 2
    assert time.process_time() - begun < 2
