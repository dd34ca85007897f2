"""Read the article out of a page: clean, complete, and the same when nothing changed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import islice

from crawler.text.blocks import Outline, Run, outline
from crawler.text.context import ALONE, NO_ARTICLE, Context
from crawler.text.decode import Decoded, decode
from crawler.text.division import divide
from crawler.text.fold import fold, tidy
from crawler.text.metadata import language_tag, metadata
from crawler.text.pictures import article_images
from crawler.text.sameness import sameness, says_the_same
from crawler.text.signs import signs
from crawler.text.template import Lesson
from crawler.text.tree import MAX_TAGS, Page, flat_text, parse
from storage.model import Article, Block

__all__ = [
    "ALONE",
    "NO_ARTICLE",
    "Context",
    "Study",
    "fingerprint",
    "normalise",
    "study",
    "tagless",
]

MAX_HTML_BYTES = 5 * 1024 * 1024
"""Bytes of a page that are read; what comes after them is left to the capture."""

MAX_BLOCKS = 20_000
"""Blocks of an article; a page with more of them is a list, and its end adds nothing."""

NOT_HTML = "no HTML"
"""How the warning of an Article begins that stands for a file without text, such as a PDF."""

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_UNSURE_TYPES = frozenset(
    {
        "",
        "application/octet-stream",
        "application/unknown",
        "application/xml",
        "binary/octet-stream",
        "text/plain",
        "text/xml",
    }
)
"""Types servers give to pages when they know no better; the first bytes decide."""

_NOT_TEXT = (b"%pdf-", b"\x89png", b"\xff\xd8\xff", b"gif8", b"pk\x03\x04", b"\x1f\x8b")
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What one page came to: its article, and what it teaches of its site."""

    article: Article
    lesson: Lesson | None = None
    picked: tuple[bool, ...] | None = None
    """What the extractor said of the page, run by run; None if it was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A page of HTML laid open: its text, its tree, and what a reader sees of it."""

    decoded: Decoded
    page: Page
    seen: Outline | None
    """None where no parser holds all of the page."""


def lay_open(body: bytes, headers: Sequence[tuple[str, str]]) -> Laid:
    """Return a page of HTML laid open, as far as it is read; never raise."""
    decoded = decode(body[:MAX_HTML_BYTES], headers=headers)
    page = parse(decoded.text)
    seen = outline(page.root) if page.root is not None and page.complete else None
    return Laid(decoded=decoded, page=page, seen=seen)


def normalise(
    body: bytes, *, url: str, headers: Sequence[tuple[str, str]], context: Context = ALONE
) -> Article:
    """Return the article of an answer; never raise, whatever the web sent.

    ``body`` is the decoded entity, ``headers`` the fields of its answer. A page without an article
    (a section, a notice, an error page) gives its visible text instead and says so in ``warnings``;
    what is no HTML gives an Article without blocks.
    """
    return study(body, url=url, headers=headers, context=context).article


def study(
    body: bytes,
    *,
    url: str,
    headers: Sequence[tuple[str, str]],
    context: Context = ALONE,
    laid: Laid | None = None,
) -> Study:
    """Return the article of an answer as ``normalise`` does, and what the page teaches.

    ``laid`` is the page of HTML laid open, where that was done before.
    """
    kind = kind_of(body, headers)
    if kind == "text/plain":
        return Study(article=_plain(body, url=url, headers=headers))
    if kind != "text/html":
        return Study(article=_finished(Article(url=url, warnings=(f"{NOT_HTML}: {kind}",))))
    body, whole = body[:MAX_HTML_BYTES], len(body)
    shown = sameness(body, headers)
    before = context.previous
    if before is not None and before.url == url and says_the_same(before.surface, shown):
        return Study(article=replace(before, surface=shown))
    warnings: list[str] = []
    if whole > MAX_HTML_BYTES:
        warnings.append(f"cut: only {MAX_HTML_BYTES} of {whole} bytes were read")
    laid = laid or lay_open(body, headers)
    warnings.extend(laid.decoded.warnings)
    found = _read(laid, url=url, headers=headers, context=context)
    article = replace(found.article, warnings=(*warnings, *found.article.warnings), surface=shown)
    return replace(found, article=_finished(article, laid.seen))


def tagless(body: bytes, *, url: str, headers: Sequence[tuple[str, str]], why: str) -> Study:
    """Return the text between the tags of a page that could not be read as one, and say why."""
    decoded = decode(body[:MAX_HTML_BYTES], headers=headers)
    flat = replace(_flat(decoded, url=url), signs=signs(decoded.text))
    return Study(article=_finished(replace(flat, warnings=(why, *flat.warnings))))


