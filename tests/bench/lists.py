"""The lists of addresses that every rival is given, and how a lane takes its share of them."""

from pathlib import Path
from urllib.parse import urlsplit

HOSTS = tuple(f"127.0.0.{n}" for n in range(1, 9))
"""One machine, eight hosts: a polite crawler asks each of them one thing at a time."""


CONTENT_TYPES = {"a": "text/html; charset=utf-8", "b": "text/html"}
"""What the two variants of an article say of themselves."""


def content_type(url: str) -> str:
    """Return what the site says of an article."""
    return CONTENT_TYPES[urlsplit(url).path[1]]


def addresses(port: int, *, variant: str, pages: int, articles: int) -> list[str]:
    """Return so many different addresses, from host to host; articles come again after the last."""
    return [
        f"http://{HOSTS[n % len(HOSTS)]}:{port}/{variant}/{n % articles:05}.html"
        + (f"?look={n // articles}" if n >= articles else "")
        for n in range(pages)
    ]


def number_of(url: str) -> int:
    """Return the number of the article at an address."""
    return int(url.partition(".html")[0][-5:])


def by_host(urls: list[str]) -> dict[str, list[str]]:
    """Return the addresses of each host, in their order."""
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(urlsplit(url).netloc, []).append(url)
    return hosts


def host_after_host(urls: list[str]) -> list[str]:
    """Return the list for a client that keeps one connection only, which then serves it."""
    return [url for host in by_host(urls).values() for url in host]


def write(path: Path, urls: list[str]) -> Path:
    """Write a list, an address a line."""
    path.write_text("".join(f"{url}\n" for url in urls), encoding="ascii")
    return path


def read(path: Path) -> list[str]:
    """Read a list."""
    return path.read_text(encoding="ascii").split()
