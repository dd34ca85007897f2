"""Read the head of a WARC record as the grammar has it (WARC/1.1 §4), and say where it differs."""

import re
from dataclasses import dataclass

from storage.warc.checks.fault import Kind, Report, quoted
from storage.warc.checks.tape import Flow

VERSIONS = ("WARC/1.1", "WARC/1.0")
_LONGEST_HEAD_BYTES = 1 << 20
_END = b"\r\n\r\n"
_ANY_END = re.compile(rb"\n\r?\n")
_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_GOOD = re.compile(rb"WARC/1\.[01]\r\n(?:" + _NAME + rb":(?:[^\x00-\x08\x0a-\x1f\x7f])*\r\n)*\r\n")
_TOKEN = re.compile(_NAME.decode())
_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The version and the named fields of a record; names are in lower case."""

    version: str
    type: str
    fields: list[tuple[str, str]]
    first: dict[str, str]
    """The first value of each field."""

    @property
    def is_1_0(self) -> bool:
        """Tell whether the rules of WARC/1.0 hold."""
        return self.version == "WARC/1.0"

    def get(self, name: str) -> str:
        """Return the first value of a field, ``""`` for none."""
        return self.first.get(name, "")

    @property
    def record_id(self) -> str:
        """Return the id of the record without its brackets."""
        return bare(self.get("warc-record-id"))


def bare(uri: str) -> str:
    """Return a URI without the brackets that WARC/1.0 and 1.1 put around it in different places."""
    return uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri


def take_head(flow: Flow, report: Report) -> Head | None:
    """Take the head off the flow, and note what is wrong with it; None when there is none."""
    if flow.peek(5) != b"WARC/":
        report.add(Kind.NO_RECORD, "no WARC record begins here: its first line is no WARC version")
        return None
    end = _END
    start = flow.peek(64)
    if b"\n" in start and b"\r\n" not in start:
        end = b"\n\n"
    data = flow.until(end, limit=_LONGEST_HEAD_BYTES)
    if data is None:
        report.add(Kind.NO_RECORD, "the head of the record does not end within 1 MiB or its member")
        return None
    good = _GOOD.fullmatch(data) is not None
    if not good and (earlier := _ANY_END.search(data)) is not None:
        # An empty line behind a bare LF ends the head as well: what follows is the block.
        flow.put_back(data[earlier.end() :])
        data = data[: earlier.end()]
    text, readable = _decoded(data)
    head = _quick(text) if good else _slow(text)
    report.url = bare(head.get("warc-target-uri"))
    report.captured_at = head.get("warc-date")
    if not readable:
        report.add(Kind.HEAD, "its head is not UTF-8 (WARC/1.1 §4)")
    if not good:
        _complain(text, head, report)
    return head


def name_of(data: bytes, report: Report) -> None:
    """Take address and date from what is left of a damaged record."""
    head = _slow(_decoded(data.partition(_END)[0])[0])
    report.url = bare(head.get("warc-target-uri"))
    report.captured_at = head.get("warc-date")


def _decoded(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode(), True
    except UnicodeDecodeError:
        return data.decode("latin-1"), False


def _quick(text: str) -> Head:
    """Read a head that keeps to the grammar and has no folded lines."""
    version, *lines = text.split("\r\n")
    fields = []
    for line in lines[:-2]:
        name, _, value = line.partition(":")
        fields.append((name.lower(), value.strip(" \t")))
    return _head(version, fields)


def _slow(text: str) -> Head:
    """Read any head as far as it goes: folded lines are joined, lines without a colon left out."""
    version, *lines = _LINE_END.split(text)
    fields: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name.strip(" \t").lower(), value.strip(" \t")))
    return _head(version, fields)


def _head(version: str, fields: list[tuple[str, str]]) -> Head:
    first = dict(fields)
    if len(first) < len(fields):
        first = dict(reversed(fields))
    return Head(version=version, type=first.get("warc-type", ""), fields=fields, first=first)


def _complain(text: str, head: Head, report: Report) -> None:
    if head.version not in VERSIONS:
        report.add(
            Kind.VERSION, f"its first line is {quoted(head.version)}, not WARC/1.1 or WARC/1.0"
        )
    lines = text.split("\r\n")
    if any("\n" in line or "\r" in line for line in lines):
        report.add(Kind.HEAD, "a line of its head does not end in CR LF (WARC/1.1 §4)")
    for line in _LINE_END.split(text)[1:]:
        if not line or line[0] in " \t":
            continue  # a folded line is legal
        name, colon, _ = line.partition(":")
        if not colon:
            report.add(Kind.HEAD, f"a line of its head has no colon: {quoted(line)}")
        elif not _TOKEN.fullmatch(name):
            report.add(Kind.HEAD, f"{quoted(name)} is no name of a field (WARC/1.1 §4)")
        if _CONTROL.search(line):
            report.add(Kind.HEAD, f"a control character stands in the field {quoted(name)}")
