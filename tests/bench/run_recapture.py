"""Visit a list of known pages through Holdfast's recapture lane, without Scrapy."""

import sys
from typing import TYPE_CHECKING, cast

import lists
from parts import Tally, arguments, drive, room
from uvloop import run as run_loop

from crawler.fetch.fetcher import Fetched
from crawler.fetch.recapture import RecaptureLane
from crawler.fetch.ticket import Ticket

if TYPE_CHECKING:
    from spiders.base import SiteSpider


async def not_read(_: Fetched, ticket: Ticket, __: "SiteSpider") -> None:
    """Refuse to read a page: every one of them is known."""
    raise RuntimeError(f"{ticket.target.url} is not as it was")


async def main() -> None:
    """Visit the list and tell what it took."""
    given = arguments(__doc__)
    urls = lists.read(given.list)
    known = dict(zip(urls, lists.read(given.known), strict=True))
    nobody = cast("SiteSpider", None)
    tally = Tally()
    async with room(given.folder, keeping=not given.nothing) as own:
        lane = RecaptureLane(own.fetcher, read=not_read)

        async def visit(ticket: Ticket) -> None:
            await lane.fetch(ticket, nobody)

        await drive(urls, own, visit, tally=tally, known=known)
    if "scrapy" in sys.modules:
        raise RuntimeError("the recapture lane imported Scrapy")
    tally.tell()


if __name__ == "__main__":
    run_loop(main())
