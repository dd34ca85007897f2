"""Hold what records say of each other together, with a small part of their ids in memory.

Each record is a line of a few dozen bytes in scratch files, spread by its id; afterwards one part
after the other is read and joined. Nothing is sorted and nothing is kept in memory but one part,
which is one 64th of the ids of all records: docs/verify.md says how much that is.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from storage.warc.checks.digests import claim_of
from storage.warc.checks.fault import Fault, Kind, Report, quoted
from storage.warc.checks.head import Head, bare
from storage.warc.checks.record import Facts
from storage.warc.checks.rules import IDENTICAL, NOT_MODIFIED

_PARTS = 64
_HELD_BYTES = 4 << 20
_NEAR_RECORDS = 4096
_HOLDS_PAYLOAD = ("response", "resource")


class Scratch:
    """Append lines to one of many files by their key, a few MiB at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[int, list[str]] = {}
        self._held_bytes = 0

    def put(self, part: int, *values: object) -> None:
        """Append a line of values; what would break the line becomes a blank."""
        line = "\t".join(_word(value) for value in values)
        self._held.setdefault(part, []).append(line)
        self._held_bytes += len(line) + 100
        if self._held_bytes > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        for part, lines in self._held.items():
            path = self._folder / str(part)
            with path.open("a", encoding="utf-8", errors="surrogateescape", newline="\n") as out:
                out.writelines(f"{line}\n" for line in lines)
        self._held.clear()
        self._held_bytes = 0


