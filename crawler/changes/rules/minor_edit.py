"""Find edits of spelling, punctuation and spacing that leave the meaning alone."""

from crawler.changes.case import Case
from crawler.changes.diff import as_text
from crawler.changes.edits import (
    TYPO_DISTANCE,
    BodyChange,
    body_change,
    body_signals,
    changed_words,
    counted,
    routed,
)
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """Every changed word keeps nearly all its letters, and its number, name and negation."""

    axis = Axis.CONTENT
    rank = 70

    def find(self, case: Case) -> Finding | None:
        """Return ``minor_edit`` with the words that changed."""
        diff = case.diff
        if diff is None or body_change(case) is not BodyChange.MINOR:
            return None
        shown = " ".join(as_text(diff, context_words=4, limit_words=20)[:300].split())
        return Finding(
            kind="minor_edit",
            axis=self.axis,
            rule="minor_edit",
            alert=routed(case, Alert.DIGEST),
            severity=Severity.INFO,
            summary=f"{counted(changed_words(diff), 'word')} spelt or set differently: {shown}",
            signals=(
                *body_signals(diff),
                Signal(name="edit_distance", value="within", threshold=str(TYPO_DISTANCE)),
            ),
        )
