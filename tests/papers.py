"""Make the pages of small made-up newspapers, for the flow tests."""

import html

from server import Page

PARAGRAPHS = """\
The harbour council met on Thursday evening to settle what nine years of plans had left open, and \
the gallery was full an hour before the doors were closed.
By the treasurer's count the repair of the north mole will cost {amount} crowns, of which the \
county carries a third and the fishermen's bank another fifth.
Two members asked for a second opinion from the engineers in the capital, and were told that the \
first one had taken a winter and said what everybody on the quay could see.
The work is to begin after the herring has gone and to end before it comes back, which leaves the \
builders eleven weeks and no storm that lasts longer than two days.
"""


def article(title: str, *, amount: str = "12 million", links: tuple[str, ...] = ()) -> Page:
    """Return an article that names a sum of money, with links behind it."""
    text = "".join(f"<p>{one}</p>\n" for one in PARAGRAPHS.format(amount=amount).splitlines())
    head = f"<title>{title}</title></head><body><article><h1>{title}</h1>"
    return _page(f"{head}\n{text}</article>{_list(links)}")


def index(*links: str, feed: str = "") -> Page:
    """Return a page that lists others, and announces a feed."""
    announced = f'<link rel="alternate" type="application/rss+xml" href="{feed}">' if feed else ""
    return _page(f"<title>The paper</title>{announced}</head><body><h1>Today</h1>{_list(links)}")


def sitemap(*urls: str) -> Page:
    """Return a site map (sitemaps.org)."""
    listed = "".join(f"<url><loc>{html.escape(url)}</loc></url>" for url in urls)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return _xml(f'<urlset xmlns="{space}">{listed}</urlset>')


def feed(*urls: str) -> Page:
    """Return an RSS 2.0 feed."""
    items = "".join(f"<item><title>x</title><link>{html.escape(url)}</link></item>" for url in urls)
    return _xml(f'<rss version="2.0"><channel><title>The paper</title>{items}</channel></rss>')


def _page(rest: str) -> Page:
    return Page(200, {}, f'<!doctype html><html lang="en"><head>{rest}</body></html>')


def _list(links: tuple[str, ...]) -> str:
    return "".join(f'<p><a href="{html.escape(one)}">{html.escape(one)}</a></p>' for one in links)


def _xml(text: str) -> Page:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return Page(200, {"Content-Type": "application/xml"}, body)
