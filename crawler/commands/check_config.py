"""Say whether the configuration of an archive is right, and all that is wrong with it.

The options of every alert are tried as well, without sending anything. Exit status 0 when all is
right, else 78. What works but should be seen to, such as a secret others may read, is a warning.

    holdfast check-config --archive A
"""

import argparse
import os
import sys
from collections.abc import Iterator

from crawler import config
from crawler.commands import EXIT_CONFIG, add_archive, add_json
from crawler.config import Config
from crawler.console import escape, print_json_lines
from crawler.deliver import make_channel
from crawler.errors import ConfigError
from crawler.fetch.roster import SpiderFileError, load
from storage.archive import Archive

HELP = "check holdfast.toml: every mistake with its line and what would be right"
GROUP = "start"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the archive."""
    add_archive(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the configuration as the service would, and tell what it says."""
    path = Archive(arguments.archive).config
    try:
        loaded = config.load(path, environ=os.environ, make_channel=make_channel)
    except ConfigError as error:
        if arguments.json:
            print_json_lines([{"file": str(path), "ok": False, "problems": error.problems}])
        else:
            sys.stderr.writelines(f"{escape(problem)}\n" for problem in error.problems)
        return EXIT_CONFIG
    broken = list(_broken_spiders(loaded))
    if broken:
        if arguments.json:
            print_json_lines([{"file": str(path), "ok": False, "problems": broken}])
        else:
            sys.stderr.writelines(f"{escape(problem)}\n" for problem in broken)
        return EXIT_CONFIG
    sites, alerts = len(loaded.sites), len(loaded.alerts)
    if arguments.json:
        row = {"file": str(path), "ok": True, "warnings": loaded.warnings}
        print_json_lines([{**row, "sites": sites, "alerts": alerts}])
        return 0
    sys.stderr.writelines(f"warning: {escape(warning)}\n" for warning in loaded.warnings)
    if not (loaded.archive.operator and loaded.archive.contact):
        print("warning: operator and contact are empty: nobody is named as keeper", file=sys.stderr)
    print(f"{escape(str(path))} is right: {sites} sites, {alerts} alerts")
    return 0


def _broken_spiders(loaded: Config) -> Iterator[str]:
    """Yield why the spider file of a configured site does not load."""
    for name in sorted({site.spider for site in loaded.sites}):
        try:
            load(name)
        except SpiderFileError as fault:
            yield str(fault)
