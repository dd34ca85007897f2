"""Watch given pages and nothing else: no link is followed, what a page needs is kept."""

from collections.abc import Iterator

from scrapy.http import HtmlResponse, Response

from spiders.base import SiteSpider
from storage.model import Found, Requisite


class Spider(SiteSpider):
    """Yield requisites only; the spider of ``capture`` and of pages watched one by one."""

    name = "page"

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Yield what the page needs to be shown."""
        if not self.site.requisites:
            return iter(())
        return (one for one in super().parse(response) if isinstance(one, Requisite))

    def found(self, response: HtmlResponse) -> Iterator[Found]:  # noqa: ARG002 - it counts not
        """Yield nothing: no link is followed."""
        return iter(())
