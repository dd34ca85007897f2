"""Turn nested nouns into JSON text and back, checked both ways."""

import json
from typing import Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from storage.errors import CatalogueError, StorageError

T = TypeVar("T")

UNKEEPABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""What no database keeps in text: NUL (PostgreSQL) and lone surrogates (no UTF-8 form)."""


def keepable(text: str) -> str:
    """Replace what no database can keep by U+FFFD; the bytes themselves are in the WARC."""
    # Almost every text is clean, and these two tests are some fifty times faster than translate().
    if "\0" not in text and (text.isascii() or _is_utf8(text)):
        return text
    return text.translate(UNKEEPABLE)


class Codec(Generic[T]):
    """Write one kind of noun as JSON text, lengths of time in seconds, and read it again.

    The same value always gives the same text, so a digest of it tells two values apart. Fields
    that a newer release added are passed over, missing ones get their defaults.
    """

    def __init__(self, kind: type[T], *, error: type[StorageError] = CatalogueError) -> None:
        self._kind = kind
        self._error = error
        # A configuration reaches dataclasses only from a type around them, hence the tuple.
        self._adapter: TypeAdapter[tuple[T]] = TypeAdapter(
            tuple[kind],  # type: ignore[valid-type,arg-type]  # the type is a value here
            config=ConfigDict(ser_json_timedelta="float"),
        )

    def text(self, value: T) -> str:
        """Write the value; ``error`` if it is not what its type says."""
        try:
            text = self._adapter.dump_json((value,), warnings="error")
        except PydanticSerializationError:
            text = self._cleaned(value)
        if b"\\u0000" in text:
            text = self._cleaned(value)
        return str(memoryview(text)[1:-1], "utf-8")  # a copy less of what may be a large text

    def value(self, text: str | bytes) -> T:
        """Read the value; ``error`` if the text is not one."""
        try:
            listed = f"[{text}]" if isinstance(text, str) else b"[%s]" % text
            return self._adapter.validate_json(listed)[0]
        except ValidationError as error:
            raise self._error(
                f"here is a {self._kind} that this release cannot read: {error}"
            ) from error

    def _cleaned(self, value: T) -> bytes:
        try:
            plain = self._adapter.dump_python((value,), mode="json", warnings="error")
        except PydanticSerializationError as error:
            raise self._error(f"this is no {self._kind} to keep: {error}") from error
        return json.dumps(_clean(plain), ensure_ascii=False, separators=(",", ":")).encode()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: object) -> object:
    if isinstance(value, str):
        return keepable(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_clean(part) for part in value]
    return value
