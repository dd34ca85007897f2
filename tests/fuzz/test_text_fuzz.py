"""Pages that are cut, doubled and garbled are read: no exception, no hang, no growing memory."""

import os
import random
import resource
import time

from crawler.text.article import Context, normalise
from storage.model import Article

PAGES = int(os.environ.get("HOLDFAST_FUZZ", "2000"))
SEED = int(os.environ.get("HOLDFAST_FUZZ_SEED", "1"))
HTML = (("Content-Type", "text/html; charset=utf-8"),)
LONGEST_SECONDS = 10
MOST_GROWTH_KIB = 200 * 1024

SEEDS = (
    (
        b"<!DOCTYPE html><html lang='en'><head><title>Wages | Quay</title>"
        b"<meta property='og:title' "
        b'content=\'Wages\'><script type=\'application/ld+json\'>{"@type":"NewsArticle","headline":'
        b'"Wages","author":[{"name":"Nadia Karim"}],"datePublished":"2014-10-10"}</script>'
        b"</head><body><nav><ul><li><a href='/'>Home</a></li></ul></nav><article><h1>Wages</h1>"
        b"<p class='byline'>By Nadia Karim</p><p>Dock workers have waited four months "
        b"for their wages, "
        b"and nobody could say on Thursday when they will be paid.</p><figure><img src='a.jpg'>"
        b"<figcaption>The quay</figcaption></figure><blockquote><p>We wait.</p></blockquote>"
        b"<table><tr><td>June</td><td>4</td></tr></table><ul><li>No water</li></ul></article>"
        b"<div id='comments'><p>Well said.</p></div></body></html>"
    ),
    "<html dir='rtl'><head><meta charset='utf-8'><title>الميناء</title></head><body><table><tr><td>"
    "عمال الميناء ينتظرون أجورهم منذ أربعة أشهر<br>قال حسن إنهم يأتون كل صباح<br><br>"
    "بقلم: نادية كريم</td></tr></table></body></html>".encode(),
    "<html><body><div>港口工人等了四个月的工资。<br>他们每天早上都来。</div></body></html>".encode(
        "utf-16"
    ),
    b"Wages\r\n\r\nDock workers wait.\r\n\x00\xff\xfe",
)
_PIECES = (
    "< > </p> <p> </div> <br> <table> <td> <!-- --> <script> </script> <style> &amp; &#0; "
    "&#x110000; \x00 <h1> <svg><title> <template> <plaintext> <frameset> <![CDATA[ <math><mi> "
    "<base/href=//[/> <meta/charset=idna> <a/href=//[::1> <p/hidden> <div/class=ad> \u202e"
)
PIECES = (*(one.encode() for one in _PIECES.split()), b"\xff", b"<select><option>")


def mutated(rnd: random.Random) -> bytes:
    """Return a seed page with a few pieces cut out, doubled, put in or flipped."""
    page = bytearray(rnd.choice(SEEDS))
    for _ in range(rnd.randint(1, 12)):
        at = rnd.randrange(len(page) + 1)
        end = min(len(page), at + rnd.randint(1, 60))
        match rnd.randrange(4):
            case 0:
                del page[at:end]
            case 1:
                page[at:at] = page[at:end] * rnd.randint(1, 8)
            case 2:
                page[at:at] = rnd.choice(PIECES) * rnd.choice((1, 1, 1, 40))
            case _ if at < len(page):
                page[at] ^= 1 << rnd.randrange(8)
    return bytes(page)


def test_mutated_pages_are_read():
    """Each gives an article, quickly, also when held against the page before it."""
    rnd = random.Random(SEED)
    previous: Article | None = None
    grown_from = 0
    for number in range(PAGES):
        body = mutated(rnd)
        start = time.process_time()
        previous = normalise(
            body, url="https://quay.example/1", headers=HTML, context=Context(previous=previous)
        )
        assert time.process_time() - start < LONGEST_SECONDS, body
        previous.text.encode("utf-8", "surrogatepass")
        if number == PAGES // 4:
            grown_from = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown_from < MOST_GROWTH_KIB
