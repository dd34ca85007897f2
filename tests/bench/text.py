"""Measure the text of articles against the labels of the shared extraction set.

    HOLDFAST_SHARED=... python tests/bench/text.py [--twins 40] [--seed 1]

Everything runs through ``holdfast extract``, as a user would call it; CPU seconds are those of all
its processes. Where the set is absent nothing is measured, and that is said.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import text_rivals
from environment import MissingError, environment

from crawler.text.article import Context, normalise

GOALS = (
    ("text F1, aeb", "aeb", "F1", 0.970, 0.978),
    ("text F1, aed", "aed", "F1", 0.950, 0.960),
    ("text F1, fue, site known", "fue", "F1", 0.960, 0.970),
    ("exact texts, fue", "fue", "exact", 0.25, 0.40),
    ("pages under F1 .5 (at most)", "ALL", "bad", 0.015, 0.005),
    ("title, aed", "aed", "title", 0.93, 0.96),
    ("title, trf", "trf", "title", 0.78, 0.85),
    ("author set-F1, aed", "aed", "authF1", 0.83, 0.87),
    ("date, aed", "aed", "date", 0.95, 0.97),
)
"""What is told, of which set, by which figure of the scorer, what it must and should be."""


def main() -> int:
    """Print the table: goal beside measure, then the tools beside us."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--twins", type=int, default=40, help="pages that twins are made of")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(os.environ.get("HOLDFAST_SHARED", "../shared")) / "extraction"
    if not (folder / "labels.jsonl").exists():
        print(f"skipped: there is no extraction set in {folder}; name it by HOLDFAST_SHARED")
        return 0
    labels = [json.loads(line) for line in (folder / "labels.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as place:
        _quality(folder, labels, Path(place))
        _twins(folder, Path(place), pages=given.twins, seed=given.seed)
        _again(folder, labels[:: max(1, len(labels) // 100)])
        _rivals(folder, labels, Path(place))
    return 0


def _quality(folder: Path, labels: list[dict[str, object]], place: Path) -> None:
    wanted = ("id", "page", "url", "site")
    rows = [json.dumps({name: label[name] for name in wanted}) for label in labels]
    (place / "list.jsonl").write_text("\n".join(rows), encoding="utf-8")
    found, seconds = extract(place / "list.jsonl", folder / "pages.zip")
    scorer = module(folder / "score.py")
    rows_of = scorer.score({str(one["id"]): one for one in labels}, found)
    print(f"{'measure':34}{'must':>8}{'aim':>8}{'is':>9}")
    for title, data, figure, must, aim in GOALS:
        line(title, must, aim, rows_of[data][figure])
    line("pages a CPU second, metadata and all", 10, 20, len(labels) / seconds)


def _twins(folder: Path, place: Path, *, pages: int, seed: int) -> None:
    """Tell how many noise twins keep their text, and how many edits of each kind are seen."""
    mutate, twins = module(folder / "mutate.py"), place / "twins"
    mutate.make(folder / "labels.jsonl", folder / "pages.zip", str(twins), pages=pages, seed=seed)
    found, _ = extract(twins / "manifest.jsonl", twins)
    manifest = [json.loads(row) for row in (twins / "manifest.jsonl").open(encoding="utf-8")]
    seen: dict[tuple[str, str], list[bool]] = {}
    for row in manifest:
        if row["kind"] == "base":
            continue
        one, other = found[row["base"]], found[row["id"]]
        fields = ("text", "title") if row["name"] == "headline" else ("text",)
        changed = any(mutate.norm(one[name]) != mutate.norm(other[name]) for name in fields)
        seen.setdefault((row["kind"], row["name"]), []).append(changed)
    noise = seen[("noise", "all")]
    line("noise twins, all at once, unchanged", 0.98, 0.995, 1 - sum(noise) / len(noise))
    for (kind, name), values in seen.items():
        if kind == "edit":
            line(f"edit twins seen: {name}", 0.98, 0.995, sum(values) / len(values))


def _again(folder: Path, labels: Iterable[Mapping[str, object]]) -> None:
    """Tell how many pages a CPU second are known again, by their surface and by their blocks."""
    pages = list(bodies(folder, labels))
    for title, noise in (("same surface", b""), ("same blocks", b"<i id=n></i><meta name=n>")):
        before = [normalise(body, url=url, headers=()) for url, body in pages]
        start = time.process_time()
        for (url, body), article in zip(pages, before, strict=True):
            normalise(body + noise, url=url, headers=(), context=Context(previous=article))
        line(f"re-captures a CPU s: {title}", 300, 1000, len(pages) / (time.process_time() - start))


def _rivals(folder: Path, labels: list[dict[str, object]], place: Path) -> None:
    """Print the text F1 of other tools on the same pages; they have an environment of their own."""
    try:
        needs = (f"trafilatura=={version('trafilatura')}", *text_rivals.NEEDS)
        python = environment("text", [needs], imports=text_rivals.IMPORTS)
    except MissingError as fault:
        print(f"other tools are not measured: {fault}")
        return
    scorer = module(folder / "score.py")
    texted = [label for label in labels if label.get("text")]
    listed = place / "texted.jsonl"
    listed.write_text("\n".join(map(json.dumps, texted)), encoding="utf-8")
    for tool in text_rivals.TOOLS:
        words = [str(python), text_rivals.__file__, tool, str(listed), str(folder / "pages.zip")]
        done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
        *rows, last = (json.loads(row) for row in done.stdout.splitlines())
        found = {str(row["id"]): row for row in rows}
        figures = scorer.score({str(one["id"]): one for one in texted}, found)
        told = "  ".join(f"{name} {figures[name]['F1']:.3f}" for name in ("aeb", "aed", "fue"))
        print(f"{tool}: {told}  {len(texted) / last['seconds']:.1f} pages a CPU second")


def extract(listed: Path, pages: Path) -> tuple[dict[str, dict[str, str]], float]:
    """Return what ``holdfast extract`` prints, by id, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "crawler", "extract", "--batch", str(listed)]
    done = subprocess.run([*command, "--pages", str(pages)], stdout=subprocess.PIPE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = (json.loads(row) for row in done.stdout.splitlines())
    return {row["id"]: row for row in rows}, seconds


def bodies(folder: Path, labels: Iterable[Mapping[str, object]]) -> Iterable[tuple[str, bytes]]:
    """Yield the address and the bytes of each page."""
    with zipfile.ZipFile(folder / "pages.zip") as packed:
        for label in labels:
            yield str(label["url"]), packed.read(str(label["page"]))


def module(path: Path) -> ModuleType:
    """Return a script of the shared set as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def line(title: str, must: float, aim: float, value: float) -> None:
    """Print a figure beside its goals."""
    print(f"{title:38}{must:>8g}{aim:>8g}{value:>9.3f}")


if __name__ == "__main__":
    sys.exit(main())
