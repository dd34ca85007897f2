"""Hold the calls of a process to the order that a power cut asks for.

A row is written only when the bytes it names are on the disk, under a name that is on the disk; an
event only when what the archive itself says of it is; a file is renamed only when its bytes are;
and a person is told only of rows that are.
"""

import os
import re
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from calls import Call

_CAPTURES = (
    "SELECT id, url, record_file, record_offset + record_length, "
    "request_file, request_offset + request_length FROM captures"
)
_FRAME_HEADER_BYTES = 24
_VISITED = re.compile(rb"visited .*?url=(\S+)")
_OPEN = ".open"
_NOTES = "reader-notes"
"""In the name of the files in which the reader writes events down."""


@dataclass(frozen=True, slots=True)
class Named:
    """A row, and up to where it relies on which files."""

    id: int
    url: str
    files: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class _File:
    """What is known of one file: bytes written, bytes safe, and whether its name is safe."""

    written: int = 0
    safe: int = 0
    name_is_safe: bool = True


@dataclass(slots=True)
class Judge:
    """Follow a log from the state in which the archive was at its start."""

    root: Path
    scratch: Path
    images: dict[str, bytearray] = field(default_factory=dict)
    files: dict[str, _File] = field(default_factory=lambda: defaultdict(_File))
    faults: list[str] = field(default_factory=list)
    commits: int = 0
    renames: int = 0
    told: int = 0
    events: int = 0
    """Events that were committed in the log."""
    _events_before: int = 0
    _entered: dict[int, tuple[Call, dict[str, int]]] = field(default_factory=dict)
    _visible: dict[int, Named] = field(default_factory=dict)
    _durable: set[int] = field(default_factory=set)
    _renamed: dict[str, str] = field(default_factory=dict)
    """Files with a new name that is not safe yet, and their folders."""
    _ends_commit: bool = False
    _said: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def begin(self, before: Path) -> None:
        """Take the archive as it was before the first call."""
        for name in ("catalogue.db", "catalogue.db-wal"):
            path = before / name
            self.images[name] = bytearray(path.read_bytes() if path.exists() else b"")
        for path in before.rglob("*.warc.gz"):
            size = path.stat().st_size
            self.files[path.relative_to(before).as_posix()] = _File(size, size)
        self._visible, self._events_before = self._rows()
        self._durable = set(self._visible)

    def hold(self, log: Sequence[Call]) -> list[str]:
        """Return what is out of order."""
        for call in log:
            if call.mark == "E":
                safe_then = {name: one.written for name, one in self.files.items()}
                self._entered[call.thread] = (call, safe_then)
                self._entering(call)
            elif call.mark == "X":
                entered, safe_then = self._entered.pop(call.thread)
                if call.number >= 0:
                    self._left(entered, call, safe_then)
        for name in self._renamed:
            self.faults.append(f"the new name of {name} was never synced")
        return self.faults

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.root) if path.startswith("/") else path

    def _entering(self, call: Call) -> None:
        name = self._name(call.path)
        if call.what == "rename" and name.endswith(_OPEN):
            self.renames += 1
            one = self.files[name.removesuffix(_OPEN)]
            if one.safe < one.written:
                self.faults.append(f"{name} is renamed with {one.written - one.safe} unsafe bytes")
        elif name.startswith("<"):
            self._telling(call.data)
        elif call.what == "pwrite" and name == "catalogue.db-wal":
            # What is handed over may reach the disk at any time from now on.
            self._write(name, call.number, call.data)
            if call.size == _FRAME_HEADER_BYTES:
                self._ends_commit = call.data[4:8] != bytes(4)
            elif self._ends_commit:
                self._ends_commit = False
                self._committing()
        elif call.what == "pwrite" and name in self.images:
            self._write(name, call.number, call.data)

    def _left(self, call: Call, result: Call, written_then: dict[str, int]) -> None:
        name = self._name(call.path)
        bare = name.removesuffix(_OPEN)
        if call.what == "write" and ".warc.gz" in name:
            self.files[bare].written = max(self.files[bare].written, result.size)
        elif call.what == "truncate" and ".warc.gz" in name:
            self.files[bare].written = call.number
        elif call.what == "truncate" and name in self.images:
            del self.images[name][call.number :]
        elif call.what == "unlink" and name in self.images:
            self.images[name].clear()
        elif call.what == "open" and name.endswith(_OPEN) and call.number & os.O_CREAT:
            self.files[bare] = _File(name_is_safe=False)
        elif call.what == "rename" and name.endswith(_OPEN):
            self._renamed[bare] = str(Path(bare).parent)
        elif call.what == "fsync":
            self._synced(name, bare, written_then)

    def _synced(self, name: str, bare: str, written_then: dict[str, int]) -> None:
        if name == "catalogue.db-wal":
            self._durable = set(self._visible)
        elif ".warc.gz" in name:
            self.files[bare].safe = max(self.files[bare].safe, written_then.get(bare, 0))
        for file, one in self.files.items():
            if str(Path(file).parent) == name and file in written_then:
                one.name_is_safe = True
        for file, folder in list(self._renamed.items()):
            if folder == name:
                del self._renamed[file]

    def _committing(self) -> None:
        """Hold the rows that become visible with this commit to what is safe before it."""
        self.commits += 1
        rows, events = self._rows()
        if events > self._events_before:
            self.events += events - self._events_before
            self._events_before = events
            for file, one in self.files.items():
                if _NOTES in file and (one.safe < one.written or not one.name_is_safe):
                    self.faults.append(f"an event is committed before {file} is safe")
        for row in (rows[key] for key in rows.keys() - self._visible.keys()):
            for file, end in row.files:
                one = self.files[file]
                if one.safe < end:
                    self.faults.append(
                        f"capture {row.id} is committed before byte {end} of {file} is safe: "
                        f"only {one.safe} are"
                    )
                if not one.name_is_safe or file in self._renamed:
                    self.faults.append(
                        f"capture {row.id} is committed before the name of {file} is safe"
                    )
        self._visible = rows

    def _telling(self, data: bytes) -> None:
        """Hold what a person reads to the rows that are safe."""
        for found in _VISITED.findall(data):
            self.told += 1
            url = found.decode()
            self._said[url] += 1
            kept = sum(self._visible[key].url == url for key in self._durable)
            if kept < self._said[url]:
                self.faults.append(f"{url} is told before its row is safe")
        if b" captured in " in data:
            self.told += 1
            if self._durable != set(self._visible) or self._renamed:
                self.faults.append("the end is told before all of it is safe")

    def _write(self, name: str, offset: int, data: bytes) -> None:
        image = self.images[name]
        if len(image) < offset:
            image.extend(bytes(offset - len(image)))
        image[offset : offset + len(data)] = data

    def _rows(self) -> tuple[dict[int, Named], int]:
        """Return captures and the number of events, as whoever opened the catalogue would see."""
        self.scratch.mkdir(exist_ok=True)
        for old in self.scratch.iterdir():
            old.unlink()
        for name, image in self.images.items():
            if image:
                (self.scratch / name).write_bytes(image)
        with closing(sqlite3.connect(self.scratch / "catalogue.db")) as db:
            found = db.execute(_CAPTURES).fetchall()
            ((events,),) = db.execute("SELECT count(*) FROM events")
        named = {
            key: Named(
                key,
                url,
                tuple((file, end) for file, end in ((file, end), (asked, asked_end)) if file),
            )
            for key, url, file, end, asked, asked_end in found
        }
        return named, events
