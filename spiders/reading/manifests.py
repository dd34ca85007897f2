"""Read what an application manifest names: the pictures that stand for a site on a screen."""

import json
from collections.abc import Iterator
from itertools import islice

from spiders.address import absolute
from storage.model import Requisite, RequisiteKind

MOST_PICTURES = 200
"""Pictures read from one manifest; one that names more is a trap."""

_LISTS = {"icons": RequisiteKind.ICON, "screenshots": RequisiteKind.IMAGE}


def manifest_requisites(body: bytes, *, url: str) -> Iterator[Requisite]:
    """Yield the icons and screenshots that a manifest names (W3C Web Application Manifest §1).

    Nothing for what is no manifest at all, be it other JSON or none.
    """
    try:
        manifest = json.loads(body)
    except (ValueError, RecursionError):
        return
    seen: set[str] = set()
    for written, kind in islice(_pictures(manifest), MOST_PICTURES):
        address = absolute(url, written)
        if address is None or address in seen or not address.startswith(("http://", "https://")):
            continue
        seen.add(address)
        yield Requisite(url=address, kind=kind)


def _pictures(manifest: object) -> Iterator[tuple[str, RequisiteKind]]:
    """Yield the sources of its pictures, and of the icons of its shortcuts."""
    if not isinstance(manifest, dict):
        return
    for name, kind in _LISTS.items():
        for one in _listed(manifest, name):
            if isinstance(source := one.get("src"), str):
                yield source, kind
    for shortcut in _listed(manifest, "shortcuts"):
        for one in _listed(shortcut, "icons"):
            if isinstance(source := one.get("src"), str):
                yield source, RequisiteKind.ICON


def _listed(holder: dict[str, object], name: str) -> list[dict[str, object]]:
    value = holder.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
