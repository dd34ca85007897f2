"""Find articles that now stand at another address, to which the old one leads."""

from crawler.changes.case import Case
from crawler.changes.edits import CARRIED, sent_elsewhere
from storage.model import Alert, Axis, Finding, Severity, Signal

_PERMANENT = frozenset({301, 308})


class Rule:
    """A redirect leads to an address where at least 80 % of the article's words are found."""

    axis = Axis.CONTENT
    rank = 20

    def find(self, case: Case) -> Finding | None:
        """Return ``moved`` with the new address and whether the move is meant for good."""
        if case.articles is None or case.survival is None or case.survival < CARRIED:
            return None
        statuses = [hop.status for hop in case.after.hops[:-1] if hop.status is not None]
        if not statuses or not sent_elsewhere(case):
            return None
        permanent = all(status in _PERMANENT for status in statuses)
        address = case.after.final_url
        return Finding(
            kind="moved",
            axis=self.axis,
            rule="moved",
            alert=Alert.NOW,
            severity=Severity.NOTICE,
            summary=f"The article moved {'for good' if permanent else 'for now'} to {address}",
            signals=(
                Signal(name="survival", value=f"{case.survival:.3f}", threshold=str(CARRIED)),
                Signal(name="redirects", value=" ".join(map(str, statuses))),
            ),
            details={"moved_to": address, "permanent": "yes" if permanent else "no"},
        )
