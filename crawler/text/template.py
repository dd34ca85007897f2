"""Learn what the pages of one site have in common, page by page: its template.

A block that stands on several different articles is no part of any of them; a slot that has carried
articles will carry the next one. Pages that show nearly the same article (one article at two
addresses, the next capture of a page) teach once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TypeVar

from storage.model import Slot, Template

T = TypeVar("T")

MOST_PAGES = 60
"""Pages whose articles are remembered, so that nearly the same article does not teach again."""

MOST_BLOCKS = 3_000
MOST_SLOTS = 300
_ONE_IN = 8
"""Of the pages beyond the first ``MOST_PAGES``, so many teach; a template is known by then."""

_MOST_A_PAGE = 1_500
"""Blocks of one page that are learnt: the first ones; lists of links go on for ever."""

_SKETCH = 24
_ALIKE = 0.5
"""Share of the shorter one's words, in common blocks, from which two articles are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What one page says of its site's template."""

    page: str
    """A short name of its address."""
    sketch: tuple[tuple[str, int], ...]
    """Marks and words of the longest blocks of its article; none where no article was found."""
    blocks: tuple[str, ...]
    """Marks of all blocks, each once."""
    slots: tuple[tuple[str, float, float], ...]
    """Slot, words of the article in it, words of all blocks in it."""


class Known:
    """A template, ready to be asked about one page; what that page has taught is left out."""

    def __init__(self, template: Template, *, page: str) -> None:
        taught = any(name == page for name, _ in template.pages)
        self.number = int(page, 16)
        """A number that the address stands for, evenly spread."""
        self._own = int(taught)
        self._blocks = dict(template.blocks)
        self._slots = dict(template.slots)
        self.pages = max(0, template.version - self._own)
        """How many other pages are known."""

    def seen(self, mark: str) -> int:
        """Return on how many other pages a block stood."""
        return max(0, self._blocks.get(mark, 0) - self._own)

    def carried(self, slot: str) -> float | None:
        """Return the share of a slot's words that were articles; None if the slot is new."""
        found = self._slots.get(slot)
        if found is None or found.pages <= self._own:
            return None
        return found.article / found.all if found.all else None

    def stood_on(self, slot: str) -> int:
        """Return on how many other pages a slot held text, if the page itself has it too."""
        found = self._slots.get(slot)
        return 0 if found is None else max(0, found.pages - self._own)


def page_name(url: str) -> str:
    """Return the short name of an address, without its fragment."""
    return mark(url.split("#", 1)[0])


def mark(key: str) -> str:
    """Return the short mark of a folded text: twelve characters tell the blocks of a site apart."""
    return blake2b(key.encode("utf-8", "replace"), digest_size=6).hexdigest()


def lesson(
    url: str,
    *,
    marks: Sequence[str],
    slots: Sequence[str],
    sizes: Sequence[int],
    article: Iterable[int],
) -> Lesson:
    """Return what a page teaches: marks, slots and words of its blocks, and of its article."""
    chosen = set(article)
    longest = sorted(chosen, key=lambda number: (-sizes[number], number))
    inside: dict[str, float] = {}
    everything: dict[str, float] = {}
    for number, slot in enumerate(slots[:_MOST_A_PAGE]):
        everything[slot] = everything.get(slot, 0.0) + sizes[number]
        if number in chosen:
            inside[slot] = inside.get(slot, 0.0) + sizes[number]
    return Lesson(
        page=page_name(url),
        sketch=tuple({marks[number]: sizes[number] for number in longest[:_SKETCH]}.items()),
        blocks=tuple(dict.fromkeys(marks[:_MOST_A_PAGE])),
        slots=tuple((slot, inside.get(slot, 0.0), words) for slot, words in everything.items()),
    )


def learn(template: Template, taught: Lesson) -> Template:
    """Return the template after one more page; the same one if the page teaches nothing new."""
    if not taught.sketch or not _is_turn(template, taught) or _is_known(template, taught):
        return template
    blocks = dict(template.blocks)
    for one in taught.blocks:
        blocks[one] = blocks.pop(one, 0) + 1  # the latest stand last
    slots = dict(template.slots)
    for name, article, words in taught.slots:
        old = slots.pop(name, Slot(article=0.0, all=0.0, pages=0))
        slots[name] = Slot(article=old.article + article, all=old.all + words, pages=old.pages + 1)
    return replace(
        template,
        version=template.version + 1,
        pages=(*template.pages, (taught.page, taught.sketch))[-MOST_PAGES:],
        blocks=_kept(blocks, MOST_BLOCKS, weight=lambda count: count),
        slots=_kept(slots, MOST_SLOTS, weight=lambda slot: slot.pages),
    )


def _is_turn(template: Template, taught: Lesson) -> bool:
    return template.version < MOST_PAGES or int(taught.page, 16) % _ONE_IN == 0


def _is_known(template: Template, taught: Lesson) -> bool:
    """Whether a page, or nearly the same article at another address, has taught before."""
    new = dict(taught.sketch)
    words = sum(new.values())
    for name, sketch in template.pages:
        common = sum(size for one, size in sketch if one in new)
        if name == taught.page or common >= _ALIKE * min(words, sum(size for _, size in sketch)):
            return True
    return False


def _kept(
    found: dict[str, T], most: int, *, weight: Callable[[T], int]
) -> tuple[tuple[str, T], ...]:
    """Return what stays known: of more than fit, the rarest and oldest half goes."""
    if len(found) <= most:
        return tuple(found.items())
    places = {name: place for place, name in enumerate(found)}
    ranked = sorted(found, key=lambda name: (weight(found[name]), places[name]), reverse=True)
    stays = set(ranked[: most // 2])
    return tuple((name, value) for name, value in found.items() if name in stays)
