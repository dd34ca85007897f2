"""Archives with closed files, and the ways in which disks spoil them; for tests of their care."""

from collections.abc import Sequence
from pathlib import Path

from exchanges import answered, message

from storage.archive import Archive, create
from storage.model import Role
from storage.warc.proof import accept
from storage.warc.writer import Info, Writer

INFO = Info(
    software="Holdfast/test", operator="", contact="", robots="", user_agent="", is_part_of=""
)


def writer(archive: Archive, *, name: str = "test") -> Writer:
    """Return a writer of the archive."""
    return Writer(archive, name=name, info=INFO)


def archived(root: Path, *bodies: bytes, name: str = "test") -> tuple[Archive, str]:
    """Make an archive, unless there is one, with one more file that ships; return its name."""
    archive = Archive(root) if (root / "holdfast.toml").exists() else create(root)
    before = set(closed(archive))
    with writer(archive, name=name) as out:
        for number, body in enumerate(bodies or (b"<p>A page</p>",), start=1):
            answer = message(body, "Content-Type: text/html; charset=utf-8")
            url = f"http://paper.example/node/{number}"
            out.append(answered(answer, url=url), role=Role.TARGET)
        out.sync()
    (added,) = set(closed(archive)) - before
    assert accept(archive, added) == ()
    return archive, added


def closed(archive: Archive) -> Sequence[str]:
    """Return the names of the closed files."""
    return sorted(archive.name(path) for path in archive.warc.rglob("*.warc.gz"))


def flip(path: Path, *, at: int | None = None) -> None:
    """Flip one bit of a file, in its middle if no place is named."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 4
    path.write_bytes(data)
