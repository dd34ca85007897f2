"""Find the pictures that belong to an article, with their captions."""

import re
from collections.abc import Sequence
from itertools import islice

from lxml.html import HtmlElement

from crawler.text.blocks import Outline, Run
from crawler.text.choice import ancestors
from crawler.text.declared import absolute
from crawler.text.fold import tidy
from crawler.text.vocabulary import CREDIT
from storage.model import Image

_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_CREDIT_CLASS = re.compile(
    r"(?:^|[\s_-])(?:credits?|copyright|photographer|fotograf|bildnachweis|quelle)(?:$|[\s_-])|"
    r"(?:^|[a-z_-])(?:Credits?|Copyright)(?:$|[\s_A-Z-])"
)
_CREDIT = re.compile(rf"(?:{'|'.join(CREDIT)})\s{{0,3}}[:\uff1a/]?\s{{0,3}}", re.IGNORECASE)
_CREDIT_END = re.compile(r"[()\[\]]")
_MAX_CREDIT = 100
_MAX_INSIDE = 40
"""Elements of a frame that are looked at for a credit."""
_FRAME_TAGS = ("figure", "table", "div", "p", "td", "li", "section", "header")
_MAX_IMAGES = 200
_MIN_PIXELS = 50


def article_images(
    outline: Outline, *, article: Sequence[int], heading: int | None, url: str
) -> tuple[Image, ...]:
    """Return the pictures between the headline and the end of the article, each once."""
    if not article:
        return ()
    first = min(article) if heading is None else min(heading, *article)
    last = max(article)
    found: dict[str, Image] = {}
    for picture in outline.pictures:
        # A picture stands before the run of its number: a caption below it is that run.
        if not first <= picture.position <= last + 1 or _small(picture.element):
            continue
        source = _source(picture.element, url)
        if source is not None and source not in found and len(found) < _MAX_IMAGES:
            caption = _caption(picture.element, outline.runs, picture.position)
            credit = _credit(picture.element, caption)
            found[source] = Image(url=source, caption=caption, credit=credit)
    return tuple(found.values())


def _source(element: HtmlElement, url: str) -> str | None:
    for attribute in _SOURCES:
        source = absolute(element.get(attribute) or "", base=url)
        if source is not None:
            return source
    for one in (element, *_alternatives(element)):
        for attribute in _SETS:
            listed = re.split(r"[\s,]+", (one.get(attribute) or "")[:4000].strip())
            source = absolute(listed[0], base=url)
            if source is not None:
                return source
    return None


def _alternatives(element: HtmlElement) -> list[HtmlElement]:
    """Return the other forms of a picture that its ``picture`` element offers."""
    outer = element.getparent()
    if outer is None or outer.tag != "picture":
        return []
    return [one for one in islice(outer, _MAX_INSIDE) if one.tag == "source"]


def _small(element: HtmlElement) -> bool:
    """Whether a picture is an ornament: an icon, a counter's pixel, a spacer."""
    for attribute in ("width", "height"):
        size = re.match(r"\s*(\d{1,6})(?:px)?\s*$", element.get(attribute) or "")
        if size and int(size[1]) < _MIN_PIXELS:
            return True
    return False


def _caption(element: HtmlElement, runs: Sequence[Run], position: int) -> str:
    """Return the caption beside a picture: one of the next runs, inside the same frame."""
    for run in runs[position : position + 2]:
        if run.kind == "caption" and _same_frame(element, run.element):
            return run.text
    return ""


def _credit(element: HtmlElement, caption: str) -> str:
    """Return who made a picture: as an element of its frame says, or the end of its caption."""
    frame = next((one for one in islice(ancestors(element), 4) if one.tag in _FRAME_TAGS), None)
    for one in islice(frame.iterdescendants(), _MAX_INSIDE) if frame is not None else ():
        if isinstance(one.tag, str) and _CREDIT_CLASS.search((one.get("class") or "")[:500]):
            text = tidy("".join(one.itertext())[: 4 * _MAX_CREDIT])
            if 0 < len(text) <= _MAX_CREDIT:
                return credit_in(text) or text
    return credit_in(caption)


def credit_in(caption: str) -> str:
    """Return the credit at the end of a caption such as ``The quay. (Photo: Rana Haddad)``."""
    found = None
    for found in _CREDIT.finditer(caption[-2 * _MAX_CREDIT :]):  # noqa: B007 - the last counts
        pass
    if found is None:
        return ""
    credit = _CREDIT_END.split(caption[-2 * _MAX_CREDIT :][found.end() :], maxsplit=1)[0]
    return credit.strip(" .,;:-\u2013\u2014|/") if len(credit) <= _MAX_CREDIT else ""


def _same_frame(picture: HtmlElement, caption: HtmlElement) -> bool:
    """Whether the innermost frames of two elements meet within three steps."""
    near = [one for one in ancestors(caption) if one.tag in _FRAME_TAGS][:3]
    return any(one is other for one in ancestors(picture) for other in near)
