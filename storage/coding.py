"""Undo content codings without trusting their name, their size or their end."""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import Protocol

import brotli  # type: ignore[import-untyped]  # it comes without stubs

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

_SLICE_BYTES = 4096
"""Input goes in by slices, so that a fault costs no more output than that of one slice."""
_PIECE_BYTES = 64 * 1024
"""Output comes out by pieces, so that a bomb is stopped after one too many."""
_ORDINARY_BYTES = 1024 * 1024
"""A body that comes as a quarter of it, and decodes to no more, is decoded in one call."""
_MOST_CODINGS = 8
_MOST_STREAMS = 4096
"""Members of one body; a million empty ones would only burn time."""
_PROOF_BYTES = 1024
"""What has no signature and fails within so many bytes was declared falsely."""
_PROOF_OUTPUT_BYTES = 1024 * 1024
_ZSTD_OPTIONS: dict[int, int] = {DecompressionParameter.window_log_max: 23}
"""8 MiB, the largest window of the content coding (RFC 9659)."""
_FAULTS = (zlib.error, brotli.error, ZstdError, EOFError)


def decode(chunks: Iterable[bytes], codings: Sequence[str], *, limit_bytes: int) -> bytes:
    """Return a body with its content codings removed, cut at ``limit_bytes``.

    ``codings`` stand in the order they were applied, as in ``Content-Encoding``; unknown ones are
    taken for nothing. What is cut or broken gives what came before the fault; what is not in its
    declared coding at all is returned as it is. No stage ever holds more than a piece.
    """
    source = iter(chunks)
    if [one for one in codings if is_known(one.strip().lower())] == ["gzip"]:
        first, second = next(source, b""), next(source, b"")
        short = not second and len(first) <= _ORDINARY_BYTES // 4
        body = _ordinary(first, limit_bytes) if short else None
        if body is not None:
            return body
        source = chain((first, second), source)
    # A BytesIO hands its buffer out without a copy: the limit is held once, not twice.
    held = BytesIO()
    for piece in decoded(source, codings, limit_bytes=limit_bytes):
        held.write(piece)
    return held.getvalue()


