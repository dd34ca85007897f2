"""A well-known site's template tells its articles alone, and only where it leaves no doubt."""

from collections.abc import Sequence
from functools import cache

import pytest

from crawler.text import familiar
from crawler.text.article import ALONE, Context, normalise, study
from crawler.text.template import learn, page_name
from storage.model import Article, Template

HTML = (("Content-Type", "text/html; charset=utf-8"),)
_WORDS = (
    "harbour quay crane ship wage winter court minister village river bridge school letter road "
    "teacher market doctor night train paper island valley storm orchard"
)
WORDS = _WORDS.split()
KNOWN = familiar.WELL_KNOWN + 1


def sentence(seed: int, length: int = 24) -> str:
    """Return a sentence of its own for every seed."""
    chosen = [WORDS[(seed * 7 + step * (seed % 5 + 3)) % len(WORDS)] for step in range(length)]
    return f"Report {seed}: {' '.join(chosen)}."


def page(number: int, *, paragraphs: int = 6, inside: str = "", below: str = "") -> bytes:
    """Return an article of the site: headline, by-line, date line, text, what every page has."""
    texts = [f"<p>{sentence(number * 100 + one)}</p>" for one in range(paragraphs)]
    return (
        f"<html><head><title>{sentence(number * 100 + 50, 5)} - The Quay</title></head><body>"
        "<ul class=menu><li><a href=/news>News of the harbour</a><li><a href=/us>About us</a></ul>"
        f"<article><h1>{sentence(number * 100 + 50, 5)}</h1><p class=byline>By: Nadia Karim</p>"
        f"<p class=date>Published Friday, October {number % 28 + 1}, 2014</p>"
        f"<div class=text>{''.join(texts[:3])}{inside}{''.join(texts[3:])}</div></article>{below}"
        f"<div class=more><p>Read on: {sentence(number * 100 + 60, 9)}</p></div>"
        "<div class=foot>The Quay is printed by the dockers since it was founded.</div>"
        "</body></html>"
    ).encode()


def address(number: int) -> str:
    """Return the address of an article, none of those that are read in full as a control."""
    names = (f"https://quay.example/{number}/{turn}" for turn in range(99))
    return next(one for one in names if int(page_name(one), 16) % familiar.CONTROL)


@cache
def template(pages: int) -> Template:
    """Return what so many pages of the site have taught."""
    known = Template()
    for number in range(1, pages + 1):
        made = study(page(number), url=address(number), headers=HTML)
        assert made.lesson is not None
        known = learn(known, made.lesson)
    return known


def read(body: bytes, url: str, *, known: Template, previous: Article | None = None) -> Article:
    context = Context(template=known, previous=previous)
    return normalise(body, url=url, headers=HTML, context=context)


def is_fast(article: Article) -> bool:
    return article.engine.startswith(familiar.ENGINE)


def texts(article: Article) -> Sequence[str]:
    return [block.text for block in article.blocks]


def test_a_page_of_a_well_known_site_is_told_by_its_template():
    """The article is that of the full engine, with all its fields, and nobody is asked for it."""
    body, url = page(40), address(40)
    fast = study(body, url=url, headers=HTML, context=Context(template=template(KNOWN)))
    full = read(body, url, known=template(familiar.WELL_KNOWN - 1))
    assert is_fast(fast.article)
    assert not is_fast(full)
    assert fast.article.fingerprint == full.fingerprint
    assert fast.article.origins == full.origins
    assert texts(fast.article) == [sentence(4000 + one) for one in range(6)]
    assert fast.picked is None
    assert fast.lesson is None  # what a template has told teaches it nothing


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(page(41, inside="<p class=odd>Asked, he said: no word of it.</p>"), id="new"),
        pytest.param(page(41, paragraphs=3), id="short"),
        pytest.param(page(41, below=f"<div class=odd>{sentence(7)}</div>"), id="much that is new"),
        pytest.param(page(41).replace(b"class=text", b"class=body-text"), id="new template"),
        pytest.param(page(41).replace(b"<p>Report", b"<p><a href=/1>Report"), id="section"),
    ],
)
def test_where_the_template_leaves_a_doubt_the_whole_engine_reads(body):
    """A new slot amid the text, much text in one, a short text, a list of links: no short road."""
    assert not is_fast(read(body, address(41), known=template(KNOWN)))


def test_one_page_in_some_is_read_in_full_and_teaches():
    """A template that only read itself would never learn that it is wrong."""
    names = (f"https://quay.example/{turn}" for turn in range(999))
    url = next(one for one in names if int(page_name(one), 16) % familiar.CONTROL == 0)
    made = study(page(42), url=url, headers=HTML, context=Context(template=template(KNOWN)))
    assert not is_fast(made.article)
    assert made.lesson is not None


@pytest.mark.parametrize(("first", "then"), [(KNOWN, 0), (0, KNOWN)])
def test_which_road_a_page_was_read_by_is_no_change(first, then):
    """Read fast first and in full later, or the other way round, a page has one text."""
    knows = {0: ALONE.template, KNOWN: template(KNOWN)}
    body, url = page(43, below="<div class=odd>A line.</div>"), address(43)
    one = read(body, url, known=knows[first])
    other = read(body + b"<p>", url, known=knows[then], previous=one)
    moved = read(body + b"<div>New.</div>", url, known=knows[then], previous=one)
    assert is_fast(one) == (first == KNOWN)
    assert one.fingerprint == other.fingerprint == moved.fingerprint
    assert one.residue == other.residue


def test_an_edit_is_seen_on_a_page_that_was_read_fast():
    """What is new in the article's slots is judged as on any other page."""
    one = read(page(44), address(44), known=template(KNOWN))
    edited = page(44, inside=f"<p>{sentence(999)}</p>")
    other = read(edited, address(44), known=template(KNOWN), previous=one)
    assert is_fast(one)
    assert sentence(999) in texts(other)
    assert len(other.blocks) == len(one.blocks) + 1
