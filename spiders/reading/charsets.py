"""Turn bytes of the web into text by the charset that is said of them, whatever is said."""

import re

from w3lib.encoding import (
    html_body_declared_encoding,
    http_content_type_encoding,
    read_bom,
    resolve_encoding,
)

NO_CHARSETS = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
"""Codecs of Python that no page is written in; some take a square of its length."""
OLD_CHARSET = "cp1252"

# CSS Syntax §3.2: these very bytes, at the very beginning.
_SHEET_CHARSET = re.compile(rb'@charset "([^"]{1,100})";')


def charset_of(label: str | None) -> str | None:
    """Return the codec that a charset's label means, or None if no text is written in it."""
    name = resolve_encoding(label) if label else None
    if name is None or name.replace("_", "-") in NO_CHARSETS:
        return None
    try:
        b"a".decode(name, "replace")
    except (LookupError, ValueError):  # there are codecs from bytes to bytes, such as "hex"
        return None
    return name


def page_text(body: bytes, *, content_type: str) -> tuple[str, str]:
    """Return the text of an HTML document and its charset: by its mark, its header, its meta."""
    named = http_content_type_encoding(content_type), html_body_declared_encoding(body)
    return _text(body, named)


def sheet_text(body: bytes, *, content_type: str, referrer: str = "") -> tuple[str, str]:
    """Return the text of a style sheet and its charset (CSS Syntax §3.2).

    ``referrer`` is the charset of what names the sheet; it counts where nothing else is said and
    the bytes are no UTF-8.
    """
    declared = _SHEET_CHARSET.match(body)
    label = declared[1].decode("latin-1") if declared else None
    if label is not None and label.strip().lower().startswith("utf-16"):
        label = "utf-8"  # it could not have been read otherwise
    return _text(body, (http_content_type_encoding(content_type), label), otherwise=referrer)


def _text(
    body: bytes, named: tuple[str | None, str | None], *, otherwise: str = ""
) -> tuple[str, str]:
    marked, mark = read_bom(body)
    if marked is not None and mark is not None:
        return body[len(mark) :].decode(marked, "replace"), marked
    for label in named:
        charset = charset_of(label)
        if charset is not None:
            return body.decode(charset, "replace"), charset
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        charset = charset_of(otherwise) or OLD_CHARSET
        return body.decode(charset, "replace"), charset
