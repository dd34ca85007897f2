"""Read who wrote an article, when, in which language and under which title."""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from crawler.text.authors import best_byline
from crawler.text.blocks import Run
from crawler.text.dates import best_dates
from crawler.text.declared import Declared, absolute, declared, language_tag
from crawler.text.evidence import Evidence, Head
from crawler.text.linked_data import LinkedData, linked_data
from crawler.text.marks import marks
from crawler.text.titles import Claims, Title, bare_title, best_title, site_names

_BEFORE_HEADLINE = 5
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
    told_by: frozenset[int]
    """Numbers of the runs that are headline, by-line or date line, hence no text of the article."""


def metadata(
    root: HtmlElement,
    *,
    runs: Sequence[Run],
    url: str,
    language: str | None,
) -> Metadata:
    """Return the fields of a page; they do not depend on which of its runs are its text."""
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
    return Metadata(
        title=title.text,
        headline=title.headline,
        page_title=said.page_title,
        byline=byline.names,
        published=dates.published.day,
        modified=dates.modified.day,
        language=_language(said, data) or language,
        canonical_url=absolute(said.canonical, base=url),
        told_by=title.numbers | byline.numbers | dates.numbers,
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
    return Head(start=max(0, heading - _BEFORE_HEADLINE), end=end)


def _language(said: Declared, data: LinkedData) -> str | None:
    tags = (said.language, said.first(("content-language", "og:locale")), data.language)
    return next(filter(None, map(language_tag, filter(None, tags))), None)
