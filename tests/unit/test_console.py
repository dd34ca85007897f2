"""What people and programs are shown."""

import io
import json
import logging
import os
import pty
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from crawler.console import (
    LogFormatter,
    coloured,
    diff_parts,
    diff_text,
    escape,
    print_json_lines,
    print_table,
    progress,
    set_up_logging,
)
from storage.model import Outcome

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
HOSTILE = "\x1b]0;owned\x07\r\n\u202egnp.\u2066\u200b\u3164\ud800\x7f\x9b31m"


@pytest.fixture
def terminal(monkeypatch):
    """A real pseudo-terminal: a text stream to write to, and what came out of it."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w", encoding="utf-8")

    def shown():
        stream.flush()
        os.set_blocking(ours, False)
        taken = b""
        try:
            while piece := os.read(ours, 65536):
                taken += piece
        except (BlockingIOError, OSError):
            pass
        return taken.decode()

    yield stream, shown
    stream.close()
    os.close(ours)


def line(message, *, level=logging.INFO, name="crawler.flow", colours=False, **fields):
    """One record as the formatter writes it."""
    record = logging.makeLogRecord(
        {"msg": message, "levelno": level, "levelname": logging.getLevelName(level), "name": name}
        | {"created": NOON.timestamp()}
        | fields
    )
    return LogFormatter(colours=colours).format(record)


# --- text from outside ------------------------------------------------------------------------


def test_nothing_hostile_reaches_a_terminal():
    """Control characters, bidi overrides and invisible letters are shown, not obeyed."""
    shown = escape(HOSTILE)
    assert shown.isascii()
    assert shown.isprintable()
    assert r"\x1b" in shown
    assert r"\u202e" in shown
    assert r"\u3164" in shown


def test_letters_of_every_script_stay():
    """Arabic, Chinese, accents and emoji are text, not danger."""
    text = "مقال — 文章, café 🗞"
    assert escape(text) == text


# --- listings ---------------------------------------------------------------------------------


def test_a_table_in_a_pipe_is_plain_lines():
    """A pipe gets one unfolded line a row, without colour, however long a URL is."""
    out = io.StringIO()
    url = "https://paper.example/" + "a" * 300
    print_table(
        [(url, 200, NOON, None), ("x" + HOSTILE, 4, NOON, True)],
        ["url", "status", "at", "told"],
        stream=out,
    )
    head, first, second = out.getvalue().splitlines()
    assert head.split() == ["url", "status", "at", "told"]
    assert first.split() == [url, "200", "2026-11-22", "12:00:00Z", "-"]
    assert first.index("200") + 2 == second.index(" 4 ") + 1
    assert second.endswith("yes")
    assert "\x1b" not in out.getvalue()


def test_an_empty_table_is_its_head():
    """A listing of nothing still says what it would list."""
    out = io.StringIO()
    print_table([], ["url", "status"], stream=out)
    assert out.getvalue() == "url  status\n"


def test_a_table_on_a_terminal_shows_no_markup_of_the_web(terminal):
    """A title that looks like the table library's own markup is shown as it is."""
    stream, shown = terminal
    print_table([("[bold red]x[/]", HOSTILE)], ["title", "url"], stream=stream)
    text = shown()
    assert "[bold red]x[/]" in text
    assert "\x1b]0;" not in text
    assert "\u202e" not in text


def test_json_lines_are_ascii_and_read_back():
    """A program gets every character back; a terminal gets none it would obey."""
    out = io.StringIO()
    row = {
        "url": HOSTILE,
        "at": NOON,
        "took": timedelta(seconds=1.5),
        "outcome": Outcome.OK,
        "none": None,
    }
    print_json_lines([row, {"a": 1}], stream=out)
    first, second = out.getvalue().splitlines()
    assert first.isascii()
    assert first.isprintable()
    assert json.loads(second) == {"a": 1}
    assert json.loads(first) == {
        "url": HOSTILE,
        "at": "2026-11-22T12:00:00.123456Z",
        "took": 1.5,
        "outcome": "ok",
        "none": None,
    }


def test_a_bar_is_for_a_terminal_only(terminal):
    """Where there is no terminal, progress writes nothing at all."""
    pipe = io.StringIO()
    stream, shown = terminal
    for out in (pipe, stream):
        with progress(2, title="capture", stream=out) as step:
            step(HOSTILE)
            step("https://paper.example/")
    assert pipe.getvalue() == ""
    assert "2/2" in shown()


# --- logs -------------------------------------------------------------------------------------


