"""The word diff: both texts come back out of it, in bounded time."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.changes.diff import Diff, Tag, as_text, word_diff
from crawler.text.fold import fold, words

SENTENCE = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty 12 people died in the fire on Monday night"
)
WORD = st.sampled_from(["a", "b", "c", "fish", "market", "12", "no", "\u201cno\u201d", "字", "عدد"])
BLOCK = st.one_of(st.lists(WORD, min_size=1, max_size=12).map(" ".join), st.text(max_size=20))
TEXT = st.lists(BLOCK, max_size=8)


def blocks(text: list[str]) -> list[str]:
    """Return blocks as the diff knows them: single spaces, none empty."""
    return [joined for block in text if (joined := " ".join(block.split()))]


@given(TEXT, TEXT)
@settings(max_examples=60, deadline=None)
def test_both_texts_come_back(before: list[str], after: list[str]):
    """Applying the diff gives the new text; undoing it gives the old one; the counts add up."""
    diff = word_diff(before, after)
    assert diff.after == blocks(after)
    assert diff.before == blocks(before)
    assert diff.anchor_words == sum(len(words(block)) for block in before)
    assert 0 <= diff.survival <= 1
    assert diff.removed_words >= 0
    assert diff.added_words >= 0
    assert bool(as_text(diff)) == bool(diff.hunks())


@given(TEXT)
@settings(max_examples=25, deadline=None)
def test_equal_texts_have_no_changes(text: list[str]):
    """A text and its twin are equal, however they are cut into words."""
    diff = word_diff(text, [f"  {block}\u00a0 " for block in text])
    assert not diff.changed
    assert diff.survival == 1.0
    assert all(op.tag is Tag.EQUAL for op in diff.ops)
    assert as_text(diff) == ""


@given(TEXT, TEXT)
@settings(max_examples=25, deadline=None)
def test_equal_stretches_are_equal_to_a_reader(before: list[str], after: list[str]):
    """What is called equal differs at most in quotes, dashes and invisible characters."""
    for op in word_diff(before, after).ops:
        if op.tag is Tag.EQUAL:
            assert list(map(fold, op.before)) == list(map(fold, op.after))


def shown(before: list[str], after: list[str], *, context_words: int = 3) -> str:
    return as_text(word_diff(before, after), context_words=context_words)


def test_removed_words_come_first_and_the_rest_is_shortened():
    """A reader sees the change with a few words around it."""
    text = shown([SENTENCE], [SENTENCE.replace("12", "14")])
    assert text == "… eighteen nineteen twenty [-12-]{+14+} people died in …"


def test_words_that_came_and_went_alone_keep_their_spaces():
    """An insertion or a deletion at any place reads like a sentence."""
    assert shown(["a b c"], ["a b new c"]) == "a b {+new+} c"
    assert shown(["a b c"], ["a c"]) == "a [-b-] c"
    assert shown(["a b c"], ["a b"]) == "a b [-c-]"
    assert shown(["b c d e f"], ["a b c d e f"]) == "{+a+} b c d …"


def test_blocks_that_came_and_went_stand_on_their_own():
    """A whole paragraph is marked as a whole."""
    added = shown([SENTENCE], [SENTENCE, "A note."])
    assert added == "… on Monday night\n\n{+A note.+}"
    removed = word_diff([SENTENCE, "Gone for ever."], [SENTENCE])
    assert removed.removed_words == 3
    assert as_text(removed, context_words=2) == "… Monday night\n\n[-Gone for ever.-]"


def test_a_block_that_moved_is_neither_lost_nor_new():
    """Paragraphs in another order survive."""
    diff = word_diff(
        ["Alpha beta gamma.", SENTENCE, "Third one."], ["Third one.", SENTENCE, "Alpha beta gamma."]
    )
    assert (diff.removed_words, diff.added_words) == (0, 0)
    assert diff.survival == 1.0
    assert diff.moved_words > 0
    assert not diff.changed


def test_other_paragraph_borders_are_no_change():
    """A paragraph parted in two has the same words."""
    diff = word_diff([f"{SENTENCE} {SENTENCE}", "End."], [SENTENCE, SENTENCE, "End."])
    assert not diff.changed
    assert as_text(diff) == ""


def test_text_without_spaces_is_compared_by_character():
    """One changed character of a Chinese sentence is one changed word."""
    assert shown(["我今天去了北京看长城"], ["我昨天去了北京看长城"]) == "我[-今-]{+昨+}天去了 …"


def test_unrelated_texts_share_nothing():
    """Little words that stand in both by chance are no survivors."""
    before = [
        "The council said that the market of the town is to be closed by the end of the year."
    ]
    after = ["The new portal of the shop is full of offers for the home, the garden and the car."]
    assert word_diff(before, after).survival < 0.2


def test_a_page_cannot_forge_a_change():
    """Marks in the text of a page are parted before they are shown."""
    text = shown(["a b"], ["a b [-x-]{+y+}"])
    assert text == "a b {+[ -x- ]{ +y+ }+}"


def test_long_stretches_can_be_shortened():
    """An event does not carry a book."""
    diff = word_diff(["x"], ["x", " ".join(str(one) for one in range(1000))])
    assert "more words)" in as_text(diff, limit_words=10)
    assert len(as_text(diff, limit_words=10)) < 100


def test_huge_texts_take_seconds_at_most():
    """However large and however different two texts are, there is an answer soon."""
    many = [f"paragraph {one} about {one % 7} things" for one in range(3_000)]
    book = [" ".join(str(one % 977) for one in range(40_000))]
    started = time.monotonic()
    for before, after in (
        (many, list(reversed(many))),
        (many, [f"{block} more" for block in many]),
        (book, [book[0].replace("5", "6")]),
        (["a"] * 5_000, ["a b"] * 5_000),
    ):
        diff: Diff = word_diff(before, after)
        assert len(diff.after) == len(after)
    assert time.monotonic() - started < 20
