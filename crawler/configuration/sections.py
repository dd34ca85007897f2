"""Say what each table of ``holdfast.toml`` may hold, and turn outside values into types."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Annotated, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from crawler import alerts, plugins
from crawler.durations import RIGHT, format_duration, parse_duration
from crawler.errors import ConfigError
from crawler.fetch.guard import AddressGuard, refused_url
from crawler.fetch.wire.proxy import check_exception, parse_proxy
from crawler.fetch.wire.request import Limits
from crawler.revisit.calendar import check_every
from crawler.routing import Quiet, check_edits, parse_quiet
from crawler.sizes import format_size, parse_size
from crawler.text.trim import check_selector
from spiders.scope import check_pattern
from storage.model import Robots

ENVIRONMENT_SECTIONS = ("archive", "network", "defaults")
"""Tables whose keys may come from the environment: ``HOLDFAST_NETWORK_USER_AGENT``."""

_T = TypeVar("_T")
_LIMITS = Limits()
_SHORTEST_LIMIT = timedelta(milliseconds=50)
_SMALLEST_BODY_BYTES = 1024
_LARGEST_BODY_BYTES = 64 * 1024**3
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,78}[a-z0-9])?")
_ALERT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


# --- single values ----------------------------------------------------------------------------


def check_site_name(text: str) -> str:
    """Return ``text`` if a site may be called so; raise ValueError that says what would be right.

    Names stand in addresses, file names and listings, so they are plain; a host name is one.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is not a name; write small letters, digits, hyphens and dots, such as "
            '"al-akhbar-english" or "paper.example"'
        )
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what a person may have meant: the nearest known word, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known are {', '.join(known)}" if known else "there is none"


def _check_alert_name(text: str) -> str:
    if not _ALERT_NAME.fullmatch(text):
        raise ValueError(f'{text!r} is not a name; write small letters, digits, hyphens: "desk-2"')
    return text


def _check_start(text: str) -> str:
    reason = refused_url(text)
    if reason:
        # Not repeated here: an address may carry a password.
        raise ValueError(f'{reason}; write a whole address such as "https://paper.example/"')
    return text


def _check_contact(text: str) -> str:
    right = 'write "mailto:web@example.org" or an http or https address'
    if not text or (text.startswith("mailto:") and "@" in text and _is_word(text)):
        return text
    if "@" in text and ":" not in text:
        raise ValueError(f'{text!r} lacks its scheme; did you mean "mailto:{text}"?')
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an address; {right}") from None
    if parts.scheme in ("http", "https") and parts.hostname and _is_word(text):
        return text
    raise ValueError(f"{text!r} is not a contact; {right}")


def _is_word(text: str) -> bool:
    # It goes into a header field of requests and WARC records: a line end would begin another.
    return text.isprintable() and " " not in text


def _check_time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        hint = difflib.get_close_matches(text, available_timezones(), n=1)
        meant = f'did you mean "{hint[0]}"?' if hint else 'write a name such as "Europe/Berlin"'
        raise ValueError(f"{text!r} is not a time zone; {meant}") from None
    return text


def _check_quiet(text: str) -> str:
    parse_quiet(text, time_zone="UTC")
    return text


def _check_address(text: str) -> str:
    try:
        AddressGuard((text,))
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text


def _check_spider(text: str) -> str:
    if text not in plugins.spider_names():
        raise ValueError(
            f"there is no file spiders/{text}.py; {nearest(text, plugins.spider_names())}"
        )
    return text


def _check_channel(text: str) -> str:
    if text not in plugins.names(alerts):
        raise ValueError(
            f"there is no file crawler/alerts/{text}.py; {nearest(text, plugins.names(alerts))}"
        )
    return text


def _check_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it has control characters; write one line of plain text")
    return text


def _check_user_agent(text: str) -> str:
    if not (text.isascii() and text.isprintable() and text == text.strip() and text):
        raise ValueError('write one line of ASCII, such as "ExampleLibrary/1.0 (+https://…)"')
    return text


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise ValueError(f"write in quotes {RIGHT}")  # noqa: TRY004 - pydantic takes ValueError
    return parse_duration(value)


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError(f"it must be longer than nothing: {RIGHT}")
    return duration


def _up_to(most: timedelta) -> Callable[[timedelta], timedelta]:
    def check(duration: timedelta) -> timedelta:
        if not _SHORTEST_LIMIT <= duration <= most:
            raise ValueError(
                f"it must be between {format_duration(_SHORTEST_LIMIT)} and {format_duration(most)}"
            )
        return duration

    return check


def _size(size_bytes: int) -> int:
    if not _SMALLEST_BODY_BYTES <= size_bytes <= _LARGEST_BODY_BYTES:
        least, most = format_size(_SMALLEST_BODY_BYTES), format_size(_LARGEST_BODY_BYTES)
        raise ValueError(f'it must be between "{least}" and "{most}"')
    return size_bytes


def _check_proxy(text: str) -> str:
    parse_proxy(text)
    return text


def _robots(value: object) -> Robots:
    known = [one.value for one in Robots]
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return Robots(value)


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Wait = Annotated[Duration, AfterValidator(_positive)]
Limit = Annotated[Duration, AfterValidator(_up_to(timedelta(hours=1)))]
Whole = Annotated[Duration, AfterValidator(_up_to(timedelta(days=1)))]
Size = Annotated[int, BeforeValidator(parse_size), AfterValidator(_size)]
Line = Annotated[str, AfterValidator(_check_line)]
Pattern = Annotated[str, AfterValidator(check_pattern)]
Selector = Annotated[str, AfterValidator(check_selector)]
Listed = Annotated[tuple[_T, ...], BeforeValidator(_listed)]


