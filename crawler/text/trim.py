"""Cut a page to what its site's own rules want read: selectors to keep, selectors to leave out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree
from lxml.cssselect import CSSSelector, SelectorError
from lxml.html import HtmlElement, tostring

from crawler.text.decode import decode
from crawler.text.tree import parse

MAX_BYTES = 4 * 1024 * 1024
TYPE = (("content-type", "text/html; charset=utf-8"),)
"""What the cut page is, whatever the page was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trimmed:
    """A page as UTF-8, and the selectors that found nothing in it."""

    body: bytes
    unmatched: tuple[str, ...] = ()


def check_selector(text: str) -> str:
    """Return ``text`` if it is a CSS selector we can read; ValueError says that it is none."""
    try:
        CSSSelector(text)
    except (SelectorError, etree.XPathSyntaxError) as error:
        raise ValueError(
            f'{text!r} is no CSS selector ({error}); write one such as "div.story > p"'
        ) from None
    return text


def trimmed(
    body: bytes, *, headers: Sequence[tuple[str, str]], keep: Sequence[str], drop: Sequence[str]
) -> Trimmed | None:
    """Return the page with nothing but what ``keep`` selects and without what ``drop`` does.

    What is in the head stays. Where nothing of ``keep`` is on the page all of it is kept, so that a
    new template blinds nobody. None for what is no page. Never raises.
    """
    page = parse(decode(body[:MAX_BYTES], headers=headers).text)
    if page.root is None or not page.complete:
        return None
    kept = {one: _selected(page.root, one) for one in keep}
    left_out = {one: _selected(page.root, one) for one in drop}
    for found in left_out.values():
        _remove(found)
    chosen = [element for found in kept.values() for element in found]
    if chosen:
        _keep_only(page.root, chosen)
    unmatched = [one for one, found in (*kept.items(), *left_out.items()) if not found]
    text = tostring(page.root, encoding="utf-8", doctype="<!doctype html>")
    return Trimmed(body=text, unmatched=tuple(unmatched))


@lru_cache(maxsize=256)
def _selector(text: str) -> CSSSelector:
    return CSSSelector(text)


def _selected(root: HtmlElement, selector: str) -> list[HtmlElement]:
    found: list[HtmlElement] = _selector(selector)(root)
    return [one for one in found if one.tag not in ("html", "head", "body")]


def _remove(elements: Iterable[HtmlElement]) -> None:
    for one in elements:
        if one.getparent() is not None:
            one.drop_tree()


def _keep_only(root: HtmlElement, chosen: Sequence[HtmlElement]) -> None:
    """Drop from the body all that is neither chosen, nor in it, nor around it."""
    wanted = set(chosen)
    around = {above for one in chosen for above in one.iterancestors()}
    body = root.find("body")
    waiting = [root if body is None else body]
    while waiting:
        one = waiting.pop()
        one.text = None
        for child in list(one):
            child.tail = None
            if child in wanted:
                continue
            if child in around:
                waiting.append(child)
            else:
                one.remove(child)
