"""Whether a page shows what it showed is told without a tree, and never wrongly."""

import pytest

from crawler.text.article import Context, normalise
from crawler.text.sameness import pictures, sameness, says_the_same

HTML = (("Content-Type", "text/html; charset=utf-8"),)
URL = "https://quay.example/1"
PAGE = (
    "<!DOCTYPE html><html lang=en><head><title>Wages | Quay</title>"
    '<meta name="author" content="Nadia Karim"><meta property="og:title" content="Wages">'
    '<link rel="canonical" href="https://quay.example/1">'
    '<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2014-10-10"}'
    "</script><script>var state = 0</script></head><body><nav><a href='/'>Home</a></nav>"
    '<h1>Wages</h1><p class="byline">By Nadia Karim, <time datetime="2014-10-10">Friday</time></p>'
    '<img src="/quay.jpg" alt="Quay">'
    "<p>Dock workers have waited four months for their wages, and nobody could say when they will "
    "be paid.</p><p>The harbour master promised an answer before the end of the winter.</p>"
    '<p hidden>Draft</p><form><input type="search" name="q"></form></body></html>'
)

NOISE = {
    "a script": ("var state = 0", "var state = 8471"),
    "a new script": ("<nav>", "<script nonce=a1>f('<p>no</p>')</script><nav>"),
    "a comment": ("<nav>", "<!-- <p>made in 12 ms</p> --><nav>"),
    "a token": ("</form>", "<input type=hidden name=csrf value=8f3a></form>"),
    "a meta element nobody reads": ("<title>", '<meta name="request" content="8f3a"><title>'),
    "a style sheet": ("<title>", '<link rel=stylesheet href="/a.css?v=8"><title>'),
    "a class": ('<p class="byline">', '<p class="byline css-8f3a" data-rid=8f3a>'),
    "the address of a link": ("href='/'", "href='/?session=8f3a'"),
    "white space": ("</p><p>The", "</p>\n\n  <p>The"),
    "a pixel without scripts": ("</body>", '<noscript><img src="/t?8f"></noscript></body>'),
}
EDITS = {
    "a word": ("harbour master", "harbor master"),
    "a paragraph": ("<p>The harbour", "<p>He denied it.</p><p>The harbour"),
    "a border": ("wages, and", "wages,</p><p>and"),
    "the title": ("<title>Wages", "<title>Revised: Wages"),
    "an author of the head": ('content="Nadia Karim"', 'content="Omar Said"'),
    "a day of the head": ('datePublished":"2014-10-10', 'datePublished":"2014-10-11'),
    "a day of the text": ('datetime="2014-10-10"', 'datetime="2014-10-11"'),
    "the language": ("lang=en", "lang=fr"),
    "another picture": ("/quay.jpg", "/crane.jpg"),
    "a picture by its number": ("/quay.jpg", "/picture?id=8"),
    "what is hidden": ("<p hidden>", "<p>"),
    "a field for a password": ('type="search"', 'type="password"'),
    "the canonical address": ("quay.example/1", "quay.example/2"),
    "a comment that ends at once": ("<p>The harbour", "<!--><p>Denied.</p><p>The harbour"),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_passed_over(name):
    """What a reader neither sees nor is told leaves the digest, and the article, as they were."""
    noisy = PAGE.replace(*NOISE[name])
    assert noisy != PAGE
    assert sameness(noisy.encode(), HTML) == sameness(PAGE.encode(), HTML)
    before, after = (normalise(one.encode(), url=URL, headers=HTML) for one in (PAGE, noisy))
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_seen(name):
    """Whatever a reader may see, or an article is made of, changes the digest."""
    edited = PAGE.replace(*EDITS[name])
    assert edited != PAGE
    assert sameness(edited.encode(), HTML) != sameness(PAGE.encode(), HTML)


def test_where_a_long_page_is_cut_in_pieces_tells_nothing():
    """Noise moves the cuts to other words and tags; what is shown stays the same."""
    text = "".join(f"<p>Word<b>{n}</b>s of it are {n}.</p>" for n in range(40_000))
    plain, noisy = (f"{noise}<body>{text}".encode() for noise in ("", f"<i id={'n' * 4001}></i>"))
    assert sameness(plain, HTML) == sameness(noisy, HTML) == sameness(plain + b" \n", HTML)
    assert sameness(plain.replace(b"39999.", b"39998."), HTML) != sameness(plain, HTML)


def test_the_age_of_a_picture_is_told_apart_from_the_text():
    """Another address of the same file leaves the text as it was, and is not passed over."""
    aged = PAGE.replace("/quay.jpg", "/quay.jpg?v=8f3a")
    one, other = (sameness(page.encode(), HTML) for page in (PAGE, aged))
    assert one != other
    assert says_the_same(one, other)
    assert pictures(aged.encode()) == [b"/quay.jpg?v=8f3a"]
    edited = sameness(aged.replace("four months", "five months").encode(), HTML)
    assert not says_the_same(one, edited)


def test_another_charset_is_another_page():
    """The same bytes are other words if the header says so, and shifted ones are told by each."""
    assert sameness(b"<p>a", HTML) != sameness(b"<p>a", (("content-type", "text/html"),))
    one, other = (f"<p>\x1b$B{word}\x1b(B".encode() for word in ("<a>b", "<c>b"))
    assert sameness(one, HTML) != sameness(other, HTML)


def test_what_shows_the_same_is_the_same_article():
    """The article of the last capture is given as it is."""
    before = normalise(PAGE.encode(), url=URL, headers=HTML)
    noisy = PAGE.replace(*NOISE["a script"]).encode()
    assert normalise(noisy, url=URL, headers=HTML, context=Context(previous=before)) == before
