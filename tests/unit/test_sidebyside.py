"""A word diff in two columns: each column read down is its text, whatever changed."""

from hypothesis import given
from hypothesis import strategies as st

from crawler.changes.diff import word_diff
from crawler.sidebyside import Mark, rows

WORDS = st.lists(st.sampled_from(["the", "mole", "12", "15", "was", "mended"]), max_size=12)
TEXTS = st.lists(WORDS.map(" ".join), max_size=6)


def column(found: list[tuple[str, ...]]) -> list[str]:
    """Return the paragraphs of a column."""
    texts = [part for runs in found for part in "".join(runs).split("\n\n")]
    return [text.strip() for text in texts if text.strip()]


@given(TEXTS, TEXTS)
def test_each_column_is_its_text(before: list[str], after: list[str]) -> None:
    """No word is lost, doubled or on the wrong side."""
    diff = word_diff(before, after)
    found = rows(diff)
    left = column([tuple(run.text for run in row.before) for row in found])
    right = column([tuple(run.text for run in row.after) for row in found])
    assert left == [one.strip() for one in diff.before if one.strip()]
    assert right == [one.strip() for one in diff.after if one.strip()]
    assert not any(run.mark is Mark.ADDED for row in found for run in row.before)
    assert not any(run.mark is Mark.REMOVED for row in found for run in row.after)
    assert any(row.changed for row in found) == bool(diff.hunks())


def test_what_is_gone_stands_beside_nothing() -> None:
    """A paragraph that left has an empty place beside it, and the next ones stay level."""
    found = rows(word_diff(["One here.", "Two is gone.", "Three."], ["One here.", "Three."]))
    assert [(bool(row.before), bool(row.after), row.changed) for row in found] == [
        (True, True, False),
        (True, False, True),
        (True, True, False),
    ]


def test_a_changed_word_stands_in_its_paragraph() -> None:
    """Both forms of a paragraph are one row, with only the word marked."""
    (row,) = rows(word_diff(["It costs 12 million."], ["It costs 15 million."]))
    assert [(run.mark, run.text.strip()) for run in row.before] == [
        (Mark.KEPT, "It costs"),
        (Mark.REMOVED, "12"),
        (Mark.KEPT, "million."),
    ]
    assert [run.text.strip() for run in row.after if run.mark is Mark.ADDED] == ["15"]
