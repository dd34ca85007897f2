"""Keep the crawler out of places that are not the public web, whatever a page or a name claims."""

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import urlsplit

import idna

from crawler.errors import ConfigError

LONGEST_URL_BYTES = 16_000
"""Readers of WARC files break on longer ones."""

_Address: TypeAlias = IPv4Address | IPv6Address

_V6_GLOBAL = IPv6Network("2000::/3")
"""All that IANA has given out as global unicast; the rest is reserved or means something else."""
_NAT64 = IPv6Network("64:ff9b::/96")
# Not global by the IANA registries of special-purpose addresses, whatever this Python's
# ``is_global`` knows of them.
_SPECIAL: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("3fff::/20"),
)
_RIGHT = "write an address, address:port, [v6 address]:port or a range such as 10.1.0.0/16"
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\s\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_ORIGIN = re.compile(r"[^:/?#]*:(?://[^/?#]*)?")
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[^:\[\]]*)(?::[0-9]*)?")
# A host whose last label is a number is an address or nothing (WHATWG URL, "ends in a number").
_NUMERIC = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)\.?")


@dataclass(frozen=True, slots=True)
class _Allowance:
    network: IPv4Network | IPv6Network
    port: int | None

    def covers(self, address: _Address, port: int) -> bool:
        return (self.port is None or self.port == port) and address in self.network


_USERINFO = re.compile(r"//[^/?#]*@")
_PORTS = {"http": 80, "https": 443}


class AddressGuard:
    """Judge addresses that a socket is about to get, or has got."""

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._allowed = tuple(one for entry in allow for one in _allowances(entry))

    def refusal(self, address: str, port: int) -> str | None:
        """Return why not to connect to ``address``, or None if it may be done.

        Addresses that carry another one (v4-mapped, NAT64, 6to4, Teredo) are judged by that one.
        """
        try:
            ip = ip_address(address)
        except ValueError:
            return f"{address!r} is no IP address"
        if any(one.covers(ip, port) for one in self._allowed):
            return None
        for real in _carried(ip):
            if not _is_public(real) and not any(one.covers(real, port) for one in self._allowed):
                inside = f"{ip} (which is {real})" if real != ip else str(ip)
                return f"{inside} is {_kind(real)}, not a public address"
        return None


def refused_url(url: str) -> str | None:
    """Return why this cannot be the URL of a target, in one sentence, or None; asks no DNS."""
    if len(url.encode("utf-8", "surrogatepass")) > LONGEST_URL_BYTES:
        return f"the URL is longer than {LONGEST_URL_BYTES} bytes"
    if _FORBIDDEN.search(url):
        return "the URL holds a blank, a backslash or a control character"
    return _refused_origin(origin_of(url))


def refused_address(url: str, guard: AddressGuard) -> str | None:
    """Return why the address that a URL itself names would not be visited; names are not asked."""
    parts = urlsplit(url)
    host = wire_host(parts.hostname or "")
    try:
        ip_address(host)
    except ValueError:
        return None
    return guard.refusal(host, parts.port or _PORTS[parts.scheme])


def without_password(url: str) -> str:
    """Return a URL as it may be shown: what stands before an @ of its host is left out."""
    return _USERINFO.sub("//…@", url, count=1)


def origin_of(url: str) -> str:
    """Return the beginning of a URL up to its path: scheme, host and port as they are written."""
    found = _ORIGIN.match(url)
    return found[0] if found else ""


# Most URLs that are asked about share their origin with the one before.
@lru_cache(maxsize=512)
def _refused_origin(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError as error:
        return f"the URL cannot be read: {error}"
    if parts.scheme not in ("http", "https"):
        return f"only http and https are fetched, not {parts.scheme or 'a URL without scheme'}"
    if "@" in parts.netloc:
        return "the URL holds a user name or password"
    if not parts.hostname or port == 0 or not _NETLOC.fullmatch(parts.netloc):
        return "the URL names no host and port that there can be"
    try:
        wire_host(parts.hostname)
    except ValueError as error:
        return str(error)
    return None


def wire_host(host: str) -> str:
    """Return the host as names are looked up: ASCII, lower case; numbers as the address they mean.

    Sockets take ``2130706433``, ``0x7f.1`` and ``017700000001`` for 127.0.0.1, so this does too.
    Raise ValueError for what is neither an address nor a name.
    """
    if ":" in host:
        try:
            return str(IPv6Address(host))
        except ValueError:
            raise ValueError("the host is not an IPv6 address") from None
    name = host.lower() if host.isascii() else _to_ascii(host)
    if _NUMERIC.fullmatch(name):
        try:
            return socket.inet_ntoa(socket.inet_aton(name.removesuffix(".")))
        except OSError:
            raise ValueError("the host is a number that is no address") from None
    if len(name) > 254 or not _NAME.fullmatch(name):
        raise ValueError("the host is not a name that can be looked up")
    return name


def _to_ascii(host: str) -> str:
    # The mapping of UTS 46 as browsers use it: underscores and symbols pass, full-width digits and
    # ideographic full stops become ASCII, so that a number in disguise is seen as a number.
    try:
        labels = idna.uts46_remap(host, std3_rules=False).split(".")
        return ".".join(
            one if one.isascii() else "xn--" + one.encode("punycode").decode("ascii")
            for one in labels
        )
    except (idna.IDNAError, UnicodeError):
        raise ValueError("the host is not a name that can be looked up") from None


def _carried(ip: _Address) -> Iterator[_Address]:
    """Yield the addresses that decide where packets to ``ip`` end."""
    if isinstance(ip, IPv4Address):
        yield ip
    elif ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
    elif ip in _NAT64:
        yield IPv4Address(int(ip) & 0xFFFFFFFF)
    elif ip.sixtofour is not None:
        yield ip.sixtofour
    elif ip.teredo is not None:
        yield from ip.teredo
    else:
        yield ip


def _is_public(ip: _Address) -> bool:
    if isinstance(ip, IPv6Address) and ip not in _V6_GLOBAL:
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in one for one in _SPECIAL)


def _kind(ip: _Address) -> str:
    if ip.is_loopback:
        return "this machine"
    if ip.is_unspecified:
        return "no place"
    if ip.is_multicast:
        return "a group of machines"
    if ip.is_link_local:
        return "of the local link"
    if ip.is_private:
        return "of a private network"
    return "of a reserved range"


def _allowances(entry: str) -> list[_Allowance]:
    host, port = _split_port(entry)
    if host == "localhost":
        return [_Allowance(ip_network(one), port) for one in ("127.0.0.1", "::1")]
    try:
        network = ip_network(host)
    except ValueError as error:
        raise ConfigError(f"{entry!r} is no exception of the address guard: {_RIGHT}") from error
    if port is not None and "/" in host:
        raise ConfigError(f"{entry!r} names a range and a port: {_RIGHT}")
    return [_Allowance(network, port)]


def _split_port(entry: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"\[([^]]*)\](?::([0-9]{1,5}))?|([^:]*):([0-9]{1,5})", entry)
    if found is None:
        return entry, None
    host = found[1] if found[1] is not None else found[3]
    text = found[2] if found[1] is not None else found[4]
    if text is None:
        return host, None
    if not 0 < int(text) < 65536:
        raise ConfigError(f"{entry!r} names a port that does not exist: {_RIGHT}")
    return host, int(text)
