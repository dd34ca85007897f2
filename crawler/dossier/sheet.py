"""Lay out the diff of a dossier as a page of HTML: no script, nothing loaded, all of it escaped."""

from collections.abc import Iterator, Sequence
from html import escape as escaped

from crawler.console import escape
from crawler.dossier.gather import Evidence, Side
from crawler.sidebyside import Mark, Row, Run, rows
from crawler.wording import clock, counted, named

_STYLE = """
body { font: 16px/1.5 Georgia, "Noto Serif", serif; color: #1a1a1a; background: #fff;
  margin: 2rem auto; max-width: 76rem; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
p.what { margin: 0 0 .25rem; }
p.address, dd, th small, footer { font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: .8rem; overflow-wrap: anywhere; }
p.address { margin: 0 0 1rem; color: #444; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; }
th { text-align: left; vertical-align: top; padding: .6rem .8rem; background: #f1efe9;
  border-bottom: 2px solid #b9b2a3; font-weight: 600; }
th small { display: block; font-weight: 400; color: #444; }
td { vertical-align: top; padding: .45rem .8rem; overflow-wrap: anywhere; }
td + td, th + th { border-left: 1px solid #d8d3c7; }
tr.changed td { background: #fbfaf6; border-top: 1px solid #e4dfd3;
  border-bottom: 1px solid #e4dfd3; }
tr.same td { color: #666; }
del { background: #fbd9d3; color: #7a1408; text-decoration: line-through; padding: 0 .1em; }
ins { background: #d6efd6; color: #0b4d16; text-decoration: underline; padding: 0 .1em; }
td p { margin: 0 0 .5rem; } td p:last-child { margin: 0; }
td.none { color: #8a8475; font-style: italic; }
footer { margin-top: 1.5rem; color: #444; border-top: 1px solid #d8d3c7; padding-top: .6rem; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head><body>
"""


def diff_page(evidence: Evidence) -> str:
    """Return the two texts side by side, removed words struck out left, added words right."""
    return "".join(_page(evidence))


def _page(evidence: Evidence) -> Iterator[str]:
    event = evidence.event
    yield _HEAD.format(title=_safe(f"{named(event.kind)}: {event.url}"), style=_STYLE)
    yield f"<h1>{_safe(named(event.kind)).capitalize()}</h1>\n"
    yield f'<p class="what">{_safe(event.summary)}</p>\n<p class="address">{_safe(event.url)}</p>\n'
    yield "<table><thead><tr>"
    yield _column("Before: the last good capture", evidence.before)
    yield _column("After", evidence.after)
    yield "</tr></thead><tbody>\n"
    found = rows(evidence.diff) if evidence.diff is not None else []
    yield from (_row(one) for one in found)
    if not found:
        yield '<tr><td class="none" colspan="2">There is no text to compare.</td></tr>\n'
    yield "</tbody></table>\n<footer>"
    if evidence.diff is not None:
        yield (
            f"{counted(evidence.diff.removed_words, 'word')} removed, "
            f"{evidence.diff.added_words} added; {evidence.diff.survival:.1%} of "
            f"{counted(evidence.diff.anchor_words, 'word')} before were found again. "
        )
    yield f"Event {_safe(event.id)}. HOW-TO-VERIFY.txt says how to check all of this.</footer>\n"
    yield "</body></html>\n"


def _column(title: str, side: Side | None) -> str:
    if side is None:
        return f"<th>{title}<small>there is none</small></th>"
    capture = side.capture
    status = f"status {capture.status}" if capture.status is not None else capture.outcome.value
    facts = [clock(capture.captured_at), status, capture.payload_digest or "", capture.url]
    told = "".join(f"<small>{_safe(fact)}</small>" for fact in facts if fact)
    return f"<th>{title}{told}</th>"


def _row(row: Row) -> str:
    kind = "changed" if row.changed else "same"
    cells = (_cell(row.before, "nothing stood here"), _cell(row.after, "gone"))
    return f'<tr class="{kind}">{cells[0]}{cells[1]}</tr>\n'


def _cell(runs: Sequence[Run], nothing: str) -> str:
    if not runs:
        return f'<td class="none">{nothing}</td>'
    return f'<td dir="auto"><p>{"".join(map(_run, runs))}</p></td>'


_TAGS = {Mark.KEPT: "", Mark.REMOVED: "del", Mark.ADDED: "ins"}


def _run(run: Run) -> str:
    """Return words in their mark; a paragraph's end is outside of it, as HTML wants."""
    tag = _TAGS[run.mark]
    opening, closing = (f"<{tag}>", f"</{tag}>") if tag else ("", "")
    texts = (f"{opening}{_safe(text)}{closing}" if text else "" for text in run.text.split("\n\n"))
    return "</p><p>".join(texts)


def _safe(text: str) -> str:
    return escaped(escape(text))
