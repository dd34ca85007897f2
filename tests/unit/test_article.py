"""The normaliser: clean, complete, the same when nothing changed, and never at a loss."""

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.text.article import MAX_HTML_BYTES, NO_ARTICLE, normalise
from crawler.text.decode import decode
from crawler.text.signs import signs
from crawler.text.tree import MAX_TAGS
from storage.model import Article

URL = "https://english.paper.example/node/21894"
HTML = [("Content-Type", "text/html; charset=utf-8")]

LEAD = (
    "Dock workers at the old harbour have waited four months for their wages, and nobody in the "
    "company's office could say on Thursday when they will be paid or who has the money."
)
BODY = (
    (
        "“We come every morning and every morning they send us away,” said Hassan, who has loaded "
        "ships here for 23 years \u2013 longer than anybody else on the quay, as he likes to add."
    ),
    (
        "The port authority says that it transferred the sum in June. The company "
        "answers that it has "
        "received a third of it, and that the rest is a matter for the courts to decide."
    ),
    (
        "A first hearing was set for the spring, then for the summer; it has been put "
        "off twice since, "
        "and the lawyers for both sides expect that it will be put off once more this winter."
    ),
)
NOTE = "This article is an edited translation from the Arabic Edition."


def page(*, noise: str = "", lead: str = LEAD, extra: str = "") -> str:
    """Return an article page as an old newspaper's system makes it."""
    paragraphs = "".join(f"<p>{text}</p>" for text in (lead, *BODY))
    return f"""<!DOCTYPE html><html xml:lang="en" lang="en" dir="ltr"><head>
<title>Harbour workers wait for wages | The Paper English</title>
<link rel="canonical" href="/node/21894"><meta name="Generator" content="Drupal 7">{noise}</head>
<body class="node-21894"><div id="header"><div id="name">The Paper English</div>
<ul class="menu"><li><a href="/">Home</a></li><li><a href="/politics">Politics</a></li></ul></div>
<div id="content"><h1 class="title">Harbour workers wait for wages</h1>
<div class="field-photo"><img src="/files/quay.jpg" width="600" height="400">
<div class="image-caption">Workers on the quay on Thursday. (Photo: Rana Haddad)</div></div>
<div class="submitted">By: <a href="/author/3">Nadia Karim</a></div>
<div class="date">Published Friday, October 10, 2014</div>
<div class="field-body">{paragraphs}<h3>No water</h3>
<blockquote><p>{BODY[0]} Twice.</p></blockquote>
<ul><li>The hall has no water at all.</li><li>The hall has no roof either.</li></ul>
<p><em>{NOTE}</em></p></div></div>{extra}
<div id="comments"><h2>Comments</h2><form><textarea>Your comment</textarea></form></div>
<div id="footer">Kept for archival purposes only. <a href="#top">Back to top</a></div>
</body></html>"""


def read(html: str | bytes, *, url: str = URL, headers: list[tuple[str, str]] = HTML) -> Article:
    body = html.encode() if isinstance(html, str) else html
    return normalise(body, url=url, headers=headers)


def texts(article: Article, kind: str) -> list[str]:
    return [block.text for block in article.blocks if block.kind == kind]


# --- an ordinary article ------------------------------------------------------------------------


def test_an_article_of_an_old_newspaper_is_read_whole():
    """Headline, by-line, date line, picture with caption, text, list, quote and closing note."""
    article = read(page())
    assert article.title == article.headline == "Harbour workers wait for wages"
    assert article.page_title == "Harbour workers wait for wages | The Paper English"
    assert article.byline == ("Nadia Karim",)
    assert article.published == "2014-10-10"
    assert article.language == "en"
    assert article.canonical_url == URL
    assert texts(article, "paragraph") == [LEAD, *BODY, NOTE]
    assert texts(article, "heading") == ["No water"]
    assert texts(article, "item") == [
        "The hall has no water at all.",
        "The hall has no roof either.",
    ]
    assert texts(article, "quote") == [f"{BODY[0]} Twice."]
    assert [(image.url, image.caption) for image in article.images] == [
        (
            "https://english.paper.example/files/quay.jpg",
            "Workers on the quay on Thursday. (Photo: Rana Haddad)",
        )
    ]
    assert article.warnings == ()
    assert "trafilatura" in article.engine
    assert "utf-8 (header)" in article.engine


@pytest.mark.parametrize("word", ["Comments", "Back to top", "Politics", "archival"])
def test_what_is_around_an_article_stays_outside(word):
    """Navigation, comment forms and footers are no text of the article."""
    assert word not in read(page()).text


