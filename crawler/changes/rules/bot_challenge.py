"""Find answers of gatekeepers that want proof of a human before they show the page."""

from crawler.changes.case import Case
from crawler.changes.edits import LOST
from crawler.text.signs import CAPTCHA, CHALLENGE
from storage.model import Alert, Axis, Finding, Severity, Signal

_FEW_WORDS = 120


class Rule:
    """A vendor's header, or a challenge script or captcha that came in the article's place.

    It is looked for first, whatever the status: a challenge says nothing of the page behind it.
    """

    axis = Axis.AVAILABILITY
    rank = 10

    def find(self, case: Case) -> Finding | None:
        """Return ``bot_challenge`` with the header or mark that told it."""
        signal = _header(case) or _mark(case)
        if signal is None:
            return None
        return Finding(
            kind="bot_challenge",
            axis=self.axis,
            rule="bot_challenge",
            alert=Alert.DIGEST,
            severity=Severity.NOTICE,
            summary="The host asks us to prove that we are human; the page itself was not seen.",
            signals=(signal,),
        )


def _header(case: Case) -> Signal | None:
    after = case.after
    refused = after.status is not None and after.status >= 400
    for name, value, told in (
        ("cf-mitigated", after.header("cf-mitigated"), True),
        ("x-amzn-waf-action", after.header("x-amzn-waf-action"), True),
        ("x-sucuri-block", after.header("x-sucuri-block"), True),
        ("x-datadome", after.header("x-datadome"), refused),
    ):
        if value and told:
            return Signal(name=name, value=value[:200])
    return None


def _mark(case: Case) -> Signal | None:
    """Return a mark that was not on the page while it carried the article."""
    article = case.after.article
    if article is None:
        return None
    known = case.before.article.signs if case.before and case.before.article else ()
    new = [sign for sign in (CHALLENGE, CAPTCHA) if sign in article.signs and sign not in known]
    return Signal(name="mark", value=new[0]) if new and not _shows_article(case) else None


def _shows_article(case: Case) -> bool:
    if case.survival is not None:
        return case.survival >= LOST
    article = case.after.article
    return article is not None and len(article.text.split(None, _FEW_WORDS)) >= _FEW_WORDS
