"""A site, a channel, a rule and a verb: one new file each, made from the file README names."""

import re
from pathlib import Path

import pytest
from newspaper import Newspaper
from receivers import web_receiver
from service import PACKAGES, ROOT, Service, copied, holdfast, listing, rows, wait_for

pytestmark = pytest.mark.flow

MODEL = re.compile(r"^\| an? ([a-z ]+) \| \[`([\w/.]+)`\]\(\2\) \|", re.MULTILINE)
"""A row of README's table "One new file": what to add, and the file to copy."""
KINDS = {"site", "alert channel", "change rule", "command"}

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
every = "1h"
delay = "0.01s"

[[site]]
name = "courier"
start = ["{address}/"]
spider = "courier_articles"
alerts = ["desk"]

[[alert]]
name = "desk"
channel = "desk_post"
url = "{hook}"
"""


def models() -> dict[str, str]:
    """Return the files that README says to copy, by what they are copied for."""
    return dict(MODEL.findall((ROOT / "README.md").read_text("utf-8")))


def test_readme_names_a_file_to_copy_for_each_kind() -> None:
    """The table "One new file" names four files, and they are there."""
    named = models()
    assert set(named) == KINDS
    assert [file for file in named.values() if not (ROOT / file).is_file()] == []


def sources(project: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(project)): file.read_bytes()
        for package in PACKAGES
        for file in (project / package).rglob("*.py")
    }


def add(project: Path, model: str, name: str, *changes: tuple[str, str]) -> str:
    """Copy a file of the project under a new name beside it, with some words changed."""
    text = (project / model).read_text("utf-8")
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        assert count, f"{model} has no {pattern}"
    place = (project / model).with_name(name)
    assert not place.exists()
    place.write_text(text, "utf-8")
    return str(place.relative_to(project))


def with_new_files(project: Path) -> set[str]:
    """Add a spider, a channel, a rule and a verb to a copy of the project."""
    named = models()
    return {
        add(
            project,
            named["site"],
            "courier_articles.py",
            (r"include = \([^)]*\)", 'include = ("/node/10*",)'),
        ),
        add(
            project,
            named["alert channel"],
            "desk_post.py",
            ('"application/json"', '"application/vnd.desk+json"'),
        ),
        add(
            project,
            named["change rule"],
            "headline_rewritten.py",
            ('"headline_changed"', '"headline_rewritten"'),
            (r"rank = \d+", "rank = 1"),
        ),
        add(
            project,
            named["command"],
            "hush_pages.py",
            ('HELP = ".*"', 'HELP = "hush pages, as the desk says it"'),
            ("'muted'", "'hushed'"),
        ),
    }


def test_a_spider_a_channel_a_rule_and_a_verb_are_one_new_file_each(tmp_path: Path) -> None:
    """Four new files in a copy of the project, nothing else touched: all four are used."""
    project = copied(tmp_path / "project")
    new = with_new_files(project)
    assert set(sources(project)) - set(sources(ROOT)) == new
    archive = tmp_path / "archive"
    holdfast("init", str(archive), root=project)
    with Newspaper().serve() as paper, web_receiver() as desk:
        text = CONFIGURATION.format(address=paper.address, hook=desk.url)
        (archive / "holdfast.toml").write_text(text)
        before = sources(project)

        # the spider: its scope, and no other, decides what is found
        holdfast("visit", "--archive", str(archive), root=project)
        watched = rows("watch", "list", "--archive", str(archive), root=project)
        found = {one["url"] for one in watched if one["found_by"] == "link"}
        wanted = {url for url in paper.articles if "/node/10" in url}
        assert wanted
        assert wanted == {one["url"] for one in watched if "/node/" in one["url"]}
        assert found <= wanted

        # the rule: its kind is the event's
        edited = paper.edit(106, [("Council sells the old customs house", "Nobody buys the ruin")])
        holdfast("visit", "--archive", str(archive), edited, root=project)
        (event,) = listing("events", archive, root=project)
        assert (event["kind"], event["url"]) == ("headline_rewritten", edited)

        # the verb: listed, explained, and it does what its model does
        overview = holdfast("--help", root=project)
        assert re.search(r"hush-pages +hush pages, as the desk says it", overview)
        said = holdfast("hush-pages", "--archive", str(archive), edited, root=project)
        assert said == "1 hushed\n"

        # the channel: the service delivers by it
        service = Service(archive=archive, root=project).start()
        try:
            wait_for(lambda: desk.posts)
        finally:
            assert service.end() == 0
        (post,) = desk.posts
        assert post.headers["Content-Type"] == "application/vnd.desk+json"
        assert event["id"] in post.body.decode()
    assert sources(project) == before
