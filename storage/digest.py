"""Spell digests as WARC files write them (WARC/1.1 §5.8)."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + bytes(224)


def _halvings() -> tuple[tuple[int, int, int], ...]:
    """Return how to move 32 groups of 5 bits apart into 32 bytes, in five steps.

    Each parts every run of groups in two: what of it stays, by how many bits the rest moves, where
    that lies then.
    """
    steps = []
    for groups in (16, 8, 4, 2, 1):
        run = (1 << 5 * groups) - 1
        lower = sum(run << 16 * groups * number for number in range(16 // groups))
        steps.append((lower, 3 * groups, lower << 8 * groups))
    return tuple(steps)


_HALVINGS = _halvings()


def labelled(sha1: bytes) -> str:
    """Return the 20 bytes of a SHA-1 as ``sha1:BASE32``."""
    # All letters at a time, in one number; the standard library, which takes any length, takes
    # more than twice as long, and every page has four digests.
    number = int.from_bytes(sha1, "big")
    for stays, moves, whereto in _HALVINGS:
        number = number & stays | number << moves & whereto
    return "sha1:" + number.to_bytes(32, "big").translate(_LETTERS).decode("ascii")
