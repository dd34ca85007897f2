"""Set a word diff in two columns, old text left and new text right, paragraph beside paragraph."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from crawler.changes.diff import BREAK, Diff, Op, Tag


class Mark(StrEnum):
    """What became of a run of words."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Words of one column with one mark; ``\\n\\n`` in it ends a paragraph."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What stands side by side; an empty column where there is nothing to stand beside."""

    before: tuple[Run, ...]
    after: tuple[Run, ...]

    @property
    def changed(self) -> bool:
        """Whether anything in it is removed or added."""
        return any(run.mark is not Mark.KEPT for run in (*self.before, *self.after))


@dataclass(slots=True)
class _Column:
    runs: list[Run] = field(default_factory=list)
    open: bool = False
    """Whether its last paragraph goes on."""

    def add(self, word: str, mark: Mark) -> None:
        self.open = word != BREAK
        if self.runs and (self.runs[-1].mark is mark or word == BREAK):
            last = self.runs.pop()
            self.runs.append(Run(mark=last.mark, text=last.text + word))
        elif word != BREAK:
            self.runs.append(Run(mark=mark, text=word))

    def done(self) -> tuple[Run, ...]:
        runs = list(self.runs)
        if runs:
            runs[-1] = Run(mark=runs[-1].mark, text=runs[-1].text.rstrip())
        self.runs = []
        return tuple(run for run in runs if run.text)


def rows(diff: Diff) -> list[Row]:
    """Return the two texts of a diff as rows; read down, each column is its text."""
    return list(_rows(diff))


def _rows(diff: Diff) -> Iterator[Row]:
    left, right = _Column(), _Column()
    for op in diff.ops:
        for old, new in _steps(op):
            for word in old:
                left.add(word, Mark.KEPT if op.tag is Tag.EQUAL else Mark.REMOVED)
            for word in new:
                right.add(word, Mark.KEPT if op.tag is Tag.EQUAL else Mark.ADDED)
            if not left.open and not right.open and (left.runs or right.runs):
                yield Row(before=left.done(), after=right.done())
    if left.runs or right.runs:
        yield Row(before=left.done(), after=right.done())


def _steps(op: Op) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield a stretch paragraph by paragraph: where one may end, a row may."""
    old, new = list(_paragraphs(op.before)), list(_paragraphs(op.after))
    for number in range(max(len(old), len(new))):
        yield (
            old[number] if number < len(old) else (),
            new[number] if number < len(new) else (),
        )


def _paragraphs(found: Sequence[str]) -> Iterator[Sequence[str]]:
    start = 0
    for number, word in enumerate(found):
        if word == BREAK:
            yield found[start : number + 1]
            start = number + 1
    if start < len(found):
        yield found[start:]
