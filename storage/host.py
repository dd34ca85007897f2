"""Name the host a URL is claimed, paced and counted under."""

from urllib.parse import urlsplit

from storage.errors import CatalogueError

_PORTS = {"http": 80, "https": 443}


def host_of(url: str) -> str:
    """Return the host a URL is claimed under: its name, with the port where it is not the usual."""
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise CatalogueError(f"{url!r} cannot be a target: {error}") from error
    if not name:
        raise CatalogueError(f"{url!r} cannot be a target: it names no host")
    name = f"[{name}]" if ":" in name else name
    return name if port in (None, _PORTS.get(parts.scheme)) else f"{name}:{port}"
