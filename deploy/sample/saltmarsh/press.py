"""Print an edition: every address of the site with the bytes that are found there."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from html import escape
from pathlib import Path

from saltmarsh import pages
from saltmarsh.edition import FROZEN_AT, SECTIONS, Article, Edition
from saltmarsh.pictures import photograph

HERE = Path(__file__).parent
HTML = "text/html; charset=utf-8"
IN_THE_FEED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """What is found at one address."""

    content_type: str
    body: bytes
    modified_at: datetime
    status: int = 200

    @property
    def etag(self) -> str:
        """Return a strong validator: other bytes, other tag (RFC 9110 §8.8.3)."""
        return _digest(self.body)

    @property
    def compressed(self) -> bytes | None:
        """Return the body in gzip, the same bytes every time, or None where it does not pay."""
        return _gzip(self.body) if self.content_type != "image/png" else None


def print_edition(
    edition: Edition, *, frame: pages.Frame, before: Mapping[str, Print], at: datetime
) -> dict[str, Print]:
    """Print every page; one that came out as it was before keeps its date, as it should."""
    printed: dict[str, Print] = {}
    for path, (content_type, body) in _sheets(edition, frame):
        old = before.get(path)
        if old is not None and old.body == body:
            printed[path] = old
            continue
        modified_at = at if before else FROZEN_AT
        printed[path] = Print(content_type=content_type, body=body, modified_at=modified_at)
    return printed


def _sheets(edition: Edition, frame: pages.Frame) -> Iterator[tuple[str, tuple[str, bytes]]]:
    yield "/", (HTML, pages.home_page(edition, frame).encode())
    yield "/about", (HTML, pages.about_page(frame).encode())
    for section in SECTIONS:
        for number, page in enumerate(pages.section_pages(section, edition, frame)):
            yield pages.section_path(section, number), (HTML, page.encode())
    for article in edition.articles.values():
        yield pages.photo_path(article), ("image/png", photograph(article.node))
        closed = pages.notice_page("Comments", "Comments on this article are closed.")
        yield f"/comment/reply/{article.node}", (HTML, closed.encode())
        path = edition.path(article.node)
        yield path, (HTML, pages.article_page(article, path=path, frame=frame).encode())
    yield "/rss.xml", ("application/rss+xml; charset=utf-8", _feed(edition, frame.base).encode())
    yield "/sitemap.xml", ("application/xml; charset=utf-8", _sitemap(edition, frame.base).encode())
    yield "/robots.txt", ("text/plain; charset=utf-8", _robots(frame.base).encode())
    yield pages.STYLE_PATH, ("text/css; charset=utf-8", (HERE / "style.css").read_bytes())
    yield pages.LOGO_PATH, ("image/svg+xml", (HERE / "logo.svg").read_bytes())


def _feed(edition: Edition, base: str) -> str:
    items = "\n".join(_item(one, base, edition) for one in edition.listed()[:IN_THE_FEED])
    return f"""\
<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0">
<channel>
<title>{escape(pages.EDITION_NAME)}</title>
<link>{base}/</link>
<description>{escape(pages.NOTICE)}</description>
<language>en</language>
{items}
</channel>
</rss>
"""


def _item(article: Article, base: str, edition: Edition) -> str:
    published = datetime.combine(article.published, FROZEN_AT.timetz()).replace(hour=6)
    return f"""\
<item>
<title>{escape(article.headline)}</title>
<link>{escape(base + edition.path(article.node))}</link>
<guid isPermaLink="false">node-{article.node}</guid>
<pubDate>{format_datetime(published, usegmt=True)}</pubDate>
<description>{escape(pages.teaser(article))}</description>
</item>"""


def _sitemap(edition: Edition, base: str) -> str:
    fixed = ["/", "/about", *(pages.section_path(section, 0) for section in SECTIONS)]
    lines = [f"<url><loc>{base}{path}</loc></url>" for path in fixed]
    lines += [
        f"<url><loc>{escape(base + edition.path(one.node))}</loc>"
        f"<lastmod>{one.changed_at:%Y-%m-%dT%H:%M:%SZ}</lastmod></url>"
        for one in edition.listed()
    ]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(lines)
        + "\n</urlset>\n"
    )


def _robots(base: str) -> str:
    return f"User-agent: *\nDisallow: /comment/\n\nSitemap: {base}/sitemap.xml\n"


@cache
def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:24]


@cache
def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
