"""Know the archive folder: its paths, how it is made and opened, and who holds it."""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from storage.errors import ArchiveLockedError, RecordError, StorageError
from storage.folders import explain, make_folder, sync_folder, write_file

_HOLD_PATIENCE_SECONDS = 0.3
_ORPHANS_END_WITHIN_SECONDS = 5.0
_HOLD_PAUSE_SECONDS = 0.02
_NOTE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Archive:
    """Name the places of one archive; making the value touches no disk."""

    root: Path

    @property
    def config(self) -> Path:
        """Return the path of the configuration."""
        return self.root / "holdfast.toml"

    @property
    def catalogue(self) -> Path:
        """Return the path of the SQLite catalogue."""
        return self.root / "catalogue.db"

    @property
    def watch_journal(self) -> Path:
        """Return the path of the journal of the watch list."""
        return self.root / "watch.jsonl"

    @property
    def warc(self) -> Path:
        """Return the folder of the WARC files."""
        return self.root / "warc"

    @property
    def torn(self) -> Path:
        """Return the folder of the tails cut off after a crash."""
        return self.root / "torn"

    @property
    def index(self) -> Path:
        """Return the folder of the CDXJ files."""
        return self.root / "index"

    @property
    def lock_file(self) -> Path:
        """Return the file whose flock says that the archive is held."""
        return self.root / "lock"

    def path(self, file: str) -> Path:
        """Return the path of a file named as in ``RecordRef.file``, and refuse one outside."""
        relative = PurePosixPath(file)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise RecordError(f"{file!r} does not name a file inside the archive {self.root}")
        return self.root / relative

    def name(self, path: Path) -> str:
        """Return the name of a WARC file as records and listings carry it: without their ending."""
        name = path.relative_to(self.root).as_posix()
        return name.removesuffix(".open").removesuffix(".invalid")


class Hold:
    """Keep the archive ours; ended by ``release`` or by the death of all who have ``fd``.

    A child started with ``pass_fds=(hold.fd,)`` keeps the archive held when its parent is killed,
    so that nobody else writes while it still does.
    """

    def __init__(self, archive: Archive, descriptor: int, since: datetime) -> None:
        self.archive = archive
        self.fd = descriptor
        self._since = since
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - the parameter has no keyword

    def tell(self, note: str) -> None:
        """Say in the lock file who holds the archive, such as the address it can be asked at."""
        since = self._since.isoformat(timespec="seconds")
        text = json.dumps({"pid": os.getpid(), "since": since, "address": note}) + "\n"
        try:
            os.ftruncate(self.fd, 0)
            os.pwrite(self.fd, text.encode(), 0)
        except OSError as error:
            lock_file = self.archive.lock_file
            raise StorageError(f"cannot write {lock_file}: {explain(error)}") from error

    def release(self) -> None:
        """Let go of the archive; children that have ``fd`` go on holding it."""
        # Closed, not unlocked: LOCK_UN would take the lock away from the children as well.
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def create(root: Path, *, config: str = "") -> Archive:
    """Make an archive with this text as its configuration; an existing one is refused."""
    archive = Archive(root.absolute())
    if archive.config.exists():
        raise StorageError(f"{root} is an archive already: nothing was changed")
    _refuse_foreign(archive)
    try:
        for folder in (archive.root, archive.warc, archive.torn, archive.index):
            make_folder(folder)
        # Last, because it is what makes the folder an archive.
        write_file(archive.config, config.encode())
    except OSError as error:
        raise StorageError(f"cannot make the archive {root}: {explain(error)}") from error
    return archive


def open_archive(root: Path, *, read_only: bool = False) -> Archive:
    """Return the archive at this place, and say in one line why it cannot be used."""
    archive = Archive(root.absolute())
    if not archive.root.exists():
        raise StorageError(f"there is no archive at {root}: make one with `holdfast init {root}`")
    if not archive.root.is_dir():
        raise StorageError(f"{root} is not a folder, so it cannot be an archive")
    if not archive.config.is_file():
        raise StorageError(
            f"{root} has no holdfast.toml, so it is not an archive: "
            f"name another folder, or make one with `holdfast init`"
        )
    if not os.access(archive.config, os.R_OK, effective_ids=_EFFECTIVE):
        raise StorageError(f"the archive {root} cannot be read: permission denied")
    if not read_only:
        _prepare_writing(archive)
    return archive


RESERVE_BYTES = 64 * 1024 * 1024
"""Room kept free on the archive's disk: below it nothing is captured."""


