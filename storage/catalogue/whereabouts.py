"""Notice that the catalogue's file is not the one any more that is open: deleted, or replaced.

What is written to it then is found by nobody, and its log would spoil the file that took its name.
"""

from datetime import UTC, datetime

from storage.archive import Archive
from storage.catalogue.engine import Catalogue
from storage.catalogue.same_file import identity
from storage.errors import CatalogueError
from storage.folders import explain

_LOG = "-wal"
_ENDED = (
    "the service has ended, so that nothing is written where nobody finds it; the WARC files hold "
    "all that was captured"
)


class Whereabouts:
    """Know the file of an open catalogue, and its log, as they were at the start."""

    def __init__(self, archive: Archive, catalogue: Catalogue) -> None:
        self._archive = archive
        self._catalogue = catalogue
        self._path = archive.catalogue
        self._log = self._path.with_name(self._path.name + _LOG)
        self._file = identity(self._path)
        self._logged = identity(self._log)

    def check(self) -> None:
        """Raise CatalogueError with a sentence for a person if the file is gone or another one."""
        now = identity(self._path)
        if now == self._file:
            # It is made with the first row that is written, and again if nobody had it open.
            self._logged = identity(self._log) or self._logged
            return
        rebuild = f"`holdfast rebuild --archive {self._archive.root}`"
        if now is None:
            raise CatalogueError(
                f"{self._path}: was deleted while the service ran; {_ENDED}. Make it anew with"
                f" {rebuild}, or put back a good copy"
            )
        raise CatalogueError(
            f"{self._path}: was replaced while the service ran; {_ENDED}. Start the service again;"
            f" what was captured after the new file was written is listed after {rebuild}"
        )

    def leave(self) -> None:
        """Let go of a file that is gone, and move its log from the name it had beside the file.

        SQLite would play that log into whatever file has the name now.
        """
        self._catalogue.close()
        if self._logged is None or identity(self._log) != self._logged:
            return
        kept = f"{self._log.name}.before-{datetime.now(UTC):%Y%m%d%H%M%S%f}"
        try:
            self._log.rename(self._log.with_name(kept))
        except OSError as error:
            raise CatalogueError(
                f"{self._log} belongs to a catalogue that is gone and cannot be moved aside:"
                f" {explain(error)}. Move it away before anything opens the archive"
            ) from error
