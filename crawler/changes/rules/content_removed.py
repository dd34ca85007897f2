"""Find articles that lost a good part of their text and got little in its place."""

from crawler.changes.case import Case
from crawler.changes.edits import (
    REPLACED_SHARE,
    BodyChange,
    body_change,
    body_signals,
    counted,
    routed,
)
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """At least 15 % of the words are gone, and less than half of that came in their place."""

    axis = Axis.CONTENT
    rank = 10

    def find(self, case: Case) -> Finding | None:
        """Return ``content_removed`` with the share that is gone."""
        diff = case.diff
        if diff is None or body_change(case) is not BodyChange.REMOVED:
            return None
        share = 1 - diff.survival
        replaced = diff.added_words / diff.removed_words
        return Finding(
            kind="content_removed",
            axis=self.axis,
            rule="content_removed",
            alert=routed(case, Alert.NOW),
            severity=Severity.HIGH,
            summary=f"{counted(diff.removed_words, 'word')} ({share:.0%} of the text) are gone.",
            signals=(
                *body_signals(diff),
                Signal(
                    name="replaced_share", value=f"{replaced:.3f}", threshold=str(REPLACED_SHARE)
                ),
            ),
        )
