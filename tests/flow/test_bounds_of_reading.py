"""The child that reads articles is ended by its limits, and what was asked of it is answered."""

from collections.abc import Iterator

import pytest

from crawler.killable import LARGEST_DATA_BYTES, ArticleReader

pytestmark = pytest.mark.flow

URL = "https://quay.example/1"
HTML = (("content-type", "text/html"),)
LINE = "The harbour master said that nobody would be paid before the end of the winter."
PAGE = f"<html><body><h1>Wages</h1><p>{LINE}</p>".encode()
BOMBS = {
    "depth": PAGE + b"<div>" * 100_000 + b"<p>Below</p>",
    "size": PAGE + PAGE * 45_000,
    "links": PAGE + b"".join(b"<p><a href='/%d'>To %d</a></p>" % (n, n) for n in range(130_000)),
}


@pytest.fixture
def reader() -> Iterator[ArticleReader]:
    with ArticleReader() as articles:
        yield articles


def spin(body: bytes, *, url: str, headers: object) -> None:
    """Never end, as a program that has met its bomb."""
    while True:
        pass


def hoard(body: bytes, *, url: str, headers: object) -> int:
    """Ask for more memory than anybody may have."""
    return len(bytearray(2 * LARGEST_DATA_BYTES))


@pytest.mark.parametrize("task", [spin, hoard])
def test_a_task_without_end_is_ended_and_the_next_one_done(reader: ArticleReader, task) -> None:
    """Processor time and memory are bounded by the system, whatever the task does."""
    found, why = reader.run(task, PAGE, URL, HTML)
    assert found is None
    assert "memory" in why or "longer" in why
    article, fault = reader.read(PAGE, url=URL, headers=HTML)
    assert article is not None, fault
    assert LINE in article.text


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_ends_in_a_bounded_text_that_says_why(reader: ArticleReader, kind: str) -> None:
    """Depth, size, links: the beginning of the page is read, and a warning says what was not."""
    article, fault = reader.read(BOMBS[kind], url=URL, headers=HTML)
    assert article is not None, fault
    assert article.warnings
    assert LINE in article.text
    assert len(article.blocks) <= 20_000
