"""Find answers nothing can be done with: cut, empty, of another type, endless redirects."""

from crawler.changes.case import Case
from crawler.text.article import NOT_HTML
from storage.model import Alert, Article, Axis, Finding, Outcome, Severity, Signal

_OUTCOMES = frozenset({Outcome.TRUNCATED, Outcome.NOT_HTTP, Outcome.TOO_LARGE, Outcome.REDIRECT})
_TOLD_ELSEWHERE = frozenset({401, 402, 403, 404, 407, 408, 410, 429, 451})


class Rule:
    """The server answered, but not with a page: a fault of the moment, never a takedown."""

    axis = Axis.AVAILABILITY
    rank = 74

    def find(self, case: Case) -> Finding | None:
        """Return ``broken_response`` with what is wrong with the answer."""
        fault = _fault(case)
        if fault is None:
            return None
        name, value, summary = fault
        return Finding(
            kind="broken_response",
            axis=self.axis,
            rule="broken_response",
            alert=Alert.NONE,
            severity=Severity.INFO,
            summary=summary,
            signals=(
                Signal(name=name, value=value),
                Signal(name="reason", value=case.after.reason[:300]),
            ),
        )


def _fault(case: Case) -> tuple[str, str, str] | None:
    """Return name, value and words of the first fault of the answer."""
    after, status = case.after, case.after.status
    if after.outcome in _OUTCOMES:
        return "outcome", after.outcome.value, f"The answer is of no use: {after.outcome.value}."
    if status is not None and 400 <= status < 500 and status not in _TOLD_ELSEWHERE:
        return "status", str(status), f"The server answers {status} to a plain request."
    if not after.answered_well:
        return None
    if after.hops and after.hops[-1].payload_bytes == 0 and after.hops[-1].record is not None:
        return "payload_bytes", "0", "The answer is empty."
    return _unreadable(case)


def _unreadable(case: Case) -> tuple[str, str, str] | None:
    """Return the fault of an answer that is no page any more, though the last good one was."""
    article = case.after.article
    if article is None or article.blocks or not _was_page(case):
        return None
    if _no_page(article):
        kind = case.after.header("content-type")[:100] or "an unknown type"
        return "content_type", kind, f"The answer is no page any more but {kind}."
    return None if article.title else ("blocks", "0", "The page is blank.")


def _was_page(case: Case) -> bool:
    return (
        case.before is not None
        and case.before.article is not None
        and bool(case.before.article.blocks)
    )


def _no_page(article: Article) -> bool:
    return any(warning.startswith(NOT_HTML) for warning in article.warnings)