def lines_of(path: Path) -> Iterator[list[str]]:
    """Yield the values of each line of a part."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as source:
        for line in source:
            yield line[:-1].split("\t")


def _word(value: object) -> str:
    text = str(value)
    if "\t" in text or "\n" in text:
        text = text.replace("\t", " ").replace("\n", " ")
    return text


class Ties:
    """Note the ids, and what refers to them, of one file; what is near is judged at once."""

    def __init__(self, folder: Path, *, file: int, salt: bytes, report: Report) -> None:
        self._scratch = Scratch(folder)
        self._file = file
        self._salt = salt
        self._report = report
        self._near: OrderedDict[str, str] = OrderedDict()
        """Ids of the records just read, with their dates."""
        self._asked: set[str] = set()

    def note(self, facts: Facts) -> None:
        """Take one record in."""
        head = facts.head
        record_id = head.record_id
        if record_id:
            self._define(facts, record_id)
        first = head.first
        if "warc-concurrent-to" in first:
            for name, value in head.fields:
                if name == "warc-concurrent-to":
                    self._concurrent(facts, bare(value))
        if (info := first.get("warc-warcinfo-id")) and info not in self._asked:
            # All records of a file name the same one or a few.
            if len(self._asked) < _NEAR_RECORDS:
                self._asked.add(info)
            self._refer(facts, bare(info), "WARC-Warcinfo-ID")
        if origin := first.get("warc-segment-origin-id"):
            self._refer(facts, bare(origin), "WARC-Segment-Origin-ID")
        if original := first.get("warc-refers-to"):
            self._refers_to(facts, bare(original))

    def end(self) -> None:
        """Write what is left."""
        self._scratch.flush()

    def _part_of(self, record_id: str) -> int:
        # The salt is secret: whoever writes hostile ids cannot send them all into one part.
        key = record_id.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(key, digest_size=1, key=self._salt).digest()[0] % _PARTS

    def _define(self, facts: Facts, record_id: str) -> None:
        head = facts.head
        self._near[record_id] = head.get("warc-date")
        if len(self._near) > _NEAR_RECORDS:
            self._near.popitem(last=False)
        line: list[object] = ["D", record_id, self._file, facts.offset, head.type]
        if head.type in _HOLDS_PAYLOAD:
            uri = bare(head.get("warc-target-uri"))
            line += [head.get("warc-payload-digest"), head.get("warc-date"), uri]
        self._scratch.put(self._part_of(record_id), *line)

    def _concurrent(self, facts: Facts, record_id: str) -> None:
        date = self._near.get(record_id)
        if date is None:
            self._refer(facts, record_id, "WARC-Concurrent-To")
        elif date != facts.head.get("warc-date"):
            says = f"it is of one capture event with {quoted(record_id)}, whose date is {date}"
            self._report.add(Kind.CONCURRENT_DATE, f"{says} (WARC/1.1 §5.4)")

    def _refers_to(self, facts: Facts, record_id: str) -> None:
        head = facts.head
        if head.type != "revisit":
            self._refer(facts, record_id, "WARC-Refers-To")
            return
        claims = [
            head.get("warc-payload-digest"),
            bare(head.get("warc-refers-to-target-uri")),
            head.get("warc-refers-to-date"),
            head.get("warc-refers-to-filename"),
            head.get("warc-refers-to-file-offset"),
        ]
        known = bare(head.get("warc-profile")) in (*IDENTICAL, *NOT_MODIFIED)
        self._refer(facts, record_id, "revisit" if known else "WARC-Refers-To", *claims)

    def _refer(self, facts: Facts, record_id: str, what: str, *claims: object) -> None:
        if ":" not in record_id:
            return  # no URI, which is a fault already
        head: Head = facts.head
        self._scratch.put(
            self._part_of(record_id),
            "R",
            record_id,
            self._file,
            facts.offset,
            what,
            bare(head.get("warc-target-uri")),
            head.get("warc-date"),
            *claims,
        )


def judge_ties(folders: Sequence[Path], names: Sequence[str], *, whole: bool) -> Iterator[Fault]:
    """Join all parts, and yield what does not hold together.

    ``names`` are the files by their number. ``whole`` says that these are all files there are
    and nobody writes them: a record that is named and not found is missing then, and else it may
    lie elsewhere.
    """
    for part in range(_PARTS):
        yield from _Part(folders, part, names, whole=whole).faults()


class _Part:
    def __init__(
        self, folders: Sequence[Path], part: int, names: Sequence[str], *, whole: bool
    ) -> None:
        self._paths = [folder / str(part) for folder in folders]
        self._names = names
        self._whole = whole
        self._known: dict[str, list[str]] = {}

    def faults(self) -> Iterator[Fault]:
        for path in self._paths:
            for line in lines_of(path):
                if line[0] == "D":
                    yield from self._define(line)
        for path in self._paths:
            for line in lines_of(path):
                if line[0] == "R":
                    yield from self._resolve(line)

    def _define(self, line: list[str]) -> Iterator[Fault]:
        record_id = line[1]
        earlier = self._known.setdefault(record_id, line)
        if earlier is line or _place(earlier) == _place(line):
            return
        first, second = sorted((earlier, line), key=_place)
        yield Fault(
            file=self._names[int(second[2])],
            offset=int(second[3]),
            kind=Kind.DUPLICATE_ID,
            message=f"its id {quoted(record_id)} is that of {self._told(first)} too"
            " (WARC/1.1 §5.2)",
            url=second[7] if len(second) > 7 else "",
            captured_at=second[6] if len(second) > 7 else "",
        )

    def _resolve(self, line: list[str]) -> Iterator[Fault]:
        _, record_id, file, offset, what, url, date, *claims = line
        target = self._known.get(record_id)
        if target is None:
            field = "WARC-Refers-To" if what == "revisit" else what
            kind = Kind.MISSING_RECORD if self._whole else Kind.ELSEWHERE
            message = f"its {field} names {quoted(record_id)}, which none of the files read holds"
        else:
            kind = Kind.REVISIT
            message = self._revisited(target, claims) if what == "revisit" else ""
            if what == "WARC-Warcinfo-ID" and target[4] != "warcinfo":
                kind = Kind.WRONG_RECORD
                message = f"its {what} names {self._told(target)}, a {target[4]} record and no"
                message += " warcinfo (WARC/1.1 §5.16)"
        if message:
            yield Fault(
                file=self._names[int(file)],
                offset=int(offset),
                kind=kind,
                message=message,
                url=url,
                captured_at=date,
            )

    def _revisited(self, target: list[str], claims: list[str]) -> str:
        """Return what a revisit says wrongly of its original, ``""`` for nothing."""
        digest, uri, date, name, offset = claims
        where = self._told(target)
        if target[4] not in _HOLDS_PAYLOAD:
            return f"it is a revisit of {where}, a {target[4]} record, which holds no payload"
        there, file_name = target[5:8], self._names[int(target[2])].rpartition("/")[2]
        if digest and there[0] and not _agree(digest, there[0]):
            return f"the payload of {where}, of which it is a revisit, has another digest"
        if uri and uri != there[2]:
            return f"{where}, of which it is a revisit, has another WARC-Target-URI (§5.12)"
        if date and date != there[1]:
            return f"{where}, of which it is a revisit, has another WARC-Date (§5.13)"
        if name and name == file_name and offset and offset != target[3]:
            return f"its original lies at {target[3]} of {name}, and not at {offset}"
        return ""

    def _told(self, line: list[str]) -> str:
        return f"the record at {line[3]} of {self._names[int(line[2])]}"


def _place(line: list[str]) -> tuple[int, int]:
    return int(line[2]), int(line[3])


def _agree(one: str, other: str) -> bool:
    """Compare two digests; of different algorithms they cannot be told to differ."""
    if one == other:
        return True
    first, second = claim_of(one), claim_of(other)
    if first.value is None or second.value is None or first.algorithm != second.algorithm:
        return True
    return first.value == second.value
