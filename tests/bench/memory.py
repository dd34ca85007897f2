"""Watch the memory of one worker over very many pages."""

import shutil
import statistics

from goals import Goal, Row
from measure import run
from rivals import ours
from rounds import Plan, Range, list_of, verify

PEAK = Goal(name="memory/peak", title="peak memory of one worker, MB", must=150)
DRIFT = Goal(name="memory/drift", title="  how far it ever is from its median", must=0.10)
WARM_SHARE = 0.1
"""The first pages fill caches and are not asked to be flat."""


def rows(plan: Plan) -> list[Row]:
    """Visit all pages of the plan with one worker; return its peak and how flat it was."""
    urls = list_of(plan, variant="b", pages=plan.pages)
    folder = plan.folder / "memory"
    try:
        cost = run(ours("run_engine.py")(urls, folder), folder, pages=plan.pages, site=plan.site)
        verify(urls, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = cost.told["rss"]
    assert isinstance(told, list)
    samples = [size / 1e6 for pages, size in told if pages > plan.pages * WARM_SHARE]
    middle = statistics.median(samples)
    drift = max(abs(one - middle) for one in samples) / middle
    note = (
        f"{plan.pages:,} pages, {len(samples)} samples after the first tenth: median "
        f"{middle:.0f} MB, {min(samples):.0f} to {max(samples):.0f}"
    )
    return [
        Row(PEAK, Range.of([cost.peak_bytes / 1e6]), note),
        Row(DRIFT, Range.of([drift])),
    ]
