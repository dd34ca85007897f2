"""Decide when to look again under ``every = "auto"``: learn from looks, and plan the next.

No clock, disk or log in here: the service and the simulation call the same functions.
"""

from dataclasses import dataclass, field, replace

from crawler.revisit.curves import Curve, PageRole
from crawler.revisit.habits import Habit, Kin, Lister
from crawler.revisit.stamps import Stamper
from crawler.revisit.worth import EDIT_HALVES, LOSS_WORTH, Prospect, fading, interval

_HINT_WORTH = 0.6
"""What an edit that a list tells is worth at the next look, if it is true."""
_LIST_WORTH = 10.0
"""What it is worth to hear of an edit, against what is seen without being told."""
_UNTOLD = 0.9
"""So far is believed that what a list does not tell has not happened."""
_POLLS_TO_TRUST = 3
_LOST_UP_TO = 90.0
"""The longest wait in days for a page that is gone: never given up."""
_LOST_MORE_RARELY = 3.0
_LIST_SHORTEST = 5 / 1440
_LIST_LONGEST = 0.5
_LEAST_SINCE = 1 / 86400
"""Dates of servers are whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a site asks of its plan: the price of a fetch, and the bounds in days."""

    price: float
    shortest: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look at a page brought."""

    at: float
    lost: bool = False
    """Whether the page is gone."""
    changed: bool | None = None
    """Whether its words differ from those of the look before; None where nothing can be said."""
    sure: bool = False
    """Whether its server vouches for it, so that no noise can have been mistaken for it."""
    stamp: str = ""
    """What its server says of when it changed; empty where it says nothing."""
    modified_at: float | None = None
    """When it changed last, as its server says."""


@dataclass(slots=True)
class Policy:
    """What is learnt of all pages together, and what follows from it for one.

    What has been touched since it was kept last is in ``touched`` and ``asked``.
    """

    curves: dict[PageRole, Curve] = field(
        default_factory=lambda: {role: Curve(role) for role in PageRole}
    )
    kins: dict[tuple[str, PageRole], Kin] = field(default_factory=dict)
    listers: dict[str, Lister] = field(default_factory=dict)
    touched: set[tuple[str, PageRole]] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    """Hosts whose list has taught something."""
    stampers: dict[str, Stamper] = field(default_factory=dict)
    stamped: set[str] = field(default_factory=set)
    """Hosts whose stamps have taught something."""

    def kin_of(self, host: str, role: PageRole) -> Kin:
        """Return what the pages of a role have in common on a host."""
        kin = self.kins.get((host, role))
        if kin is None:
            kin = self.kins[host, role] = Kin(host, role)
        return kin

    def polled(self, host: str, at: float) -> None:
        """Take in that the list of a host was read."""
        if host not in self.listers:
            self.listers[host] = Lister(host)
        self.listers[host].polled(at)
        self.asked.add(host)

    def greet(self, habit: Habit) -> None:
        """Give a new page the factor that its role leads to expect."""
        habit.shape = habit.scale = self.curves[habit.role].spread

    def prospect(self, habit: Habit) -> Prospect:
        """Return what is expected of a page after its last look."""
        curve = self.curves[habit.role]
        kin = self.kin_of(habit.host, habit.role)
        age = habit.looked_at - habit.born_at
        place = curve.class_of(age)
        known = not habit.is_noisy
        untold = 1 - _UNTOLD * self._recall(habit, kin, place)
        return Prospect(
            shape=habit.shape if known else curve.spread,
            scale=habit.scale if known else curve.spread,
            steps=_steps(curve, age, kin.factor * untold),
            hazard=kin.hazard(age) * LOSS_WORTH,
            importance=habit.importance,
        )

    def plan(self, habit: Habit, terms: Terms) -> float:
        """Return the days from the last look of a page to its next, and note them in the habit."""
        habit.price = terms.price
        if habit.role.lists:
            habit.interval = self._list_interval(habit, terms)
        elif habit.lost:
            rarer = terms.longest * _LOST_MORE_RARELY ** min(habit.lost - 1, 20)
            habit.interval = max(terms.shortest, min(rarer, _LOST_UP_TO))
        else:
            prospect = self.prospect(habit)
            habit.interval = interval(
                prospect,
                price=terms.price,
                shortest=terms.shortest,
                longest=terms.longest,
                near=habit.interval,
            )
            habit.expected = prospect.expected(habit.interval)
            habit.hazard = prospect.hazard / LOSS_WORTH
        return habit.interval

    def look(self, habit: Habit, seen: Seen) -> None:
        """Learn from a look at a page: of it, of its kin, of its role, and of its host's list."""
        kin = self.kin_of(habit.host, habit.role)
        gap = max(seen.at - habit.looked_at, 0.0)
        age = habit.looked_at - habit.born_at
        hinted, habit.hinted_at = habit.hinted_at is not None, None
        first = habit.looks == 0
        self.touched.add((habit.host, habit.role))
        habit.looks += 1
        habit.looked_at = seen.at
        if seen.lost:
            if not habit.lost and not first:
                kin.looked(age, gap, lost=True, now=seen.at)
            habit.lost += 1
            return
        was_lost, habit.lost = habit.lost > 0, 0
        if first or was_lost or gap <= 0:
            return
        kin.looked(age, gap, lost=False, now=seen.at)
        told = seen.stamp != habit.stamp if seen.stamp and habit.stamp else None
        if seen.changed is not None:
            seen = self._believe(habit, seen, told=told)
            self._learn(habit, seen, kin, gap=gap, hinted=hinted)

    def tell(self, habit: Habit, *, at: float, price: float) -> bool:
        """Take in that a list says of a page that it changed; say whether to look now."""
        lister = self.listers.get(habit.host)
        if lister is None or habit.lost or habit.looked_at >= at:
            return False
        habit.hinted_at = at
        return lister.precision * habit.importance * _HINT_WORTH > price

    def _recall(self, habit: Habit, kin: Kin, place: int) -> float:
        lister = self.listers.get(habit.host)
        if lister is None or lister.polls <= _POLLS_TO_TRUST or habit.role is PageRole.SECTION:
            return 0.0
        return kin.recall(place)

    def _list_interval(self, habit: Habit, terms: Terms) -> float:
        """Return when a list is asked again: when what it has to tell is worth the price."""
        lister = self.listers.get(habit.host)
        if lister is None:
            return _LIST_LONGEST
        worth = lister.worth_a_day * lister.precision * EDIT_HALVES * _LIST_WORTH
        low, high = max(_LIST_SHORTEST, terms.shortest), max(_LIST_LONGEST, terms.shortest)
        while high / low > 1.05:
            middle = (low * high) ** 0.5
            if worth * fading(middle / EDIT_HALVES) < terms.price:
                low = middle
            else:
                high = middle
        return high

    def _learn(self, habit: Habit, seen: Seen, kin: Kin, *, gap: float, hinted: bool) -> None:
        curve = self.curves[habit.role]
        age = habit.looked_at - gap - habit.born_at
        changed = bool(seen.changed)
        if changed and seen.modified_at is not None:
            # Of what came before the date nothing is known but that one change came at it.
            gap = min(gap, max(seen.at - seen.modified_at, _LEAST_SINCE))
            age = habit.looked_at - gap - habit.born_at
        base = curve.expected(age + gap) - curve.expected(age)
        if changed and seen.modified_at is not None:
            habit.learn_dated(curve, expected=kin.factor * base)
            changes = 1.0
        else:
            changes = habit.learn(
                curve, expected=kin.factor * base, changed=changed, sure=seen.sure
            )
        if habit.is_noisy:
            return
        lister = self.listers.get(habit.host)
        if lister is not None and lister.polls:
            self._judge_list(habit, lister, kin, changed=changed, hinted=hinted, age=age)
        factor = habit.shape / habit.scale
        curve.learn(age, age + gap, changes=changes, weight=factor * kin.factor)
        kin.learn(changes, factor * base)

    def _believe(self, habit: Habit, seen: Seen, *, told: bool | None) -> Seen:
        """Return what a look brought in the light of what its server says of the last change."""
        if told is None or seen.sure:
            return seen if seen.modified_at is None else replace(seen, modified_at=None)
        stamper = self.stampers.setdefault(habit.host, Stamper(habit.host))
        vouches, dates = stamper.vouches, stamper.dates
        if not habit.is_noisy:
            stamper.learn(told=told, changed=bool(seen.changed))
            self.stamped.add(habit.host)
        if not told and vouches:
            return replace(seen, changed=False, sure=True, modified_at=None)
        known = seen.modified_at is not None and seen.modified_at > habit.born_at
        return seen if told and dates and known else replace(seen, modified_at=None)

    def _judge_list(
        self, habit: Habit, lister: Lister, kin: Kin, *, changed: bool, hinted: bool, age: float
    ) -> None:
        self.asked.add(habit.host)
        if hinted and changed:
            lister.right += 1
            lister.worth += habit.importance
        elif hinted:
            lister.wrong += 1
        if changed and habit.role is not PageRole.SECTION:
            kin.changed(self.curves[habit.role].class_of(age), told=hinted)


def _steps(curve: Curve, age: float, factor: float) -> tuple[tuple[float, float, float], ...]:
    """Return what a curve expects of a page from an age on, as straight pieces."""
    start = curve.expected(age)
    first = curve.class_of(age)
    steps = [(0.0, 0.0, curve.rates[first] * factor)]
    edges, rates = curve.edges, curve.rates
    for place in range(first + 1, len(edges)):
        begin = edges[place] - age
        steps.append(
            (begin, (curve.expected(edges[place]) - start) * factor, rates[place] * factor)
        )
    return tuple(steps)
