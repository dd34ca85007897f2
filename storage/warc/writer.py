"""Append exchanges to a growing WARC file, all of each or nothing, and make them safe."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

from storage.archive import Archive
from storage.errors import RecordError, StorageError
from storage.folders import explain
from storage.model import Exchange, RecordRef, Role
from storage.warc import blocks, derived, fields, files, records
from storage.warc.derived import Info, Resource
from storage.warc.member import TEXT_BYTES, Encoder
from storage.warc.records import Facts, FileFacts, Layout, Profile, Record, Revisit

__all__ = [
    "DEFAULT_MAX_AGE",
    "DEFAULT_MAX_BYTES",
    "Facts",
    "Info",
    "Kept",
    "Profile",
    "Revisit",
    "Writer",
]

DEFAULT_MAX_BYTES = 1_000_000_000
DEFAULT_MAX_AGE = timedelta(days=1)
_BUFFER_BYTES = 1 << 20
_END = b"\r\n\r\n"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where the records of one exchange lie; safe only after ``Writer.sync``.

    ``record`` is the response or revisit; the raw bytes when they were not HTTP; else the metadata
    record, which names the failure.
    """

    record: RecordRef
    request: RecordRef | None
    metadata: RecordRef
    record_id: str


class _Pending:
    """Pieces of records on their way into a file, so that many are written with one call."""

    __slots__ = ("_begun", "_file", "_pieces", "_whole", "position")

    def __init__(self, file: files.WarcFile) -> None:
        self._file = file
        self._pieces: list[bytes] = []
        self.position = file.position
        """Where the next piece will lie."""
        self._begun = file.position
        """Where the exchange begins that the next piece is of."""
        self._whole = file.position
        """Up to here the file holds whole exchanges."""

    def write(self, data: bytes) -> None:
        """Take the next piece."""
        self._pieces.append(data)
        self.position += len(data)
        if self.position - self._file.position >= _BUFFER_BYTES:
            self.flush()

    def end(self) -> None:
        """Take note that an exchange is complete."""
        self._begun = self.position

    def flush(self) -> None:
        """Write what was taken; OSError may leave a part of it in the file."""
        pieces, self._pieces = self._pieces, []
        self._file.append(pieces)
        self._whole = self._begun

    def leave_out(self) -> bool:
        """Take back the exchange that is not complete; False if a part of it was written."""
        if self._begun < self._file.position:
            return False
        while self.position > self._begun:
            self.position -= len(self._pieces.pop())
        return True

    def undo(self) -> None:
        """Have the file end with its last whole exchange."""
        self._pieces.clear()
        self._begun = self.position = self._whole
        self._file.undo(self._whole)


@dataclass(slots=True)
class _Growing:
    """A file being written, what its records share, where its warcinfo ends, since when."""

    file: files.WarcFile
    pending: _Pending
    facts: FileFacts
    first_offset: int
    begun_at: datetime


