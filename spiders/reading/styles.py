"""Read what a style sheet needs: the sheets it imports, its fonts, its pictures.

A scanner over the tokens of CSS Syntax Level 3 (§4) that can carry an address; it builds no tree,
takes linear time, and holds nothing but the blocks and calls it is inside of. Style sheets are
hostile text: they may be cut, nested a million deep, or no style sheets at all.
"""

import re
from collections.abc import Iterator

from storage.model import RequisiteKind

LONGEST_REFERENCE = 16_000
"""Characters of an address as it is written; WARC records can hold none that is longer."""

_ESCAPED = r"\\(?:[0-9a-fA-F]{1,6}(?:\r\n|[ \t\n\r\f])?+|[^0-9a-fA-F\n\r\f])"
_NAME = rf"(?:[-_a-zA-Z0-9\u0080-\U0010ffff]++|{_ESCAPED})++"
_IN_DOUBLE = r'[^"\\\n\r\f]*+(?:\\(?:\r\n|.)[^"\\\n\r\f]*+)*+'
_IN_SINGLE = r"[^'\\\n\r\f]*+(?:\\(?:\r\n|.)[^'\\\n\r\f]*+)*+"
_TOKEN = re.compile(
    r"/\*.*?(?:\*/|\Z)"
    rf"|(?P<name>[@#]?{_NAME}\(?)"
    rf'|"(?P<double>{_IN_DOUBLE})(?:"|\Z)'
    rf"|'(?P<single>{_IN_SINGLE})(?:'|\Z)"
    # A string that its line ends is none (§4.3.5); it is passed over, so that it is seen once.
    rf'|"{_IN_DOUBLE}'
    rf"|'{_IN_SINGLE}"
    r"|(?P<mark>[(){};])",
    re.DOTALL,
)
_QUOTED = re.compile(r"[ \t\n\r\f]*+[\"']")
_UNQUOTED = re.compile(
    r"[ \t\n\r\f]*+"
    rf"([^\"'()\\ \t\n\r\f]*+(?:{_ESCAPED}[^\"'()\\ \t\n\r\f]*+)*+)"
    r"[ \t\n\r\f]*+(?:\)|\Z)"
)
_NO_ADDRESS = re.compile(r"[^)\\]*+(?:\\.[^)\\]*+)*+\)?", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:(?P<code>[0-9a-fA-F]{1,6})(?:\r\n|[ \t\n\r\f])?+|(?P<gone>\r\n|[\n\r\f])|(?P<plain>.))",
    re.DOTALL,
)

_ADDRESS_CALLS = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
"""Functions whose strings are addresses (CSS Values §4.5, CSS Images §2)."""
_NAMES_ONLY = frozenset({"namespace", "charset", "document", "-moz-document"})
"""Rules before whose block an address is a name and leads nowhere."""

Written = tuple[str, RequisiteKind]
"""An address as it is written, and what it is for."""


def style_references(text: str) -> Iterator[Written]:
    """Yield the addresses that a style sheet, or a style attribute, names, as they are written."""
    scan = _Scan()
    place = 0
    while (token := _TOKEN.search(text, place)) is not None:
        place = token.end()
        match token.lastgroup:
            case "mark":
                scan.mark(token[0])
            case "double" | "single" as kind:
                yield from scan.address(token[kind], quoted=True)
            case "name" if token[0].startswith("@"):
                scan.rule = unescaped(token[0][1:]).lower()
            case "name" if token[0].endswith("(") and not token[0].startswith("#"):
                call = unescaped(token[0][:-1]).lower()
                if call != "url" or _QUOTED.match(text, place):
                    scan.calls.append(call)
                    continue
                address = _UNQUOTED.match(text, place)
                end = address or _NO_ADDRESS.match(text, place)
                place = end.end() if end is not None else place
                if address is not None:
                    yield from scan.address(address[1], quoted=False)
            case _:
                pass


class _Scan:
    """Where a scan stands: the rule that was begun, and the blocks and calls around it."""

    def __init__(self) -> None:
        self.rule = ""
        self.calls: list[str] = []
        self._blocks: list[str] = []

    def mark(self, sign: str) -> None:
        """Take a bracket or a semicolon."""
        if sign == "(":
            self.calls.append("")
        elif sign == ")":
            del self.calls[-1:]
        else:
            if sign == "{":
                self._blocks.append(self.rule)
            elif sign == "}":
                del self._blocks[-1:]
            self.rule = ""
            self.calls.clear()

    def address(self, written: str, *, quoted: bool) -> Iterator[Written]:
        """Yield an address, unless the place it stands at makes it none."""
        imported = self.rule == "import"
        if quoted and not (self.calls[-1] in _ADDRESS_CALLS if self.calls else imported):
            return
        if self.rule in _NAMES_ONLY or len(written) > LONGEST_REFERENCE:
            return
        if imported:
            self.rule = ""  # what follows in the rule are conditions
            kind = RequisiteKind.STYLE
        elif self._blocks and self._blocks[-1] == "font-face":
            kind = RequisiteKind.FONT
        else:
            kind = RequisiteKind.IMAGE
        yield unescaped(written), kind


def unescaped(text: str) -> str:
    """Return a name, string or address of CSS without its escapes (CSS Syntax §4.3.7)."""
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(escape: re.Match[str]) -> str:
    if escape["code"] is None:
        return escape["plain"] or ""
    code = int(escape["code"], 16)
    none = code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000
    return "\N{REPLACEMENT CHARACTER}" if none else chr(code)
