"""Have every connection of an open catalogue lead to one file."""

from pathlib import Path

from sqlalchemy import Engine, event

from storage.errors import CatalogueError
from storage.folders import explain


class SameFile:
    """Refuse connections to a file that took the name of the one that is open.

    SQLite would make an empty one where that was deleted, and play the log of the old file into
    the one that replaced it. Pinned by test_nothing_is_opened_in_place_of_what_is_gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: tuple[int, int] | None = None

    def guard(self, engine: Engine) -> None:
        """Look at the file before and after each connection of the engine is opened."""

        @event.listens_for(engine, "do_connect")
        def before(*_about: object) -> None:
            self._check()

        # Opened is not yet read: whose name was taken meanwhile is seen before the pragmas.
        @event.listens_for(engine, "connect", insert=True)
        def after(*_about: object) -> None:
            if self._file is None:
                self._file = identity(self._path)
            self._check()

    def forget(self) -> None:
        """Take whatever file is there with the next connection."""
        self._file = None

    def _check(self) -> None:
        if self._file is not None and identity(self._path) != self._file:
            raise CatalogueError(
                f"{self._path}: was deleted or replaced while it was open; nothing of this step was"
                " kept, and nothing is written to what has its name now"
            )


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from every other one, or None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be looked at: {explain(error)}") from error
    return found.st_dev, found.st_ino
