"""Read the schema.org description (JSON-LD) of an article, as far as it can be trusted."""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape

from lxml.html import HtmlElement

from crawler.text.fold import fold, tidy

_ARTICLES = ("article", "posting", "report", "recipe", "review", "howto", "chapter")
"""Ends of the names of types whose description is that of a text."""
_PAGES = frozenset({"webpage", "itempage", "creativework", "aboutpage", "webcontent", "faqpage"})
_BODIES = ("organization", "corporation", "agency")
_MAX_CHARACTERS = 500_000
_MAX_NODES = 5_000
_MAX_AUTHORS = 50
_MAX_VALUE = 1_000
_OPENINGS = ("<!--", "//<![CDATA[", "// <![CDATA[", "<![CDATA[", "/*<![CDATA[*/", "/* <![CDATA[ */")
_CLOSINGS = ("-->", "]]>", "//", "/*", "*/", ";")
"""What pages wrap a script in, so that programs of long ago do not show it."""
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")

_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """A name that a description gives as author, and whether it says that it is no person."""

    name: str
    is_body: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedData:
    """What a page says of its article in JSON-LD; empty where it says nothing."""

    headline: str = ""
    authors: tuple[Author, ...] = ()
    published: str = ""
    modified: str = ""
    publisher: str = ""
    language: str = ""
    body: str = ""
    """The text itself, where the page repeats it for machines."""


_Node = Mapping[str, object]


def linked_data(root: HtmlElement, *, url: str = "", title: str = "") -> LinkedData:
    """Return the description of the page's article, or an empty one.

    Where several are described, the page's own is told by its address or by ``title``.
    """
    nodes = list(_nodes(root))
    named = {key: node for node in reversed(nodes) if (key := _key(node)) and len(node) > 1}
    ranked = sorted(
        ((_rank(node, url, title), -place) for place, node in enumerate(nodes)), reverse=True
    )
    chosen = [nodes[-place] for rank, place in ranked[:3] if rank > 0]
    if not chosen:
        return LinkedData()
    best = chosen[0]
    is_article = _rank(best, "", "") >= 4
    return LinkedData(
        headline=_text(best.get("headline")) or (_text(best.get("name")) if is_article else ""),
        authors=_authors(best.get("author"), named) or _authors(best.get("creator"), named),
        published=_text(best.get("datePublished")) or _first(chosen, "datePublished", is_article),
        modified=_text(best.get("dateModified")) or _first(chosen, "dateModified", is_article),
        publisher=next((one.name for one in _authors(best.get("publisher"), named)), ""),
        language=_text(best.get("inLanguage")),
        body=_body(best) if is_article else "",
    )


def _body(node: _Node) -> str:
    """Return the text of an article as it is described; markup in it is taken out."""
    body = node.get("articleBody")
    return unescape(_TAG.sub(" ", unescape(body))) if isinstance(body, str) else ""


def _first(nodes: list[_Node], name: str, is_article: bool) -> str:  # noqa: FBT001
    """Return a date of the page where the article has none of its own."""
    pages = (node for node in nodes if not is_article or _kinds(node) & _PAGES)
    return next(filter(None, (_text(node.get(name)) for node in pages)), "")


def _rank(node: _Node, url: str, title: str) -> int:
    """Return how surely a node describes the article of the page; 0 if it cannot."""
    kinds = _kinds(node)
    if any(kind.endswith(_ARTICLES) or kind.startswith(("news", "blog")) for kind in kinds):
        rank = 4
    elif kinds & _PAGES or (not kinds and ("headline" in node or "datePublished" in node)):
        rank = 1
    else:
        return 0
    rank += 1 if _text(node.get("headline")) else 0
    rank += 1 if "author" in node or "datePublished" in node else 0
    rank += 2 if url and _speaks_of(node, url) else 0
    headline = fold(_text(node.get("headline")) or _text(node.get("name"))).casefold()
    return rank + (2 if headline and title and headline in fold(title).casefold() else 0)


def _speaks_of(node: _Node, url: str) -> bool:
    page = node.get("mainEntityOfPage")
    of_page = page.get("@id") or page.get("url") if isinstance(page, dict) else page
    return any(_bare(_text(one)) == _bare(url) for one in (node.get("url"), of_page))


def _bare(url: str) -> str:
    return re.sub(r"^https?://(?:www\.)?", "", re.split(r"[#?]", url, maxsplit=1)[0]).rstrip("/")


def _kinds(node: _Node) -> set[str]:
    return {kind.rsplit("/", 1)[-1].lower() for kind in _texts(node.get("@type"))}


def _key(node: _Node) -> str:
    key = node.get("@id")
    return key if isinstance(key, str) else ""


def _nodes(root: HtmlElement) -> Iterator[_Node]:
    """Return every object of every script, outer ones first, a bounded number of them."""
    waiting = deque(
        _load(script.text or "")
        for script in root.iter("script")
        if (script.get("type") or "").split(";")[0].strip().lower() == "application/ld+json"
    )
    seen = 0
    while waiting and seen < _MAX_NODES:
        node = waiting.popleft()
        seen += 1
        if isinstance(node, dict):
            yield node
            waiting.extend(part for part in node.values() if isinstance(part, dict | list))
        elif isinstance(node, list):
            waiting.extend(node[:_MAX_NODES])


def _load(text: str) -> object:
    """Return the value of a script, mended where programs forget what JSON demands."""
    if len(text) > _MAX_CHARACTERS:
        return None
    bare = _unwrapped(text)
    for attempt in (bare, _TRAILING_COMMA.sub("", bare)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return _beginning(bare)


def _unwrapped(text: str) -> str:
    bare = text.strip().removeprefix("\ufeff")
    for opening in _OPENINGS:
        bare = bare.removeprefix(opening).lstrip()
    for _ in _CLOSINGS:
        for closing in _CLOSINGS:
            bare = bare.removesuffix(closing).rstrip()
    return bare


def _beginning(text: str) -> object:
    """Return the first value of a script that holds more than one."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


def _text(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name")
    found = _texts(value)
    return tidy(unescape(found[0][: 2 * _MAX_VALUE]))[:_MAX_VALUE] if found else ""


def _authors(value: object, named: Mapping[str, _Node]) -> tuple[Author, ...]:
    """Return the names of a value: text, object, reference to an object, or a list of them."""
    waiting: deque[object] = deque([value])
    found: dict[str, Author] = {}
    for _ in range(_MAX_NODES):
        if not waiting or len(found) >= _MAX_AUTHORS:
            break
        one = waiting.popleft()
        if isinstance(one, list):
            waiting.extend(one[:_MAX_AUTHORS])
        elif isinstance(one, str):
            _note(found, one, is_body=False)
        elif isinstance(one, dict):
            whole = one if "name" in one else named.get(_key(one), one)
            is_body = any(kind.endswith(_BODIES) for kind in _kinds(whole))
            for name in _texts(whole.get("name")):
                _note(found, name, is_body=is_body)
            waiting.append(whole.get("@list"))
    return tuple(found.values())


def _note(found: dict[str, Author], name: str, *, is_body: bool) -> None:
    text = tidy(unescape(name[:_MAX_VALUE]))[:200]
    if text and "://" not in text:
        found.setdefault(text, Author(name=text, is_body=is_body))
