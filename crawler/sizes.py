"""Read and write sizes as people write them: ``64KiB 512MiB 2GiB``."""

import re

RIGHT = 'a number of bytes, or a number and a unit in quotes, such as "64KiB", "512MiB" or "2GiB"'
"""What a size looks like, for messages."""

_BYTES = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_FORM = re.compile(r"([0-9]{1,15})(|B|KiB|MiB|GiB)")


def parse_size(value: object) -> int:
    """Return the bytes that a number or a text names; raise ValueError with what would be right."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _FORM.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a size; write {RIGHT}")
    return int(found[1]) * _BYTES[found[2]]


def format_size(size_bytes: int) -> str:
    """Return the shortest text that ``parse_size`` reads back as the same size."""
    for unit in ("GiB", "MiB", "KiB"):
        count, rest = divmod(size_bytes, _BYTES[unit])
        if rest == 0 and count:
            return f"{count}{unit}"
    return f"{size_bytes}B"