class _Inflate(Protocol):
    """Inflates one stream, as the objects of zlib do."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _fastest() -> tuple[Callable[[int], _Inflate], type[Exception]]:
    """Return the best library that is installed, and what it raises."""
    try:
        from isal import isal_zlib  # noqa: PLC0415  # optional
    except ImportError:  # there is none for this machine
        return zlib.decompressobj, zlib.error
    fault: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stubs err
    return isal_zlib.decompressobj, fault  # in half the time


_INFLATE, _INFLATE_FAULT = _fastest()


def _ordinary(data: bytes, limit_bytes: int) -> bytes | None:
    """Return what one whole gzip stream of usual size holds; None for anything less ordinary.

    Nearly every body is one: all at once it costs a fraction of the careful way.
    """
    inflate = _INFLATE(31)
    most = min(limit_bytes, _ORDINARY_BYTES) + 1
    try:
        body = inflate.decompress(data, most)
    except _INFLATE_FAULT:
        return None
    whole = inflate.eof and not inflate.unused_data and len(body) < most
    return body if whole else None


def decoded(
    chunks: Iterable[bytes], codings: Sequence[str], *, limit_bytes: int
) -> Iterator[bytes]:
    """Yield piece by piece what ``decode`` returns."""
    names = [name for one in codings if (name := one.strip().lower()) in _CODINGS]
    source = iter(chunks)
    for name in reversed(names[-_MOST_CODINGS:]):
        source = _capped(_undone(source, _CODINGS[name]), limit_bytes)
    yield from _capped(source, limit_bytes)


def is_known(coding: str) -> bool:
    """Tell whether a coding, named in lower case, can be undone."""
    return coding in _CODINGS


def _capped(source: Iterator[bytes], limit_bytes: int) -> Iterator[bytes]:
    left = limit_bytes
    for piece in source:
        if len(piece) >= left:
            yield piece[:left]
            return
        left -= len(piece)
        yield piece


class _Stream(Protocol):
    """One stream of one coding: tells when it has ended, and what followed its end."""

    @property
    def finished(self) -> bool: ...

    @property
    def unused(self) -> bytes: ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decodes to, piece by piece; raise one of ``_FAULTS``."""
        ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)

    @property
    def finished(self) -> bool:
        return self._inflate.eof

    @property
    def unused(self) -> bytes:
        return self._inflate.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        spare = self._inflate.copy()
        try:
            first = self._inflate.decompress(data, _PIECE_BYTES)
        except zlib.error:
            # A call that fails returns nothing. Byte by byte comes all that stands before the
            # fault: a page whose checksum alone is wrong is a whole page.
            self._inflate = spare
            for index in range(len(data)):
                yield from self._drain(self._inflate.decompress(data[index : index + 1]))
            return
        yield from self._drain(first)

    def _drain(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            yield piece
            if self._inflate.eof:
                return
            piece = self._inflate.decompress(self._inflate.unconsumed_tail, _PIECE_BYTES)


class _Brotli:
    unused = b""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()

    @property
    def finished(self) -> bool:
        return bool(self._decoder.is_finished())

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._decoder.process(data, output_buffer_limit=_PIECE_BYTES)
            if piece:
                yield piece
            if self._decoder.is_finished() or self._decoder.can_accept_more_data():
                return
            data = b""


class _Zstd:
    def __init__(self) -> None:
        self._decoder = ZstdDecompressor(options=_ZSTD_OPTIONS)

    @property
    def finished(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def unused(self) -> bytes:
        return bytes(self._decoder.unused_data)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._decoder.decompress(data, _PIECE_BYTES)
            if piece:
                yield piece
            if self._decoder.eof or self._decoder.needs_input:
                return
            data = b""


@dataclass(frozen=True, slots=True)
class _Coding:
    """How a coding may be read; ``signature`` begins each of its streams, if it has one."""

    readings: tuple[Callable[[], _Stream], ...]
    signature: bytes = b""


_GZIP = _Coding((lambda: _Zlib(31),), b"\x1f\x8b")
# RFC 9110 §8.4.1.2 means the zlib format; many servers send bare deflate, and browsers take both.
_DEFLATE = _Coding((lambda: _Zlib(15), lambda: _Zlib(-15)))
_CODINGS = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": _DEFLATE,
    "x-deflate": _DEFLATE,
    "br": _Coding((_Brotli,)),
    "zstd": _Coding((_Zstd,), b"\x28\xb5\x2f\xfd"),
}


def _undone(source: Iterator[bytes], coding: _Coding) -> Iterator[bytes]:
    start = b""
    for piece in source:
        start += piece
        if len(start) >= _PROOF_BYTES:
            break
    source = chain((start,), source) if start else source
    for reading in coding.readings:
        if _holds(reading(), start[:_PROOF_BYTES], signed=bool(coding.signature)):
            yield from _streams(source, reading, coding.signature)
            return
    yield from source


def _holds(stream: _Stream, start: bytes, *, signed: bool) -> bool:
    """Tell whether the start of a body can be a stream: its claim alone proves nothing."""
    size = 0
    try:
        for piece in stream.feed(start):
            size += len(piece)
            if size >= _PROOF_OUTPUT_BYTES:
                return True
    except _FAULTS:
        # A signature is proof enough that it was one, up to the fault.
        return signed and size > 0
    if stream.finished or signed or len(start) >= _PROOF_BYTES:
        return True
    # A short body that neither ended nor failed: a cut stream, unless it reads as plain text.
    return size > 0 and not start.isascii()


def _streams(
    source: Iterator[bytes], reading: Callable[[], _Stream], signature: bytes
) -> Iterator[bytes]:
    stream = reading()
    count = 1
    data = b""
    for part in _slices(source):
        data += part
        while data:
            if stream.finished:
                if len(data) < len(signature):
                    break  # too little to tell whether another stream follows
                if not signature or not data.startswith(signature) or count == _MOST_STREAMS:
                    return
                stream = reading()
                count += 1
            try:
                yield from stream.feed(data)
            except _FAULTS:
                return
            data = stream.unused if stream.finished else b""


def _slices(source: Iterator[bytes]) -> Iterator[bytes]:
    for piece in source:
        for start in range(0, len(piece), _SLICE_BYTES):
            yield piece[start : start + _SLICE_BYTES]
