"""Which requisites are fetched, which rest, which are refused: decided from values alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawler.config import load
from crawler.errors import ConfigError
from crawler.fetch.needs import (
    FRAME_DEPTH,
    STYLE_DEPTH,
    TRIED_AGAIN_AFTER,
    Known,
    Named,
    after_try,
    needs_of,
    reading_turn,
    sort_out,
)
from storage.model import (
    Capture,
    FoundBy,
    Missing,
    Outcome,
    Requisite,
    RequisiteKind,
    Role,
    Site,
    Target,
    TargetState,
)

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PAGE = "https://paper.example/1"
A, B, C = (f"https://cdn.example/{name}.png" for name in "abc")
SITE = Site(name="paper", start=("https://paper.example/",))
TARGET = Target(
    id=7,
    site="paper",
    url=PAGE,
    host="paper.example",
    state=TargetState.ACTIVE,
    found_by=FoundBy.LINK,
    found_on=None,
    found_at=NOW - 10 * DAY,
    every=None,
    robots=None,
    due_at=None,
    last_visit_at=NOW - HOUR,
    last_outcome=Outcome.OK,
    last_status=200,
)
FAILED = {"outcome": Outcome.TIMEOUT, "tries": 1}


def need(url: str, **changes: object) -> Missing:
    (one,) = needs_of(
        [Requisite(url=url, kind=RequisiteKind.IMAGE)], target=TARGET, via=PAGE, depth=0, now=NOW
    )
    return replace(one, **changes)


def named(
    *needs: Missing, site: Site = SITE, via: str = PAGE, room: int = 500, again: bool = True
) -> Named:
    return Named(target=TARGET, site=site, via=via, needs=needs, room=room, again=again)


def known(*own: Missing, tried: tuple[Missing, ...] = (), held: tuple[str, ...] = ()) -> Known:
    return Known(
        own={one.url: one for one in own},
        tried={one.url: one for one in (*own, *tried) if one.tries},
        held=frozenset(held),
    )


def test_what_is_not_held_is_listed_before_it_is_fetched() -> None:
    """A visit that dies in the middle finds on the list what it did not come to."""
    got = sort_out(named(need(A), need(B)), known(held=(B,)), now=NOW)
    assert (got.fetch, got.listed) == ((need(A),), (need(A),))
    again = sort_out(named(), known(need(A)), now=NOW + HOUR)
    assert (again.fetch, again.listed) == ((need(A),), ())


def test_what_failed_rests_for_every_page_of_the_site() -> None:
    """Another page that needs it lists it as well, with what came of the try, and asks later."""
    other = need(A, target_id=8, next_try_at=NOW + HOUR, since_at=NOW - DAY, **FAILED)
    got = sort_out(named(need(A)), known(tried=(other,)), now=NOW)
    assert got.fetch == ()
    assert got.listed == (need(A, next_try_at=NOW + HOUR, **FAILED),)
    after = sort_out(named(need(A)), known(tried=(other,)), now=NOW + HOUR)
    assert [(one.target_id, one.tries, one.since_at) for one in after.fetch] == [(7, 1, NOW)]


def test_what_is_due_is_tried_without_being_named() -> None:
    """A page that is as it was is not read; what it was missing is tried when its time comes."""
    rests = need(A, next_try_at=NOW + HOUR, **FAILED)
    due = need(B, next_try_at=NOW, **FAILED)
    got = sort_out(named(), known(rests, due), now=NOW)
    assert (got.fetch, got.listed, got.forgotten) == ((due,), (), ())
    assert sort_out(named(again=False), known(rests, due), now=NOW).fetch == ()


def test_what_was_had_for_another_page_is_missing_no_more() -> None:
    """It leaves the list without being asked for."""
    got = sort_out(named(), known(need(A), held=(A,)), now=NOW)
    assert (got.fetch, got.had) == ((), (A,))


def test_a_style_sheet_that_was_kept_and_never_read_is_fetched_again() -> None:
    """It is held and still listed: its visit died before what it needs was known."""
    sheet = need(A, kind=RequisiteKind.STYLE)
    assert sort_out(named(), known(sheet, held=(A,)), now=NOW).fetch == (sheet,)
    assert sort_out(named(sheet), known(held=(A,)), now=NOW).fetch == ()


def test_what_a_page_no_longer_names_is_forgotten() -> None:
    """Only when the page was read, and not what its style sheets name."""
    nested = need(C, via="https://paper.example/main.css", next_try_at=NOW + DAY, **FAILED)
    own = need(A, next_try_at=NOW + DAY, **FAILED)
    assert sort_out(named(need(B)), known(own, nested), now=NOW).forgotten == (A,)
    assert sort_out(named(), known(own, nested), now=NOW).forgotten == ()


def test_beyond_the_room_they_wait_for_the_next_visit() -> None:
    """They are listed with the reason, and are due in an hour."""
    got = sort_out(named(need(A), need(B), room=1), known(), now=NOW)
    assert [one.url for one in got.fetch] == [A]
    assert "more than 500" in got.listed[1].reason
    assert got.listed[1].next_try_at == NOW + HOUR


@pytest.mark.parametrize(
    ("facts", "options", "reason"),
    [
        ({}, {"requisites_exclude": ("*/a.png",)}, "requisites_exclude leaves it out"),
        ({}, {"requisites_exclude": ("https://cdn.example/*",)}, "leaves it out"),
        ({}, {"requisites_include": ("/b*",)}, "no pattern of requisites_include"),
        ({}, {"requisites_include": ("https://cdn.example/*",)}, ""),
        ({}, {"requisites_exclude": ("https://paper.example/*",)}, ""),
        ({}, {"exclude": ("*",), "include": ("/news/*",)}, ""),
        ({"kind": RequisiteKind.MEDIA}, {}, "requisites_media"),
        ({"kind": RequisiteKind.MEDIA}, {"requisites_media": True}, ""),
        ({"kind": RequisiteKind.FRAME, "depth": FRAME_DEPTH - 1}, {}, ""),
        ({"kind": RequisiteKind.FRAME, "depth": FRAME_DEPTH}, {}, "frames deep"),
        ({"kind": RequisiteKind.STYLE, "depth": STYLE_DEPTH - 1}, {}, ""),
        ({"kind": RequisiteKind.STYLE, "depth": STYLE_DEPTH}, {}, "style sheets and frames deep"),
        ({"depth": 9}, {}, ""),
    ],
)
def test_what_is_not_to_be_asked_for_is_listed_with_the_reason(facts, options, reason) -> None:
    """Scope of requisites, films, depth: each says why; the scope of pages does not count."""
    one = need(A, **facts)
    site = replace(SITE, **options)
    got = sort_out(named(one, site=site), known(), now=NOW)
    (listed,) = got.listed
    assert reason in listed.reason
    assert (got.fetch == ()) == bool(reason)
    assert bool(listed.reason) == bool(reason)
    if reason:
        assert listed.next_try_at == NOW + DAY
        later = sort_out(named(one, site=site), known(listed), now=NOW + HOUR)
        assert (later.fetch, later.listed) == ((), ())


def test_each_failure_makes_the_rest_longer() -> None:
    """An hour, six, a day, three, then a week, for as long as it is missing."""
    hop = Capture(
        url=A, role=Role.REQUISITE, captured_at=NOW, outcome=Outcome.DNS, reason="no name"
    )
    one, waits = need(A), []
    for _ in range(6):
        one = after_try(one, hop, now=NOW)
        waits.append(one.next_try_at - NOW)
    assert waits == [*TRIED_AGAIN_AFTER, TRIED_AGAIN_AFTER[-1]]
    assert waits[:3] == [HOUR, 6 * HOUR, DAY]
    assert (one.tries, one.outcome, one.reason) == (6, Outcome.DNS, "no name")


def test_an_unchanged_page_is_read_anew_twice_a_period() -> None:
    """In each half of ``requisites_every`` since it was found, whatever came of visits between."""
    days = [timedelta(days=n) for n in range(9)]
    turns = [reading_turn(TARGET, SITE, now=TARGET.found_at + day) for day in days]
    assert turns == [0, 0, 0, 0, 1, 1, 1, 2, 2]
    assert reading_turn(TARGET, replace(SITE, requisites=False), now=NOW) == 0


def test_the_options_of_requisites_are_read_from_the_configuration(tmp_path: Path) -> None:
    """Durations, patterns and the word for films; what a pattern may not be is refused."""
    file = tmp_path / "holdfast.toml"
    text = """
    [defaults]
    requisites_every = "30d"
    requisites_media = true
    requisites_exclude = ["/ads/*"]
    [[site]]
    name = "paper"
    start = ["https://paper.example/"]
    requisites_include = ["https://cdn.example/*"]
    """
    file.write_text(text)
    (site,) = load(file, environ={}).sites
    assert (site.requisites_every, site.requisites_media) == (timedelta(days=30), True)
    assert site.requisites_exclude == ("/ads/*",)
    assert site.requisites_include == ("https://cdn.example/*",)
    file.write_text(text.replace("/ads/*", "ads"))
    with pytest.raises(ConfigError, match="requisites_exclude"):
        load(file, environ={})