def fingerprint(article: Article, *, seen: Outline | None = None) -> str:
    """Return the digest over what makes an article: title, by-line, date and ordered blocks.

    ``seen`` is the page it was read from, whose texts may have been folded before.
    """
    folds = seen.folds if seen is not None else {}
    parts = [
        fold(article.title),
        [fold(name) for name in article.byline],
        article.published,
        [folds.get(block.text) or fold(block.text) for block in article.blocks],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _finished(article: Article, seen: Outline | None = None) -> Article:
    return replace(article, fingerprint=fingerprint(article, seen=seen))


def kind_of(body: bytes, headers: Sequence[tuple[str, str]]) -> str:
    """Return ``text/html``, ``text/plain`` or what else it is, by header and first bytes."""
    declared = _header(headers, "content-type").split(";")[0].strip().lower()
    start = body[:1024].lower()
    if start.startswith(_NOT_TEXT):
        return declared if declared not in _HTML_TYPES | _UNSURE_TYPES else "binary data"
    if declared in _HTML_TYPES:
        return "text/html"
    markup = start.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    marked = markup.startswith(_PAGE_STARTS) or b"<html" in markup
    if declared in _UNSURE_TYPES and (marked or (not declared and markup.startswith(b"<"))):
        return "text/html"
    return declared or "unknown type"


def _header(headers: Sequence[tuple[str, str]], name: str) -> str:
    return next((value for field, value in headers if field.lower() == name), "")


def _plain(body: bytes, *, url: str, headers: Sequence[tuple[str, str]]) -> Article:
    """Read a text file: its paragraphs are parted by empty lines."""
    decoded = decode(body[:MAX_HTML_BYTES], headers=headers)
    texts = map(tidy, decoded.text.replace("\r\n", "\n").split("\n\n"))
    blocks = [Block(kind="paragraph", text=text) for text in texts if text][:MAX_BLOCKS]
    return _finished(
        Article(
            url=url,
            blocks=tuple(blocks),
            engine=_engine("plain text", decoded),
            warnings=decoded.warnings,
        )
    )


def _engine(name: str, decoded: Decoded) -> str:
    return f"{name}; {decoded.charset} ({decoded.source})"


def _read(laid: Laid, *, url: str, headers: Sequence[tuple[str, str]], context: Context) -> Study:
    """Read a page of HTML."""
    decoded, page, seen = laid.decoded, laid.page, laid.seen
    page_signs = signs(decoded.text)
    if page.root is None or seen is None:
        return Study(article=replace(_flat(decoded, url=url), signs=page_signs))
    language = language_tag(_header(headers, "content-language"))
    facts = metadata(page.root, runs=seen.runs, url=url, language=language, rules=context.rules)
    found = divide(page, seen, facts, url=url, context=context)
    text = found.article
    article = Article(
        url=url,
        title=facts.title,
        headline=facts.headline,
        page_title=facts.page_title,
        byline=facts.byline,
        published=facts.published,
        modified=facts.modified,
        language=facts.language,
        canonical_url=facts.canonical_url,
        blocks=_blocks(seen.runs[number] for number in text)
        if text
        else _visible(seen, facts.told_by),
        images=article_images(
            seen, article=text, heading=min(facts.told_by, default=None), url=url
        ),
        engine=_engine(found.engine, decoded),
        warnings=_warnings(page, found=bool(text)),
        origins=facts.origins,
        signs=page_signs,
        residue=found.residue,
        rest=found.rest,
        template=context.template.version,
    )
    return Study(article=article, lesson=found.lesson, picked=found.picked)


def _blocks(runs: Iterable[Run]) -> tuple[Block, ...]:
    kept = islice(runs, MAX_BLOCKS)
    return tuple(Block(kind=run.kind, text=run.text, path=run.path) for run in kept)


def _visible(seen: Outline, told_by: frozenset[int]) -> tuple[Block, ...]:
    """Return the text of a page without an article; its navigation only if there is no other."""
    rest = [run for number, run in enumerate(seen.runs) if number not in told_by]
    return _blocks([run for run in rest if not run.chrome] or rest or seen.runs)


def _warnings(page: Page, *, found: bool) -> tuple[str, ...]:
    too_big = ("too deep or too large for an extractor",) * (not page.extractable)
    cut = (f"cut: only the first {MAX_TAGS} tags were read",) * page.cut
    return (*cut, *too_big) if found else (*cut, *too_big, NO_ARTICLE)


def _flat(decoded: Decoded, *, url: str) -> Article:
    """Read a page that no parser holds: the text between its tags."""
    texts = filter(None, map(tidy, flat_text(decoded.text)))
    blocks = tuple(
        Block(kind="paragraph", text=unescape(text)) for text in islice(texts, MAX_BLOCKS)
    )
    warnings = ("no tree could be made of this page", NO_ARTICLE)
    return Article(
        url=url, blocks=blocks, engine=_engine("tags removed", decoded), warnings=warnings
    )
