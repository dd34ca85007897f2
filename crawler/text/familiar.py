"""Read a page of a well-known site by its template alone, where that leaves hardly any doubt.

Neither an extractor nor traits are asked then: the article is what stands in the slots that carried
the articles of other pages. What a template has told teaches it nothing, and one page in
``CONTROL`` is read in full, so that no template confirms itself for ever.
"""

from collections.abc import Set as AbstractSet

from crawler.text.admission import TEASER
from crawler.text.choice import SUBHEADING_WORDS, Texts
from crawler.text.template import Known

ENGINE = "template of the site"

WELL_KNOWN = 5
"""Pages of a site that must have taught before one is read by what they have in common."""

CONTROL = 32

CARRIED = 0.9
"""Share of its words that were article, from which a slot carries the next article too."""

CARRIED_PAGES = 3
"""Pages on which it must have stood."""

BESIDE = 0.02
"""Share of its words that were article, up to which a slot stands beside the next one too."""

LEAST_WORDS = 100
"""Of an article; what is shorter may be a notice, a section, a page behind a wall."""

DOUBT = 0.02
"""Words of runs that the template cannot tell, as share of the article's, that are left out."""


def article(texts: Texts, told: AbstractSet[int], known: Known) -> tuple[int, ...] | None:
    """Return the runs of the article if the site's other pages tell it; None leaves it open.

    ``told`` are the runs that are headline, by-line or date line, and no text.
    """
    if known.pages < WELL_KNOWN or known.number % CONTROL == 0:
        return None
    inside: list[int] = []
    doubtful: list[int] = []
    for number in range(len(texts.runs)):
        answer = number not in told and _is_inside(texts, number, known)
        if answer:
            inside.append(number)
        elif answer is None:
            doubtful.append(number)
    words = sum(texts.sizes[one] for one in inside)
    doubt = sum(texts.sizes[one] for one in doubtful)
    if words < LEAST_WORDS or doubt > DOUBT * words:
        return None
    if any(inside[0] < one < inside[-1] for one in doubtful):
        return None
    return tuple(inside)


def _is_inside(texts: Texts, number: int, known: Known) -> bool | None:
    """Whether a run is of the article; None where the template cannot tell."""
    run, pages = texts.runs[number], known.seen(texts.marks[number])
    if run.linked >= TEASER and run.kind not in ("heading", "cell"):
        return False
    carried = known.carried(run.path)
    is_carrier = (
        carried is not None and carried >= CARRIED and known.stood_on(run.path) >= CARRIED_PAGES
    )
    if is_carrier and pages == 0:
        return True
    if carried is not None and carried <= BESIDE:
        return False
    is_shared = pages > 1 and (not is_carrier or texts.sizes[number] > SUBHEADING_WORDS)
    return False if is_shared else None
