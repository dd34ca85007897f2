"""Write what the catalogue remembers of pages that were visited before: how each was read, a line.

A process of its own makes it before the run: a worker finds it in the catalogue.
"""

import argparse
from datetime import timedelta
from pathlib import Path

import lists
from parts import READ_WITH, ticket

from storage.model import Robots, Site


def names(urls: list[str], digests: list[str]) -> list[str]:
    """Return the name of what was read at each address; the digests are those of the articles."""
    site = Site(name="bench", delay=timedelta(0), robots=Robots.IGNORE)
    read = []
    for number, url in enumerate(urls):
        own = ticket(url, number, site)
        own.read_with = READ_WITH
        fields = (("Content-Type", lists.content_type(url)), ("Content-Encoding", "gzip"))
        read.append(own.name_of(url, digests[lists.number_of(url)], fields) or "")
    return read


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path, help="addresses of pages")
    parser.add_argument("digests", type=Path, help="payload digest of every article, a line each")
    parser.add_argument("known", type=Path, help="file to write")
    given = parser.parse_args()
    found = names(lists.read(given.list), lists.read(given.digests))
    lists.write(given.known, found)
