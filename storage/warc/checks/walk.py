"""Walk over the records of one file, and find the next whole one behind whatever is broken."""

from collections.abc import Callable
from dataclasses import dataclass

from storage.warc.checks.fault import Kind, Report
from storage.warc.checks.head import Head, name_of
from storage.warc.checks.record import Facts, judge_record
from storage.warc.checks.tape import (
    MAGIC,
    DamagedError,
    Flow,
    Member,
    NotMemberError,
    Tape,
    TornError,
    next_member,
    next_plain,
)

Seen = Callable[[Facts], None]

_MOST_AGAIN = 8
"""How many times its size a file may be read again behind what is broken. Streams that lie within
each other, and each run to the end of the file, would else take quadratic time."""
_ALWAYS_AGAIN_BYTES = 1 << 20


@dataclass(slots=True)
class Walk:
    """One way through a file; ``records`` counts the whole ones."""

    tape: Tape
    report: Report
    seen: Seen
    """Is given what each record says that was found where it should be."""
    growing: bool = False
    """Whether the file is not closed yet: then its last record may be half of one."""
    abandoned: bool = False
    """Whether nobody writes on: a crash has left it."""
    records: int = 0
    cut: int | None = None
    """Where the last record breaks off, or the end of the file; None where it was given up."""
    _shared: bool = False
    _again_bytes: int = 0

    def walk(self) -> None:
        """Read the file to its end."""
        start = self.tape.look(0, len(MAGIC))
        self.cut = self.tape.size
        if not self._is_warc(start):
            return
        if start[:2] == MAGIC[:2] or not (self.report.file.endswith(".warc") or start == b"WAR"):
            self._members()
        else:
            self._plain()

    def _is_warc(self, start: bytes) -> bool:
        """Tell whether there is anything to be read, and else what there is."""
        size = self.tape.size
        if size == 0 and not self.growing:
            says = "the file is empty: it was made and never written, or all its records are lost"
            self.report.add(Kind.EMPTY, says)
        elif size and not MAGIC.startswith(start[:2]) and start != b"WAR":
            if next_member(self.tape, 0) == size and next_plain(self.tape, 0) == size:
                says = "this is no WARC file: no record begins in it, compressed or not"
                self.report.add(Kind.NO_WARC, says)
                return False
            self.tape.seek(0)
        return size > 0

    def _members(self) -> None:
        tape = self.tape
        while tape.position < tape.size:
            offset = tape.position
            self.report.begin(offset)
            member: Member | None = None
            try:
                member = Member(tape)
                self._member(member, offset)
            except TornError:
                if self._torn(offset):
                    return
            except (DamagedError, NotMemberError) as error:
                self._broken(member, offset, error)

    def _member(self, member: Member, offset: int) -> None:
        flow = Flow(member.read)
        heads: list[Head | None] = []
        follows = True
        while follows and (not heads or flow.peek(1)):
            if heads and not self._shared:
                self._shared = True
                says = "several records share one gzip member: none can be read by itself (annex D)"
                self.report.add(Kind.SHARED_MEMBER, says)
            head, follows = judge_record(flow, self.report)
            heads.append(head)
        flow.drain()
        if member.wrong:
            if self.tape.position < self.tape.size and not self._at_member():
                # The stream ended in the wrong place: what follows is a part of it.
                raise DamagedError("it ends where no other begins")
            says = f"the gzip member is not what its trailer says: {member.wrong} differs"
            self.report.add(Kind.CHECK_SUM, f"{says}; its bytes changed since it was written")
        length = self.tape.position - offset
        for head in heads:
            if head is not None:
                self.records += 1
                self.seen(Facts(head, offset, length))

    def _at_member(self) -> bool:
        return self.tape.look(self.tape.position, len(MAGIC)) == MAGIC

    def _torn(self, offset: int) -> bool:
        """Tell of a member that reaches beyond the end; whether it is the last of the file."""
        tape = self.tape
        if self.growing:
            self.cut = offset
            count = tape.size - offset
            says = f"the file is being written: its last {count} bytes were not judged"
            if self.abandoned:
                says = f"a crash left {count} bytes of an unfinished record at its end"
                says = f"{says}: the next start sets them aside"
            self.report.add(Kind.OPEN_FILE, says)
            return True
        found = next_member(tape, offset + 1)
        what = "the file" if found == tape.size else "the record"
        if found == tape.size:
            self.cut = offset
        says = f"{what} breaks off: {found - offset} bytes of an unfinished gzip member stand here"
        self.report.add(Kind.TORN, says)
        return self._go_on(found) == tape.size

    def _broken(self, member: Member | None, offset: int, error: Exception) -> None:
        found = next_member(self.tape, offset + 1)
        lost = found - offset
        if isinstance(error, NotMemberError):
            says = f"{lost} bytes stand here that belong to no gzip member (annex D)"
            self.report.add(Kind.BETWEEN, says)
        else:
            if member is not None and not self.report.captured_at:
                name_of(member.salvage(), self.report)
            says = f"the gzip member is damaged: {error}; {lost} bytes up to the next whole record"
            self.report.add(Kind.DAMAGED, says)
        self._go_on(found)

    def _go_on(self, found: int) -> int:
        """Move to the next whole record, or to the end when too much was read again already."""
        size = self.tape.size
        self._again_bytes += max(0, self.tape.position - found)
        if self._again_bytes > _ALWAYS_AGAIN_BYTES + _MOST_AGAIN * size:
            says = f"too much of the file is broken: its last {size - found} bytes were given up"
            self.report.add(Kind.DAMAGED, says)
            found = size
            self.cut = None
        self.tape.seek(found)
        return found

    def _plain(self) -> None:
        tape = self.tape
        start = tape.position
        while start < tape.size:
            flow = Flow(lambda: bytes(tape.take(1 << 18)), plain=True)
            offset, follows = start, True
            while follows and flow.peek(1):
                offset = start + flow.position
                self.report.begin(offset)
                head, follows = judge_record(flow, self.report)
                if head is not None:
                    self.records += 1
                    length = start + flow.position - offset
                    self.seen(Facts(head, offset, length))
            if follows:
                return
            start = self._go_on(next_plain(tape, offset + 1))
