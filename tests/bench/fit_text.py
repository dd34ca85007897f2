"""Fit the table of crawler/text/weights.py, and say what it is worth on sites it has not seen.

    HOLDFAST_SHARED=... python tests/bench/fit_text.py [--splits 3] [--nested] [--write]

Needs numpy, which nothing else here needs. Each visible run of a labelled page is an example. A
logistic regression is fitted over the traits; pages weigh alike, a run by its words, and the pages
of a site with sisters come twice, once with the traits its template gives. The printed figures are
of five folds by site, each page judged by weights that no page of its site has touched; with
``--nested`` each fold also chooses how much weights cost, by folds of its own sites.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

# One thread: what is solved is small, and threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from fit_labels import Label, Vector, costs, wanted
from lxml.html import Element
from text import bodies, module

from crawler.text import weights
from crawler.text.admission import without_teasers
from crawler.text.blocks import Outline, Run, outline
from crawler.text.choice import Ballot, elected, sheet, tables, texts_of, together
from crawler.text.decode import decode
from crawler.text.metadata import metadata
from crawler.text.template import Known, learn, lesson, page_name
from crawler.text.traits import site_traits, traits
from crawler.text.tree import parse
from storage.model import Template

FOLDS = 5
PENALTY = 50.0
"""What the squared weight of a trait costs, its spread taken for one; see ``PENALTIES``."""

PENALTIES = (20.0, 50.0, 100.0)
"""Among which a nested fit chooses."""

_NOWHERE = Element("p")

LEAST_SPREAD = 0.03
MOST_STEPS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A labelled page, laid out; without its tree, which would take a hundred times the room."""

    label: Label
    runs: Sequence[Run]
    marks: Sequence[str]
    sizes: Sequence[int]
    picked: Sequence[bool]
    told: frozenset[int]
    tables: Sequence[Sequence[int]]
    rows: Vector
    """What its traits are, a row a run, a column a name of ``Columns``."""
    wanted: Vector
    costs: Vector

    @property
    def site(self) -> str:
        """The site it is of."""
        return str(self.label["site"])


@dataclass(slots=True)
class Columns:
    """The names of traits, in the order in which they were first met."""

    places: dict[str, int] = field(default_factory=dict)

    def rows(self, found: Iterable[Mapping[str, float]]) -> Vector:
        """Return traits as a table with a column for each name known so far."""
        listed = list(found)
        for own in listed:
            for name in own:
                self.places.setdefault(name, len(self.places))
        table = np.zeros((len(listed), len(self.places)), np.float32)
        for number, own in enumerate(listed):
            for name, value in own.items():
                table[number, self.places[name]] = value
        return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A weight for each column."""

    weights: Vector
    bias: float

    def scores(self, rows: Vector) -> Vector:
        """Return the log-odds of each run; a column that is new since the fitting says nothing."""
        width = min(rows.shape[1], len(self.weights))
        return rows[:, :width] @ self.weights[:width] + self.bias


def main() -> int:
    """Print out-of-site figures; with ``--write`` fit on all pages and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=3, help="ways to part the sites in folds")
    parser.add_argument("--nested", action="store_true", help="choose the penalty fold by fold")
    parser.add_argument("--write", action="store_true", help="write the table fitted on all pages")
    given = parser.parse_args()
    folder = Path(os.environ.get("HOLDFAST_SHARED", "../shared")) / "extraction"
    if not (folder / "labels.jsonl").exists():
        print(f"skipped: there is no extraction set in {folder}; name it by HOLDFAST_SHARED")
        return 0
    scorer = module(folder / "score.py")
    columns = Columns()
    examples = list(_examples(folder, scorer, columns))
    rows = []
    for split in range(given.splits):
        rows.append(figures(examples, columns, scorer, split=split, is_nested=given.nested))
        print(f"split {split}")
        show(rows[-1])
    print("mean of all splits")
    show(mean(rows))
    if given.write:
        write(fit(examples, columns, penalty=PENALTY), list(columns.places))
    return 0


def _examples(folder: Path, scorer: ModuleType, columns: Columns) -> Iterable[Example]:
    with (folder / "labels.jsonl").open(encoding="utf-8") as lines:
        labels = [json.loads(line) for line in lines]
    labels = [one for one in labels if one.get("text") or one.get("with")]
    for label, (url, body) in zip(labels, bodies(folder, labels), strict=True):
        yield laid_out(label, url, body, scorer, columns)


