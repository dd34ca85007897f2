"""Read what a page shows, all of it: every run of text with its slot, its pictures and links.

The article is what an extractor chooses of it. Two looks are compared over the whole surface, so
that the extractor's moods are no change: a block that is still on the page was not removed.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from operator import attrgetter
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from crawler.text.article import ALONE, Context, Laid, Study, kind_of, lay_open, study
from crawler.text.blocks import Run
from crawler.text.fold import words as split_words

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of a page that are read."""

MAX_RUNS = 8_000
MAX_CHARACTERS = 1_000_000
"""Characters of text that are kept: each of them may take eight bytes, with its folded form."""
MAX_PICTURES = 300
MAX_LINKS = 1_500
T = TypeVar("T")

_SOURCES = ("src", "data-src", "data-original", "data-lazy-src")
_SETS = ("srcset", "data-srcset")
_PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".svg")
_PAGES = ("http://", "https://")
_PLAIN = re.compile(r"(?:/[\w~%-][\w~%.-]{0,200}){1,20}/?", re.ASCII)
"""References that stand behind the name of a host as they are: most links of a site to itself."""

_PART = re.compile(r"[a-zA-Z0-9]+")
_HEX = re.compile(r"[0-9a-f]{5,}")
_MADE_LENGTH = 3
"""Letters from which a part of a class name with a digit in it is taken for made by a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One run of text of a page, and the slot it stands in."""

    text: str
    key: str
    """The text folded: what it is compared by."""
    slot: str
    """Tags and classes of the enclosing blocks, what a machine counts in them masked."""
    linked: float
    """Share of its characters that are link text."""
    chrome: bool
    """Whether it stands in navigation, footer or a side column."""
    heading: bool = False
    frame: int = 0
    """Number of the element around its own: strips of one frame stand side by side."""

    @property
    def weight(self) -> int:
        """Return its number of words."""
        return len(split_words(self.text))

    @property
    def outer(self) -> str:
        """Return the slot around its own element."""
        return outer_slot(self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture of a page: the addresses it may come from, and the strip it stands before."""

    sources: tuple[str, ...]
    position: int
    slot: str
    frame: int = 0
    """Number of the element around its own."""
    leads_away: bool = False
    """Whether it is a link to another page, and so a picture of that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of a page: where it leads, and how many characters are to be clicked."""

    url: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Surface:
    """All that a page shows."""

    url: str
    strips: tuple[Strip, ...] = ()
    shots: tuple[Shot, ...] = ()
    links: tuple[Link, ...] = ()
    fields: tuple[str, ...] = ()
    """Types of its form fields, each once."""
    around: tuple[int, ...] = ()
    """By the number of an element, the number of the one around it; the outermost names itself."""
    cut: bool = False
    """Whether there is more text on the page than is kept here: what is not here may be there."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return the folded texts that stand anywhere on the page."""
        return frozenset(strip.key for strip in self.strips)

    @cached_property
    def slots(self) -> frozenset[str]:
        """Return the slots that carry any text."""
        return frozenset(strip.slot for strip in self.strips)

    @cached_property
    def word_count(self) -> int:
        """Return the number of words on the page."""
        return sum(strip.weight for strip in self.strips)

    @cached_property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        texts = [text for one in self.strips for text in (one.text, one.key, one.slot)]
        texts += [source for shot in self.shots for source in (*shot.sources, shot.slot)]
        texts += [text for link in self.links for text in (link.url, link.text)]
        values = (*self.strips, *self.shots, *self.links)
        return sum(map(sys.getsizeof, texts)) + sum(map(sys.getsizeof, values))

    def __reduce__(self) -> "tuple[Callable[..., Surface], tuple[object, ...]]":
        """Go to another process by bare values: to name the fields of each takes ten times that."""
        parts = ((_STRIP, self.strips), (_SHOT, self.shots), (_LINK, self.links))
        rows = [tuple(map(attrgetter(*names), some)) for names, some in parts]
        return _put_together, (rows, self.url, self.fields, self.around, self.cut)


_STRIP, _SHOT, _LINK = (tuple(one.name for one in fields(kind)) for kind in (Strip, Shot, Link))


def _put_together(
    rows: Sequence[Sequence[tuple[object, ...]]],
    url: str,
    types: tuple[str, ...],
    around: tuple[int, ...],
    cut: bool,  # noqa: FBT001 - pickle calls it, and knows no names
) -> Surface:
    """Return the surface that came by its values."""
    strips, shots, links = rows
    return Surface(
        url=url,
        strips=tuple(_made(Strip, _STRIP, strips)),
        shots=tuple(_made(Shot, _SHOT, shots)),
        links=tuple(_made(Link, _LINK, links)),
        fields=types,
        around=around,
        cut=cut,
    )


def _made(
    make: Callable[..., T], names: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> Iterator[T]:
    return (make(**dict(zip(names, row, strict=True))) for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one page came to: its article with what it teaches, and all that it shows."""

    study: Study
    surface: Surface | None = None
    """None for what nobody can read, such as a picture."""


def outer_slot(slot: str) -> str:
    """Return the slot around the element of a slot."""
    return slot.rpartition("/")[0]


def plain_slot(slot: str) -> str:
    """Return a slot without the class of its own element."""
    outer, slash, step = slot.rpartition("/")
    return outer + slash + step.partition(".")[0]


def own_tag(slot: str) -> str:
    """Return the tag of the element of a slot."""
    return slot.rpartition("/")[2].partition(".")[0]


def surface(body: bytes, *, url: str, headers: Sequence[tuple[str, str]]) -> Surface:
    """Return what a page shows; an empty one for what no parser can hold. Never raises."""
    return _surface(lay_open(body[:MAX_BYTES], headers), url)


def look(
    body: bytes, *, url: str, headers: Sequence[tuple[str, str]], context: Context = ALONE
) -> Look:
    """Return the article of an answer, what it teaches, and all that its page shows.

    The page is parsed once for both. Never raises.
    """
    if kind_of(body, headers) not in ("text/html", "text/plain"):
        return Look(study=study(body, url=url, headers=headers, context=context))
    laid = lay_open(body, headers)
    shown = _surface(laid, url)  # before the article: who reads it may take the tree apart
    found = study(body, url=url, headers=headers, context=context, laid=laid)
    return Look(study=found, surface=shown)


def _surface(laid: Laid, url: str) -> Surface:
    root, seen = laid.page.root, laid.seen
    if root is None or seen is None:
        return Surface(url=url)
    frames, slots, addresses = _Frames(), _Slots(), _Addresses(url)
    runs = _first(seen.runs)
    strips = tuple(
        Strip(
            text=run.text,
            key=key,
            slot=slots[run.path],
            linked=run.linked,
            chrome=run.chrome,
            heading=run.kind == "heading",
            frame=frames.number(run.element.getparent()),
        )
        for run, key in zip(runs, seen.folded, strict=False)
    )
    shots = tuple(
        Shot(
            sources=tuple(_sources(one.element, addresses)),
            position=one.position,
            slot=slots[_path_of(one.element)],
            frame=frames.number(one.element.getparent()),
            leads_away=_leads_away(one.element, addresses),
        )
        for one in seen.pictures[:MAX_PICTURES]
    )
    return Surface(
        url=url,
        strips=strips,
        shots=tuple(shot for shot in shots if shot.sources),
        links=tuple(_links(root, addresses)),
        fields=tuple(sorted(set(_fields(root)))),
        cut=len(runs) < len(seen.runs),
        around=tuple(frames.around),
    )


@dataclass(slots=True)
class _Frames:
    """The elements that stand around texts and pictures, numbered from the outermost."""

    numbers: dict[HtmlElement | None, int] = field(default_factory=dict)
    around: list[int] = field(default_factory=list)

    def number(self, element: HtmlElement | None) -> int:
        """Return the number of an element; it and those around it get theirs."""
        new = []
        while element not in self.numbers:
            new.append(element)
            if element is None:
                break
            element = element.getparent()
        outer = self.numbers.get(element, 0)
        for one in reversed(new):
            self.around.append(outer)
            outer = self.numbers[one] = len(self.numbers)
        return outer


def _first(runs: Sequence[Run]) -> Sequence[Run]:
    """Return the first runs of a page, as many as are kept; each of them whole."""
    letters = 0
    for number, run in enumerate(runs):
        letters += len(run.text)
        if number == MAX_RUNS or letters > MAX_CHARACTERS:
            return runs[:number]
    return runs


class _Slots(dict[str, str]):
    """The slots of a page's paths, each masked once."""

    def __missing__(self, path: str) -> str:
        slot = self[path] = masked_slot(path)
        return slot


class _Addresses(dict[str, str]):
    """The addresses that a page's references lead to, each found once."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._root = _absolute(base, "/").removesuffix("/")

    def __missing__(self, reference: str) -> str:
        is_plain = self._root and _PLAIN.fullmatch(reference) is not None
        address = self._root + reference if is_plain else _absolute(self.base, reference)
        self[reference] = address
        return address


def masked_slot(path: str) -> str:
    """Return a slot with the parts of class names masked that a machine seems to have made.

    A counter, a digest, an experiment's number: they are other ones at the next look.
    """
    return "/".join(map(_masked_step, path.split("/")))


def _masked_step(step: str) -> str:
    tag, dot, name = step.partition(".")
    return tag + dot + _PART.sub(_masked_part, name) if dot else step


def _masked_part(found: "re.Match[str]") -> str:
    part = found[0]
    if part.isdigit():
        return "0"
    if not part.isalpha():
        return "0" if len(part) >= _MADE_LENGTH else part
    return "0" if _HEX.fullmatch(part) else part


def _path_of(element: HtmlElement) -> str:
    """Return the path of a picture: the tags and first classes of what is around it."""
    steps: list[str] = []
    for one in (element, *element.iterancestors()):
        if len(steps) == 4 or not isinstance(one.tag, str):
            break
        names = (one.get("class") or "").split()[:1]
        steps.append(f"{one.tag}.{names[0][:60]}" if names else one.tag)
    return "/".join(reversed(steps))


def _sources(element: HtmlElement, addresses: _Addresses) -> Iterator[str]:
    found = [element.get(name) or "" for name in _SOURCES]
    for name in _SETS:
        found += [part.split()[0] for part in (element.get(name) or "").split(",") if part.split()]
    seen = set()
    for reference in found[:20]:
        address = addresses[reference.strip()]
        if address and address not in seen:
            seen.add(address)
            yield address


def _leads_away(element: HtmlElement, addresses: _Addresses) -> bool:
    """Whether a picture is a link to a page that is neither this one nor one above it."""
    link = next(element.iterancestors("a"), None)
    address = addresses[(link.get("href") or "").strip()] if link is not None else ""
    if not address:
        return False
    there, here = urlsplit(address), urlsplit(addresses.base)
    if there.path.lower().endswith(_PICTURE_ENDINGS):
        return False
    above = here.path == there.path or here.path.startswith(there.path.rstrip("/") + "/")
    return there.netloc != here.netloc or not above


def _links(root: HtmlElement, addresses: _Addresses) -> Iterator[Link]:
    for number, element in enumerate(root.iter("a")):
        if number >= MAX_LINKS:
            return
        address = addresses[(element.get("href") or "").strip()]
        if address:
            yield Link(url=address, text=" ".join("".join(element.itertext()).split())[:200])


def _fields(root: HtmlElement) -> Iterator[str]:
    for element in root.iter("input", "textarea", "select"):
        kind = (element.get("type") or "text").lower() if element.tag == "input" else element.tag
        yield str(kind)[:20]


def _absolute(base: str, reference: str) -> str:
    """Return an http address, or an empty text."""
    if not reference or len(reference) > 4_000:
        return ""
    try:
        address = urljoin(base, reference)
        if address.startswith(_PAGES):  # most do, and need not be taken apart
            return address
        return address if urlsplit(address).scheme in ("http", "https") else ""
    except ValueError:
        return ""
