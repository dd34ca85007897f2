"""What the policy learns from looks, and when it looks again."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.revisit.allowance import Allowance, trim
from crawler.revisit.curves import Curve, PageRole, fit_spread
from crawler.revisit.explanation import holds, numbers, sentences
from crawler.revisit.habits import Habit
from crawler.revisit.policy import Policy, Seen, Terms
from crawler.revisit.price import fit_price, refit_spreads
from crawler.revisit.stamps import stamp_of
from crawler.revisit.worth import Prospect, index, interval

TERMS = Terms(price=0.05, shortest=5 / 1440, longest=7.0)
HOST = "paper.example"


def page(number: int = 1, role: PageRole = PageRole.ARTICLE, *, born: float = 0.0) -> Habit:
    return Habit(number, HOST, role, born, looked_at=born)


def met(policy: Policy, habit: Habit) -> Habit:
    """Greet a page, and look at it for the first time."""
    policy.greet(habit)
    policy.look(habit, Seen(at=habit.looked_at))
    return habit


def looked(policy: Policy, habit: Habit, *, every: float, changed: bool, times: int) -> Habit:
    for _ in range(times):
        policy.look(habit, Seen(at=habit.looked_at + every, changed=changed))
    return habit


def prospect(**other: object) -> Prospect:
    usual = Prospect(shape=0.5, scale=0.5, steps=((0.0, 0.0, 1.0),), hazard=0.05, importance=1.0)
    return replace(usual, **other)


# --- what a look is worth ---------------------------------------------------------------------


@given(st.floats(0.001, 50), st.floats(0, 100), st.floats(0.05, 5), st.floats(0, 10))
def test_the_worth_of_a_look_grows_with_the_time_it_waits(gap, rate, shape, hazard):
    """A later look is worth more, whatever the page."""
    one = prospect(steps=((0.0, 0.0, rate),), shape=shape, scale=shape, hazard=hazard)
    assert index(one, gap) <= index(one, gap * 1.5) + 1e-9


@given(
    st.floats(1e-4, 10), st.floats(0, 100), st.floats(0.05, 5), st.floats(0, 10), st.floats(1e-3, 7)
)
def test_the_interval_is_where_the_worth_reaches_the_price(price, rate, shape, hazard, near):
    """Within the bounds the worth at the interval is the price, from wherever it is sought."""
    one = prospect(steps=((0.0, 0.0, rate),), shape=shape, scale=shape, hazard=hazard)
    gap = interval(one, price=price, shortest=5 / 1440, longest=7.0, near=near)
    assert 5 / 1440 <= gap <= 7.0
    if gap == 7.0:
        assert index(one, gap) <= price * 1.03
    elif gap == 5 / 1440:
        assert index(one, gap) >= price * 0.97
    else:
        assert index(one, gap) == pytest.approx(price, rel=0.08)


def test_what_matters_more_is_looked_at_sooner():
    """More changes, a higher risk, a higher importance or a lower price: each shortens the wait."""

    def gap(price: float = 0.05, **other: object) -> float:
        return interval(prospect(**other), price=price, shortest=0.001, longest=100.0, near=1.0)

    usual = gap()
    assert gap(steps=((0.0, 0.0, 4.0),)) < usual
    assert gap(hazard=0.5) < usual
    assert gap(importance=5.0) < usual
    assert gap(price=0.01) < usual


# --- what is learnt ---------------------------------------------------------------------------


def test_a_page_that_changes_is_looked_at_sooner_and_one_that_lies_still_later():
    """What a page's own looks say moves it away from its kin."""
    policy = Policy()
    restless = looked(policy, met(policy, page(1, PageRole.PAGE)), every=1, changed=True, times=1)
    still = looked(policy, met(policy, page(2, PageRole.PAGE)), every=1, changed=False, times=1)
    for _ in range(4):
        looked(policy, restless, every=1.0, changed=True, times=1)
        looked(policy, still, every=1.0, changed=False, times=1)
    assert policy.plan(restless, TERMS) < policy.plan(still, TERMS) / 3


