"""Kinds of pages whose text is easily lost, doubled or unsteady, read and read again."""

import pytest
from lxml.html import document_fromstring

from crawler.text.admission import without_teasers
from crawler.text.article import Context, normalise, study
from crawler.text.blocks import outline
from crawler.text.template import learn
from storage.model import Article, Template

HTML = (("Content-Type", "text/html; charset=utf-8"),)
URL = "https://quay.example/live"
ARABIC = (
    "عمال الميناء ينتظرون أجورهم المتأخرة منذ الشتاء وقال رئيس النقابة إن أحدا لم يجب على رسائلهم"
)
HEBREW = "עובדי הנמל ממתינים לשכרם מאז החורף ויושב ראש הוועד אמר שאיש לא השיב על מכתביהם"


def read(body: str, *, previous: Article | None = None) -> Article:
    return normalise(body.encode(), url=URL, headers=HTML, context=Context(previous=previous))


def texts(article: Article) -> list[str]:
    return [block.text for block in article.blocks]


def noisy(body: str) -> str:
    """Return a page with something before and after it that nobody read before."""
    teaser = "<div class='box'><a href='/x'>Another harbour opens its gates to the public</a></div>"
    return body.replace("<body>", f"<body>{teaser}").replace("</body>", f"{teaser}</body>")


def flat(sentence: str, seed: int) -> str:
    """Return a page of an old site written from right to left, with what its pages share."""
    words = sentence.split()
    lines = [
        " ".join([*words[(seed + line) % len(words) :], *words[: (seed + line) % len(words)]])
        + f" {seed * 100 + line}."
        for line in range(8)
    ]
    shared = f"{words[1]} {words[0]} | {words[3]} {words[2]}"
    notice = f"{words[5]} {words[4]} {words[7]} {words[6]} {words[9]} {words[8]}."
    return (
        "<html dir='rtl'><body><table><tr><td>"
        f"<a href='/'>{shared}</a><br>{notice}<br>{'<br>'.join(lines)}<br>{notice} {shared}"
        "</td></tr></table></body></html>"
    )


@pytest.mark.parametrize("sentence", [ARABIC, HEBREW], ids=["Arabic", "Hebrew"])
def test_a_flat_page_from_right_to_left_is_told_by_its_sisters(sentence):
    """What the pages of a site share is no text of any of them, in whichever script."""
    template = Template()
    for seed in (3, 5, 7):
        found = study(
            flat(sentence, seed).encode(),
            url=f"https://quay.example/{seed}",
            headers=HTML,
            context=Context(template=template),
        )
        assert found.lesson is not None
        template = learn(template, found.lesson)
    page = flat(sentence, 2)
    article = study(
        page.encode(), url=URL, headers=HTML, context=Context(template=template)
    ).article
    lines = page.split("<br>")
    assert texts(article) == lines[2:10]


def post(number: int) -> str:
    who = ("director", "minister", "union", "lawyer", "mayor", "pilot")[number % 6]
    return (
        f"<div class='post' id='p{number}'><h3>Entry {number}</h3><p>The {who} of the port said at "
        f"{number} o'clock that the talks went on behind closed doors, and left by the gate.</p>"
        "<p>No more is known.</p></div>"
    )


def live(numbers: range) -> str:
    posts = "".join(post(number) for number in reversed(numbers))
    return (
        "<html><body><nav><a href='/'>Quay</a></nav><main><article><h1>Live from the quay</h1>"
        f"{posts}</article></main></body></html>"
    )


def test_a_live_page_is_steady_until_something_is_added():
    """Held against itself it is the same; a new entry on top is all that differs."""
    before = read(live(range(1, 8)))
    assert texts(before).count("No more is known.") == 7
    assert read(noisy(live(range(1, 8))), previous=before).fingerprint == before.fingerprint
    after = texts(read(live(range(1, 9)), previous=before))
    assert after[-len(before.blocks) :] == texts(before)
    assert "at 8 o'clock" in " ".join(after[: -len(before.blocks)])


def test_verses_are_steady():
    """A refrain that a teaser repeats is still read where it is sung, in its order."""
    refrain = "And nobody came to load the ships that lay along the quay."
    verses = "<br>".join(
        f"The {one} of the harbour rose before the crane in the long winter night.<br>{refrain}"
        for one in ("dockers", "sailors", "keepers")
    )
    song = f"<html><body><article><h1>Song</h1><div>{verses}</div></article></body></html>"
    before = read(song)
    assert texts(before).count(refrain) == 3
    quoted = song.replace("<article>", f"<article><div class='top'>{refrain}</div>")
    assert read(quoted, previous=before).blocks == before.blocks


def test_a_gallery_keeps_its_captions_and_their_makers():
    """Each picture has its own caption and credit, and the text between them is text."""
    shots = "".join(
        f"<figure><img src='/{number}.jpg'><figcaption>The {what} at dawn. (Photo: Rana Haddad)"
        "</figcaption></figure>"
        for number, what in enumerate(("quay", "crane", "gate"))
    )
    lead = "Our photographer walked along the harbour for a week, before anybody else was awake."
    end = "The pictures are shown in the old customs house until the winter ends, free of charge."
    page = (
        f"<html><body><article><h1>The harbour at dawn</h1><p>{lead}</p>{shots}<p>{end}</p>"
        "</article></body></html>"
    )
    article = read(page)
    assert [one.url for one in article.images] == [
        f"https://quay.example/{n}.jpg" for n in range(3)
    ]
    assert [one.credit for one in article.images] == ["Rana Haddad"] * 3
    assert {one.caption.split()[1] for one in article.images} == {"quay", "crane", "gate"}
    assert [texts(article)[0], texts(article)[-1]] == [lead, end]
    assert read(noisy(page), previous=article).fingerprint == article.fingerprint


def story(extra: str = "") -> str:
    """Return a page whose paragraphs have ``extra`` between them."""
    lines = [post(number).split("<p>")[1].split("</p>")[0] for number in range(1, 6)]
    text = "".join(f"<p>{line}</p>" for line in lines[:3])
    rest = "".join(f"<p>{line}</p>" for line in lines[3:])
    return (
        f"<html><body><article><h1>Talks</h1><div>{text}{extra}{rest}</div></article></body></html>"
    )


def test_a_line_that_is_a_link_never_joins_an_article():
    """Between its own paragraphs it is a teaser, on the first look and on the next one."""
    teaser = "<p><a href='/other'>Another harbour opens its gates to the public on Sunday</a></p>"
    before = read(story())
    assert read(story(teaser)).blocks == before.blocks
    assert read(story(teaser), previous=before).blocks == before.blocks
    note = "<p>He denied it, and said that the gates would be closed on Sunday as well.</p>"
    assert len(read(story(note), previous=before).blocks) == len(before.blocks) + 1


def test_a_heading_that_is_a_link_needs_prose_of_its_own():
    """One above a paragraph heads it; one in a list, or above another heading, is a teaser."""
    heads = "<h3><a href='/crane'>The crane on the northern quay</a></h3>"
    teasers = "<h3>Related: <a href='/gates'>The harbour opens its gates</a></h3><h3>Gates</h3>"
    for extra, kept in ((heads, 1), (f"<ul><li>{heads}</li></ul>", 0), (teasers, 1)):
        runs = outline(document_fromstring(story(extra))).runs
        sizes = [len(run.text.split()) for run in runs]
        found = [runs[number] for number in without_teasers(runs, range(1, len(runs)), sizes)]
        assert len([run for run in found if run.kind == "heading"]) == kept
        assert len([run for run in found if run.kind == "paragraph"]) == 5
