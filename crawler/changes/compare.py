"""Hold two looks at a page against each other: what of the article is lost, what came.

Watched are the blocks of the last good article in the slots that carry it. A block is lost only if
it is nowhere on the page any more, and one came only if it was nowhere on it before, whatever the
extractor chose this time. Where a page was fetched twice at once, only what both fetches share
counts; what is known as noise never does.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crawler.changes.align import PAIRING_CELLS, align, pair
from crawler.changes.diff import Diff, word_diff
from crawler.changes.pictures import Digests, Watch, exchanged
from crawler.changes.slots import LINKED, main_slots, place_noise, text_noise
from crawler.changes.surface import Strip, outer_slot, own_tag
from crawler.changes.watching import LINE_WORDS, Page, is_noise, is_of, is_text_of, watched
from crawler.text.fold import fold
from crawler.text.fold import words as split_words

CONTEXT_WORDS = 2
"""Words on each side by which a place inside a paragraph is known."""

END_STRIPS = 3
"""Strips after the text among which a wall is looked for."""

RENAMED_SHARE = 0.5
"""Below this share of the surviving text in its old slot, the page was designed anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of the watched text between two looks."""

    diff: Diff
    main: frozenset[str] = frozenset()
    """Slots of the present page that carry the article."""
    beside: tuple[Strip, ...] = ()
    """Strips that came between or below the surviving text in slots of their own."""
    after_end: tuple[Strip, ...] = ()
    """Those of them that stand right after the last surviving text, in slots unknown before."""
    kept_head: bool = False
    """Whether what survived is the beginning of the text, and its end is gone."""
    unsteady: frozenset[str] = frozenset()
    """Names of texts on the present page that take turns with others: noise from now on."""
    pictures_gone: frozenset[str] = frozenset()
    pictures_new: frozenset[str] = frozenset()
    pictures_unknown: bool = False
    """Whether there are pictures at new addresses whose bytes are not known yet."""


def compare(
    before: Page,
    after: Page,
    *,
    again: Page | None = None,
    noise: Collection[str] = frozenset(),
    digests: Digests = ({}, {}),
) -> Comparison:
    """Return what became of the article; ``again`` is another fetch of the present page.

    ``digests`` are those of the pictures' payloads by address, before and now.
    """
    draft = _Draft(before=before, after=after, again=again, noise=frozenset(noise))
    old, new = draft.texts()
    seen = Watch(keys=draft.watched_keys, noise=draft.noise)
    gone, came, unknown = exchanged(before, after, again, seen=seen, digests=digests)
    return Comparison(
        diff=word_diff(old, new),
        main=draft.main_now,
        beside=tuple(draft.beside()),
        after_end=tuple(draft.after_end()),
        kept_head=draft.kept_head(),
        unsteady=frozenset(text_noise(key) for key in draft.unsteady),
        pictures_gone=gone,
        pictures_new=came,
        pictures_unknown=unknown,
    )


def changed_words(before: str, after: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield the stretches in which two texts differ: where in the old one, and the new words."""
    old, new = split_words(before), split_words(after)
    for equal, lost, came in align([fold(one) for one in old], [fold(one) for one in new]):
        if not equal:
            yield lost.start, lost.stop, tuple(word.strip() for word in new[came])


def place_of(before: str, start: int, stop: int) -> str:
    """Return the name of a place in a text, by the words around it."""
    old = [fold(word).casefold() for word in split_words(before)]
    return place_noise(old[max(0, start - CONTEXT_WORDS) : start], old[stop : stop + CONTEXT_WORDS])


