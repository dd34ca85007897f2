"""What stands in holdfast.toml, and what is said of what may not."""

import logging
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from crawler import alerts, plugins
from crawler.commands.init import configuration, make_archive
from crawler.config import Config, load
from crawler.configuration.sections import SECTIONS
from crawler.deliver import make_channel, option_names
from crawler.errors import ConfigError
from storage.model import Robots, Site

FULL = """
[archive]
operator = "Example Library"
contact = "mailto:web@example.org"
copies = ["/mnt/second/archive", "beside"]

[network]
allow_addresses = ["127.0.0.1:8080", "10.1.0.0/16"]

[defaults]
every = "auto"
time_zone = "Europe/Berlin"
robots = "obey"
delay = "2s"
budget_per_day = 4000
confirm = ["1m", "10m", "1h", "6h"]
confirm_access = ["10m", "6h", "24h"]
down_after = "3d"
requisites = true

[[site]]
name = "al-akhbar-english"
start = ["https://english.al-akhbar.com/"]
spider = "al_akhbar"
include = ["/node/*"]
exclude = ["/comment/*"]
alerts = ["desk"]

[[site]]
name = "paper.example"
start = ["https://paper.example/", "https://paper.example/feed"]
every = "cron 0 6 * * mon-fri"
robots = "record"
delay = "0.2s"
requisites = false
confirm = ["5s"]

[[alert]]
name = "desk"
channel = "webhook"
url_file = "desk-url"
timeout = "5s"
"""
SITE = '[[site]]\nname = "a"\nstart = ["https://a.example/"]\n'
ALERT = '[[alert]]\nname = "desk"\nchannel = "webhook"\n'


@pytest.fixture
def write(tmp_path):
    """Write a configuration into an archive folder that has one secret file."""
    secret = tmp_path / "desk-url"
    secret.write_text("https://hooks.example/T0K3N\n")
    secret.chmod(0o600)

    def writing(text: str) -> Path:
        path = tmp_path / "holdfast.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return writing


def refused(path, **more):
    """The lines of a refusal, without the path before the line number."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ=more.pop("environ", {}), **more)
    return [line.replace(f"{path}", "F") for line in caught.value.problems]


# --- what is taken ----------------------------------------------------------------------------


def test_every_key_of_the_documentation_is_typed(write, tmp_path):
    """The example of the documentation becomes nouns, with defaults under each site."""
    config = load(write(FULL), environ={})
    first, second = config.sites
    assert config.archive.operator == "Example Library"
    assert config.archive.copies == (Path("/mnt/second/archive"), tmp_path / "beside")
    assert config.network.allow_addresses == ("127.0.0.1:8080", "10.1.0.0/16")
    assert "web@example.org" in config.network.user_agent
    assert first == Site(
        name="al-akhbar-english",
        start=("https://english.al-akhbar.com/",),
        spider="al_akhbar",
        include=("/node/*",),
        exclude=("/comment/*",),
        time_zone="Europe/Berlin",
        budget_per_day=4000,
        alerts=("desk",),
        from_file=True,
    )
    assert (second.robots, second.delay) == (Robots.RECORD, timedelta(milliseconds=200))
    assert (second.every, second.time_zone) == ("cron 0 6 * * mon-fri", "Europe/Berlin")
    assert (second.confirm, second.requisites) == ((timedelta(seconds=5),), False)
    assert not config.defaults.from_file
    assert config.warnings == ()


def test_an_empty_file_is_a_configuration(write):
    """Nothing has to be configured to keep a page."""
    config = load(write(""), environ={})
    assert (config.sites, config.alerts) == ((), ())
    assert config.defaults == Config().defaults
    assert config.network.user_agent.startswith("Holdfast/")


def test_a_new_archive_has_a_configuration_that_is_right(tmp_path):
    """What `init` writes is taken, says who the operator is, and changes no default."""
    operator = 'Exämple "Library" \\ 🗞'
    archive = make_archive(tmp_path / "new", operator=operator, contact="https://library.example/")
    config = load(archive.config, environ={})
    assert config.archive.operator == operator
    assert config.defaults == Config().defaults


def test_what_a_new_configuration_shows_switched_off_is_right_when_switched_on(write):
    """Taking every # away that stands before a key or a table leaves a right configuration."""
    text = re.sub(r"(?m)^# (?=\[|\w+ = )", "", configuration())
    config = load(write(text), environ={})
    assert [site.spider for site in config.sites] == ["al_akhbar"]
    assert [alert.name for alert in config.alerts] == ["desk"]


def test_a_text_with_a_byte_order_mark_is_text(write):
    """Some editors put a mark before the text; it is no mistake."""
    assert load(write("\ufeff" + SITE), environ={}).sites[0].name == "a"


