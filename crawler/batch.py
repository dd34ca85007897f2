"""Read the articles of many pages at once, so that the pages of one site teach each other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crawler.killable import ArticleReader
from crawler.text.article import Context, Study
from crawler.text.template import learn
from storage.model import Article, Template

Load = Callable[[str], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """A page of a batch; pages of one address are its captures, in their order."""

    id: str
    page: str
    """Under which name its bytes are to be had."""
    url: str
    site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchArticle:
    """The article of a page, or None and why there is none."""

    id: str
    article: Article | None
    why: str = ""


def read_batch(
    pages: Sequence[BatchPage], *, load: Load, articles: ArticleReader
) -> Iterator[BatchArticle]:
    """Yield the articles of pages, site by site.

    The first capture of every address teaches before any page of its site is read in earnest; the
    later ones are held against the one before, as in an archive.
    """
    sites: dict[str, list[BatchPage]] = {}
    for page in pages:
        sites.setdefault(page.site or page.id, []).append(page)
    for of_site in sites.values():
        yield from _site(of_site, load=load, articles=articles)


def _site(
    pages: Sequence[BatchPage], *, load: Load, articles: ArticleReader
) -> Iterator[BatchArticle]:
    firsts = list({page.url: page for page in reversed(pages)}.values())[::-1]
    context = Context()
    studied: dict[str, tuple[Study | None, str]] = {}
    template = Template()
    for page in firsts:
        made, why = studied[page.id] = articles.study(
            load(page.page), url=page.url, headers=(), context=context
        )
        if made is not None and made.lesson is not None:
            template = learn(template, made.lesson)
    last: dict[str, Article] = {}
    for page in pages:
        made, why = studied.pop(page.id, (None, ""))
        if why:
            yield BatchArticle(id=page.id, article=None, why=why)
            continue
        if made is None or len(firsts) > 1:
            taught = Context(
                template=template,
                previous=last.get(page.url),
                picked=made.picked if made is not None else None,
            )
            made, why = articles.study(load(page.page), url=page.url, headers=(), context=taught)
        if made is not None:
            last[page.url] = made.article
        yield BatchArticle(id=page.id, article=made.article if made is not None else None, why=why)
