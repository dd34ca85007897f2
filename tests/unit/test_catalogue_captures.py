"""Questions about captures, and the articles read out of them."""

from dataclasses import replace

import pytest
from catalogues import HOUR, NOW, capture, opened, visit, watch
from sqlalchemy import func, select

from storage.catalogue import captures, texts
from storage.catalogue.tables import texts as text_rows
from storage.errors import CatalogueError
from storage.model import Article, Block, Outcome, Role

A, B = "https://a.example/", "https://b.example/"


@pytest.fixture
def db(tmp_path):
    catalogue = opened(tmp_path)
    with catalogue.write() as connection:
        yield connection
    catalogue.close()


def test_listings_are_by_url_site_time_and_page(db):
    """Captures can be listed in every way they are asked for, in the order they were kept."""
    (one,) = watch(db, A)
    (two,) = watch(db, B, site="other")
    (first,) = visit(db, one).captures
    (second,) = visit(db, two, at=NOW + HOUR).captures
    (third,) = visit(db, one, at=NOW + HOUR).captures
    assert captures.listing(db) == [first, second, third]
    assert captures.listing(db, url=A) == [first, third]
    assert captures.listing(db, site="other") == [second]
    assert captures.listing(db, since=NOW + HOUR) == [second, third]
    assert captures.listing(db, after_id=first.id, limit=1) == [second]


def test_the_captures_of_a_target_are_its_page_newest_first(db):
    """Redirects to the page belong to it; its pictures and the robots file do not."""
    (one,) = watch(db, A)
    (old,) = visit(db, one).captures
    made = (
        capture(A, at=NOW + HOUR, role=Role.REDIRECT, outcome=Outcome.REDIRECT),
        capture(B, at=NOW + HOUR),
        capture(f"{A}p.png", at=NOW + HOUR, role=Role.REQUISITE),
        capture(f"{A}robots.txt", at=NOW + HOUR, role=Role.ROBOTS),
    )
    hop, page, *_ = visit(db, one, made=made).captures
    assert captures.of_target(db, one.id, limit=9) == [page, hop, old]
    assert captures.of_target(db, one.id, limit=1) == [page]


def test_a_page_at_a_time_is_the_last_good_capture_before(db):
    """Between two captures it is the earlier, before all of them the first, by default the last."""
    (one,) = watch(db, A)
    (first,) = visit(db, one).captures
    (last,) = visit(db, one, at=NOW + HOUR).captures
    visit(db, one, at=NOW + 2 * HOUR, outcome=Outcome.CLIENT_ERROR)
    assert captures.at(db, A, at=None) == last
    assert captures.at(db, A, at=NOW + HOUR / 2) == first
    assert captures.at(db, A, at=NOW + HOUR) == last
    assert captures.at(db, A, at=NOW - HOUR) == first
    assert captures.at(db, B, at=None) is None


def test_requisites_are_known_once_answered(db):
    """A picture that came, or that is not there, is known; one that failed is asked for again."""
    (one,) = watch(db, A)
    outcomes = {
        "ok": Outcome.OK,
        "gone": Outcome.CLIENT_ERROR,
        "broken": Outcome.SERVER_ERROR,
        "late": Outcome.TIMEOUT,
    }
    made = [
        capture(f"{A}{name}", role=Role.REQUISITE, outcome=outcome)
        for name, outcome in outcomes.items()
    ]
    visit(db, one, made=[capture(A), *made])
    asked = [A, f"{A}new", *(f"{A}{name}" for name in outcomes)]
    assert captures.known_requisites(db, "paper", asked) == {f"{A}ok", f"{A}gone"}
    assert captures.known_requisites(db, "other", asked) == set()


def test_the_latest_digest_is_of_the_newest_answer(db):
    """A failed visit after it does not hide the last answer."""
    (one,) = watch(db, A)
    visit(db, one, made=[capture(A, digest="sha1:OLD")])
    visit(db, one, at=NOW + HOUR, made=[capture(A, at=NOW + HOUR, digest="sha1:NEW")])
    failed = replace(
        capture(A, at=NOW + 2 * HOUR, outcome=Outcome.TRUNCATED, digest="sha1:CUT"), status=200
    )
    visit(db, one, at=NOW + 2 * HOUR, made=[failed])
    latest = captures.latest_digest(db, A)
    assert latest is not None
    assert latest.payload_digest == "sha1:NEW"


def test_captures_with_the_same_article_share_one_text(db):
    """An article is kept once for a target, however often it is captured, and again when edited."""
    (one,) = watch(db, A)
    (two,) = watch(db, B)
    article = Article(url=A, title="T", blocks=(Block(kind="paragraph", text="as it was"),))
    edited = replace(article, title="T, corrected")
    ids = [visit(db, target).captures[0].id for target in (one, one, one, two)]
    kept = [
        texts.put(db, capture_id, version)
        for capture_id, version in zip(ids, (article, article, edited, article), strict=True)
    ]
    assert kept[0] == kept[1]
    assert len(set(kept)) == 3
    assert db.execute(select(func.count()).select_from(text_rows)).scalar_one() == 3
    assert [texts.of_capture(db, one) for one in ids] == [article, article, edited, article]


def test_a_text_can_be_read_anew(db):
    """A better reader may replace the text of a capture."""
    (one,) = watch(db, A)
    (made,) = visit(db, one).captures
    texts.put(db, made.id, Article(url=A))
    texts.put(db, made.id, Article(url=A, title="T"))
    assert texts.of_capture(db, made.id) == Article(url=A, title="T")


def test_a_capture_without_a_text_has_none(db):
    """What was not read, or does not exist, has no article; writing for it is an error."""
    (one,) = watch(db, A)
    (made,) = visit(db, one).captures
    assert texts.of_capture(db, made.id) is None
    assert texts.of_capture(db, 99) is None
    with pytest.raises(CatalogueError, match="not known"):
        texts.put(db, 99, Article(url=A))
