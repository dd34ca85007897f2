"""The fields of an article beside its text: title, authors, days, language, pictures."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.text.article import normalise
from crawler.text.lines import modified_line, parse_date, published_line
from crawler.text.names import byline_names
from crawler.text.titles import bare_title
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


# --- an old newspaper's templates in six languages ----------------------------------------------

CLOCK = '<div class="clock">Monday, 3 March 2025, 12:04</div>'
OLD_PAPERS = {
    "en": (
        "Harbour workers wait for wages",
        "Workers on the quay on Thursday. (Photo: Rana Haddad)",
        "By: Nadia Karim, Omar al-Said",
        "Published Friday, October 10, 2014",
        "This article is an edited translation from the Arabic Edition. Translated by Luc Martin.",
    ),
    "ar": (
        "عمال المرفأ ينتظرون أجورهم",
        "عمال على الرصيف يوم الخميس (تصوير: رنا حداد)",
        "بقلم: نادية كريم، عمر السعيد",
        "نشر في ١٠ تشرين الأول ٢٠١٤",  # noqa: RUF001
        "ترجمة: لوك مارتان",
    ),
    "fr": (
        "Les dockers attendent leur salaire",
        "Des dockers sur le quai, jeudi. Crédit photo : Rana Haddad",
        "Par Nadia Karim et Omar al-Said",
        "Publié le vendredi 10 octobre 2014",
        "Traduit de l'arabe par Luc Martin",
    ),
    "de": (
        "Hafenarbeiter warten auf ihren Lohn",
        "Arbeiter am Kai, am Donnerstag. Foto: Rana Haddad",
        "Von Nadia Karim und Omar al-Said",
        "Veröffentlicht am Freitag, 10. Oktober 2014",
        "Übersetzt von Luc Martin",
    ),
    "es": (
        "Los estibadores esperan su salario",
        "Estibadores en el muelle, el jueves. Foto: Rana Haddad",
        "Por Nadia Karim y Omar al-Said",
        "Publicado el viernes 10 de octubre de 2014",
        "Traducción de Luc Martin",
    ),
    "ru": (
        "Докеры ждут зарплату",
        "Докеры на причале в четверг. Фото: Рана Хаддад",
        "Авторы: Надя Карим, Омар ас-Саид",  # noqa: RUF001
        "Опубликовано 10 октября 2014 г.",  # noqa: RUF001
        "Перевод: Люк Мартен",
    ),
}


def old_paper(language: str) -> str:
    """Return an article as a newspaper's old system makes it, in one of six languages."""
    title, caption, byline, day, note = OLD_PAPERS[language]
    text = "".join(f"<p>{title}. {paragraph}</p>" for paragraph in PARAGRAPHS)
    return f"""<html lang="{language}"><head><title>{title} | The Paper</title></head>
<body><div id="top">{CLOCK}<a href="/">The Paper</a></div>
<div id="content"><h1 class="title">{title}</h1><div class="field-photo">
<img src="/files/quay.jpg" width="600" height="400"><div class="image-caption">{caption}</div></div>
<div class="field-byline"><p>{byline}</p></div><div class="field-date">{day}</div>
<div class="field-body">{text}<p><em>{note}</em></p></div></div>
<div id="recent"><ul><li>By Hana Weber: Ships<span class="date">4 March 2025</span></li></ul></div>
</body></html>"""


@pytest.mark.parametrize("language", OLD_PAPERS)
def test_old_templates_are_read_in_six_languages(language):
    """By-line, date line, caption with credit; a translator and a clock are neither."""
    article = read(old_paper(language))
    title, caption, _, _, _ = OLD_PAPERS[language]
    assert article.title == title
    assert len(article.byline) == 2
    assert not {"Luc Martin", "لوك مارتان", "Люк Мартен"} & set(article.byline)
    assert article.published == "2014-10-10"
    assert article.language == language
    (image,) = article.images
    assert image.caption == caption
    assert image.credit in {"Rana Haddad", "رنا حداد", "Рана Хаддад"}


# --- titles -------------------------------------------------------------------------------------


def titled(head: str, body: str) -> str:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
    return f"<html><head>{head}</head><body>{body}<div>{text}</div></body></html>"


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        (
            "<title>Ships wait in the bay | The Paper</title>",
            '<h1><a href="/">The Paper</a></h1><h2>Ships wait in the bay</h2>',
            "Ships wait in the bay",
        ),
        (
            '<title>x</title><meta property="og:title" content="Ships wait in the bay">',
            "<h1><small>Harbour</small> Ships wait in the bay</h1>",
            "Ships wait in the bay",
        ),
        (
            "<title>Harbour - Ships wait in the bay - The Paper</title>",
            "<h1>Harbour</h1><h2>Ships wait in the bay</h2>",
            "Ships wait in the bay",
        ),
        (
            '<title>Ships wait</title><meta property="og:title" content="Ships wait in the bay">',
            '<h1>Ships wait in the bay <span class="comment-count">14 comments</span></h1>',
            "Ships wait in the bay",
        ),
        (
            "<title>All news</title>",
            "<h1><ruby>港<rt>みなと</rt></ruby>の<ruby>船<rt>ふね</rt></ruby>が入港を長く待っている</h1>",
            "港の船が入港を長く待っている",
        ),
        (
            "<title>Ships wait in the bay \u2013 Paper</title>",
            "",
            "Ships wait in the bay",
        ),
    ],
)
def test_a_title_is_what_heading_and_declared_titles_agree_on(head, body, title):
    """Not the site's name, a section, a kicker, a counter or the reading of its characters."""
    assert read(titled(head, body)).title == title


