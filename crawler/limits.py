"""Look at what this system allows a process: open files, their size, memory."""

import resource
from collections.abc import Iterator

from crawler.errors import CrawlerError
from storage.warc.writer import DEFAULT_MAX_BYTES

LEAST_FILES = 64
"""Open files without which nothing can be captured."""
ENOUGH_FILES = 1024
"""Open files that a worker needs when all its hosts are slow and every page is large."""
LEAST_FILE_BYTES = 2 * DEFAULT_MAX_BYTES
"""A WARC file has this size at most, and the catalogue may have more."""
LEAST_DATA_BYTES = 500 * 2**20


def require_files() -> None:
    """Take as many open files as this user may have; CrawlerError if these are too few.

    What we start inherits the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_less(soft, ENOUGH_FILES) and soft != hard:
        soft = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(ENOUGH_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if _is_less(soft, LEAST_FILES):
        raise CrawlerError(
            f"only {soft} files may be open at once here, so nothing was visited; allow "
            f"{ENOUGH_FILES} for each process (ulimit -n, or LimitNOFILE of the systemd unit)"
        )


def remarks() -> Iterator[str]:
    """Yield a sentence for each limit that will be in the way sooner or later."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _is_less(files, ENOUGH_FILES):
        yield (
            f"only {files} files may be open at once; many slow hosts need more: allow "
            f"{ENOUGH_FILES} (ulimit -n)"
        )
    size_bytes, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if _is_less(size_bytes, LEAST_FILE_BYTES):
        yield (
            f"no file may be larger than {size_bytes // 2**20} MiB here; WARC files and catalogue "
            "will reach that, and captures stop then: lift the limit (ulimit -f)"
        )
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    least = min((one for kind in kinds if (one := resource.getrlimit(kind)[0]) >= 0), default=-1)
    if _is_less(least, LEAST_DATA_BYTES):
        yield (
            f"a process may have {least // 2**20} MiB of memory only; pages that need more will "
            "fail: allow 500 MiB (ulimit -v, ulimit -d)"
        )


def _is_less(limit: int, wanted: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < wanted
