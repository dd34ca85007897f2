"""Find headlines that were rewritten."""

from crawler.changes.case import Case
from crawler.changes.edits import headline_change, routed
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """The h1 and the page's title changed together; one of them alone is template."""

    axis = Axis.CONTENT
    rank = 30

    def find(self, case: Case) -> Finding | None:
        """Return ``headline_changed`` with both headlines."""
        change = headline_change(case)
        if change is None:
            return None
        old, new = change
        return Finding(
            kind="headline_changed",
            axis=self.axis,
            rule="headline_changed",
            alert=routed(case, Alert.NOW),
            severity=Severity.NOTICE,
            summary=f"The headline changed from “{old}” to “{new}”.",
            signals=(
                Signal(name="headline_before", value=old),
                Signal(name="headline_after", value=new),
            ),
            details={"headline_before": old, "headline_after": new},
        )
