"""Make addresses of what pages, lists and headers write, in the form browsers ask for them."""

import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import idna

_BLANKS = "".join(map(chr, range(0x21)))
_BREAKS = re.compile(r"[\t\n\r]")
# What the URL standard (url.spec.whatwg.org §1.3) leaves as it is in a path and in a query of
# http, and "%", so that nothing is encoded twice; but no backslash, which no target may hold.
_KEPT_IN_PATH = "!$%&'()*+,-./:;=@[]_|~"
_KEPT_IN_QUERY = "!$%&()*+,-./:;=?@[]^_`{|}~"
_LONGEST_HOST = 1000
# References that mean what they say: a whole address or an absolute path, all of it in characters
# that stay as they are, and without the dots that climb. Nearly all are such.
_SAFE = r"[\w!$%&()*+,:=@~/-]*+(?:\.[\w!$%&()*+,:=@~-][\w!$%&()*+,:=@~/-]*+)*+"
_PLAIN = re.compile(
    rf"(https?://[a-z0-9-]++(?:\.[a-z0-9-]++)*+(?::[0-9]++)?+)?+"
    rf"(?:/(?!/)[\w!$%&()*+,:=@~-]{_SAFE}|/)(?:\?[\w!$%&()*+,:=@~./-]++)?+",
    re.ASCII,
)


def absolute(base: str, reference: str, *, encoding: str = "utf-8") -> str | None:
    """Return where a reference leads from ``base``, percent-encoded, without its fragment.

    ``encoding`` is that of the page: queries are written in it, paths never. What has another
    scheme than http and https comes back as it is, what cannot be read as an address as None.
    """
    plain = _PLAIN.fullmatch(reference)
    if plain is not None:
        origin = _origin(base) if plain[1] is None else ""
        if origin is not None:
            return origin + reference
    return _resolved(base, reference, encoding)


@lru_cache(maxsize=256)
def _origin(base: str) -> str | None:
    """Return scheme and host of a base as addresses begin, or None for one of another scheme."""
    try:
        parts = urlsplit(base)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return f"{parts.scheme}://{_host(parts.netloc)}"


def _resolved(base: str, reference: str, encoding: str) -> str | None:
    text = _BREAKS.sub("", reference.strip(_BLANKS)).partition("#")[0]
    path, mark, query = text.partition("?")
    try:
        parts = urlsplit(urljoin(base, path.replace("\\", "/") + mark + query))
    except ValueError:  # such as a bracket of an IPv6 address that is never closed
        return None
    if parts.scheme not in ("http", "https"):
        return parts.geturl()
    if encoding.lower().startswith("utf"):
        encoding = "utf-8"  # UTF-16 is no encoding to send in (WHATWG Encoding §4.3)
    return urlunsplit(
        (
            parts.scheme,
            _host(parts.netloc),
            quote(parts.path or "/", safe=_KEPT_IN_PATH, errors="replace"),
            quote(parts.query, safe=_KEPT_IN_QUERY, encoding=encoding, errors="xmlcharrefreplace"),
            "",
        )
    )


def _host(netloc: str) -> str:
    """Return host and port as they are looked up; what is no name stays, and is refused later."""
    if netloc.isascii() or len(netloc) > _LONGEST_HOST:
        return netloc.lower()
    host, colon, port = netloc.partition(":")
    try:
        return idna.encode(host, uts46=True).decode("ascii") + colon + port
    except UnicodeError:
        return netloc
