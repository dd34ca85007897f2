"""The killable child that reads articles, and what its death means to who asks it."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.changes.surface import MAX_CHARACTERS, surface
from crawler.changes.watching import page_of
from crawler.killable import SURFACES_KEPT_BYTES, ArticleReader, ArticleReaderError
from crawler.text.article import normalise

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


def test_what_is_remembered_of_pages_is_bounded_in_bytes(reader: ArticleReader) -> None:
    """Large pages push each other out; the last one is known, the first is read again."""
    line = b"<p>" + b"word " * (MAX_CHARACTERS // 6) + b"</p>"
    bodies = [b"<title>%d</title>" % number + line for number in range(15)]
    shown = [reader.surface(body, url="http://paper.example/", headers=())[0] for body in bodies]
    assert shown[0] is not None
    assert shown[0].size_bytes * len(bodies) > SURFACES_KEPT_BYTES
    last, _ = reader.surface(bodies[-1], url="http://paper.example/", headers=())
    assert last is shown[-1]
    first, _ = reader.surface(bodies[0], url="http://paper.example/", headers=())
    assert first == shown[0]
    assert first is not shown[0]


def test_a_page_with_more_text_than_is_kept_is_not_compared_by_its_surface() -> None:
    """Its last strip is whole, what comes after is not there: nobody may take that for a loss."""
    line = b"<p>" + b"word " * (MAX_CHARACTERS // 6) + b"</p>"
    url = "http://paper.example/"
    whole, cut = (surface(line * count, url=url, headers=()) for count in (1, 2))
    article = normalise(line, url=url, headers=())
    assert not whole.cut
    assert page_of(whole, article) is not None
    assert cut.cut
    assert cut.strips == whole.strips
    assert page_of(cut, article) is None
