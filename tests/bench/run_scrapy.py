"""Crawl a list with Scrapy as it comes; with ``--webarchive`` scrapy-webarchive keeps it."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scrapy import Spider
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response

AT_ONCE = 8
"""As many requests at once as the bench has hosts."""


class Touch(Spider):
    """Touch every answer and find nothing."""

    name = "touch"
    touched = 0

    def parse(self, response: Response) -> Iterator[Any]:
        """Count a page that came."""
        Touch.touched += response.status == 200 and len(response.body) > 0
        return iter(())


def main() -> None:
    """Crawl the list and tell how many pages came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path)
    parser.add_argument("--webarchive", type=Path)
    given = parser.parse_args()
    settings: dict[str, Any] = {"LOG_LEVEL": "WARNING", "CONCURRENT_REQUESTS": AT_ONCE}
    if given.webarchive:
        settings["EXTENSIONS"] = {"scrapy_webarchive.extensions.WaczExporter": 543}
        settings["SW_EXPORT_URI"] = f"{given.webarchive}/"
    urls = given.list.read_text(encoding="ascii").split()
    process = CrawlerProcess(settings)
    process.crawl(Touch, start_urls=urls)
    process.start()
    if Touch.touched != len(urls):
        sys.exit(f"the spider saw {Touch.touched} of {len(urls)} pages")
    print(json.dumps({"pages": Touch.touched}))


if __name__ == "__main__":
    main()