class Writer:
    """Write the WARC files of one process, one at a time, until closed.

    ``append…`` and ``gathering`` belong to one thread; ``sync`` may be called from another at the
    same time and does not hold up appending while the disk works. After a failed write the writer
    is closed: what was written before is whole and can still be synced, then a new writer is
    needed.
    Rotation costs the appending thread no sync: the next ``sync`` finishes the full file.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        name: str,
        info: Info,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_age: timedelta = DEFAULT_MAX_AGE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._archive = archive
        self._name = name
        self._info = info
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._clock = clock
        self._serial = 0
        self._growing: _Growing | None = None
        self._full: list[_Growing] = []
        self._gathering = False
        self._closed: str | None = None
        self._unsafe: str | None = None
        self._appending = threading.Lock()
        self._syncing = threading.Lock()

    @property
    def unsynced_bytes(self) -> int:
        """Return how many bytes the next ``sync`` would make safe."""
        with self._appending:
            growing = [self._growing] if self._growing else []
            return sum(one.file.unsynced_bytes for one in (*self._full, *growing))

    def append(
        self,
        exchange: Exchange,
        *,
        role: Role,
        via: str | None = None,
        hops: str = "",
        site: str = "",
    ) -> Kept:
        """Keep an exchange: request, answer, what stands beside them, and what we know of it."""
        return self.keep(exchange, Facts(role=role, via=via, hops=hops, site=site))

    def append_revisit(
        self,
        exchange: Exchange,
        revisit: Revisit,
        *,
        role: Role,
        via: str | None = None,
        hops: str = "",
        site: str = "",
    ) -> Kept:
        """Keep an exchange whose answer is that of an earlier record; whether it is, you decide."""
        facts = Facts(role=role, via=via, hops=hops, site=site)
        return self.keep(exchange, facts, revisit=revisit)

    def keep(self, exchange: Exchange, facts: Facts, *, revisit: Revisit | None = None) -> Kept:
        """Keep an exchange with all that is known of it, whole or as a revisit."""
        if revisit is None:
            return self._write(
                exchange.url,
                lambda to: _append(to, records.of_exchange(exchange, facts, to.facts)),
            )
        return self._write(
            exchange.url,
            lambda to: _append(to, records.of_revisit(exchange, revisit, facts, to.facts)),
        )

    def append_resource(
        self,
        uri: str,
        *,
        at: datetime,
        content_type: str,
        body: bytes,
        concurrent_to: str | None = None,
    ) -> RecordRef:
        """Keep a thing made from captures; ``concurrent_to`` is the id of the record it is of."""
        thing = Resource(
            uri=uri, at=at, content_type=content_type, body=body, concurrent_to=concurrent_to
        )
        return self._write(uri, lambda growing: _append_resource(growing, thing))

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Write what is appended meanwhile with one call at the end.

        Raise StorageError when that fails: then none of it is kept, whatever ``append`` returned.
        """
        self._gathering = True
        try:
            yield
        finally:
            self._gathering = False
            with self._appending:
                if self._closed is not None:
                    raise StorageError(f"nothing more can be written: {self._closed}")
                if self._growing is not None:
                    self._flush(self._growing, "what was gathered")

    def end_old(self) -> bool:
        """Take no more into a file that is old; say whether the next ``sync`` has one to finish.

        For a writer that has nothing to append: another append would do it by itself.
        """
        with self._appending:
            growing = self._growing
            if growing is None or self._closed is not None or not self._is_full(growing):
                return False
            self._end(growing, "what was gathered")
            return True

    def sync(self) -> None:
        """Make all that was appended before this call safe; when it raises, rely on none of it."""
        with self._syncing:
            if self._unsafe is not None:
                # The system tells of a failed sync once; a second one would succeed on nothing.
                raise StorageError(self._unsafe)
            with self._appending:
                full, growing = tuple(self._full), self._growing
                position = growing.file.position if growing else 0
            for one in full:
                self._finish(one)
            if growing is not None:
                try:
                    growing.file.sync(position)
                except OSError as error:
                    raise self._not_safe(growing, error) from error

    def close(self) -> None:
        """Sync, give the files their final names, and write no more; to do so twice is harmless."""
        with self._appending:
            self._closed = self._closed or "it was closed"
            if self._growing is not None:
                self._full.append(self._growing)
                self._growing = None
        with self._syncing:
            while self._full:
                self._finish(self._full[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _finish(self, growing: _Growing) -> None:
        file = growing.file
        try:
            if file.position == growing.first_offset and not file.torn:
                file.discard()
            else:
                file.finish()
        except OSError as error:
            raise self._not_safe(growing, error) from error
        finally:
            file.abandon()
            with self._appending:
                self._full.remove(growing)

    def _not_safe(self, growing: _Growing, error: OSError) -> StorageError:
        self._closed = f"{growing.file.name} could not be synced ({explain(error)})"
        self._unsafe = f"{self._closed}: its last captures are not safe"
        return StorageError(self._unsafe)

    def _write(self, what: str, work: Callable[[_Growing], _T]) -> _T:
        """Do the work on the growing file, and take back what a failure of it left there."""
        with self._appending:
            if self._closed is not None:
                raise _refusal(what, f", the writer is closed: {self._closed}")
            growing = self._current(what)
            try:
                made = work(growing)
            except OSError as error:
                raise self._failed(growing, what, error) from error
            except BaseException as error:
                # Refused before a byte was written: the file is untouched, and the writer good.
                if not growing.pending.leave_out():
                    self._take_back(growing, because=str(error))
                raise
            growing.pending.end()
            if not self._gathering:
                self._flush(growing, what)
            return made

    def _flush(self, growing: _Growing, what: str) -> None:
        try:
            growing.pending.flush()
        except OSError as error:
            raise self._failed(growing, what, error) from error

    def _failed(self, growing: _Growing, what: str, error: OSError) -> RecordError:
        self._take_back(growing, because=explain(error))
        return _refusal(what, f" in {growing.file.name}: {explain(error)}")

    def _take_back(self, growing: _Growing, *, because: str) -> None:
        self._closed = because
        try:
            growing.pending.undo()
        except OSError as error:
            # It keeps its `.open` and its torn tail; recovery cuts it and loses nothing else.
            self._closed = f"{because}; and a torn record stays in the file: {explain(error)}"

    def _current(self, what: str) -> _Growing:
        growing = self._growing
        if growing is not None and self._is_full(growing):
            self._end(growing, what)
            growing = None
        if growing is None:
            self._growing = growing = self._begin()
        return growing

    def _end(self, growing: _Growing, what: str) -> None:
        self._flush(growing, what)
        self._full.append(growing)
        self._growing = None

    def _is_full(self, growing: _Growing) -> bool:
        """Tell whether the next exchange belongs into another file: only closed ones are copied."""
        if growing.pending.position >= self._max_bytes:
            return True
        # Also one of tomorrow: the clock was set back.
        return abs(self._clock() - growing.begun_at) >= self._max_age

    def _begin(self) -> _Growing:
        at = self._clock()
        file = files.create(self._archive, prefix=self._name, serial=self._serial, at=at)
        self._serial += 1
        ids = fields.record_ids()
        facts = FileFacts(ids=ids, warcinfo_id=next(ids))
        member = derived.warcinfo(
            self._info, record_id=facts.warcinfo_id, filename=file.final_name, at=at
        )
        try:
            file.append((member,))
        except OSError as error:
            with suppress(OSError):
                file.discard()
            file.abandon()
            raise StorageError(f"cannot begin {file.name}: {explain(error)}") from error
        return _Growing(
            file=file,
            pending=_Pending(file),
            facts=facts,
            first_offset=file.position,
            begun_at=at,
        )


def _refusal(what: str, why: str) -> RecordError:
    return RecordError(f"{fields.one_line(what[:200])} was not kept{why}")


def _append_resource(growing: _Growing, thing: Resource) -> RecordRef:
    pending, facts = growing.pending, growing.facts
    digest, member = derived.resource(
        thing, record_id=next(facts.ids), warcinfo_id=facts.warcinfo_id
    )
    offset = pending.position
    pending.write(member)
    return RecordRef(file=growing.file.name, offset=offset, length=len(member), digest=digest)


def _append(growing: _Growing, layout: Layout) -> Kept:
    name, pending = growing.file.name, growing.pending
    refs: list[RecordRef] = []
    for record in layout.records:
        offset = pending.position
        _pack(record, pending.write)
        length = pending.position - offset
        refs.append(
            RecordRef(file=name, offset=offset, length=length, digest=record.payload_digest)
        )
    growing.facts.note(layout.chains)
    return Kept(
        record=refs[layout.main],
        request=refs[0] if layout.asked else None,
        metadata=refs[-1],
        record_id=layout.records[layout.main].id,
    )


def _pack(record: Record, write: Callable[[bytes], None]) -> None:
    """Encode the record as one gzip member, a large block never whole in memory."""
    head, block, packed_from = record.head, record.block, record.packed_from
    if not isinstance(block, bytes):
        _pack_large(record, write)
        return
    is_packed = packed_from < len(block)
    packed = head + block[:packed_from] if is_packed else head + block + _END
    encoder = Encoder(write, text=len(packed) > TEXT_BYTES)
    encoder.pack(packed)
    if is_packed:
        encoder.store(block[packed_from:] + _END)
    encoder.end()


def _pack_large(record: Record, write: Callable[[bytes], None]) -> None:
    encoder = Encoder(write, text=record.packed_from > TEXT_BYTES)
    encoder.pack(record.head)
    position = 0
    for piece in blocks.pieces(record.block):
        plain = max(0, min(record.packed_from - position, len(piece)))
        if plain:
            encoder.pack(piece[:plain])
        if plain < len(piece):
            encoder.store(piece[plain:])
        position += len(piece)
    blocks.refuse_other_size(position, record.block_bytes)
    if record.packed_from < position:
        encoder.store(_END)
    else:
        encoder.pack(_END)
    encoder.end()
