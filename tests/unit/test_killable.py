"""The killable child that reads articles, and what its death means to who asks it."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.killable import ArticleReader, ArticleReaderError

PAGE = b"<html><body><h1>A headline</h1><p>" + b"A sentence of the article. " * 20 + b"</p></html>"


@pytest.fixture
def reader() -> Iterator[ArticleReader]:
    with ArticleReader() as articles:
        article, fault = articles.read(PAGE, url="http://paper.example/", headers=())
        assert article is not None, fault
        yield articles


def test_a_child_that_died_while_idle_is_an_error_of_ours(reader: ArticleReader) -> None:
    """The pool is broken then for good: who asks is told so, and the end is clean."""
    (child,) = multiprocessing.active_children()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with pytest.raises(ArticleReaderError, match="start"):
        read_for_long(reader)


def read_for_long(reader: ArticleReader) -> None:
    """Read more often than can be done before the pool has noticed anything."""
    for _ in range(1000):
        reader.read(PAGE, url="http://paper.example/", headers=())


def test_ctrl_c_does_not_reach_the_child(reader: ArticleReader) -> None:
    """SIGINT is blocked or ignored in the child from its first moment on."""
    (child,) = multiprocessing.active_children()
    fields = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{child.pid}/status").read_text().splitlines()
        if line.startswith(("SigBlk", "SigIgn"))
    )
    assert int(fields["SigBlk"], 16) & 1 << (signal.SIGINT - 1)