# --- tables -----------------------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class ArchiveSection(_Section):
    """Hold the keys of ``[archive]``."""

    operator: Line = ""
    contact: Annotated[str, AfterValidator(_check_contact)] = ""
    copies: Listed[Annotated[Line, Field(min_length=1)]] = ()
    copy_catalogue_every: Wait = timedelta(hours=1)
    fixity_every: Wait = timedelta(days=30)
    close_after: Wait = timedelta(days=1)


class NetworkSection(_Section):
    """Hold the keys of ``[network]``."""

    allow_addresses: Listed[Annotated[str, AfterValidator(_check_address)]] = ()
    user_agent: Annotated[str, AfterValidator(_check_user_agent)] | None = None
    proxy: Annotated[str, AfterValidator(_check_proxy)] | None = None
    proxy_file: str | None = None
    no_proxy: Listed[Annotated[str, AfterValidator(check_exception)]] = ()
    connect_timeout: Limit = _LIMITS.connect
    first_byte_timeout: Limit = _LIMITS.first_byte
    idle_timeout: Limit = _LIMITS.idle
    total_timeout: Whole = _LIMITS.total
    largest_body: Size = _LIMITS.body_bytes


class DefaultsSection(_Section):
    """Hold the keys of ``[defaults]``: those of a site that many sites share.

    Which keys were written is what counts; their own defaults are those of ``storage.model.Site``.
    """

    spider: Annotated[str, AfterValidator(_check_spider)] = "site"
    include: Listed[Pattern] = ()
    exclude: Listed[Pattern] = ()
    every: Annotated[str, AfterValidator(check_every)] = "auto"
    time_zone: Annotated[str, AfterValidator(_check_time_zone)] = "UTC"
    robots: Annotated[Robots, BeforeValidator(_robots)] = Robots.OBEY
    delay: Duration = timedelta(seconds=2)
    budget_per_day: Annotated[int, Field(ge=1)] = 5000
    host_budget_per_day: Annotated[int, Field(ge=1)] | None = None
    shortest: Wait = timedelta(minutes=5)
    longest: Wait = timedelta(days=7)
    confirm: Annotated[Listed[Wait], Field(min_length=1)] = ()
    confirm_access: Annotated[Listed[Wait], Field(min_length=1)] = ()
    down_after: Wait = timedelta(days=3)
    requisites: bool = True
    requisites_every: Wait = timedelta(days=7)
    requisites_include: Listed[Pattern] = ()
    requisites_exclude: Listed[Pattern] = ()
    requisites_media: bool = False
    conditional: bool = False
    second_look: bool = True
    alerts: Listed[str] = ()
    edits: Annotated[str, AfterValidator(check_edits)] = "now"
    only_css: Listed[Selector] = ()
    without_css: Listed[Selector] = ()
    ignore_slots: Listed[Annotated[Line, Field(min_length=1)]] = ()
    phrases: Listed[Annotated[Line, Field(min_length=3)]] = ()


class SiteSection(DefaultsSection):
    """Hold the keys of one ``[[site]]``."""

    name: Annotated[str, AfterValidator(check_site_name)]
    start: Annotated[Listed[Annotated[str, AfterValidator(_check_start)]], Field(min_length=1)]


class AlertSection(BaseModel):
    """Hold the keys of one ``[[alert]]``; all but these are options of its channel."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, hide_input_in_errors=True)

    name: Annotated[str, AfterValidator(_check_alert_name)]
    channel: Annotated[str, AfterValidator(_check_channel)]
    quiet: Annotated[str, AfterValidator(_check_quiet)] | None = None
    time_zone: Annotated[str, AfterValidator(_check_time_zone)] = "UTC"

    def quiet_hours(self) -> Quiet | None:
        """Return when only what is urgent is told through it."""
        return None if self.quiet is None else parse_quiet(self.quiet, time_zone=self.time_zone)


class Document(_Section):
    """Hold the whole file."""

    archive: ArchiveSection = ArchiveSection()
    network: NetworkSection = NetworkSection()
    defaults: DefaultsSection = DefaultsSection()
    site: Listed[SiteSection] = ()
    alert: Listed[AlertSection] = ()


SECTIONS: Mapping[str, type[BaseModel]] = {
    "archive": ArchiveSection,
    "network": NetworkSection,
    "defaults": DefaultsSection,
    "site": SiteSection,
    "alert": AlertSection,
}


# --- the environment --------------------------------------------------------------------------


class _Environment(BaseSettings):
    """Name the tables that the environment may speak to; values are typed by ``Document``."""

    model_config = SettingsConfigDict(
        env_prefix="HOLDFAST_", env_nested_delimiter="_", env_nested_max_split=1, strict=True
    )

    archive: ArchiveSection | None = None
    network: NetworkSection | None = None
    defaults: DefaultsSection | None = None


class _Source(EnvSettingsSource):
    """Read lists as JSON or with commas between; what is neither is refused by ``Document``."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: object) -> object:
        """Return a list for the text of one."""
        del field_name, field
        text = str(value).strip()
        if not text.startswith("["):
            return [part.strip() for part in text.split(",") if part.strip()]
        try:
            decoded: object = json.loads(text)
        except ValueError:
            return text
        return decoded


def from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the keys that the environment sets, by table; an empty variable sets nothing."""
    starts = tuple(variable(section, "") for section in ENVIRONMENT_SECTIONS)
    source = _Source(_Environment)
    source.env_vars = {
        name.lower(): value for name, value in environ.items() if value and name.startswith(starts)
    }
    return source()


def variable(section: str, key: str) -> str:
    """Return the name of the environment variable that stands for a key."""
    return f"HOLDFAST_{section}_{key}".upper().replace("-", "_")
