"""Compare two texts word by word, and show what is gone and what is new."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from crawler.changes.align import align, likeness, pair
from crawler.text.fold import fold, words

BREAK = "\n\n"
"""The word that ends a block."""

_WHOLE_LIKENESS = 0.6
"""From this share of common words on, a stretch of blocks is one text that was edited."""

_ISLAND_WORDS = 2
"""Unchanged words alone between longer changes are a chance of the alignment."""

_LOOKALIKES = {"[-": "[ -", "-]": "- ]", "{+": "{ +", "+}": "+ }"}
"""Marks in the text of a page are parted, so that no page can forge a change."""


class Tag(StrEnum):
    """What became of a stretch of words."""

    EQUAL = "equal"
    REPLACED = "replaced"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One stretch: its words before and after, each with the space that follows it.

    Equal words may differ in the form of their quotes, dashes and spaces.
    """

    tag: Tag
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The way from one text to another; :attr:`before` and :attr:`after` give both texts back."""

    ops: tuple[Op, ...]
    anchor_words: int
    """Words of the old text."""
    removed_words: int
    """Words of the old text that are not in the new one."""
    added_words: int
    """Words of the new text that were not in the old one."""
    moved_words: int
    """Words of whole blocks that now stand elsewhere; neither removed nor added."""

    @property
    def changed(self) -> bool:
        """Whether any word is different; other paragraphs around the same words are no change."""
        return self.removed_words > 0 or self.added_words > 0

    @property
    def survival(self) -> float:
        """Share of the old text's words found again; 1 for an empty old text."""
        return 1.0 - self.removed_words / self.anchor_words if self.anchor_words else 1.0

    @property
    def before(self) -> list[str]:
        """Blocks of the old text."""
        return _blocks(word for op in self.ops for word in op.before)

    @property
    def after(self) -> list[str]:
        """Blocks of the new text: what applying the diff gives."""
        return _blocks(word for op in self.ops for word in op.after)

    def hunks(self) -> list[Op]:
        """Return the stretches in which words changed."""
        return [op for op in self.ops if op.tag is not Tag.EQUAL and _count(op.before + op.after)]


def word_diff(before: Sequence[str], after: Sequence[str]) -> Diff:
    """Compare two texts given as blocks; quotes, dashes and spaces of another kind are no change.

    Blocks are matched first, then words inside the blocks that pair. Both are bounded, so that a
    text of any size is answered, if need be with "all of it was replaced".
    """
    if list(before) == list(after):
        return _same(before)
    old, new = _prepared(before), _prepared(after)
    draft = _Draft(moved=_moved(old, new))
    for equal, lost, came in align([one.key for one in old], [one.key for one in new]):
        if equal:
            for one, other in zip(old[lost], new[came], strict=True):
                draft.equal(one.words, other.words)
        else:
            draft.stretch(old[lost], new[came])
    return draft.diff()


def unchanged(text: str) -> Diff:
    """Return the way from a text to itself without its words, which most looks have no use for.

    ``anchor_words`` are those between blanks, of which a text that was read has one at a time: to
    cut it into its words took longer than all else of a look that brought what was there before.
    """
    kept = text.count(" ") + text.count(BREAK) + bool(text)
    return Diff(ops=(), anchor_words=kept, removed_words=0, added_words=0, moved_words=0)


def as_text(diff: Diff, *, context_words: int = 12, limit_words: int | None = None) -> str:
    """Return a diff as ``… kept [-removed-]{+added+} kept …``, removed words first.

    Unchanged stretches keep ``context_words`` words beside a change; ``limit_words`` shortens
    every removed or added stretch that is longer. A diff without changes is an empty text.
    """
    if not diff.hunks():
        return ""
    text = ""
    for number, op in enumerate(diff.ops):
        if op.tag is Tag.EQUAL:
            piece = _kept(
                op.after, context_words, first=number == 0, last=number == len(diff.ops) - 1
            )
        else:
            piece = _changed(op, limit_words)
            text = _apart(text, diff.ops[number - 1] if number else None)
        text += piece
    return text.strip()


