"""Read every closed WARC file again in the course of time, and know how far that is.

What was found stands in ``fixity.json`` beside the manifest. It is no evidence: lost, the round
begins anew.
"""

import errno
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from storage.archive import Archive
from storage.errors import StorageError
from storage.folders import explain, write_file
from storage.manifest import Manifest
from storage.warc.files import INVALID, SUFFIX
from storage.warc.proof import prove

NAME = "fixity.json"
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the system refuses for a want of ours, and not of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """When a file was last read whole, and what was wrong with it then."""

    at: datetime
    fault: str = ""
    since: datetime | None = None
    """When the fault was found first."""
    seen: str = ""
    """Which bytes the fault was found in: size and time of the file, empty for a missing one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How it stands with the copies in one place."""

    used: bool = False
    """Whether copies were made there once, so that an empty folder is another one."""
    trouble: str = ""
    """What keeps it from being used, as seen last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of the closed files of an archive and of the places of its copies."""

    files: Mapping[str, Checked] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)

    def with_checked(self, name: str, checked: Checked) -> "Progress":
        """Return the progress with one more file."""
        before = self.files.get(name)
        if checked.fault and before is not None and before.since is not None:
            checked = replace(checked, since=before.since)
        return replace(self, files={**self.files, name: checked})


def read(archive: Archive) -> Progress:
    """Return what was written last; nothing where there is no such file, or no whole one."""
    try:
        told = json.loads((archive.root / NAME).read_bytes())
        files = {name: _checked(one) for name, one in told["files"].items()}
        places = {
            name: Place(used=bool(one["used"]), trouble=str(one["trouble"]))
            for name, one in told["places"].items()
        }
        return Progress(files=files, places=places)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Progress()


def write(archive: Archive, progress: Progress) -> None:
    """Put the progress in place of the one before, durably."""
    told = {
        "files": {name: _told(one) for name, one in sorted(progress.files.items())},
        "places": {
            name: {"used": one.used, "trouble": one.trouble}
            for name, one in sorted(progress.places.items())
        },
    }
    path = archive.root / NAME
    try:
        write_file(path, (json.dumps(told, indent=0) + "\n").encode())
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {explain(error)}") from error


def next_file(
    archive: Archive, progress: Progress, *, every: timedelta, now: datetime
) -> str | None:
    """Return the closed file that is to be read next, None while none is due.

    First what was never read, then what was read longest ago. A file with a fault is read again as
    soon as its bytes are others.
    """
    due: list[tuple[str, str]] = []
    for name in Manifest(archive.root).read():
        known = progress.files.get(name)
        if known is None:
            due.append(("", name))
        elif known.fault and shape(archive.path(name)) != known.seen:
            return name
        elif known.at + every <= now or known.at > now:  # or the clock was set back
            due.append((known.at.isoformat(), name))
    return min(due)[1] if due else None


def audit(
    archive: Archive, name: str, *, now: datetime, each: Callable[[bytes], object]
) -> Checked:
    """Read one closed file whole: its SHA-256 against the manifest, and its records."""
    path = archive.path(name)
    seen = shape(path)
    fault = fault_of(path, name=name, sha256=Manifest(archive.root).read().get(name), each=each)
    return Checked(at=now, fault=fault, since=now if fault else None, seen=seen)


def fault_of(
    path: Path,
    *,
    name: str,
    sha256: str | None,
    each: Callable[[bytes], object] = lambda _: None,
) -> str:
    """Say what is wrong with a file, in words for a person, or nothing.

    A StorageError where nothing can be said, because this process has too little to read it with.
    """
    if not path.is_file():
        return "it is missing"
    try:
        proof = prove(path, name=name, each=each)
    except StorageError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _OURS:
            raise
        return str(error)
    if proof.faults:
        first = proof.faults[0]
        where = f" at {first.offset}" if first.offset is not None else ""
        return f"{first.message} ({first.kind}{where})"
    if sha256 is not None and proof.sha256 != sha256:
        return "its bytes are not those it was closed with (SHA-256)"
    return ""


def shape(path: Path) -> str:
    """Return size and times of a file: another shape means other bytes, or the same put back."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"


def damaged(archive: Archive, progress: Progress) -> dict[str, str]:
    """Return what was wrong with each file that is as it was when that was found."""
    return {
        name: one.fault
        for name, one in sorted(progress.files.items())
        if one.fault and shape(archive.path(name)) == one.seen
    }


def set_aside(archive: Archive) -> list[str]:
    """Return the names of files that had a fault when they were closed."""
    return [archive.name(path) for path in sorted(archive.warc.rglob(f"*{SUFFIX}{INVALID}"))]


def _told(one: Checked) -> dict[str, str]:
    told = {"checked_at": one.at.isoformat()}
    if one.fault:
        since = one.since or one.at
        told |= {"fault": one.fault, "since": since.isoformat(), "seen": one.seen}
    return told


def _checked(told: Mapping[str, str]) -> Checked:
    since = told.get("since")
    return Checked(
        at=datetime.fromisoformat(told["checked_at"]),
        fault=str(told.get("fault", "")),
        since=datetime.fromisoformat(since) if since else None,
        seen=str(told.get("seen", "")),
    )
