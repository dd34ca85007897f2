"""Find the pictures that belong to an article, with their captions."""

import re
from collections.abc import Sequence

from lxml.html import HtmlElement

from crawler.text.blocks import Outline, Run
from crawler.text.choice import ancestors
from crawler.text.metadata import absolute
from storage.model import Image

_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
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
            found[source] = Image(url=source, caption=caption)
    return tuple(found.values())


def _source(element: HtmlElement, url: str) -> str | None:
    for attribute in _SOURCES:
        source = absolute(element.get(attribute) or "", base=url)
        if source is not None:
            return source
    listed = re.split(
        r"[\s,]+", (element.get("srcset") or element.get("data-srcset") or "").strip()
    )
    return absolute(listed[0], base=url)


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


def _same_frame(picture: HtmlElement, caption: HtmlElement) -> bool:
    """Whether the innermost frames of two elements meet within three steps."""
    near = [one for one in ancestors(caption) if one.tag in _FRAME_TAGS][:3]
    return any(one is other for one in ancestors(picture) for other in near)