def test_the_same_article_has_the_same_fingerprint():
    """Scripts, tokens, other spaces, quotes and dashes leave the article as it is."""
    first = read(page())
    noise = '<meta name="csrf" content="81bc"><script>var t=1699;</script><style>p{}</style>'
    teaser = '<div class="teaser"><a href="/1">Read also: ten ways to save water at home</a></div>'
    again = read(page(noise=noise, extra=teaser))
    assert again.fingerprint == first.fingerprint
    plain = (
        page().replace("“", '"').replace("”", '"').replace("\u2013", "-").replace(" on ", "\n  on ")
    )
    assert read(plain.replace("harbour", "har&shy;bour")).fingerprint == first.fingerprint


def test_an_edit_changes_the_fingerprint():
    """A word, the date, the author, the headline, the note: each of them counts."""
    first = read(page()).fingerprint
    for old, new in (
        ("four months", "five months"),
        ("October 10", "October 11"),
        ("Nadia Karim", "Nadia Kamal"),
        ("wait for wages", "wait for their wages"),
        ("Arabic Edition", "Arabic edition of June"),
    ):
        assert read(page().replace(old, new)).fingerprint != first, new


def test_the_same_bytes_give_the_same_article():
    """Nothing depends on the time, on earlier pages or on chance; the function can be sent away."""
    first = read(page())
    read("<html><body><p>Something else in between.</p></body></html>")
    assert pickle.loads(pickle.dumps(normalise))(page().encode(), url=URL, headers=HTML) == first


def test_repeated_paragraphs_are_kept():
    """A refrain is text, however often it comes."""
    verse = "And the ships lay in the harbour, and nobody came to load them."
    lines = "".join(f"<p>{text}</p><p>{verse}</p>" for text in (LEAD, *BODY))
    html = f"<html><body><article><h1>Refrain</h1>{lines}</article></body></html>"
    assert read(html).text.count(verse) == 4


def test_line_breaks_in_an_old_table_part_paragraphs():
    """Layout tables with two line ends between paragraphs give paragraphs, not cells."""
    text = "<br><br>\n".join((LEAD, *BODY))
    html = f"""<html><head><title>Harbour</title></head><body><table width="100%"><tr>
    <td><a href="/">Home</a></td><td><font size="2"><b>Harbour</b><br><br>{text}</font></td></tr>
    </table></body></html>"""
    assert texts(read(html), "paragraph")[-4:] == [LEAD, *BODY]


# --- charsets -----------------------------------------------------------------------------------

ARABIC = (
    "صوت مجلس المرفأ يوم الاثنين على إغلاق سوق السمك القديم بعد نقاش طويل استمر حتى الليل. " * 4
)


def arabic(charset: str) -> str:
    return (
        f'<html lang="ar"><head><meta charset="{charset}"><title>سوق السمك</title></head>'
        f"<body><h1>سوق السمك</h1><p>{ARABIC}</p><p>{ARABIC} ثم انتهى.</p></body></html>"
    )


@pytest.mark.parametrize(
    ("body", "headers", "charset"),
    [
        (arabic("utf-8").encode(), [], "utf-8 (meta)"),
        (arabic("x").encode(), HTML, "utf-8 (header)"),
        (arabic("x").encode("utf-8-sig"), [], "utf-8 (bom)"),
        (arabic("windows-1256").encode("cp1256"), [], "cp1256 (meta)"),
        (arabic("iso-8859-6").encode("iso8859-6"), [], "iso8859-6 (meta)"),
        (arabic("x").encode("utf-16"), [], "utf-16-le (bom)"),
        (arabic("utf-16").encode("utf-16-le"), [], "utf-16-le (detected)"),
        (arabic("x").encode("utf-16-be"), [], "utf-16-be (detected)"),
        (arabic("iso-8859-1").encode(), [], "utf-8 (detected)"),
        (arabic("x").encode("cp1256"), HTML, "cp1256 (detected)"),
    ],
)
def test_arabic_is_read_in_every_charset(body, headers, charset):
    """The declaration is believed unless the bytes contradict it; what was decided is kept."""
    article = read(body, headers=headers)
    assert article.title == "سوق السمك"
    assert ARABIC.strip() in article.text
    assert article.engine.endswith(charset)


def test_a_declaration_that_was_overruled_is_a_warning():
    """A person can see why the text was read as it was."""
    found = decode(arabic("iso-8859-1").encode(), headers=[])
    assert found.warnings == ("declared as cp1252, but the bytes are utf-8",)


def test_nul_bytes_do_not_break_words():
    """They are dropped, as browsers do."""
    assert read(page().replace("months", "mon\x00ths")).fingerprint == read(page()).fingerprint


# --- what is no article -------------------------------------------------------------------------


