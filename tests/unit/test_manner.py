"""How runs speak, and how their scores are counted."""

from crawler.text.blocks import outline
from crawler.text.choice import Ballot, elected, together
from crawler.text.fold import squeeze
from crawler.text.manner import manners, said
from crawler.text.tree import parse
from crawler.text.weights import WEIGHTS

PARAGRAPHS = (
    "The ferry to the island has not left the harbour since the storm of the second of March.",
    "Passengers slept on the benches of the hall, and the baker brought what the day had left.",
    "On Thursday the harbour master said that the ferry would need a new shaft before it sails.",
)
BIO = "Nadia Karim writes about harbours for The Island Paper."


def spoken(html: str, *, body: str = "", picked: int = 3) -> list[dict[str, float]]:
    """Return how the runs of a page speak, of which the extractor has the first few."""
    runs = outline(parse(f"<html><body>{html}</body></html>").root).runs
    keys = [squeeze(run.text) for run in runs]
    taken = [number < picked for number in range(len(runs))]
    names = said(body, authors=("Nadia Karim",), site=("islandpaper",))
    return list(manners(runs, keys, taken, names))


def page(*more: str) -> str:
    """Return paragraphs as HTML."""
    return "".join(f"<p>{text}</p>" for text in (*PARAGRAPHS, *more))


def test_a_line_about_the_author_names_her_and_the_site():
    """Who wrote it and for whom is said of the run that says it, and of no other."""
    *text, bio = spoken(page(BIO))
    assert bio["names author"] == bio["names site"] == 1
    assert not any("names author" in own or "names site" in own for own in text)


def test_what_is_described_as_the_body_speaks_for_its_runs():
    """A run that the page repeats for machines is told from one that it does not repeat."""
    *text, bio = spoken(page(BIO), body=" ".join(PARAGRAPHS))
    assert all(own["described"] and not own["not described"] for own in text)
    assert bio["not described"]
    assert not bio["described"]


def test_the_mere_beginning_of_a_body_speaks_against_nothing():
    """Behind a paywall the first sentences are described; the rest is text all the same."""
    first, *rest = spoken(page(PARAGRAPHS[0] * 20), body=PARAGRAPHS[0] * 3, picked=4)
    assert first["described"]
    assert not any(own["not described"] for own in rest)


def test_a_summary_is_no_body():
    """What is shorter than a text is not asked."""
    assert all("described" not in own for own in spoken(page(), body=PARAGRAPHS[0]))


def test_a_run_in_bold_is_known_by_its_one_element():
    """Bold counts where it holds all of a run, not where it stands in it."""
    whole, part = spoken("<p><b>No water in the hall</b></p><p><b>No</b> water in the hall</p>")
    assert whole["bold"]
    assert "bold" not in part


def test_words_are_common_that_other_picked_runs_have():
    """A run does not share words with itself."""
    first, _, third, bio = spoken(page(BIO))
    assert first["common words"] > 0
    assert third["common words"] > bio["common words"] >= 0
    assert spoken("<p>Alone words here stand</p>", picked=1)[0]["common words"] == 0


def test_all_that_is_said_may_weigh():
    """Each manner has its place in the table of weights, so that none is worked out in vain."""
    found = spoken(
        page(BIO + " www.paper.example ...") + "<p><b>Bold</b></p>", body=" ".join(PARAGRAPHS)
    )
    names = {name for own in found for name in own}
    assert names - WEIGHTS.keys() <= {"cut"}


def ballot(**given: object) -> Ballot:
    """Return a ballot over runs of ten words that nobody has seen."""
    count = len(given["picked"])  # type: ignore[arg-type]
    return Ballot(**{"sizes": [10] * count, "told": frozenset(), "seen": (), **given})  # type: ignore[arg-type]


def test_scores_that_leave_out_what_was_picked_are_doubted():
    """Where most of the extractor's text falls a little short it is taken, and nothing else is."""
    scores = [2.0, -0.8, -0.8, -0.8, -0.8, -0.8]
    assert elected(scores, ballot(picked=[True] * 5 + [False])) == [0, 1, 2, 3, 4]
    assert elected(scores, ballot(picked=[True, True] + [False] * 4)) == [0, 1]
    assert elected([2.0] * 4 + [-0.8], ballot(picked=[True] * 5)) == [0, 1, 2, 3]
    assert elected(scores, ballot(picked=[])) == [0]


def test_what_two_other_pages_have_is_never_elected():
    """A block of the site is no text, however it scores; on one page it must earn it."""
    scores = [9.0, 9.0, 1.0]
    assert elected(scores, ballot(picked=[False] * 3, seen=[2, 1, 1])) == [1]


def test_the_cells_of_a_table_stand_together():
    """One score for all of a table."""
    assert together([[0, 2]], [1.0, 5.0, 3.0]) == [2.0, 5.0, 2.0]
