"""Know what the standard says of each named field: its form, and the records it may stand in."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from storage.warc.checks.fault import Kind, Report, quoted
from storage.warc.checks.head import Head, bare

TYPES = frozenset(
    {
        "warcinfo",
        "response",
        "resource",
        "request",
        "metadata",
        "revisit",
        "conversion",
        "continuation",
    }
)
IDENTICAL, NOT_MODIFIED = (
    tuple(f"http://netpreserve.org/warc/{version}/revisit/{name}" for version in ("1.1", "1.0"))
    for name in ("identical-payload-digest", "server-not-modified")
)
_EVENT = frozenset({"request", "response", "resource", "metadata", "revisit"})
_ADDRESSED = TYPES - {"warcinfo", "metadata"}
_MESSAGES = {"request": "request", "response": "response", "revisit": "response"}
_MESSAGE_TYPE = re.compile(r";[ \t]*msgtype=\"?([A-Za-z]+)", re.IGNORECASE)
_TRUNCATED = frozenset({"length", "time", "disconnect", "unspecified"})

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - the word of the grammar, no secret
_ID = re.compile(r"<[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>]+>")
_BARE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20<>\x7f-\U0010ffff]*")
_URI_LETTERS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]*"
_RFC_3986 = re.compile(rf"{_URI_LETTERS}(?:%[0-9A-Fa-f]{{2}}{_URI_LETTERS})*")
_DATE_1_1 = re.compile(
    r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+\-]00:00))?)?)?", re.ASCII
)
_DATE_1_0 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DIGITS = re.compile(r"[0-9]+")
_FIRST, _LATER = re.compile(r"0*1"), re.compile(r"0*(?:[2-9]|[1-9][0-9]+)")
_MEDIA = re.compile(
    rf"{_TOKEN}/{_TOKEN}"
    rf"(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|\"[^\"\\]*(?:\\.[^\"\\]*)*\"))*"
)
_DIGEST = re.compile(rf"{_TOKEN}:[A-Za-z0-9+/=_\-]+")

_Form = Callable[[str, Head], str]
"""Return what is wrong with the value of a field, ``""`` for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    section: str
    form: _Form
    quick: Callable[[str], object]
    """Tell of most right values that they are; what it does not know, ``form`` is asked about."""
    only: frozenset[str] = TYPES
    repeats: bool = False


def _matches(pattern: re.Pattern[str], otherwise: str) -> _Form:
    return lambda value, _head: "" if pattern.fullmatch(value) else otherwise


def _id(value: str, head: Head) -> str:
    if _ID.fullmatch(value) or (head.is_1_0 and _BARE_URI.fullmatch(value)):
        return ""
    return "is no URI in < and > with a scheme and without blanks"


def _uri(value: str, head: Head) -> str:
    # The grammar of WARC/1.0 puts < and > around every URI, its examples do not.
    uri = bare(value) if head.is_1_0 else value
    if uri != value or _BARE_URI.fullmatch(uri):
        return "" if _BARE_URI.fullmatch(uri) else "is no URI"
    if value.startswith("<") and _BARE_URI.fullmatch(bare(value)):
        return "stands in < and >, which WARC/1.1 keeps for record ids"
    return "is no URI: it needs a scheme, and blanks, < and > and letters beyond ASCII encoded"


def _date(value: str, head: Head) -> str:
    if head.is_1_0:
        return "" if _is_date_1_0(value) else _NO_DATE_1_0
    return "" if _DATE_1_1.fullmatch(value) and _exists(value) else _NO_DATE_1_1


_NO_DATE_1_0 = "is no time of the form YYYY-MM-DDThh:mm:ssZ, the only one of WARC/1.0"
_NO_DATE_1_1 = "is no UTC time as W3C writes it, with at most 9 digits of a second's fraction"


@lru_cache(maxsize=64)
def _is_date_1_0(value: str) -> bool:
    """Tell of the one form that is right in both versions."""
    return _DATE_1_0.fullmatch(value) is not None and _exists(value)


def _exists(value: str) -> bool:
    shortest = {4: "-01-01", 7: "-01"}.get(len(value), "")
    try:
        datetime.fromisoformat((value + shortest)[:16].rstrip("Z"))
        seconds = int(value[17:19]) if value[16:17] == ":" else 0
    except ValueError:
        return False
    return seconds <= 60  # RFC 3339 §5.7: a leap second