def laid_out(label: Label, url: str, body: bytes, scorer: ModuleType, columns: Columns) -> Example:
    """Return a page as an example; one that no parser holds is an empty one."""
    page = parse(decode(body, headers=()).text)
    seen = outline(page.root) if page.root is not None else Outline(runs=(), pictures=())
    runs = seen.runs
    facts = metadata(page.root, runs=runs, url=url, language=None)
    laid = sheet(page, texts_of(seen), facts=facts, known=None)
    inside, told = wanted(label, [run.text for run in runs], scorer)
    return Example(
        label=label,
        runs=[replace(run, element=_NOWHERE) for run in runs],
        marks=laid.marks,
        sizes=laid.sizes,
        picked=laid.picked,
        told=laid.told,
        tables=tables(runs),
        rows=columns.rows(traits(laid)),
        wanted=inside,
        costs=costs(label, laid.sizes, inside, told),
    )


Figures = dict[str, dict[str, float]]
"""Of each data set, what the scorer says of it."""


def figures(
    examples: Sequence[Example],
    columns: Columns,
    scorer: ModuleType,
    *,
    split: int,
    is_nested: bool,
) -> Figures:
    """Return what the scorer says where each page is read by weights its site has not touched."""
    found: dict[str, dict[str, str]] = {}
    for seen, unseen in folded(examples, split=split):
        penalty = PENALTY
        if is_nested:
            penalty = max(PENALTIES, key=lambda one: _inner(seen, columns, scorer, penalty=one))
        found |= read(unseen, columns, fit(seen, columns, penalty=penalty))
    return scored(examples, found, scorer)


def _inner(
    examples: Sequence[Example], columns: Columns, scorer: ModuleType, *, penalty: float
) -> float:
    found: dict[str, dict[str, str]] = {}
    for seen, unseen in folded(examples, split=-1):
        found |= read(unseen, columns, fit(seen, columns, penalty=penalty))
    return scored(examples, found, scorer)["ALL"]["F1"]


def folded(
    examples: Sequence[Example], *, split: int
) -> Iterable[tuple[list[Example], list[Example]]]:
    """Yield the pages of most sites and the pages of the others, fold by fold."""
    sites = sorted({one.site for one in examples}, key=lambda site: page_name(f"{split} {site}"))
    fold_of = {site: number % FOLDS for number, site in enumerate(sites)}
    for fold in range(FOLDS):
        yield (
            [one for one in examples if fold_of[one.site] != fold],
            [one for one in examples if fold_of[one.site] == fold],
        )


def read(
    examples: Sequence[Example], columns: Columns, fitted: Fitted
) -> dict[str, dict[str, str]]:
    """Return the texts of pages by their ids, each read as one of its site."""
    known = templates(examples, fitted)
    found = {}
    for one in examples:
        seen = _known(one, known)
        scores = fitted.scores(one.rows if seen is None else sited(one, seen, columns))
        article = _article(one, scores, seen)
        found[str(one.label["id"])] = {"text": "\n".join(one.runs[place].text for place in article)}
    return found


def _article(one: Example, scores: Vector, seen: Known | None) -> Sequence[int]:
    """Return the runs that are the article, chosen as ``divide`` does."""
    elected_runs = elected(together(one.tables, list(scores)), _ballot(one, seen))
    return without_teasers(one.runs, elected_runs, one.sizes)


def _ballot(one: Example, seen: Known | None) -> Ballot:
    return Ballot(
        sizes=one.sizes,
        picked=one.picked,
        told=one.told,
        seen=[seen.seen(mark) for mark in one.marks] if seen is not None else (),
    )


def scored(
    examples: Sequence[Example], found: Mapping[str, Mapping[str, str]], scorer: ModuleType
) -> Figures:
    """Return what the scorer says of texts, and nothing of the fields beside them."""
    wanted_of = ("id", "ds", "text", "with", "without")
    labels = {
        str(one.label["id"]): {name: one.label[name] for name in wanted_of if name in one.label}
        for one in examples
    }
    rows: Figures = scorer.score(labels, found)
    return rows


