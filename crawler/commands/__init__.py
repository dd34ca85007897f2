"""The command line, one verb a file.

A verb is a file of this folder, named with hyphens for underscores. It holds ``HELP: str``,
``add_arguments(parser)``, ``run(arguments) -> int``, and ``GROUP: str`` if it has a place in the
overview. What its docstring says after the first line stands below the options in
``holdfast VERB --help`` and in docs/commands.md: a few sentences, then examples.
Only the file of the verb that was asked for is imported; of the others only the text is read.
"""

import argparse
import ast
import difflib
import errno
import inspect
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from crawler import plugins
from crawler.durations import parse_duration
from crawler.errors import ConfigError, CrawlerError
from crawler.packages import release
from crawler.wording import shown
from storage.errors import ArchiveLockedError, StorageError

logger = logging.getLogger(__name__)

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_LOCKED = 75
"""EX_TEMPFAIL: another process holds the archive; later it may go."""
EXIT_CONFIG = 78
"""EX_CONFIG: the configuration must be mended first; a service need not be started again."""
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

NO_MEMORY = (
    "there is not enough memory; what was kept is whole, what was under way stays due; give it "
    "more, 300 MB for each process, or run fewer workers"
)
_GROUPS = ("start", "watch", "look", "keep", "care")
_LAST_GROUP = "other"
_EPILOG = "holdfast VERB --help says more of each. The archive may be named in HOLDFAST_ARCHIVE."


class Verb(Protocol):
    """What a file of this folder offers."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options and arguments of the verb."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it, and return the exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the overview says of one verb, read from its file without importing it."""

    verb: str
    help: str = ""
    group: str = _LAST_GROUP
    fault: str = ""
    """Why the file cannot be read, or empty."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status; errors of ours become one line."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        status = _dispatch(words)
        sys.stdout.flush()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else EXIT_ERROR * bool(stop.code)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at exit; that must not fail aloud.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except MemoryError:
        return _complain(NO_MEMORY, EXIT_ERROR)
    except (CrawlerError, StorageError, OSError) as error:
        logger.debug("the verb ended with an error", exc_info=True)
        return _complain(_sentence(error), _status_of(error))
    return status


def summaries() -> list[Summary]:
    """Return what the overview says of every verb, in the order it is shown."""
    found = [_summary(name) for name in plugins.names(sys.modules[__name__])]
    order = {group: place for place, group in enumerate(_GROUPS)}
    return sorted(found, key=lambda one: (order.get(one.group, len(order)), one.group, one.verb))


def make_parser(verb: str) -> argparse.ArgumentParser:
    """Return the parser of one verb; the command line reference is made from these."""
    return _parser(verb, _load(verb))


# --- arguments that many verbs share ----------------------------------------------------------


def add_archive(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--archive``, a path; it must be given unless HOLDFAST_ARCHIVE names one."""
    default = os.environ.get("HOLDFAST_ARCHIVE") or None
    parser.add_argument(
        "--archive",
        metavar="FOLDER",
        type=Path,
        default=Path(default) if default else None,
        required=required and default is None,
        help="the archive to work on (default: HOLDFAST_ARCHIVE from the environment)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``: true in ``arguments.json`` when a program reads the listing."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def add_since(parser: argparse.ArgumentParser) -> None:
    """Add ``--since``: an aware UTC time in ``arguments.since``, or None."""
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=parse_moment,
        help="only what is later: a date, a time such as 2026-11-22T13:00Z, or 6h for 6 hours ago",
    )


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Add ``--limit``: how many of a listing, in ``arguments.limit``, or None for all."""
    parser.add_argument("--limit", type=_count, metavar="N", help="only the newest N")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def parse_moment(text: str) -> datetime:
    """Return the aware UTC time an argument names; times without a zone are UTC."""
    try:
        return datetime.now(UTC) - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; write 2026-11-22, 2026-11-22T13:00Z, or 6h for six hours ago"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def parse_end(text: str) -> datetime:
    """Return the time ``--at`` names; a day means its end, so that the day itself is included."""
    moment = parse_moment(text)
    is_day = len(text) == len("2026-11-22") and text.count("-") == 2
    return moment + timedelta(days=1, microseconds=-1) if is_day else moment


def parse_length(text: str) -> timedelta:
    """Return the length of time an argument names."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# --- the frame --------------------------------------------------------------------------------


def _dispatch(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print("\n".join(_overview()))
        return 0 if words else EXIT_USAGE
    if words[0] in ("-V", "--version"):
        print(f"holdfast {release()}")
        return 0
    verb = words[0]
    if verb not in _verbs():
        return _complain(_unknown(verb), EXIT_USAGE)
    module = _load(verb)
    return module.run(_parser(verb, module).parse_args(words[1:]))


def _parser(verb: str, module: Verb) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"holdfast {verb}",
        description=module.HELP,
        epilog=_manual(module),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def _manual(module: Verb) -> str:
    """Return what the docstring of a verb's file says after its first line."""
    return inspect.cleandoc(module.__doc__ or "").partition("\n")[2].strip()


def _load(verb: str) -> Verb:
    name = f"{__name__}.{verb.replace('-', '_')}"
    try:
        module = import_module(name)
    except MemoryError:
        raise  # no fault of the file
    except Exception as error:  # a file somebody added may fail in any way
        logger.debug("the file of the verb does not load", exc_info=True)
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise CrawlerError(
            f"the verb {verb} does not load: {type(error).__name__}: {error} "
            f"({where.filename}:{where.lineno}); the other verbs still work"
        ) from error
    missing = [part for part in ("HELP", "add_arguments", "run") if not hasattr(module, part)]
    if missing:
        raise CrawlerError(f"the verb {verb} lacks {', '.join(missing)} in {module.__file__}")
    return cast("Verb", module)


def _verbs() -> list[str]:
    return [name.replace("_", "-") for name in plugins.names(sys.modules[__name__])]


def _unknown(verb: str) -> str:
    close = difflib.get_close_matches(verb, _verbs(), n=1)
    meant = f"did you mean {close[0]}?" if close else "holdfast --help lists them"
    return f"there is no verb {verb!r}; {meant}"


def _overview() -> Iterator[str]:
    yield "usage: holdfast VERB …"
    yield ""
    yield "Keep web pages that may not be there tomorrow: capture, watch, prove, tell."
    found = summaries()
    width = max((len(one.verb) for one in found), default=0)
    for place, one in enumerate(found):
        if place == 0 or one.group != found[place - 1].group:
            yield ""
        yield f"  {one.verb:{width}}  {one.fault or one.help}"
    yield ""
    yield _EPILOG


def _summary(name: str) -> Summary:
    verb = name.replace("_", "-")
    spec = find_spec(f"{__name__}.{name}")
    try:
        source = Path(spec.origin).read_bytes() if spec and spec.origin else b""
        constants = dict(_constants(ast.parse(source)))
    except (OSError, SyntaxError, ValueError) as error:
        return Summary(verb=verb, fault=shown(f"(does not load: {error})"))
    return Summary(
        verb=verb, help=constants.get("HELP", ""), group=constants.get("GROUP", _LAST_GROUP)
    )


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that a module sets to plain text at its top level."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from ((one.id, value.value) for one in targets if isinstance(one, ast.Name))


def _status_of(error: Exception) -> int:
    if isinstance(error, ArchiveLockedError):
        return EXIT_LOCKED
    return EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_ERROR


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return (
            "too many files are open, so this was not done; what was kept is whole; allow more "
            "(ulimit -n)"
        )
    return str(error)


def _complain(message: str, status: int) -> int:
    print(f"holdfast: {shown(message)}", file=sys.stderr)
    return status
