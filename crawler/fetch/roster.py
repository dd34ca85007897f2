"""Load the spiders, each file for itself, so that a broken one loses only its own sites."""

import hashlib
import inspect
import sys
from functools import cache
from importlib import import_module

from crawler import plugins
from crawler.errors import CrawlerError
from crawler.packages import release
from spiders.base import SiteSpider
from storage.model import Site


class SpiderFileError(CrawlerError):
    """Say that a spider file is missing, does not import, or holds no spider that works."""


def load(name: str) -> type[SiteSpider]:
    """Import one spider file and return its ``Spider``; raise SpiderFileError with the reason."""
    if name not in plugins.spider_names():
        known = ", ".join(plugins.spider_names())
        raise SpiderFileError(f"there is no spider {name!r}; known are {known}")
    try:
        module = import_module(f"spiders.{name}")
    except Exception as fault:
        raise SpiderFileError(
            f"spiders/{name}.py does not load ({type(fault).__name__}: {fault})"
        ) from fault
    found = getattr(module, "Spider", None)
    if not (isinstance(found, type) and issubclass(found, SiteSpider)):
        raise SpiderFileError(f"spiders/{name}.py has no class Spider(SiteSpider)")
    return found


def made(kind: type[SiteSpider], site: Site) -> SiteSpider:
    """Build the spider of a site and see that it works at all; raise SpiderFileError if not."""
    try:
        spider = kind(site)
        spider.whole_site()  # asked for outside a visit's own reading, and it may be overridden
    except Exception as fault:
        raise SpiderFileError(
            f"the spider of spiders/{site.spider}.py cannot be made for the site {site.name} "
            f"({type(fault).__name__}: {fault})"
        ) from fault
    return spider


class Roster:
    """One spider for each site of a worker, loaded when the site is first visited."""

    def __init__(self) -> None:
        self._spiders: dict[str, tuple[Site, SiteSpider, str]] = {}

    def spider(self, site: Site) -> tuple[SiteSpider, str]:
        """Return the spider of a site, anew when the site's settings changed, and its name.

        The name tells it from every other: by its file, the site's settings and the release. What
        was read under another name is worth being read again.
        """
        known = self._spiders.get(site.name)
        if known is not None and known[0] == site:
            return known[1], known[2]
        kind = load(site.spider)
        spider, name = made(kind, site), _name(kind, site)
        self._spiders[site.name] = (site, spider, name)
        return spider, name


def _name(kind: type[SiteSpider], site: Site) -> str:
    told = f"{release()}\0{_source(kind.__mro__)}\0{site!r}"
    return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()


@cache  # once, when it is loaded: a file that is edited later is not what runs
def _source(classes: tuple[type, ...]) -> str:
    """Return the text of the files that a spider and what it stands on are made of."""
    parts = [one.__module__ for one in classes if one.__module__.startswith("spiders.")]
    return "\0".join(inspect.getsource(sys.modules[name]) for name in dict.fromkeys(parts))
