"""Name what can fail in fetching, comparing and telling."""


class CrawlerError(Exception):
    """Say what could not be done, to which target; the root of this package's errors."""


class ConfigError(CrawlerError):
    """Say what is wrong in a configuration, where, and what would be right."""


class DeliveryError(CrawlerError):
    """Say why a channel did not take a delivery; it will be tried again."""
