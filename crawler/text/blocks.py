"""Cut a page into runs of text between block elements, in the order of reading."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lxml import etree
from lxml.html import HtmlElement

from crawler.text.fold import fold, tidy

_BLOCKS = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p "
    "pre search section summary table tbody td tfoot th thead tr ul"
)
BLOCK_TAGS = frozenset(_BLOCKS.split())
"""Elements that begin and end a line of their own."""

_UNSEEN = (
    "applet audio button canvas datalist embed head iframe input map math noscript object option "
    "script select style svg template textarea title video"
)
_UNSEEN_TAGS = frozenset(_UNSEEN.split())
_CHROME_TAGS = frozenset({"nav", "footer", "aside", "menu"})
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CAPTION_CLASS = re.compile(
    r"(?:^|[\s_-])(?:caption|cutline|legende|bildunterschrift)(?:$|[\s_-])", re.IGNORECASE
)
_DIGITS = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)
_UNSEEN_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|visually-?hidden|screen-reader(?:-text|-only)?)(?:$|\s)", re.IGNORECASE
)
"""Names by which style sheets of all kinds keep text for those who hear a page."""
_WRAPPED_END = re.compile(r"[\w,;\u060c\u061b-]$")
_ONE_LINE = "address blockquote caption dd dt figcaption h1 h2 h3 h4 h5 h6 li p pre summary th"
_ONE_LINE_TAGS = frozenset(_ONE_LINE.split())
"""Elements whose single line ends stand within a paragraph; elsewhere each line is one."""
_PATH_STEPS = 6
_INHERITED = frozenset({"quote", "item", "caption"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_KINDS = {
    "blockquote": "quote",
    "li": "item",
    "dd": "item",
    "dt": "item",
    "figcaption": "caption",
    "caption": "caption",
    "pre": "code",
    **dict.fromkeys(_HEADINGS, "heading"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of text between two block borders."""

    text: str
    kind: str
    path: str
    """Tags and classes of the enclosing blocks, digits masked: the *slot* the text stands in."""
    element: HtmlElement
    linked: float
    """Share of its characters that are link text."""
    chrome: bool
    """Whether it stands in navigation, footer or a side column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An ``img`` of the page and the number of the run it stands before."""

    element: HtmlElement
    position: int


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What a reader sees of a page: its runs of text and its pictures, in order."""

    runs: tuple[Run, ...]
    pictures: tuple[Picture, ...]

    @cached_property
    def folds(self) -> Mapping[str, str]:
        """Return the form in which each text is compared."""
        return dict(zip((run.text for run in self.runs), self.folded, strict=True))

    @cached_property
    def folded(self) -> tuple[str, ...]:
        """Return the texts of the runs in the form in which they are compared."""
        return tuple(fold(run.text) for run in self.runs)


def outline(root: HtmlElement) -> Outline:
    """Return the visible runs and pictures of a page; never recursive, whatever the depth."""
    walk = _Walk()
    body = root.find("body")
    context = etree.iterwalk(root if body is None else body, events=("start", "end"))
    for event, element in context:
        tag = element.tag
        if event == "end":
            walk.leave(element, tag)
        elif _unseen(element, tag):
            context.skip_subtree()
            walk.skip(element)
        else:
            walk.enter(element, tag)
    walk.flush()
    return Outline(runs=tuple(walk.runs), pictures=tuple(walk.pictures))


@dataclass(slots=True)
class _Frame:
    """One open block element."""

    element: HtmlElement
    path: tuple[str, ...]
    kind: str
    chrome: bool
    broken: bool = False
    """Whether an empty line (two ``br``) has parted its text."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What tag and class make of an element."""

    name: str
    """Its part of a path."""
    kind: str | None
    """What kind of text it holds; None if that of what is around it."""


@dataclass(slots=True)
class _Line:
    """The pieces of text between two line ends."""

    pieces: list[str] = field(default_factory=list)
    linked: int = 0