def test_what_one_page_teaches_holds_for_its_kin():
    """After many changed looks at other pages a new one is looked at sooner."""
    policy = Policy()
    before = policy.plan(met(policy, page(1, PageRole.PAGE)), TERMS)
    for number in range(2, 60):
        looked(policy, met(policy, page(number, PageRole.PAGE)), every=2, changed=True, times=2)
    assert policy.plan(met(policy, page(99, PageRole.PAGE)), TERMS) < before / 2


def test_an_article_is_looked_at_less_the_older_it_grows():
    """The curve of articles falls with age, and the waits grow."""
    policy = Policy()
    waits = []
    for age in (0.0, 0.2, 1.0, 5.0):
        habit = page(born=-age)
        habit.looked_at = 0.0
        waits.append(policy.plan(met(policy, habit), TERMS))
    assert all(a <= b for a, b in pairwise(waits))
    assert waits[0] < waits[-1]


def test_a_page_that_changes_on_every_fetch_teaches_nothing():
    """Noise is recognised, kept out of the curve, and the page is looked at as its kin are."""
    policy = Policy()
    noisy = looked(policy, met(policy, page(1, PageRole.PAGE)), every=0.02, changed=True, times=4)
    assert noisy.is_noisy
    taught = list(policy.curves[PageRole.PAGE].changes)
    looked(policy, noisy, every=0.02, changed=True, times=50)
    assert policy.curves[PageRole.PAGE].changes == taught
    kin = policy.plan(met(policy, page(2, PageRole.PAGE, born=noisy.looked_at)), TERMS)
    assert policy.plan(noisy, TERMS) == pytest.approx(kin, rel=0.2)


def test_what_a_server_vouches_for_is_no_noise():
    """A 304 ends the suspicion that a page changes on every fetch."""
    policy = Policy()
    habit = looked(policy, met(policy, page(1, PageRole.PAGE)), every=0.02, changed=True, times=4)
    policy.look(habit, Seen(at=habit.looked_at + 0.02, changed=False, sure=True))
    assert not habit.is_noisy


def test_the_curve_learns_the_rate_of_its_pages():
    """Changes that come at a steady rate are found again, whatever was expected."""
    curve, chance = Curve(PageRole.PAGE), random.Random(1)
    for _ in range(2000):
        changes = sum(chance.random() < 0.1 for _ in range(10))
        curve.learn(0.0, 5.0, changes=changes, weight=1.0)
    assert curve.rates[0] == pytest.approx(0.2, rel=0.1)


def test_the_spread_tells_pages_that_differ_from_pages_that_do_not():
    """Counts all alike lead to a large shape, counts of a few restless pages to a small one."""
    alike = [(2.0, 2.0)] * 200
    apart = [(0.0, 2.0)] * 180 + [(20.0, 2.0)] * 20
    curve = Curve(PageRole.PAGE)
    assert fit_spread(curve, alike) > 1 > fit_spread(curve, apart)
    assert fit_spread(curve, alike[:10]) == curve.spread, "too few to tell"


def test_pages_keep_what_they_showed_when_the_spread_is_fitted_anew():
    """A page that changed much still changes much after its role's spread has moved."""
    policy, chance = Policy(), random.Random(1)
    habits = [met(policy, page(number, PageRole.PAGE)) for number in range(80)]
    for habit in habits[:4]:
        looked(policy, habit, every=1, changed=True, times=6)
    for habit in habits[4:]:
        looked(policy, habit, every=1, changed=False, times=6)
    refit_spreads(policy.curves, habits, chance=chance)
    factors = [one.shape / one.scale for one in habits]
    assert min(factors[:4]) > 3 * max(factors[4:])


# --- losses -----------------------------------------------------------------------------------


def test_a_lost_page_is_looked_at_rarer_and_rarer_and_never_given_up():
    """The waits treble up to 90 days; back again, it is an ordinary page."""
    policy = Policy()
    habit = met(policy, page(1, PageRole.ARCHIVE))
    waits = []
    for _ in range(9):
        policy.look(habit, Seen(at=habit.looked_at + 1, lost=True))
        waits.append(policy.plan(habit, TERMS))
    assert waits[:3] == [7.0, 21.0, 63.0]
    assert waits[-1] == 90.0
    policy.look(habit, Seen(at=habit.looked_at + 1, changed=False))
    assert policy.plan(habit, TERMS) <= TERMS.longest


