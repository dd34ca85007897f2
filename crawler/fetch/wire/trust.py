"""Judge the certificates that a server showed.

A module of its own because what it needs takes long to import, and who speaks plain http does not
need it.
"""

import ssl
import warnings
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.x509 import verification


class Trust:
    """Judge certificate chains by a set of root certificates: this machine's own, or those given.

    The handshake itself accepts everything, so that a page is kept whatever its certificate. The
    chain that this very handshake showed is judged after it, by the rules of the public web.
    """

    def __init__(self, roots: Sequence[bytes] | None = None) -> None:
        if roots is None:
            roots = ssl.create_default_context().get_ca_certs(binary_form=True)
        certificates = [one for der in roots if (one := _read(der)) is not None]
        self._store = verification.Store(certificates) if certificates else None

    def fault(self, chain: Sequence[bytes], host: str, *, now: datetime) -> str | None:
        """Return why this chain, leaf first, is not trusted for ``host``, or None if it is."""
        certificates = [_read(der) for der in chain]
        leaf = certificates[0] if certificates else None
        if leaf is None:
            return "the server showed no certificate that can be read"
        if self._store is None:
            return "this machine knows no root certificates to judge by"
        between = [one for one in certificates[1:] if one is not None]
        try:
            verifier = (
                verification.PolicyBuilder()
                .store(self._store)
                .time(now)
                .build_server_verifier(_subject(host))
            )
            verifier.verify(leaf, between)
        except (verification.VerificationError, ValueError) as error:
            return _explain(leaf, host, now=now, error=error)
        return None


def _read(der: bytes) -> x509.Certificate | None:
    with warnings.catch_warnings():
        # Faults that it warns of (such as serial 0) do not matter to whether a chain holds.
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except ValueError:
            return None


def _subject(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host.removesuffix("."))


def _explain(leaf: x509.Certificate, host: str, *, now: datetime, error: Exception) -> str:
    if now > leaf.not_valid_after_utc:
        return f"the certificate ran out on {leaf.not_valid_after_utc:%Y-%m-%d}"
    if now < leaf.not_valid_before_utc:
        return f"the certificate is valid only from {leaf.not_valid_before_utc:%Y-%m-%d}"
    if leaf.issuer == leaf.subject:
        return "the certificate is signed by itself"
    words = " ".join(str(error).split())[:300]
    return f"the certificate does not prove that this is {host}: {words}"