def _same(blocks: Sequence[str]) -> Diff:
    """Return the way from a text to itself; most looks ask for it, so no word of it is folded."""
    found: list[str] = []
    breaks = 0
    for cut in map(words, blocks):
        if cut:
            found += cut
            found.append(BREAK)
            breaks += 1
    text = tuple(found)
    ops = (Op(tag=Tag.EQUAL, before=text, after=text),) if text else ()
    return Diff(
        ops=ops,
        anchor_words=len(text) - breaks,
        removed_words=0,
        added_words=0,
        moved_words=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A block cut into words; ``keys`` are what its words are compared by."""

    key: str
    words: tuple[str, ...]
    keys: tuple[str, ...]


def _prepared(blocks: Sequence[str]) -> list[_Block]:
    prepared = []
    for block in blocks:
        cut = words(block)
        if cut:
            keys = (*map(fold, cut), BREAK)
            prepared.append(_Block(key=fold(block), words=(*cut, BREAK), keys=keys))
    return prepared


def _moved(old: Sequence[_Block], new: Sequence[_Block]) -> frozenset[str]:
    """Return the keys of blocks that are in both texts as often, wherever they stand."""
    were, are = Counter(one.key for one in old), Counter(one.key for one in new)
    return frozenset(key for key, times in were.items() if are[key] == times)


@dataclass(slots=True)
class _Draft:
    """A diff in the making."""

    moved: frozenset[str]
    ops: list[Op] = field(default_factory=list)
    moved_words: int = 0

    def equal(self, before: Sequence[str], after: Sequence[str]) -> None:
        self._put(Tag.EQUAL, before, after)

    def stretch(self, lost: Sequence[_Block], came: Sequence[_Block]) -> None:
        """Compare two stretches of blocks of which none is equal to its opposite."""
        if not any(one.key in self.moved for one in (*lost, *came)) and lost and came:
            old, new = _chain(lost), _chain(came)
            if likeness(_keys(lost), _keys(came)) >= _WHOLE_LIKENESS:
                self._words(old, new, _keys(lost), _keys(came))
                return
        self._paired(lost, came)

    def diff(self) -> Diff:
        ops = tuple(_joined(self.ops))
        changed = [op for op in ops if op.tag is not Tag.EQUAL]
        removed = sum(_count(op.before) for op in changed)
        added = sum(_count(op.after) for op in changed)
        return Diff(
            ops=ops,
            anchor_words=sum(_count(op.before) for op in ops),
            removed_words=max(0, removed - self.moved_words),
            added_words=max(0, added - self.moved_words),
            moved_words=self.moved_words,
        )

    def _paired(self, lost: Sequence[_Block], came: Sequence[_Block]) -> None:
        """Compare blocks that pair word by word; the others are gone or new as a whole."""
        mine = [number for number, one in enumerate(lost) if one.key not in self.moved]
        theirs = [number for number, one in enumerate(came) if one.key not in self.moved]
        pairs = pair([lost[one].key for one in mine], [came[one].key for one in theirs])
        old = new = 0
        for one, other in ((mine[left], theirs[right]) for left, right in pairs):
            self._whole(lost[old:one], came[new:other])
            self._words(lost[one].words, came[other].words, lost[one].keys, came[other].keys)
            old, new = one + 1, other + 1
        self._whole(lost[old:], came[new:])

    def _whole(self, lost: Sequence[_Block], came: Sequence[_Block]) -> None:
        self.moved_words += sum(_count(one.words) for one in lost if one.key in self.moved)
        self._put(Tag.REPLACED, _chain(lost), _chain(came))

    def _words(
        self, old: Sequence[str], new: Sequence[str], mine: Sequence[str], theirs: Sequence[str]
    ) -> None:
        ops = [
            _op(equal, tuple(old[lost]), tuple(new[came]))
            for equal, lost, came in align(mine, theirs)
        ]
        for op in _without_islands(ops):
            self._put(op.tag, op.before, op.after)

    def _put(self, tag: Tag, before: Sequence[str], after: Sequence[str]) -> None:
        if before or after:
            self.ops.append(_op(tag is Tag.EQUAL, tuple(before), tuple(after)))


def _op(equal: bool, before: tuple[str, ...], after: tuple[str, ...]) -> Op:  # noqa: FBT001 - the one fact of a stretch
    if equal:
        return Op(tag=Tag.EQUAL, before=before, after=after)
    if before and after:
        return Op(tag=Tag.REPLACED, before=before, after=after)
    return Op(tag=Tag.REMOVED if before else Tag.ADDED, before=before, after=after)


def _without_islands(ops: Sequence[Op]) -> list[Op]:
    """Let a word or two that stayed by chance between longer changes count as changed with them."""
    kept: list[Op] = []
    for number, op in enumerate(ops):
        island = (
            op.tag is Tag.EQUAL
            and 0 < number < len(ops) - 1
            and BREAK not in op.before
            and len(op.before) <= _ISLAND_WORDS
            and min(_size(kept[-1]), _size(ops[number + 1])) > len(op.before)
        )
        kept.append(replace(op, tag=Tag.REPLACED) if island else op)
    return kept


def _joined(ops: Iterable[Op]) -> Iterator[Op]:
    """Return the stretches with neighbours of one kind (equal, or changed) made one."""
    waiting: Op | None = None
    for op in ops:
        if waiting is None:
            waiting = op
        elif (op.tag is Tag.EQUAL) == (waiting.tag is Tag.EQUAL):
            waiting = _op(op.tag is Tag.EQUAL, waiting.before + op.before, waiting.after + op.after)
        else:
            yield waiting
            waiting = op
    if waiting is not None:
        yield waiting


def _chain(blocks: Iterable[_Block]) -> tuple[str, ...]:
    return tuple(word for block in blocks for word in block.words)


def _keys(blocks: Iterable[_Block]) -> tuple[str, ...]:
    return tuple(key for block in blocks for key in block.keys)


def _count(found: Sequence[str]) -> int:
    return sum(1 for word in found if word != BREAK)


def _size(op: Op) -> int:
    return max(_count(op.before), _count(op.after))


def _blocks(found: Iterable[str]) -> list[str]:
    texts: list[list[str]] = [[]]
    for word in found:
        if word == BREAK:
            texts.append([])
        else:
            texts[-1].append(word)
    return ["".join(text) for text in texts if text]


def _kept(found: Sequence[str], width: int, *, first: bool, last: bool) -> str:
    """Return the words of an unchanged stretch that stand beside a change."""
    # The end of a block before the next change is no word of the context.
    back = width + (1 if found[-1] == BREAK else 0)
    if len(found) <= (0 if first else width) + (0 if last else back) + 1:
        return _safe("".join(found))
    start = "" if first else f"{_safe(''.join(found[:width])).rstrip()} "
    end = "" if last else f" {_safe(''.join(found[len(found) - back :])).lstrip()}"
    return f"{start}…{end}"


def _changed(op: Op, limit: int | None) -> str:
    """Return a changed stretch, every block of it in marks of its own."""
    removed = [f"[-{text}-]" for text in _texts(op.before, limit)]
    added = [f"{{+{text}+}}" for text in _texts(op.after, limit)]
    one_line = BREAK not in op.before[:-1] and BREAK not in op.after[:-1]
    space = _space((op.after or op.before)[-1])
    if one_line:
        return "".join((*removed, *added)) + space
    return BREAK.join((*removed, *added)) + space


def _texts(found: Sequence[str], limit: int | None) -> Iterator[str]:
    shown = found if limit is None or len(found) <= limit else found[:limit]
    texts = [_safe(text.strip()) for text in "".join(shown).split(BREAK)]
    texts = [text for text in texts if text]
    if len(shown) < len(found) and texts:
        texts[-1] += f" … ({len(found) - len(shown)} more words)"
    yield from texts


def _space(word: str) -> str:
    return BREAK if word == BREAK else word[len(word.rstrip()) :]


def _apart(text: str, previous: Op | None) -> str:
    """Put the space before a mark that the old or the new text had there."""
    if previous is None or text[-1:].isspace():
        return text
    ends = [side[-1] for side in (previous.before, previous.after) if side]
    return text + (" " if any(end[-1:].isspace() for end in ends) else "")


def _safe(text: str) -> str:
    for mark, parted in _LOOKALIKES.items():
        text = text.replace(mark, parted)
    return text
