"""What a robots.txt allows, whatever it is written like."""

import time
from datetime import timedelta

import pytest

from crawler.fetch.robots import (
    LONGEST_DELAY,
    MOST_KEPT_BYTES,
    MOST_ORIGINS,
    KnownRules,
    Open,
    Unreachable,
    read_rules,
)
from storage.model import Outcome

URL = "http://paper.example/robots.txt"
PAGE = "http://paper.example/node/1"


def rules(body: bytes | str, agent: str = "Holdfast"):
    return read_rules(body.encode() if isinstance(body, str) else body, agent=agent, url=URL)


@pytest.mark.parametrize(
    "body",
    [
        b"User-agent: *\nDisallow: /",
        b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /\r\n",
        b"user-agent:HOLDFAST\rdisallow:/node/",
        b"User-agent: Other\nUser-agent: Holdfast/2.0 # us\nDisallow: /*/1$",
        b"User-agent: Other\nAllow: /\n\nUser-agent: *\nDisallow: /",
        b"User-agent: H\nAllow: /\n\nUser-agent: *\nDisallow: /",
        b"User agent holdfast\nDisallow: /",
        b"\xff\xfe\xff\nUser-agent: *\nDisallow: /",
    ],
)
def test_what_is_forbidden_is_refused(body):
    """A page is refused by a group for all or for us, however case, ends and marks are written."""
    assert rules(body).refusal(PAGE) == (Outcome.BLOCKED_ROBOTS, "robots.txt disallows it")
    assert rules(body).refusal(URL) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>not found</html>",
        b"\x00\x01\x02" * 100,
        b"Disallow: /",
        b"User-agent: Other\nDisallow: /",
        b"User-agent: H\nDisallow: /",
        b"User-agent: *\nDisallow: /\nUser-agent: Holdfast\nAllow: /",
        b"User-agent: *\nDisallow:",
        b"User-agent: *\nDisallow: /\nAllow: /node/1",
    ],
)
def test_what_is_not_forbidden_to_us_is_allowed(body):
    """Rules for other crawlers, also for one whose name begins ours, do not bind us."""
    assert rules(body).refusal(PAGE) is None


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("1.5", timedelta(seconds=1.5)),
        ("0", timedelta(0)),
        ("-3", timedelta(0)),
        ("99999999999999999999", LONGEST_DELAY),
        ("1e300", LONGEST_DELAY),
        ("9" * 5000, timedelta(0)),
        ("inf", timedelta(0)),
        ("nan", timedelta(0)),
        ("soon", timedelta(0)),
    ],
)
def test_a_crawl_delay_is_at_most_a_minute(asked, given):
    """Whatever number is asked for is a delay that can be waited for."""
    assert rules(f"User-agent: *\nCrawl-delay: {asked}").delay() == given


def test_sitemaps_are_addresses_that_can_be_targets():
    """Relative ones are taken from where robots.txt lies; what can be no target is left out."""
    named = (
        "/map.xml",
        "http://other.example/a b.xml",
        "ftp://x.example/",
        "http://[bad",
        "http://u:p@x.example/",
    )
    body = "".join(f"Sitemap: {one}\n" for one in named)
    assert rules(body).sitemaps == (
        "http://paper.example/map.xml",
        "http://other.example/a%20b.xml",
    )
    assert len(rules("Sitemap: /a.xml\n" * 1000).sitemaps) == 100


def test_many_names_and_many_rules_take_no_longer_than_their_length():
    """A file of thousands of crawlers and rules, a square to its parser, is read at once."""
    others = "".join(f"User-agent: a{n}\n" for n in range(4000))
    body = others + "User-agent: *\n" + "Disallow: /b\n" * 4000 + "Disallow: /node/\n"
    begun = time.process_time()
    assert rules(body).refusal(PAGE) is not None
    assert time.process_time() - begun < 2


def test_rules_stand_for_their_time():
    """Rules are known for a day, a failure for five minutes, each origin for itself."""
    known = KnownRules()
    known.put("http://a.example", Open(), now=10)
    known.put("https://a.example", Unreachable(Outcome.REFUSED, "no"), now=10)
    assert isinstance(known.get("http://a.example", now=10), Open)
    assert isinstance(known.get("https://a.example", now=309), Unreachable)
    assert known.get("https://a.example", now=310) is None
    assert known.get("http://a.example", now=86409) is not None
    assert known.get("http://a.example", now=86410) is None
    assert known.get("http://b.example", now=10) is None


def test_rules_outlive_a_host_that_is_out_of_reach():
    """A failure to ask again leaves the rules of before in force for a month, and then counts."""
    known, day = KnownRules(), 24 * 3600
    forbidding = rules("User-agent: *\nDisallow: /")
    lost = Unreachable(Outcome.SERVER_ERROR, "the host answers 503")
    assert known.put("http://a.example", forbidding, now=0) is forbidding
    assert known.put("http://a.example", lost, now=day) is forbidding
    assert known.get("http://a.example", now=day + 299) is forbidding
    assert known.get("http://a.example", now=day + 300) is None
    assert known.put("http://a.example", lost, now=30 * day - 1) is forbidding
    assert known.put("http://a.example", lost, now=30 * day) is lost
    assert known.put("http://a.example", Open(), now=31 * day) == Open()
    assert known.put("http://a.example", lost, now=32 * day) == Open()
    assert known.put("http://b.example", lost, now=0) is lost


def test_rules_of_many_origins_are_bounded():
    """Origins not asked for lately are forgotten, by number and by the length of texts."""
    known = KnownRules()
    for n in range(2 * MOST_ORIGINS):
        known.put(f"http://{n}.example", Open(), now=0)
        known.get("http://0.example", now=0)
    assert len(known) == MOST_ORIGINS
    assert known.get("http://0.example", now=0) is not None
    assert known.get("http://1.example", now=0) is None

    large = rules("User-agent: *\nDisallow: /a\n" + "#" * (MOST_KEPT_BYTES // 10))
    for n in range(20):
        known.put(f"http://{n}.large.example", large, now=0)
        known.put(f"http://{n}.large.example", large, now=0)
    assert len(known) == 9
    for n in range(20):
        known.put(f"http://{n}.large.example", Open(), now=0)
    assert len(known) == 20
