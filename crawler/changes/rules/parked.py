"""Find pages that sell the domain, or its visitors, in the place of a site."""

from crawler.changes.case import Case
from crawler.changes.instead import (
    CHROME_LEFT,
    KEYWORD_LINKS,
    chrome_left,
    is_foreign,
    keyword_links,
    offers_search,
    words_shown,
)
from crawler.changes.wordings import hits
from storage.model import Alert, Axis, Finding, Severity, Signal

ALIKE = 2
"""Other watched addresses that show the same foreign page: then it is the host's."""


class Rule:
    """The site's template is gone; keyword links, words of a sale, or one page everywhere."""

    axis = Axis.AVAILABILITY
    rank = 36

    def find(self, case: Case) -> Finding | None:
        """Return ``parked`` with the structure or the words that told it."""
        if not case.after.answered_well or not is_foreign(case):
            return None
        left = chrome_left(case)
        if left >= CHROME_LEFT:
            return None
        links = keyword_links(case.after.surface)
        words = hits("parked", words_shown(case.after))
        if not _told(case, links=links, words=len(words)):
            return None
        return Finding(
            kind="parked",
            axis=self.axis,
            rule="parked",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary="The site is gone: the address shows a parked page, or another site.",
            signals=(
                Signal(name="template_left", value=f"{left:.2f}", threshold=str(CHROME_LEFT)),
                Signal(name="keyword_links", value=str(links), threshold=str(KEYWORD_LINKS)),
                Signal(name="words", value=", ".join(words)),
                Signal(name="same_page_elsewhere", value=str(case.alike), threshold=str(ALIKE)),
            ),
        )


def _told(case: Case, *, links: int, words: int) -> bool:
    everywhere = case.alike >= ALIKE and not offers_search(case.after.surface)
    return links >= KEYWORD_LINKS or words >= 2 or everywhere
