"""Read the schema.org description (JSON-LD) of an article, as far as it can be trusted."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from crawler.text.fold import tidy

_ARTICLE_TYPES = (
    "article",
    "newsarticle",
    "blogposting",
    "reportagenewsarticle",
    "analysisnewsarticle",
    "opinionnewsarticle",
    "liveblogposting",
    "report",
    "scholarlyarticle",
)
_MAX_CHARACTERS = 500_000
_MAX_NODES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedData:
    """What a page says of its article in JSON-LD; empty where it says nothing."""

    headline: str = ""
    authors: tuple[str, ...] = ()
    published: str = ""
    modified: str = ""
    publisher: str = ""
    language: str = ""


def linked_data(root: HtmlElement) -> LinkedData:
    """Return the description of the page's first article, or an empty one."""
    for node in _nodes(root):
        kinds = [kind.lower() for kind in _texts(node.get("@type"))]
        if any(kind in _ARTICLE_TYPES for kind in kinds):
            return LinkedData(
                headline=_text(node.get("headline")),
                authors=tuple(dict.fromkeys(_names(node.get("author")))),
                published=_text(node.get("datePublished")),
                modified=_text(node.get("dateModified")),
                publisher=next(_names(node.get("publisher")), ""),
                language=_text(node.get("inLanguage")),
            )
    return LinkedData()


def _nodes(root: HtmlElement) -> Iterator[dict[str, object]]:
    """Return every object of every script, outer ones first, a bounded number of them."""
    waiting = deque(
        _load(script.text or "")
        for script in root.iter("script")
        if (script.get("type") or "").strip().lower() == "application/ld+json"
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
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [part for part in value if isinstance(part, str)] if isinstance(value, list) else []


def _text(value: object) -> str:
    found = _texts(value)
    return tidy(found[0])[:1000] if found else ""


def _names(value: object) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        name = one.get("name") if isinstance(one, dict) else one
        for text in _texts(name):
            if tidy(text):
                yield tidy(text)[:200]
