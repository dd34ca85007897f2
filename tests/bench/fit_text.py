"""Fit the table of crawler/text/weights.py, and say what it is worth on sites it has not seen.

    HOLDFAST_SHARED=... python tests/bench/fit_text.py [--write]

Needs numpy, scipy and scikit-learn, which nothing else here needs. Each visible run of a labelled
page is an example; it is of the article if most of its shingles of four words are in the label. A
logistic regression is fitted over the traits, examples weighed by words, every page alike; the
pages of a site with sisters count twice, once with the traits its template gives. The printed
figures are of five folds by site: each page is judged by weights that no page of its site has
touched.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression
from text import bodies, module

from crawler.text import weights
from crawler.text.blocks import outline
from crawler.text.choice import LEAST_SCORE, sheet, texts_of
from crawler.text.decode import decode
from crawler.text.metadata import metadata
from crawler.text.template import Known, learn, lesson, page_name
from crawler.text.traits import Sheet, Traits, traits
from crawler.text.tree import parse
from storage.model import Template

FOLDS = 5
STRENGTH = 0.05
"""The inverse of how much large weights cost."""

Vector = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A labelled page, laid out."""

    label: Mapping[str, object]
    sheet: Sheet
    traits: list[Traits]
    wanted: Vector
    costs: Vector


class Fitted:
    """Weights by name."""

    def __init__(self, examples: Sequence[tuple[list[Traits], Vector, Vector]]) -> None:
        self.names = sorted({name for rows, _, _ in examples for row in rows for name in row})
        self._place = {name: place for place, name in enumerate(self.names)}
        cells = self._matrix([row for rows, _, _ in examples for row in rows])
        mean = np.asarray(cells.mean(0))[0]
        spread = np.asarray(cells.multiply(cells).mean(0))[0] - mean**2
        scale = np.maximum(np.sqrt(np.maximum(spread, 0)), 0.03)
        model = LogisticRegression(C=STRENGTH, max_iter=500)
        wanted = np.concatenate([one for _, one, _ in examples]) > 0.5
        costs = np.concatenate([one for _, _, one in examples])
        model.fit((cells @ diags(1 / scale)).tocsr(), wanted, sample_weight=costs)
        self.weights, self.bias = model.coef_[0] / scale, float(model.intercept_[0])

    def scores(self, rows: list[Traits]) -> Vector:
        """Return the log-odds of each run."""
        return self._matrix(rows) @ self.weights + self.bias

    def _matrix(self, rows: Sequence[Traits]) -> csr_matrix:
        found = [
            (number, self._place[name], float(value))
            for number, row in enumerate(rows)
            for name, value in row.items()
            if name in self._place
        ]
        lines, columns, values = zip(*found, strict=True) if found else ((), (), ())
        return csr_matrix((values, (lines, columns)), shape=(len(rows), len(self.names)))


