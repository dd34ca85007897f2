"""The fields of an article beside its text: title, authors, days, language, pictures."""

import pytest

from crawler.plugins import rules_of
from crawler.text.article import normalise
from crawler.text.lines import modified_line, parse_date, published_line
from crawler.text.names import byline_names
from crawler.text.titles import bare_title
from spiders.reading.rules import Rules
from storage.model import Article

URL = "https://english.paper.example/node/21894"
HTML = [("Content-Type", "text/html; charset=utf-8")]
PARAGRAPHS = (
    (
        "Dock workers at the old harbour have waited four months for their wages, and nobody in "
        "the company's office could say on Thursday when they will be paid, or who has the money."
    ),
    (
        "The port authority says that it transferred the sum in June. The company answers that it "
        "has received a third of it, and that the rest is a matter for the courts to decide."
    ),
)


def page(
    *, head: str = "", above: str = "", below: str = "", title: str = "Harbour workers wait"
) -> str:
    """Return an article page; ``above`` stands between headline and text, ``below`` after it."""
    text = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    return f"""<!DOCTYPE html><html lang="en"><head><title>{title} | The Paper</title>{head}</head>
<body><div id="header"><a href="/">The Paper</a></div><div id="content"><h1>{title}</h1>{above}
<div class="text">{text}</div>{below}</div></body></html>"""


def read(html: str, *, url: str = URL) -> Article:
    return normalise(html.encode(), url=url, headers=HTML)


def test_structured_data_names_author_and_dates():
    """JSON-LD is believed before the text; broken JSON-LD is passed over."""
    data = (
        '<script type="application/ld+json">{broken</script>'
        '<script type="application/ld+json">{"@graph":[{"@type":"NewsArticle","headline":"H",'
        '"author":[{"name":"Omar Said"},{"name":"Rana Haddad"}],'
        '"datePublished":"2014-10-09T23:00:00Z","dateModified":"2014-10-12"}]}</script>'
    )
    article = read(page(head=data))
    assert article.byline == ("Omar Said", "Rana Haddad")
    assert (article.published, article.modified) == ("2014-10-09", "2014-10-12")


@pytest.mark.parametrize(
    ("title", "site", "bare"),
    [
        ("Ships wait | The Paper", "The Paper", "Ships wait"),
        ("The Paper - Ships wait", "The Paper", "Ships wait"),
        ("Ships wait \u2013 and wait | paper.example", "", "Ships wait \u2013 and wait"),
        ("Ships - a history", "The Paper", "Ships - a history"),
        ("Ships wait", "", "Ships wait"),
    ],
)
def test_the_name_of_the_site_is_no_part_of_the_title(title, site, bare):
    """It is dropped before and after the title, and nothing else is."""
    assert bare_title(title, site_name=site, headline="", url="https://www.paper.example/1") == bare


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("By: Nadia Karim", ("Nadia Karim",)),
        ("By Nadia Karim and Omar al-Said", ("Nadia Karim", "Omar al-Said")),
        ("Von Jürgen von der Lippe", ("Jürgen von der Lippe",)),
        ("Par Hélène Dupont, Luc Martin", ("Hélène Dupont", "Luc Martin")),
        ("Por: José García y Ana Ruiz", ("José García", "Ana Ruiz")),
        ("Автор: Анна Иванова", ("Анна Иванова",)),
        ("بقلم: نادية كريم", ("نادية كريم",)),
        ("By the time the ships came in, nobody was there.", ()),
        ("By 2014 the market had closed", ()),
        ("Bystanders were asked", ()),
    ],
)
def test_bylines_are_told_from_sentences(line, names):
    """A by-line is a word for "by" and names, in six languages."""
    assert byline_names(line) == names


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Published Friday, October 10, 2014", "2014-10-10"),
        ("Published on 10th of October 2014 at 14:05", "2014-10-10"),
        ("Publié le 10 octobre 2014", "2014-10-10"),
        ("Veröffentlicht am 10. Oktober 2014", "2014-10-10"),
        ("Publicado el 10 de octubre de 2014", "2014-10-10"),
        ("Опубликовано 10 октября 2014 г.", "2014-10-10"),  # noqa: RUF001
        ("نشر في ١٠ تشرين الأول ٢٠١٤", "2014-10-10"),  # noqa: RUF001
        ("Published 2014-10-10T08:00", "2014-10-10"),
        ("Published 10.10.2014", "2014-10-10"),
        ("Published 23/10/2014", "2014-10-23"),
        ("Published 03/04/2014", None),
        ("Published February 30, 2014", None),
        ("Publishedness in 2014", None),
        ("October 10, 2014 was a Friday", None),
    ],
)
def test_date_lines_are_understood(line, day):
    """Months in six languages, in any usual order; an unsure date is no date."""
    assert published_line(line) == day


def test_a_line_that_says_updated_is_no_date_of_publication():
    """Both dates have their own field."""
    assert modified_line("Last updated: 12 October 2014") == "2014-10-12"
    assert published_line("Last updated: 12 October 2014") is None
    assert parse_date("nothing here") is None


# --- the rules of a site ------------------------------------------------------------------------


def test_the_rules_of_a_spider_file_go_before_everything_else():
    """A template that hides its fields is read where the rules say; their lines are no text."""
    html = page(
        head='<meta name="author" content="The Web Desk">',
        above='<p class="x1">Nadia Karim</p><p class="x2">on the 10.10.2014</p>',
    )
    rules = Rules(byline="p.x1", published="//p[@class='x2']/text()")
    article = normalise(html.encode(), url=URL, headers=HTML, rules=rules)
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
    article = normalise(
        page(above="<p>By Nadia Karim</p>").encode(), url=URL, headers=HTML, rules=rules
    )
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
