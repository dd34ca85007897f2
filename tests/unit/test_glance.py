"""A page that leads to what it led to before is not read again; any other one is."""

from collections.abc import Iterator

import pytest
from scrapy.http import HtmlResponse, Response

from spiders.base import SiteSpider
from spiders.page import Spider as PageSpider
from spiders.reading.glance import LARGEST_BYTES, leads
from storage.model import Found, Requisite, Robots, Site

PAGE = (
    b'<html><head><meta charset="utf-8"><title>Quay</title><meta name="csrf" content="1a">'
    b'<link rel="stylesheet" href="/paper.css"><script nonce="1a">var state = "1a"</script>'
    b'<link rel="alternate" type="application/rss+xml" href="/feed"></head><body>'
    b'<!-- made in 12 ms --><a href="/one" title="a > b">One</a><p>Dock workers wait.</p>'
    b'<img src="/quay.jpg"><input type=hidden name=token value=1a><a href=/two>Two</a></body>'
)
TOKENS = {
    "a script": (b'nonce="1a">var state = "1a"', b'nonce="2b">var state = "<a href=/no>"'),
    "a meta element": (b'content="1a"', b'content="2b"'),
    "a hidden field": (b"value=1a", b"value=2b"),
    "words": (b"Dock workers wait.", b"Nobody waits."),
    "a comment": (b"12 ms", b"<a href=/no>"),
}
LEADS = {
    "a link": (b"/two>", b"/three>"),
    "a link behind a bracket in quotes": (b'a > b">', b'a > b" href="/three">'),
    "a new link": (b"<p>", b"<a href=/three>Three</a><p>"),
    "a link that was a comment": (b"<!-- made in 12 ms -->", b"<a href=/three>"),
    "what makes all that follows a comment": (b"ms -->", b"ms"),
    "a feed": (b"/feed", b"/news"),
    "the charset": (b"utf-8", b"big5"),
    "the base": (b"<head>", b"<head><base href=/old/>"),
    "a title that holds what follows": (b"</title>", b""),
}
NEEDS = {
    "a picture": (b"/quay.jpg", b"/crane.jpg"),
    "a sheet": (b"/paper.css", b"/paper.css?2b"),
    "a style": (b"<body>", b"<body><style>p { background: url(/p.jpg) }</style>"),
    "a style of an element": (b"<p>", b"<p style='background: url(/p.jpg)'>"),
    "a program": (b'<script nonce="1a">', b'<script nonce="1a" src="/a.js">'),
    "a picture of the head": (b'name="csrf" content="1a"', b'property="og:image" content="/p.jpg"'),
    "what is put in place later": (b"<p>", b"<p data-bg=/p.jpg>"),
}


@pytest.mark.parametrize("needs", [False, True])
@pytest.mark.parametrize("name", TOKENS)
def test_tokens_and_words_are_passed_over(name, needs):
    """What leads nowhere leaves the name of a page as it was."""
    other = PAGE.replace(*TOKENS[name])
    assert other != PAGE
    assert leads(other, needs=needs) == leads(PAGE, needs=needs)


@pytest.mark.parametrize("needs", [False, True])
@pytest.mark.parametrize("name", LEADS)
def test_no_link_is_overlooked(name, needs):
    """A page that leads elsewhere has another name."""
    other = PAGE.replace(*LEADS[name])
    assert other != PAGE
    assert leads(other, needs=needs) != leads(PAGE, needs=needs)


@pytest.mark.parametrize("name", NEEDS)
def test_what_a_page_needs_counts_where_it_is_kept(name):
    """Another picture, sheet or program gives another name, and only to whoever keeps them."""
    other = PAGE.replace(*NEEDS[name])
    assert other != PAGE
    assert leads(other, needs=True) != leads(PAGE, needs=True)
    if name != "a style":  # within it a tag would be none
        assert leads(other, needs=False) == leads(PAGE, needs=False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no tags at all",
        b"<urlset><loc>https://quay.example/1</loc></urlset>",
        b"<?xml version='1.0'?><rss><link>https://quay.example/1</link></rss>",
        PAGE.decode().encode("utf-16"),
        PAGE + b" " * LARGEST_BYTES,
    ],
)
def test_what_a_glance_cannot_tell_is_read(body):
    """A list, a large page, an odd charset and what is no page have no name."""
    assert leads(body, needs=True) is None


@pytest.mark.parametrize("piece", [b"<", b"<a", b"<!--", b"<script ", b"<style>", b'="', b"<a '>"])
def test_hostile_pages_take_linear_time(piece):
    """Marks that never end are passed once."""
    leads(piece * (LARGEST_BYTES // len(piece)), needs=True)


def test_only_spiders_that_read_tags_are_taken_at_a_glance():
    """A file that reads in its own way is given every page that differs."""

    class Own(SiteSpider):
        def links(self, response: HtmlResponse) -> Iterator[str]:
            yield from response.css("script::text").re("https?://[a-z]+")

    class OwnPage(PageSpider):
        def parse(self, response: Response) -> Iterator[Found | Requisite]:
            yield Found(url=response.text, found_by="link")  # type: ignore[arg-type]

    watched = Site(name="quay", robots=Robots.IGNORE)
    assert SiteSpider(watched).glance(PAGE) == leads(PAGE, needs=watched.requisites)
    assert PageSpider(watched).glance(PAGE) == leads(PAGE, needs=watched.requisites)
    assert Own(watched).glance(PAGE) is None
    assert OwnPage(watched).glance(PAGE) is None
