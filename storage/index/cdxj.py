"""Write the index of a closed WARC file: a line for each answer, in the order of its keys (CDXJ).

The lines are those of pywb's own indexer. A file of the index is put in place whole or not at all,
and a lost one is made anew from the WARC file.
"""

import heapq
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO

from storage.archive import Archive
from storage.errors import StorageError
from storage.folders import drafted, explain, make_folder
from storage.index.surt import surt
from storage.message import parse_head
from storage.warc.files import SUFFIX
from storage.warc.member import MemberError
from storage.warc.stored import Stored

ENDING = ".cdxj"
_SHOWN = frozenset({"response", "revisit", "resource"})
_RUN_LINES = 50_000
"""Lines sorted in memory at a time: some 20 MB."""
_HEAD_BYTES = 1 << 20
_READ_AHEAD_BYTES = 1 << 18
_MEDIA_TYPE = re.compile(r"[^; ]*")


def index_path(archive: Archive, name: str) -> Path:
    """Return where the index of a WARC file lies; all lie in one folder, which pywb reads whole."""
    return archive.index / (Path(name).name + ENDING)


def unindexed(archive: Archive) -> Iterator[str]:
    """Yield the names of the closed WARC files that have no index."""
    made = {path.name for path in archive.index.glob(f"*{ENDING}")}
    for path in sorted(archive.warc.rglob(f"*{SUFFIX}")):
        if path.name + ENDING not in made:
            yield archive.name(path)


def write_index(
    archive: Archive,
    name: str,
    *,
    each: Callable[[str], object] = lambda _: None,
    run_lines: int = _RUN_LINES,
) -> None:
    """Make the index of a closed file; ``each`` is given its lines, and raises to break off.

    So many lines as ``run_lines`` are sorted in memory at a time.

    A StorageError when the file is damaged or the index cannot be written.
    """
    path = archive.path(name)
    try:
        make_folder(archive.index)
        with path.open("rb", buffering=_READ_AHEAD_BYTES) as source:
            lines = _lines(source, path.relative_to(archive.warc).as_posix(), each)
            with drafted(index_path(archive, name)) as out:
                for line in _sorted(lines, run_lines):
                    out.write(line.encode())
    except MemberError as error:
        raise StorageError(f"{name} has no index, because a record is damaged: {error}") from error
    except OSError as error:
        raise StorageError(f"the index of {name} cannot be made: {explain(error)}") from error


def _sorted(lines: Iterator[str], run_lines: int) -> Iterator[str]:
    """Sort in runs: a file may hold a million revisits, and their lines need not be in memory."""
    with ExitStack() as ends:
        runs: list[IO[str]] = []
        while run := sorted(islice(lines, run_lines)):
            if not runs and len(run) < run_lines:
                yield from run
                return
            file = tempfile.TemporaryFile("w+", encoding="ascii", newline="\n")  # noqa: SIM115
            runs.append(ends.enter_context(file))
            file.writelines(run)
            file.seek(0)
        yield from heapq.merge(*runs)


def _lines(source: IO[bytes], file: str, each: Callable[[str], object]) -> Iterator[str]:
    offset = 0
    while source.seek(offset) == offset and source.read(1):
        stored = Stored(source, offset=offset)
        start = _start(stored)
        length = stored.length
        line = _line(stored, start, file=file, offset=offset, length=length)
        each(line)
        if line:
            yield line
        offset += length


def _start(stored: Stored) -> bytes:
    """Read the block to its end, and return as much of its beginning as may be a head."""
    start = b""
    for piece in stored.block(verify=False):
        if len(start) < _HEAD_BYTES:
            start += piece
    return start


def _line(stored: Stored, start: bytes, *, file: str, offset: int, length: int) -> str:
    """Return the line of a record, nothing for one that is not looked for by its address."""
    kind = stored.header("WARC-Type") or ""
    url = (stored.header("WARC-Target-URI") or "").removeprefix("<").removesuffix(">")
    if kind not in _SHOWN or not url or url.lower().startswith("urn:"):
        return ""
    digest = stored.header("WARC-Payload-Digest") or ""
    told = {"url": url, **_answer(stored, kind, start)}
    told["digest"] = digest.removeprefix("sha1:")
    told |= {"length": str(length), "offset": str(offset), "filename": file}
    facts = json.dumps({key: value for key, value in told.items() if value})
    # The key of an address beyond ASCII is escaped, and a blank would end it.
    return f"{surt(url).replace(' ', '%20')} {_stamp(stored)} {facts}\n"


def _answer(stored: Stored, kind: str, start: bytes) -> dict[str, str]:
    """Return media type and status as replay tools expect them of each kind of record."""
    if kind == "revisit":
        # Its status is that of the head it has, or of its original; pywb looks there.
        return {"mime": "warc/revisit"}
    if kind == "resource":
        return {"mime": _media_type(stored.header("Content-Type"))}
    head = parse_head(start)
    if head is None:
        return {"mime": "unk"}
    named = next(iter(head.values("content-type")), None)
    return {"mime": _media_type(named), "status": str(head.status)}


def _media_type(named: str | None) -> str:
    found = _MEDIA_TYPE.match(named or "")
    return (found[0] if found else "") or "unk"


def _stamp(stored: Stored) -> str:
    """Return the 14 digits of a date; a short one is filled up (WARC/1.1 §5.4)."""
    digits = "".join(one for one in stored.header("WARC-Date") or "" if one.isdigit())[:14]
    return digits + "00000101000000"[len(digits) :]
