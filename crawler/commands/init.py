"""Make an archive with a configuration that explains itself.

The folder must be new or empty. What is there already is never touched.

    holdfast init A --operator "Example Library" --contact mailto:web@example.org
"""

import argparse
import json
from pathlib import Path

from pydantic import ValidationError

from crawler.configuration.faults import problems_of
from crawler.configuration.sections import ArchiveSection
from crawler.console import escape
from crawler.errors import ConfigError
from storage.archive import Archive, create

HELP = "make an archive: a folder with a commented holdfast.toml"
GROUP = "start"

_TEMPLATE = """\
# The configuration of this archive. What stands behind a # is off; take the # away to use it.
# `holdfast check-config` says whether all is well; docs/configuration.md explains every key.

[archive]
# Who keeps this archive, and how to reach them. Both are written into every WARC file, and the
# contact is shown to the sites that are visited.
operator = {operator}
contact = {contact}
# copies = ["/mnt/second/archive"]        # folders on other disks that the service copies it to
# copy_catalogue_every = "1h"             # how often the catalogue goes there
# fixity_every = "30d"                    # every closed file and its copies are read again in it
# close_after = "1d"                      # a WARC file is closed then; only closed ones are copied

# [network]
# allow_addresses = ["10.1.0.0/16"]       # private addresses that may be visited all the same
# user_agent = "ExampleLibrary/1.0 (+https://library.example/archive)"
# proxy = "http://proxy.example:3128"     # pages are fetched through it
# no_proxy = ["intranet.example"]         # but not those of these hosts
# connect_timeout = "20s"                 # for address, connection and TLS
# first_byte_timeout = "1m"               # from the request to the first byte of the answer
# idle_timeout = "30s"                    # between two bytes of the answer
# total_timeout = "10m"                   # for one answer as a whole
# largest_body = "512MiB"                 # more of one answer is not kept

[defaults]                                # for every site that does not say otherwise
every = "auto"                            # or "6h", or "cron 0 6 * * mon-fri"
time_zone = "UTC"                         # that of the cron line, such as "Europe/Berlin"
robots = "obey"                           # obey, ignore, or record: fetch it but do not obey
delay = "2s"                              # between two requests to one host
budget_per_day = 5000                     # visits a day at most, for each site
# host_budget_per_day = 2000              # visits a day at most, for each host of a site
confirm = ["1m", "10m", "1h", "6h"]       # looks again after a first bad look; all must agree
confirm_access = ["10m", "6h", "24h"]     # the same for login and pay walls
down_after = "3d"                         # an outage this long is told
requisites = true                         # keep images, style sheets, fonts, frames as well
# requisites_every = "7d"                 # fetch again what a page needs when it is older
# requisites_include = ["/files/*"]       # only these, on every host; else everything
# requisites_exclude = ["https://ads.example/*"]
# requisites_media = true                 # films and sounds too
conditional = false                       # true: ask for a known page only if it has changed

# A site is found by its start pages; one [[site]] for each.
#
# [[site]]
# name = "al-akhbar-english"
# start = ["https://english.al-akhbar.com/"]
# spider = "al_akhbar"                    # a file of spiders/; "site" is the general one
# include = ["/node/*"]
# exclude = ["/comment/*"]
# alerts = ["desk"]
# edits = "daily 08:00"                     # or "now", "2h"; takedowns are always told at once

# An alert is a way to tell people: channel is log, webhook, email, feed (an Atom file) or apprise
# (chats and telephones). A secret may stand in a file of its own (url_file = "desk-url") or in the
# environment (HOLDFAST_ALERT_DESK_URL).
#
# [[alert]]
# name = "desk"
# channel = "webhook"
# url_file = "desk-url"
# quiet = "22:00-07:00"                     # only what is urgent is told then
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the folder, and who keeps it."""
    parser.add_argument("archive", metavar="FOLDER", type=Path, help="a new or empty folder")
    parser.add_argument("--operator", default="", help="who keeps the archive")
    parser.add_argument("--contact", default="", help="mailto: or web address to reach them")


def run(arguments: argparse.Namespace) -> int:
    """Make the archive and say what comes next."""
    archive = make_archive(
        arguments.archive, operator=arguments.operator, contact=arguments.contact
    )
    folder = escape(str(arguments.archive))
    print(f"Made the archive {folder}. Next:")
    if not (arguments.operator and arguments.contact):
        print(f"  say who you are in          {escape(str(archive.config))}")
    print(f"  keep a page now:            holdfast capture --archive {folder} URL")
    print(f"  watch a site:               holdfast watch add --archive {folder} --site NAME URL")
    print(f"  visit it from now on:       holdfast run --archive {folder}")
    return 0


def make_archive(root: Path, *, operator: str = "", contact: str = "") -> Archive:
    """Make an archive and its ``holdfast.toml``; what is there already is refused, not touched."""
    return create(root, config=configuration(operator=operator, contact=contact))


def configuration(*, operator: str = "", contact: str = "") -> str:
    """Return the text of a new ``holdfast.toml``; raise ConfigError for a contact that is none."""
    try:
        ArchiveSection(operator=operator, contact=contact)
    except ValidationError as error:
        problems = [f"{one.place[0]}: {one.says}" for one in problems_of(error)]
        raise ConfigError("; ".join(problems)) from error
    return _TEMPLATE.format(operator=_quoted(operator), contact=_quoted(contact))


def _quoted(text: str) -> str:
    # For printable text a JSON string is a TOML string (TOML 1.0, "Basic strings").
    return json.dumps(text, ensure_ascii=False)
