"""Name the host a URL is claimed, paced and counted under."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from storage.errors import CatalogueError

_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"[^:/?#]*:(?://[^/?#]*)?")


def host_of(url: str) -> str:
    """Return the host of a URL: its name, with the port where it is not the usual."""
    found = _ORIGIN.match(url)
    return _host(found[0] if found is not None else url)


# Nearly every URL that is asked about shares its origin with the one before.
@lru_cache(maxsize=1024)
def _host(origin: str) -> str:
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise CatalogueError(f"{origin!r} cannot be a target: {error}") from error
    if not name:
        raise CatalogueError(f"{origin!r} cannot be a target: it names no host")
    name = f"[{name}]" if ":" in name else name
    return name if port in (None, _PORTS.get(parts.scheme)) else f"{name}:{port}"
