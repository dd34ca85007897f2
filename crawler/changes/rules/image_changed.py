"""Find pictures of an article that were exchanged."""

from crawler.changes.case import Case
from crawler.changes.edits import counted, image_change
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """A picture inside the article has other bytes; its address alone says nothing."""

    axis = Axis.CONTENT
    rank = 60

    def find(self, case: Case) -> Finding | None:
        """Return ``image_changed`` with the digests that went and came."""
        change = image_change(case)
        if change is None:
            return None
        gone, came = change
        number = max(len(gone), len(came))
        return Finding(
            kind="image_changed",
            axis=self.axis,
            rule="image_changed",
            alert=Alert.NOW,
            severity=Severity.NOTICE,
            summary=f"{counted(number, 'picture')} of the article changed.",
            signals=(
                Signal(name="digests_gone", value=" ".join(sorted(gone))),
                Signal(name="digests_new", value=" ".join(sorted(came))),
            ),
        )
