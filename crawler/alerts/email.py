"""Send events as plain mail through an SMTP server."""

import json
import logging
import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from enum import StrEnum

from crawler.errors import DeliveryError, DeliveryRefusedError
from crawler.listing import told_dict
from crawler.outbound import Door, secured
from crawler.placeholders import check
from crawler.wording import DELIVERY_NAMES, EVENT_NAMES, LISTED_EVENTS, body, shown, subject
from storage.model import Delivery

logger = logging.getLogger(__name__)


class Tls(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Style(StrEnum):
    """How much a mail tells of each event."""

    FULL = "full"
    LINES = "lines"
    """A line an event."""


_PORTS = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.TLS: 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One mail a delivery; its Message-ID derives from the delivery, so a repeat is recognised."""

    host: str
    """The mail server, a name or an address."""
    port: int = 0
    """0 means the usual one: 25, 587 with starttls, 465 with tls."""
    sender: str
    """``holdfast@example.org`` or ``Holdfast <holdfast@example.org>``."""
    recipients: tuple[str, ...]
    """Who gets it; all of them stand in one mail."""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = Tls.STARTTLS
    timeout: timedelta = timedelta(seconds=30)
    """For one mail from name look-up to the server's last word."""
    style: Style = Style.FULL
    subject: str = ""
    """Template of the subject: ``[{alert}] {what}``."""
    line: str = ""
    """Template of the line that tells an event: ``{severity} {kind} {url} ({digest})``."""

    def __post_init__(self) -> None:
        """Refuse what no mail server would take, and a password in the clear."""
        if not self.recipients:
            raise ValueError('recipients must name at least one address: ["desk@example.org"]')
        for address in (self.sender, *self.recipients):
            _checked(address)
        check(self.subject, DELIVERY_NAMES)
        check(self.line, EVENT_NAMES)
        if not 0 <= self.port <= 65535:
            raise ValueError("port must be from 1 to 65535, or 0 for the usual one")
        if not (self.user + self.password).isascii():
            raise ValueError("user and password may hold ASCII only")
        if self.user and self.tls is Tls.NONE:
            raise ValueError('a user needs tls = "starttls" or "tls": the password would be read')

    def send(self, delivery: Delivery, door: Door, /) -> None:
        """Hand the mail to the server; done when the server has taken it for a recipient."""
        mail = self._mail(delivery)
        port = self.port or _PORTS[self.tls]
        with door.connect(self.host, port, timeout=self.timeout) as connection:
            try:
                refused = self._hand_over(mail, connection, port)
            except smtplib.SMTPDataError as error:
                raise DeliveryRefusedError(_said(error)) from error
            except smtplib.SMTPRecipientsRefused as error:
                raise DeliveryError(_refused(error.recipients)) from error
            except smtplib.SMTPResponseException as error:
                raise DeliveryError(_said(error)) from error
            except smtplib.SMTPNotSupportedError as error:
                raise DeliveryError(f"the mail server cannot do it: {shown(str(error))}") from error
        if any(code < 500 for code, _ in refused.values()):
            raise DeliveryError(_refused(refused))
        if refused:
            logger.warning(
                "mail taken, but not for every recipient",
                extra={"delivery": shown(delivery.id), "refused": _refused(refused)},
            )

    def _mail(self, delivery: Delivery) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Subject"] = subject(delivery, template=self.subject)
        mail["Date"] = format_datetime(datetime.now(UTC))
        local = re.sub(r"[^A-Za-z0-9-]", "-", delivery.id)
        domain = _checked(self.sender).rpartition("@")[2]
        mail["Message-ID"] = f"<holdfast-{local}@{domain}>"
        # RFC 3834: nobody's absence note answers a mail that says it was sent by a program.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(body(delivery, line=self.line, full=self.style is Style.FULL))
        if len(delivery.events) > LISTED_EVENTS:
            mail.add_attachment(_all_events(delivery), filename="events.jsonl")
        return mail

    def _hand_over(
        self, mail: EmailMessage, connection: socket.socket, port: int
    ) -> dict[str, tuple[int, bytes]]:
        wire = secured(connection, self.host) if self.tls is Tls.TLS else connection
        client = _Client(self.host, port, connection=wire)
        try:
            if self.tls is Tls.STARTTLS:
                client.starttls(context=ssl.create_default_context())
            if self.user:
                client.login(self.user, self.password)
            refused = client.send_message(mail)
            # The mail is taken; what becomes of the farewell changes nothing.
            with suppress(OSError):
                client.quit()
            return refused
        finally:
            client.close()


class _Client(smtplib.SMTP):
    """An SMTP client over a connection that is open already; smtplib would open its own."""

    def __init__(self, host: str, port: int, *, connection: socket.socket) -> None:
        self._connection = connection
        # RFC 5321 §4.1.3: an address stands for a name, which would have to be looked up first.
        address = str(connection.getsockname()[0]).partition("%")[0]
        own_name = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        super().__init__(host, port, local_hostname=own_name)

    def _get_socket(self, _host: str, _port: int, _timeout: float | None) -> socket.socket:
        return self._connection


def _all_events(delivery: Delivery) -> str:
    """Return every event as a line of JSON: none is left out, however many there are."""
    told = (told_dict(one, delivery.captures, brief=True) for one in delivery.events)
    return "".join(f"{json.dumps(one)}\n" for one in told)


def _checked(address: str) -> str:
    parsed = getaddresses([address])
    bare = parsed[0][1] if len(parsed) == 1 else ""
    local, _, domain = bare.rpartition("@")
    clean = address.isprintable() and bare.isascii() and " " not in bare
    if not local or not domain or not clean:
        raise ValueError(f"{shown(address)!r} is not a mail address; write desk@example.org")
    return bare


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    who = ", ".join(f"{shown(name)} ({_words(*said)})" for name, said in recipients.items())
    return f"the mail server does not take mail for {who}"


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"the mail server answered {_words(error.smtp_code, error.smtp_error)}"


def _words(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {shown(' '.join(words.split()))}"[:300]
