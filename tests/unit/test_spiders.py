"""What the general spider reads out of pages, sitemaps and feeds."""

import gc
import time
from itertools import islice, product

import pytest
from scrapy.http import HtmlResponse, Response, TextResponse, XmlResponse

from spiders.address import absolute
from spiders.base import MOST_LINKS, Requisite
from spiders.page import Spider as PageSpider
from spiders.reading.listings import MOST_LISTED, xml_root
from spiders.site import Spider
from storage.model import Found, FoundBy, RequisiteKind, Site

HOME = "http://paper.example/"
PAGE = "http://paper.example/news/1"
SITE = Site(name="paper", start=(HOME,))


def page(body: str | bytes, url: str = PAGE, charset: str = "utf-8") -> HtmlResponse:
    raw = body.encode(charset) if isinstance(body, str) else body
    return HtmlResponse(url, body=raw, headers={"Content-Type": f"text/html; charset={charset}"})


def xml(body: str | bytes, url: str = "http://paper.example/map.xml") -> XmlResponse:
    return XmlResponse(url, body=body.encode() if isinstance(body, str) else body)


def found(response: Response, site: Site = SITE) -> list[str]:
    return [one.url for one in Spider(site).parse(response) if isinstance(one, Found)]


def needed(response: Response) -> list[str]:
    return [one.url for one in Spider(SITE).parse(response) if isinstance(one, Requisite)]


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("my photo.jpg", "http://paper.example/news/my%20photo.jpg"),
        ("  /a\n /b\t.html ", "http://paper.example/a%20/b.html"),
        ("/a%20b?c=%3d&d=%zz", "http://paper.example/a%20b?c=%3d&d=%zz"),
        ("/مقال", "http://paper.example/%D9%85%D9%82%D8%A7%D9%84"),
        ("/a?b[]=1|2'3", "http://paper.example/a?b[]=1|2%273"),
        ('/a"b<c>`{d}^', "http://paper.example/a%22b%3Cc%3E%60%7Bd%7D%5E"),
        ("\\a\\b?c\\d", "http://paper.example/a/b?c%5Cd"),
        ("\\\\other.example\\a", "http://other.example/a"),
        ("//other.example", "http://other.example/"),
        ("HTTP://Other.Example:8080/A", "http://other.example:8080/A"),
        ("http://bücher.example:8080/ß", "http://xn--bcher-kva.example:8080/%C3%9F"),
        ("?page=2#top", "http://paper.example/news/1?page=2"),
        ("#top", "http://paper.example/news/1"),
        ("/a\x00\x7f\ud800b", "http://paper.example/a%00%7F%3Fb"),
        ("mailto:desk@paper.example", "mailto:desk@paper.example"),
        ("http://[bad", None),
        ("http://a]b/", None),
        ("//[::1/a", None),
    ],
)
def test_references_are_read_as_browsers_read_them(written, meant):
    """Blanks and odd characters are encoded once, what is encoded stays, what is none is None."""
    assert absolute(PAGE, written) == meant
    if meant is not None:
        assert absolute(PAGE, meant) == meant


def test_plain_references_mean_what_odd_ones_mean():
    """The short way for references that need no work agrees with the long way, which "#" takes."""
    parts = (
        "/",
        "a",
        ".",
        "..",
        "?",
        "%20",
        "http://",
        "x.example",
        ":80",
        "@",
        "é",
        "'",
        "=",
        "~",
    )
    bases = (PAGE, "https://Paper.Example:8443/a/b/", "http://u:p@h.example/", "mailto:x@y", "")
    for length in range(4):
        for chosen in product(parts, repeat=length):
            reference = "/" + "".join(chosen)
            base = bases[len(reference) % len(bases)]
            for one in (reference, reference[1:]):
                assert absolute(base, one) == absolute(base, f"{one}#")


@pytest.mark.parametrize(
    ("encoding", "query"),
    [("utf-8", "%C3%A9%E2%82%AC"), ("utf-16-le", "%C3%A9%E2%82%AC"), ("latin-1", "%E9&%238364;")],
)
def test_a_query_is_written_in_the_encoding_of_its_page(encoding, query):
    """Old servers expect the bytes of their own encoding in a query, never in a path."""
    meant = absolute(PAGE, "/é?é€", encoding=encoding)
    assert meant == f"http://paper.example/%C3%A9?{query}"


# --- pages --------------------------------------------------------------------------------------


