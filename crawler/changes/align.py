"""Align two sequences within bounds of time and memory: equal stretches, and which blocks pair."""

from collections.abc import Hashable, Iterator, Sequence

from rapidfuzz.distance import LCSseq
from rapidfuzz.fuzz import ratio

PAIR_RATIO = 60.0
"""Two blocks are the same one, edited, from this likeness on (of 100)."""

_CELLS = 250_000_000
"""Cells of an alignment: one bit each, so 31 MB; a larger one is answered with "all replaced"."""

PAIRING_CELLS = 2_500
"""Pairs of blocks that are measured in one stretch; blocks of a longer one are not paired."""

_PAIRED_CHARACTERS = 20_000
"""Longer blocks are compared by their beginnings: a page in one block must not cost minutes."""

Stretch = tuple[bool, slice, slice]
"""Whether a stretch is equal, and where it lies in both sequences; one side may be empty."""


def align(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[Stretch]:
    """Return the stretches that lead from one sequence to the other, equal and changed in turn."""
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    old, new = len(before) - tail, len(after) - tail
    if head:
        yield True, slice(0, head), slice(0, head)
    yield from _middle(before[head:old], after[head:new], head)
    if tail:
        yield True, slice(old, len(before)), slice(new, len(after))


def likeness(before: Sequence[Hashable], after: Sequence[Hashable]) -> float:
    """Return the share of the longer sequence that both have in common, in order."""
    if len(before) * len(after) > _CELLS:
        return 0.0
    return LCSseq.normalized_similarity(before, after)


def pair(lost: Sequence[str], came: Sequence[str]) -> list[tuple[int, int]]:
    """Return which blocks are the same, edited: the likest pairs that keep their order."""
    if not lost or not came or len(lost) * len(came) > PAIRING_CELLS:
        return []
    scores = [[_score(one, other) for other in came] for one in lost]
    best = [[0.0] * (len(came) + 1) for _ in range(len(lost) + 1)]
    for row in range(len(lost) - 1, -1, -1):
        for column in range(len(came) - 1, -1, -1):
            together = best[row + 1][column + 1] + scores[row][column]
            best[row][column] = max(best[row + 1][column], best[row][column + 1], together)
    return list(_path(best, scores))


def _path(best: list[list[float]], scores: list[list[float]]) -> Iterator[tuple[int, int]]:
    row = column = 0
    while row < len(scores) and column < len(scores[0]):
        score = scores[row][column]
        if score and best[row][column] == best[row + 1][column + 1] + score:
            yield row, column
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1


def _score(one: str, other: str) -> float:
    cut = _PAIRED_CHARACTERS
    return ratio(one[:cut], other[:cut], score_cutoff=PAIR_RATIO)


def _middle(before: Sequence[Hashable], after: Sequence[Hashable], start: int) -> Iterator[Stretch]:
    """Align what two sequences without common ends have left; ``start`` is where they lie."""
    if not before and not after:
        return
    if len(before) * len(after) > _CELLS or not before or not after:
        yield False, slice(start, start + len(before)), slice(start, start + len(after))
        return
    old = new = 0
    for code in LCSseq.opcodes(before, after):
        if code.tag != "equal":
            continue
        if code.src_start > old or code.dest_start > new:
            yield False, _slice(start, old, code.src_start), _slice(start, new, code.dest_start)
        old, new = code.src_end, code.dest_end
        yield True, _slice(start, code.src_start, old), _slice(start, code.dest_start, new)
    if old < len(before) or new < len(after):
        yield False, _slice(start, old, len(before)), _slice(start, new, len(after))


def _slice(start: int, first: int, last: int) -> slice:
    return slice(start + first, start + last)


def _common(before: Sequence[Hashable], after: Sequence[Hashable]) -> int:
    """Return how many items two sequences have in common at their beginning."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        count += 1
    return count
