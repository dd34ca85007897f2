"""Hold a page against its last capture, so that only what is new has to be judged.

A block that was in the article stays in it, one that was beside it stays beside it; so neither an
extractor's mood nor a newer template makes an unchanged page look edited.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from crawler.text.fold import squeeze
from storage.model import Article

REPEATED = "~"
"""Before the mark of a block that the site's pages share."""

_SURVIVES = 0.5
"""Share of the last article's letters that must be found again; else another page has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What of a page's runs was there before, by number."""

    inside: frozenset[int]
    """Runs that were in the article."""
    outside: frozenset[int]
    """Runs that were beside it."""
    slots: frozenset[str]
    """The slots in which the article stood."""

    @property
    def count(self) -> int:
        """How many runs were there before."""
        return len(self.inside) + len(self.outside)


def held(
    previous: Article, *, keys: Sequence[str], marks: Sequence[str], slots: Sequence[str]
) -> Held | None:
    """Return which runs of a page its last article knows, or None if it says nothing of this page.

    ``keys`` are the squeezed texts of the runs, ``marks`` their marks, ``slots`` their paths.
    """
    blocks = [(squeeze(block.text), block.path) for block in previous.blocks]
    wanted = Counter(blocks)
    inside = set()
    for number, place in enumerate(zip(keys, slots, strict=True)):
        if wanted[place] > 0:
            wanted[place] -= 1
            inside.add(number)
    moved: Counter[str] = Counter()
    for (key, _), count in wanted.items():
        moved[key] += count
    beside = repeated(previous) | plain(previous)
    outside = set()
    for number, key in enumerate(keys):
        if number in inside:
            continue
        if moved[key] > 0:
            moved[key] -= 1
            inside.add(number)
        elif marks[number] in beside:
            outside.add(number)
    letters = sum(len(key) for key, _ in blocks)
    if sum(len(keys[number]) for number in inside) < _SURVIVES * letters:
        return None
    return Held(
        inside=frozenset(inside),
        outside=frozenset(outside),
        slots=frozenset(path for _, path in blocks),
    )


def repeated(article: Article) -> frozenset[str]:
    """Return the marks of the blocks beside an article that the site's pages share."""
    return frozenset(one[1:] for one in article.rest if one.startswith(REPEATED))


def plain(article: Article) -> frozenset[str]:
    """Return the marks of the other blocks beside an article."""
    return frozenset(one for one in article.rest if not one.startswith(REPEATED))
