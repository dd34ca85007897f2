"""Go all ways that lead inside, in a network of our own; a program, run in new name spaces.

Every address on the loopback is ours here, public ones too; one server on all of them knows by the
address it was reached at whether somebody came who must not. A name server of our own answers the
look-ups of the system. The last line that is printed is JSON: what came, and who got inside.
"""

import ctypes
import fcntl
import json
import os
import socket
import socketserver
import struct
import sys
import threading
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar

from forbidden import IMPOSSIBLE, WRITTEN, urls
from service import holdfast, listing, verb

PUBLIC = [f"93.184.215.{number}" for number in range(10, 20)]
INSIDE = ("10.0.0.5", "169.254.169.254", "192.168.1.1")
INSIDE_V6 = ("fd00::5", "64:ff9b::7f00:1", "64:ff9b::a00:5", "2002:7f00:1::1")
ROBOTS = ("127.0.0.1", "0x7f.1", "[::1]", "169.254.169.254", "inside.example")
NAMES = {
    "paper.example": PUBLIC[:1],
    "inside.example": ["127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "private.example": ["10.0.0.5", "fd00::5"],
    "mapped.example": ["::ffff:10.0.0.5"],
    "carried.example": ["64:ff9b::a00:5", "2002:7f00:1::1"],
    "mixed.example": ["10.0.0.5", PUBLIC[0]],
    **{f"robots-{number}.example": [PUBLIC[number + 1]] for number in range(len(ROBOTS))},
}
TURNING = "turning.example"
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[defaults]
delay = "0s"
"""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR = 0x8913, 0x8914, 0x8916
_UP = 0x1
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000


def make_network() -> None:
    """Put every address on the loopback of this name space, by the old calls (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        _rise(sock, b"lo")
        for number, address in enumerate([*PUBLIC, *INSIDE]):
            name = b"lo:%d" % number
            packed = struct.pack("<16sH2s4s8x", name, socket.AF_INET, b"", _packed(address))
            fcntl.ioctl(sock, _SIOCSIFADDR, packed)
    index = socket.if_nametoindex("lo")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        for address in INSIDE_V6:
            fcntl.ioctl(sock, _SIOCSIFADDR, struct.pack("=16sIi", _packed(address), 128, index))


def _rise(sock: socket.socket, name: bytes) -> None:
    found = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("<16sH14x", name, 0))
    flags = struct.unpack("<16sH14x", found)[1]
    fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("<16sH14x", name, flags | _UP))


def _packed(address: str) -> bytes:
    return ip_address(address).packed


def bind_file(text: str, place: str, folder: Path) -> None:
    """Let this name space alone see a file with another text."""
    file = folder / place.replace("/", "-")
    file.write_text(text)
    libc = ctypes.CDLL(None, use_errno=True)
    for source, target, flags in (
        (b"none", b"/", _MS_REC | _MS_PRIVATE),
        (os.fsencode(file), os.fsencode(os.path.realpath(place)), _MS_BIND),
    ):
        if libc.mount(source, target, None, ctypes.c_ulong(flags), None):
            raise OSError(ctypes.get_errno(), f"cannot mount {place}")


class Names(socketserver.BaseRequestHandler):
    """Answer look-ups (RFC 1035 §4): a name that turns is public once, then inside."""

    asked: ClassVar[Counter[str]] = Counter()

    def handle(self) -> None:
        """Answer one packet."""
        packet, sock = self.request
        labels, at = [], 12
        while length := packet[at]:
            labels.append(packet[at + 1 : at + 1 + length].decode().lower())
            at += 1 + length
        (kind,) = struct.unpack(">H", packet[at + 1 : at + 3])
        name = ".".join(labels)
        answers = b""
        number = 0
        for address in map(ip_address, self.addresses(name, kind)):
            if kind == (1 if address.version == 4 else 28):
                number += 1
                size = len(address.packed)
                answers += struct.pack(">HHHIH", 0xC00C, kind, 1, 0, size) + address.packed
        known = name == TURNING or name in NAMES
        head = struct.pack(">2sHHHHH", packet[:2], 0x8180 if known else 0x8183, 1, number, 0, 0)
        sock.sendto(head + packet[12 : at + 5] + answers, self.client_address)

    def addresses(self, name: str, kind: int) -> list[str]:
        """Return what a name means this time."""
        if name != TURNING:
            return NAMES.get(name, [])
        self.asked[name] += kind == 1
        return PUBLIC[:1] if self.asked[name] == 1 else ["10.0.0.5"]


class Everywhere(socketserver.ThreadingTCPServer):
    """The server on every address of this network."""

    address_family = socket.AF_INET6
    daemon_threads = True
    inside: list[str]

    def server_bind(self) -> None:
        """Take both kinds of addresses."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Answer(socketserver.StreamRequestHandler):
    """Serve pages that lead inside, to those who came by a public address."""

    server: Everywhere

    def handle(self) -> None:
        """Answer one request."""
        place = str(self.connection.getsockname()[0]).removeprefix("::ffff:")
        if place not in PUBLIC:
            self.server.inside.append(place)
        path = self.rfile.readline(65536).split(b" ")[1].decode()
        while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
            pass
        status, field, body = b"200 OK", b"X: y", b"<title>A page</title><p>A page.</p>"
        if path == "/robots.txt":
            number = PUBLIC.index(place) - 1 if place in PUBLIC else -1
            if 0 <= number < len(ROBOTS):
                status = b"301 Moved"
                field = f"Location: http://{ROBOTS[number]}/in/robots".encode()
            else:
                status = b"404 Not Found"
        elif path.startswith("/to/"):
            status = b"302 Found"
            field = b"Location: " + urls("")[int(path[4:])].encode()
        elif path == "/page":
            body += b"".join(b'<img src="%b">' % url.encode() for url in urls(""))
        lines = (b"HTTP/1.1 " + status, b"Content-Type: text/html; charset=utf-8", field)
        end = (b"Connection: close", b"Content-Length: %d" % len(body), b"", body)
        self.wfile.write(b"\r\n".join((*lines, *end)))


def main() -> None:
    """Make the network, go all ways, tell what came."""
    folder = Path(sys.argv[1])
    make_network()
    bind_file("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", "/etc/resolv.conf", folder)
    bind_file("127.0.0.1 localhost\n::1 localhost\n", "/etc/hosts", folder)
    names = socketserver.UDPServer(("127.0.0.1", 53), Names)
    server = Everywhere(("::", 80), Answer)
    server.inside = []
    for one in (names, server):
        threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True).start()

    archive = folder / "archive"
    holdfast("init", str(archive))
    (archive / "holdfast.toml").write_text(CONFIGURATION)
    targets = [*urls(""), *(url.format(port="") for url in IMPOSSIBLE)]
    targets += [f"http://{one}.example/in/" for one in ("inside", "metadata", "private", "mapped")]
    targets += ["http://inside.example./in/dot", "http://carried.example/in/"]
    targets += ["http://mixed.example/page"]
    targets += [f"http://paper.example/to/{number}" for number in range(len(WRITTEN))]
    targets += [f"http://robots-{number}.example/page" for number in range(len(ROBOTS))]
    targets += ["http://paper.example/page", f"http://{TURNING}/again"]
    for group in (targets, [f"http://{TURNING}/again"]):
        verb("capture", "--archive", str(archive), *group)
    told = {"inside": server.inside, "rows": listing("captures", archive), "robots": ROBOTS}
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
