"""What is noise is learnt, and what is the article is never covered by it."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from readings import T0, URL, hop

from crawler.changes import lessons, twins
from crawler.changes.case import Case, Reading
from crawler.changes.compare import compare
from crawler.changes.hearing import Control, Verdict
from crawler.changes.judge import judge
from crawler.changes.slots import SEEN_TWICE
from crawler.changes.surface import masked_slot, surface
from crawler.changes.watching import page_of
from crawler.text.article import normalise
from crawler.text.fold import fold
from storage.model import (
    Alert,
    Axis,
    Finding,
    FoundBy,
    Outcome,
    Severity,
    Site,
    Standing,
    Target,
    TargetState,
)

SITE = Site(name="paper")
TARGET = Target(
    id=7, site="paper", url=URL, host="paper.example", state=TargetState.ACTIVE,
    found_by=FoundBy.START, found_on=None, found_at=T0, every=None, robots=None, due_at=None,
    last_visit_at=None, last_outcome=None, last_status=None,
)  # fmt: skip
HEADERS = (("Content-Type", "text/html; charset=utf-8"),)
ENGLISH = (
    "The harbour council voted on Monday to close the old fish market after a long debate.",
    "Traders who have sold their catch there since the war said they had not been asked.",
    "The new hall at the edge of town has neither water nor shade, and 40 stalls are to fit in.",
    "Nadia Karim told reporters that the market would open on Tuesday as it has every day.",
    "The council did not say when the gates will be shut or who will pay for the move.",
)
ARABIC = (
    "صوت مجلس المرفأ يوم الاثنين على إغلاق سوق السمك القديم بعد نقاش استمر حتى ساعة متأخرة.",
    "وقال التجار الذين يبيعون صيدهم هناك منذ الحرب إنهم لم يستشاروا في الأمر على الإطلاق.",
    "أما القاعة الجديدة على أطراف المدينة فليس فيها ماء ولا ظل ويراد أن تتسع لأربعين بسطة.",
    "وقالت نادية كريم للصحافيين إن السوق سيفتح أبوابه يوم الثلاثاء كما يفعل في كل يوم.",
)
RUSSIAN = (
    "Совет порта проголосовал в понедельник за закрытие старого рыбного рынка после споров.",
    "Торговцы, которые продают там свой улов много лет, говорят, что их не спросили.",
    "Новый зал на окраине города без воды и без тени, но поместиться там должны все.",
    "Надя Карим сказала журналистам, что рынок откроется во вторник, как и каждый день.",
)
LANGUAGES = pytest.mark.parametrize("texts", [ENGLISH, ARABIC, RUSSIAN], ids=["en", "ar", "ru"])
PROMOS = (
    "Read also: the long road to the islands",
    "Read also: what the winter storm has left behind",
    "Read also: how to cook a fish without a kitchen",
)

PLEAS = (
    "Our reporting is free for everybody: if you can, support it with a gift today.",
    "We have no owners; people like you pay for what they see here every month.",
    "Only one in a hundred gives something. Will you be next to help us go on?",
)


def html(texts, *, draw: random.Random | None = None, wrap: str = "", extra: str = "") -> bytes:
    """Return a page of these paragraphs, with fresh noise where there is something to draw from."""
    paragraphs = [f"<p>{text}</p>" for text in texts]
    noise = ""
    if draw is not None:
        paragraphs.insert(2, f"<p>{draw.choice(PROMOS)}</p>")
        paragraphs.insert(1, f"<p><em>{draw.randrange(10, 999)} readers are here now</em></p>")
        poll = f"<div class='poll'><p>Yes {draw.randrange(100)} %</p></div>"
        paragraphs.insert(4, poll)
        noise = f"<div class='side-{draw.randrange(9)}'><p>Ad {draw.random()}</p></div>"
    body = "".join(paragraphs)
    return (
        "<html><head><title>Fish market to close</title></head><body><nav><ul>"
        "<li><a href='/news'>News</a></li><li><a href='/sport'>Sport</a></li></ul></nav>"
        f"<main class='{wrap}'><article><h1>Fish market to close</h1>{body}{extra}</article></main>"
        f"{noise}<footer><p>All rights reserved</p></footer></body></html>"
    ).encode()


def look(body: bytes) -> Reading:
    return Reading(
        url=URL,
        at=T0,
        outcome=Outcome.OK,
        status=200,
        hops=(hop(),),
        headers=HEADERS,
        article=normalise(body, url=URL, headers=HEADERS),
        surface=surface(body, url=URL, headers=HEADERS),
    )


def taught(texts, draw: random.Random, *, looks: int = 5) -> tuple[Reading, tuple[str, ...]]:
    """Return the last of some looks at an unchanged page, and what they taught."""
    noise: tuple[str, ...] = ()
    one = look(html(texts, draw=draw))
    for _ in range(looks):
        other = look(html(texts, draw=draw))
        noise = lessons.learn(noise, sorted(lessons.of_one_moment(one.page, other.page)))
        one = other
    return one, noise


@LANGUAGES
def test_learnt_noise_is_no_change(texts):
    """Rotating lines, counters and boxes inside the article are known after a few looks."""
    draw = random.Random(3)
    before, noise = taught(texts, draw)
    for _ in range(8):
        found = compare(before.page, look(html(texts, draw=draw)).page, noise=noise)
        assert not found.diff.changed


@LANGUAGES
def test_an_edit_is_seen_in_the_midst_of_noise(texts):
    """A word, a lost paragraph and a new one stand out, whatever rotates around them."""
    draw = random.Random(4)
    before, noise = taught(texts, draw)
    *kept, last = texts
    edits = (
        (*kept, last.rsplit(" ", 1)[0]),
        kept,
        (*texts, "A note was added here that says something that was not said before."),
    )
    for edited in edits:
        one, other = (look(html(edited, draw=draw)) for _ in range(2))
        case = Case(before=before, after=other, twin=one, noise=frozenset(noise))
        assert case.diff is not None
        assert case.diff.changed


@LANGUAGES
def test_only_what_two_fetches_share_counts(texts):
    """Before anything is learnt, a line that is another one in each fetch is no edit."""
    before = look(html(texts))
    with_line = [look(html((*texts, f"A line that rotates, number {n}."))) for n in (1, 2)]
    found = compare(before.page, with_line[1].page, again=with_line[0].page)
    assert not found.diff.changed
    assert found.unsteady


@LANGUAGES
def test_a_page_made_anew_with_the_same_text_is_unchanged(texts):
    """Other classes, another navigation and other boxes around the same words are a redesign."""
    plain = html(texts).decode()
    other = plain.replace("<article>", "<section class='n7-a81f2'><div class='n7-body'>")
    other = other.replace("</article>", "</div></section>").replace("<p>", "<p class='n7-text'>")
    other = other.replace("<nav>", "<header class='top'><p>Politics | Culture</p></header><nav>")
    found = compare(look(html(texts)).page, look(other.encode()).page)
    assert not found.diff.changed


@LANGUAGES
def test_a_line_that_takes_turns_does_so_in_a_new_template_too(texts):
    """Where lines were known to rotate, one that nobody has seen yet is no edit of a redesign."""
    first, second, third = (html((*texts, line)) for line in PLEAS)
    noise = lessons.of_one_moment(look(first).page, look(second).page)
    other = third.decode().replace("<article>", "<section class='n7-a'><div class='n7-body'>")
    other = other.replace("</article>", "</div></section>").replace("<p>", "<p class='n7-text'>")
    after = look(other.encode()).page
    assert not compare(look(first).page, after, again=after, noise=noise).diff.changed
    assert compare(look(first).page, after, again=after).diff.changed


def test_no_lesson_covers_the_slot_of_the_article():
    """Two fetches of quite different texts teach nothing of the slot the article stands in."""
    one, other = look(html(ENGLISH)), look(html(ENGLISH[::-1]))
    taught_now = lessons.of_one_moment(one.page, other.page)
    edited = look(html((*ENGLISH[:-1], ENGLISH[-1].replace("gates", "doors"))))
    assert compare(one.page, edited.page, noise=taught_now).diff.changed


def test_an_error_page_teaches_nothing():
    """A second fetch that brings another page says nothing of the first one's noise."""
    error = look(html(("This page could not be found. Please try our search.",)))
    assert not lessons.of_one_moment(look(html(ENGLISH)).page, error.page)
    assert not lessons.of_two_visits(look(html(ENGLISH)).page, error.page)


