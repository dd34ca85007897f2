"""Keep what the policy learns in the catalogue: read when it is asked for, written in batches.

One process learns (the reader, a rebuild or a simulation); others read what it kept.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from crawler.revisit.curves import Curve, PageRole
from crawler.revisit.habits import Habit, Kin, Lister
from crawler.revisit.policy import Policy
from crawler.revisit.stamps import Stamper
from storage.catalogue import learnt
from storage.catalogue.engine import Connection
from storage.catalogue.learnt import HabitRow

CURVE, KIN, LISTER, PRICE, STAMPER = "curve", "kin", "lister", "price", "stamper"
FIRST_PRICE = 0.06
"""The price of a fetch before any was fitted: what is common where budgets are short."""

_FIELDS = tuple(one.name for one in fields(Habit))
_KIN_FIELDS = {one.name for one in fields(Kin)}
"""What an older release kept besides is not read."""


@dataclass(slots=True)
class Learning:
    """What is learnt, as far as it was asked for, and what of it is not yet kept."""

    policy: Policy = field(default_factory=Policy)
    habits: dict[int, Habit] = field(default_factory=dict)
    sites: dict[int, str] = field(default_factory=dict)
    """By target, the site whose budget pays for it."""
    changed: set[int] = field(default_factory=set)
    prices: dict[str, float] = field(default_factory=dict)

    def load(self, db: Connection) -> None:
        """Read what is learnt of roles and hosts, and the prices; pages come when asked for."""
        for name, text in learnt.lessons_of(db, CURVE).items():
            self.policy.curves[PageRole(name)] = _curve_of(PageRole(name), text)
        for text in learnt.lessons_of(db, KIN).values():
            facts = json.loads(text)
            known = {name: facts[name] for name in _KIN_FIELDS & facts.keys()}
            kin = Kin(**known | {"role": PageRole(facts["role"])})
            self.policy.kins[kin.host, kin.role] = kin
        for name, text in learnt.lessons_of(db, LISTER).items():
            self.policy.listers[name] = Lister(**json.loads(text))
        for name, text in learnt.lessons_of(db, STAMPER).items():
            self.policy.stampers[name] = Stamper(**json.loads(text))
        self.load_prices(db)

    def load_prices(self, db: Connection) -> None:
        """Read the price of a fetch of each site."""
        prices = learnt.lessons_of(db, PRICE)
        self.prices = {name: float(json.loads(text)) for name, text in prices.items()}

    def price(self, site: str) -> float:
        """Return the price of a fetch of a site."""
        return self.prices.get(site, FIRST_PRICE)

    def fetch(self, db: Connection, ids: Sequence[int]) -> None:
        """Read what is learnt of these targets, where it is not here."""
        wanted = [one for one in ids if one not in self.habits]
        for number, row in learnt.of_targets(db, wanted).items():
            self.habits[number] = habit_of(row)
            self.sites[number] = row.site

    def add(self, habit: Habit, *, site: str) -> None:
        """Take up a page of which nothing is learnt."""
        self.policy.greet(habit)
        self.habits[habit.target_id] = habit
        self.sites[habit.target_id] = site
        self.changed.add(habit.target_id)

    def keep(self, db: Connection) -> None:
        """Write what has changed since it was kept last."""
        learnt.put(db, [row_of(self.habits[one], self.sites[one]) for one in sorted(self.changed)])
        self.changed.clear()
        policy = self.policy
        roles = {role for _, role in policy.touched}
        for role in roles:
            policy.curves[role].refresh()  # as it is when it is read again
        curves = {role.value: _curve_text(policy.curves[role]) for role in roles}
        learnt.put_lessons(db, CURVE, curves)
        kins = {f"{role} {host}": policy.kins[host, role] for host, role in policy.touched}
        learnt.put_lessons(db, KIN, {name: _text(kin) for name, kin in kins.items()})
        lists = {host: policy.listers[host] for host in policy.asked}
        learnt.put_lessons(db, LISTER, {host: _text(one) for host, one in lists.items()})
        stamps = {host: _text(policy.stampers[host]) for host in policy.stamped}
        learnt.put_lessons(db, STAMPER, stamps)
        policy.touched.clear()
        policy.asked.clear()
        policy.stamped.clear()

    def keep_price(self, db: Connection, site: str, price: float) -> None:
        """Write the price of a fetch of a site."""
        self.prices[site] = price
        learnt.put_lessons(db, PRICE, {site: json.dumps(price)})

    def forget(self) -> None:
        """Let go of the pages, which are many, after all was kept; roles and hosts stay."""
        self.habits.clear()
        self.sites.clear()


def price_of(db: Connection, site: str) -> float:
    """Return the price of a fetch of a site, as it was fitted last."""
    text = learnt.lesson(db, PRICE, site)
    return FIRST_PRICE if text is None else float(json.loads(text))


def lister_of(db: Connection, host: str) -> Lister | None:
    """Return what is learnt of the lists of a host; None where none was read yet."""
    text = learnt.lesson(db, LISTER, host)
    return None if text is None else Lister(**json.loads(text))


def habit_of(row: HabitRow) -> Habit:
    """Return a page's habit as it was kept."""
    facts = {name: getattr(row, name) for name in _FIELDS}
    return Habit(**facts | {"role": PageRole(row.role)})


def row_of(habit: Habit, site: str) -> HabitRow:
    """Return a page's habit as it is kept."""
    return HabitRow(site=site, **{name: getattr(habit, name) for name in _FIELDS})


def _curve_of(role: PageRole, text: str) -> Curve:
    facts = json.loads(text)
    return Curve(role, changes=facts["changes"], days=facts["days"], spread=facts["spread"])


def _curve_text(curve: Curve) -> str:
    return json.dumps({"changes": curve.changes, "days": curve.days, "spread": curve.spread})


def _text(lesson: Kin | Lister | Stamper) -> str:
    return json.dumps(asdict(lesson))
