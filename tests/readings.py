"""Readings of pages for tests of what changed: one article, and what may come of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crawler.changes.case import Reading
from crawler.text.article import NO_ARTICLE, fingerprint
from storage.model import (
    Article,
    Block,
    Capture,
    Image,
    Outcome,
    RecordRef,
    Role,
)

T0 = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
URL = "https://paper.example/node/7"

PARAGRAPHS = (
    (
        "The harbour council voted on Monday to close the old fish market, 12 members for and 3 "
        "against, after a debate that went on until late in the evening."
    ),
    (
        "Traders who have sold their catch there since the war said they had not been "
        "asked, and that "
        "the new hall at the edge of town has neither water nor shade."
    ),
    (
        "Nadia Karim, who speaks for the traders, told reporters that the market would "
        "open on Tuesday "
        "as it has every day, whatever the council may have decided."
    ),
    "The council did not say when the gates will be shut or who will pay for the move.",
)

OTHER = (
    (
        "Page not available. Perhaps you have followed an outdated bookmark; please try "
        "searching our "
        "new portal, or browse today's weather, sports results and horoscopes instead."
    ),
)


def article(
    *paragraphs: str, title: str = "Council closes fish market", **fields: object
) -> Article:
    """Return an article of these paragraphs, or of the usual ones."""
    blocks = tuple(Block(kind="paragraph", text=text) for text in paragraphs or PARAGRAPHS)
    plain = Article(
        url=URL,
        title=title,
        headline=title,
        page_title=f"{title} | The Paper",
        byline=("Omar Said",),
        published="2014-10-10",
        blocks=blocks,
        images=(Image(url="https://paper.example/market.jpg", caption="The market"),),
    )
    full = replace(plain, **fields)  # type: ignore[arg-type]  # fields are named by the test
    return replace(full, fingerprint=fingerprint(full))


def hop(
    url: str = URL, *, at: datetime = T0, status: int | None = 200, digest: str = "sha1:A"
) -> Capture:
    """Return a capture on the way to a page."""
    return Capture(
        url=url,
        role=Role.TARGET,
        captured_at=at,
        outcome=_outcome(status),
        status=status,
        record=RecordRef(file="warc/a.warc.gz", offset=0, length=10, digest=digest),
        payload_digest=digest,
        payload_bytes=100,
    )


def reading(
    found: Article | None = None, *, at: datetime = T0, status: int | None = 200, **fields: object
) -> Reading:
    """Return a look: the usual article unless told otherwise."""
    digest = str(fields.pop("digest", "sha1:A"))
    plain = Reading(
        url=URL,
        at=at,
        outcome=_outcome(status),
        status=status,
        hops=(hop(at=at, status=status, digest=digest),),
        headers=(("Content-Type", "text/html"),),
        article=found if found is not None else article(),
        capture_id=int((at - T0) / timedelta(milliseconds=1)) + 1,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]  # fields are named by the test


def error_page(*, at: datetime = T0, status: int = 404, **fields: object) -> Reading:
    """Return a look at an error page with words of its own."""
    page = article(*OTHER, title="Oops", warnings=(NO_ARTICLE,), byline=(), images=())
    return reading(page, at=at, status=status, **fields)


def failure(outcome: Outcome, *, at: datetime = T0, reason: str = "") -> Reading:
    """Return a look on which no answer came."""
    return Reading(url=URL, at=at, outcome=outcome, reason=reason)


def redirected(
    to: str, found: Article | None = None, *, at: datetime = T0, status: int = 301
) -> Reading:
    """Return a look that was led to another address."""
    hops = (hop(at=at, status=status), hop(to, at=at))
    return reading(found, at=at, hops=hops)


def edited(old: str, new: str, *, at: datetime = T0, **fields: object) -> Reading:
    """Return a look at the usual article with a few words replaced."""
    texts = [text.replace(old, new) for text in PARAGRAPHS]
    assert list(PARAGRAPHS) != texts, f"{old!r} is not in the article"
    return reading(article(*texts), at=at, digest="sha1:B", **fields)


def _outcome(status: int | None) -> Outcome:
    if status is None:
        return Outcome.TIMEOUT
    kinds = {3: Outcome.REDIRECT, 4: Outcome.CLIENT_ERROR, 5: Outcome.SERVER_ERROR}
    return kinds.get(status // 100, Outcome.OK)