# --- secrets and the environment --------------------------------------------------------------


def test_a_secret_comes_from_its_file_and_is_never_shown(write):
    """The value of KEY_file is read, without its line end, and no representation has it."""
    config = load(write(FULL), environ={})
    assert config.alerts[0].options == {"url": "https://hooks.example/T0K3N", "timeout": "5s"}
    assert "T0K3N" not in repr(config)


def test_the_environment_goes_before_the_file(write):
    """A variable replaces the key, even where the file named a secret file that is not there."""
    path = write(FULL.replace("desk-url", "not-there"))
    environ = {
        "HOLDFAST_ALERT_DESK_URL": "https://hooks.example/other",
        "HOLDFAST_ARCHIVE": "/somewhere",
        "HOLDFAST_ARCHIVE_OPERATOR": "Somebody else",
        "HOLDFAST_NETWORK_USER_AGENT": "",
        "HOLDFAST_NETWORK_ALLOW_ADDRESSES": "127.0.0.1, 10.0.0.0/8",
        "HOLDFAST_DEFAULTS_CONFIRM_ACCESS": '["1s", "2s"]',
        "HOLDFAST_DEFAULTS_BUDGET_PER_DAY": "7",
        "HOLDFAST_DEFAULTS_REQUISITES": "false",
        "HOLDFAST_DEFAULTS_ROBOTS": "ignore",
        "HOLDFAST_DEFAULTS_DELAY": "1s",
        "PATH": "/bin",
    }
    config = load(path, environ=environ)
    site = config.sites[0]
    assert config.alerts[0].options["url"] == "https://hooks.example/other"
    assert config.archive.operator == "Somebody else"
    assert config.network.allow_addresses == ("127.0.0.1", "10.0.0.0/8")
    assert (site.budget_per_day, site.requisites, site.robots) == (7, False, Robots.IGNORE)
    assert (site.delay, site.confirm_access[1]) == (timedelta(seconds=1), timedelta(seconds=2))
    assert "Holdfast/" in config.network.user_agent


def test_a_variable_may_name_a_secret_file(write, tmp_path):
    """A container mounts a secret and names its place: HOLDFAST_ALERT_DESK_URL_FILE."""
    environ = {"HOLDFAST_ALERT_DESK_URL_FILE": str(tmp_path / "desk-url")}
    assert load(write(ALERT), environ=environ).alerts[0].options == {
        "url": "https://hooks.example/T0K3N"
    }


def test_the_longer_name_has_the_variable(write):
    """An alert called desk does not take the options of one called desk-night."""
    text = ALERT + ALERT.replace('"desk"', '"desk-night"')
    config = load(write(text), environ={"HOLDFAST_ALERT_DESK_NIGHT_URL": "x"})
    assert [dict(one.options) for one in config.alerts] == [{}, {"url": "x"}]


