"""Tell kinds of edits apart: what the content rules share."""

from enum import StrEnum
from urllib.parse import urlsplit

from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import token_set_ratio

from crawler.changes.case import Case, Reading
from crawler.changes.diff import BREAK, Diff, Op, Tag
from crawler.text.article import NO_ARTICLE
from crawler.text.fold import fold
from storage.model import Alert, Article, Signal

REMOVED_SHARE = 0.15
"""From this share of the article's words on, a loss is a removal."""

REPLACED_SHARE = 0.5
"""A removal puts less than this share of what it took in its place."""

REWRITTEN_SHARE = 0.25
"""Paragraph for paragraph, a rewrite puts at least this share of what it took in its place."""

TYPO_DISTANCE = 2
"""Letters by which two spellings of one word may differ."""

LOST = 0.2
"""Below this share of surviving words, something else stands at the article's address."""

CARRIED = 0.8
"""From this share of surviving words on, the page carries the article."""

_SAME_TITLE = 60.0
_SHORT_WORD = 4
_EDGES = ".,;:!?()[]'\"…"
_NEGATION_WORDS = (
    "not no never none nor neither nobody nothing cannot without "
    "nicht kein keine keinen keiner nie niemals ohne "
    "ne pas non jamais aucun aucune sans ni ningún ninguno ninguna nunca sin "
    "não nem nenhum nenhuma sem не нет ни нельзя без никогда "
    "لا لم لن ليس ليست غير بدون değil yok hay\u0131r"
)
_NEGATIONS = frozenset(_NEGATION_WORDS.split())


class BodyChange(StrEnum):
    """What became of the text of an article, taken as a whole."""

    NONE = "none"
    REMOVED = "removed"
    NOTICE = "notice"
    MINOR = "minor"
    SUBSTANTIVE = "substantive"


def body_change(case: Case) -> BodyChange:
    """Return what became of the article's text; NONE where there are not two texts."""
    diff = case.diff
    if case.articles is None or diff is None or not diff.changed:
        return BodyChange.NONE
    lost = diff.removed_words
    if 1 - diff.survival >= REMOVED_SHARE and not _is_replaced(diff):
        return BodyChange.REMOVED
    if not lost and _only_new_blocks(diff):
        return BodyChange.NOTICE
    if all(_is_minor(op) for op in diff.hunks()):
        return BodyChange.MINOR
    return BodyChange.SUBSTANTIVE


def _is_replaced(diff: Diff) -> bool:
    """Whether something was put in the place of what is gone: half its words, or half its blocks.

    Paragraphs that are replaced one by one by shorter ones are a rewrite, and no removal.
    """
    if diff.added_words >= REPLACED_SHARE * diff.removed_words:
        return True
    hunks = diff.hunks()
    gone, came = (
        sum(side.count(BREAK) for side in sides)
        for sides in ([op.before for op in hunks], [op.after for op in hunks])
    )
    by_blocks = gone > 1 and came >= REPLACED_SHARE * gone
    return by_blocks and diff.added_words >= REWRITTEN_SHARE * diff.removed_words


def headline_change(case: Case) -> tuple[str, str] | None:
    """Return the old and the new headline, if h1 and title changed together."""
    if case.articles is None:
        return None
    old, new = case.articles
    if _same(old.title, new.title) or not (old.title and new.title):
        return None
    if old.headline and new.headline and _same(old.headline, new.headline):
        return None
    if old.page_title and new.page_title and _same(old.page_title, new.page_title):
        return None
    twin = _twin_article(case)
    if twin is not None and not _same(twin.title, new.title):
        return None
    return old.title, new.title


def byline_change(case: Case) -> tuple[str, str] | None:
    """Return the old and the new by-line, if both looks had one and they name other people."""
    if case.articles is None:
        return None
    old, new = case.articles
    before, after = ({fold(name).casefold() for name in one.byline} for one in (old, new))
    if not before or not after or before == after:
        return None
    twin = _twin_article(case)
    if twin is not None and {fold(name).casefold() for name in twin.byline} != after:
        return None
    return ", ".join(old.byline), ", ".join(new.byline)


