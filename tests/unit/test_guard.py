"""The address guard: what may be connected to, and which URLs can be targets at all."""

import pytest

from crawler.errors import ConfigError
from crawler.fetch.guard import AddressGuard, refused_url, wire_host

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "64:ff9b:1::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:0:a00:1:8000:63bf:3fff:fdd2",
    "not an address",
    "",
]
OUTSIDE = [
    "93.184.215.14",
    "8.8.8.8",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public_are_refused(address):
    """Loopback, private, link-local, reserved, multicast, and all of them in disguise."""
    assert AddressGuard().refusal(address, 80)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are_free(address):
    """A public address may be connected to, carried by another one or not."""
    assert AddressGuard().refusal(address, 80) is None


def test_a_refusal_names_the_address_and_what_it_is():
    """The sentence says what was disguised as what."""
    said = AddressGuard().refusal("2002:7f00:1::", 80)
    assert said == "2002:7f00:1:: (which is 127.0.0.1) is this machine, not a public address"


@pytest.mark.parametrize(
    ("entry", "free", "refused"),
    [
        ("127.0.0.1", ("127.0.0.1", 1), ("127.0.0.2", 1)),
        ("127.0.0.1:8080", ("127.0.0.1", 8080), ("127.0.0.1", 8081)),
        ("127.0.0.1:8080", ("::ffff:127.0.0.1", 8080), ("::1", 8080)),
        ("[::1]:8080", ("::1", 8080), ("::1", 80)),
        ("[::1]", ("::1", 80), ("127.0.0.1", 80)),
        ("::1", ("::1", 80), ("::2", 80)),
        ("10.1.0.0/16", ("10.1.255.1", 5), ("10.2.0.1", 5)),
        ("fd00::/8", ("fd12::1", 5), ("fe80::1", 5)),
        ("localhost:80", ("::1", 80), ("::1", 81)),
        ("localhost:80", ("127.0.0.1", 80), ("127.0.0.2", 80)),
    ],
)
def test_an_exception_opens_exactly_what_it_names(entry, free, refused):
    """An address, an address with a port, or a range, and nothing beside it."""
    guard = AddressGuard([entry])
    assert guard.refusal(*free) is None
    assert guard.refusal(*refused)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "example.org",
        "10.1.0.1/16",
        "10.1.0.0/16:80",
        "127.0.0.1:0",
        "127.0.0.1:70000",
        "[::1",
        "1.2.3",
    ],
)
def test_a_bad_exception_says_what_would_be_right(entry):
    """A misspelt exception is refused at the door."""
    with pytest.raises(ConfigError, match="write an address"):
        AddressGuard([entry])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://example.org:8443/a?b=c#d",
        "HTTP://Example.ORG.",
        "http://[2606:2800::1]:80/",
        "http://m\u00fcnchen.example/\u00e9",
        "http://\u2603.example/",
        "http://under_score.example/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://example.org/?u=a@b",
    ],
)
def test_urls_of_the_web_are_taken(url):
    """What a browser would fetch is no matter of the URL guard; addresses are judged later."""
    assert refused_url(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "javascript:alert(1)",
        "http:///path",
        "http:path",
        "http://./",
        "http://a..b/",
        "http://user@example.org/",
        "http://user:word@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org/a b",
        "http://example.org/\n",
        "http://exa\tmple.org/",
        "http://example.org/\u2028",
        "http://example.org/\ud800",
        "http://example.org/\x85",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://[::1]x/",
        "http://[v1.x]/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http://%31%32%37.0.0.1/",
        "http://exa$mple.org/",
        "http://999.999.999.999/",
        "http://1.2.3.4.5/",
        "http://" + "a" * 64 + ".org/",
        "http://" + "a." * 130 + "org/",
        "http://example.org/" + "x" * 16_000,
    ],
)
def test_urls_that_cannot_be_targets_are_refused(url):
    """Other schemes, credentials, tricks with characters, impossible hosts: one sentence each."""
    said = refused_url(url)
    assert said
    assert "\n" not in said


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "0x7F.1",
        "017700000001",
        "0177.0.0.01",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
    ],
)
def test_numbers_mean_the_address_a_socket_would_take_them_for(host):
    """Decimal, octal, hex, short and full-width spellings are one address to the guard."""
    assert wire_host(host) == "127.0.0.1"


def test_names_are_looked_up_in_ascii():
    """Other scripts become punycode, IPv6 its shortest form."""
    assert wire_host("M\u00dcNCHEN.example") == "xn--mnchen-3ya.example"
    assert wire_host("0:0::1") == "::1"
    assert wire_host("0x7f.example") == "0x7f.example"
