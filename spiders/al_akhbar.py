"""Al-Akhbar English, a frozen Drupal edition kept online "for archival purposes" only."""

from spiders.base import SiteSpider


class Spider(SiteSpider):
    """Follow the articles and the listings that lead to them, not the forms around them."""

    name = "al_akhbar"
    include = ("/", "/node/*", "/content/*", "/blogs/*", "/section/*", "/taxonomy/term/*")
    exclude = ("/comment/*", "/user/*", "/print/*", "/printmail/*", "/node/*/edit", "/search/*")
