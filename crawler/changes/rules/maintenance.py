"""Find pages of status 200 by which a server says that it is being worked on."""

from crawler.changes.case import Case
from crawler.changes.instead import (
    LIKE_PROBE,
    is_bare,
    is_foreign,
    offers_search,
    probe_likeness,
    words_shown,
)
from crawler.changes.wordings import hits
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """A short page without the site's template asks for patience: a fault of the moment."""

    axis = Axis.AVAILABILITY
    rank = 38

    def find(self, case: Case) -> Finding | None:
        """Return ``server_error`` with the words that told it."""
        after = case.after
        if not after.answered_well or not is_foreign(case) or not is_bare(case):
            return None
        likeness = probe_likeness(case)
        if offers_search(after.surface) or (likeness is not None and likeness > LIKE_PROBE):
            return None
        found = hits("maintenance", words_shown(after))
        if not found:
            return None
        return Finding(
            kind="server_error",
            axis=self.axis,
            rule="maintenance",
            alert=Alert.NONE,
            severity=Severity.INFO,
            summary="The server answers with a page that says it is being worked on.",
            signals=(Signal(name="words", value=", ".join(found)),),
        )
