"""Which URLs belong to a site."""

import time

import pytest

from spiders.scope import check_pattern, in_scope, why_not
from storage.model import Site

PAPER = Site(
    name="paper",
    start=("https://www.paper.example/", "https://www.paper.example/section/world?page=0"),
    include=("/node/*", "/статья/*"),
    exclude=("/comment/*", "*/print", "/node/*?share=*"),
)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.paper.example/node/7",
        "http://paper.example/node/7#comments",
        "https://PAPER.example:443/node/",
        "https://paper.example./node/7?page=2",
        "https://www.paper.example/",
        "https://www.paper.example",
        "https://www.paper.example/section/world?page=0",
        "https://paper.example/%D1%81%D1%82%D0%B0%D1%82%D1%8C%D1%8F/1",
        "https://paper.example/%d1%81%d1%82%d0%b0%d1%82%d1%8c%d1%8f/1",
        "https://paper.example/статья/1",
    ],
)
def test_what_the_patterns_take_in_belongs(url):
    """Pages that a pattern names belong, however host, scheme and escapes are written."""
    assert why_not(PAPER, url) is None
    assert in_scope(PAPER, url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://paper.example/about", "no pattern of include"),
        ("https://paper.example/node", "no pattern of include"),
        ("https://paper.example/comment/node/1", "exclude"),
        ("https://paper.example/node/7/print", "exclude"),
        ("https://paper.example/node/7?share=mail", "exclude"),
        ("https://other.example/node/7", "none of the site's"),
        ("https://paper.example.evil.example/node/7", "none of the site's"),
        ("https://paper.example:8443/node/7", "none of the site's"),
        ("ftp://paper.example/node/7", "not an http"),
        ("javascript:alert(1)", "not an http"),
        ("https:///node/7", "not an http"),
        ("https://[::1/node/7", "not an http"),
        ("https://paper.example:99999/node/7", "not an http"),
        ("", "not an http"),
    ],
)
def test_what_does_not_belong_is_told_why(url, reason):
    """A URL outside has one sentence that names the reason."""
    assert reason in (why_not(PAPER, url) or "")
    assert not in_scope(PAPER, url)


def test_without_patterns_the_whole_host_belongs():
    """A site with start pages only takes in every page of their hosts, port by port."""
    site = Site(name="sample", start=("http://127.0.0.1:8123/index.html",))
    assert in_scope(site, "http://127.0.0.1:8123/any/thing?x=1")
    assert not in_scope(site, "http://127.0.0.1:8124/any/thing")


def test_a_whole_address_takes_in_another_host():
    """A pattern with a host adds it to the scope; the site's own hosts stay as they were."""
    site = Site(
        name="two",
        start=("https://paper.example/",),
        include=("https://media.example/papers/*",),
        exclude=("https://paper.example/private/*",),
    )
    assert in_scope(site, "https://media.example/papers/1.pdf")
    assert not in_scope(site, "https://media.example/other")
    assert in_scope(site, "https://paper.example/anything")
    assert not in_scope(site, "https://paper.example/private/1")


def test_a_prefix_narrows_the_scope_to_it():
    """A whole address on the site's own host is a prefix: other pages of the host are out."""
    site = Site(
        name="english", start=("https://paper.example/",), include=("https://paper.example/en/*",)
    )
    assert in_scope(site, "http://www.paper.example/en/a")
    assert not in_scope(site, "https://paper.example/fr/a")


def test_a_question_mark_in_a_pattern_is_itself():
    """Only the star is special; dots, brackets and question marks stand for themselves."""
    site = Site(name="php", start=("http://old.example/",), include=("/a.php?id=[1]&*",))
    assert in_scope(site, "http://old.example/a.php?id=[1]&x")
    assert not in_scope(site, "http://old.example/aXphp?id=1&x")
    assert not in_scope(site, "http://old.example/a.ph?id=[1]&x")


def test_stars_do_not_overlap():
    """The parts of a pattern must all be found, in order, without sharing characters."""
    site = Site(name="parts", start=("http://old.example/",), include=("/ab*b*ba",))
    assert in_scope(site, "http://old.example/abbba")
    assert not in_scope(site, "http://old.example/abba")
    assert not in_scope(site, "http://old.example/aba")


def test_a_hostile_url_takes_no_longer_than_a_long_one():
    """A pattern of many stars against a long near-miss ends at once."""
    site = Site(name="x", start=("http://old.example/",), include=("/" + "*a" * 50 + "*b",))
    began = time.perf_counter()
    assert not in_scope(site, "http://old.example/" + "a" * 50_000)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("text", ["/node/*", "*", "*.html", "https://media.example/x/*", "/a?b=*"])
def test_a_pattern_is_a_path_or_an_address(text):
    """What the documentation calls a pattern is one."""
    assert check_pattern(text) == text


@pytest.mark.parametrize(
    "text", ["", "node/*", "^/node/[0-9]+$", "ftp://x.example/*", "https:///x", "/a b", "/a\x1b"]
)
def test_anything_else_is_no_pattern(text):
    """A regular expression, a bare word or hidden characters are refused, with advice."""
    with pytest.raises(ValueError, match=r"write (a path|them)"):
        check_pattern(text)
