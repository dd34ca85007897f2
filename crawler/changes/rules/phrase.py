"""Find phrases that somebody asked about, when they come or go anywhere on the page."""

from collections.abc import Callable, Iterable

from crawler.changes.case import Case, Reading
from crawler.text.fold import fold
from storage.model import Alert, Axis, Finding, Severity, Signal


class Rule:
    """A phrase of the site's ``phrases`` that stood on the page stands there no more, or does now.

    Letters of either case, other quotes, dashes and spaces are the same to it.
    """

    axis = Axis.CONTENT
    rank = 5

    def find(self, case: Case) -> Finding | None:
        """Return ``phrase_gone`` or ``phrase_came``; of a page fetched twice both must show it."""
        if not case.phrases or case.before is None or case.articles is None:
            return None
        old = _texts(case.before)
        new = [_texts(one) for one in (case.after, case.twin) if one is not None]
        gone = [one for one in case.phrases if _in(one, old) and not any(_in(one, t) for t in new)]
        came = [one for one in case.phrases if not _in(one, old) and all(_in(one, t) for t in new)]
        if gone:
            return _finding(gone, came, make=_gone)
        return _finding(gone, came, make=_came) if came else None


_Make = Callable[[str, tuple[Signal, ...], dict[str, str]], Finding]


def _finding(gone: list[str], came: list[str], *, make: _Make) -> Finding:
    signals = tuple(
        Signal(name=name, value=phrase, threshold="one of the site's phrases")
        for name, found in (("gone", gone), ("came", came))
        for phrase in found
    )
    details = {name: " | ".join(found) for name, found in (("gone", gone), ("came", came)) if found}
    told = ", ".join(f'"{one}"' for one in (gone or came))
    return make(told, signals, details)


def _gone(told: str, signals: tuple[Signal, ...], details: dict[str, str]) -> Finding:
    return Finding(
        kind="phrase_gone",
        axis=Axis.CONTENT,
        rule="phrase",
        alert=Alert.NOW,
        severity=Severity.NOTICE,
        summary=f"What you asked about is no longer on the page: {told}.",
        signals=signals,
        details=details,
    )


def _came(told: str, signals: tuple[Signal, ...], details: dict[str, str]) -> Finding:
    return Finding(
        kind="phrase_came",
        axis=Axis.CONTENT,
        rule="phrase",
        alert=Alert.NOW,
        severity=Severity.NOTICE,
        summary=f"What you asked about has come onto the page: {told}.",
        signals=signals,
        details=details,
    )


def _texts(reading: Reading) -> list[str]:
    """Return what a page says, folded, title and each run of its text by itself."""
    found: list[str] = []
    if reading.surface is not None:
        found += [strip.key for strip in reading.surface.strips]
    if reading.article is not None:
        found += [reading.article.title, reading.article.page_title]
        found += [block.text for block in reading.article.blocks]
    return [fold(text).casefold() for text in found]


def _in(phrase: str, texts: Iterable[str]) -> bool:
    wanted = fold(phrase).casefold()
    return any(wanted in text for text in texts)
