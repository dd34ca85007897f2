"""Spell an address as the key under which replay tools look it up: a SURT.

Hosts come in reverse, so that the pages of a site stand together, and what seldom tells two pages
apart (``www.``, case, order of the query, session ids, a slash at the end) is left out. The rules
are those of the Internet Archive's canonicaliser, because pywb asks for its keys letter by letter:
tests/flow/test_index.py holds ours to what pywb makes of the same addresses.
"""

import re
import socket
from urllib.parse import quote_from_bytes, unquote_to_bytes

from idna import IDNAError
from idna import encode as to_ascii

_BLANKS = re.compile(r"[\r\n\t]")
_PARTS = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>[^?#]*)(?P<query>\?[^#]*)?"
)
_WWW = re.compile(r"^www\d*\.")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_KEPT = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""Printable signs of ASCII that are not escaped: all but ``#`` and ``%``."""
_QUERY_SESSIONS = (
    re.compile(r"jsessionid=[0-9a-z]{32}(?:&|$)", re.IGNORECASE),
    re.compile(r"phpsessid=[0-9a-z]{32}(?:&|$)", re.IGNORECASE),
    re.compile(r"sid=[0-9a-z]{32}(?:&|$)", re.IGNORECASE),
    re.compile(r"aspsessionid[a-z]{8}=[a-z]{24}(?:&|$)", re.IGNORECASE),
    re.compile(r"cfid=[^&]{1,512}&cftoken=[^&]{1,512}(?:&|$)", re.IGNORECASE),
)
_PATH_SESSIONS = (
    re.compile(r"\((?:[a-z]\([0-9a-z]{24}\))+\)"),
    re.compile(r"\([0-9a-z]{24}\)"),
)
_MOST_UNESCAPED = 8


def surt(url: str) -> str:
    """Return the key of an address; of what is none, such as a ``urn:``, the text in lower case."""
    found = _PARTS.match(_BLANKS.sub("", url.strip()))
    if found is None:
        return url.lower()
    scheme = found["scheme"].lower()
    host, port = _host_and_port(found["authority"])
    named = f"{_reversed(host)}:{port}" if port not in ("", _DEFAULT_PORTS.get(scheme)) else ""
    query = _query(found["query"][1:]) if found["query"] else ""
    key = f"{named or _reversed(host)}){_path(found['path'])}"
    return f"{key}?{query}" if query else key


def _host_and_port(authority: str) -> tuple[str, str]:
    named = authority.rpartition("@")[2]
    host, colon, port = named.rpartition(":")
    if not colon or not (port.isascii() and (port.isdigit() or not port)):
        host, port = named, ""
    return _host(host), port


def _host(text: str) -> str:
    if text.startswith("["):
        return text.strip("[]").lower()
    name = _unescaped(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
    name = re.sub(r"\.{2,}", ".", name.strip(".")).lower()
    if not name.isascii():
        try:
            name = to_ascii(name, uts46=True).decode("ascii")
        except IDNAError:
            name = _escaped(name.encode())
    return _as_number(name) or _WWW.sub("", name, count=1)


def _as_number(name: str) -> str:
    """Return an IPv4 address in any of its old spellings as four numbers, else nothing."""
    if not name.replace(".", "").isdigit():
        return ""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return ""


def _reversed(host: str) -> str:
    return ",".join(reversed(host.split(".")))


def _path(text: str) -> str:
    steps: list[str] = []
    plain = _escaped(_unescaped(text.encode("utf-8", "surrogateescape"))).lower()
    for step in plain.split("/")[1:]:
        if step == ".." and steps:
            steps.pop()
        elif step != ".":
            steps.append(step)
    return "/" + "/".join(_without_sessions([step for step in steps if step]))


def _without_sessions(steps: list[str]) -> list[str]:
    """Leave out the last step that is a session id before a page of ASP.NET."""
    last_page = max((at for at, step in enumerate(steps) if ".aspx" in step[1:]), default=0)
    for pattern in _PATH_SESSIONS:
        found = [at for at in range(last_page) if pattern.fullmatch(steps[at])]
        if found:
            steps = steps[: found[-1]] + steps[found[-1] + 1 :]
            last_page -= 1
    return steps


def _query(text: str) -> str:
    plain = _escaped(_unescaped(text.encode("utf-8", "surrogateescape")))
    for pattern in _QUERY_SESSIONS:
        for found in [*pattern.finditer(plain)][-1:]:
            plain = plain[: found.start()] + plain[found.end() :]
    # By name first: "=" would else stand behind the signs that may be in a name.
    return "&".join(sorted(plain.lower().split("&"), key=lambda one: one.partition("=")))


def _unescaped(data: bytes) -> bytes:
    """Take off percent signs until nothing changes, as who escapes twice does not mean it."""
    for _ in range(_MOST_UNESCAPED):
        plain = unquote_to_bytes(data)
        if plain == data:
            break
        data = plain
    return data


def _escaped(data: bytes) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda one: one[0].lower(), quote_from_bytes(data, safe=_KEPT))
