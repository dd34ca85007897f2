"""How much of a chunked answer may be framing: what is past that is cut, and kept as it came."""

from itertools import chain, repeat

import pytest

from crawler.fetch.wire.answer import Answer
from crawler.fetch.wire.connection import End
from crawler.fetch.wire.ending import ending
from crawler.fetch.wire.request import Limits
from storage.model import Outcome, Truncation

MIB = 1024 * 1024
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def fed(pieces, limits: Limits) -> tuple[Answer, int]:
    """Feed an answer until it has ended or there is no more; return it, and how much it was."""
    answer = Answer("GET", limits, None)
    size = 0
    for piece in chain((HEAD,), pieces):
        size += len(piece)
        if answer.feed(piece):
            break
    answer.settle(closed=True)
    return answer, size


@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"1\nx\n", b"3;extended=very-much\r\nabc\r\n"])
def test_a_body_that_is_mostly_framing_is_cut(chunk):
    """More than 16 MiB of framing, and more than it carries, is enough; all that came is kept."""
    answer, size = fed(repeat(chunk * (100_000 // len(chunk))), Limits())
    with answer.spool.file as file:
        file.seek(0)
        kept = file.read()
    assert ending(answer, End.ANSWER, Limits())[:2] == (Outcome.TOO_LARGE, Truncation.LENGTH)
    assert "chunk framing" in answer.excess
    assert len(kept) == size
    assert kept.startswith(HEAD + chunk)
    framing = size - len(HEAD) - answer.payload_bytes
    assert 16 * MIB < framing <= 16 * MIB + 100_000


def test_small_chunks_alone_are_no_reason_to_cut():
    """A long body whose chunks carry more than they cost is whole."""
    pieces = [b"8\r\n8 bytes.\r\n" * 10_000] * 350
    answer, size = fed([*pieces, b"0\r\n\r\n"], Limits())
    assert answer.complete
    assert answer.payload_bytes == 28_000_000
    assert answer.spool.size_bytes == size
    assert size - len(HEAD) - answer.payload_bytes > 16 * MIB
    answer.spool.file.close()


@pytest.mark.parametrize("piece", [b"X-Field: value\r\n" * 100, b"x" * 1600])
def test_an_endless_trailer_is_cut_like_a_head(piece):
    """It may be as long as a head, in lines or in one line."""
    limits = Limits(head_bytes=100_000)
    answer, size = fed([b"4\r\nbody\r\n0\r\n", *[piece] * 200], limits)
    assert "the trailer is longer than 100000 bytes" in answer.excess
    assert answer.spool.size_bytes == size
    assert 100_000 < size < 100_000 + 70_000
    answer.spool.file.close()


def test_a_trailer_within_its_limit_is_part_of_the_answer():
    """Trailers of usual size end the body as ever."""
    answer, size = fed([b"4\r\nbody\r\n0\r\nX: y\r\n\r\n"], Limits())
    assert answer.complete
    assert (answer.spool.size_bytes, answer.payload_bytes) == (size, 4)
