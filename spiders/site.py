"""Find the articles of any site from its start pages: links in scope, sitemaps and feeds."""

from spiders.base import SiteSpider


class Spider(SiteSpider):
    """Read any site; nothing about it is known beforehand."""

    name = "site"