@dataclass(slots=True)
class _Walk:
    """The state of one walk over a page."""

    runs: list[Run] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=lambda: [_Line()])
    links: int = 0
    breaks: int = 0
    skipped: set[HtmlElement] = field(default_factory=set)
    steps: dict[tuple[str, str], _Step] = field(default_factory=dict)
    """Of each tag and class what they make of an element: most of a page's are alike."""

    def enter(self, element: HtmlElement, tag: str) -> None:
        if tag in BLOCK_TAGS or not self.frames:
            self.flush()
            self.frames.append(self._frame(element, tag))
        elif tag == "br":
            self._line_end()
        elif tag == "img":
            self.pictures.append(Picture(element=element, position=len(self.runs)))
        elif tag == "a" and element.get("href") is not None:  # others name a place on the page
            self.links += 1
        self._say(element.text)

    def leave(self, element: HtmlElement, tag: str) -> None:
        if element in self.skipped:
            self.skipped.discard(element)
        elif self.frames and self.frames[-1].element is element:
            self.flush()
            self.frames.pop()
        elif tag == "a" and element.get("href") is not None:
            self.links -= 1
        if self.frames:
            self._say(element.tail)

    def skip(self, element: HtmlElement) -> None:
        self.skipped.add(element)

    def flush(self) -> None:
        """End the present run, if it has any text."""
        lines, self.breaks = self.lines, 0
        if len(lines) == 1 and not lines[0].pieces:
            return
        self.lines = [_Line()]
        if not self.frames:
            return
        frame = self.frames[-1]
        for text, linked in _paragraphs(lines, whole=frame.element.tag in _ONE_LINE_TAGS):
            self.runs.append(
                Run(
                    text=text,
                    kind=_kind(frame),
                    path="/".join(frame.path),
                    element=frame.element,
                    linked=min(1.0, linked / len(text)),
                    chrome=frame.chrome,
                )
            )

    def _frame(self, element: HtmlElement, tag: str) -> _Frame:
        outer = self.frames[-1] if self.frames else None
        names = element.get("class") or ""
        step = self.steps.get((tag, names))
        if step is None:
            step = self.steps[tag, names] = _step(tag, names)
        around = outer.path if outer is not None else ()
        inherited = outer.kind if outer is not None and outer.kind in _INHERITED else "paragraph"
        return _Frame(
            element=element,
            path=(*around, step.name)[-_PATH_STEPS:],
            kind=step.kind or inherited,
            chrome=tag in _CHROME_TAGS or (outer is not None and outer.chrome),
        )

    def _say(self, text: str | None) -> None:
        if not text:
            return
        line = self.lines[-1]
        if not text.isspace():
            self.breaks = 0
            if self.links > 0:
                line.linked += len(tidy(text))
        elif not line.pieces:
            return  # a line begins with its first letter
        line.pieces.append(text)

    def _line_end(self) -> None:
        """Take two line ends in a row for the end of a paragraph, as old templates mean them."""
        self.breaks += 1
        if self.breaks >= 2:
            self.frames[-1].broken = True
            self.flush()
        else:
            self.lines.append(_Line())


def _paragraphs(lines: Sequence[_Line], *, whole: bool) -> Iterator[tuple[str, int]]:
    """Return the texts that lines are, with their lengths of link text.

    A line that a typewriter's margin has ended goes on in the next one.
    """
    waiting, linked = "", 0
    for line in lines:
        text = tidy("".join(line.pieces))
        if not text:
            continue
        goes_on = whole or (_WRAPPED_END.search(waiting) is not None and text[0].islower())
        if waiting and not goes_on:
            yield waiting, linked
            waiting, linked = "", 0
        waiting, linked = f"{waiting} {text}" if waiting else text, linked + line.linked
    if waiting:
        yield waiting, linked


def _unseen(element: HtmlElement, tag: object) -> bool:
    if not isinstance(tag, str) or tag in _UNSEEN_TAGS:
        return True
    if element.get("hidden", "until-found") != "until-found":
        return True
    names = element.get("class")
    if names is not None and _UNSEEN_CLASS.search(names) is not None:
        return True
    style = element.get("style")
    return style is not None and _HIDDEN_STYLE.search(style) is not None


def _step(tag: str, classes: str) -> _Step:
    names = classes.split()[:1]
    name = f"{tag}.{_DIGITS.sub('0', names[0])[:60]}" if names else tag
    kind = "caption" if _CAPTION_CLASS.search(classes) else _KINDS.get(tag)
    return _Step(name=name, kind=kind)


def _kind(frame: _Frame) -> str:
    element = frame.element
    if frame.kind != "paragraph" or frame.broken or element.tag not in ("td", "th"):
        return frame.kind
    row = element.getparent()
    if row is None or sum(1 for _ in cells(row)) < 2 or element.find(".//table") is not None:
        return "paragraph"
    return "cell"


def cells(row: HtmlElement) -> Iterator[HtmlElement]:
    """Return the cells of a table row."""
    return (cell for cell in row if cell.tag in ("td", "th"))