def test_one_bad_address_costs_itself_only():
    """What cannot be read as an address is passed over; all around it is found."""
    body = """<base href="http://[bad"><link rel="alternate" type="application/rss+xml" href="//[x">
    <link rel="ALTERNATE home" type="Application/RSS+XML " href="/rss feed.xml">
    <a href="/a">a</a> <a href="http://[bad">b</a> <a>c</a> <a href="">d</a>
    <a href="javascript:go()">e</a> <map><area href="/m n"></map> <a href="/z?q=a b#c">z</a>
    <img src="http://[bad"> <img src="my photo.jpg"> <img> <img src="data:image/gif;base64,R0==">
    <link rel="StyleSheet" href="/style.css"> <img src="/my photo.jpg"> <img src="my photo.jpg">"""
    assert found(page(body)) == [
        "http://paper.example/a",
        "http://paper.example/news/1",
        "http://paper.example/m%20n",
        "http://paper.example/z?q=a%20b",
        "http://paper.example/rss%20feed.xml",
    ]
    assert needed(page(body)) == [
        "http://paper.example/news/my%20photo.jpg",
        "http://paper.example/style.css",
        "http://paper.example/my%20photo.jpg",
    ]


@pytest.mark.parametrize("base", ["javascript:void(0)", "data:text/html,x", "", "mailto:x@y"])
def test_a_base_that_leads_nowhere_is_no_base(base):
    """Relative links are taken from the page where its base is no http address."""
    assert found(page(f'<base href="{base}"><a href="2">')) == ["http://paper.example/news/2"]


def test_a_base_is_where_links_start():
    """Relative links are taken from the base that a page declares."""
    assert found(page('<base href="/old/"><a href="2">')) == ["http://paper.example/old/2"]


def test_pictures_and_programs_are_no_pages_but_documents_are():
    """Links to what holds no text are not followed; papers are."""
    links = ("/a.jpg", "/b.EXE", "/c.pdf", "/d.tar.gz", "/e.html", "/f?x=.zip", "/g.mp4?h=1")
    body = "".join(f'<a href="{one}">' for one in links)
    assert found(page(body)) == [
        f"http://paper.example{one}" for one in ("/c.pdf", "/e.html", links[5])
    ]


def test_a_page_of_an_odd_charset_is_let_go_when_it_is_read():
    """The copy that is read instead, and its tree, do not wait for the collector."""
    gc.collect()
    gc.disable()
    try:
        odd = page('<a href="/a">', charset="utf-7")
        odd = odd.replace(encoding="punycode")
        assert found(odd) == ["http://paper.example/a"]
        left = [one for one in gc.get_objects() if isinstance(one, HtmlResponse)]
    finally:
        gc.enable()
    assert left == [odd]


def test_links_are_found_once_and_in_scope():
    """The same page linked twice, or left out by a pattern, or of another host, is not told."""
    site = Site(name="paper", start=(HOME,), include=("/news/*",), exclude=("*/print",))
    links = ("2", "./2", "2#c", "2/print", "/x", "//y.example/news/")
    body = "".join(f'<a href="{one}">' for one in links)
    assert found(page(body), site) == ["http://paper.example/news/2"]


def test_a_site_without_requisites_yields_none():
    """What a page needs is not even read where it is not wanted."""
    site = Site(name="paper", start=(HOME,), requisites=False)
    assert list(Spider(site).parse(page('<img src="/a.png">'))) == []


def test_the_page_spider_follows_nothing():
    """Its pages yield what they need, and no target."""
    got = list(PageSpider(SITE).parse(page('<a href="/a"><img src="/b.png">')))
    kind = RequisiteKind.IMAGE
    assert got == [Requisite(url="http://paper.example/b.png", kind=kind, encoding="utf-8")]


def test_a_page_of_a_hundred_thousand_links_is_read_in_bounded_time():
    """No more than the first few thousand links of a trap are ever made addresses of."""
    body = "".join(f'<a href="/{n}">' for n in range(100_000))
    begun = time.process_time()
    assert len(found(page(body))) == MOST_LINKS
    assert time.process_time() - begun < 2
    again = page('<a href="/same">' * 100_000)
    begun = time.process_time()
    assert found(again) == ["http://paper.example/same"]
    assert time.process_time() - begun < 2


# --- lists --------------------------------------------------------------------------------------

MAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


@pytest.mark.parametrize(
    ("start", "root"),
    [
        (b"<rss>", "rss"),
        (
            (
                b"\xef\xbb\xbf \n<?xml version='1.0'?><!-- <a> -->"
                b"<!DOCTYPE x [<!ENTITY a '<b>'>]><RSS x=''>"
            ),
            "rss",
        ),
        ("<?xml version='1.0'?><feed xmlns='a'/>".encode("utf-16"), "feed"),
        (b"<rdf:RDF\nxmlns:rdf=''>", "rdf"),
        (b"<!doctype html>\n<html>", "html"),
        (b"<?xml-stylesheet href='>'?><sm:urlset>", "urlset"),
        (b"text <rss>", ""),
        (b"<!-- <rss>", ""),
        (b"<!DOCTYPE x [", ""),
        (b"", ""),
        (b"<", ""),
        (b"{}", ""),
        (b"<?" * 40_000, ""),
        (b"<!-- --> " * 10_000, ""),
        (b"<!doctype" * 10_000, ""),
        (b"<" + b"a:" * 40_000, "a"),
        (b" " * 70_000 + b"<rss>", ""),
    ],
)
def test_the_root_of_a_document(start, root):
    """The first element names the document, in linear time, whatever stands before it."""
    begun = time.process_time()
    assert xml_root(start) == root
    assert time.process_time() - begun < 0.1


