"""Spell digests as WARC files write them (WARC/1.1 §5.8)."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)
_SHIFTS = range(150, -1, -10)


def labelled(sha1: bytes) -> str:
    """Return the 20 bytes of a SHA-1 as ``sha1:BASE32``."""
    # Two letters at a time; the standard library, which takes any length, is five times slower.
    number = int.from_bytes(sha1, "big")
    return "sha1:" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
