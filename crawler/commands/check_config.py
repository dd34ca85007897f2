"""Say whether the configuration of an archive is right, and all that is wrong with it.

The options of every alert are tried as well, without sending anything. Exit status 0 when all is
right, else 78. What works but should be seen to, such as a secret others may read, is a warning.

    holdfast check-config --archive A
"""

import argparse
import os
import sys

from crawler import config
from crawler.commands import EXIT_CONFIG, add_archive, add_json
from crawler.console import escape, print_json_lines
from crawler.deliver import make_channel
from crawler.errors import ConfigError
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
    sites, alerts = len(loaded.sites), len(loaded.alerts)
    if arguments.json:
        row = {"file": str(path), "ok": True, "warnings": loaded.warnings}
        print_json_lines([{**row, "sites": sites, "alerts": alerts}])
        return 0
    sys.stderr.writelines(f"warning: {escape(warning)}\n" for warning in loaded.warnings)
    print(f"{escape(str(path))} is right: {sites} sites, {alerts} alerts")
    return 0