def test_a_burst_of_losses_brings_the_whole_host_forward_once():
    """Pages lost one after another raise the risk of the rest; a jump is told once."""
    policy = Policy()
    habits = [met(policy, page(number, PageRole.ARCHIVE)) for number in range(40)]
    for habit in habits:
        looked(policy, habit, every=3.0, changed=False, times=4)
    kin = policy.kin_of(HOST, PageRole.ARCHIVE)
    before = policy.plan(habits[-1], TERMS)
    assert kin.jumped_at is None
    for habit in habits[:8]:
        policy.look(habit, Seen(at=12.5, lost=True))
    assert kin.jumped_at == 12.5
    assert policy.plan(habits[-1], TERMS) < before
    assert kin.is_to_hasten(12.5)
    assert kin.is_to_tell(12.5)
    policy.look(habits[8], Seen(at=13.6, lost=True))
    assert kin.is_to_hasten(13.6), "those that still stand are planned anew while it lasts"
    assert not kin.is_to_tell(13.6)


def test_a_jump_is_over_when_losses_are_rare_again_and_the_next_is_told():
    """What is told once is one jump, not one host for ever."""
    policy = Policy()
    habits = [met(policy, page(number, PageRole.ARCHIVE)) for number in range(60)]
    kin = policy.kin_of(HOST, PageRole.ARCHIVE)
    for habit in habits:
        looked(policy, habit, every=3.0, changed=False, times=4)
    told = []

    def lose(some: list[Habit], at: float) -> None:
        for habit in some:
            policy.look(habit, Seen(at=at, lost=True))
            if kin.is_to_tell(at):
                told.append(at)

    lose(habits[:9], 12.5)
    for _ in range(40):
        for habit in habits[9:]:
            policy.look(habit, Seen(at=habit.looked_at + 5.0, changed=False))
    assert kin.jumped_at is None
    lose(habits[9:30], 212.5)
    assert told == [12.5, 212.5]


def test_losses_of_a_large_host_at_its_usual_rate_are_no_burst():
    """Many pages lose some every day: only the rate counts, not the number."""
    policy = Policy()
    for day in range(60):
        for number in range(200):
            habit = page(day * 1000 + number, PageRole.ARCHIVE, born=float(day))
            met(policy, habit)
            lost = number == 0
            policy.look(habit, Seen(at=day + 1.0, lost=lost, changed=None if lost else False))
        assert policy.kin_of(HOST, PageRole.ARCHIVE).jumped_at is None


def test_young_articles_that_are_lost_as_ever_are_no_danger_to_old_ones():
    """What is lost lately is held against what was to be expected at its own age."""
    policy = Policy()
    for day in range(40):
        for number in range(30):
            habit = page(day * 100 + number, born=float(day))
            met(policy, habit)
            lost = number == 0 and day % 3 == 0
            policy.look(habit, Seen(at=day + 1.0, lost=lost, changed=None if lost else False))
    kin = policy.kin_of(HOST, PageRole.ARTICLE)
    assert kin.hazard(50.0) < 2 * kin.usual_hazard(2)


# --- what servers say of when a page changed ---------------------------------------------------


def stamped(policy: Policy, habit: Habit, seen: Seen) -> None:
    """Look at a page, and keep its stamp as the planner does."""
    policy.look(habit, seen)
    habit.stamp = seen.stamp


def trust(policy: Policy, *, looks: int = 30, true: bool = True) -> None:
    """Have pages of the host teach that their stamps are true, or that new ones say nothing."""
    for number in range(looks):
        habit = met(policy, page(1000 + number, born=-100.0))
        changed = number % 2 == 0 if true else False
        told = changed if true else True
        for at, stamp in ((0.0, "a"), (1.0, "b" if told else "a")):
            stamped(policy, habit, Seen(at=at, changed=changed and at > 0, stamp=stamp))


def test_a_stamp_that_is_the_same_vouches_on_a_host_that_is_known_to_tell_all() -> None:
    """Other bytes under the same stamp are noise there; elsewhere they are a change."""
    for trusted in (True, False):
        policy = Policy()
        if trusted:
            trust(policy)
        habit = met(policy, page(1, PageRole.PAGE))
        for day in range(1, 9):
            stamped(policy, habit, Seen(at=float(day), changed=day > 1, stamp="same"))
        assert habit.changes == (0 if trusted else 7)
        assert not (trusted and habit.is_noisy)


