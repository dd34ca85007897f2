"""Answers that mean harm: each ends within its limits, has its row, and harms no neighbour."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bombs import CODINGS, HostileSite
from service import holdfast, listing
from warcio.archiveiterator import ArchiveIterator
from weighed import Weighed, weighed

pytestmark = pytest.mark.flow

MOST_MEMORY_BYTES = 300_000_000
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}
{limits}

[defaults]
delay = "0s"
"""

BOMBS = [f"/bomb/{kind.replace(', ', '-')}" for kind in CODINGS] + [
    "/bomb/transfer",
    "/bomb/sitemap.xml.gz",
    "/bomb/feed.xml.gz",
]
WHOLE = {
    **dict.fromkeys(BOMBS, ("ok", None)),
    "/deep": ("ok", None),
    "/deep/words": ("ok", None),
    "/line": ("ok", None),
    "/attributes": ("ok", None),
    "/many/links": ("ok", None),
    "/many/images": ("ok", None),
    "/many/tags": ("ok", None),
    "/many/fields": ("too_large", "length"),
    "/endless/head": ("too_large", "length"),
    "/endless/line": ("too_large", "length"),
    "/endless/interim": ("too_large", "length"),
    "/endless/blank": ("too_large", "length"),
    "/endless/chunks": ("too_large", "length"),
    "/endless/trailer": ("too_large", "length"),
}
"""What each answer comes to while the limits are those of every archive."""

CUT = {
    "/endless/body": ("too_large", "length"),
    "/endless/chunk": ("too_large", "length"),
    "/endless/chunks": ("too_large", "length"),
    "/endless/chunk-line": ("too_large", "length"),
    "/endless/trailer": ("too_large", "length"),
    "/endless/noise": ("not_http", "length"),
    "/slow/never": ("timeout", None),
    "/slow/head": ("timeout", "time"),
    "/slow/drip": ("timeout", "time"),
    "/slow/interim": ("timeout", None),
    "/slow/stall": ("timeout", "time"),
}
"""What is cut by limits of a second or two and a few mebibytes."""
LIMITS = """
first_byte_timeout = "1s"
idle_timeout = "1s"
total_timeout = "2s"
largest_body = "4MiB"
"""


@pytest.fixture(scope="module")
def site() -> Iterator[HostileSite]:
    """Serve the hostile site on every address of this machine's loopback."""
    with HostileSite("0.0.0.0") as running:
        yield running


def captured(archive: Path, urls: list[str], *, limits: str = "") -> Weighed:
    """Capture the addresses in a process of its own, and weigh it; it must end by itself."""
    holdfast("init", str(archive))
    allowed = json.dumps(["127.0.0.0/8"])
    text = CONFIGURATION.format(allowed=allowed, limits=limits)
    (archive / "holdfast.toml").write_text(text)
    return weighed("capture", "--archive", str(archive), *urls)


def among_neighbours(site: HostileSite, paths: list[str]) -> list[str]:
    """Return the addresses of hostile answers, each between two ordinary pages of its host."""
    pairs = [(path, f"/beside{path}") for path in paths]
    return [site.url(path, host="127.0.0.1") for pair in pairs for path in pair]


def ends(archive: Path) -> dict[str, tuple[str, str | None]]:
    """Return outcome and cut of what was asked for, by path; each has one row."""
    rows = [one for one in listing("captures", archive) if one["role"] == "target"]
    found = {"/" + one["url"].split("/", 3)[3]: (one["outcome"], one["truncated"]) for one in rows}
    assert len(found) == len(rows)
    return found


def fetch_times(archive: Path) -> dict[str, float]:
    """Return the seconds that each exchange took, by path, as its metadata record tells."""
    times = {}
    for file in sorted((archive / "warc").rglob("*.warc.gz")):
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.rec_type == "metadata":
                    url = record.rec_headers.get_header("WARC-Target-URI")
                    text = record.content_stream().read().decode("latin-1")
                    told = text.partition("fetchTimeMs: ")[2].partition("\r\n")[0]
                    if told:  # what came before or after an answer has a record of its own
                        times["/" + url.split("/", 3)[3]] = int(told) / 1000
    return times


def test_what_is_meant_to_harm_is_kept_and_harms_no_neighbour(
    tmp_path: Path, site: HostileSite
) -> None:
    """Bombs, endless heads and monstrous pages: each has its row, memory stays below 300 MB."""
    archive = tmp_path / "archive"
    done = captured(archive, among_neighbours(site, list(WHOLE)))
    assert done.returncode == 1, done.said
    neighbours = {f"/beside{path}": ("ok", None) for path in WHOLE}
    assert ends(archive) == WHOLE | neighbours
    assert done.peak_bytes <= MOST_MEMORY_BYTES


def test_what_never_ends_is_cut_by_its_limit(tmp_path: Path, site: HostileSite) -> None:
    """Whatever goes on, drips or stays silent ends within its limit and two seconds."""
    archive = tmp_path / "archive"
    done = captured(archive, among_neighbours(site, list(CUT)), limits=LIMITS)
    assert done.returncode == 1, done.said
    neighbours = {f"/beside{path}": ("ok", None) for path in CUT}
    assert ends(archive) == CUT | neighbours
    assert done.peak_bytes <= MOST_MEMORY_BYTES
    times = fetch_times(archive)
    for path in CUT:
        assert times[path] <= 2 + 2, path
    for path in ("/slow/never", "/slow/stall"):
        assert 1 <= times[path] <= 1 + 2, path
    for path in ("/slow/head", "/slow/drip"):
        assert times[path] >= 2, path


def test_many_bombs_at_the_same_time_are_no_more_than_one(
    tmp_path: Path, site: HostileSite
) -> None:
    """Sixteen hosts that harm at once are all kept, in the memory that is allowed for one."""
    paths = [*BOMBS, *["/many/links"] * (16 - len(BOMBS))]
    urls = [site.url(path, host=f"127.0.0.{n}") for n, path in enumerate(paths, start=1)]
    archive = tmp_path / "archive"
    done = captured(archive, urls)
    assert done.returncode == 0, done.said
    assert done.peak_bytes <= MOST_MEMORY_BYTES
