"""Write docs/commands.md from the verbs' own parsers, docstrings and listings: ``make docs``."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from make_docs_example import listed_keys, without_settings
from make_docs_words import EXIT_STATUSES, KEYS, KEYS_OF, OPENING, OUTCOMES

from crawler.commands import make_parser, summaries
from storage.model import ANSWERED, Outcome

PAGE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"

GROUPS = {
    "start": "To begin",
    "watch": "To watch",
    "look": "To look",
    "keep": "To keep",
    "care": "To care for it",
}

EVERYWHERE = frozenset({"archive", "json"})
"""Options that the opening of the page tells once for all verbs."""

Row = tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` say whether it is as it would be written."""
    parser = argparse.ArgumentParser(prog="make_docs.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it is stale")
    arguments = parser.parse_args(argv)
    text = reference()
    if arguments.check:
        stale = not PAGE.exists() or PAGE.read_text("utf-8") != text
        if stale:
            print(f"{PAGE} is not what the verbs say; run `make docs`", file=sys.stderr)
        return int(stale)
    PAGE.write_text(text, "utf-8")
    return 0


def reference() -> str:
    """Return the whole page; the environment of whoever calls has no part in it."""
    with without_settings():
        parts = [OPENING, *_overview(), *_verbs(), *_exit_statuses(), *_outcomes(), *_listings()]
    return "\n".join(parts).rstrip("\n") + "\n"


# --- verbs ------------------------------------------------------------------------------------


def _overview() -> Iterator[str]:
    for group, found in groupby(summaries(), key=lambda one: one.group):
        yield f"**{GROUPS.get(group, 'Others')}**\n"
        yield _table(
            ("verb", "does"), ((f"[`{one.verb}`](#{one.verb})", one.help) for one in found)
        )


def _verbs() -> Iterator[str]:
    yield "## The verbs\n"
    for one in sorted(summaries(), key=lambda one: one.verb):
        parser = make_parser(one.verb)
        yield f"### {one.verb}\n"
        yield f"{one.help[:1].upper()}{one.help[1:]}.\n"
        yield from _usage(parser)
        yield f"{parser.epilog}\n"


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    steps = _steps(parser)
    if not steps:
        yield f"`{_line(parser)}`\n"
        yield _table(("word", "is"), _rows(parser))
        return
    for step, (inner, meaning) in steps.items():
        yield f"`{_line(inner)}`: {meaning or step}\n"
        yield _table(("word", "is"), _rows(inner))


def _steps(parser: argparse.ArgumentParser) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    """Return the subcommands of a verb, each with its parser and what it does."""
    found: dict[str, tuple[argparse.ArgumentParser, str]] = {}
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - it has no public name
            meanings = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
            for name, inner in action.choices.items():
                found[name] = (inner, meanings.get(name, ""))
    return found


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    # Its help text differs between releases of Python, so the page is made of the parts of it.
    return [one for one in parser._actions if one.dest != "help"]  # noqa: SLF001 - not told publicly


def _line(parser: argparse.ArgumentParser) -> str:
    words = [_word(action) for action in _actions(parser)]
    options = [
        word for action, word in zip(_actions(parser), words, strict=True) if _is_option(action)
    ]
    rest = [word for word in words if word not in options]
    return " ".join([parser.prog, *options, *rest])


def _word(action: argparse.Action) -> str:
    if _is_option(action):
        word = action.option_strings[-1] if action.nargs == 0 else f"{_name(action)}"
        return word if action.required else f"[{word}]"
    name = _name(action)
    match action.nargs:
        case "*":
            return f"[{name} …]"
        case "+":
            return f"{name} …"
        case _:
            return name


def _name(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not _is_option(action):
        return value
    name = action.option_strings[-1]
    return name if action.nargs == 0 else f"{name} {value}"


def _is_option(action: argparse.Action) -> bool:
    return bool(action.option_strings)


def _rows(parser: argparse.ArgumentParser) -> Iterator[Row]:
    for action in _actions(parser):
        meaning = "" if action.dest in EVERYWHERE else action.help or ""
        if isinstance(action.default, str) and action.default and action.default not in meaning:
            meaning += f" (default: {action.default})"
        if meaning:
            yield f"`{_name(action)}`", meaning


# --- what they return and print ---------------------------------------------------------------


def _exit_statuses() -> Iterator[str]:
    yield "## Exit statuses\n"
    yield _table(("status", "means"), ((str(code), says) for code, says in EXIT_STATUSES.items()))


def _outcomes() -> Iterator[str]:
    yield "## Outcomes\n"
    yield (
        "How an exchange or a visit ended, as `captures` and `visits` list it. What the web does\n"
        "to us is kept like any other fact. A visit is a capture when a whole HTTP answer came,\n"
        "whatever its status.\n"
    )
    yield _table(
        ("`outcome`", "means", "is a capture"),
        ((f"`{one.value}`", OUTCOMES[one], "yes" if one in ANSWERED else "no") for one in Outcome),
    )


def _listings() -> Iterator[str]:
    yield "## Keys of the listings\n"
    yield (
        "What `--json` prints: an object a line, in ASCII. Times are ISO 8601 in UTC with\n"
        "microseconds. What is not known is `null`. Keys may be added: a program should pass over\n"
        "those it does not know.\n"
    )
    listings = listed_keys()
    for name, keys in listings.items():
        verb, _, what = name.partition(" ")
        yield f"### `{verb}{f' {what}' if what else ''} --json`\n"
        shown, same = _without_known(name, keys, listings)
        if same:
            yield f"The keys of `{same} --json`, and:\n"
        yield _table(("key", "value", "is"), _key_rows(name, shown))


def _key_rows(name: str, keys: dict[str, str]) -> Iterator[Row]:
    for key, kind in keys.items():
        yield f"`{key}`", kind, _meaning(name, key)


def _meaning(name: str, key: str) -> str:
    """Return what a key is; the nearest word wins: of this listing, of its place, of its name."""
    last = key.rpartition(".")[2].replace("[]", "")
    for found in (
        KEYS_OF.get((name, key)),
        KEYS.get(key),
        KEYS_OF.get((name, last)),
        KEYS.get(last),
    ):
        if found:
            return found
    raise KeyError(f"make_docs_words.py says nothing of the key {key} of {name}")


def _without_known(
    name: str, keys: dict[str, str], listings: dict[str, dict[str, str]]
) -> tuple[dict[str, str], str]:
    """Leave out what `captures` and `events` list already, and say which of them is at the top."""
    left, top = dict(keys), ""
    for known in ("captures", "events"):
        for prefix in [] if known == name else _prefixes(left):
            same = {f"{prefix}{key}" for key in listings[known]}
            if same <= left.keys():
                left = {key: kind for key, kind in left.items() if key not in same}
                top = top if prefix else known
    return left, top


def _prefixes(keys: dict[str, str]) -> list[str]:
    return ["", *(f"{key}." for key in keys), *(f"{key}[]." for key in keys)]


def _table(head: Row, rows: Iterable[Row]) -> str:
    rule = tuple("---" for _ in head)
    body = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *body)) if body else ""


if __name__ == "__main__":
    sys.exit(main())
