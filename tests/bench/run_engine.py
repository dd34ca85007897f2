"""Visit a list through Holdfast's engine lane."""

import asyncio
import sys
from collections.abc import Iterator

import lists
from parts import Tally, arguments, drive, room
from scrapy.http import Response
from uvloop import run as run_loop

from crawler.fetch.lane import EngineLane
from crawler.fetch.reading import Reading
from crawler.fetch.ticket import Ticket
from spiders.base import Requisite, SiteSpider
from storage.model import Found


class Touch(SiteSpider):
    """Touch every answer and find nothing, as the spiders of all rivals do."""

    name = "touch"
    touched = 0

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Count a page that came."""
        self.touched += response.status == 200 and len(response.body) > 0
        return iter(())


async def main() -> None:
    """Visit the list and tell what it took."""
    given = arguments(__doc__)
    urls = lists.read(given.list)
    tally = Tally()
    async with room(given.folder, keeping=not given.nothing) as own:
        reading = Reading()
        lane = EngineLane(own.fetcher, reading=reading, lanes=len(lists.HOSTS))
        spider = Touch(own.site)
        await lane.open()
        if given.wait:
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)

        async def visit(ticket: Ticket) -> None:
            await lane.fetch(ticket, spider)

        await drive(urls, own, visit, tally=tally)
        await own.fetcher.close()
        await lane.close()
        reading.close()
    if spider.touched != len(urls):
        raise RuntimeError(f"the spider saw {spider.touched} of {len(urls)} pages")
    tally.tell()


if __name__ == "__main__":
    run_loop(main())
