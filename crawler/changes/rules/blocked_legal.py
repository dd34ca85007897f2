"""Find pages that are withheld for legal reasons."""

import re

from crawler.changes.case import Case
from storage.model import Alert, Axis, Finding, Severity, Signal

_BLOCKED_BY = re.compile(
    r"""<([^<>]*)>[^<]*;\s*rel\s*=\s*["']?[^"',;]*\bblocked-by\b""", re.IGNORECASE
)


class Rule:
    """The answer is 451; its Link header may name who demanded it (RFC 7725 §4)."""

    axis = Axis.AVAILABILITY
    rank = 20

    def find(self, case: Case) -> Finding | None:
        """Return ``blocked_legal`` with who blocks, if the answer says so."""
        if case.after.status != 451:
            return None
        links = ", ".join(value for name, value in case.after.headers if name.lower() == "link")
        blocker = _BLOCKED_BY.search(links[:4000])
        address = blocker[1].strip() if blocker else ""
        by = f", as {address} demanded" if address else ""
        return Finding(
            kind="blocked_legal",
            axis=self.axis,
            rule="blocked_legal",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary=f"The server answers 451: withheld for legal reasons{by}.",
            signals=(Signal(name="status", value="451", threshold="451"),),
            details={"blocked_by": address} if address else {},
        )
