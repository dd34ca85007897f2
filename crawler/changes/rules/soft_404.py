"""Find addresses that answer well and show something else than the article."""

import re

from crawler.changes.case import Case
from crawler.changes.edits import LOST, has_article, path_of, same_title, sent_elsewhere
from crawler.changes.instead import LIKE_PROBE, probe_likeness
from storage.model import Alert, Axis, Finding, Severity, Signal

_SINK = re.compile(r"(?:^|/)(?:index\.\w+|default\.\w+|home|404|error|not-?found)(?:\.\w+)?$")
_ENOUGH_WORDS = 10
_HALF_LOST = 0.6
"""What stands around an article may be taken for half of it: such a page needs a sign more."""


class Rule:
    """Status 200, less than 20 % of the article's words, another title: it was taken away.

    It is sure where the host answers an address that nobody knows in the same way, and likely where
    the address leads to the home page or an error page. Else nothing but the absence of the article
    speaks for it, and the confidence is low.
    """

    axis = Axis.AVAILABILITY
    rank = 60

    def find(self, case: Case) -> Finding | None:
        """Return ``soft_404`` with what speaks for it."""
        if case.articles is None or case.diff is None or case.survival is None:
            return None
        after = case.articles[1]
        if case.survival >= _HALF_LOST or case.diff.anchor_words < _ENOUGH_WORDS:
            return None
        if same_title(case) or not after.blocks:
            return None
        sink = sent_elsewhere(case) and _is_sink(path_of(case.after.final_url))
        likeness = probe_likeness(case)
        like_probe = likeness is not None and likeness > LIKE_PROBE
        sure = sink or like_probe
        if not sure and (case.survival >= LOST or not has_article(case.articles[0])):
            return None
        where = case.after.final_url if sent_elsewhere(case) else ""
        what = f"The address leads to {where}" if where else "The address answers"
        return Finding(
            kind="soft_404",
            axis=self.axis,
            rule="soft_404",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary=f"{what}, but the article is not there.",
            signals=(
                Signal(name="survival", value=f"{case.survival:.3f}", threshold=str(LOST)),
                Signal(name="error_sink", value=where if sink else ""),
                Signal(
                    name="like_unknown_address",
                    value="not asked" if likeness is None else f"{likeness:.0f}",
                    threshold=f"{LIKE_PROBE:.0f}",
                ),
                Signal(name="title_after", value=after.title),
            ),
            details={"confidence": _confidence(like_probe=like_probe, sink=sink)},
        )


def _confidence(*, like_probe: bool, sink: bool) -> str:
    if like_probe:
        return "high"
    return "medium" if sink else "low"


def _is_sink(path: str) -> bool:
    return not path or _SINK.search(path) is not None
