"""Find edits that change what an article says: a number, a name, a word, a sentence, its author."""

from crawler.changes.case import Case
from crawler.changes.diff import as_text
from crawler.changes.edits import (
    BodyChange,
    body_change,
    body_signals,
    byline_change,
    changed_words,
    counted,
    routed,
)
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """Words changed, and it is no typo, no mere removal and no mere addition of paragraphs."""

    axis = Axis.CONTENT
    rank = 40

    def find(self, case: Case) -> Finding | None:
        """Return ``substantive_edit`` with the words that changed."""
        diff, authors = case.diff, byline_change(case)
        edited = body_change(case) is BodyChange.SUBSTANTIVE
        if diff is None or not (edited or authors):
            return None
        parts, signals = [], list(body_signals(diff))
        if edited:
            shown = as_text(diff, context_words=4, limit_words=20)[:300]
            parts.append(f"{counted(changed_words(diff), 'word')} changed: {shown}")
        if authors:
            parts.append(f"The by-line changed from “{authors[0]}” to “{authors[1]}”.")
            signals.append(Signal(name="byline_before", value=authors[0]))
            signals.append(Signal(name="byline_after", value=authors[1]))
        return Finding(
            kind="substantive_edit",
            axis=self.axis,
            rule="substantive_edit",
            alert=routed(case, Alert.NOW),
            severity=Severity.NOTICE,
            summary=" ".join(" ".join(parts).split()),
            signals=tuple(signals),
        )
