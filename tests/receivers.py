"""Real receivers of alerts on the loopback: a web server, a mail server, and two sick ones."""

import asyncio
import email
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request as the web receiver got it."""

    request_line: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class WebReceiver:
    """What a web receiver got, and what it answers."""

    port: int
    posts: list[Post] = field(default_factory=list)
    status: int = 204
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hook?desk=1"

    def taken(self) -> list[str]:
        return [" ".join((*post.headers.values(), post.body.decode())) for post in self.posts]


@dataclass(slots=True)
class MailReceiver:
    """What a mail receiver got, and whom or what it refuses."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    refused_recipients: dict[str, str] = field(default_factory=dict)
    answer: str = "250 taken"

    def taken(self) -> list[str]:
        return [
            "\n".join((*(str(value) for value in mail.values()), mail.get_content()))
            for mail in self.mails
        ]

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused_recipients:
            return self.refused_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
            mail = email.message_from_bytes(envelope.original_content, policy=default)
            self.mails.append(mail)
        return self.answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        login = (data.login, data.password)
        self.logins.append(login)
        return AuthResult(success=login == (b"holdfast", b"correct horse"), handled=False)


@contextmanager
def web_receiver(*, tls: ssl.SSLContext | None = None) -> Iterator[WebReceiver]:
    """Run a web server that keeps what is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            post = Post(request_line=self.requestline, headers=dict(self.headers), body=body)
            receiver.posts.append(post)
            self.send_response(receiver.status)
            for name, value in receiver.fields.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    receiver = WebReceiver(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def mail_receiver(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[MailReceiver]:
    """Run an SMTP server (aiosmtpd) in a thread; it keeps the mails it takes."""
    receiver = MailReceiver()
    ready = threading.Event()
    over: list[Callable[[], object]] = []

    def session() -> SMTP:
        return SMTP(
            receiver,
            hostname="mail.test",
            tls_context=starttls,
            authenticator=receiver.authenticate,
            auth_require_tls=tls is None,
        )

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        over.append(lambda: loop.call_soon_threadsafe(stop.set))
        server = await loop.create_server(session, LOOPBACK, 0, ssl=tls)
        async with server:
            receiver.port = server.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield receiver
    finally:
        over[0]()
        thread.join()


@contextmanager
def silent_receiver() -> Iterator[int]:
    """Give the port of a server that takes every connection and never says a word."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def full_receiver() -> Iterator[int]:
    """Give the port of a server whose backlog is full: a connection to it hangs in the making."""
    with ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind((LOOPBACK, 0))
        listening.listen(0)
        while True:
            caller = sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listening.getsockname())
            if not select.select([], [caller], [], 0.1)[1]:
                break
        yield listening.getsockname()[1]


@contextmanager
def dripping_receiver(greeting: bytes) -> Iterator[int]:
    """Give the port of a server that says ``greeting``, then a letter at a time for ever."""
    stop = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(greeting)
            try:
                while not stop.wait(0.01):
                    connection.sendall(b"x")
            except OSError:
                return

    with socket.create_server((LOOPBACK, 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        return int(listening.getsockname()[1])


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for the loopback: the file to trust, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    key_file = folder / "key.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return file, context
