"""Find paragraphs that were added to an article of which nothing else changed."""

import re

from crawler.changes.case import Case
from crawler.changes.diff import Tag
from crawler.changes.edits import BodyChange, body_change, body_signals, counted, routed
from crawler.text.fold import fold
from crawler.text.lines import parse_date
from storage.model import Alert, Axis, Finding, Severity, Signal

_LABEL = re.compile(
    r"\b(?:correction|corrected|update[ds]?|clarification|editor'?s? note|amended|"
    r"berichtigung|korrektur|aktualisier\w*|anmerkung|rectificatif|mise à jour|précision|erratum|"
    r"corrección|actualización|aclaración|correção|atualização|düzeltme|güncelleme)\b|"
    r"исправлен\w*|обновлен\w*|поправк\w*|уточнен\w*|تصحيح|تحديث|توضيح",
    re.IGNORECASE,
)


class Rule:
    """Whole paragraphs came, and not one word was lost."""

    axis = Axis.CONTENT
    rank = 50

    def find(self, case: Case) -> Finding | None:
        """Return ``notice_added``, labelled if the new text says it corrects, or is dated."""
        diff = case.diff
        if diff is None or body_change(case) is not BodyChange.NOTICE:
            return None
        added = fold(" ".join("".join(op.after) for op in diff.hunks() if op.tag is not Tag.EQUAL))
        label = _LABEL.search(added)
        sign = label[0] if label else parse_date(added) or ""
        what = f"A note was added ({sign})" if sign else "Text was added"
        return Finding(
            kind="notice_added",
            axis=self.axis,
            rule="notice_added",
            alert=routed(case, Alert.NOW),
            severity=Severity.NOTICE,
            summary=f"{what}: {counted(diff.added_words, 'word')}: {added[:200]}",
            signals=(*body_signals(diff), Signal(name="label", value=sign)),
            details={"labelled": "yes" if sign else "no"},
        )