# --- authors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("(3) Ships wait in the bay", "Ships wait in the bay"),
        ("Ships wait in the bay (1,204 comments)", "Ships wait in the bay"),
        ("Schiffe warten in der Bucht [14 Kommentare]", "Schiffe warten in der Bucht"),
        ("Ten ships wait in the bay (5 examples)", "Ten ships wait in the bay (5 examples)"),
        ("(2014) A year of ships", "(2014) A year of ships"),
    ],
)
def test_a_count_is_no_part_of_a_title(title, kept):
    """It differs from look to look, and the headline did not change."""
    assert read(page(title=title)).title == kept


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("By Nadia Karim, Staff Writer", ("Nadia Karim",)),
        ("By Nadia Karim, Chief Technology Officer and Head of Ports", ("Nadia Karim",)),
        ("By Nadia Karim and Omar Said, Harbour News", ("Nadia Karim", "Omar Said")),
        ("By Nadia Karim | 10 October 2014 | 5 min read", ("Nadia Karim",)),
        ("By Nadia Karim in Beirut, photos by Rana Haddad", ("Nadia Karim",)),
        ("Author: Nadia Karim am 10.10.2014, 13:36 Uhr", ("Nadia Karim",)),
        ("Autorin: Nadia Karim, Projektleiterin im Hafen.", ("Nadia Karim",)),
        ("Text von Nadia Karim   Illustration von Rana Haddad", ("Nadia Karim",)),
        ("Posted on October 10, 2014 by Nadia Karim", ("Nadia Karim",)),
        (
            "Reporting by Nadia Karim and Omar Said; Editing by Luc Martin",
            ("Nadia Karim", "Omar Said"),
        ),
        ("Submitted by Nadia Karim on Fri, 10/10/2014 - 11:58", ("Nadia Karim",)),
        ("On October 10, 2014 the ships sailed by night.", ()),
        ("Translated by Luc Martin", ()),
        ("Photo by Rana Haddad", ()),
        ("By Reuters", ("Reuters",)),
    ],
)
def test_a_byline_names_those_who_wrote(line, names):
    """Roles, places of work, days and other hands are left out; an agency alone is named."""
    assert byline_names(line) == names


def described(data: str) -> str:
    return f'<script type="application/ld+json">{data}</script>'


@pytest.mark.parametrize(
    ("head", "above", "names"),
    [
        # The article's own node refers to its author by an id.
        (
            described(
                '{"@graph":[{"@type":"Article","headline":"H","author":{"@id":"#n"}},'
                '{"@type":"Person","@id":"#n","name":"Nadia Karim"}]}'
            ),
            "",
            ("Nadia Karim",),
        ),
        # A site that calls itself the author gives way to the person the page names.
        (
            described(
                '{"@type":"NewsArticle","author":{"@type":"Organization","name":"The Paper"}}'
            ),
            '<p>By <a href="/staff/7/nadia">Nadia Karim</a></p>',
            ("Nadia Karim",),
        ),
        # ... and is named where there is nobody else.
        (
            described(
                '{"@type":"NewsArticle","author":{"@type":"Organization","name":"The Paper"}}'
            ),
            "",
            ("The Paper",),
        ),
        # A comma at the end, an entity, a comment around it: such data is read all the same.
        (
            described(
                '<!-- {"@type":"NewsArticle","author":[{"name":"Nadia O&#8217;Karim"},],} -->'
            ),
            "",
            ("Nadia O\u2019Karim",),
        ),
        (
            '<meta name="author" content="admin">',
            '<p class="byline">Nadia Karim</p>',
            ("Nadia Karim",),
        ),
        ('<meta name="twitter:creator" content="@thepaper">', "", ()),
        ('<meta name="author" content="CHAN 5">', "<p>By Nadia Karim</p>", ("Nadia Karim",)),
        ('<meta name="author" content="Web Desk">', "", ("Web Desk",)),
        ("", "<p>10.10.2014 - Nadia Karim</p>", ("Nadia Karim",)),
        (
            '<meta name="twitter:label1" content="x"><meta name="twitter:data1" content="N. Kim">',
            "",
            ("N. Kim",),
        ),
        ("", '<a rel="author" href="/7">Nadia Karim</a>', ("Nadia Karim",)),
        (
            "",
            '<p rel="sioc:has_creator">Submitted by <i>Nadia Karim</i> on 02/03/2014 - 11:58</p>',
            ("Nadia Karim",),
        ),
        (
            "",
            '<p><a href="/author/nadia/">Nadia Karim</a> - October 10, 2014</p>',
            ("Nadia Karim",),
        ),
        ("", '<figure><img src="a.jpg"><a href="/author/rana">Rana Haddad</a></figure>', ()),
    ],
)
def test_authors_are_found_in_data_marks_and_links(head, above, names):
    """The surest source that names a person is believed."""
    assert read(page(head=head, above=above)).byline == names


