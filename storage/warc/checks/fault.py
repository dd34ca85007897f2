"""Name what can be wrong with a WARC file, and gather it under a limit."""

from dataclasses import dataclass, field
from enum import StrEnum

MOST_FAULTS = 10_000
"""Faults told of one file; what is beyond them is counted."""
_LONGEST_QUOTE = 200


class Gravity(StrEnum):
    """Whether something breaks a promise, or is only worth knowing."""

    FAULT = "fault"
    REMARK = "remark"


class Kind(StrEnum):
    """What is wrong; the meaning of each stands in docs/verify.md."""

    # the file
    MISSING_FILE = "missing_file"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    NO_WARC = "no_warc"
    OPEN_FILE = "open_file"
    TORN_FOLDER = "torn_folder"
    SET_ASIDE = "set_aside"
    MANIFEST = "manifest"
    JOURNAL = "journal"
    JOURNAL_NEWER = "journal_newer"
    MANY = "many"
    # gzip
    BETWEEN = "between"
    TORN = "torn"
    DAMAGED = "damaged"
    CHECK_SUM = "check_sum"
    SHARED_MEMBER = "shared_member"
    # the record and its fields
    NO_RECORD = "no_record"
    VERSION = "version"
    HEAD = "head"
    LENGTH = "length"
    RECORD_END = "record_end"
    MISSING_FIELD = "missing_field"
    REPEATED_FIELD = "repeated_field"
    MISPLACED_FIELD = "misplaced_field"
    FIELD_VALUE = "field_value"
    FILE_NAME = "file_name"
    UNKNOWN_VALUE = "unknown_value"
    NO_CONTENT_TYPE = "no_content_type"
    NO_HTTP = "no_http"
    URI_LETTERS = "uri_letters"
    # digests
    BLOCK_DIGEST = "block_digest"
    PAYLOAD_DIGEST = "payload_digest"
    NOT_CHECKED = "not_checked"
    # records among each other
    DUPLICATE_ID = "duplicate_id"
    MISSING_RECORD = "missing_record"
    ELSEWHERE = "elsewhere"
    WRONG_RECORD = "wrong_record"
    CONCURRENT_DATE = "concurrent_date"
    REVISIT = "revisit"
    # the catalogue
    CATALOGUE = "catalogue"
    ROW = "row"
    NO_ROW = "no_row"


REMARKS = frozenset(
    {
        Kind.OPEN_FILE,
        Kind.TORN_FOLDER,
        Kind.JOURNAL_NEWER,
        Kind.FILE_NAME,
        Kind.UNKNOWN_VALUE,
        Kind.NO_CONTENT_TYPE,
        Kind.URI_LETTERS,
        Kind.NOT_CHECKED,
        Kind.ELSEWHERE,
        Kind.NO_ROW,
    }
)
"""Kinds that break nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is not as it should be, or a remark; the words are for a person."""

    file: str
    offset: int | None
    """Where the record begins in the file; None when the whole file is meant."""
    kind: Kind
    message: str
    url: str = ""
    """``WARC-Target-URI`` of the record, as it stands there."""
    captured_at: str = ""
    """``WARC-Date`` of the record, as it stands there."""

    @property
    def gravity(self) -> Gravity:
        """Return whether it is a fault or a remark."""
        return Gravity.REMARK if self.kind in REMARKS else Gravity.FAULT


@dataclass(slots=True, kw_only=True)
class Report:
    """Gather what is found in one file, record by record."""

    file: str
    faults: list[Fault] = field(default_factory=list)
    offset: int | None = None
    url: str = ""
    captured_at: str = ""
    _beyond: int = 0

    def begin(self, offset: int | None) -> None:
        """Say where the next record begins; its address and date are not known yet."""
        self.offset = offset
        self.url = self.captured_at = ""

    def add(self, kind: Kind, message: str) -> None:
        """Note something about the present record."""
        if len(self.faults) >= MOST_FAULTS and kind not in REMARKS:
            self._beyond += 1
            return
        if len(self.faults) >= MOST_FAULTS:
            return
        self.faults.append(
            Fault(
                file=self.file,
                offset=self.offset,
                kind=kind,
                message=message,
                url=self.url,
                captured_at=self.captured_at,
            )
        )

    def end(self) -> None:
        """Say how many faults were passed over."""
        if self._beyond:
            message = f"{self._beyond} more faults of this file are not listed"
            fault = Fault(file=self.file, offset=None, kind=Kind.MANY, message=message)
            self.faults.append(fault)


def quoted(text: str) -> str:
    """Return a value from the file for a message, cut to a bearable length."""
    cut = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return f"“{cut}”"
