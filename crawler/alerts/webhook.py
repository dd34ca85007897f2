"""Post events as JSON to a web address, signed as Standard Webhooks says.

The body is ``{"type": "events", "id": DELIVERY, "alert": NAME, "count": N, "events": [EVENT, …]}``;
an EVENT has the keys of a line of ``holdfast events --json``, and its records. A repeat has the
same id and the same body.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import timedelta

from crawler.listing import told_dict
from crawler.outbound import Door, checked_url
from storage.model import Delivery

FULL_EVENTS = 50
"""A delivery of more events tells each in brief: receivers refuse bodies of many megabytes."""
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Post each delivery once it is due; any answer 2xx means taken."""

    url: str = field(repr=False)
    """Where to; http or https. Redirects are not followed."""
    secret: str = field(default="", repr=False)
    """``whsec_`` and 24 to 64 bytes in base64; without it the posts are not signed."""
    timeout: timedelta = timedelta(seconds=10)
    """For one post from name look-up to answer."""

    def __post_init__(self) -> None:
        """Refuse an address or a secret that could never work."""
        checked_url(self.url)
        if self.secret:
            _key(self.secret)

    def send(self, delivery: Delivery, door: Door, /) -> None:
        """Post the delivery, its id in ``webhook-id``."""
        brief = len(delivery.events) > FULL_EVENTS
        content = {
            "type": "events",
            "id": delivery.id,
            "alert": delivery.alert,
            "count": len(delivery.events),
            "events": [
                told_dict(event, delivery.captures, brief=brief) for event in delivery.events
            ],
        }
        body = json.dumps(content, separators=(",", ":")).encode("ascii")
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": stamp,
        }
        if self.secret:
            headers["webhook-signature"] = _signature(self.secret, delivery.id, stamp, body)
        door.post(self.url, body, headers=headers, timeout=self.timeout)


def _signature(secret: str, identity: str, stamp: str, body: bytes) -> str:
    signed = b".".join((identity.encode("ascii"), stamp.encode("ascii"), body))
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")


def _key(secret: str) -> bytes:
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    # Standard Webhooks asks for 24 to 64 bytes; a shorter key can be guessed.
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(
            "the secret must be whsec_ and 24 to 64 bytes in base64;"
            " echo whsec_$(openssl rand -base64 32) makes one"
        )
    return key
