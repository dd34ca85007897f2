"""Write each event to the program's log."""

import logging
from dataclasses import dataclass

from crawler.listing import iso
from crawler.outbound import Door
from crawler.wording import cut, event_values, shown
from storage.model import Delivery, Severity

logger = logging.getLogger(__name__)

DIFF_LENGTH = 300
"""Characters of a word diff that a line of the log carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One line an event: WARNING when it is severe, else INFO. It has no options."""

    def send(self, delivery: Delivery, _door: Door, /) -> None:
        """Write the events in their order; nothing is sent anywhere."""
        for event in delivery.events:
            level = logging.WARNING if event.severity is Severity.HIGH else logging.INFO
            fields = {
                "kind": shown(event.kind),
                "url": shown(event.url),
                "summary": shown(event.summary),
                "severity": event.severity.value,
                "captured_at": iso(event.captured_at),
                "site": shown(event.site),
                "event": shown(event.id),
                "delivery": shown(delivery.id),
                "alert": shown(delivery.alert),
            }
            values = event_values(event, delivery.captures)
            proof = ("digest", "warc_file", "warc_offset")
            fields |= {name: values[name] for name in proof if values[name]}
            if event.diff:
                fields["diff"] = cut(shown(event.diff), DIFF_LENGTH)
            logger.log(level, "event", extra=fields)
