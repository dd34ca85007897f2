"""Speak TLS with any server, and record what it showed and why that would not be trusted."""

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from storage.model import Tls

if TYPE_CHECKING:
    from crawler.fetch.wire.trust import Trust


def lenient_context() -> ssl.SSLContext:
    """Return a context that takes any certificate and any protocol still built in.

    Old servers are the ones that vanish first. Only ``http/1.1`` is offered: HTTP/2 has no byte
    form that a WARC file could keep.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)  # named since Python 3.12
    context.set_alpn_protocols(["http/1.1"])
    return context


def describe(connection: ssl.SSLObject, host: str, trust: "Trust") -> Tls:
    """Record what a finished handshake agreed on, and what is to be thought of it."""
    chain = _chain(connection)
    cipher = connection.cipher()
    return Tls(
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        chain=chain,
        fault=trust.fault(chain, host, now=datetime.now(UTC)),
    )


def _chain(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    # Public since Python 3.13; before that the object within has it, with another kind of result.
    if hasattr(connection, "get_unverified_chain"):
        return tuple(bytes(der) for der in connection.get_unverified_chain())
    ask = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", None)
    if ask is not None:
        shown = ask() or ()
        return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in shown)
    leaf = connection.getpeercert(binary_form=True)
    return (leaf,) if leaf else ()
