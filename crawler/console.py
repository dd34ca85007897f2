"""Speak to a person at a terminal, and to the programs that listen in a pipe: tables, lines, logs.

Everything that comes from the web is shown escaped: a page title must not move the cursor, turn the
line around or hide itself.
"""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from crawler.listing import iso
from crawler.wording import shown

# Letters by their category, but nothing to be seen (Unicode: Default_Ignorable_Code_Point).
_BLANK_LETTERS = {
    code: f"\\u{code:04x}" for code in (0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
}

_RED, _GREEN, _YELLOW, _CYAN, _BOLD, _DIM, _PLAIN = (
    f"\x1b[{code}m" for code in (31, 32, 33, 36, 1, 2, 0)
)
_KIND_COLOURS = {
    "restored": _GREEN,
    "new_page": _GREEN,
    "unchanged": _DIM,
    "cosmetic": _DIM,
    "minor_edit": _CYAN,
    "substantive_edit": _CYAN,
    "notice_added": _CYAN,
    "headline_changed": _CYAN,
    "image_changed": _CYAN,
    "moved": _CYAN,
}
"""Every other kind is one that takes something away: red."""
_PHASE_COLOURS = {"ok": _GREEN, "suspect": _YELLOW, "confirmed": _RED}
_LEVEL_COLOURS = {logging.WARNING: _YELLOW, logging.ERROR: _RED, logging.CRITICAL: _RED}

QUIET = (
    "alembic",
    "apscheduler",
    "asyncio",
    "charset_normalizer",
    "htmldate",
    "readability",
    "scrapy",
    "trafilatura",
    "twisted",
    "uvicorn",
    "uvicorn.access",
)
"""Loggers of libraries that tell of themselves; only their warnings are shown."""

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


# --- text from outside ------------------------------------------------------------------------


def escape(text: str) -> str:
    """Return text as one line with nothing in it that a terminal obeys or that cannot be seen."""
    return shown(text).translate(_BLANK_LETTERS)


def coloured(stream: TextIO) -> bool:
    """Say whether colours are wanted: on a terminal that has them, unless NO_COLOR is set."""
    console = Console(file=stream)
    return console.is_terminal and not console.no_color and console.color_system is not None


# --- listings ---------------------------------------------------------------------------------


def print_table(
    rows: Iterable[Sequence[object]], columns: Sequence[str], *, stream: TextIO | None = None
) -> None:
    """Print rows under their column titles; into a pipe as plain lines that are never folded.

    Cells may be any value: None is a dash, a time is shown to the second, text is escaped.
    """
    stream = stream or sys.stdout
    cells = [[_cell(value) for value in row] for row in rows]
    right = [bool(cells) and all(row[at].isdigit() for row in cells) for at in range(len(columns))]
    if not Console(file=stream).is_terminal:
        stream.writelines(f"{line}\n" for line in _plain_lines([list(columns), *cells], right))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, to_the_right in zip(columns, right, strict=True):
        table.add_column(title, justify="right" if to_the_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console(file=stream, highlight=False).print(table)


NARROW = 120
"""Columns of a terminal below which a wide table is folded beyond reading."""


def is_narrow(stream: TextIO | None = None) -> bool:
    """Say whether a wide table is better printed as cards: on a terminal of few columns."""
    console = Console(file=stream or sys.stdout)
    return console.is_terminal and console.width < NARROW


def print_cards(rows: Iterable[Sequence[str]], *, stream: TextIO | None = None) -> None:
    """Print each row as a few lines, the first of them its head; text is escaped."""
    stream = stream or sys.stdout
    bold = coloured(stream)
    for head, *rest in rows:
        stream.write(f"{_paint(_BOLD, escape(head)) if bold else escape(head)}\n")
        stream.writelines(f"    {escape(line)}\n" for line in rest if line)


def print_json_lines(rows: Iterable[Mapping[str, object]], *, stream: TextIO | None = None) -> None:
    """Print one JSON object a line, in ASCII, as each row comes."""
    stream = stream or sys.stdout
    for row in rows:
        stream.write(json_line(row) + "\n")
    stream.flush()


def json_line(row: Mapping[str, object]) -> str:
    """Return one object as JSON in ASCII; times as ISO 8601 in UTC, lengths of time in seconds."""
    # Escaping what is not ASCII leaves DEL, which some terminals obey.
    return json.dumps(row, default=_json_value).replace("\x7f", "\\u007f")


def _json_value(value: object) -> object:
    match value:
        case datetime():
            return iso(value)
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case set() | frozenset():
            return sorted(value)
        case _:
            return str(value)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return clock_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(str(value))


def clock_text(moment: datetime) -> str:
    """Return a time to the second in UTC: ``2026-11-22 13:09:04Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _plain_lines(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(right))]
    for row in rows:
        cells = [
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(row, widths, right, strict=True)
        ]
        yield "  ".join(cells).rstrip()


@contextmanager
def progress(
    total: int, *, title: str = "", stream: TextIO | None = None
) -> Iterator[Callable[[str], None]]:
    """Show a bar while the body runs; the function it gives takes a step and says what was done.

    Where there is no terminal nothing is shown: a log file is no place for a bar.
    """
    console = Console(file=stream or sys.stderr, highlight=False)
    if not console.is_terminal:
        yield lambda _text: None
        return
    columns = (
        TextColumn("{task.fields[title]}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[last]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, title=escape(title), last="")
        yield lambda text: bar.update(task, advance=1, last=escape(text))


# --- logs -------------------------------------------------------------------------------------


class LogFormatter(logging.Formatter):
    """Write an event on one line: time, sentence, ``key=value`` fields; a ``diff`` below it."""

    def __init__(self, *, colours: bool = False) -> None:
        super().__init__()
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text without anything a terminal would obey but our own colours."""
        fields = {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        diff = fields.pop("diff", None)
        line = " ".join([*self._opening(record), *self._told(fields)])
        lines = [line, *self._diff_lines(str(diff) if diff else "")]
        if record.exc_info:
            lines += self._margin(self.formatException(record.exc_info))
        if record.stack_info:
            lines += self._margin(self.formatStack(record.stack_info))
        return "\n".join(lines)

    def _opening(self, record: logging.LogRecord) -> Iterator[str]:
        moment = datetime.fromtimestamp(record.created, UTC)
        yield self._paint(_DIM, clock_text(moment))
        if record.levelno != logging.INFO:
            yield self._paint(_LEVEL_COLOURS.get(record.levelno, ""), record.levelname)
        if not record.name.startswith(("crawler", "spiders", "storage")):
            yield f"{escape(record.name)}:"
        yield escape(record.getMessage())

    def _told(self, fields: Mapping[str, object]) -> Iterator[str]:
        for name, value in fields.items():
            text = _field_text(value)
            yield f"{escape(name)}={self._paint(_field_colour(name, text), text)}"

    def _diff_lines(self, diff: str) -> list[str]:
        if not diff:
            return []
        return [f"    | {line}" for line in _shown_diff(diff, colours=self._colours).split("\n")]

    def _margin(self, text: str) -> list[str]:
        return [f"    {escape(line)}" for line in text.split("\n")]

    def _paint(self, colour: str, text: str) -> str:
        return _paint(colour, text) if self._colours else text


def diff_text(diff: str, *, stream: TextIO | None = None) -> str:
    """Return a word diff to be printed, with its marks; in colours as well on a terminal."""
    return _shown_diff(diff, colours=coloured(stream or sys.stdout))


def _shown_diff(diff: str, *, colours: bool) -> str:
    """Return the diff escaped; every line of it begins and ends without colour."""
    shown_parts = []
    for mark, text in diff_parts(diff):
        # The marks stay beside the colours: who copies the line, or sees no red, reads it right.
        opening, closing = {"-": ("[-", "-]"), "+": ("{+", "+}")}.get(mark, ("", ""))
        colour = {"-": _RED, "+": _GREEN}.get(mark, "") if colours else ""
        pieces = [escape(piece) for piece in text.split("\n")]
        pieces = [opening + pieces[0], *pieces[1:]]
        pieces[-1] += closing
        shown_parts.append("\n".join(_paint(colour, piece) for piece in pieces))
    return "".join(shown_parts).rstrip("\n")


def _paint(colour: str, text: str) -> str:
    return f"{colour}{text}{_PLAIN}" if colour and text else text


def diff_parts(diff: str) -> Iterator[tuple[str, str]]:
    """Yield a word diff as pairs of mark and text: ``-`` removed, ``+`` added, empty for kept.

    A mark that is never closed is text: pages may contain it.
    """
    place = 0
    closing = {"-": "-]", "+": "+}"}
    open_marks = {"-": "[-", "+": "{+"}
    while place < len(diff):
        starts = {mark: diff.find(opening, place) for mark, opening in open_marks.items()}
        found = {mark: start for mark, start in starts.items() if start >= 0}
        if not found:
            break
        mark = min(found, key=found.__getitem__)
        start = found[mark]
        end = diff.find(closing[mark], start + 2)
        if end < 0:
            # No such mark can close any more: looking again would take quadratic time.
            del open_marks[mark]
            continue
        if start > place:
            yield "", diff[place:start]
        yield mark, diff[start + 2 : end]
        place = end + 2
    if place < len(diff):
        yield "", diff[place:]


def set_up_logging(level: int | str, stream: TextIO) -> None:
    """Send the logs of this process to ``stream`` in our form, and quieten the libraries'."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter(colours=coloured(stream)))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of every page that is no article; the reading says so already.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)


def _field_text(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    text = escape(str(value))
    if text and not any(character in text for character in ' "='):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def _field_colour(name: str, text: str) -> str:
    if name == "kind":
        return _KIND_COLOURS.get(text, _RED)
    return _PHASE_COLOURS.get(text, "") if name == "phase" else ""
