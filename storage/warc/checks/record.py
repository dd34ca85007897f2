"""Judge one record by itself, and return what others must be held to."""

import re
from dataclasses import dataclass

from storage.message import parse_head
from storage.warc.checks.digests import judge_block
from storage.warc.checks.fault import Kind, Report, quoted
from storage.warc.checks.head import Head, take_head
from storage.warc.checks.rules import judge_fields
from storage.warc.checks.tape import Flow

_END = b"\r\n\r\n"
_MOST_DIGITS = 18
_START_BYTES = 512
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]+[^\s]")


@dataclass(frozen=True, slots=True)
class Facts:
    """What other records and the catalogue say of this record too; as it stands there."""

    head: Head
    offset: int
    length: int
    """Of its gzip member, or of the record in a file that is not compressed."""


def judge_record(flow: Flow, report: Report) -> tuple[Head | None, bool]:
    """Take one record off the flow; return its head, and whether the next one may follow it."""
    head = take_head(flow, report)
    if head is None:
        return None, False
    judge_fields(head, report)
    size = _length(head)
    if size is None:
        report.add(Kind.LENGTH, "its Content-Length is no number: its block cannot be found")
        return head, False
    judge_file_name(head, report)
    if size and head.get("content-type")[:16].lower() == "application/http":
        _judge_start(head, flow.peek(min(size, _START_BYTES)), report)
    count = judge_block(head, size, flow.pieces(size), report)
    if count < size:
        if flow.plain:
            report.add(Kind.TORN, f"the file ends within it: {size - count} bytes are missing")
        else:
            says = f"its block has {count} bytes, its Content-Length says {size}"
            report.add(Kind.LENGTH, f"{says} (WARC/1.1 §5.3)")
        return head, False
    return head, _judge_end(flow, report)


def judge_file_name(head: Head, report: Report) -> None:
    """Hold the name in a warcinfo record to that of the file."""
    told = head.get("warc-filename").strip('"')
    name = report.file.rpartition("/")[2]
    if head.type == "warcinfo" and told and told != name:
        says = f"its WARC-Filename is {quoted(told)}, and the file is called {quoted(name)}"
        report.add(Kind.FILE_NAME, f"{says} (WARC/1.1 §5.17)")


def _judge_start(head: Head, start: bytes, report: Report) -> None:
    """Hold a block that is said to be HTTP to the first line of a message."""
    line, end, _ = start.partition(b"\n")
    if not end and head.get("warc-truncated"):
        return  # what came of it may be less than its first line
    is_answer = parse_head(line + end) is not None
    if head.type == "request":
        right = not is_answer and _REQUEST_LINE.match(line) is not None
    else:
        right = is_answer or head.type not in ("response", "revisit")
    if not right:
        what = "request" if head.type == "request" else "answer"
        says = f"its block does not begin as an HTTP {what} does, and its Content-Type says it is"
        report.add(Kind.NO_HTTP, f"{says} one (WARC/1.1 §6.3 and §6.5)")


def _judge_end(flow: Flow, report: Report) -> bool:
    end = flow.peek(len(_END))
    if end == _END:
        flow.take(len(_END))
        return True
    if flow.plain and len(end) < len(_END) and _END.startswith(end):
        report.add(Kind.TORN, "the file ends before the two line ends that close the record")
        return False
    if not end or _END.startswith(end):
        says = "the two line ends (CR LF CR LF) behind its block are missing"
    else:
        says = (
            "behind its block stands something else than two line ends: it is longer than it says"
        )
    report.add(Kind.RECORD_END, f"{says} (WARC/1.1 §4)")
    return False


def _length(head: Head) -> int | None:
    text = head.get("content-length")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return None
    return int(text)
