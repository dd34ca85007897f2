"""What a site's user asks for beside what is found and learnt: selectors, slots, phrases."""

from dataclasses import replace

import pytest
from readings import PARAGRAPHS, article, reading

from crawler.changes.case import Case
from crawler.changes.rules.phrase import Rule
from crawler.changes.surface import surface
from crawler.site_rules import asked
from crawler.text.trim import TYPE, check_selector, trimmed
from storage.model import Site

PAGE = b"""<html><head><title>The mole</title></head><body><header>Menu</header>before
<div class="story"><h1>The mole</h1><p>It costs 12 million.</p><p class="readers">7 people</p>
</div>after<div class="poll">Yes 51 %</div></body></html>"""


def cut(*, keep: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]]:
    """Return the text of what is left of the page, and the selectors that found nothing."""
    found = trimmed(PAGE, headers=TYPE, keep=keep, drop=drop)
    assert found is not None
    shown = surface(found.body, url="https://a.test/", headers=TYPE)
    return " ".join(strip.text for strip in shown.strips), found.unmatched


def test_only_what_is_selected_is_read() -> None:
    """Text outside of the selection, and beside it in the same element, is not there."""
    assert cut(keep=("div.story",)) == ("The mole It costs 12 million. 7 people", ())
    assert cut(keep=("h1", ".poll")) == ("The mole Yes 51 %", ())


def test_what_is_left_out_leaves_its_neighbours() -> None:
    """Text behind an element that is left out stays."""
    text, _ = cut(drop=(".poll", "header", ".readers"))
    assert text == "before The mole It costs 12 million. after"


def test_both_together_and_rules_that_find_nothing() -> None:
    """A selector that finds nothing is named, and without any find the whole page is read."""
    text, unmatched = cut(keep=("div.story", "#none"), drop=(".readers", ".gone"))
    assert (text, unmatched) == ("The mole It costs 12 million.", ("#none", ".gone"))
    text, unmatched = cut(keep=("article",))
    assert "Menu" in text
    assert unmatched == ("article",)
    assert "Yes" in cut(keep=("body",))[0]


@pytest.mark.parametrize("text", ["", "div[", "p::first-line", "a:has(", ">"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    """A slip in the configuration is told before anything is read by it."""
    with pytest.raises(ValueError, match="CSS selector"):
        check_selector(text)


def test_what_is_no_page_is_not_cut() -> None:
    """Bytes that are no HTML, and a page of any depth, end in a page or in nothing."""
    for body in (b"", b"\x00\xff" * 100, b"%PDF-1.7", b"<div>" * 5000):
        found = trimmed(body, headers=TYPE, keep=("p",), drop=("div",))
        assert found is None or isinstance(found.body, bytes)


PHRASES = [
    ("for archival purposes", "This site is kept \u201cfor archival purposes\u201d only."),
    ("à titre d'archive", "Ce site est conservé À TITRE D\u2019ARCHIVE."),
    ("لأغراض أرشيفية", "هذا الموقع محفوظ لأغراض أرشيفية."),
    ("в архивных целях", "Сайт хранится в\u00a0архивных целях."),  # noqa: RUF001 - Russian words
]


@pytest.mark.parametrize(("phrase", "sentence"), PHRASES)
def test_a_phrase_is_told_when_it_goes_and_when_it_comes(phrase: str, sentence: str) -> None:
    """Capitals, quotes and spaces of another kind are the same; nobody who asked not is told."""
    plain, with_it = reading(article(*PARAGRAPHS)), reading(article(*PARAGRAPHS, sentence))
    went = Case(before=with_it, after=plain, phrases=(phrase, "something else"))
    came = Case(before=plain, after=with_it, phrases=(phrase,))
    kinds = [found.kind for case in (went, came) if (found := Rule().find(case))]
    assert kinds == ["phrase_gone", "phrase_came"]
    assert Rule().find(replace(went, phrases=())) is None
    assert Rule().find(Case(before=with_it, after=with_it, phrases=(phrase,))) is None


def test_a_phrase_must_be_gone_from_both_fetches() -> None:
    """What only one of two fetches lacks is no loss, and what only one brings is no news."""
    plain, with_it = reading(article(*PARAGRAPHS)), reading(article(*PARAGRAPHS, "Corrected."))
    case = Case(before=with_it, after=plain, twin=with_it, phrases=("corrected",))
    assert Rule().find(case) is None
    case = Case(before=plain, after=with_it, twin=plain, phrases=("corrected",))
    assert Rule().find(case) is None


def test_a_slot_is_ignored_by_the_end_of_its_name() -> None:
    """The slot a person names is noise, wherever it stands; without rules a case is as it was."""
    shown = surface(PAGE, url="https://a.test/", headers=TYPE)
    case = Case(before=reading(surface=shown), after=reading(surface=shown))
    assert asked(case, Site(name="paper")) is case
    (slot,) = [one for one in shown.slots if one.endswith("p.readers")]
    found = asked(case, Site(name="paper", ignore_slots=("div.story/p.readers",)))
    assert len(found.noise) == 1
    assert asked(case, Site(name="paper", ignore_slots=("readers", "x" + slot))) is case
