"""Cut what a tag may not hold: attributes by the ten thousand, which cost a square of their number.

The parser below lxml puts each attribute of an element behind all others, one step for each of
them, so that a start tag of 2 MB holds the reading thread for half a minute. Where tags begin and
end is told here as the parser tells it, by the tokenizer of the HTML standard (§13.2.5): a
disagreement would let such a tag pass.
"""

import re
from functools import cache

MOST_ATTRIBUTES = 1000
"""Attributes of one tag that are read; those behind them are no page's, and cost too much."""

_BLANK = r"[ \t\n\f\r]"
_ENDED = r"[ \t\n\f\r/>]"
_NAME = r"</?[a-zA-Z][^ \t\n\f\r/>]*+"
_ATTRIBUTE = (
    r"[ \t\n\f\r/]*+[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"
    rf"(?:{_BLANK}*+={_BLANK}*+(?:\"[^\"]*+\"?|'[^']*+'?|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*+)?+)?+"
)
_COMMENT = r"<!--(?:-?>|.*?(?:--!?>|\Z))"
_NO_TAG = r"<[!?][^>]*+>?|</(?![a-zA-Z])[^>]*+>?|<(?![a-zA-Z/])"
# Inside a script, and there inside a comment (§13.2.5.17 to 32): one that begins in it must end in
# it before the outer one can.
_INNER = (
    rf"<(?i:script){_ENDED}(?:[^<\-]++|-(?!->)|<(?!/(?i:script){_ENDED}))*+"
    rf"(?:</(?i:script){_ENDED})?+"
)
_HIDDEN = rf"(?:[^<\-]++|-(?!->)|{_INNER}|<(?!/(?i:script){_ENDED}))*+(?:-->)?+"
_SCRIPT = rf"(?:[^<]++|<!--(?:-?>|{_HIDDEN})|<(?!/(?i:script){_ENDED}))*+"
_RAW = ("iframe", "noembed", "noframes", "style", "textarea", "title", "xmp")

_HEAD, _REST = "head", "rest"


def bounded(text: str, *, most: int = MOST_ATTRIBUTES) -> str:
    """Return an HTML text without the attributes that a tag has beyond the first ``most``.

    It takes linear time for a page without such tags, and a copy of the page for each such tag.
    """
    pieces, tag = _patterns(most)
    text = text.replace("\x00", "")  # which no reader of it sees, either
    place = 0
    while (place := _end(pieces, text, place)) < len(text):
        long = tag.match(text, place)
        if long is None:  # nothing else stops the other pattern, but a loop must end
            break
        text = text[: long.end(_HEAD)] + text[long.end(_REST) :]
    return text


def _end(pieces: re.Pattern[str], text: str, place: int) -> int:
    found = pieces.match(text, place)
    return found.end() if found is not None else place


@cache
def _patterns(most: int) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what fits on text up to a tag of too many attributes, and what fits on that tag.

    Nothing is ever tried twice (possessive quantifiers): the text is hostile.
    """
    few = rf"(?:{_ATTRIBUTE}){{0,{most}}}+"
    # A "/" before the end makes the parser leave out the content.
    begun = rf"(?={_ENDED}){few}(?:{_BLANK}|/(?!>))*+>"
    script = rf"<(?i:script){begun}{_SCRIPT}"
    raw = (rf"<(?i:{name}){begun}(?:[^<]++|<(?!/(?i:{name}){_ENDED}))*+" for name in _RAW)
    plain = rf"<(?i:plaintext){begun}.*+"
    tag = rf"{_NAME}{few}[ \t\n\f\r/]*+(?:>|\Z)"
    # Tried first, because it is what most tags are; without this they would fit in the end.
    ordinary = rf"(?!<(?i:{'|'.join((*_RAW, 'plaintext', 'script'))}){_ENDED}){tag}"
    kinds = "|".join(("[^<]++", ordinary, _COMMENT, _NO_TAG, script, *raw, plain, tag))
    long = rf"(?P<{_HEAD}>{_NAME}(?:{_ATTRIBUTE}){{{most}}}+)(?P<{_REST}>(?:{_ATTRIBUTE})*+)"
    return re.compile(rf"(?:{kinds})*+", re.DOTALL), re.compile(long, re.DOTALL)