@lru_cache(maxsize=256)
def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "is no IPv4 or IPv6 address in its own notation"
    return "" if "%" not in value else "names an interface of one machine"


def _any(_value: str, _head: Head) -> str:
    return ""


def _segment(value: str, head: Head) -> str:
    if not _DIGITS.fullmatch(value):
        return _NO_NUMBER
    if head.type == "continuation":
        return "" if _LATER.fullmatch(value) else "is not that of a continuation: these begin at 2"
    return "" if _FIRST.fullmatch(value) else "is not 1, and only a continuation has another"


@lru_cache(maxsize=64)
def _is_address(value: str) -> bool:
    return not _address(value)


def _always(_value: str) -> bool:
    return True


def _never(_value: str) -> bool:
    return False


_CONTINUATION = frozenset({"continuation"})
_REVISIT = frozenset({"revisit"})
_PAYLOAD = TYPES - {"warcinfo", "metadata"}


def _id_rule(section: str, only: frozenset[str] = TYPES, *, repeats: bool = False) -> _Rule:
    return _Rule(section=section, form=_id, quick=_ID.fullmatch, only=only, repeats=repeats)


def _uri_rule(section: str, only: frozenset[str]) -> _Rule:
    return _Rule(section=section, form=_uri, quick=_BARE_URI.fullmatch, only=only)


def _form_rule(
    section: str, pattern: re.Pattern[str], otherwise: str, only: frozenset[str] = TYPES
) -> _Rule:
    form = _matches(pattern, otherwise)
    return _Rule(section=section, form=form, quick=pattern.fullmatch, only=only)


def _date_rule(section: str, only: frozenset[str] = TYPES) -> _Rule:
    return _Rule(section=section, form=_date, quick=_is_date_1_0, only=only)


def _free_rule(section: str, only: frozenset[str] = TYPES) -> _Rule:
    return _Rule(section=section, form=_any, quick=_always, only=only)


_NO_NUMBER = "is no number"
_NO_MEDIA = "is no media type"
_NO_DIGEST = "is no digest of the form algorithm:value"
RULES = {
    "warc-record-id": _id_rule("5.2"),
    "content-length": _free_rule("5.3"),
    "warc-date": _date_rule("5.4"),
    "warc-type": _free_rule("5.5"),
    "content-type": _form_rule("5.6", _MEDIA, _NO_MEDIA),
    "warc-concurrent-to": _id_rule("5.7", _EVENT, repeats=True),
    "warc-block-digest": _form_rule("5.8", _DIGEST, _NO_DIGEST),
    "warc-payload-digest": _form_rule("5.9", _DIGEST, _NO_DIGEST, _PAYLOAD),
    "warc-ip-address": _Rule(
        section="5.10",
        form=lambda value, _head: _address(value),
        quick=_is_address,
        only=_EVENT,
    ),
    "warc-refers-to": _id_rule("5.11", frozenset({"metadata", "revisit", "conversion"})),
    "warc-refers-to-target-uri": _uri_rule("5.12", _REVISIT),
    "warc-refers-to-date": _date_rule("5.13", _REVISIT),
    "warc-target-uri": _uri_rule("5.14", TYPES - {"warcinfo"}),
    "warc-truncated": _free_rule("5.15"),
    "warc-warcinfo-id": _id_rule("5.16", TYPES - {"warcinfo"}),
    "warc-filename": _free_rule("5.17", frozenset({"warcinfo"})),
    "warc-profile": _uri_rule("5.18", _REVISIT),
    "warc-identified-payload-type": _form_rule("5.19", _MEDIA, _NO_MEDIA, _PAYLOAD),
    "warc-segment-number": _Rule(section="5.20", form=_segment, quick=_never),
    "warc-segment-origin-id": _id_rule("5.21", _CONTINUATION),
    "warc-segment-total-length": _form_rule("5.22", _DIGITS, _NO_NUMBER, _CONTINUATION),
}
_ALLOWED = {one: {name: rule for name, rule in RULES.items() if one in rule.only} for one in TYPES}
_MANDATORY = ("warc-record-id", "content-length", "warc-date", "warc-type")
_ALSO = {
    "revisit": ("warc-target-uri", "warc-profile"),
    "continuation": ("warc-target-uri", "warc-segment-origin-id", "warc-segment-number"),
}
_NEEDED = {
    one: (
        *_MANDATORY,
        *_ALSO.get(one, ("warc-target-uri",) if one in _ADDRESSED else ()),
    )
    for one in TYPES
}
_NAMES = {
    name: "-".join(
        part.upper() if part in ("id", "ip", "uri") else part.title() for part in parts
    ).replace("Warc-", "WARC-")
    for name in RULES
    for parts in (name.split("-"),)
}


