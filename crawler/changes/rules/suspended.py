"""Find pages of a hosting company in the place of a site whose account it closed."""

from crawler.changes.case import Case
from crawler.changes.instead import chrome_left, is_bare, is_foreign, words_shown
from crawler.changes.wordings import hits
from storage.model import Alert, Axis, Finding, Severity, Signal

_STATUSES = frozenset({200, 403, 404, 410})


class Rule:
    """A short page without the site's template says that the account is closed."""

    axis = Axis.AVAILABILITY
    rank = 16

    def find(self, case: Case) -> Finding | None:
        """Return ``suspended`` with the words that told it."""
        after = case.after
        if after.article is None or after.status not in _STATUSES or not _replaced(case):
            return None
        if not is_bare(case):
            return None
        shown = words_shown(after)
        found = hits("suspended", shown)
        if not found or hits("legal", shown):
            return None
        return Finding(
            kind="suspended",
            axis=self.axis,
            rule="suspended",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary="The host's account is suspended: a page of its hosting company is shown.",
            signals=(
                Signal(name="words", value=", ".join(found)),
                Signal(name="template_left", value=f"{chrome_left(case):.2f}", threshold="0.25"),
            ),
        )


def _replaced(case: Case) -> bool:
    failed = case.after.status is not None and case.after.status >= 400
    return case.before is not None and (failed or is_foreign(case))
