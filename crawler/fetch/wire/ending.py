"""Say how an exchange ended: outcome, what was cut, and why, in one sentence."""

from typing import assert_never

from crawler.durations import format_duration
from crawler.fetch.wire.answer import Answer
from crawler.fetch.wire.connection import End
from crawler.fetch.wire.request import Limits
from storage.message import Head
from storage.model import Outcome, Truncation

CUT_BY_US = "the crawler was stopped in the middle of this exchange"
"""The reason where neither the server nor a limit ended an exchange."""

Ending = tuple[Outcome, Truncation | None, str]


def ending(answer: Answer, end: End, limits: Limits) -> Ending:
    """Judge a settled answer by what it is and by what ended it."""
    if answer.complete and answer.is_http:
        assert answer.head is not None
        return outcome_of(answer.head), None, answer.note
    cut: Truncation | None
    if answer.excess:
        outcome, cut, why = Outcome.TOO_LARGE, Truncation.LENGTH, answer.excess
    elif not answer.spool.size_bytes:
        return _without_answer(answer, end, limits)
    else:
        outcome, cut, why = _cut(answer, end, limits)
    if answer.is_http:
        return outcome, cut, why
    if answer.complete:
        return Outcome.NOT_HTTP, None, "what came is not HTTP"
    return Outcome.NOT_HTTP, cut, f"what came is not HTTP, and {why}"


def outcome_of(head: Head) -> Outcome:
    """Map the status of a complete answer.

    A 3xx without ``Location`` leads nowhere, so it is a page: ``ok``. A status that no standard
    knows counts as 5xx (RFC 9110 §15).
    """
    status = head.status
    if status == 304:
        return Outcome.NOT_MODIFIED
    if 300 <= status < 400 and any(head.values("location")):
        return Outcome.REDIRECT
    if 200 <= status < 400:
        return Outcome.OK
    if 400 <= status < 500:
        return Outcome.CLIENT_ERROR
    return Outcome.SERVER_ERROR


def _without_answer(answer: Answer, end: End, limits: Limits) -> Ending:
    what = "no answer but interim ones" if answer.received else "no answer"
    match end:
        case End.FIRST_BYTE | End.IDLE | End.TOTAL:
            return Outcome.TIMEOUT, None, f"{what} came: {_wait(end, limits)}"
        case End.CLOSED | End.ANSWER:
            return Outcome.RESET, None, f"{what} came before the server closed the connection"
        case End.LOST:
            return Outcome.RESET, None, f"{what} came before the connection was reset"
        case End.CUT:
            return Outcome.RESET, None, CUT_BY_US
        case _:
            assert_never(end)


def _cut(answer: Answer, end: End, limits: Limits) -> Ending:
    match end:
        case End.FIRST_BYTE | End.IDLE | End.TOTAL:
            return Outcome.TIMEOUT, Truncation.TIME, f"the answer was cut: {_wait(end, limits)}"
        case End.CLOSED | End.ANSWER:
            why = answer.note or "the server closed the connection before the answer was complete"
        case End.LOST:
            why = "the connection was reset before the answer was complete"
        case End.CUT:
            why = CUT_BY_US
        case _:
            assert_never(end)
    return Outcome.TRUNCATED, Truncation.DISCONNECT, why


def _wait(end: End, limits: Limits) -> str:
    match end:
        case End.TOTAL:
            return f"it was not finished within {format_duration(limits.total)}"
        case End.FIRST_BYTE:
            return f"nothing came for {format_duration(limits.first_byte)}"
        case _:
            return f"nothing came for {format_duration(limits.idle)}"
