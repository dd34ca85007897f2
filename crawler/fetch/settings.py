"""Set Scrapy up as a lean engine: our handler, no middleware that the road has no use for."""

from typing import Any

HANDLER = "crawler.fetch.handler.WireHandler"


def engine_settings(*, lanes: int) -> dict[str, Any]:
    """Return the settings of a worker's engine, for so many visits at once.

    Redirects, robots.txt, pace and decoding lie below the engine (``fetcher.py``), so that they
    are the same for every lane; what Scrapy brings for them is left out, and with it everything
    that listens (telnet, remote control), stores (cookies, cache, pickled queues) or retries.
    """
    return {
        # No reactor: the engine runs in the worker's own asyncio loop (Scrapy 2.15 and newer).
        "TWISTED_REACTOR_ENABLED": False,
        "DOWNLOAD_HANDLERS_BASE": {},
        "DOWNLOAD_HANDLERS": {"http": HANDLER, "https": HANDLER},
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "COOKIES_ENABLED": False,
        "SCHEDULER": "crawler.fetch.queue.Queue",
        "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
        "STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector",
        "CONCURRENT_REQUESTS": lanes,
        "CONCURRENT_REQUESTS_PER_DOMAIN": lanes,
        "CONCURRENT_ITEMS": 1,  # Scrapy starts that many tasks for every response
        "DOWNLOAD_DELAY": 0,
        "LOG_ENABLED": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOG_LEVEL": "WARNING",
    }
