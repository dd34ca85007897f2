"""Keep strangers' pages from reading ours: the Host check, and headers that forbid everything."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

# RFC 9110 §7.2: uri-host [":" port]; a host in brackets is an IPv6 address.
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")


def host_name(value: str) -> str | None:
    """Return the host of a Host field in lower case without port, or None when it is not one."""
    match = _HOST.fullmatch(value.strip())
    if match is None:
        return None
    return match["name"].lower().rstrip(".") or None


def own_names(allowed: Iterable[str]) -> frozenset[str]:
    """Return the host names we answer to: the loopback's, and those allowed (a port is ignored)."""
    given = (host_name(_bracketed(one)) for one in allowed)
    return LOOPBACK | {name for name in given if name is not None}


class HostCheck:
    """Answer only to our own names: a name that was pointed at us from outside gets a 421.

    Without this, a page anywhere could let its own name resolve to the loopback and read the
    archive through the visitor's browser (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it before anything of it is looked at."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope).getlist("host"))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, hosts: list[str]) -> PlainTextResponse | None:
        name = host_name(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            return PlainTextResponse("The Host field is missing or is not a host.\n", 400)
        if name not in self._names:
            message = "This is not the name of this service. Ask by the address it listens on.\n"
            return PlainTextResponse(message, 421)
        return None


class SafeHeaders:
    """Set the headers of safety on every answer, also on refusals and faults."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to the start of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_safe)


def _bracketed(name: str) -> str:
    try:
        return f"[{IPv6Address(name)}]"
    except ValueError:
        return name
