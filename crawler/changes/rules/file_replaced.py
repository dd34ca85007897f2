"""Find files without text, such as a PDF or a picture, that became other files."""

from crawler.changes.case import Case, Reading
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """Both looks brought a file nothing can be read from, and its bytes differ."""

    axis = Axis.CONTENT
    rank = 45

    def find(self, case: Case) -> Finding | None:
        """Return ``substantive_edit`` with both digests."""
        before, after = case.before, case.after
        if before is None or case.articles is None or not (_textless(before) and _textless(after)):
            return None
        old, new = before.payload_digest, after.payload_digest
        if old is None or new is None or old == new:
            return None
        return Finding(
            kind="substantive_edit",
            axis=self.axis,
            rule="file_replaced",
            alert=Alert.NOW,
            severity=Severity.NOTICE,
            summary="The file was replaced by another one.",
            signals=(
                Signal(name="digest_before", value=old),
                Signal(name="digest_after", value=new),
            ),
        )


def _textless(reading: Reading) -> bool:
    return reading.article is not None and not reading.article.blocks
