"""Say which URLs belong to a site: those of its hosts, as its patterns allow.

A pattern is a path with ``*`` for any run of characters, such as ``/node/*``; it must fit the whole
of path and query. A pattern may also be a whole address, ``https://media.example/papers/*``, and
then takes in another host. No other character is special, and matching takes linear time: patterns
and URLs come from outside, so no regular expression is ever made of them.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

from storage.model import Site

_SCHEMES = {"http": 80, "https": 443}
_KEPT = "%/:?#[]@!$&'()*+,;=-._~|"
_ESCAPE = re.compile("%[0-9a-fA-F]{2}")


def in_scope(site: Site, url: str) -> bool:
    """Say whether a URL belongs to the site."""
    return why_not(site, url) is None


def why_not(site: Site, url: str) -> str | None:
    """Return one sentence on why a URL does not belong to the site, or None when it does.

    The start pages always belong. ``www.`` and the difference of http and https do not count.
    """
    place = _place(url)
    if place is None:
        return "it is not an http or https address with a host"
    host, path = place
    if any(_place(start) == place for start in site.start):
        return None
    hosts = {start[0] for start in map(_place, site.start) if start is not None}
    pattern = _first_fit(site.exclude, host, path, hosts)
    if pattern is not None:
        return f"the pattern {pattern!r} of exclude leaves it out"
    if _first_fit(site.include, host, path, hosts) is not None:
        return None
    if host not in hosts:
        return (
            f"its host {host} is none of the site's ({', '.join(sorted(hosts)) or 'it has none'})"
        )
    if any(_narrows(pattern, hosts) for pattern in site.include):
        return f"no pattern of include takes it in ({', '.join(map(repr, site.include))})"
    return None


def why_no_requisite(site: Site, url: str) -> str | None:
    """Return one sentence on why a requisite is not to be fetched for the site, or None if it is.

    Requisites may lie on any host, so a path pattern of theirs fits on every one.
    """
    place = _place(url)
    if place is None:
        return "it is not an http or https address with a host"
    host, path = place
    pattern = _first_fit(site.requisites_exclude, host, path, {host})
    if pattern is not None:
        return f"the pattern {pattern!r} of requisites_exclude leaves it out"
    included = site.requisites_include
    if included and _first_fit(included, host, path, {host}) is None:
        return f"no pattern of requisites_include takes it in ({', '.join(map(repr, included))})"
    return None


def check_pattern(text: str) -> str:
    """Return a scope pattern as written; raise ValueError that says what would be right."""
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError(f"{text!r} has spaces or control characters; write them as %20")
    if text.startswith(("/", "*")):
        return text
    if _is_address(text) and _place(text) is not None:
        return text
    raise ValueError(
        f'{text!r} is not a pattern; write a path such as "/node/*", or a whole address such as '
        '"https://media.example/papers/*"'
    )


def _is_address(pattern: str) -> bool:
    return pattern.lower().startswith(("http://", "https://"))


def _narrows(pattern: str, hosts: set[str]) -> bool:
    """Say whether an include pattern speaks of the site's own hosts, rather than adding another."""
    place = _place(pattern) if _is_address(pattern) else None
    return place is None or place[0] in hosts


def _first_fit(patterns: Iterable[str], host: str, path: str, hosts: set[str]) -> str | None:
    for pattern in patterns:
        if _is_address(pattern):
            place = _place(pattern)
            if place is not None and place[0] == host and _fits(place[1], path):
                return pattern
        elif host in hosts and _fits(_canonical(pattern), path):
            return pattern
    return None


def _fits(pattern: str, text: str) -> bool:
    """Say whether the whole text fits a pattern in which only ``*`` is special."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


@lru_cache(maxsize=4096)
def _place(url: str) -> tuple[str, str] | None:
    """Return host and path with query in the form they are compared in, or None for no address."""
    try:
        parts = urlsplit(url)
        host, port = _host(parts), parts.port
    except ValueError:
        return None
    if parts.scheme not in _SCHEMES or not host:
        return None
    if port is not None and port != _SCHEMES[parts.scheme]:
        host = f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return host, _canonical((parts.path or "/") + query)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    if host.isascii():
        return f"[{host}]" if ":" in host else host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _canonical(path: str) -> str:
    """Return a path with everything outside ASCII percent-encoded, and escapes in upper case."""
    quoted = quote(path, safe=_KEPT, errors="surrogatepass")
    return _ESCAPE.sub(lambda found: found[0].upper(), quoted)
