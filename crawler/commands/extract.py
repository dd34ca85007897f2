"""Read the articles of HTML files, without an archive.

One JSON object a line goes to standard output: id, url, title, author, date, text, and all that is
known of the article besides. With --batch the pages come from a list, a JSON object a line with
id, page (a file name), url and site; they lie in --pages, a folder or a ZIP file. Pages of one
site teach each other; pages of one address are taken as its captures, one after another. A page
that cannot be read has an empty text and a warning that says why.

    holdfast extract --url https://paper.example/node/7 page.html
    holdfast extract --batch list.jsonl --pages pages.zip > articles.jsonl
"""

import argparse
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from crawler.batch import BatchArticle, BatchPage, read_batch
from crawler.console import json_line
from crawler.errors import CrawlerError
from crawler.killable import ArticleReader
from storage.model import Article

HELP = "read the articles of HTML files, without an archive"
GROUP = "look"

MOST_BYTES = 16 * 1024 * 1024
"""Of a page in a ZIP file; what comes after it is not unpacked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take files, or a list of pages."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--url", default="", help="the address the files were fetched from")
    parser.add_argument("--batch", type=Path, metavar="LIST", help="a list of pages, JSON lines")
    parser.add_argument(
        "--pages", type=Path, metavar="PATH", help="folder or ZIP file of the listed pages"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what was read, a line a page."""
    if bool(arguments.files) == bool(arguments.batch):
        raise CrawlerError("nothing to read: name HTML files, or a list of pages with --batch")
    if arguments.batch:
        pages = list(_listed(arguments.batch))
        loading = _pages(arguments.pages or arguments.batch.parent)
    else:
        pages = [
            BatchPage(id=str(file), page=str(file), url=arguments.url, site="")
            for file in arguments.files
        ]
        loading = _pages(Path())
    urls = {page.id: page.url for page in pages}
    with loading as load, ArticleReader() as articles:
        for found in read_batch(pages, load=load, articles=articles):
            print(json_line(_row(found, urls[found.id])))
    return 0


def _row(found: BatchArticle, url: str) -> dict[str, object]:
    article = found.article or Article(url=url, warnings=(found.why,))
    fields = asdict(article)
    del fields["rest"], fields["surface"]
    return {
        "id": found.id,
        "url": url,
        "title": article.title,
        "author": "; ".join(article.byline),
        "date": article.published or article.modified,
        "text": article.text,
        **fields,
    }


def _listed(path: Path) -> Iterator[BatchPage]:
    """Yield the pages of a list; CrawlerError names the first line that is none."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield BatchPage(
                    id=str(row["id"]),
                    page=str(row["page"]),
                    url=str(row.get("url") or ""),
                    site=str(row.get("site") or ""),
                )
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
                raise CrawlerError(
                    f"line {number} of {path} is no page: it must be a JSON object with id and page"
                ) from fault


def _pages(place: Path) -> AbstractContextManager[Callable[[str], bytes]]:
    """Lend what gives the bytes of a page by its name, from a folder or a ZIP file."""
    if place.is_dir():
        return _folder(place)
    return _zip(place)


@contextmanager
def _folder(place: Path) -> Iterator[Callable[[str], bytes]]:
    def load(name: str) -> bytes:
        return (place / name).read_bytes()

    yield load


@contextmanager
def _zip(place: Path) -> Iterator[Callable[[str], bytes]]:
    try:
        packed = zipfile.ZipFile(place)
    except zipfile.BadZipFile as fault:
        raise CrawlerError(f"{place} is neither a folder nor a ZIP file") from fault

    def load(name: str) -> bytes:
        try:
            with packed.open(name) as page:
                return page.read(MOST_BYTES)
        except (KeyError, zipfile.BadZipFile) as fault:
            raise CrawlerError(f"{place} has no page {name} that can be read") from fault

    with closing(packed):
        yield load