# --- days ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "above", "day"),
    [
        # Evening in the Americas is the next day in UTC.
        (
            '<meta property="article:published_time" content="2014-10-11T02:30:00Z">',
            "<p>Published October 10, 2014</p>",
            "2014-10-10",
        ),
        # At 17:00 UTC it is nowhere the day before.
        (
            '<meta property="article:published_time" content="2014-10-11T17:00:00Z">',
            "<p>October 10, 2014</p>",
            "2014-10-11",
        ),
        (
            '<meta name="date" content="2014-10-01">',
            '<time datetime="2014-10-10">10.10.</time>',
            "2014-10-10",
        ),
        ("", '<p class="meta">Updated 12 October 2014</p><p>10 October 2014</p>', "2014-10-10"),
        ("", "<p>Updated 3 minutes ago</p>", None),
        ("", '<p property="dc:date dc:created" content="2014-10-10T11:58Z">Fri</p>', "2014-10-10"),
        ('<script>var s = {"published_at":"2014-10-10T06:22:28"}</script>', "", "2014-10-10"),
        (
            '<script>var s=[{"published_at":"2014-10-10"},{"published_at":"2014-11-11"}]</script>',
            "",
            None,
        ),
    ],
)
def test_days_are_weighed(head, above, day):
    """Local days beat moments in UTC, several sources beat one, a phrase is no day."""
    assert read(page(head=head, above=above)).published == day


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://paper.example/2014/10/10/ships", "2014-10-10"),
        ("https://paper.example/2014/oct/10/ships", "2014-10-10"),
        ("https://paper.example/ships-20141010.html", "2014-10-10"),
        ("https://paper.example/2014/13/10/ships", None),
        ("https://paper.example/1014101099/ships", None),
    ],
)
def test_an_address_is_a_weak_witness(url, day):
    """It is asked where the page says nothing, and says so."""
    article = read(page(), url=url)
    assert article.published == day
    sources = {one.field: one.source for one in article.origins}
    assert sources.get("published") == (day and "url")


# --- noise and hostility ------------------------------------------------------------------------

NOISE = (
    '<div class="meta"><span class="views">8120 views</span> <a href="#c">14 comments</a></div>',
    '<div class="byline-time"><time>Updated 3 minutes ago</time></div>',
    '<p>Advertisement</p><p><a href="https://ads.example/1">By the sea: ten hotels</a></p>',
)


@pytest.mark.parametrize("noise", NOISE)
def test_noise_changes_no_field(noise):
    """What differs between two looks at an unchanged page is no title, no author and no day."""
    line = "<p>By Nadia Karim</p><p>October 10, 2014</p>"
    before = read(page(above=line))
    after = read(page(above=noise + line, below=CLOCK + noise).replace("<body>", "<body>" + CLOCK))
    for field in ("title", "byline", "published", "modified", "language", "origins"):
        assert getattr(after, field) == getattr(before, field), field


HOSTILE = (
    '{"@type":"NewsArticle","author":' + "[" * 5000 + "]" * 5000 + "}",
    '{"@type":["NewsArticle",7,null],"headline":{"a":[1]},"author":[1,true,null,{"name":{"x":1}}]}',
    '{"@type":"NewsArticle","@id":"#a","author":{"@id":"#a"},"datePublished":12345678901234567890}',
    '{"@graph":[' + ",".join(['{"@type":"NewsArticle","headline":"H"}'] * 6000) + "]}",
    '{"@type":"NewsArticle","headline":"' + "x" * 400_000 + '","author":"' + "A, " * 30_000 + '"}',
    '{"@type":"NewsArticle","datePublished":"9999-99-99T99:99","author":"\\u0000\\u202e\\ud800"}',
    "\ufeff[[[[" + "{" * 10_000,
    '"' + "\\" * 100_001,
)


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_no_linked_data_raises_or_floods(data):
    """Wrong types, deep nesting, circles and floods end in bounded fields."""
    article = read(page(head=described(data)))
    assert len(article.title) <= 1000
    assert len(article.byline) <= 20
    assert all(len(name) <= 100 for name in article.byline)
    assert article.published is None
    assert pickle.loads(pickle.dumps(article)) == article


@given(st.text(max_size=300), st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_words_raise(line, value):
    """Whatever stands where an author, a day or a title should."""
    found = read(
        page(
            head=f'<meta name="author" content="{value}"><meta name="date" content="{value}">',
            above=f'<p class="byline">{line}</p><time datetime="{value}">{line}</time>',
            title=line,
        )
    )
    assert len(found.byline) <= 20
    byline_names(line)
    parse_date(line)
