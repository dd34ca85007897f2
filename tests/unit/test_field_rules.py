"""The rules that a spider file may give for the fields of its site's articles."""

import pytest

from crawler.plugins import rules_of
from crawler.text.article import Context, normalise
from spiders.reading.rules import Rules

URL = "https://english.paper.example/node/21894"
HTML = [("Content-Type", "text/html; charset=utf-8")]
TEXT = "Dock workers at the old harbour have waited four months for their wages this year. " * 5


def page(head: str, above: str) -> bytes:
    return f"""<html><head><title>Harbour workers wait | The Paper</title>{head}</head>
<body><h1>Harbour workers wait</h1>{above}<p>{TEXT}</p></body></html>""".encode()


def test_the_rules_of_a_spider_file_go_before_everything_else():
    """A template that hides its fields is read where the rules say; their lines are no text."""
    html = page(
        '<meta name="author" content="The Web Desk">',
        '<p class="x1">Nadia Karim</p><p class="x2">on the 10.10.2014</p>',
    )
    rules = Rules(byline="p.x1", published="//p[@class='x2']/text()")
    article = normalise(html, url=URL, headers=HTML, context=Context(rules=rules))
    assert article.byline == ("Nadia Karim",)
    assert article.published == "2014-10-10"
    assert "Nadia" not in article.text
    assert {one.field: one.source for one in article.origins if one.confidence == 1.0} == {
        "byline": "rule",
        "published": "rule",
    }


def test_a_rule_that_finds_nothing_leaves_its_field_to_the_general_reader():
    """Also one that can only fail when it is asked."""
    rules = Rules(title="h1.none", byline="(unknown:thing(//p))", published="(count(//p))")
    html = page("", "<p>By Nadia Karim</p>")
    article = normalise(html, url=URL, headers=HTML, context=Context(rules=rules))
    assert (article.title, article.byline) == ("Harbour workers wait", ("Nadia Karim",))


def test_a_rule_that_is_no_selector_is_refused_at_once():
    """Whoever writes it hears of it where it stands."""
    with pytest.raises(ValueError, match="byline"):
        Rules(byline="p..x")
    with pytest.raises(ValueError, match="title"):
        Rules(title="//p[")


def test_rules_are_read_from_spider_files():
    """A file without rules, or without a spider, has none."""
    assert rules_of("site") == rules_of("no_such_file") == Rules()
