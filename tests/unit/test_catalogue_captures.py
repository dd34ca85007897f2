"""Questions about captures, and the articles read out of them."""

from dataclasses import replace

import pytest
from catalogues import HOUR, NOW, capture, only_sqlite, opened, visit, watch
from sqlalchemy import event, func, select

from storage.catalogue import captures, texts
from storage.catalogue.tables import texts as text_rows
from storage.errors import CatalogueError
from storage.model import Article, Block, Outcome, Role, Truncation

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


def test_requisites_are_got_when_they_came_and_not_too_long_ago(db):
    """A picture that came is there, a redirect alone may lead to nothing; failures are not had."""
    (one,) = watch(db, A)
    outcomes = {
        "ok": Outcome.OK,
        "moved": Outcome.REDIRECT,
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
    got = captures.got_requisites(db, "paper", asked, since=NOW)
    assert got == {f"{A}ok": True, f"{A}moved": False}
    assert captures.got_requisites(db, "paper", asked, since=NOW + HOUR) == {}
    assert captures.got_requisites(db, "other", asked, since=NOW) == {}


def test_what_a_conditional_request_refers_to_is_the_newest_whole_capture(db):
    """Looks that failed, were cut, led elsewhere, or a 304 that nobody asked for, are not it."""
    (one,) = watch(db, A)
    (other,) = watch(db, B)
    assert captures.latest_whole(db, one.id) is None
    visit(db, one, made=[capture(A, digest="sha1:OLD")])
    unchanged = replace(capture(A, at=NOW + HOUR, outcome=Outcome.NOT_MODIFIED), refers_to="<x>")
    (newest,) = visit(db, one, made=[unchanged]).captures
    later = NOW + 2 * HOUR
    visit(
        db,
        one,
        made=[
            capture(A, at=later, outcome=Outcome.TIMEOUT),
            capture(A, at=later, outcome=Outcome.CLIENT_ERROR),
            capture(A, at=later, outcome=Outcome.REDIRECT),
            capture(A, at=later, outcome=Outcome.NOT_MODIFIED),
            capture(A, at=later, digest=None),
            replace(capture(A, at=later), truncated=Truncation.LENGTH),
            replace(capture(A, at=later), record=None),
            replace(capture(f"{A}moved", at=later, role=Role.REDIRECT), hop=1),
            capture(f"{A}logo.png", at=later, role=Role.REQUISITE),
        ],
    )
    visit(db, other, made=[capture(A, at=later, role=Role.REDIRECT), capture(B, at=later)])
    assert captures.latest_whole(db, one.id) == newest


def test_the_newest_whole_requisite_is_that_of_the_site(db):
    """Another site's copy, a failed one or a page of that address is not it."""
    (one,) = watch(db, A)
    (other,) = watch(db, B, site="other")
    logo = f"{A}logo.png"
    assert captures.latest_requisite(db, "paper", logo) is None
    kept = visit(db, one, made=[capture(A), capture(logo, role=Role.REQUISITE)])
    later = NOW + HOUR
    failed = capture(logo, at=later, role=Role.REQUISITE, outcome=Outcome.TIMEOUT)
    visit(db, one, made=[capture(logo, at=later), failed])
    visit(db, other, made=[capture(B), capture(logo, at=later, role=Role.REQUISITE)])
    assert captures.latest_requisite(db, "paper", logo) == kept.captures[1]


@only_sqlite
def test_the_newest_whole_captures_are_found_by_an_index(db):
    """However many captures there are, only those of the target or of the address are passed."""
    asked = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def see(_db, _cursor, statement, parameters, _context, _many):
        asked.append((statement, parameters))

    captures.latest_whole(db, 1)
    captures.latest_requisite(db, "paper", A)
    plans = [
        db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).scalars(3).first()
        for statement, parameters in list(asked)
    ]
    by = "SEARCH captures USING INDEX ix_captures_"
    assert plans == [
        f"{by}target_id_captured_at_role_outcome (target_id=?)",
        f"{by}url_captured_at (url=?)",
    ]


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
