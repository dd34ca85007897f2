"""Find answers that say the server is not well, or that we ask too often."""

from crawler.changes.case import Case
from storage.model import Alert, Axis, Finding, Outcome, Severity, Signal


class Rule:
    """The answer is 5xx, 408 or 429: a fault of the moment, never a takedown."""

    axis = Axis.AVAILABILITY
    rank = 70

    def find(self, case: Case) -> Finding | None:
        """Return ``server_error`` with the status and how long the server wants us to wait."""
        after = case.after
        status = after.status
        failed = status is not None and (status >= 500 or status in (408, 429))
        if not failed and after.outcome is not Outcome.SERVER_ERROR:
            return None
        return Finding(
            kind="server_error",
            axis=self.axis,
            rule="server_error",
            alert=Alert.NONE,
            severity=Severity.INFO,
            summary=f"The server answers {status}.",
            signals=(
                Signal(name="status", value=str(status), threshold="500 and above, 408, 429"),
                Signal(name="retry_after", value=after.header("retry-after")[:100]),
            ),
        )
