"""Say of each run of a page whether its label has it, and what a mistake about it costs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

import numpy as np

from crawler.text.fold import tidy

Vector = np.ndarray
Label = Mapping[str, object]

LONG = 6
"""Words from which a run is found by its shingles; shorter ones stand anywhere by chance."""

SHINGLE = 4
MOST_WORDS = 60
"""Of a run: longer ones cost no more, lest a few of them decide."""

EACH = 8
"""What every run costs beside its words, so that short ones are learnt too."""

TEXT_COSTS = 5.0
"""All runs of an article together, whatever its length."""

MOST_BESIDE = 10.0
"""All runs beside it together; as many words as the article's cost the same, up to here."""

SEGMENTS_COST = 4.0
"""All runs of a page of which the label knows segments only."""


def wanted(label: Label, texts: Sequence[str], scorer: ModuleType) -> tuple[Vector, Vector]:
    """Return which runs the label has, and which runs it speaks of, as noughts and ones."""
    if label.get("text"):
        found = _of_text(str(label["text"]), texts, scorer)
        return np.array([share >= 0.5 for share in found], float), np.ones(len(texts))
    inside = np.array([_has(text, label["with"]) for text in texts], float)
    outside = np.array([_has(text, label["without"]) for text in texts], float)
    return inside, np.maximum(inside, outside)


def costs(label: Label, sizes: Sequence[int], inside: Vector, told: Vector) -> Vector:
    """Return what a mistake about each run costs: its words, as share of the article's.

    The scorer counts what is missed and what is added by the words of the article, page by page;
    so do these.
    """
    weights = told * (np.minimum(np.array(sizes, float), MOST_WORDS) + EACH)
    if not weights.sum():
        return weights
    if not label.get("text"):
        return weights / weights.sum() * SEGMENTS_COST
    weights = weights / ((weights * inside).sum() or weights.sum()) * TEXT_COSTS
    beside = (weights * (1 - inside)).sum()
    shrink = min(1.0, MOST_BESIDE / beside) if beside else 1.0
    return np.where(inside > 0, weights, weights * shrink)


def _has(text: str, segments: object) -> bool:
    squashed = tidy(text)
    return isinstance(segments, list) and any(tidy(str(one)) in squashed for one in segments)


def _of_text(text: str, texts: Sequence[str], scorer: ModuleType) -> list[float]:
    """Return the share of each run that is in a text.

    Long runs are found by their shingles. A short one must stand whole between what the nearest
    long runs before and behind it are found to be: "Share" is in many an article, the button not.
    """
    whole = scorer.words(text)
    own = [scorer.words(one) for one in texts]
    places: dict[tuple[str, ...], list[int]] = {}
    for start in range(len(whole) - SHINGLE + 1):
        places.setdefault(tuple(whole[start : start + SHINGLE]), []).append(start)
    found = [_share(words, places) for words in own]
    spans = [
        _span(words, places) if share > 0.6 else None
        for words, share in zip(own, found, strict=True)
    ]
    begins, ends = _gaps(spans, len(whole))
    return [
        share if len(words) >= LONG else float(_stands(words, whole[begin:end]))
        for words, share, begin, end in zip(own, found, begins, ends, strict=True)
    ]


def _shingles(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1))


def _share(words: Sequence[str], places: Mapping[tuple[str, ...], list[int]]) -> float:
    if len(words) < LONG:
        return 0.0
    hits = Counter(one in places for one in _shingles(words))
    return hits[True] / hits.total()


def _span(
    words: Sequence[str], places: Mapping[tuple[str, ...], list[int]]
) -> tuple[int, int] | None:
    """Return where a run begins and ends in the text, by those shingles that stand there once."""
    sure = [found[0] for one in _shingles(words) if len(found := places.get(one, [])) == 1]
    return (min(sure), max(sure) + SHINGLE) if sure else None


def _gaps(spans: Sequence[tuple[int, int] | None], length: int) -> tuple[list[int], list[int]]:
    """Return from where to where in the text a run may stand, by the long runs around it."""
    begins, ends = [], []
    reached = 0
    for span in spans:
        begins.append(reached)
        reached = max(reached, span[1]) if span is not None else reached
    for number, begin in enumerate(begins):
        later = [span[0] for span in spans[number + 1 :] if span is not None and span[0] >= begin]
        ends.append(min(later, default=length))
    return begins, ends


def _stands(words: Sequence[str], text: Sequence[str]) -> bool:
    count = len(words)
    return bool(words) and any(
        text[start : start + count] == words for start in range(len(text) - count + 1)
    )
