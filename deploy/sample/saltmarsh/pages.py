"""Set the newspaper's pages in HTML, in the manner of a content management system of 2014."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from saltmarsh.edition import SECTIONS, Article, Edition

SITE_NAME = "The Saltmarsh Courier"
EDITION_NAME = f"{SITE_NAME} English"
NOTICE = (
    "The English edition of The Saltmarsh Courier was closed on 31 March 2015. "
    "This site is kept online for archival purposes only."
)
TRANSLATION_NOTE = "This article is an edited translation from the Marish edition."
MOST_READ = (132, 104, 117, 113, 118, 136)
STYLE_PATH = "/sites/all/themes/courier/style.css"
LOGO_PATH = "/sites/all/themes/courier/logo.svg"
PER_PAGE = 5
ON_THE_FRONT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands round every page, and in its head."""

    base: str
    frozen: Edition
    """The edition on the day it was closed: side columns are cached and never follow a change."""


def photo_path(article: Article) -> str:
    """Return the address of an article's photograph."""
    return f"/sites/default/files/photo-{article.node}.png"


def article_page(article: Article, *, path: str, frame: Frame) -> str:
    """Set the page of one article."""
    image = frame.base + photo_path(article)
    head = "\n".join(
        (
            f'<link rel="canonical" href="{escape(frame.base + path)}">',
            f'<meta property="og:site_name" content="{SITE_NAME}">',
            '<meta property="og:type" content="article">',
            f'<meta property="og:title" content="{escape(article.headline)}">',
            f'<meta property="og:image" content="{escape(image)}">',
            f'<meta property="article:published_time" content="{article.published}T06:00:00Z">',
            f'<meta name="description" content="{escape(teaser(article))}">',
        )
    )
    day = article.published
    section = f'<a href="/section/{article.section}">{escape(SECTIONS[article.section])}</a>'
    body = f"""\
<div class="breadcrumb"><a href="/">Home</a> » {section}</div>
<h1 class="title" id="page-title">{escape(article.headline)}</h1>
<div id="node-{article.node}" class="node node-article node-full clearfix">
<div class="field field-name-field-photo">
<img src="{photo_path(article)}" width="420" height="236" alt="">
<div class="caption">{escape(article.caption)}</div>
</div>
<div class="byline">By: {escape(article.byline)}</div>
<div class="published">Published {day:%A, %B} {day.day}, {day.year}</div>
<div class="field field-name-body field-type-text-with-summary">
{_body(article.paragraphs)}
<p class="translation-note"><em>{TRANSLATION_NOTE}</em></p>
</div>
<ul class="links inline"><li><a href="/comment/reply/{article.node}">Add new comment</a></li></ul>
</div>
{_comment_form(article.node)}
<p><a class="back-to-top" href="#top">back to top</a></p>"""
    return _page(article.headline, body, head=head, side=_side(article, frame.frozen))


def home_page(edition: Edition, frame: Frame) -> str:
    """Set the front page: the newest articles, each with its first sentences."""
    rows = _rows(edition.listed()[:ON_THE_FRONT], edition, teasers=True)
    body = f'<h1 class="title" id="page-title">{EDITION_NAME}</h1>\n{rows}'
    return _page("Home", body, side=_most_read(frame.frozen))


