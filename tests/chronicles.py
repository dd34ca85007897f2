"""Give tests of a reader or of books a chronicle that writes into a real archive."""

from pathlib import Path

from crawler.chronicle import Chronicle
from storage import archive
from storage.archive import Archive
from storage.warc.writer import Info, Writer


def chronicle(place: Archive | Path) -> Chronicle:
    """Return a chronicle of an archive, or of a new one in a folder."""
    kept = place if isinstance(place, Archive) else None

    def make_writer() -> Writer:
        into = kept or _archive(Path(str(place)) / "chronicle")
        return Writer(into, name="notes", info=Info(software="t"))

    return Chronicle(make_writer=make_writer)


def _archive(folder: Path) -> Archive:
    return Archive(folder) if folder.exists() else archive.create(folder)
