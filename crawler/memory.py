"""Keep the memory of a process small that reads large things in several threads."""

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Options of ``mallopt`` (malloc.h of the GNU C library)."""
_LARGE_BYTES = 256 * 1024
_SPARE_BYTES = 1024 * 1024


def be_frugal() -> None:
    """Give memory back to the system as soon as it is free; call it before threads are started.

    The GNU allocator gives every thread a heap of its own, and raises with the first large block
    the size from which blocks are handed back: after some large pages, each heap keeps what its
    largest page took. One heap, and a fixed size, cost nothing that can be measured. Other C
    libraries have no such options, and nothing is done there.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return
    set_option(_ARENA_MAX, 1)
    set_option(_MMAP_THRESHOLD, _LARGE_BYTES)
    set_option(_TRIM_THRESHOLD, _SPARE_BYTES)


def settle() -> None:
    """Have the collector pass over what the start has made; call it when the work begins.

    Modules and classes live as long as the process: to look at them again and again costs a
    long-lived crawler some hundredths of its time.
    """
    gc.collect(1)  # the young: of the others a start leaves nothing to free, and to ask takes 7 ms
    gc.freeze()


def cut_after_tags(page: bytes, most: int) -> bytes:
    """Return a page as far as its first ``most`` tags go, and all of one that has no more.

    What looks like a tag counts as one. A tree takes 130 bytes for each, whatever is in it.
    """
    if page.count(b"<") <= most:
        return page
    end = -1
    for _ in range(most + 1):
        end = page.index(b"<", end + 1)
    return page[:end]