def section_pages(section: str, edition: Edition, frame: Frame) -> list[str]:
    """Set the list of a section, as many pages of it as it takes."""
    listed = edition.listed(section)
    count = max(1, -(-len(listed) // PER_PAGE))
    name = SECTIONS[section]
    return [
        _page(
            name,
            f'<h1 class="title" id="page-title">{escape(name)}</h1>\n'
            + _rows(listed[PER_PAGE * number : PER_PAGE * (number + 1)], edition, teasers=False)
            + _pager(section, number, count),
            side=_most_read(frame.frozen),
        )
        for number in range(count)
    ]


def about_page(frame: Frame) -> str:
    """Set the page that says what this is."""
    body = f"""\
<h1 class="title" id="page-title">About this edition</h1>
<p>The Saltmarsh Courier has appeared in Marish since 1887. From 2009 to 2015 part of it was
translated into English, at a desk on the second floor of Fishmarket Street 8.</p>
<p>{NOTICE} Nothing is added, and nothing is altered.</p>
<p>Saltmarsh, the river Wend, the newspaper and everybody in it are invented. The site belongs to
Holdfast, which uses it to show what happens when a page that ought to stay is edited or
taken down.</p>"""
    return _page("About this edition", body, side=_most_read(frame.frozen))


def notice_page(title: str, sentence: str) -> str:
    """Set a page that has nothing but a sentence: not found, removed, comments closed."""
    body = f'<h1 class="title" id="page-title">{escape(title)}</h1>\n<p>{escape(sentence)}</p>'
    return _page(title, body, side="")


def teaser(article: Article) -> str:
    """Return the first paragraph, which is what lists and feeds show of an article."""
    return article.paragraphs[0]


def _page(title: str, body: str, *, side: str, head: str = "") -> str:
    menu = "".join(
        f'<li><a href="/section/{slug}">{escape(name)}</a></li>' for slug, name in SECTIONS.items()
    )
    return f"""\
<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} | {EDITION_NAME}</title>
{head}
<link rel="alternate" type="application/rss+xml" title="{EDITION_NAME}" href="/rss.xml">
<link rel="stylesheet" href="{STYLE_PATH}">
</head>
<body id="top">
<div id="page">
<div class="archive-notice">{NOTICE}</div>
<div id="header">
<a href="/" rel="home"><img src="{LOGO_PATH}" width="520" height="70" alt="{SITE_NAME}"></a>
<div id="navigation"><ul class="menu">{menu}</ul></div>
</div>
<div id="main">
<div id="content" class="column" role="main">
{body}
</div>
<div class="region region-sidebar-second">
{side}
</div>
</div>
<div id="footer">
<p>{NOTICE}</p>
<p>© 2015 {SITE_NAME}, Fishmarket Street 8, Saltmarsh ·
<a href="/about">About this edition</a> · <a href="/rss.xml">RSS</a></p>
</div>
</div>
</body>
</html>
"""


def _body(paragraphs: Iterable[str]) -> str:
    marks = {"## ": "h2", "> ": "blockquote"}
    lines = []
    for text in paragraphs:
        mark = next((mark for mark in marks if text.startswith(mark)), "")
        element = marks.get(mark, "p")
        lines.append(f"<{element}>{escape(text.removeprefix(mark), quote=False)}</{element}>")
    return "\n".join(lines)


def _rows(articles: Sequence[Article], edition: Edition, *, teasers: bool) -> str:
    return "\n".join(
        f'<div class="view-row"><h2><a href="{escape(edition.path(one.node))}">'
        f"{escape(one.headline)}</a></h2>"
        + (f"<p>{escape(teaser(one), quote=False)}</p>" if teasers else "")
        + f'<span class="published">{one.published:%B} {one.published.day}, {one.published.year}'
        "</span></div>"
        for one in articles
    )


def _pager(section: str, number: int, count: int) -> str:
    if count == 1:
        return ""
    items = [
        f'<li class="pager-current">{page + 1}</li>'
        if page == number
        else f'<li><a href="{section_path(section, page)}">{page + 1}</a></li>'
        for page in range(count)
    ]
    return f'\n<ul class="pager">{"".join(items)}</ul>'


def section_path(section: str, number: int) -> str:
    """Return the address of one page of a section's list; the first has no number."""
    return f"/section/{section}" + (f"?page={number}" if number else "")


def _side(article: Article, frozen: Edition) -> str:
    same = [one for one in frozen.listed(article.section) if one.node != article.node][:4]
    return _block("More from this section", same) + "\n" + _most_read(frozen)


def _most_read(frozen: Edition) -> str:
    return _block("Most read", [frozen.articles[node] for node in MOST_READ])


def _block(title: str, articles: Iterable[Article]) -> str:
    items = "".join(f'<li><a href="{one.path}">{escape(one.headline)}</a></li>' for one in articles)
    return f'<div class="block"><h2>{title}</h2><ul>{items}</ul></div>'


def _comment_form(node: int) -> str:
    return f"""\
<div id="comments" class="comment-wrapper">
<h2 class="title comment-form">Post new comment</h2>
<form class="comment-form" action="/comment/reply/{node}" method="post" id="comment-form">
<label for="edit-name">Your name</label>
<input type="text" id="edit-name" name="name" maxlength="60">
<label for="edit-comment">Comment</label>
<textarea id="edit-comment" name="comment" rows="5"></textarea>
<input type="submit" value="Save">
</form>
</div>"""
