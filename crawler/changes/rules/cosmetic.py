"""Count looks whose bytes differ while the article is the same: templates, adverts, tokens."""

from crawler.changes.case import Case
from crawler.changes.edits import (
    BodyChange,
    body_change,
    byline_change,
    headline_change,
    image_change,
)
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """Other bytes, but text, headline, by-line and pictures are the same."""

    axis = Axis.CONTENT
    rank = 90

    def find(self, case: Case) -> Finding | None:
        """Return ``cosmetic``; it is counted, never told."""
        if (
            case.before is None
            or case.articles is None
            or not any(one.blocks for one in case.articles)
        ):
            return None
        old, new = case.before.payload_digest, case.after.payload_digest
        if old is None or new is None or old == new or _content_changed(case):
            return None
        before, after = case.articles
        return Finding(
            kind="cosmetic",
            axis=self.axis,
            rule="cosmetic",
            alert=Alert.NONE,
            severity=Severity.INFO,
            summary="The page looks different, the article is the same.",
            signals=(
                Signal(name="digest_before", value=old),
                Signal(name="digest_after", value=new),
                Signal(name="published_before", value=before.published or ""),
                Signal(name="published_after", value=after.published or ""),
            ),
        )


def _content_changed(case: Case) -> bool:
    changes = (headline_change(case), byline_change(case), image_change(case))
    return body_change(case) is not BodyChange.NONE or any(change is not None for change in changes)
