"""Read what an HTML page needs to be shown as it was: pictures, sheets, scripts, fonts, frames.

Pure: from a tree or from bytes to requisites, without engine, network or spider. What is left out:
links, prefetched pages, what scripts would have asked for, and addresses that carry their content
(``data:``) or no content (``#part``, ``javascript:``).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from lxml import etree

from spiders.address import absolute
from spiders.reading.charsets import page_text, sheet_text
from spiders.reading.styles import LONGEST_REFERENCE, Written, style_references
from spiders.reading.tags import bounded
from storage.model import Requisite, RequisiteKind

MOST_REQUISITES = 5000
"""Requisites read from one page or sheet; one that names more is a trap."""
MOST_REFERENCES = 10_000
"""Different addresses looked at for them, good or bad."""
MOST_INLINE_DEPTH = 3
"""Documents inside documents that are written into the page itself (``srcdoc``)."""

_BLANKS = " \t\n\r\f"
_CANDIDATE = re.compile(r"[ \t\n\r\f,]*+([^ \t\n\r\f]++)")
_DESCRIPTORS = re.compile(r"(?:[^(,]++|\([^)]*+\)?)*+")
_PICTURE_ENDS = (
    ".apng", ".avif", ".bmp", ".gif", ".ico", ".jfif", ".jpeg", ".jpg", ".jxl", ".png", ".svg",
    ".tif", ".tiff", ".webp",
)  # fmt: skip
_PICTURE_NAMES = frozenset(
    {
        "image",
        "msapplication-tileimage",
        "og:image",
        "og:image:secure_url",
        "og:image:url",
        "thumbnailurl",
        "twitter:image",
        "twitter:image:src",
    }
)
"""Names under which a ``meta`` element says which picture stands for the page."""
_ICONS = frozenset(
    {
        "apple-touch-icon",
        "apple-touch-icon-precomposed",
        "apple-touch-startup-image",
        "fluid-icon",
        "icon",
        "mask-icon",
    }
)
_LOADED_AS = {
    "font": RequisiteKind.FONT,
    "image": RequisiteKind.IMAGE,
    "script": RequisiteKind.SCRIPT,
    "style": RequisiteKind.STYLE,
    "audio": RequisiteKind.MEDIA,
    "video": RequisiteKind.MEDIA,
    "document": RequisiteKind.FRAME,
}
"""What a ``link rel=preload`` says it is for (Fetch §2.2.7, destinations)."""

_Read = Callable[[etree._Element], Iterator[Written]]  # noqa: SLF001 - it has no public name
# Attributes, not their elements: to ask one for each of its attributes takes minutes where it has
# a hundred thousand.
_STYLES = etree.XPath("//@style")
_LAZY = etree.XPath("//@*[starts-with(name(), 'data-')]")


# --- documents --------------------------------------------------------------------------------


def page_requisites(
    root: etree._Element, *, url: str, encoding: str = "utf-8"
) -> Iterator[Requisite]:
    """Yield what a page of this address needs, each once: elements first, then their attributes."""
    base = base_of(root, url)
    yield from _meant(_written(root, depth=0), base=base, page=url, encoding=encoding)


def frame_requisites(body: bytes, *, url: str, content_type: str) -> Iterator[Requisite]:
    """Yield what the document of a frame needs; its bytes are decoded, whatever they are."""
    text, encoding = page_text(body, content_type=content_type)
    root = tree_of(text)
    if root is not None:
        yield from page_requisites(root, url=url, encoding=encoding)


def sheet_requisites(
    body: bytes, *, url: str, content_type: str, encoding: str = ""
) -> Iterator[Requisite]:
    """Yield what a style sheet of this address needs; ``encoding`` is that of what names it."""
    text, own = sheet_text(body, content_type=content_type, referrer=encoding)
    yield from _meant(style_references(text), base=url, page=url, encoding=own)


def base_of(root: etree._Element, url: str) -> str:
    """Return where the relative addresses of a page start (HTML §2.4.3, document base URL)."""
    for node in root.iter("base"):
        href = node.get("href")
        if href is not None:
            base = absolute(url, href)
            return base if base is not None and _is_web(base) else url
    return url


def tree_of(text: str) -> "etree._Element | None":
    """Return the tree of an HTML text, or None where there is nothing to hold on to."""
    # NULs end the page for libxml2; a browser drops them.
    data = bounded(text.replace("\x00", "")).encode("utf-8", "replace")
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, huge_tree=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError):
        return None


def _meant(
    written: Iterable[Written], *, base: str, page: str, encoding: str
) -> Iterator[Requisite]:
    """Yield the requisites that written addresses mean: on the web, elsewhere, each once."""
    read: set[str] = set()
    given = {page}
    for text, kind in written:
        reference = text.strip(_BLANKS)
        if reference in read or not reference or reference.startswith("#"):
            continue
        if len(read) == MOST_REFERENCES:
            return
        read.add(reference)
        if len(reference) > LONGEST_REFERENCE or reference[:5].lower() == "data:":
            continue
        url = absolute(base, reference, encoding=encoding)
        if url is None or url in given or not _is_web(url):
            continue
        given.add(url)
        yield Requisite(url=url, kind=kind, encoding=encoding)
        if len(given) > MOST_REQUISITES:  # the page itself is one of them
            return


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))


# --- elements ---------------------------------------------------------------------------------


def _written(root: etree._Element, *, depth: int) -> Iterator[Written]:
    """Yield every address a document names for something it shows, in its order, as written."""
    for node in root.iter(*_READERS):
        yield from _READERS[node.tag](node)
        if node.tag == "iframe" and depth < MOST_INLINE_DEPTH:
            inner = tree_of(node.get("srcdoc", ""))
            if inner is not None:
                yield from _written(inner, depth=depth + 1)
    for style in _STYLES(root):
        yield from style_references(style)
    for value in _LAZY(root):
        yield from _lazy(value.attrname, value, node=value.getparent())


def _one(node: etree._Element, *names: str, kind: RequisiteKind) -> Iterator[Written]:
    for name in names:
        value = node.get(name)
        if value:
            yield value, kind


def _reader(*names: str, kind: RequisiteKind) -> _Read:
    def read(node: etree._Element) -> Iterator[Written]:
        return _one(node, *names, kind=kind)

    return read


def _image(node: etree._Element) -> Iterator[Written]:
    yield from _one(node, "src", "lowsrc", "dynsrc", kind=RequisiteKind.IMAGE)
    yield from candidates(node.get("srcset", ""))


def _source(node: etree._Element) -> Iterator[Written]:
    parent = node.getparent()
    shown = parent is not None and parent.tag == "picture"
    yield from _one(node, "src", kind=RequisiteKind.IMAGE if shown else RequisiteKind.MEDIA)
    yield from candidates(node.get("srcset", ""))


def _media(node: etree._Element) -> Iterator[Written]:
    yield from _one(node, "poster", kind=RequisiteKind.IMAGE)
    yield from _one(node, "src", kind=RequisiteKind.MEDIA)


def _input(node: etree._Element) -> Iterator[Written]:
    if node.get("type", "").strip(_BLANKS).lower() == "image":
        yield from _one(node, "src", kind=RequisiteKind.IMAGE)


def _link(node: etree._Element) -> Iterator[Written]:
    relations = set(node.get("rel", "").lower().split())
    kind = _linked(relations, node.get("as", "").strip(_BLANKS).lower())
    if kind is not None:
        yield from _one(node, "href", kind=kind)
        yield from candidates(node.get("imagesrcset", ""))


def _linked(relations: set[str], loaded_as: str) -> RequisiteKind | None:
    """Return what a link is for, or None for one that leads to another page or to nothing yet."""
    if "stylesheet" in relations:
        return RequisiteKind.STYLE
    if relations & _ICONS:
        return RequisiteKind.ICON
    if "preload" in relations:
        return _LOADED_AS.get(loaded_as, RequisiteKind.DATA)
    for relation, kind in (
        ("modulepreload", RequisiteKind.SCRIPT),
        ("manifest", RequisiteKind.DATA),
        ("image_src", RequisiteKind.IMAGE),
    ):
        if relation in relations:
            return kind
    return None


def _style(node: etree._Element) -> Iterator[Written]:
    return style_references(node.text or "")


def _meta(node: etree._Element) -> Iterator[Written]:
    names = (node.get(name, "").strip(_BLANKS).lower() for name in ("property", "name", "itemprop"))
    if any(name in _PICTURE_NAMES for name in names):
        yield from _one(node, "content", kind=RequisiteKind.IMAGE)


def _param(node: etree._Element) -> Iterator[Written]:
    if node.get("name", "").strip(_BLANKS).lower() in ("movie", "src"):
        yield from _one(node, "value", kind=RequisiteKind.DATA)


_BACKGROUND = _reader("background", kind=RequisiteKind.IMAGE)
_READERS: Mapping[str, _Read] = {
    "img": _image,
    "amp-img": _image,
    "image": _reader("src", "href", "xlink:href", kind=RequisiteKind.IMAGE),
    "feimage": _reader("href", "xlink:href", kind=RequisiteKind.IMAGE),
    "source": _source,
    "video": _media,
    "audio": _media,
    "bgsound": _media,
    "track": _reader("src", kind=RequisiteKind.DATA),
    "input": _input,
    "link": _link,
    "style": _style,
    "script": _reader("src", "href", "xlink:href", kind=RequisiteKind.SCRIPT),
    "iframe": _reader("src", kind=RequisiteKind.FRAME),
    "frame": _reader("src", kind=RequisiteKind.FRAME),
    "embed": _reader("src", kind=RequisiteKind.DATA),
    "object": _reader("data", kind=RequisiteKind.DATA),
    "param": _param,
    "meta": _meta,
    "use": _reader("href", "xlink:href", kind=RequisiteKind.IMAGE),
    **dict.fromkeys(("body", "table", "thead", "tbody", "tr", "td", "th"), _BACKGROUND),
}
"""Elements that need something, by their names; the parser writes names in lower case."""


# --- attributes -------------------------------------------------------------------------------


def candidates(srcset: str) -> Iterator[Written]:
    """Yield the images of a ``srcset`` attribute (HTML §4.8.4.2.1, parsing a srcset attribute).

    A comma inside an address belongs to it; one at its end, or after its descriptors, ends the
    candidate. Descriptors are not judged: an image of an odd one is still one the page names.
    """
    place = 0
    while (found := _CANDIDATE.match(srcset, place)) is not None:
        place, written = found.end(), found[1]
        if written.endswith(","):
            written = written.rstrip(",")
        elif (rest := _DESCRIPTORS.match(srcset, place)) is not None:
            place = rest.end()
        if written:
            yield written, RequisiteKind.IMAGE


_LAZY_KINDS = {
    "iframe": RequisiteKind.FRAME,
    "frame": RequisiteKind.FRAME,
    "script": RequisiteKind.SCRIPT,
    "video": RequisiteKind.MEDIA,
    "audio": RequisiteKind.MEDIA,
    "embed": RequisiteKind.DATA,
    "object": RequisiteKind.DATA,
    "link": RequisiteKind.STYLE,
}


def _lazy(name: str, value: str, *, node: etree._Element) -> Iterator[Written]:
    """Yield what a script is to put in place later, told by the shape of names and values.

    No script library is known here: a name with ``srcset`` holds candidates, one with ``src`` an
    address, a value with ``url(`` a style, and a value that ends as pictures do is a picture.
    """
    if "srcset" in name:
        yield from candidates(value)
    elif "url(" in value.lower():
        yield from style_references(value)
    elif _is_address(value) and ("src" in name or _ends_as_picture(value)):
        picture = "poster" in name or _ends_as_picture(value)
        yield value, RequisiteKind.IMAGE if picture else _lazy_kind(node)


def _lazy_kind(node: etree._Element) -> RequisiteKind:
    tag = node.tag
    if tag == "source":
        parent = node.getparent()
        tag = parent.tag if parent is not None else tag
    return _LAZY_KINDS.get(tag, RequisiteKind.IMAGE)


def _is_address(value: str) -> bool:
    """Say whether a value is one word with the marks of an address, not a sentence or a program."""
    text = value.strip(_BLANKS)
    if not 1 < len(text) <= LONGEST_REFERENCE or text[0] in "{[<#$":
        return False
    return ("/" in text or "." in text) and len(text.split(None, 1)) == 1 and "{{" not in text


def _ends_as_picture(value: str) -> bool:
    path = value.strip(_BLANKS).partition("#")[0].partition("?")[0]
    return path.lower().endswith(_PICTURE_ENDS)
