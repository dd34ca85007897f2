"""Tell at a glance that a page shows what it showed before, without a tree of it.

Most pages that are fetched again differ in tokens, scripts, class names and the addresses of style
sheets only. The first digest is over the text between tags with its block borders, and over those
facts that a page says of itself and that are read; if it is the same, the article is. The second is
over the addresses of its pictures: what follows the name of a file may be a token that nobody
meant, or say that the file is another one, which only its bytes can tell.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from crawler.text.blocks import BLOCK_TAGS
from crawler.text.declared import is_read

_UNREAD = re.compile(rb"<!--|<script\b(?![^>]{0,200}ld\+json)|<style\b|<noscript\b")
_ENDS = {
    b"<!--": b"-->",
    b"<script": b"</script",
    b"<style": b"</style",
    b"<noscript": b"</noscript",
}
_TAG = re.compile(rb"<(/?[a-zA-Z][^\s<>/]*)[^<>]*>")
_BORDER_TAGS = (*BLOCK_TAGS, "br", "title", "textarea", "button", "template", "select", "svg")
_BORDERS = {
    slash + name: b"\n<" + slash + name.lower() + b">"
    for tag in _BORDER_TAGS
    for name in (tag.encode(), tag.upper().encode())
    for slash in (b"", b"/")
}
"""What is left of a tag: its name, where it ends a line or begins what nobody sees. All others
stand within a line."""

_FACT = re.compile(rb"<(?:html|link|meta|time|img|source|input)\b[^<>]*>", re.IGNORECASE)
_PROPERTY = re.compile(rb"itemprop=[^<>]*>")
_ATTRIBUTE = re.compile(
    rb"""\b(lang|rel|href|name|property|itemprop|http-equiv|content|datetime|type)\s*=
    \s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE | re.VERBOSE,
)
_SOURCE = re.compile(rb"""src(?:set)?\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_PICTURE = re.compile(rb"\.(?:jpe?g|png|gif|webp|avif|svg|bmp|tiff?)$", re.IGNORECASE)
_PIECE_BYTES = 256 * 1024

_SHIFTED = b"\x1b"
"""Before text in which a byte that looks like a bracket is half a character (ISO-2022-JP)."""

_HIDDEN = b"hidden"
_HIDING = (b"display:none", b"display: none", b"sr-only", b"screen-reader")
"""What tags say of text that is not to be seen; counted, wherever it stands."""


def says_the_same(one: str, other: str) -> bool:
    """Whether two pages show the same but for the age of pictures, by their ``sameness``."""
    return one.partition(".")[0] == other.partition(".")[0]


def pictures(body: bytes) -> list[bytes]:
    """Return the addresses of pictures as a page has them, in its order."""
    return _pictures(_FACT.findall(_read(body.lower(), body)))


def sameness(body: bytes, headers: Sequence[tuple[str, str]]) -> str:
    """Return the digests over what a page shows and says of itself; linear in its size."""
    if _SHIFTED in body:
        return hashlib.sha256(body).hexdigest()
    read = _read(body.lower(), body)
    tags = _FACT.findall(read)
    shown = hashlib.sha256(b"\0".join(_pictures(tags)))
    said = [
        f"{name.lower()}:{value}".encode("utf-8", "replace")
        for name, value in headers
        if name.lower() in ("content-type", "content-language")
    ]
    said += _facts(read, tags)
    digest = hashlib.sha256(b"\0".join(said))
    for words in _words(read):
        digest.update(words)
    return f"{digest.hexdigest()}.{shown.hexdigest()[:16]}"


def _words(read: bytes) -> Iterator[bytes]:
    """Yield the words between tags, each with a space behind it, and the borders of blocks.

    A piece at a time: a page of a million tags or words would take many times its size at once.
    """
    begin, open_word = 0, b""
    while begin < len(read):
        end = read.find(b"<", begin + _PIECE_BYTES)
        end = end if end >= 0 else len(read)
        parts = _TAG.split(read[begin:end])
        parts[1::2] = [_BORDERS.get(one, b"") for one in parts[1::2]]
        text = b"".join(parts)
        for at in range(0, len(text), _PIECE_BYTES):
            some = open_word + text[at : at + _PIECE_BYTES]
            words = some.split()
            open_word = words.pop() if words and not some[-1:].isspace() else b""
            yield b" ".join((*words, b""))
        begin = end
    if open_word:
        yield open_word + b" "


def _pictures(tags: Sequence[bytes]) -> list[bytes]:
    return [
        address
        for tag in tags
        if tag[1:3].lower() in (b"im", b"so")
        for address in _SOURCE.findall(tag)
    ]


def _read(lower: bytes, body: bytes) -> bytes:
    """Return a page without what nobody reads; ``lower`` is it in small letters.

    A search for the end of each takes a tenth of the time of one lazy expression for all.
    """
    parts = []
    begin = 0
    while found := _UNREAD.search(lower, begin):
        parts.append(body[begin : found.start()])
        # A comment may end with the dashes it began with (HTML Standard, "abrupt closing").
        end = lower.find(_ENDS[found[0]], found.start() + 2)
        begin = lower.find(b">", end) + 1 if end >= 0 else 0
        if not begin:
            return b"".join(parts)
    parts.append(body[begin:])
    return b"".join(parts)


def _facts(read: bytes, facts: Sequence[bytes]) -> Iterator[bytes]:
    """Yield what a page says of itself, and which pictures and fields for typing it has."""
    kinds = set()
    tokens = 0
    for tag in facts:
        match tag[1:3].lower():
            case b"im" | b"so":
                yield from map(_picture, _SOURCE.findall(tag))
            case b"me":
                said = _attributes(tag)
                name = said.get(b"property") or said.get(b"name") or said.get(b"itemprop")
                if _is_read(name or said.get(b"http-equiv", b"")):
                    yield b"%b=%b" % (name or b"", said.get(b"content", b""))
            case b"in":
                tokens += tag.count(_HIDDEN)
                kinds.add(_attributes(tag).get(b"type", b"text").lower())
            case b"li" if b"canonical" in tag:
                yield _attributes(tag).get(b"href", b"")
            case b"ht" | b"ti":
                said = _attributes(tag)
                yield said.get(b"lang", said.get(b"datetime", b""))
    yield from sorted(kinds - {_HIDDEN})
    yield b"%d" % (read.count(_HIDDEN) - tokens)
    yield from (b"%d" % read.count(one) for one in _HIDING)
    for tag in _PROPERTY.findall(read):
        said = _attributes(tag)
        yield said.get(b"datetime", said.get(b"content", b""))


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    """Return those attributes of a tag that are read; of several of one name the last."""
    return {
        name.lower(): double or single or bare
        for name, double, single, bare in _ATTRIBUTE.findall(tag)
    }


@lru_cache(maxsize=4096)
def _is_read(name: bytes) -> bool:
    return is_read(name[:200].decode("ascii", "replace").strip().lower())


def _picture(address: bytes) -> bytes:
    """Return the address of a picture; what follows the name of its file says how fresh it is."""
    name, _, _ = address.partition(b"?")
    return name if _PICTURE.search(name) else address
