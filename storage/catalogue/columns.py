"""Name the column types of the catalogue; each behaves alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, Text, TypeDecorator

from storage.codec import Codec, keepable

T = TypeVar("T")

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A row's own number; on SQLite it must be said as INTEGER to be the row's key itself."""


class Moment(TypeDecorator[datetime]):
    """An aware time, kept in UTC to the microsecond.

    PostgreSQL keeps a real ``timestamp with time zone``. SQLite keeps
    ``2026-11-05 06:00:00.000000``: always 26 characters, so that text order is time order, and
    readable for a person and for SQLite's own date functions.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; bring any other to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be kept: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from outside: what no database can keep of it is replaced on the way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Replace NUL and lone surrogates, in values kept as in values asked for."""
        return None if value is None else keepable(value)


class Noun(TypeDecorator[T]):
    """A nested noun as JSON text.

    Text rather than a JSON type: it is the same bytes everywhere, is read in one pass, and no query
    looks inside. PostgreSQL casts it with ``::jsonb`` where a person wants to.
    """

    impl = Text
    cache_ok = True

    def __init__(self, codec: Codec[T]) -> None:
        super().__init__()
        self.codec = codec

    def process_bind_param(self, value: T | None, _dialect: Dialect) -> str | None:
        """Write the noun."""
        return None if value is None else self.codec.text(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> T | None:
        """Read the noun."""
        return None if value is None else self.codec.value(value)


def member(kind: type[StrEnum]) -> Enum:
    """Make the type of a closed set: its words as text, so that a new word needs no migration."""
    return Enum(
        kind,
        native_enum=False,
        validate_strings=True,
        length=32,
        values_callable=lambda members: [one.value for one in members],
    )
