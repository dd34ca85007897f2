"""Read the fields of an article where its site's own rules say they stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.fold import tidy
from crawler.text.lines import parse_stamp
from crawler.text.names import names_in, people
from spiders.reading.rules import Rules, xpath

SOURCE = "rule"
_MAX_PLACES = 50
_MAX_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What the rules of a site found; empty where they found nothing or say nothing."""

    title: str = ""
    byline: tuple[str, ...] = ()
    published: str | None = None
    modified: str | None = None
    numbers: frozenset[int] = frozenset()
    """Numbers of the runs that only tell it."""


def ruled(root: HtmlElement, runs: Sequence[Run], rules: Rules) -> Ruled:
    """Return what the rules of a site find on a page; a rule that fails finds nothing."""
    titles = _places(root, rules.title)
    authors = _places(root, rules.byline)
    published = _places(root, rules.published)
    modified = _places(root, rules.modified)
    told = {one for one in (*titles, *authors, *published, *modified) if not isinstance(one, str)}
    return Ruled(
        title=next(filter(None, map(_text, titles)), ""),
        byline=people(name for one in authors for name in names_in(_text(one))),
        published=next(filter(None, map(_day, published)), None),
        modified=next(filter(None, map(_day, modified)), None),
        numbers=frozenset(_numbers(runs, told)) if told else frozenset(),
    )


def _places(root: HtmlElement, selector: str) -> list[HtmlElement | str]:
    if not selector:
        return []
    try:
        found = root.xpath(xpath(selector))
    except (etree.LxmlError, ValueError):
        return []
    if isinstance(found, str):
        return [str(found)]
    places = found[:_MAX_PLACES] if isinstance(found, list) else []
    return [
        str(one) if isinstance(one, str) else one
        for one in places
        if isinstance(one, str | HtmlElement)
    ]


def _text(place: HtmlElement | str) -> str:
    whole = place if isinstance(place, str) else "".join(place.itertext())
    return tidy(whole[: 4 * _MAX_CHARACTERS])[:_MAX_CHARACTERS]


def _day(place: HtmlElement | str) -> str | None:
    if isinstance(place, str):
        return parse_stamp(place)
    stamp = place.get("datetime") or place.get("content") or ""
    return parse_stamp(stamp) or parse_stamp(_text(place))


def _numbers(runs: Sequence[Run], told: set[HtmlElement]) -> Iterator[int]:
    """Yield the runs that stand in an element a rule points to, or are the whole of its line."""
    wholes = {_text(one) for one in told}
    for number, run in enumerate(runs):
        inside = run.element in told or any(one in told for one in run.element.iterancestors())
        if inside or run.text in wholes:
            yield number
