"""Find visits on which no server answered."""

from crawler.changes.case import Case
from storage.model import Alert, Axis, Finding, Outcome, Severity, Signal

_WORDS = {
    Outcome.DNS: "The name of the host is not known.",
    Outcome.REFUSED: "The host refuses connections.",
    Outcome.TLS: "No secure connection to the host could be made.",
    Outcome.TIMEOUT: "The host did not answer in time.",
    Outcome.RESET: "The host broke the connection off.",
}


class Rule:
    """Name, connection, encryption, patience: one of them failed before an answer came."""

    axis = Axis.AVAILABILITY
    rank = 72

    def find(self, case: Case) -> Finding | None:
        """Return ``unreachable`` with the outcome and its reason."""
        words = _WORDS.get(case.after.outcome)
        if words is None:
            return None
        return Finding(
            kind="unreachable",
            axis=self.axis,
            rule="unreachable",
            alert=Alert.NONE,
            severity=Severity.INFO,
            summary=words,
            signals=(
                Signal(name="outcome", value=case.after.outcome.value),
                Signal(name="reason", value=case.after.reason[:300]),
            ),
        )