def mean(rows: Sequence[Figures]) -> Figures:
    """Return the mean of figures."""
    return {
        name: {key: float(np.mean([row[name][key] for row in rows])) for key in own}
        for name, own in rows[0].items()
    }


def show(rows: Figures) -> None:
    """Print figures, a line a data set."""
    for name, row in rows.items():
        print(f"  {name:4}", "  ".join(f"{key} {value:.4f}" for key, value in row.items()))


def fit(examples: Sequence[Example], columns: Columns, *, penalty: float) -> Fitted:
    """Fit on pages alone first, then with what the templates of their sites say as well."""
    known = templates(examples, _fit([(one.rows, one) for one in examples], penalty=penalty))
    both = [(one.rows, one) for one in examples]
    for one in examples:
        seen = _known(one, known)
        if seen is not None:
            both.append((sited(one, seen, columns), one))
    return _fit(both, penalty=penalty)


def _fit(examples: Sequence[tuple[Vector, Example]], *, penalty: float) -> Fitted:
    """Fit a logistic regression by Newton's method; what weighs nothing is left out."""
    width = max(rows.shape[1] for rows, _ in examples)
    cells = np.concatenate([_wide(rows, width) for rows, _ in examples])
    wanted_of = np.concatenate([one.wanted for _, one in examples])
    cost = np.concatenate([one.costs for _, one in examples])
    cells, wanted_of, cost = cells[cost > 0], wanted_of[cost > 0], cost[cost > 0]
    spread = np.maximum(cells.std(0), LEAST_SPREAD)
    cells = np.hstack([cells / spread, np.ones((len(cells), 1), np.float32)])
    penalties = np.append(np.full(width, penalty), 1e-6)
    found = np.zeros(width + 1)
    for _ in range(MOST_STEPS):
        odds = np.clip(cells @ found.astype(np.float32), -30, 30)
        chance = 1 / (1 + np.exp(-odds))
        slope = cells.T @ (cost * (wanted_of - chance)) - penalties * found
        bend = np.maximum(cost * chance * (1 - chance), 1e-9).astype(np.float32)
        curve = ((cells * bend[:, None]).T @ cells).astype(float) + np.diag(penalties)
        step = np.linalg.solve(curve, slope)
        found += step
        if np.abs(step).max() < 1e-3:
            break
    return Fitted(weights=found[:-1] / spread, bias=float(found[-1]))


def _wide(rows: Vector, width: int) -> Vector:
    """Return a table with as many columns as others have; those it has not are noughts."""
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])))


def templates(examples: Sequence[Example], fitted: Fitted) -> dict[str, Template]:
    """Return what the pages of each site teach, each read alone."""
    found: dict[str, Template] = {}
    for one in examples:
        taught = lesson(
            str(one.label["url"]),
            marks=one.marks,
            slots=[run.path for run in one.runs],
            sizes=one.sizes,
            article=_article(one, fitted.scores(one.rows), None),
        )
        found[one.site] = learn(found.get(one.site, Template()), taught)
    return found


def _known(one: Example, known: Mapping[str, Template]) -> Known | None:
    """Return what the other pages of a page's site have taught; None if there is no other."""
    seen = Known(known[one.site], page=page_name(str(one.label["url"])))
    return seen if seen.pages else None


def sited(one: Example, seen: Known, columns: Columns) -> Vector:
    """Return the traits of a page with those of its site's template."""
    slots = [run.path for run in one.runs]
    of_site = columns.rows(site_traits(seen, marks=one.marks, slots=slots, sizes=one.sizes))
    return _wide(one.rows, of_site.shape[1]) + of_site


def write(fitted: Fitted, names: Sequence[str]) -> None:
    """Write the table; what weighs next to nothing is left out."""
    path = Path(weights.__file__)
    head = path.read_text(encoding="utf-8").split("BIAS =")[0]
    rows = [f"BIAS = {fitted.bias:.3f}", "", "WEIGHTS = {"]
    for name, weight in sorted(zip(names, fitted.weights, strict=True)):
        if abs(weight) >= 0.005:
            rows.append(f'    "{name}": {float(f"{weight:.3g}")},')
    path.write_text(head + "\n".join([*rows, "}", ""]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
