"""What every file of spiders/ promises: it loads, it finds, and no page makes it fail."""

from datetime import UTC, datetime

import pytest
from scrapy.http import HtmlResponse, JsonResponse, Response, TextResponse, XmlResponse

from crawler import plugins
from crawler.fetch.fetcher import Fetched
from crawler.fetch.handler import to_response
from crawler.fetch.roster import Roster, load
from spiders.base import Requisite, SiteSpider
from spiders.scope import in_scope
from storage.model import Capture, Found, Outcome, Role, Site

HOME = "https://www.paper.example/"
FOREIGN = "https://elsewhere.example/"
NAMES = plugins.spider_names()


def site(name: str) -> Site:
    return Site(name="paper", start=(HOME,), spider=name)


def spider(name: str) -> SiteSpider:
    return Roster().spider(site(name))[0]


LINKS = "".join(
    f'<a href="{one}">x</a>'
    for path in ("node/1", "content/a", "section/world", "comment/7", "user/login", "", "a b", "ü")
    for one in (f"/{path}", f"{FOREIGN}{path}", path)
)
PAGE = f"""<!doctype html><title>t</title><link rel=stylesheet href=/s.css>
<link rel=alternate type=application/rss+xml href=/rss.xml>
<link rel=alternate type=application/rss+xml href={FOREIGN}rss>
{LINKS}<img src="/a b.png"><img src="{FOREIGN}c.png">"""
SITEMAP = f"<urlset><url><loc>{HOME}node/1</loc></url><url><loc>{FOREIGN}</loc></url></urlset>"
INDEX = SITEMAP.replace("urlset", "sitemapindex").replace("url>", "sitemap>")
FEED = f"<rss><item><link>{HOME}node/1</link></item><item><link>{FOREIGN}</link></item></rss>"

BODIES = {
    "page": PAGE,
    "sitemap": SITEMAP,
    "index": INDEX,
    "feed": FEED,
    "empty": "",
    "blank": " \n\t\x00",
    "nul": "\x00".join(PAGE),
    "cut": PAGE[: len(PAGE) // 2],
    "cut feed": FEED[:-30],
    "no html": "just text, <not a tag, & no entity; &#xfffffff; &#0;",
    "deep": "<div>" * 20_000 + '<a href="/node/1">',
    "deep feed": "<rss>" + "<item>" * 5000 + "<link>/node/1</link>",
    "many attributes": "<a " + " ".join(f"a{n}=b" for n in range(5000)) + ' href="/node/1">',
    "bad base": '<base href="http://[bad"><a href="node/1"><img src="http://[">',
    "bad addresses": "".join(
        f'<a href="{one}"><img src="{one}"><link rel=stylesheet href="{one}">'
        for one in ("http://[", "//]", "//a:99999/", "//a:b/", "http://", "http:", "?", "//", " ")
    ),
    "bad names": "".join(
        f'<a href="//{one}.paper.example">' for one in ("xn--a", "\u0b95\u200d", "\u2102\u2100")
    ),
    "bad charset": '<meta charset="hex"><a href="/node/1">',
    "bad xml charset": "<?xml version='1.0' encoding='punycode'?><rss><item/></rss>",
    "many slashes": '<a href="' + "/" * 20_000 + '"><a href="' + "../" * 20_000 + '">',
    "comment": "<!-- <a href='/node/1'>",
    "doctype": "<!DOCTYPE html [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><p>&a;",
    "json": '{"a": ["<a href=/node/1>"]}',
    "nul xml": "<?xml version='1.0'?><urlset>\x00<url><loc>\x01</loc></url></urlset>",
    "empty lists": "<urlset/>",
    "empty feed": "<feed xmlns='http://www.w3.org/2005/Atom'/>",
}
TYPES = (
    "text/html",
    "text/html; charset=utf-16",
    "text/html; charset=no-such-thing",
    "text/html; charset=rot13",
    "text/html; charset=hex",
    "text/html; charset=idna",
    "text/html; charset=punycode",
    "text/html; charset=unicode_escape",
    "text/html; charset=utf-7",
    "application/xml",
    "text/plain",
    "application/json",
    "application/gzip",
    "",
    "\x85\xff;;;",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_holds_a_spider_of_its_name(name):
    """Each loads, and its spider bears the name that configurations call it by."""
    assert issubclass(load(name), SiteSpider)
    assert spider(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_rules_for_its_articles_or_none(name):
    """What reads its pages finds them by the name of the file; most need none."""
    assert load(name).rules == plugins.rules_of(name)


def answered(body: bytes, content_type: str) -> Response:
    """Return what the engine gives to a spider."""
    capture = Capture(
        url=f"{HOME}section/news",
        role=Role.TARGET,
        captured_at=datetime(2026, 11, 22, tzinfo=UTC),
        outcome=Outcome.OK,
        status=200,
    )
    headers = (("Content-Type", content_type),) if content_type else ()
    return to_response(Fetched(capture=capture, headers=headers, body=body))


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("name", NAMES)
def test_a_spider_finds_in_scope_and_never_fails(name, content_type):
    """From any page come targets and requisites only, each an address, each target in scope."""
    reader = spider(name)
    everywhere = reader.whole_site()
    for body in BODIES.values():
        for raw in (body.encode(), body.encode("utf-16"), body.encode("latin-1", "replace")):
            response = answered(raw, content_type)
            for one in reader.parse(response):
                assert isinstance(one, Found | Requisite)
                assert one.url.startswith(("http://", "https://"))
                if isinstance(one, Found):
                    assert in_scope(everywhere, one.url)
                    assert one.found_on == response.url


@pytest.mark.parametrize("kind", [Response, TextResponse, HtmlResponse, XmlResponse, JsonResponse])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_answer_of_any_kind_leads_nowhere(name, kind):
    """Nothing is found in nothing."""
    assert list(spider(name).parse(kind(HOME, body=b""))) == []
