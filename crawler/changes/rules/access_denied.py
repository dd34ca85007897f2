"""Find pages that ask for a log-in or a payment, or are refused to us."""

import re

from crawler.changes.case import Case
from crawler.changes.edits import LOST, path_of, sent_elsewhere
from crawler.changes.wordings import hits
from crawler.text.signs import PASSWORD
from storage.model import Alert, Axis, Finding, Severity, Signal

_STATUSES = frozenset({401, 402, 403, 407})
_WALLED = 0.7
"""A wall leaves at most this share of the article's words."""
_WALL_WORDS = 80
_HALF = 0.5
"""Without a word that is known, a wall leaves at most this share."""
_LOGIN_PATH = re.compile(
    r"(?:^|[/_.-])(?:log-?in|log-?on|sign-?in|signup|auth\w*|sso|connexion|anmeld\w+|acceso|entrar|"
    r"giris|wp-login|account|subscribe)(?:$|[/_.-])"
)


class Rule:
    """The status refuses; a log-in came instead; or a wall stands after the article's beginning."""

    axis = Axis.AVAILABILITY
    rank = 40

    def find(self, case: Case) -> Finding | None:
        """Return ``access_denied`` with the sign that told it."""
        after = case.after
        if after.status in _STATUSES:
            signal = Signal(name="status", value=str(after.status), threshold="401, 402, 403, 407")
            return self._finding(f"The server answers {after.status}: access denied.", (signal,))
        if after.article is None or not after.answered_well:
            return None
        wall = _wall(case)
        if wall is not None:
            return self._finding("The article breaks off at a subscription wall.", wall)
        if _carried(case):
            return None
        asks = PASSWORD in after.article.signs
        led = sent_elsewhere(case) and _LOGIN_PATH.search(path_of(after.final_url)) is not None
        if not _told(case, asks=asks, led=led):
            return None
        survival = "unknown" if case.survival is None else f"{case.survival:.3f}"
        signals = (
            Signal(name="survival", value=survival, threshold=str(LOST)),
            Signal(name="password_field", value="yes" if asks else "no"),
            Signal(name="login_address", value=after.final_url if led else ""),
        )
        return self._finding("The page asks for a log-in instead of showing the article.", signals)

    def _finding(self, summary: str, signals: tuple[Signal, ...]) -> Finding:
        return Finding(
            kind="access_denied",
            axis=self.axis,
            rule="access_denied",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary=summary,
            signals=signals,
        )


def _wall(case: Case) -> tuple[Signal, ...] | None:
    """Return the signs of a wall: the beginning kept, the rest gone, something new in its place."""
    found = case.comparison
    if found is None or not found.kept_head or case.survival is None:
        return None
    if case.survival > _WALLED:
        return None
    asked = hits("subscription", "\n".join(strip.text for strip in found.beside))
    slots = [one.slot for one in found.after_end if one.weight < _WALL_WORDS and not one.chrome]
    if not asked and not (slots and case.survival <= _HALF):
        return None
    return (
        Signal(name="survival", value=f"{case.survival:.3f}", threshold=str(_WALLED)),
        Signal(name="kept", value="the beginning"),
        Signal(name="words", value=", ".join(asked)),
        Signal(name="slot", value=slots[0] if slots else ""),
    )


def _carried(case: Case) -> bool:
    return case.survival is not None and case.survival >= LOST


def _told(case: Case, *, asks: bool, led: bool) -> bool:
    """Whether the signs suffice: many pages carry a log-in box beside their article."""
    if case.survival is None:
        return asks and led
    before = case.before.article if case.before else None
    return led or (asks and before is not None and PASSWORD not in before.signs)