@dataclass(slots=True, kw_only=True)
class _Draft:
    before: Page
    after: Page
    again: Page | None
    noise: frozenset[str]
    olds: tuple[Strip, ...] = ()
    there: list[Strip] = field(default_factory=list)
    """Strips of the present page that were watched, or came in the article's own slots."""
    main_now: frozenset[str] = frozenset()
    redesigned: bool = False
    watched_keys: frozenset[str] = frozenset()
    unsteady: set[str] = field(default_factory=set)
    """Folded texts of the present page that take turns with others."""
    _mains: frozenset[str] = frozenset()
    """Slots that carry the article on either page."""
    _aside: frozenset[str] = frozenset()
    """Slots beside the article's own in which blocks are watched."""
    _paired: frozenset[str] = frozenset()
    _aligned: frozenset[int] = frozenset()
    """Numbers of the present strips that are watched ones in their old order."""

    def __post_init__(self) -> None:
        self.olds = watched(self.before, self.noise)
        keys = self.watched_keys = frozenset(strip.key for strip in self.olds)
        surviving = [strip for strip in self.after.surface.strips if strip.key in keys]
        slots = {strip.key: strip.slot for strip in self.olds}
        same = sum(strip.weight for strip in surviving if slots[strip.key] == strip.slot)
        all_of_it = sum(strip.weight for strip in surviving)
        self.redesigned = all_of_it > 0 and same < RENAMED_SHARE * all_of_it
        was_main = main_slots(self.olds)
        self._aside = frozenset(slots.values()) - was_main
        self.main_now = main_slots(surviving)
        self._mains = self.main_now | was_main
        if not self.redesigned:
            self.main_now = self._mains

    def texts(self) -> tuple[list[str], list[str]]:
        """Return the watched texts of before, and what stands for them now."""
        lost = self._lost()
        mates = self._mates(lost, self.after)
        came = [one for one in self._fresh(self.after) if one.key in mates or self._is_new(one)]
        told = self._told(lost, came, mates)
        self.unsteady |= {key for key, text in told.items() if text is None}
        self._forgive(lost)
        return [strip.text for strip in self.olds], self._sequence(lost, came, told)

    def _lost(self) -> list[Strip]:
        """Return the watched strips that neither fetch has any more, as often as they were."""
        olds = [strip.key for strip in self.olds]
        there = [strip.key for strip in self.after.surface.strips]
        equal = [(mine, theirs) for same, mine, theirs in align(olds, there) if same]
        kept = {number for mine, _ in equal for number in range(mine.start, mine.stop)}
        self._aligned = frozenset(
            n for _, theirs in equal for n in range(theirs.start, theirs.stop)
        )
        spare = Counter(there) - Counter(olds[number] for number in kept)
        if self.again is not None:
            second = Counter(strip.key for strip in self.again.surface.strips)
            spare += second - Counter(there)
        lost = []
        for number, strip in enumerate(self.olds):
            if number in kept:
                continue
            if spare[strip.key] > 0:  # it stands elsewhere, or in the other fetch
                spare[strip.key] -= 1
            else:
                lost.append(strip)
        return lost

    def _forgive(self, lost: Sequence[Strip]) -> None:
        """Stop watching what was lost where a text now stands that comes and goes."""
        free = {strip.key for strip in lost} - self._paired
        survivors = self.watched_keys & self.after.surface.keys
        known = [self._noise_keys(page) for page in (self.before, self.after)]
        turns = self._places(self.after, survivors, known[1] | self.unsteady)
        had = self._places(self.before, survivors, known[0])
        for place, keys in self._places(self.before, survivors, free).items():
            spare = len(turns.get(place, ())) - len(had.get(place, ()))
            for key in keys[: max(0, spare)]:
                self.olds = tuple(strip for strip in self.olds if strip.key != key)

    def _places(
        self, page: Page, survivors: Collection[str], wanted: Collection[str]
    ) -> dict[tuple[str, str], list[str]]:
        """Return wanted strips of a page by where they stand: after which survivor, what slot.

        Where the page was designed anew its slots have other names: their own tags stand for them.
        """
        places: dict[tuple[str, str], list[str]] = {}
        previous = ""
        for strip in page.surface.strips:
            if strip.key in survivors:
                previous = strip.key
            elif strip.key in wanted:
                slot = own_tag(strip.slot) if self.redesigned else strip.slot
                places.setdefault((previous, slot), []).append(strip.key)
        return places

    def _fresh(self, page: Page) -> list[Strip]:
        """Return the strips near the article that were nowhere on the last good page."""
        known = self.before.surface.keys | self.watched_keys
        first, last = self._reach(page)
        near = page.surface.strips[first : last + 1]
        return [strip for strip in near if strip.key not in known and not strip.chrome]

    def _mates(self, lost: Sequence[Strip], page: Page) -> dict[str, Strip]:
        """Return the lost strips that a page has edited, by the folded text they have there.

        An edited paragraph is known by its words, whatever slot it stands in now.
        """
        fresh = self._fresh(page)
        long = [one for one in fresh if one.weight >= LINE_WORDS or self._is_new(one)]
        if len(lost) * len(long) > PAIRING_CELLS:
            long = [one for one in long if self._is_new(one)]
        pairs = pair([one.key for one in lost], [one.key for one in long])
        return {long[right].key: lost[left] for left, right in pairs}

    def _taking_turns(self, alone: Collection[str]) -> set[str]:
        """Return which of the new texts stand where texts were known to take turns.

        A place is known by the watched strip before it and its slot. There may be as many new texts
        as there were known ones before, less those that are known now.
        """
        turns = self._known_noise(self.before)
        turns.subtract(self._known_noise(self.after))
        found = set()
        for place, keys in self._places(self.after, self.watched_keys, alone).items():
            found |= set(keys[: max(0, turns[place])])
        return found

    def _known_noise(self, page: Page) -> Counter[tuple[str, str]]:
        """Return how many texts known to come and go stand at each place of the article."""
        places = self._places(page, self.watched_keys, self._noise_keys(page))
        return Counter({place: len(keys) for place, keys in places.items()})

    def _noise_keys(self, page: Page) -> set[str]:
        """Return the texts in the article's own slots of a page that are known to come and go."""
        return {
            strip.key
            for strip in page.surface.strips
            if strip.slot in self._mains and is_noise(strip, self._mains, self.noise)
        }

    def _reach(self, page: Page) -> tuple[int, int]:
        """Return from where to where on a page new text of the article may stand."""
        strips, keys = page.surface.strips, self.watched_keys
        places = [n for n, strip in enumerate(strips) if strip.key in keys]
        if not places:
            return 0, len(page.surface.strips)
        return max(0, places[0] - len(self.olds) - 3), places[-1] + len(self.olds) + 3

    def _is_new(self, strip: Strip) -> bool:
        if strip.chrome or strip.linked >= LINKED or is_noise(strip, self.main_now, self.noise):
            return False
        if is_text_of(strip, self.main_now) or strip.slot in self._aside:
            return True
        if self.redesigned or strip.slot in self.before.surface.slots or strip.heading:
            return False
        # A slot is told by its last few steps, so that of a child may begin one step later.
        return any(
            strip.outer == outer_slot(slot) or f"/{slot}".endswith(f"/{strip.outer}")
            for slot in self.main_now | self._aside
        )

    def _told(
        self, lost: Sequence[Strip], came: Sequence[Strip], mates: Mapping[str, Strip]
    ) -> dict[str, str | None]:
        """Return what stands for each strip that came: its text, less, or None for nothing."""
        self._paired = frozenset(strip.key for strip in mates.values())
        again = self._mates(lost, self.again) if self.again is not None else {}
        others = {mate.key: text for text, mate in again.items()}
        turning = self._taking_turns({one.key for one in came if one.key not in mates})
        told: dict[str, str | None] = {}
        for strip in came:
            mate = mates.get(strip.key)
            if mate is not None:
                told[strip.key] = self._agreed(mate, strip, others.get(mate.key))
            elif strip.key in turning or strip.slot in self._aside:
                told[strip.key] = None
            else:
                told[strip.key] = strip.text if self._is_shared(strip.key) else None
        return told

    def _is_shared(self, key: str) -> bool:
        return self.again is None or key in self.again.surface.keys

    def _agreed(self, old: Strip, new: Strip, other: str | None) -> str:
        """Return the old text with those changes that both fetches share and no noise explains."""
        changes = list(changed_words(old.text, new.text))
        if self.again is not None and new.key not in self.again.surface.keys:
            shared = set(changed_words(old.key, other)) if other is not None else set()
            changes = [one for one in changed_words(old.key, new.key) if one in shared]
        kept = [one for one in changes if place_of(old.text, one[0], one[1]) not in self.noise]
        if len(kept) == len(list(changed_words(old.text, new.text))):
            return new.text
        words = [word.strip() for word in split_words(old.text)]
        for start, stop, came in reversed(kept):
            words[start:stop] = came
        return " ".join(words)

    def _sequence(
        self, lost: Sequence[Strip], came: Sequence[Strip], told: Mapping[str, str | None]
    ) -> list[str]:
        """Return the present text: what survived in the order of the page, and what came."""
        left = Counter(strip.key for strip in self.olds) - Counter(strip.key for strip in lost)
        fresh = Counter(strip.key for strip in came)
        strips = self.after.surface.strips
        elsewhere = left - Counter(strips[number].key for number in self._aligned)
        placed: list[tuple[str, str]] = []
        for number, strip in enumerate(strips):
            if number in self._aligned or elsewhere[strip.key] > 0:
                elsewhere[strip.key] -= number not in self._aligned
                left[strip.key] -= 1
                placed.append((strip.key, strip.text))
            elif fresh[strip.key] > 0 and (text := told.get(strip.key)) is not None:
                fresh[strip.key] -= 1
                placed.append((strip.key, text))
        return self._with_unsteady(placed, left)

    def _with_unsteady(self, placed: list[tuple[str, str]], left: Counter[str]) -> list[str]:
        """Put back what only the other fetch has: it is not lost."""
        previous = ""
        for strip in self.olds:
            if left[strip.key] > 0:
                left[strip.key] -= 1
                at = next((n + 1 for n, one in enumerate(placed) if one[0] == previous), 0)
                placed.insert(at, (strip.key, strip.text))
            previous = strip.key
        return [text for _, text in placed]

    def beside(self) -> Iterator[Strip]:
        """Yield what came near the surviving text and is no noise that is known."""
        known, slots = self.before.surface.keys, self.before.surface.slots - self.main_now
        first, last = self._reach(self.after)
        for number, strip in enumerate(self.after.surface.strips):
            fresh = strip.key not in known and strip.slot not in slots
            if first <= number <= last and fresh and not is_noise(strip, (), self.noise):
                yield strip

    def after_end(self) -> Iterator[Strip]:
        """Yield what came right after the last surviving text, in slots unknown before."""
        strips = self.after.surface.strips
        last = max((n for n, one in enumerate(strips) if one.key in self.watched_keys), default=-1)
        slots = self.before.surface.slots
        for strip in strips[last + 1 : last + 1 + END_STRIPS]:
            strange = strip.slot not in slots and not is_of(strip.slot, self.main_now)
            if last >= 0 and strange and strip.key not in self.before.surface.keys:
                yield strip

    def kept_head(self) -> bool:
        """Whether the beginning of the text survived, and all that follows is gone."""
        present = self.after.surface.keys
        last = max((n for n, one in enumerate(self.olds) if one.key in present), default=-1)
        head, tail = self.olds[: last + 1], self.olds[last + 1 :]
        kept = sum(strip.weight for strip in head if strip.key in present)
        begun, gone = (sum(strip.weight for strip in part) for part in (head, tail))
        return 0 < begun <= 2 * kept and 2 * gone >= begun