def test_lessons_are_bounded_and_keep_the_newest():
    """A page that never rests does not fill the catalogue."""
    many = lessons.learn((), [f"s:{n}" for n in range(1000)])
    assert len(many) == lessons.MOST_LESSONS
    assert many[-1] == "s:999"
    assert lessons.learn(many, ["s:999"]) == many


def test_what_machines_count_in_class_names_is_masked():
    """Build digests and experiment numbers change with each release; words of people stay."""
    assert masked_slot("div.css-1x2y3z/p.a4f9c1") == "div.css-0/p.0"
    assert masked_slot("div.story-body/p.lead") == "div.story-body/p.lead"
    assert masked_slot("td/p") == "td/p"


def test_a_page_that_was_not_read_is_not_compared():
    """Without text there is nothing to hold against anything."""
    assert page_of(None, None) is None
    assert page_of(surface(b"", url=URL, headers=HEADERS), None) is None


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b"<" * 5000, b"<p>" * 5000, b"<a href='http://['>x"]
)
def test_a_surface_is_read_of_anything(body):
    """Whatever the web sent, reading what it shows never raises."""
    assert surface(body, url=URL, headers=HEADERS).url == URL


def test_a_site_may_forgo_second_looks():
    """With ``second_look = false`` neither a first look nor an edit asks for another fetch."""
    first = Case(before=None, after=replace(look(html(ENGLISH)), capture_id=1))
    edit = Case(before=first.after, after=replace(look(html(ENGLISH[1:])), capture_id=2))
    found = [
        Finding(
            kind="content_removed",
            axis=Axis.CONTENT,
            rule="content_removed",
            alert=Alert.NOW,
            severity=Severity.HIGH,
            summary="A paragraph is gone.",
        )
    ]
    assert twins.wants_lesson(first, TARGET, SITE)
    assert twins.wants_twin(edit, TARGET, SITE, found)
    once = replace(SITE, second_look=False)
    assert not twins.wants_lesson(first, TARGET, once)
    assert not twins.wants_twin(edit, TARGET, once, found)


