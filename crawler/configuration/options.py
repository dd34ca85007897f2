"""Gather the options of an alert: from its table, from secret files, from the environment."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FILE_SUFFIX = "_file"
LONGEST_SECRET_BYTES = 65_536

_PREFIX = "HOLDFAST_ALERT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Say what is wrong with one option; the value itself is never told."""

    key: str
    says: str
    outside: bool = False
    """Whether it came from the environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Hold the options of one alert and what came up on the way."""

    options: Mapping[str, object] = field(repr=False)
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()


def option_variable(alert: str, key: str) -> str:
    """Return the environment variable that stands for an option of an alert."""
    return f"{_PREFIX}{alert}_{key}".upper().replace("-", "_")


def from_environment(environ: Mapping[str, str], names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the options that the environment sets, by alert; those of no alert under ``""``.

    Where one alert's name begins another's, the longer name has the variable.
    """
    found: dict[str, dict[str, str]] = {}
    starts = sorted(
        ((option_variable(name, ""), name) for name in names), key=lambda one: -len(one[0])
    )
    for variable, value in environ.items():
        if value and variable.startswith(_PREFIX):
            start, name = next((one for one in starts if variable.startswith(one[0])), ("", ""))
            found.setdefault(name, {})[variable.removeprefix(start).lower()] = value
    return found


def gather(
    written: Mapping[str, object], *, set_outside: Mapping[str, str], folder: Path
) -> Gathered:
    """Return the options of one alert; the environment goes before the table.

    ``KEY_file`` names a file that holds the value of KEY, relative to ``folder``.
    """
    replaced = {key.removesuffix(FILE_SUFFIX) for key in set_outside}
    options: dict[str, object] = {}
    faults: list[Fault] = []
    warnings: list[str] = []
    for source, outside in ((written, False), (set_outside, True)):
        faults += _doubles(source, outside=outside)
        for key, value in source.items():
            if not outside and key.removesuffix(FILE_SUFFIX) in replaced:
                continue
            if not key.endswith(FILE_SUFFIX):
                options[key] = value
                continue
            try:
                secret = _secret(value, folder)
            except ValueError as error:
                faults.append(Fault(key=key, says=str(error), outside=outside))
                continue
            options[key.removesuffix(FILE_SUFFIX)] = secret.text
            warnings += secret.warnings
    return Gathered(options=options, faults=tuple(faults), warnings=tuple(warnings))


def _doubles(source: Mapping[str, object], *, outside: bool) -> Iterator[Fault]:
    for key in source:
        if key + FILE_SUFFIX in source:
            says = f"{key} and {key}{FILE_SUFFIX} are both given; keep one"
            yield Fault(key=key, says=says, outside=outside)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    text: str = field(repr=False)
    warnings: tuple[str, ...] = ()


def _secret(name: object, folder: Path) -> _Secret:
    """Read a secret file; raise ValueError that says why it cannot be one."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError("write the name of a file in quotes")
    path = folder / name
    try:
        # Without O_NONBLOCK a FIFO that nobody writes to would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"the secret file {path} is not a file")
            content = file.read(LONGEST_SECRET_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(
            f"the secret file {path} cannot be read ({reason}): write the secret there, "
            "readable for the user Holdfast runs as"
        ) from None
    if len(content) > LONGEST_SECRET_BYTES:
        raise ValueError(f"the secret file {path} is larger than {LONGEST_SECRET_BYTES} bytes")
    try:
        text = content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"the secret file {path} is not text in UTF-8") from None
    if not text:
        raise ValueError(f"the secret file {path} is empty")
    return _Secret(text=text, warnings=tuple(_exposure(path, mode)))


def _exposure(path: Path, mode: int) -> Iterator[str]:
    if mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        yield f"others may read or change the secret file {path}: chmod 600 it"
