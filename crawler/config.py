"""Read ``holdfast.toml``: type everything once, and refuse with what would be right."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from crawler.configuration import options
from crawler.configuration.faults import Problem, encoding_fault, problems_of, syntax_fault, tell
from crawler.configuration.sections import (
    AlertSection,
    DefaultsSection,
    Document,
    from_environment,
    nearest,
    variable,
)
from crawler.configuration.toml_lines import Lines, Place
from crawler.durations import format_duration
from crawler.errors import ConfigError
from crawler.fetch.wire import Limits, Proxy, parse_proxy
from crawler.packages import release
from crawler.routing import Quiet
from storage.model import Site

_NO_DEFAULTS = Site(name="defaults")
_PROXY = ("proxy", "proxy" + options.FILE_SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveConfig:
    """Say who keeps the archive, and where good copies of it are."""

    operator: str = ""
    contact: str = ""
    copies: tuple[Path, ...] = ()
    copy_catalogue_every: timedelta = timedelta(hours=1)
    fixity_every: timedelta = timedelta(days=30)
    close_after: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Say where we may go, by which name and which way, and how much one exchange may take."""

    allow_addresses: tuple[str, ...] = ()
    user_agent: str = ""
    proxy: Proxy | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertConfig:
    """Name a channel with its options; they may be secret and are never shown."""

    name: str
    channel: str
    quiet: Quiet | None = None
    options: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Hold everything that was configured, typed and checked."""

    archive: ArchiveConfig = ArchiveConfig()
    network: NetworkConfig = NetworkConfig()
    defaults: Site = _NO_DEFAULTS
    sites: tuple[Site, ...] = ()
    alerts: tuple[AlertConfig, ...] = ()
    warnings: tuple[str, ...] = ()
    """What works but should be seen to, a sentence each."""


class ChannelMaker(Protocol):
    """Build a channel, or say in a ConfigError which option is wrong."""

    def __call__(self, channel: str, options: Mapping[str, object], /) -> object:
        """Return the channel."""


def load(
    path: Path, *, environ: Mapping[str, str], make_channel: ChannelMaker | None = None
) -> Config:
    """Return what the file and the environment configure; raise ConfigError with all that is wrong.

    With ``make_channel`` the options of every alert are tried as well. Secrets in files are read
    from paths relative to the file's own folder.
    """
    text = _read(path)
    written = _parsed(path, text)
    overrides = from_environment(environ)
    raw = _overridden(written, overrides)
    proxy = _proxy_options(written, overrides, path.parent)
    document, problems = _validated(_with_proxy(raw, proxy))
    problems += [Problem(place=("network", one.key), says=one.says) for one in proxy.faults]
    problems += _cross_checked(raw)
    problems += _bounds(document)
    alerts = _Alerts(raw, environ=environ, folder=path.parent)
    problems += alerts.problems
    if make_channel is not None:
        problems += alerts.tried(make_channel)
    if problems or document is None:
        blamed = _blamed(problems, overrides)
        raise _refusal(path, tell(blamed, path=path, raw=raw, lines=Lines(text)))
    # Who sets up an alert wants to hear: a site that names none tells them all.
    everybody = replace(_NO_DEFAULTS, alerts=tuple(one.name for one in alerts.built))
    defaults = _site(everybody, document.defaults)
    return Config(
        archive=_archive(document, path.parent),
        network=_network(document),
        defaults=defaults,
        sites=tuple(replace(_site(defaults, one), from_file=True) for one in document.site),
        alerts=tuple(alerts.built),
        warnings=(*proxy.warnings, *alerts.warnings),
    )


# --- the file ---------------------------------------------------------------------------------


def _read(path: Path) -> str:
    try:
        # Editors of some systems put a mark before the text, which TOML does not know.
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(encoding_fault(path, error)) from error
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} is missing; `holdfast init` makes an archive with one"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{path} cannot be read: {reason}") from error


def _parsed(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(syntax_fault(path, error)) from error


def _overridden(
    written: Mapping[str, object], overrides: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    """Return the document with the keys that the environment sets."""
    raw = dict(written)
    for section, keys in overrides.items():
        table = raw.get(section, {})
        if isinstance(table, dict):
            raw[section] = {**table, **keys}
    return raw


def _proxy_options(
    written: Mapping[str, object], overrides: Mapping[str, Mapping[str, object]], folder: Path
) -> options.Gathered:
    """Return the proxy, which may hold a password and so may come from a file of its own."""
    table = written.get("network")
    inside = {key: table[key] for key in _PROXY if isinstance(table, dict) and key in table}
    given = overrides.get("network", {})
    outside = {key: str(given[key]) for key in _PROXY if key in given}
    return options.gather(inside, set_outside=outside, folder=folder)


def _with_proxy(raw: Mapping[str, object], proxy: options.Gathered) -> Mapping[str, object]:
    table = raw.get("network")
    if not isinstance(table, dict):
        return raw
    others = {key: value for key, value in table.items() if key not in _PROXY}
    return {**raw, "network": {**others, **proxy.options}}


def _refusal(path: Path, told: Sequence[str]) -> ConfigError:
    more = len(told) - 1
    rest = f" (and {more} more: `holdfast check-config --archive {path.parent}`)" if more else ""
    return ConfigError(told[0] + rest, problems=told)


# --- the checks -------------------------------------------------------------------------------


def _validated(raw: Mapping[str, object]) -> tuple[Document | None, list[Problem]]:
    try:
        return Document.model_validate(raw), []
    except ValidationError as error:
        return None, list(problems_of(error))


def _blamed(
    problems: Sequence[Problem], overrides: Mapping[str, Mapping[str, object]]
) -> Iterator[Problem]:
    """Yield the problems, those of keys that the environment sets with their variable."""
    for problem in problems:
        match problem.place:
            case (str(section), str(key), *_) if key in overrides.get(section, {}):
                yield replace(problem, variable=variable(section, key))
            case _:
                yield problem


def _cross_checked(raw: Mapping[str, object]) -> Iterator[Problem]:
    """Yield what is wrong between the tables, as far as faulty ones can be read."""
    alerts = [name for _, name in _named(raw, "alert")]
    for section in ("site", "alert"):
        counts = Counter(name for _, name in _named(raw, section))
        for index, name in _named(raw, section):
            if counts[name] > 1:
                says = f'another [[{section}]] is called "{name}" too; each needs a name of its own'
                yield Problem(place=(section, index, "name"), says=says)
    for place, table in [*_tables(raw, "site"), (("defaults",), raw.get("defaults"))]:
        wanted = table.get("alerts") if isinstance(table, dict) else None
        for at, name in enumerate(wanted if isinstance(wanted, list) else []):
            if isinstance(name, str) and name not in alerts:
                says = f'there is no [[alert]] with the name "{name}"; {nearest(name, alerts)}'
                yield Problem(place=(*place, "alerts", at), says=says)


def _bounds(document: Document | None) -> Iterator[Problem]:
    """Yield where ``shortest`` is longer than ``longest``, whichever of them another table says."""
    if document is None:
        return
    defaults = _site(_NO_DEFAULTS, document.defaults)
    sections: list[tuple[Place, DefaultsSection]] = [(("defaults",), document.defaults)]
    sections += [(("site", index), one) for index, one in enumerate(document.site)]
    for place, section in sections:
        known = _site(defaults, section)
        written = {"shortest", "longest"} & section.model_fields_set
        if written and known.shortest > known.longest:
            short, long = format_duration(known.shortest), format_duration(known.longest)
            says = f'no page can wait at least "{short}" and at most "{long}": shortest comes first'
            yield Problem(place=(*place, max(written)), says=says)


def _tables(raw: Mapping[str, object], section: str) -> list[tuple[Place, dict[str, object]]]:
    tables = raw.get(section)
    listed = enumerate(tables if isinstance(tables, list) else [])
    return [((section, index), table) for index, table in listed if isinstance(table, dict)]


def _named(raw: Mapping[str, object], section: str) -> list[tuple[int, str]]:
    found = [(int(place[1]), table.get("name")) for place, table in _tables(raw, section)]
    return [(index, name) for index, name in found if isinstance(name, str)]


class _Alerts:
    """Gather the alerts whose tables can be read, with what is wrong in their options."""

    def __init__(
        self, raw: Mapping[str, object], *, environ: Mapping[str, str], folder: Path
    ) -> None:
        self.built: list[AlertConfig] = []
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._places: dict[str, Place] = {}
        outside = options.from_environment(environ, [name for _, name in _named(raw, "alert")])
        for key in outside.pop("", {}):
            self.warnings.append(f"{key.upper()} in the environment names no [[alert]] of the file")
        for place, table in _tables(raw, "alert"):
            name = table.get("name")
            given = {
                key: value for key, value in table.items() if key not in AlertSection.model_fields
            }
            set_outside = outside.get(name, {}) if isinstance(name, str) else {}
            gathered = options.gather(given, set_outside=set_outside, folder=folder)
            self._take(place, table, gathered)

    def _take(self, place: Place, table: Mapping[str, object], gathered: options.Gathered) -> None:
        self.warnings += gathered.warnings
        for fault in gathered.faults:
            name = options.option_variable(str(table["name"]), fault.key) if fault.outside else ""
            self.problems.append(Problem(place=(*place, fault.key), says=fault.says, variable=name))
        try:
            section = AlertSection.model_validate(table)
        except ValidationError:
            return
        self._places[section.name] = place
        if not gathered.faults:
            alert = AlertConfig(
                name=section.name,
                channel=section.channel,
                quiet=section.quiet_hours(),
                options=gathered.options,
            )
            self.built.append(alert)

    def tried(self, make_channel: ChannelMaker) -> Iterator[Problem]:
        """Yield what the channels say of their options."""
        for alert in self.built:
            try:
                make_channel(alert.channel, alert.options)
            except ConfigError as error:
                yield Problem(place=self._places[alert.name], says=str(error))


# --- the nouns --------------------------------------------------------------------------------


def _archive(document: Document, folder: Path) -> ArchiveConfig:
    section = document.archive
    return ArchiveConfig(
        operator=section.operator,
        contact=section.contact,
        copies=tuple(folder / copy for copy in section.copies),
        copy_catalogue_every=section.copy_catalogue_every,
        fixity_every=section.fixity_every,
        close_after=section.close_after,
    )


def _network(document: Document) -> NetworkConfig:
    contact = document.archive.contact.removeprefix("mailto:")
    own_name = f"Holdfast/{release()}" + (f" (+{contact})" if contact.isascii() and contact else "")
    section = document.network
    return NetworkConfig(
        allow_addresses=section.allow_addresses,
        user_agent=section.user_agent or own_name,
        proxy=parse_proxy(section.proxy, except_hosts=section.no_proxy) if section.proxy else None,
        limits=Limits(
            connect=section.connect_timeout,
            first_byte=section.first_byte_timeout,
            idle=section.idle_timeout,
            total=section.total_timeout,
            body_bytes=section.largest_body,
        ),
    )


def _site(basis: Site, section: DefaultsSection) -> Site:
    """Return the basis with the keys that were written in a table."""
    return replace(basis, **section.model_dump(exclude_unset=True))
