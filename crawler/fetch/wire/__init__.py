"""The wire client: HTTP/1.1 as it is really spoken, every byte kept."""

from crawler.fetch.wire.client import Client, ClientClosedError
from crawler.fetch.wire.ending import CUT_BY_US
from crawler.fetch.wire.proxy import Proxy, parse_proxy
from crawler.fetch.wire.request import Limits, WireRequest
from crawler.fetch.wire.resolver import Resolve

__all__ = [
    "CUT_BY_US",
    "Client",
    "ClientClosedError",
    "Limits",
    "Proxy",
    "Resolve",
    "WireRequest",
    "parse_proxy",
]