def judged(case: Case, standing: Standing) -> Verdict:
    return judge(case, standing, site=SITE, target=TARGET, visit_id=1, control=Control())


def test_a_second_fetch_that_comes_late_is_no_lesson():
    """What changed before a twin that had to wait long is an edit, and told when seen again."""
    first = replace(look(html(ENGLISH)), capture_id=1)
    cut = replace(look(html(ENGLISH[:3])), capture_id=2)
    waits = Standing(target_id=7, good_capture_id=1, twin_capture_id=1)
    at_once = replace(cut, at=T0 + twins.AT_ONCE)
    learnt = judged(Case(before=first, after=at_once), waits)
    assert (learnt.events, learnt.standing.good_capture_id) == ((), 2)

    late = replace(cut, at=T0 + twins.AT_ONCE + timedelta(seconds=1))
    doubted = judged(Case(before=first, after=late), waits)
    assert doubted.events == ()
    assert (doubted.standing.good_capture_id, doubted.standing.twin_capture_id) == (1, 2)
    again = replace(late, at=late.at + timedelta(seconds=1), capture_id=3)
    (event,) = judged(Case(before=first, after=again, twin=late), doubted.standing).events
    assert (event.kind, event.before_capture_id) == ("content_removed", 1)


@pytest.mark.parametrize("deep", [0, 4])
@LANGUAGES
def test_what_comes_into_a_box_that_is_watched_is_told(texts, deep):
    """Text chosen of a slot beside the article is watched, and what comes into it."""
    told = f"{texts[0]} {texts[1].split()[0]}"
    box = "<div>" * deep + f"<ul><li>{told}</li></ul>" + "</div>" * deep
    note = "<p>A note that tells what was wrong in an earlier version.</p>"
    before, after = (
        look(html(texts).replace(b"<main", f"{one}<main".encode())).page
        for one in (box, box.replace("<li>", f"<li>{note}"))
    )
    before = replace(before, chosen=before.chosen | {fold(told)})
    assert compare(before, after, noise={SEEN_TWICE}).diff.changed
    assert not compare(before, before, noise={SEEN_TWICE}).diff.changed
