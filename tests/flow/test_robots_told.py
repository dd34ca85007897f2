"""What robots.txt says is kept and compared: other rules are told, another comment is not."""

from pathlib import Path

import pytest
from papers import article
from server import Page, Site
from service import holdfast, listing

pytestmark = pytest.mark.flow

CONFIGURATION = """
[network]
allow_addresses = ["{allowed}"]

[defaults]
every = "1h"
delay = "0.001s"
confirm = ["0.2s", "0.3s"]
second_look = false

[[site]]
name = "paper"
start = ["{front}"]
spider = "page"
"""


def test_other_rules_are_told_once_and_other_comments_never(site: Site, tmp_path: Path) -> None:
    """Each answer is held against the last one; no answer is no change; `diff` shows the lines."""
    site.pages["/"] = Page(200, {}, str(article("The mole").body))
    archive = tmp_path / "archive"
    holdfast("init", str(archive))
    text = CONFIGURATION.format(allowed=site.address, front=site.url("/"))
    (archive / "holdfast.toml").write_text(text)

    def told(robots: str | Page) -> list[tuple[str, str]]:
        site.robots = robots
        holdfast("visit", "--quiet", "--all", "--archive", str(archive))
        found = listing("events", archive)
        return [
            (one["severity"], one["summary"]) for one in found if one["kind"] == "robots_changed"
        ]

    assert told("# 1\nUser-agent: *\nDisallow: /private\n") == []
    assert told("# 2\nuser-agent:*\n\nDISALLOW: /private # as ever\n") == []
    first = told("User-agent: *\nDisallow: /private\nDisallow: /archive\n")
    assert first == [("notice", "robots.txt differs: 1 line came, 0 went.")]
    assert told(Page(503, {}, "later")) == first
    closed = told("User-agent: *\nDisallow: /\n")
    assert [weight for weight, _ in closed] == ["notice", "high"]
    assert closed[1][1].endswith(f"It forbids {site.url('/')} now.")
    assert len(told(Page(404, {}, "none"))) == 3
    assert len(told(Page(410, {}, "none"))) == 3
    event = next(one for one in listing("events", archive) if one["kind"] == "robots_changed")
    assert "{+disallow: /archive+}" in holdfast("diff", event["id"], "--archive", str(archive))
