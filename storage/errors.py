"""Name what can fail in keeping bytes and facts."""


class StorageError(Exception):
    """Say what could not be kept or read, in which file; the root of this package's errors."""


class ArchiveLockedError(StorageError):
    """Say that another process holds the archive; the message names it."""


class CatalogueError(StorageError):
    """Say that the catalogue could not be opened, migrated or written."""


class FenceError(CatalogueError):
    """Say that a claim was lost: its lease ran out and another worker holds the host now."""


class RecordError(StorageError):
    """Say that a WARC record could not be written, read or found."""


class DamagedError(StorageError):
    """Say that a closed file is not what it was when it was closed."""
