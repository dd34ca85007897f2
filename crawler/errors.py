"""Name what can fail in fetching, comparing and telling."""

from collections.abc import Sequence


class CrawlerError(Exception):
    """Say what could not be done, to which target; the root of this package's errors."""


class ConfigError(CrawlerError):
    """Say what is wrong in a configuration, where, and what would be right.

    ``problems`` has a line for each, for a command that shows them all; the message is one line.
    """

    def __init__(self, message: str, *, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


class DeliveryError(CrawlerError):
    """Say why a channel did not take a delivery; it will be tried again."""


class DeliveryRefusedError(DeliveryError):
    """Say that the receiver is well but did not want this delivery; those after it may go on."""
