"""Print two texts side by side, on a terminal or into a pipe."""

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crawler.console import escape
from crawler.sidebyside import Mark, Row, Run

_PIPE_WIDTH = 120
_RUNS = {
    Mark.KEPT: ("", "", ""),
    Mark.REMOVED: ("[-", "-]", "red"),
    Mark.ADDED: ("{+", "+}", "green"),
}


def print_columns(
    rows: Iterable[Row], heads: tuple[str, str], *, stream: TextIO | None = None
) -> None:
    """Print two texts side by side: changed paragraphs, each with the one before and after it.

    Removed and added words have their marks, and on a terminal their colours.
    """
    stream = stream or sys.stdout
    console = Console(file=stream, highlight=False)
    width = console.width if console.is_terminal else _PIPE_WIDTH
    table = Table(box=None, pad_edge=False, header_style="bold", width=width, padding=(0, 2, 1, 0))
    for head in heads:
        table.add_column(Text(escape(head)), ratio=1, overflow="fold")
    listed = list(rows)
    near = {at + step for at, row in enumerate(listed) if row.changed for step in (-1, 0, 1)}
    left_out = 0
    for at, row in enumerate(listed):
        if at not in near:
            left_out += 1
            continue
        if left_out:
            table.add_row(*_left_out(left_out))
            left_out = 0
        table.add_row(_column(row.before), _column(row.after))
    if left_out:
        table.add_row(*_left_out(left_out))
    console.print(table)


def _left_out(count: int) -> tuple[Text, Text]:
    said = f"… {count} as {'it was' if count == 1 else 'they were'}"
    return Text(said, style="dim"), Text(said, style="dim")


def _column(runs: Sequence[Run]) -> Text:
    column = Text()
    for run in runs:
        opening, closing, style = _RUNS[run.mark]
        lines = "\n\n".join(map(escape, run.text.split("\n\n")))
        end = lines[len(lines.rstrip()) :]
        column.append(f"{opening}{lines.rstrip()}{closing}", style=style).append(end)
    return column