def test_a_date_that_is_believed_says_since_when_nothing_changed() -> None:
    """A change of yesterday teaches less of a rate than one of an hour ago, seen a week apart."""
    shapes = []
    for ago in (0.04, 6.9):
        policy = Policy()
        trust(policy)
        habit = met(policy, page(1, PageRole.PAGE))
        stamped(policy, habit, Seen(at=1.0, changed=False, stamp="a"))
        seen = Seen(at=8.0, changed=True, stamp="b", modified_at=8.0 - ago)
        stamped(policy, habit, seen)
        shapes.append(habit.shape / habit.scale)
    assert shapes[0] > shapes[1]


def test_a_host_whose_stamps_are_new_at_every_look_is_not_believed() -> None:
    """What it says is heard and counts for nothing."""
    policy = Policy()
    trust(policy, true=False)
    stamper = policy.stampers[HOST]
    assert stamper.precision < 0.1
    assert not stamper.dates
    assert not stamper.vouches


@pytest.mark.parametrize(
    ("fields", "says", "modified"),
    [
        ([("Last-Modified", "Fri, 10 Oct 2014 08:00:00 GMT")], True, True),
        ([("ETag", 'W/"7"')], True, False),
        ([("Last-Modified", "Thu, 05 Nov 2026 06:00:00 GMT")], False, False),
        ([("Last-Modified", "yesterday"), ("ETag", "")], False, False),
        ([("Last-Modified", "Fri, 10 Oct 99999 08:00:00 GMT")], False, False),
        ([], False, False),
    ],
)
def test_a_stamp_is_read_from_the_head_of_an_answer(fields, says, modified) -> None:
    """The time of the answer itself, and what is no date, say nothing."""
    stamp = stamp_of(fields, at=datetime(2026, 11, 5, 6, 0, 20, tzinfo=UTC))
    assert bool(stamp.mark) is says
    assert (stamp.modified_at is not None) is modified


# --- hints ------------------------------------------------------------------------------------


def listed(policy: Policy, *, polls: int = 6) -> None:
    for poll in range(polls):
        policy.polled(HOST, poll * 0.01)


def test_a_true_hint_brings_a_look_forward_and_a_liar_is_no_longer_believed():
    """The precision of a list is learnt: what it tells is worth less with every false hint."""
    policy = Policy()
    listed(policy)
    assert policy.tell(met(policy, page(1)), at=1.0, price=0.05)
    for number in range(2, 80):
        habit = met(policy, page(number))
        policy.tell(habit, at=1.0, price=0.05)
        looked(policy, habit, every=1.5, changed=False, times=1)
    assert not policy.tell(met(policy, page(99)), at=1.0, price=0.05)


def test_a_hint_of_what_was_seen_since_is_none():
    """A list that repeats an old change says nothing."""
    policy = Policy()
    listed(policy)
    habit = met(policy, page(1, born=2.0))
    assert not policy.tell(habit, at=1.0, price=0.0)
    assert habit.hinted_at is None


def test_pages_that_a_good_list_covers_need_fewer_looks():
    """Where a list has told nearly all changes, what it does not tell has hardly happened."""
    policy = Policy()
    without = policy.plan(met(policy, page(1, PageRole.PAGE)), TERMS)
    listed(policy)
    for number in range(2, 80):
        habit = met(policy, page(number, PageRole.PAGE))
        policy.tell(habit, at=0.5, price=0.05)
        looked(policy, habit, every=1.0, changed=True, times=1)
    kin, curve = policy.kin_of(HOST, PageRole.PAGE), policy.curves[PageRole.PAGE]
    kin.changes = kin.expected = 0.0
    curve.changes, curve.days = [0.0], [0.0]
    curve.refresh()
    assert policy.plan(met(policy, page(99, PageRole.PAGE)), TERMS) > without


def test_a_list_that_tells_more_is_asked_more_often():
    """A feed whose hints prove true is worth more fetches than one that tells nothing."""
    policy = Policy()
    feed = Habit(1, HOST, PageRole.FEED, 0.0)
    listed(policy)
    quiet = policy.plan(feed, TERMS)
    lister = policy.listers[HOST]
    lister.days, lister.worth, lister.right = 1.0, 40.0, 40.0
    assert policy.plan(feed, TERMS) < quiet