def image_change(case: Case) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return digests of pictures that went and that came, as far as the digests are known.

    The address alone says nothing: content networks give one picture many addresses.
    """
    if case.articles is None or case.before is None:
        return None
    found = case.comparison
    if found is not None:
        return (found.pictures_gone, found.pictures_new) if found.pictures_new else None
    before, after = case.before, case.after
    old, new = (_digests(reading) for reading in (before, after))
    if old is not None and new is not None:
        return (old - new, new - old) if old != new else None
    kept = before.image_digests.keys() & after.image_digests.keys() & _image_urls(after)
    other = [url for url in kept if before.image_digests[url] != after.image_digests[url]]
    if not other:
        return None
    gone, came = ({one.image_digests[url] for url in other} for one in (before, after))
    return frozenset(gone), frozenset(came)


def has_article(article: Article) -> bool:
    """Whether an extractor found an article, not only a page with text."""
    return bool(article.blocks) and NO_ARTICLE not in article.warnings


def routed(case: Case, alert: Alert) -> Alert:
    """Return how an edit is told: that of a list, or a page without any article, in a digest.

    Sections and front pages change with every article; their text is compared all the same.
    """
    articles = case.articles
    if case.after.is_list or (articles and not any(has_article(one) for one in articles)):
        return min(alert, Alert.DIGEST, key=list(Alert).index)
    return alert


def same_title(case: Case) -> bool:
    """Whether the page still stands under the title of the article."""
    if case.before is None or case.before.article is None or case.after.article is None:
        return False
    old, new = case.before.article.title, case.after.article.title
    return bool(old and new) and token_set_ratio(fold(old), fold(new)) >= _SAME_TITLE


def sent_elsewhere(case: Case) -> bool:
    """Whether this look ended at another address than the last good one."""
    expected = case.after.url if case.before is None else case.before.final_url
    return case.after.final_url not in (expected, case.after.url)


def path_of(url: str) -> str:
    """Return the path of an address in lower case, without the slash at its end."""
    try:
        return urlsplit(url).path.rstrip("/").lower()
    except ValueError:
        return ""


def body_signals(diff: Diff) -> tuple[Signal, ...]:
    """Return the measures every finding about the text carries."""
    return (
        Signal(name="survival", value=f"{diff.survival:.3f}", threshold=f"{1 - REMOVED_SHARE:.2f}"),
        Signal(name="removed_words", value=str(diff.removed_words)),
        Signal(name="added_words", value=str(diff.added_words)),
        Signal(name="moved_words", value=str(diff.moved_words)),
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 word``, ``3 words``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def changed_words(diff: Diff) -> int:
    """Return how many words a reader would call changed: a word put for another counts once."""
    return max(diff.removed_words, diff.added_words)


def _twin_article(case: Case) -> Article | None:
    return case.twin.article if case.twin is not None and case.twin.answered_well else None


def _same(one: str, other: str) -> bool:
    return fold(one).casefold() == fold(other).casefold()


def _only_new_blocks(diff: Diff) -> bool:
    """Whether all that came are whole blocks."""
    ended = True
    for op in diff.ops:
        if op.tag is not Tag.EQUAL and not (ended and (op.after or op.before)[-1] == BREAK):
            return False
        ended = (op.after or op.before)[-1] == BREAK
    return True


def _is_minor(op: Op) -> bool:
    """Whether one stretch differs in spelling, punctuation or spacing only."""
    old = [fold(word) for word in op.before if word != BREAK]
    new = [fold(word) for word in op.after if word != BREAK]
    if "".join(map(_core, old)) == "".join(map(_core, new)):
        return True
    return len(old) == len(new) and all(map(_is_typo, old, new))


def _is_typo(old: str, new: str) -> bool:
    before, after = _core(old), _core(new)
    if before == after:
        return True
    letters = before + after
    if any(one.isupper() or one.isdigit() for one in letters) or _NEGATIONS & {before, after}:
        return False
    if min(len(before), len(after)) < _SHORT_WORD:
        # One letter makes another word of a short one: "he", "she"; only swapped letters are slips.
        return sorted(before) == sorted(after)
    return OSA.distance(before, after, score_cutoff=TYPO_DISTANCE) <= TYPO_DISTANCE


def _core(word: str) -> str:
    """Return what of a word carries meaning: its letters, or a number with its signs."""
    if any(one.isdigit() for one in word):
        return word.strip(_EDGES)
    return "".join(one for one in word if one.isalnum() or one in "$€£¥%‰°+<>=")


def _image_urls(reading: Reading) -> set[str]:
    return {image.url for image in reading.article.images} if reading.article else set()


def _digests(reading: Reading) -> frozenset[str] | None:
    """Return the digests of all the article's pictures; None if not all of them are known."""
    urls = _image_urls(reading)
    if not urls or not urls <= reading.image_digests.keys():
        return None
    return frozenset(reading.image_digests[url] for url in urls)
