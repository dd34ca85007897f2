"""Divide the visible runs of a page into its article and what stands beside it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.text import familiar
from crawler.text.admission import without_teasers
from crawler.text.alignment import REPEATED, Held, held, plain, repeated
from crawler.text.blocks import Outline
from crawler.text.choice import ENGINE, chosen, sheet, texts_of
from crawler.text.context import NO_ARTICLE, Context
from crawler.text.metadata import Metadata
from crawler.text.template import Known, Lesson, lesson, page_name
from crawler.text.traits import Sheet
from crawler.text.tree import Page
from storage.model import Article

_MOST_REST = 4_000
"""Blocks beside an article that are remembered; what comes after them is judged anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """Which runs of a page are its article, and what is to be remembered of the others."""

    article: tuple[int, ...]
    rest: tuple[str, ...] = ()
    residue: str = ""
    lesson: Lesson | None = None
    """What the page teaches; None where its last capture has told all of it."""
    picked: tuple[bool, ...] | None = None
    """What the extractor said, if it was asked."""
    engine: str = ENGINE
    """What has told them."""


def divide(page: Page, seen: Outline, facts: Metadata, *, url: str, context: Context) -> Division:
    """Choose the article: what the last capture does not know is judged, all else stays."""
    texts = texts_of(seen)
    keys, marks = texts.keys, texts.marks
    before = context.previous
    if before is not None and NO_ARTICLE in before.warnings:
        before = None
    slots = [run.path for run in seen.runs]
    stays = held(before, keys=keys, marks=marks, slots=slots) if before is not None else None
    if before is not None and stays is not None and stays.count == len(keys):
        article = tuple(sorted(stays.inside - facts.told_by))
        rest = _rest(marks, article, before=before, known=None)
        return Division(article=article, rest=rest, residue=_residue(rest))
    known = Known(context.template, page=page_name(url))
    if stays is None and (told := familiar.article(texts, facts.told_by, known)) is not None:
        rest = _rest(marks, told, before=None, known=known)
        return Division(article=told, rest=rest, residue=_residue(rest), engine=familiar.ENGINE)
    laid_out = sheet(
        page,
        texts,
        facts=facts,
        known=known,
        picked=context.picked,
    )
    article = _judged(laid_out, stays)
    said = tuple(laid_out.picked)
    if not article:
        return Division(article=(), picked=said)
    rest = _rest(marks, article, before=before if stays is not None else None, known=known)
    taught = lesson(url, marks=marks, slots=slots, sizes=laid_out.sizes, article=article)
    return Division(article=article, rest=rest, residue=_residue(rest), lesson=taught, picked=said)


def _judged(page: Sheet, stays: Held | None) -> tuple[int, ...]:
    """Return the runs of the article: those that stay, and those new ones that belong to it."""
    if stays is None:
        return tuple(without_teasers(page.runs, chosen(page), page.sizes))
    new = (one for one in chosen(page, stays=stays) if one not in stays.outside)
    return tuple(sorted((stays.inside | set(new)) - page.told))


def _rest(
    marks: Sequence[str], article: Sequence[int], *, before: Article | None, known: Known | None
) -> tuple[str, ...]:
    """Return the marks of the runs beside an article, each once.

    Whether the site repeats a block is asked once, when it is first seen: a template that knows
    more today would make an unchanged page look changed.
    """
    again = repeated(before) if before is not None else frozenset()
    alone = plain(before) if before is not None else frozenset()
    inside = set(article)
    found: dict[str, None] = {}
    for number, one in enumerate(marks):
        if number in inside:
            continue
        is_shared = known is not None and one not in alone and known.seen(one) > 0
        found[f"{REPEATED}{one}" if one in again or is_shared else one] = None
        if len(found) == _MOST_REST:
            break
    return tuple(found)


def _residue(rest: Sequence[str]) -> str:
    """Return the digest over what the site does not repeat; in which order it stands is nothing."""
    own = sorted(one for one in rest if not one.startswith(REPEATED))
    return hashlib.sha256(" ".join(own).encode()).hexdigest()
