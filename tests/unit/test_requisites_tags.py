"""Tags of very many attributes are cut where the parser sees them, and nowhere else."""

import random
import time

import pytest
from lxml import etree
from scrapy.http import HtmlResponse

from spiders.reading.requisites import tree_of
from spiders.reading.tags import MOST_ATTRIBUTES, bounded
from spiders.site import Spider
from storage.model import Site

PAGE = "http://paper.example/news/1"
LONG = "<p a b c d e f>"
PIECES = (
    *(
        LONG,
        LONG,
        LONG,
        "<",
        ">",
        '"',
        "'",
        "=",
        "/",
        "!",
        "-",
        " ",
        "\n",
        "x",
        "&",
        "\xa0",
        "\x0b",
    ),
    *("<!--", "<!-->", "-->", "--!>", "<!", "<?", "</", "<![CDATA[", "]]>", '<!DOCTYPE a PUBLIC "'),
    *("<p ", "</p ", "a=", '<a b="', "<a b='", "<b/>", "<html a b>", "<body c d>", "<svg>"),
    *(
        "<script",
        "<script>",
        "<SCRIPT>",
        "</script",
        "</script>",
        "</ScRiPt ",
        "<style>",
        "</style>",
    ),
    *(
        "<title",
        "</title >",
        "<textarea>",
        "</textarea/",
        "<xmp>",
        "</xmp>",
        "<iframe>",
        "</iframe>",
    ),
    *(
        "<noembed>",
        "</noembed>",
        "<plaintext",
        "<noscript>",
        "<select>",
        "<template>",
        "<frameset>",
    ),
)


def most_attributes(text: str) -> int:
    """Return how many attributes the parser sees on one element at most."""
    root = tree_of(text)
    elements = () if root is None else root.iter(etree.Element)
    return max((len(one.attrib) for one in elements), default=0)


def test_no_trick_hides_a_long_tag_from_the_cut() -> None:
    """Whatever comments, scripts, quotes and half tags stand around it, the parser gets a few."""
    chance = random.Random(20261122)
    cut = 0
    for _ in range(4000):
        text = "".join(chance.choices(PIECES, k=chance.randint(1, 14))) + LONG
        short = bounded(text, most=3)
        assert most_attributes(short) <= 3, text
        cut += short != text
    assert cut > 1000


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<p a b c d>e f g h i</p>", "<p a b c>e f g h i</p>"),
        ("<p a='1' b = \"2>\" c=3/ d=4 e=5 / >f", "<p a='1' b = \"2>\" c=3/ / >f"),
        ("<p a b c d><q a b c d e/>", "<p a b c><q a b c/>"),
        ("<p a b c><!-- <p a b c d> -->", None),
        ("<script>if (a<b && c || d || e || f) {}</script><p a b c>", None),
        ("<style>a<b c d e f g</style>", None),
        ("<p a='<p a b c d e>'>", None),
        ("<!doctype html public a b c d e>", None),
        ("1 <2 a b c d e", None),
        ("", None),
    ],
)
def test_only_attributes_beyond_the_most_are_cut(text, left) -> None:
    """What merely looks like a tag, in scripts, comments, values and text, stays as it is."""
    assert bounded(text, most=3) == (text if left is None else left)


ATTRIBUTES = " ".join(f"a{n}" for n in range(100_000))
HOSTILE = {
    "one tag": f"<p {ATTRIBUTES}>",
    "quoted ends": "<p " + " ".join(f"a{n}='>'" for n in range(100_000)) + ">",
    "many tags": f"<p {' '.join(f'a{n}' for n in range(2 * MOST_ATTRIBUTES))}>" * 100,
    "an inner document": f"<iframe srcdoc='<p {ATTRIBUTES}>'></iframe>",
    "open quotes": "<a b='" * 300_000,
    "values": "<a/b=" * 300_000,
    "scripts": "<script><!--" + "<script " * 200_000,
    "comments": "<!--" * 400_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tags_are_read_in_bounded_time(name) -> None:
    """The page around them is read as ever."""
    body = f'<a href="/before">b</a>{HOSTILE[name]}<a href="/after">a</a>'
    page = HtmlResponse(PAGE, body=body.encode(), encoding="utf-8")
    begun = time.process_time()
    found = [one.url for one in Spider(Site(name="paper", start=(PAGE,))).parse(page)]
    assert time.process_time() - begun < 4
    assert "http://paper.example/before" in found
