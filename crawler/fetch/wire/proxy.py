"""Speak to an HTTP proxy: what is configured of it, and the CONNECT that opens a tunnel."""

import asyncio
import base64
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

from crawler.fetch.guard import wire_host
from storage.message import Head, head_end, parse_head
from storage.model import Outcome

_LONGEST_ANSWER_BYTES = 64 * 1024
_RIGHT = (
    'write "http://proxy.example:3128", with "user:password@" before its name if it asks for them'
)
_NAME = re.compile(r"\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy: where it listens, how we log in, and which hosts are reached without it."""

    host: str
    port: int
    login: bytes = field(default=b"", repr=False)
    """``user:password``, or empty."""
    except_hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def serves(self, host: str) -> bool:
        """Tell whether ``host``, in the form of ``wire_host``, is reached through the proxy."""
        return not _excepted(host, self.except_hosts)


class ProxyError(Exception):
    """Say how the proxy kept us from a target; what it did is an outcome, as all of the web."""

    def __init__(self, outcome: Outcome, says: str) -> None:
        super().__init__(says)
        self.outcome = outcome


def parse_proxy(url: str, *, except_hosts: Sequence[str] = ()) -> Proxy:
    """Return the proxy of ``http://[user:password@]host:port``.

    Raise ValueError that says what would be right; it never repeats what may be a password.
    """
    try:
        parts = urlsplit(url)
        host, port = wire_host(parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError(f"this is not the address of a proxy; {_RIGHT}") from None
    if parts.scheme != "http":
        raise ValueError(f"only proxies that are spoken to by plain http are known; {_RIGHT}")
    if not port or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"the address of a proxy ends with its port; {_RIGHT}")
    login, at, _ = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    if at and not user:
        raise ValueError(f"there is no user before the @; {_RIGHT}")
    return Proxy(
        host=host,
        port=port,
        login=unquote_to_bytes(user) + b":" + unquote_to_bytes(password) if at else b"",
        except_hosts=tuple(except_hosts),
    )


def check_exception(text: str) -> str:
    """Return the text, in small letters, if it names hosts to be reached directly; ValueError."""
    if _network(text) is None and not _NAME.fullmatch(text.lower()):
        raise ValueError(
            f'{text!r} names no host; write a name such as "paper.example", which counts for all '
            'names below it, an address, or a range such as "10.1.0.0/16"'
        )
    return text.lower()


async def open_tunnel(sock: socket.socket, proxy: Proxy, address: str, port: int) -> None:
    """Ask the proxy at the other end of ``sock`` for a tunnel to an address (RFC 9110 §9.3.6).

    When it returns, the next byte either way is that of the target. Raise ProxyError when the
    proxy does not open it, OSError when the connection to it breaks.
    """
    target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.login:
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(proxy.login).decode()}")
    request = "\r\n".join([*lines, "", ""]).encode("ascii")
    await asyncio.get_running_loop().sock_sendall(sock, request)
    head = await _final_head(sock, proxy)
    if not 200 <= head.status < 300:
        raise ProxyError(_outcome(head.status), _refusal(head, proxy, target))


async def _final_head(sock: socket.socket, proxy: Proxy) -> Head:
    while True:
        received = await _head_bytes(sock)
        head = parse_head(received)
        if not received:
            says = f"the proxy {proxy} closed the connection without an answer"
            raise ProxyError(Outcome.RESET, says)
        if head is None or not head.complete:
            raise ProxyError(Outcome.REFUSED, f"what the proxy {proxy} answers is not HTTP")
        if head.status >= 200:
            return head


async def _head_bytes(sock: socket.socket) -> bytes:
    """Read one head and no byte more: what follows it comes from the target."""
    received = b""
    while len(received) < _LONGEST_ANSWER_BYTES:
        await _readable(sock)
        waiting = sock.recv(_LONGEST_ANSWER_BYTES, socket.MSG_PEEK)
        end = head_end(received + waiting, len(received))
        taken = sock.recv(len(waiting) if end < 0 else end - len(received))
        received += taken
        if end >= 0 or not taken:
            break
    return received


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock.fileno(), tell)
    try:
        await ready
    finally:
        loop.remove_reader(sock.fileno())


def _outcome(status: int) -> Outcome:
    return Outcome.TIMEOUT if status == 504 else Outcome.REFUSED


def _refusal(head: Head, proxy: Proxy, target: str) -> str:
    if head.status == 407:
        asked = "does not take our user and password" if proxy.login else "asks for a password"
        return f"the proxy {proxy} {asked}; see `proxy` in the configuration"
    words = f"{head.status} {head.reason}".strip()[:200]
    return f"the proxy {proxy} opens no connection to {target} ({words})"


def _excepted(host: str, exceptions: tuple[str, ...]) -> bool:
    name = host.removesuffix(".")
    for one in exceptions:
        network = _network(one)
        if network is not None:
            if _holds(network, name):
                return True
        elif name == one.removeprefix(".") or name.endswith("." + one.removeprefix(".")):
            return True
    return False


def _holds(network: IPv4Network | IPv6Network, host: str) -> bool:
    try:
        return ip_address(host) in network
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
