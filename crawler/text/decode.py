"""Turn the bytes of a page into text, and say how its charset was found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes
from w3lib.encoding import (
    html_body_declared_encoding,
    http_content_type_encoding,
    read_bom,
    to_unicode,
)

_TAGS = re.compile(
    rb"<(?:script|style)\b.*?</(?:script|style)\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL
)
_SPARSE = re.compile(rb"[\x00-\x7f]{200,}")
_SAMPLE_BYTES = 32_768
_SCAN_BYTES = 524_288


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Text of a page, the charset it was read with, and where that charset came from."""

    text: str
    charset: str
    source: str
    """``bom``, ``header``, ``meta``, ``detected`` or ``default``."""
    warnings: tuple[str, ...] = ()


def decode(body: bytes, *, headers: Sequence[tuple[str, str]]) -> Decoded:
    """Return the text of a page, whatever its bytes are; wrong declarations are put right.

    The order is that of browsers (byte order mark, header, meta), but a declaration that the bytes
    contradict gives way: an archive reads pages whose server has been set up anew since.
    """
    marked, mark = read_bom(body)
    if marked is not None and mark is not None:
        return _read(body[len(mark) :], charset=marked, source="bom")
    wide = _wide(body)
    if wide is not None:
        return _read(body, charset=wide, source="detected")
    declared, source = _declared(body, headers)
    if declared is None:
        charset, source = _detect(body)
        return _read(body, charset=charset, source=source)
    if _contradicted(body, declared):
        charset, source = _detect(body)
        fault = f"declared as {declared}, but the bytes are {charset}"
        return _read(body, charset=charset, source=source, warnings=(fault,))
    return _read(body, charset=declared, source=source)


def _read(body: bytes, *, charset: str, source: str, warnings: tuple[str, ...] = ()) -> Decoded:
    try:
        text = to_unicode(body, charset)
    except (LookupError, UnicodeError):  # a codec that is no charset, such as "idna"
        charset, source = "cp1252", "default"
        text = to_unicode(body, charset)
    lost = text.count("\ufffd")
    if lost:
        warnings = (*warnings, f"{lost} characters could not be read as {charset}")
    return Decoded(text=text, charset=charset, source=source, warnings=warnings)


def _declared(body: bytes, headers: Sequence[tuple[str, str]]) -> tuple[str | None, str]:
    """Return the charset of the header, else that of the page, and which of them it was."""
    for name, value in headers:
        if name.lower() == "content-type":
            charset = http_content_type_encoding(value)
            if charset is not None and not _is_wide(charset):
                return charset, "header"
    charset = html_body_declared_encoding(body)
    if charset is None:
        return None, ""
    # A page whose meta element could be read is no UTF-16 (HTML Standard, prescan, step 15).
    return ("utf-8" if _is_wide(charset) else charset), "meta"


def _is_wide(charset: str) -> bool:
    return charset.startswith(("utf-16", "utf-32"))


def _wide(body: bytes) -> str | None:
    """Return the form of UTF-16 without mark, told by the NULs of its ASCII markup."""
    sample = body[:2048]
    if len(sample) < 8:
        return None
    half = len(sample) / 2
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.1 and even < odd / 5:
        return "utf-16-le"
    if even > 0.1 and odd < even / 5:
        return "utf-16-be"
    return None


def _contradicted(body: bytes, declared: str) -> bool:
    """Whether the bytes are not what was declared: broken UTF-8, or UTF-8 under another name."""
    utf8 = _valid_utf8(body)
    if declared == "utf-8":
        return not utf8 and _broken_share(body) > 0.05
    return utf8 and _multibyte(body)


def _valid_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A body cut short may end in the middle of a character.
        return error.start >= len(body) - 3 and error.reason == "unexpected end of data"
    return True


def _multibyte(body: bytes) -> bool:
    return not body.isascii()


def _broken_share(body: bytes) -> float:
    """Return which share of the non-ASCII characters is no UTF-8."""
    sample = body[:_SCAN_BYTES].decode("utf-8", "replace")
    foreign = sum(1 for character in sample if character > "\x7f")
    return sample.count("\ufffd") / foreign if foreign else 0.0


def _detect(body: bytes) -> tuple[str, str]:
    if _valid_utf8(body):
        return "utf-8", "detected"
    text = _TAGS.sub(b" ", body[:_SCAN_BYTES])
    sample = _SPARSE.sub(b" ", text)[:_SAMPLE_BYTES]
    best = from_bytes(sample).best()
    if best is None or best.encoding in ("ascii", "utf_8"):
        return "cp1252", "default"
    return best.encoding, "detected"
