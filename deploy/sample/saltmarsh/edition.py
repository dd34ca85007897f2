"""Read the articles of the newspaper and say what an edition becomes when it is changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import assert_never

FROZEN_AT = datetime(2015, 3, 31, 20, 0, tzinfo=UTC)
"""When the English edition was closed: the age of everything that nobody has changed since."""

SECTIONS: Mapping[str, str] = {
    "council": "Council",
    "harbour": "Harbour",
    "flood-inquiry": "The Flood Inquiry",
    "courts": "Courts",
    "schools": "Schools",
    "culture": "Culture",
    "sport": "Sport",
    "opinion": "Opinion",
}

HEADER_LINES = ("Headline", "By", "Published", "Section", "Photo")


class SampleError(Exception):
    """Something was asked of the newspaper that it cannot do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article as its text file holds it."""

    node: int
    headline: str
    byline: str
    published: date
    section: str
    caption: str
    paragraphs: tuple[str, ...]
    """Body in order; ``## `` opens a heading and ``> `` a quotation."""
    changed_at: datetime = FROZEN_AT

    @property
    def path(self) -> str:
        """Return the address the article was born with."""
        return f"/node/{self.node}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The newspaper at one moment: its articles, and what became of their addresses."""

    articles: Mapping[int, Article]
    held: Mapping[int, Article] = field(default_factory=dict)
    """Articles that are written and not published."""
    down: Mapping[int, int] = field(default_factory=dict)
    """Status that is answered in place of an article."""
    moved: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """New address of an article, and the status of the redirect to it."""

    def path(self, node: int) -> str:
        """Return where an article is found now."""
        return self.moved[node][0] if node in self.moved else self.articles[node].path

    def listed(self, section: str | None = None) -> list[Article]:
        """Return the articles that can be read, newest first."""
        return sorted(
            (
                one
                for one in self.articles.values()
                if one.node not in self.down and section in (None, one.section)
            ),
            key=lambda one: (one.published, one.node),
            reverse=True,
        )


class ChangeKind(StrEnum):
    """What can be done to an article."""

    EDIT = "edit"
    TAKE_DOWN = "take_down"
    MOVE = "move"
    RESTORE = "restore"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing done to one article at one moment."""

    kind: ChangeKind
    node: int
    at: datetime
    replacements: tuple[tuple[str, str], ...] = ()
    to: str = ""
    status: int = 0


def read_edition(articles: Path, held: Path) -> Edition:
    """Read the published articles of one folder and the unpublished ones of another."""
    return Edition(
        articles={one.node: one for one in _read_folder(articles)},
        held={one.node: one for one in _read_folder(held)},
    )


def apply(edition: Edition, change: Change) -> Edition:
    """Return the edition after a change; refuse one that makes no sense now."""
    match change.kind:
        case ChangeKind.EDIT:
            return _edited(edition, change)
        case ChangeKind.TAKE_DOWN:
            _published(edition, change.node)
            if change.node in edition.down:
                raise SampleError(f"article {change.node} is already down")
            return replace(edition, down={**edition.down, change.node: change.status})
        case ChangeKind.MOVE:
            return _moved(edition, change)
        case ChangeKind.RESTORE:
            return _restored(edition, change)
        case ChangeKind.PUBLISH:
            return _grown(edition, change)
        case _:
            assert_never(change.kind)


def _edited(edition: Edition, change: Change) -> Edition:
    article = _published(edition, change.node)
    if not change.replacements:
        raise SampleError(f"nothing to replace was named for article {change.node}")
    for old, new in change.replacements:
        after = replace(
            article,
            headline=article.headline.replace(old, new),
            caption=article.caption.replace(old, new),
            paragraphs=tuple(one.replace(old, new) for one in article.paragraphs),
        )
        if not old or after == article:
            raise SampleError(f"article {change.node} does not say {old!r}")
        article = after
    article = replace(article, changed_at=change.at)
    return replace(edition, articles={**edition.articles, change.node: article})


def _moved(edition: Edition, change: Change) -> Edition:
    _published(edition, change.node)
    taken = {edition.path(node) for node in edition.articles}
    if not change.to.startswith("/") or change.to in taken:
        raise SampleError(f"article {change.node} cannot move to {change.to!r}")
    return replace(edition, moved={**edition.moved, change.node: (change.to, change.status)})


def _restored(edition: Edition, change: Change) -> Edition:
    if change.node not in edition.down:
        raise SampleError(f"article {change.node} is not down")
    down = {node: status for node, status in edition.down.items() if node != change.node}
    return replace(edition, down=down)


def _grown(edition: Edition, change: Change) -> Edition:
    if change.node not in edition.held:
        raise SampleError(f"there is no unpublished article {change.node}")
    article = replace(edition.held[change.node], changed_at=change.at)
    held = {node: one for node, one in edition.held.items() if node != change.node}
    return replace(edition, articles={**edition.articles, change.node: article}, held=held)


def _published(edition: Edition, node: int) -> Article:
    if node not in edition.articles:
        raise SampleError(f"there is no published article {node}")
    return edition.articles[node]


def _read_folder(folder: Path) -> Iterator[Article]:
    for file in sorted(folder.glob("*.txt")):
        yield _read_article(int(file.stem), file.read_text(encoding="utf-8"))


def _read_article(node: int, text: str) -> Article:
    head, _, body = text.partition("\n\n")
    lines = dict(line.split(": ", 1) for line in head.splitlines())
    missing = [name for name in HEADER_LINES if name not in lines]
    if missing or lines["Section"] not in SECTIONS:
        raise SampleError(f"article {node} has a broken header: {missing or lines['Section']}")
    return Article(
        node=node,
        headline=lines["Headline"],
        byline=lines["By"],
        published=date.fromisoformat(lines["Published"]),
        section=lines["Section"],
        caption=lines["Photo"],
        paragraphs=_paragraphs(body),
    )


def _paragraphs(body: str) -> tuple[str, ...]:
    blocks: Sequence[str] = body.strip().split("\n\n")
    return tuple(" ".join(block.split()) for block in blocks)