def room(archive: Archive) -> int:
    """Return how many bytes of the archive's disk may still be filled; negative below the reserve.

    Room that only root may use does not count.
    """
    try:
        disk = os.statvfs(archive.root)
    except OSError as error:
        raise StorageError(
            f"cannot look at the disk of {archive.root}: {explain(error)}"
        ) from error
    return disk.f_bavail * disk.f_frsize - RESERVE_BYTES


def require_room(archive: Archive) -> None:
    """Raise StorageError when the archive's disk is full, before anything is asked of a server."""
    if (left := room(archive)) < 0:
        free = (left + RESERVE_BYTES) // 2**20
        raise StorageError(
            f"only {free} MiB are free on the disk of {archive.root}, nothing was captured: "
            f"make room, {RESERVE_BYTES // 2**20} MiB at least"
        )


def hold(archive: Archive, *, note: str = "") -> Hold:
    """Take the archive for this process and its children, or say who has it.

    The children of a holder that was killed end with it, a moment later: they are waited for.
    """
    path = archive.lock_file
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageError(f"cannot open {path}: {explain(error)}") from error
    try:
        _wait_for_lock(descriptor, archive)
        held = Hold(archive, descriptor, datetime.now(UTC))
        held.tell(note)
    except BaseException:
        os.close(descriptor)
        raise
    return held


def holder(archive: Archive) -> str | None:
    """Say who holds the archive, or None when it is free."""
    try:
        descriptor = os.open(archive.lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"cannot open {archive.lock_file}: {explain(error)}") from error
    try:
        if _lock(descriptor, fcntl.LOCK_SH):
            return None
        return _describe(descriptor)
    finally:
        os.close(descriptor)


_EFFECTIVE = os.access in os.supports_effective_ids
_OUR_FOLDERS = frozenset({"warc", "torn", "index", "lost+found"})


def _refuse_foreign(archive: Archive) -> None:
    """Refuse to make an archive among files that are not ours; a half-made one may be finished."""
    root = archive.root
    if root.exists() and not root.is_dir():
        raise StorageError(f"{root} is not a folder, so no archive can be made there")
    try:
        foreign = root.exists() and any(one.name not in _OUR_FOLDERS for one in root.iterdir())
    except OSError as error:
        raise StorageError(f"cannot read the folder {root}: {explain(error)}") from error
    if foreign:
        raise StorageError(f"{root} is not empty and is not an archive: name a new folder")


def _prepare_writing(archive: Archive) -> None:
    """Make what a restored copy may lack, and find a read-only archive before the first visit."""
    try:
        made = False
        for folder in (archive.warc, archive.torn, archive.index):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                made = True
        if made:
            sync_folder(archive.root)
        for folder in (archive.root, archive.warc, archive.torn, archive.index):
            _refuse_read_only(archive, folder)
    except OSError as error:
        raise StorageError(
            f"cannot write to the archive {archive.root}: {explain(error)}"
        ) from error


def _refuse_read_only(archive: Archive, folder: Path) -> None:
    writable = os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)
    if not writable or os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise StorageError(
            f"the archive {archive.root} is read-only for this user ({folder}): "
            f"nothing can be captured there"
        )


def _wait_for_lock(descriptor: int, archive: Archive) -> None:
    # `holder` borrows the lock for an instant to ask; that must not look like a second service.
    begun_at = time.monotonic()
    while not _lock(descriptor, fcntl.LOCK_EX):
        note = _note(descriptor)
        has_ended = note is not None and not _alive(note.pid)
        patience = _ORPHANS_END_WITHIN_SECONDS if has_ended else _HOLD_PATIENCE_SECONDS
        if time.monotonic() - begun_at >= patience:
            holding = _describe(descriptor)
            raise ArchiveLockedError(f"the archive {archive.root} is in use by {holding}")
        time.sleep(_HOLD_PAUSE_SECONDS)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StorageError(f"cannot lock the archive: {explain(error)}") from error
    return True


@dataclass(frozen=True, slots=True)
class _Note:
    """What a holder says of itself in the lock file."""

    pid: int
    since: str
    address: str


def _note(descriptor: int) -> _Note | None:
    """Read the note of the lock file; one half written, or not for a terminal, is none."""
    try:
        told = json.loads(os.pread(descriptor, _NOTE_BYTES, 0))
        note = _Note(int(told["pid"]), str(told["since"]), str(told["address"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return note if note.since.isprintable() and note.address.isprintable() else None


def _describe(descriptor: int) -> str:
    """Say who wrote the note of the lock file."""
    note = _note(descriptor)
    if note is None:
        return "another process"
    ended = "" if _alive(note.pid) else " (it has ended, its children have not)"
    where = f", {note.address}" if note.address else ""
    return f"process {note.pid}{ended}, since {note.since}{where}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