def judge_fields(head: Head, report: Report) -> None:
    """Hold each field to its form and place, and the record to the fields it must have."""
    allowed = _ALLOWED.get(head.type, RULES)
    for name, value in head.fields:
        rule = allowed.get(name)
        if rule is None:
            # §5.1: fields of extensions are passed over.
            if name in RULES:
                says = f"{_NAMES[name]} must not stand in a {head.type} record"
                report.add(Kind.MISPLACED_FIELD, f"{says} (WARC/1.1 §{RULES[name].section})")
        elif not rule.quick(value) and (wrong := rule.form(value, head)):
            says = f"{_NAMES[name]} {quoted(value)} {wrong} (WARC/1.1 §{rule.section})"
            report.add(Kind.FIELD_VALUE, says)
    if len(head.first) < len(head.fields):
        _judge_repeated(head, report)
    _judge_missing(head, report)
    _judge_values(head, report)
    if head.type == "revisit":
        _judge_revisit(head, report)


def _judge_repeated(head: Head, report: Report) -> None:
    seen: set[str] = set()
    for name, _ in head.fields:
        rule = RULES.get(name)
        if name in seen and rule is not None and not rule.repeats:
            report.add(Kind.REPEATED_FIELD, f"{_NAMES[name]} stands there twice (WARC/1.1 §5.1)")
        seen.add(name)


def _judge_missing(head: Head, report: Report) -> None:
    first = head.first
    for name in _NEEDED.get(head.type, _MANDATORY):
        if not first.get(name):
            section = RULES[name].section
            says = f"it has no {_NAMES[name]}, which is mandatory here (WARC/1.1 §{section})"
            report.add(Kind.MISSING_FIELD, says)
    if first.get("content-type") or head.type == "continuation":
        return
    if first.get("content-length", "0") != "0":
        says = "it has a block and no Content-Type, as it should have (WARC/1.1 §5.6)"
        report.add(Kind.NO_CONTENT_TYPE, says)


def _judge_values(head: Head, report: Report) -> None:
    if head.type not in TYPES and head.type:
        says = f"{quoted(head.type)} is no type of WARC/1.1: readers pass over it (§5.5)"
        report.add(Kind.UNKNOWN_VALUE, says)
    truncated = head.first.get("warc-truncated")
    if head.type in _MESSAGES and "msgtype" in head.get("content-type").lower():
        _judge_message(head, report)
    if truncated is not None and truncated not in _TRUNCATED:
        says = f"WARC-Truncated {quoted(truncated)} is no reason of WARC/1.1 §5.15"
        report.add(Kind.UNKNOWN_VALUE, says)
    uri = report.url
    if not _RFC_3986.fullmatch(uri) and _BARE_URI.fullmatch(uri):
        says = "its WARC-Target-URI has characters that RFC 3986 does not allow (§5.14)"
        report.add(Kind.URI_LETTERS, says)


def _judge_message(head: Head, report: Report) -> None:
    """Hold the kind of message that Content-Type names to that of the record."""
    told = _MESSAGE_TYPE.search(head.get("content-type"))
    wanted = _MESSAGES[head.type]
    if told is not None and told[1].lower() != wanted:
        says = f"its Content-Type has msgtype={told[1]}, and a {head.type} record holds a {wanted}"
        report.add(Kind.FIELD_VALUE, f"{says} (WARC/1.1 §6.3 and §6.5, RFC 9112 §10.2)")


def _judge_revisit(head: Head, report: Report) -> None:
    profile = bare(head.get("warc-profile"))
    if profile in IDENTICAL:
        if not head.get("warc-payload-digest"):
            says = "an identical revisit needs a WARC-Payload-Digest (WARC/1.1 §6.7.2)"
            report.add(Kind.MISSING_FIELD, says)
        if head.get("content-length") not in ("", "0") and not head.get("warc-truncated"):
            says = "an identical revisit with a block needs WARC-Truncated: length (§6.7.2)"
            report.add(Kind.MISSING_FIELD, says)
    elif profile and profile not in NOT_MODIFIED:
        says = f"its WARC-Profile {quoted(profile)} is none of WARC/1.1 §6.7: it is not interpreted"
        report.add(Kind.UNKNOWN_VALUE, says)
