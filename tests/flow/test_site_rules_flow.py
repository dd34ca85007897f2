"""Rules of a site by real commands: they fit, they are asked about, they stop to fit."""

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

[[site]]
name = "paper"
start = ["{front}"]
spider = "page"
without_css = ["div.poll"]
phrases = ["for archival purposes"]
"""
FOOTER = "<footer><p>This site is kept for archival purposes only.</p></footer>"


def story(poll: str, *, wrapped: str = "poll", footer: str = FOOTER) -> Page:
    """Return an article with a poll inside it that says something else at every look."""
    body = str(article("The mole").body)
    inside = f'<div class="{wrapped}"><p>{poll}</p></div></article>{footer}'
    return Page(200, {}, body.replace("</article>", inside))


def test_rules_are_applied_asked_about_and_missed(site: Site, tmp_path: Path) -> None:
    """A poll left out is no edit, a phrase that goes is told, and so is a template without poll."""
    archive = tmp_path / "archive"
    holdfast("init", str(archive))
    text = CONFIGURATION.format(allowed=site.address, front=site.url("/"))
    (archive / "holdfast.toml").write_text(text)
    visit = ("visit", "--quiet", "--all", "--archive", str(archive))

    def kinds() -> list[str]:
        holdfast(*visit)
        holdfast(*visit)  # a change is fetched twice before it is told
        return [one["kind"] for one in listing("events", archive)]

    site.pages["/"] = story("Fifty-one in a hundred readers say that the mole should be mended.")
    assert kinds() == []
    site.pages["/"] = story("Now it is sixty-two, and the council has taken note of that number.")
    assert kinds() == []
    site.pages["/"] = story("Seventy in a hundred, and the poll is closed for good.", footer="")
    assert kinds() == ["phrase_gone"]
    site.pages["/"] = story("Eighty, in another kind of box.", wrapped="survey", footer="")
    told = kinds()
    assert told.count("site_rule_lost") == 1
    lost = next(one for one in listing("events", archive) if one["kind"] == "site_rule_lost")
    assert "div.poll" in lost["summary"]
    page = listing("text", archive, site.url("/"), "--slots")
    (box,) = [one for one in page if one["text"].startswith("Eighty")]
    assert box["slot"].endswith("div.survey/p")
    assert "article" in {one["taken"] for one in page if "mole" in one["text"]}
