"""Say what a disk may hold after a power cut, from the calls that were made on its files.

What was synced is there. Of what was not, any part may be: bytes of a file without its name, a
name without its bytes, a later write without an earlier one.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from calls import Call


@dataclass(slots=True)
class _File:
    """The bytes of one file: those that are safe, and the writes that are not, in their order."""

    safe: bytes = b""
    size_now: int = 0
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)
    """Offset and bytes; None for a cut at that offset."""

    def after(self, chance: random.Random | None, *, upto: int | None = None) -> bytes:
        """Return what may be there: all that waits, with ``chance`` some of it."""
        found = bytearray(self.safe)
        for offset, data in self.waiting[:upto]:
            if chance is not None and chance.random() < 0.5:
                continue
            if data is None:
                del found[offset:]
                continue
            if len(found) < offset:
                found.extend(bytes(offset - len(found)))
            found[offset : offset + len(data)] = data
        return bytes(found)


@dataclass(slots=True)
class _Change:
    """A name that was given or taken away, and is not safe yet."""

    folder: str
    given: str | None
    taken: str | None
    file: _File | None


@dataclass(slots=True)
class Disk:
    """The disk under a folder, as its files are written."""

    root: Path
    names: dict[str, _File] = field(default_factory=dict)
    """As a process sees them."""
    safe_names: dict[str, _File] = field(default_factory=dict)
    changes: list[_Change] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    """What a person was told so far."""
    _entered: dict[int, tuple[Call, dict[int, int], int]] = field(default_factory=dict)

    def begin(self, before: Path) -> None:
        """Take what is there before the first call for safe."""
        for path in before.rglob("*"):
            if path.is_file() and not path.name.endswith("-shm"):
                content = path.read_bytes()
                file = _File(safe=content, size_now=len(content))
                self.names[path.relative_to(before).as_posix()] = file
        self.safe_names = dict(self.names)

    def follow(self, call: Call) -> None:
        """Take the next call of a log."""
        if call.mark == "E":
            waiting = {id(one): len(one.waiting) for one in self.names.values()}
            self._entered[call.thread] = (call, waiting, len(self.changes))
            if call.path.startswith("<"):
                self.said.append(call.data)
        elif call.mark == "X":
            entered, waiting, changes = self._entered.pop(call.thread)
            if call.number >= 0 and not entered.path.startswith("<"):
                self._done(entered, call, waiting, changes)

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.root)

    def _done(self, call: Call, result: Call, waiting: dict[int, int], changes: int) -> None:
        name = self._name(call.path)
        match call.what:
            case "open":
                self._opened(name, call.number)
            case "write" | "pwrite":
                offset = result.size - result.number
                self._put(name, (offset, call.data[: result.number]))
            case "truncate":
                self._put(name, (call.number, None))
            case "rename":
                self._renamed(name, self._name(call.path2))
            case "unlink":
                self.changes.append(_Change(_folder(name), None, name, self.names.pop(name, None)))
            case "fsync" if name in self.names:
                file = self.names[name]
                upto = waiting.get(id(file), 0)
                file.safe = file.after(None, upto=upto)
                del file.waiting[:upto]
            case "fsync":
                self._synced_folder(name, changes)

    def _opened(self, name: str, flags: int) -> None:
        if name not in self.names and flags & os.O_CREAT:
            self.names[name] = _File()
            self.changes.append(_Change(_folder(name), name, None, self.names[name]))
        elif name in self.names and flags & os.O_TRUNC:
            self._put(name, (0, None))

    def _put(self, name: str, change: tuple[int, bytes | None]) -> None:
        if name in self.names:
            self.names[name].waiting.append(change)

    def _renamed(self, old: str, new: str) -> None:
        file = self.names.pop(old)
        self.names[new] = file
        self.changes.append(_Change(_folder(new), new, old, file))

    def _synced_folder(self, folder: str, count: int) -> None:
        done = [one for one in self.changes[:count] if one.folder == folder]
        for one in done:
            _apply(self.safe_names, one)
        gone = {id(one) for one in done}
        self.changes = [one for one in self.changes if id(one) not in gone]

    def write(self, folder: Path, chance: random.Random | None) -> None:
        """Lay down what the disk may hold now: what is safe; with ``chance`` some of the rest."""
        names = dict(self.safe_names)
        for change in self.changes:
            if chance is not None and chance.random() < 0.5:
                _apply(names, change)
        for name, file in names.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.safe if chance is None else file.after(chance))


def _apply(names: dict[str, _File], change: _Change) -> None:
    if change.taken is not None:
        names.pop(change.taken, None)
    if change.given is not None and change.file is not None:
        names[change.given] = change.file


def _folder(name: str) -> str:
    return str(Path(name).parent)


def cuts(log: Sequence[Call]) -> list[int]:
    """Return the places of a log at which a power cut may leave something new."""
    return [place + 1 for place, call in enumerate(log) if call.mark == "X"]