def test_a_page_without_an_article_gives_its_visible_text():
    """A section page can be compared too, and says what it is."""
    items = "".join(f'<li><a href="/{one}">Story {one}</a></li>' for one in range(20))
    html = f"""<html><head><title>News</title></head><body><nav><a href="/">Home</a></nav>
    <ul>{items}</ul><div hidden>secret</div><p style="display: none">hidden</p></body></html>"""
    article = read(html)
    assert NO_ARTICLE in article.warnings
    assert article.text.startswith("Story 0")
    assert "Home" not in article.text
    assert "secret" not in article.text
    assert "hidden" not in article.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%PDF-1.4 ...", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b'{"a": 1}', "application/json"),
        (b"%PDF-1.4 ...", "text/html"),
        (b"", ""),
    ],
)
def test_other_files_give_an_article_without_text(body, kind):
    """They are kept as captures; the article says why it is empty."""
    article = read(body, headers=[("Content-Type", kind)] if kind else [])
    assert article.blocks == ()
    assert article.warnings
    assert article.fingerprint


def test_plain_text_is_cut_at_empty_lines():
    """A text file has paragraphs too."""
    article = read("One line\nand another.\r\n\r\nEnd.", headers=[("content-type", "text/plain")])
    assert texts(article, "paragraph") == ["One line and another.", "End."]


def test_a_page_is_known_by_its_bytes_where_the_server_knows_no_better():
    """No type, or "octet-stream": the first bytes decide."""
    for headers in ([], [("content-type", "application/octet-stream")]):
        assert read(page(), headers=headers).title == "Harbour workers wait for wages"


# --- hostile pages ------------------------------------------------------------------------------

BOMBS = {
    "deep": "<div>" * 100_000 + "the end",
    "nested": "<b><p>" * 1_500 + "the end",
    "wide": "<p>the end</p>" * 70_000,
    "links": '<a href="/x">the end</a> ' * 10_000,
    "attributes": "<p " + " ".join(f"a{one}=1" for one in range(5_000)) + ">the end</p>",
    "tables": "<table><tr><td>" * 400 + "the end",
    "unclosed": "<" * 200_000 + " the end",
    "json": '<script type="application/ld+json">' + "[" * 100_000 + "</script><p>the end</p>",
    "entities": "&amp;" * 200_000 + " the end",
    "one word": "a" * 2_000_000 + " the end",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_bounded_time_with_its_text(bomb):
    """Depth, width and size end in a fallback; what can be read is read."""
    started = time.process_time()
    article = read(f"<html><body>{bomb}</body></html>")
    assert time.process_time() - started < 8
    assert "the end" in article.text


def test_a_huge_page_is_cut_and_says_so():
    """Five megabytes are read; the capture keeps the rest."""
    start = page()
    body = start.encode() + b"<!-- " + b"x" * MAX_HTML_BYTES + b" -->"
    article = read(body)
    assert article.warnings[0].startswith("cut:")
    assert article.title == "Harbour workers wait for wages"


def test_a_page_of_too_many_tags_is_cut_and_says_so():
    """What stands before the tags that are too many is read as ever."""
    whole = read(page())
    article = read(page().replace("</body>", "<i></i>" * MAX_TAGS + "<p>The end.</p></body>"))
    assert f"cut: only the first {MAX_TAGS} tags were read" in article.warnings
    assert article.title == whole.title
    assert "The end." not in article.text


MARKUP = (
    *("<p>", "</p>", "<table><td>", "<br><br>", "<h1>", "<script>", "<title>", "<!--", "By: "),
    *(
        "<svg><title>",
        "&#0;&#xD800;",
        "\x00",
        "<a href='http://[x'>",
        "<img src=//[>",
        "<li hidden>",
    ),
    *("<meta charset=utf-7>", "<time datetime=9999-99-99>", '<link rel=canonical href="http://[">'),
    *("<figure><img srcset=', ,'><figcaption>", "Published 9999-99-99"),
)
FRAGMENTS = st.lists(st.one_of(st.sampled_from(MARKUP), st.text(max_size=30)), max_size=30)


@given(FRAGMENTS, st.sampled_from(["utf-8", "utf-16", "cp1256"]))
@settings(max_examples=60, deadline=None)
def test_no_page_raises(fragments, charset):
    """Whatever markup comes, there is an article of some kind."""
    body = "".join(fragments).encode(charset, "replace")
    article = normalise(body, url="http://[broken", headers=HTML[:1])
    assert len(article.fingerprint) == 64


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "text/html", "text/html; charset=hex", "text/plain"]),
)
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise(body, kind):
    """Whatever bytes come under whatever type, there is an article of some kind."""
    assert normalise(body, url=URL, headers=[("content-type", kind)]).url == URL


def test_marks_of_gatekeepers_are_seen_deep_in_a_page():
    """Challenge scripts, captcha boxes and password fields are noted, comments of no kind are."""
    assert signs("<p>The password is refreshing</p>") == ()
    assert read(page(extra='<input name=p type="password">')).signs == ("password-field",)
    deep = "x" * 600_000 + '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate.js"></script>'
    assert signs(deep) == ("challenge",)