def main() -> int:
    """Print out-of-site figures; with ``--write`` fit on all pages and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    folder = Path(os.environ.get("HOLDFAST_SHARED", "../shared")) / "extraction"
    if not (folder / "labels.jsonl").exists():
        print(f"skipped: there is no extraction set in {folder}; name it by HOLDFAST_SHARED")
        return 0
    labels = [json.loads(line) for line in (folder / "labels.jsonl").open(encoding="utf-8")]
    labels = [one for one in labels if one.get("text") or one.get("with")]
    scorer = module(folder / "score.py")
    examples = [
        laid_out(label, url, body, scorer)
        for label, (url, body) in zip(labels, bodies(folder, labels), strict=True)
    ]
    sites = sorted({str(one.label["site"]) for one in examples})
    fold_of = {site: number % FOLDS for number, site in enumerate(sorted(sites, key=hash_of))}
    found: dict[str, dict[str, str]] = {}
    for fold in range(FOLDS):
        seen = [one for one in examples if fold_of[str(one.label["site"])] != fold]
        unseen = [one for one in examples if fold_of[str(one.label["site"])] == fold]
        fitted = fit(seen)
        known = templates(unseen, fitted)
        for one in unseen:
            scores = fitted.scores(sited(one, known))
            text = [
                run.text
                for run, own in zip(one.sheet.runs, scores, strict=True)
                if own >= LEAST_SCORE
            ]
            found[str(one.label["id"])] = {"text": "\n".join(text)}
    for name, row in scorer.score({str(one["id"]): one for one in labels}, found).items():
        print(name, {key: round(value, 4) for key, value in row.items()})
    if given.write:
        write(fit(examples))
    return 0


def hash_of(site: str) -> str:
    """Return what sites are shuffled by."""
    return page_name(site)


def laid_out(label: Mapping[str, object], url: str, body: bytes, scorer: object) -> Example:
    """Return a page as an example; one that no parser holds is an empty one."""
    page = parse(decode(body, headers=()).text)
    runs = outline(page.root).runs if page.root is not None else ()
    facts = metadata(page.root, runs=runs, url=url, language=None)
    laid = sheet(page, texts_of(runs), facts=facts, known=None)
    wanted, told = _wanted(label, laid, scorer)
    costs = told * (np.minimum(np.array(laid.sizes, float), 60) + 3)
    share = 10 if label.get("text") else 4
    if costs.sum():
        costs = costs / costs.sum() * share
    return Example(label=label, sheet=laid, traits=list(traits(laid)), wanted=wanted, costs=costs)


def _wanted(label: Mapping[str, object], laid: Sheet, scorer: object) -> tuple[Vector, Vector]:
    """Return the share of each run that is in the label, and which runs the label speaks of."""
    count = len(laid.runs)
    if label.get("text"):
        gold = scorer.shingles(label["text"])  # type: ignore[attr-defined]
        flat = " ".join(scorer.words(label["text"]))  # type: ignore[attr-defined]
        found = [_share(scorer, run.text, gold, flat) for run in laid.runs]
        return np.array(found), np.ones(count)
    wanted, told = np.zeros(count), np.zeros(count)
    for number, run in enumerate(laid.runs):
        inside = any(part in run.text for part in label["with"])  # type: ignore[attr-defined]
        outside = any(part in run.text for part in label["without"])  # type: ignore[attr-defined]
        wanted[number], told[number] = inside, inside or outside
    return wanted, told


def _share(scorer: object, text: str, gold: Counter[tuple[str, ...]], flat: str) -> float:
    words = scorer.words(text)  # type: ignore[attr-defined]
    if len(words) < 6:
        return float(bool(words) and f" {' '.join(words)} " in f" {flat} ")
    own = scorer.shingles(text)  # type: ignore[attr-defined]
    return sum(1 for one in own if one in gold) / len(own)


def fit(examples: Sequence[Example]) -> Fitted:
    """Fit on pages alone first, then with what the templates of their sites say as well."""
    alone = [(one.traits, one.wanted, one.costs) for one in examples if one.traits]
    known = templates(examples, Fitted(alone))
    both = [(sited(one, known), one.wanted, one.costs) for one in examples if one.traits]
    return Fitted([*alone, *both])


def templates(examples: Sequence[Example], fitted: Fitted) -> dict[str, Template]:
    """Return what the pages of each site teach."""
    found: dict[str, Template] = {}
    for one in examples:
        scores = fitted.scores(one.traits)
        taught = lesson(
            str(one.label["url"]),
            marks=one.sheet.marks,
            slots=[run.path for run in one.sheet.runs],
            sizes=one.sheet.sizes,
            article=[number for number, own in enumerate(scores) if own >= LEAST_SCORE],
        )
        site = str(one.label["site"])
        found[site] = learn(found.get(site, Template()), taught)
    return found


def sited(one: Example, known: Mapping[str, Template]) -> list[Traits]:
    """Return the traits of a page with those of its site's template."""
    template = known[str(one.label["site"])]
    seen = Known(template, page=page_name(str(one.label["url"])))
    return list(traits(replace(one.sheet, known=seen))) if seen.pages else one.traits


def write(fitted: Fitted) -> None:
    """Write the table; what weighs next to nothing is left out."""
    path = Path(weights.__file__)
    head = path.read_text(encoding="utf-8").split("BIAS =")[0]
    rows = [f"BIAS = {fitted.bias:.3f}", "", "WEIGHTS = {"]
    for name, weight in zip(fitted.names, fitted.weights, strict=True):
        if abs(weight) >= 0.005:
            rows.append(f'    "{name}": {weight:.3g},')
    path.write_text(head + "\n".join([*rows, "}", ""]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
