"""The pictures of an application manifest are what its page needs, too."""

import json

import pytest

from spiders.reading.manifests import MOST_PICTURES, manifest_requisites

URL = "http://paper.example/app/manifest.json"
HOST = "http://paper.example"


def read(body: bytes) -> list[str]:
    needs = manifest_requisites(body, url=URL)
    return [f"{one.kind.value} {one.url.removeprefix(HOST)}" for one in needs]


def test_icons_and_screenshots_are_named() -> None:
    """Also the icons of shortcuts; each address once, relative to the manifest."""
    icons = [{"src": "a.png"}, {"src": "/b.png"}, {"src": "a.png"}, {"src": "data:,"}, {}, 7]
    manifest = {
        "icons": icons,
        "screenshots": [{"src": "//cdn.example/c.png"}],
        "shortcuts": [{"icons": [{"src": "d.svg"}]}, {"icons": None}, "e"],
    }
    assert read(json.dumps(manifest).encode()) == [
        "icon /app/a.png",
        "icon /b.png",
        "image http://cdn.example/c.png",
        "icon /app/d.svg",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1]",
        b'{"icons": {"src": "a"}}',
        b'{"icons": [{"src": 1}, {"src": "http://[bad"}]}',
        b"[" * 1_000_000,
        b'{"icons": ' + b"9" * 10_000,
    ],
)
def test_what_is_no_manifest_names_nothing(body) -> None:
    """Other JSON, none at all, and what is nested too deep to be read."""
    assert read(body) == []


def test_a_manifest_of_too_many_pictures_is_a_trap() -> None:
    """Only the first few hundred are taken."""
    many = {"icons": [{"src": f"{n}.png"} for n in range(10_000)]}
    assert len(read(json.dumps(many).encode())) == MOST_PICTURES