def test_a_variable_of_no_alert_and_an_open_secret_are_warnings(write, tmp_path):
    """What works but should be seen to is told, and refuses nothing."""
    (tmp_path / "desk-url").chmod(0o644)
    config = load(write(FULL), environ={"HOLDFAST_ALERT_DSK_URL": "s3cret"})
    first, second = config.warnings
    assert "HOLDFAST_ALERT_DSK_URL" in first
    assert "s3cret" not in first
    assert "chmod 600" in second


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "empty", "large", "binary"])
def test_a_secret_that_cannot_be_read_is_refused(write, tmp_path, kind):
    """Whatever stands in the place of a secret file, the refusal names key, line and file."""
    place = tmp_path / "secret"
    match kind:
        case "folder":
            place.mkdir()
        case "fifo":
            os.mkfifo(place)
        case "empty":
            place.write_text("\n")
        case "large":
            place.write_bytes(b"x" * 70_000)
        case "binary":
            place.write_bytes(b"\xff\xfe")
        case _:
            pass
    (line,) = refused(write(ALERT + 'secret_file = "secret"\n'))
    assert line.startswith(f"F:4: [[alert]] desk, secret_file: the secret file {place} ")


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sites]", 'F:1: there is nothing called "sites" here; did you mean "site"?'),
        ("[archive]\noperater = 'x'", 'F:2: [archive], operater: * did you mean "operator"?'),
        (SITE + "dely = '2s'", 'F:4: [[site]] a, dely: there is no such key; * "delay"?'),
        (SITE + "delay = 2", "F:4: [[site]] a, delay: write in quotes a number and *"),
        (SITE + "delay = '2 s'", "F:4: [[site]] a, delay: '2 s' is not a length of time; *"),
        (SITE + "down_after = '0s'", "F:4: [[site]] a, down_after: it must be longer than *"),
        (SITE + "confirm = []", "F:4: [[site]] a, confirm: it must not be empty"),
        (SITE + "confirm = '1m'", "F:4: [[site]] a, confirm: it must be a list such as *"),
        (SITE + "confirm = [\n'1m',\n5]", "F:6: [[site]] a, confirm: write in quotes *"),
        (SITE + "budget_per_day = 0", "F:4: [[site]] a, budget_per_day: it must be 1 or more"),
        (SITE + "host_budget_per_day = 0", "F:4: [[site]] a, host_budget_per_day: it must be 1 *"),
        (
            SITE + "longest = '1h'\nshortest = '2h'",
            'F:5: [[site]] a, shortest: no page can wait at least "2h" and at most "1h": *',
        ),
        (SITE + "longest = '1m'", 'F:4: [[site]] a, longest: * at least "5m" and at most "1m": *'),
        (
            f"[defaults]\nshortest = '8d'\n{SITE}longest = '9d'",
            'F:2: [defaults], shortest: * at least "8d" and at most "7d": *',
        ),
        (SITE + "budget_per_day = '9'", "F:4: [[site]] a, budget_per_day: it must be a whole *"),
        (SITE + "budget_per_day = true", "F:4: [[site]] a, budget_per_day: it must be a whole *"),
        (SITE + "requisites = 'yes'", "F:4: [[site]] a, requisites: it must be true or false*"),
        (SITE + "every = 'daily'", "F:4: [[site]] a, every: 'daily' is not a schedule; write *"),
        (SITE + "every = 'cron 0 6 * *'", "F:4: [[site]] a, every: * is not a cron line; *"),
        (SITE + "time_zone = 'Berlin'", "F:4: [[site]] a, time_zone: * 'Europe/Berlin'*"),
        (SITE + "time_zone = '../../x'", "F:4: [[site]] a, time_zone: * is not a time zone; *"),
        (SITE + "robots = 'obay'", "F:4: [[site]] a, robots: 'obay' is none of obey, ignore, *"),
        (SITE + "spider = 'al-akhbar'", 'F:4: [[site]] a, spider: * did you mean "al_akhbar"?'),
        (SITE + "spider = 'base'", "F:4: [[site]] a, spider: there is no file spiders/base.py*"),
        (SITE + "include = ['^/a$']", "F:4: [[site]] a, include: '^/a$' is not a pattern; *"),
        (SITE + "alerts = ['desk']", 'F:4: [[site]] a, alerts: there is no [[alert]] * "desk"*'),
        ("[defaults]\nalerts = ['x']", "F:2: [defaults], alerts: there is no [[alert]] *"),
        ("[defaults]\nname = 'x'", "F:2: [defaults], name: there is no such key; *"),
        ("[[site]]\nname = 'a'", "F:1: [[site]] a, start: it is missing"),
        ("[[site]]\nstart = ['http://a.b/']", "F:1: [[site]] number 1, name: it is missing"),
        (SITE.replace('"a"', '"A b"'), "F:2: [[site]] A b, name: 'A b' is not a name; *"),
        (SITE.replace('"a"', '"../a"'), "F:2: [[site]] ../a, name: '../a' is not a name; *"),
        (SITE.replace("https:", "file:"), "F:3: [[site]] a, start: only http and https *"),
        (SITE.replace("https:", ""), "F:3: [[site]] a, start: only http and https *"),
        (SITE.replace("a.example", ""), "F:3: [[site]] a, start: the URL names no host*"),
        (ALERT.replace("hook", "hok"), 'F:3: [[alert]] desk, channel: * mean "webhook"?'),
        (ALERT + "url = 'u'\nurl_file = 'desk-url'", "F:4: [[alert]] desk, url: url and *"),
        ("[site]\nname = 'a'", "F:1: [site]: write [[site]] with two brackets, once for each"),
        ("archive = 1", "F:1: [archive]: it must be a table: write [archive]"),
        ("[archive]\ncontact = 'a@b.c'", 'F:2: [archive], contact: * did you mean "mailto:a@b.c"?'),
        ("[archive]\ncontact = 'ftp://a.b/'", "F:2: [archive], contact: * is not a contact; *"),
        ("[archive]\noperator = 'a\\u000ab'".replace("'", '"'), "F:2: [archive], operator: *"),
        ('[archive]\ncontact = "https://a.b/\\nX: y"', "F:2: [archive], contact: * is not a *"),
        ("[archive]\ncopies = ['']", "F:2: [archive], copies: it must not be empty"),
        ("[network]\nallow_addresses = ['x']", "F:2: [network], allow_addresses: 'x' is no *"),
        ("[network]\nuser_agent = \"a\\nb\"", "F:2: [network], user_agent: write one line *"),
        ("a = \n", "F:1:5: this is not TOML: invalid value"),
        ("a = 1\na = 2\n", "F:2:6: this is not TOML: cannot overwrite a value"),
        ("[archive", "F, at its end: this is not TOML: expected ']' at the end of a table *"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(write, text, line):
    """Each way to be wrong has its line, its key, and the cure."""
    path = write(text)
    told = [one.replace(str(path.parent), "") for one in refused(path)]
    pattern = re.escape(line).replace(r"\*", ".*").replace("'Europe/Berlin'", '"Europe/Berlin"')
    assert [one for one in told if not re.fullmatch(pattern, one)] == []
    assert told


def test_all_mistakes_are_told_at_once_in_their_order(write):
    """A person mends a file in one go, from top to bottom; names used twice are told as well."""
    text = SITE + "delay = 1\n" + ALERT + SITE + "evry = '6h'\nalerts = ['dsk']\n" + ALERT
    told = refused(write(text))
    assert [int(line.split(":")[1]) for line in told] == [2, 4, 6, 9, 11, 12, 14]
    assert 'another [[site]] is called "a" too' in told[0]
    assert 'did you mean "desk"?' in told[5]


def test_the_message_is_one_line_and_counts_the_rest(write):
    """A verb that meets a broken configuration tells the first mistake and where to see all."""
    with pytest.raises(
        ConfigError, match=r"toml:4: .* \(and 1 more: `holdfast check-config"
    ) as one:
        load(write(SITE + "delay = 1\nrobots = 2\n"), environ={})
    assert "\n" not in str(one.value)


def test_a_mistake_in_the_environment_names_the_variable(write):
    """What did not come from the file is not blamed on a line of it."""
    environ = {
        "HOLDFAST_DEFAULTS_DELAY": "quick",
        "HOLDFAST_DEFAULTS_ALERTS": "desk,dsk",
        "HOLDFAST_NETWORK_AGENT": "x",
        "HOLDFAST_ALERT_DESK_SECRET_FILE": "nowhere",
    }
    told = refused(write("[defaults]\ndelay = '2s'\n" + ALERT), environ=environ)
    assert {line.split(" in the environment: ")[0] for line in told} == set(environ)


def test_no_refusal_repeats_a_secret(write):
    """Passwords in addresses and options of alerts never stand in a message."""
    text = SITE.replace("a.example", "u:T0K3N@a.example") + ALERT
    text += "url = 'https://T0K3N.example/'\nurl_file = 'x'\nsecret = ['T0K3N']\n"
    assert "T0K3N" not in "".join(refused(write(text)))


def test_a_channel_may_refuse_its_options(write):
    """What a channel says of its options is told on the line of its table."""

    def refuse(channel, options):
        raise ConfigError(f"channel {channel} wants more than {sorted(options)}")

    (line,) = refused(write("\n" + ALERT + "url = 'u'\n"), make_channel=refuse)
    assert line == "F:2: [[alert]] desk: channel webhook wants more than ['url']"


def test_a_missing_file_says_what_makes_one(tmp_path):
    """Without holdfast.toml there is one line, and it names the command."""
    assert "`holdfast init` makes" in refused(tmp_path / "holdfast.toml")[0]


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path):
    """The first byte that is not UTF-8 is found."""
    path = tmp_path / "holdfast.toml"
    path.write_bytes(b'[archive]\noperator = "Biblioth\xe8que"\n')
    assert refused(path) == ["F:2: this is not text in UTF-8; save the file in that encoding"]


def test_a_folder_in_the_place_of_the_file_is_one_line(tmp_path):
    """Whatever the system says of the file is told, not thrown."""
    (tmp_path / "holdfast.toml").mkdir()
    assert refused(tmp_path / "holdfast.toml") == ["F cannot be read: is a directory"]


def test_reading_a_configuration_logs_nothing(write, caplog):
    """What configuration holds is nobody's business: not even at DEBUG is it logged."""
    with caplog.at_level(logging.DEBUG):
        load(write(FULL), environ={"HOLDFAST_ALERT_DESK_SECRET": "s3cret"})
    assert caplog.records == []


# --- the documentation ------------------------------------------------------------------------

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_every_key_and_every_option_is_documented():
    """Whatever the file may hold is explained, each in a cell of a table of its own."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    keys = {key for section in SECTIONS.values() for key in section.model_fields}
    channels = plugins.names(alerts)
    options = {option for channel in channels for option in option_names(channel)}
    assert [one for one in sorted({*keys, *channels, *options}) if f"`{one}`" not in text] == []


def test_the_example_of_the_documentation_is_right(write):
    """What a reader copies from the documentation is taken as it stands."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert load(write(example), environ={}, make_channel=make_channel).alerts[0].name == "desk"