def test_a_sitemap_lists_targets_whatever_its_type_says():
    """Entries in scope are found, pictures are not, and encodings of XML are undone."""
    body = f"""<?xml version="1.0"?><urlset xmlns="{MAP}" xmlns:image="i">
    <url><loc> http://paper.example/a?b=1&amp;c=2 </loc>
      <image:image><image:loc>http://paper.example/p.jpg</image:loc></image:image></url>
    <url><loc><![CDATA[http://paper.example/d e&f]]></loc></url>
    <url><loc>http://[bad</loc></url><url><loc/></url><url><loc>/g</loc></url>
    <url><loc>http://other.example/h</loc></url><url><loc>http://paper.example/i"""
    urls = ["a?b=1&c=2", "d%20e&f", "g", "i"]
    for response in (xml(body), page(body), TextResponse(PAGE, body=body.encode())):
        assert found(response) == [HOME + one for one in urls]
        assert {one.found_by for one in Spider(SITE).parse(response)} == {FoundBy.SITEMAP}


def test_a_sitemap_index_lists_sitemaps_of_the_whole_site():
    """The pages' scope does not hold for the sitemaps, the site's hosts do; prefixes are read."""
    site = Site(name="paper", start=(HOME,), include=("/news/*",))
    body = f"""<s:sitemapindex xmlns:s="{MAP}"><s:sitemap><s:loc>http://paper.example/1.xml.gz</s:loc>
    </s:sitemap><s:sitemap><s:loc>http://other.example/2.xml</s:loc></s:sitemap></s:sitemapindex>"""
    assert found(xml(body), site) == ["http://paper.example/1.xml.gz"]


def test_a_large_sitemap_is_read_to_the_number_that_is_allowed():
    """Fifty thousand entries are taken in bounded time, and no more; tricks cost no more."""
    entries = "".join(f"<url><loc>http://paper.example/{n}</loc></url>" for n in range(60_000))
    begun = time.process_time()
    assert len(list(islice(Spider(SITE).parse(xml(f"<urlset>{entries}")), 100_000))) == MOST_LISTED
    assert found(xml(b"<urlset>" + b"<loc>" * 200_000)) == []
    assert found(xml(b"<urlset><loc>" + b"x" * 1_000_000)) != []
    assert time.process_time() - begun < 6


@pytest.mark.parametrize(
    "body",
    [
        """<rss version="2.0"><channel><link>http://paper.example/</link>
        <item><title>x</title><link> /a b </link><guid>y</guid></item>
        <item><link/><link>http://[bad</link></item><item/>
        <item><link>http://paper.example/c?d&amp;e</link></item></channel></rss>""",
        """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><link href="/"/>
        <entry><link rel="edit" href="/edit"/><link href="/a b"/><link href="/x"/></entry>
        <entry><link rel="alternate" href="c?d&amp;e"/></entry><entry><link href=</entry>""",
        """<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"/>
        <item rdf:about="a"><link>/a b</link></item>
        <item><link>c?d&amp;e</link></item></rdf:RDF>""",
    ],
)
def test_feeds_of_all_kinds_list_articles(body):
    """RSS 2.0, Atom and RSS 1.0 name each article once; what is broken costs itself only."""
    response = xml(body, "http://paper.example/feed")
    assert found(response) == ["http://paper.example/a%20b", "http://paper.example/c?d&e"]
    assert {one.found_by for one in Spider(SITE).parse(response)} == {FoundBy.FEED}


def test_entities_of_a_feed_are_not_blown_up():
    """A feed that defines entities of entities yields its plain entries, in bounded time."""
    defined = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
    )
    defined += '<!ENTITY f SYSTEM "file:///etc/passwd">'
    body = f"""<?xml version="1.0"?><!DOCTYPE rss [{defined}]><rss><item><link>/a</link></item>
    <item><link>&f;&a11;</link></item><item><link href="&a11;"/></item></rss>"""
    begun = time.process_time()
    assert found(xml(body))[:1] == ["http://paper.example/a"]
    assert time.process_time() - begun < 1
