"""Find pages that are withheld for legal reasons."""

import re

from crawler.changes.case import Case
from crawler.changes.instead import FEW_WORDS, is_foreign, words_shown
from crawler.changes.wordings import hits
from storage.model import Alert, Axis, Finding, Severity, Signal

_BLOCKED_BY = re.compile(
    r"""<([^<>]*)>[^<]*;\s*rel\s*=\s*["']?[^"',;]*\bblocked-by\b""", re.IGNORECASE
)


class Rule:
    """The answer is 451, or says in words that a law or a court withholds the page.

    The Link header of a 451 may name who demanded it (RFC 7725 §4).
    """

    axis = Axis.AVAILABILITY
    rank = 20

    def find(self, case: Case) -> Finding | None:
        """Return ``blocked_legal`` with who blocks, if the answer says so."""
        if case.after.status != 451:
            return self._by_words(case)
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

    def _by_words(self, case: Case) -> Finding | None:
        """Return the finding of a short page that names a law, with status 200 or 403."""
        after = case.after
        page = after.surface
        replaced = after.status == 403 or (after.answered_well and is_foreign(case))
        if page is None or not replaced or page.word_count > FEW_WORDS:
            return None
        found = hits("legal", words_shown(after))
        if not found:
            return None
        return Finding(
            kind="blocked_legal",
            axis=self.axis,
            rule="blocked_legal",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary="The page says that it is withheld for legal reasons.",
            signals=(
                Signal(name="status", value=str(after.status)),
                Signal(name="words", value=", ".join(found)),
            ),
        )