# --- the price --------------------------------------------------------------------------------


def test_the_price_spends_the_budget():
    """At the fitted price the pages take as many looks a day as they may."""
    policy, chance = Policy(), random.Random(1)
    habits = [met(policy, page(number, PageRole.PAGE)) for number in range(300)]
    for habit in habits[::5]:
        looked(policy, habit, every=1.0, changed=True, times=5)
    for habit in habits:
        policy.plan(habit, TERMS)
    for wanted in (80.0, 400.0):
        price = fit_price(policy, habits, terms=TERMS, visits_a_day=wanted, chance=chance)
        terms = replace(TERMS, price=price)
        taken = sum(1 / policy.plan(habit, terms) for habit in habits)
        assert taken == pytest.approx(wanted, rel=0.1)


def test_what_a_host_does_not_allow_is_left_to_the_others():
    """A price that asks more of a host than it allows is lowered until the others take the rest."""
    policy = Policy()
    habits = [met(policy, page(number)) for number in range(60)]
    for habit in habits[:30]:
        habit.host = "small.example"
    for habit in habits:
        policy.plan(habit, TERMS)

    def fitted(most: dict[str, float]) -> float:
        chance = random.Random(1)
        return fit_price(policy, habits, terms=TERMS, visits_a_day=100.0, chance=chance, most=most)

    free, bound = fitted({}), fitted({"small.example": 10.0})
    assert bound < free
    taken = {one.host: 0.0 for one in habits}
    for one in habits:
        taken[one.host] += 1 / policy.plan(one, replace(TERMS, price=bound))
    assert min(taken["small.example"], 10.0) + taken[HOST] == pytest.approx(100.0, rel=0.1)


def test_the_price_follows_what_is_due_and_is_bounded():
    """What waits raises the price by a tenth an hour at most, what is left lowers it."""
    assert trim(1.0, 0.02) == pytest.approx(1.02, rel=0.01)
    assert trim(1.0, 5.0) == pytest.approx(1.105, rel=0.01)
    assert trim(1.0, -5.0) == pytest.approx(0.905, rel=0.01)


def test_a_days_budget_is_spread_over_the_day_and_never_exceeded():
    """Planned looks follow the hours; a new day begins with nothing spent."""
    allowance = Allowance(budget_per_day=100)
    assert allowance.begin(1.0)
    allowance.spent = 53
    assert not allowance.lets_planned(1.5)
    assert allowance.lets_planned(1.52)
    assert allowance.wants_more(1.6)
    allowance.spent = 100
    assert allowance.is_spent
    assert not allowance.begin(1.999)
    assert allowance.begin(2.0)
    assert not allowance.is_spent


# --- what is said of it -----------------------------------------------------------------------


@given(st.integers(0, 8), st.floats(0.01, 3), st.booleans(), st.floats(0.001, 2))
def test_the_numbers_of_an_explanation_give_the_interval_again(times, every, changed, price):
    """Whatever was learnt, what is told of a plan reproduces it."""
    policy = Policy()
    habit = looked(policy, met(policy, page()), every=every, changed=changed, times=times)
    terms = replace(TERMS, price=price)
    policy.plan(habit, terms)
    spread = policy.curves[habit.role].spread
    told = numbers(habit, shortest=terms.shortest, longest=terms.longest, spread=spread)
    assert holds(told, within=0.08)
    assert told.due_at == habit.looked_at + habit.interval


def test_an_explanation_is_two_sentences_that_name_the_bound():
    """A page at its longest interval says so; a lost one says how its waits grow."""
    policy = Policy()
    habit = met(policy, page(1, PageRole.ARCHIVE))
    policy.plan(habit, replace(TERMS, price=50.0))
    spread = policy.curves[habit.role].spread
    told = sentences(numbers(habit, shortest=TERMS.shortest, longest=TERMS.longest, spread=spread))
    assert "every 7 d" in told[0]
    assert "were it not for longest" in told[1]
    policy.look(habit, Seen(at=8.0, lost=True))
    policy.plan(habit, TERMS)
    lost = sentences(numbers(habit, shortest=TERMS.shortest, longest=TERMS.longest, spread=spread))
    assert lost[0].startswith("It is lost")
