"""Find pages that the server says are not there."""

from crawler.changes.case import Case
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """The answer is 404 (not found) or 410 (gone for good, RFC 9110 §15.5.11)."""

    axis = Axis.AVAILABILITY
    rank = 30

    def find(self, case: Case) -> Finding | None:
        """Return ``gone`` with the status."""
        status = case.after.status
        if status not in (404, 410):
            return None
        words = "gone for good" if status == 410 else "not found"
        return Finding(
            kind="gone",
            axis=self.axis,
            rule="gone",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary=f"The server answers {status}: {words}.",
            signals=(Signal(name="status", value=str(status), threshold="404 or 410"),),
        )
