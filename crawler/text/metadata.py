"""Read who wrote an article, when, in which language and under which title."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lxml.html import HtmlElement

from crawler.text.authors import DESCRIBED, best_byline
from crawler.text.blocks import Run
from crawler.text.dates import best_dates
from crawler.text.declared import LANGUAGE, Declared, absolute, declared, language_tag
from crawler.text.evidence import Evidence, Head
from crawler.text.linked_data import LinkedData, linked_data
from crawler.text.marks import marks
from crawler.text.ruled import SOURCE, Ruled, ruled
from crawler.text.titles import Claims, Title, bare_title, best_title, site_names
from spiders.reading.rules import NO_RULES, Rules
from storage.model import Origin

_BEFORE_HEADLINE = 5
_BOXES = 3
"""So many boxes around the headline, one in another, are looked into for what is before it."""
_HEAD_RUNS = 30
_INTO_TEXT = 4
"""So many of the first paragraphs may come before the by-line: a lead, a caption."""
_LONG = 200
"""Characters from which a run is a paragraph of the text and no line about it."""

__all__ = ["Metadata", "absolute", "bare_title", "language_tag", "metadata"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The fields of an article beside its text, and the runs that only said them."""

    title: str
    headline: str
    page_title: str
    byline: tuple[str, ...]
    published: str | None
    modified: str | None
    language: str | None
    canonical_url: str | None
    origins: tuple[Origin, ...]
    told_by: frozenset[int]
    """Numbers of the runs that are headline, by-line or date line, hence no text of the article."""
    body: str = ""
    """The article's text as the page describes it for machines."""
    sites: frozenset[str] = frozenset()
    """The forms in which the page names its site, compact."""


def metadata(
    root: HtmlElement,
    *,
    runs: Sequence[Run],
    url: str,
    language: str | None,
    rules: Rules = NO_RULES,
) -> Metadata:
    """Return the fields of a page; they do not depend on which of its runs are its text.

    ``language`` is that of the answer's header. What the site's own ``rules`` find goes before
    everything else.
    """
    facts = _general(root, runs=runs, url=url, language=language)
    return _with_rules(facts, ruled(root, runs, rules))


def _with_rules(facts: Metadata, own: Ruled) -> Metadata:
    """Return the fields with those put in their place that the site's own rules have found."""
    found: dict[str, object] = {
        name: value
        for name in ("title", "byline", "published", "modified")
        if (value := getattr(own, name))
    }
    if not found:
        return facts
    kept = [one for one in facts.origins if one.field not in found]
    origins = (*(Origin(field=name, source=SOURCE, confidence=1.0) for name in found), *kept)
    return replace(facts, **found, origins=origins, told_by=facts.told_by | own.numbers)  # type: ignore[arg-type]


def _general(root: HtmlElement, *, runs: Sequence[Run], url: str, language: str | None) -> Metadata:
    said = declared(root)
    data = linked_data(root, url=url, title=said.page_title)
    site_name = said.site_name or data.publisher
    claims = Claims(
        described=data.headline,
        declared=said.titles,
        page_title=said.page_title,
        site_name=site_name,
        url=url,
    )
    title = best_title(runs, claims)
    page = Evidence(
        root=root,
        runs=runs,
        url=url,
        data=data,
        said=said,
        head=_head(runs, title),
        marks=marks(root, runs, heading=title.element),
        sites=site_names(site_name, url),
    )
    byline, dates = best_byline(page), best_dates(page)
    spoken = _language(said, data, header=language)
    canonical = absolute(said.canonical, base=url)
    return Metadata(
        title=title.text,
        headline=title.headline,
        page_title=said.page_title,
        byline=byline.names,
        published=dates.published.day,
        modified=dates.modified.day,
        language=spoken[0],
        canonical_url=canonical,
        origins=_origins(
            ("title", title.source, title.confidence if title.text else 0.0),
            ("byline", byline.source, byline.confidence),
            ("published", dates.published.source, dates.published.weight),
            ("modified", dates.modified.source, dates.modified.weight),
            ("language", spoken[1], spoken[2]),
            ("canonical_url", "link", 0.9 if canonical else 0.0),
        ),
        told_by=title.numbers | byline.numbers | dates.numbers,
        body=data.body,
        sites=page.sites,
    )


def _head(runs: Sequence[Run], title: Title) -> Head:
    """Return the runs from shortly before the headline up to the first paragraphs."""
    heading = min(title.numbers, default=0)
    body = (
        number
        for number in range(max(title.numbers, default=-1) + 1, len(runs))
        if len(runs[number].text) >= _LONG
        and runs[number].linked < 0.5
        and not runs[number].chrome
        and runs[number].kind != "caption"
    )
    end = min(next(body, heading + _HEAD_RUNS) + _INTO_TEXT, heading + _HEAD_RUNS, len(runs))
    return Head(start=_start(runs, heading, title.element), end=end)


def _start(runs: Sequence[Run], heading: int, element: HtmlElement | None) -> int:
    """Return the first run before the headline that stands in one box with it.

    A clock at the top of the page is no date line, and a menu names no author.
    """
    if element is None:
        return heading
    outer = [one for one in element.iterancestors() if one.tag not in ("html", "body")]
    boxes = set(outer[:_BOXES])
    start = heading
    while start > max(0, heading - _BEFORE_HEADLINE) and any(
        one in boxes for one in runs[start - 1].element.iterancestors()
    ):
        start -= 1
    return start


def _language(
    said: Declared, data: LinkedData, *, header: str | None
) -> tuple[str | None, str, float]:
    """Return the language of a page, where it is declared, and how far that is believed."""
    declared_in = (
        (said.language, "html", 0.9),
        (said.first(LANGUAGE), "meta", 0.8),
        (data.language, DESCRIBED, 0.8),
        (header or "", "header", 0.6),
    )
    for text, source, confidence in declared_in:
        tag = language_tag(text)
        if tag is not None:
            return tag, source, confidence
    return None, "none", 0.0


def _origins(*found: tuple[str, str, float]) -> tuple[Origin, ...]:
    return tuple(
        Origin(field=field, source=source, confidence=round(confidence, 2))
        for field, source, confidence in found
        if confidence > 0
    )