def test_an_event_is_one_line_of_sentence_and_fields():
    """Time, fixed sentence, fields; a value with spaces is quoted."""
    text = line("capture kept", target="https://paper.example/a", reason="no such host", status=200)
    assert text == (
        "2026-11-22 12:00:00Z capture kept "
        'target=https://paper.example/a reason="no such host" status=200'
    )


def test_a_hostile_value_cannot_forge_a_line_or_a_field():
    """A page title with line breaks, colours or quotes stays inside its field."""
    text = line(
        "event",
        title=f'x" kind=gone{HOSTILE}',
        diff="a\n2026-11-22 12:00:00Z event kind=gone\n[-\x1b[31mb-]",
    )
    first, *diff = text.split("\n")
    assert first.startswith('2026-11-22 12:00:00Z event title="x\\" kind=gone')
    assert all(one.startswith("    | ") for one in diff)
    assert "\x1b" not in text
    assert len(diff) == 3


def test_a_level_above_info_and_a_foreign_logger_are_named():
    """A warning says so, and a line of a library says whose it is."""
    assert "WARNING disk is nearly full" in line("disk is nearly full", level=logging.WARNING)
    assert "uvicorn.error: started" in line("started", name="uvicorn.error")


def test_a_traceback_is_indented_and_escaped():
    """The words of an exception come from outside too."""
    try:
        int(HOSTILE)
    except ValueError:
        text = line("it broke", exc_info=sys.exc_info())
    assert all(one.startswith("    ") for one in text.split("\n")[1:])
    assert "\x1b" not in text


def test_removed_is_red_and_added_is_green_on_a_terminal():
    """Colours come beside the marks of the word diff, which stay for those who see none."""
    diff = "He said [-no-]{+yes+} to it."
    assert line("e", diff=diff).split("\n")[1] == f"    | {diff}"
    painted = line("e", diff=diff, colours=True).split("\n")[1]
    assert painted == "    | He said \x1b[31m[-no-]\x1b[0m\x1b[32m{+yes+}\x1b[0m to it."


def test_a_diff_is_printed_with_its_marks_and_in_colours(terminal):
    """A changed run of several lines is coloured line by line; a pipe gets the marks."""
    stream, _ = terminal
    diff = "kept [-one\ntwo-]\x1b"
    assert diff_text(diff, stream=io.StringIO()) == "kept [-one\ntwo-]\\x1b"
    red = "\x1b[31m{}\x1b[0m".format
    assert diff_text(diff, stream=stream) == f"kept {red('[-one')}\n{red('two-]')}\\x1b"


def test_kinds_have_colours_on_a_terminal_only():
    """What takes a page away is red, what brings it back is green."""
    assert "kind=\x1b[31mgone\x1b[0m" in line("e", kind="gone", colours=True)
    assert "kind=\x1b[32mrestored\x1b[0m" in line("e", kind="restored", colours=True)
    assert "phase=\x1b[33msuspect\x1b[0m" in line("e", phase="suspect", colours=True)
    assert "\x1b" not in line("e", kind="gone", phase="suspect", level=logging.ERROR)


def test_a_mark_of_the_page_itself_is_text():
    """An opened mark that is never closed is part of the page, and looking for it stays quick."""
    assert list(diff_parts("a [-b {+c+}")) == [("", "a [-b "), ("+", "c")]
    assert list(diff_parts("[-a-]")) == [("-", "a")]
    assert list(diff_parts("")) == []
    began = time.perf_counter()
    list(diff_parts("[-{+" * 200_000))
    assert time.perf_counter() - began < 2


def test_colours_are_wanted_on_a_terminal_without_no_color(terminal, monkeypatch):
    """NO_COLOR and a pipe both mean no colours."""
    stream, _ = terminal
    assert coloured(stream)
    assert not coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(stream)


def test_libraries_are_quiet_and_we_are_not():
    """Only the warnings of libraries reach the log; our own story does."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    try:
        set_up_logging("INFO", out)
        logging.getLogger("scrapy.core.engine").info("Spider opened")
        logging.getLogger("uvicorn.access").info("GET /")
        logging.getLogger("apscheduler.scheduler").warning("missed")
        logging.getLogger("crawler.flow").info("capture kept", extra={"target": "x"})
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        root.setLevel(level)
    assert [one.split("Z ", 1)[1] for one in out.getvalue().splitlines()] == [
        "WARNING apscheduler.scheduler: missed",
        "capture kept target=x",
    ]
