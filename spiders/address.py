"""Make addresses of what pages, lists and headers write, in the form browsers ask for them."""

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import idna

_BLANKS = "".join(map(chr, range(0x21)))
_BREAKS = re.compile(r"[\t\n\r]")
# What the URL standard (url.spec.whatwg.org §1.3) leaves as it is in a path and in a query of
# http, and "%", so that nothing is encoded twice; but no backslash, which no target may hold.
_KEPT_IN_PATH = "!$%&'()*+,-./:;=@[]_|~"
_KEPT_IN_QUERY = "!$%&()*+,-./:;=?@[]^_`{|}~"
_LONGEST_HOST = 1000


def absolute(base: str, reference: str, *, encoding: str = "utf-8") -> str | None:
    """Return where a reference leads from ``base``, percent-encoded, without its fragment.

    ``encoding`` is that of the page: queries are written in it, paths never. What has another
    scheme than http and https comes back as it is, what cannot be read as an address as None.
    """
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
