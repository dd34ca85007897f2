"""A site's pages teach each other, and what the last capture had stays where it was."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.text.article import Context, normalise, study
from crawler.text.choice import Ballot, elected
from crawler.text.template import MOST_PAGES, Known, learn, lesson, mark, page_name
from storage.model import Article, Template

HTML = (("Content-Type", "text/html; charset=utf-8"),)
_WORDS = (
    "harbour quay crane ship wage winter court minister village river bridge school letter road "
    "teacher market doctor night train paper island valley storm orchard"
)
WORDS = _WORDS.split()


def sentence(seed: int, length: int = 18) -> str:
    """Return a sentence of its own for every seed."""
    chosen = [WORDS[(seed * 7 + step * (seed % 5 + 3)) % len(WORDS)] for step in range(length)]
    return f"Report {seed}: {' '.join(chosen)}."


def flat(seed: int) -> str:
    """Return a page of an old site: one table cell, and lines parted by br."""
    lines = "<br>".join(sentence(seed * 100 + line) for line in range(8))
    return (
        "<html><head><title>The Quay Gazette</title></head><body><table><tr><td>"
        "The Quay Gazette, founded by the dockers and printed by them ever since it began.<br>"
        f"{lines}<br>Write to the editors of the Gazette at the old harbour office, second floor."
        "</td></tr></table></body></html>"
    )


def read_site(pages: Sequence[tuple[str, str]]) -> Template:
    template = Template()
    for url, html in pages:
        made = study(html.encode(), url=url, headers=HTML, context=Context(template=template))
        if made.lesson is not None:
            template = learn(template, made.lesson)
    return template


def test_lines_that_siblings_share_are_no_text_of_a_flat_page():
    """What no single page tells, three sisters do: the article comes out exactly."""
    template = read_site([(f"https://quay.example/{seed}", flat(seed)) for seed in (2, 3, 4)])
    article = normalise(
        flat(1).encode(),
        url="https://quay.example/1",
        headers=HTML,
        context=Context(template=template),
    )
    assert [block.text for block in article.blocks] == [sentence(100 + line) for line in range(8)]
    assert article.template == template.version == 3


def test_one_article_at_two_addresses_teaches_once():
    """A print view or a second address would make an article the boilerplate of itself."""
    pages = [("https://quay.example/1", flat(1)), ("https://quay.example/1?print", flat(1))]
    template = read_site(pages)
    assert template.version == 1
    known = Known(template, page=page_name("https://quay.example/9"))
    assert known.seen(mark("nothing")) == 0


def test_a_template_stays_small():
    """Pages without end leave it within its bounds, and it goes on learning."""
    template = Template()
    for seed in range(MOST_PAGES + 30):
        marks = [mark(f"{seed}/{number}") for number in range(200)]
        taught = lesson(
            f"https://quay.example/{seed}",
            marks=marks,
            slots=[f"slot {seed}"] * 200,
            sizes=[20] * 200,
            article=range(100),
        )
        template = learn(template, taught)
    assert len(template.pages) == MOST_PAGES
    assert len(template.blocks) <= 3_000
    assert template.version > MOST_PAGES


def page(paragraphs: Sequence[str], *, aside: str = "Ten ways to save water at home") -> bytes:
    text = "".join(f"<p>{one}</p>" for one in paragraphs)
    return (
        "<html><head><title>Wages</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>Wages</h1>{text}</article>"
        f"<div class='teaser'><a href='/w'>{aside}</a></div></body></html>"
    ).encode()


URL = "https://quay.example/wages"
PARAGRAPHS = [sentence(number, 30) for number in range(6)]


def test_a_newer_template_leaves_an_unchanged_page_alone():
    """Even one that takes every paragraph for boilerplate."""
    first = normalise(page(PARAGRAPHS), url=URL, headers=HTML)
    blocks = tuple((mark("".join(text.split())), 9) for text in PARAGRAPHS)
    hostile = Template(version=9, blocks=blocks)
    noisy = page(PARAGRAPHS).replace(b"<nav>", b"<nav><!-- 7 --><a href='/n'>News</a>")
    again = normalise(
        noisy, url=URL, headers=HTML, context=Context(template=hostile, previous=first)
    )
    assert again.fingerprint == first.fingerprint


def test_what_is_new_beside_the_paragraphs_is_seen():
    """A short sentence, a removed one, and the residue that tells a teaser from an edit."""
    first = normalise(page(PARAGRAPHS), url=URL, headers=HTML)
    context = Context(previous=first)
    longer = [*PARAGRAPHS[:3], "He denied it.", *PARAGRAPHS[3:]]
    assert "He denied it." in normalise(page(longer), url=URL, headers=HTML, context=context).text
    shorter = normalise(page(PARAGRAPHS[:-1]), url=URL, headers=HTML, context=context)
    assert shorter.text == "\n\n".join(PARAGRAPHS[:-1])
    teased = normalise(
        page(PARAGRAPHS, aside="Eleven towns by the sea"), url=URL, headers=HTML, context=context
    )
    assert teased.fingerprint == first.fingerprint
    assert teased.residue != first.residue


def test_another_page_at_the_address_is_read_afresh():
    """Nothing of the last article is left, so it says nothing of this page."""
    first = normalise(page(PARAGRAPHS), url=URL, headers=HTML)
    others = [sentence(number, 30) for number in range(50, 56)]
    context = Context(previous=first)
    found = normalise(page(others), url=URL, headers=HTML, context=context)
    assert found == replace(normalise(page(others), url=URL, headers=HTML))


@settings(max_examples=60, deadline=None)
@given(
    before=st.text(alphabet="<>p/ab\u0627 \n", max_size=120),
    after=st.text(alphabet="<>p/ab\u0627 \n", max_size=120),
)
def test_no_pair_of_captures_is_too_odd(before, after):
    """Whatever came before, a page is read, and the same page again gives the same article."""
    first = normalise(before.encode(), url=URL, headers=HTML)
    context = Context(previous=first)
    second = normalise(after.encode(), url=URL, headers=HTML, context=context)
    assert isinstance(second, Article)
    again = normalise(after.encode(), url=URL, headers=HTML, context=Context(previous=second))
    assert again.fingerprint == second.fingerprint


def test_a_long_text_on_another_page_must_earn_more_than_a_short_one():
    """A line is the same by chance, a paragraph is not; on a page of its own each score does."""
    sizes = (8, 80)
    alone = Ballot(sizes=sizes, picked=(), told=frozenset(), seen=())
    shared = Ballot(sizes=sizes, picked=(), told=frozenset(), seen=(1, 1))
    assert elected([0.0, 0.0], alone) == [0, 1]
    assert elected([2.5, 2.5], shared) == [0]
    assert elected([4.0, 4.0], shared) == [0, 1]
