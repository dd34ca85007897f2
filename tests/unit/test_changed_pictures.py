"""Pictures of an article are known by their bytes, wherever on its page they stand."""

import pytest
from readings import URL

from crawler.changes.pictures import Watch, exchanged
from crawler.changes.slots import picture_noise
from crawler.changes.surface import surface
from crawler.changes.watching import Page, page_of, watched
from crawler.text.article import normalise

BASE = "https://paper.example"
HEADERS = (("Content-Type", "text/html; charset=utf-8"),)
TEXT = "".join(
    f"<p>{text}</p>"
    for text in (
        "The harbour council voted on Monday to close the old fish market after a long debate.",
        "Traders who have sold their catch there since the war said they had not been asked.",
        "The new hall at the edge of town has neither water nor shade, and 40 stalls are to fit.",
    )
)


def page(above: str = "", inside: str = "", below: str = "", text: str = TEXT) -> Page:
    """Return a page whose wrapper holds all, as old templates do."""
    body = (
        f"<html><head><title>Fish market</title></head><body><div id=wrap>{above}"
        f"<h1>Fish market to close</h1>{inside}{text}<p class=end>The end of it all is near.</p>"
        f"{below}</div></body></html>"
    ).encode()
    article = normalise(body, url=URL, headers=HEADERS)
    found = page_of(surface(body, url=URL, headers=HEADERS), article)
    assert found is not None
    return found


def changes(before: Page, after: Page, *, again: Page | None = None, noise: str = "") -> list[str]:
    """Return the digests that came; the bytes of a picture are told by the name of its file."""
    seen = Watch(keys=frozenset(one.key for one in watched(before)), noise=frozenset([noise]))
    sources = {
        one: one.rsplit("/", 1)[1].partition("?")[0]
        for shown in (before, after)
        for shot in shown.surface.shots
        for one in shot.sources
        if "unknown" not in one
    }
    gone, came, unknown = exchanged(before, after, again, seen=seen, digests=(sources, sources))
    assert not gone or came
    return ["?"] if unknown else sorted(came)


def picture(name: str, link: str = "") -> str:
    shown = f"<img class=pic src='{BASE}/i/{name}.png'>"
    return f"<a href='{link}'>{shown}</a>" if link else shown


def lines(count: int) -> str:
    return "".join(f"<div class=bar>Line {number} of the bar</div>" for number in range(count))


def test_a_picture_in_the_text_is_told_by_its_bytes() -> None:
    """Another address alone is no change, other bytes are; unknown bytes are asked for."""
    before = page(inside=picture("one"))
    assert changes(before, page(inside=picture("two"))) == ["two.png"]
    assert changes(before, page(inside="<img src='https://cdn.example/7/one.png?w=9'>")) == []
    assert changes(before, page(inside=picture("unknown"))) == ["?"]


@pytest.mark.parametrize(
    "link", ["", "/", "/i/large.jpg", URL], ids=["none", "home", "file", "self"]
)
def test_a_picture_above_counts_where_it_took_the_place_of_another(link: str) -> None:
    """The element that holds all the text is the article's, however far above the picture is."""
    before = page(above=picture("one", link) + lines(30))
    assert changes(before, page(above=picture("two", link) + lines(30))) == ["two.png"]


def test_a_picture_above_that_displaced_none_is_no_change() -> None:
    """What is put in above the article, with all else as it was, is of the page around it."""
    before = page(above=picture("one") + lines(30))
    assert changes(before, page(above=picture("one") + picture("two") + lines(30))) == []


@pytest.mark.parametrize("link", ["/other/story", "https://shop.example/"])
def test_a_picture_of_another_page_is_no_part_of_this_one(link: str) -> None:
    """A teaser's picture belongs to where it leads."""
    before = page(above=picture("one", link) + lines(30))
    assert changes(before, page(above=picture("two", link) + lines(30))) == []


def test_pictures_far_below_the_text_are_not_the_articles() -> None:
    """Faces of who comments come below, day by day."""
    before = page(below=lines(9) + picture("one"))
    assert changes(before, page(below=lines(9) + picture("two"))) == []


def test_a_picture_beside_paragraphs_that_were_not_chosen_is_the_articles() -> None:
    """The last lines in the article's own way may be no text of it; what stands before them is."""
    before, after = (
        page(text=f"{TEXT}{lines(3)}{picture(name)}<p>Buy our paper.</p>")
        for name in ("one", "two")
    )
    for one in (before, after):
        assert "Buy our paper." in {strip.text for strip in one.surface.strips}
    assert changes(before, after) == ["two.png"]


def test_what_stood_anywhere_on_the_page_did_not_come() -> None:
    """A picture that moved into the text from below is the same one."""
    before = page(inside=picture("one"), below=lines(9) + picture("two"))
    assert changes(before, page(inside=picture("two"))) == []


def test_only_pictures_that_both_fetches_show_count() -> None:
    """A rotation shows another one at the second fetch, and once learnt it is not looked at."""
    before, after = page(inside=picture("one")), page(inside=picture("two"))
    assert changes(before, after, again=page(inside=picture("three"))) == []
    assert changes(before, after, again=after) == ["two.png"]
    noise = picture_noise(after.surface.shots[0].slot)
    assert changes(before, after, noise=noise) == []
