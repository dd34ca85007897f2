"""The options of [network] that shape the wire: proxy, limits, and what is said of wrong ones."""

from datetime import timedelta
from pathlib import Path

import pytest

from crawler.config import Config, load
from crawler.errors import ConfigError
from crawler.fetch.wire import Limits
from crawler.sizes import format_size, parse_size


def loaded(folder: Path, text: str, **environ: str) -> Config:
    """Load a configuration of this [network]."""
    path = folder / "holdfast.toml"
    path.write_text("[network]\n" + text, encoding="utf-8")
    return load(path, environ=environ)


def refused(folder: Path, text: str, **environ: str) -> str:
    """Return what is said of a configuration that is wrong."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **environ)
    return "\n".join(caught.value.problems)


def test_limits_are_those_of_the_file(tmp_path):
    """Every limit of time and the largest body reach the client as they were written."""
    config = loaded(
        tmp_path,
        'connect_timeout = "5s"\nfirst_byte_timeout = "2m"\nidle_timeout = "0.1s"\n'
        'total_timeout = "1h"\nlargest_body = "2GiB"\n',
    )
    assert config.network.limits == Limits(
        connect=timedelta(seconds=5),
        first_byte=timedelta(minutes=2),
        idle=timedelta(milliseconds=100),
        total=timedelta(hours=1),
        body_bytes=2 * 1024**3,
    )


def test_nothing_written_is_the_client_own_limits(tmp_path):
    """Without options there is no proxy, and the limits are the defaults of the client."""
    config = loaded(tmp_path, "")
    assert (config.network.proxy, config.network.limits) == (None, Limits())
    assert Config().network.limits == Limits()


def test_a_size_may_be_a_number_of_bytes_or_come_from_the_environment(tmp_path):
    """Numbers without a unit are bytes, in the file and outside."""
    assert loaded(tmp_path, "largest_body = 2048").network.limits.body_bytes == 2048
    config = loaded(tmp_path, "", HOLDFAST_NETWORK_LARGEST_BODY="4096")
    assert config.network.limits.body_bytes == 4096


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1536, 1024**2, 5 * 1024**3])
def test_sizes_are_read_back(size):
    """What is written of a size is read as the same one."""
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("largest_body = '5 furlongs'", "largest_body: '5 furlongs' is not a size; write a number"),
        ("largest_body = true", "largest_body: True is not a size"),
        ("largest_body = 1.5", "largest_body: 1.5 is not a size"),
        ("largest_body = '1B'", 'largest_body: it must be between "1KiB" and "64GiB"'),
        ("largest_body = -1", 'largest_body: it must be between "1KiB" and "64GiB"'),
        ("total_timeout = '2d'", "total_timeout: it must be between 0.05s and 1d"),
        ("idle_timeout = '0s'", "idle_timeout: it must be between 0.05s and 1h"),
        ("connect_timeout = 5", "connect_timeout: write in quotes"),
        ("proxy = 'proxy:3128'", 'proxy: this is not the address of a proxy; write "http:'),
        ("proxy = 5", "proxy: it must be text in quotes"),
        ("no_proxy = ['http://a/']", "no_proxy: 'http://a/' names no host; write a name such as"),
        ("proxy_file = 'nowhere'", "cannot be read (no such file or directory)"),
        ("proxy = 'http://a:1'\nproxy_file = 'x'", "proxy and proxy_file are both given"),
        ("poxy = 'x'", 'there is no such key; did you mean "proxy"?'),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_with_what_would_be_right(tmp_path, text, words):
    """Each has its line and its cure."""
    told = refused(tmp_path, text)
    assert words in told
    assert "holdfast.toml:2: [network]" in told


def test_a_proxy_may_come_from_a_file_or_the_environment(tmp_path):
    """The environment goes before the file; the password is in no text of the configuration."""
    secret = tmp_path / "proxy"
    secret.write_text("http://user:hush@10.0.0.1:3128\n")
    secret.chmod(0o600)
    text = "proxy_file = 'proxy'\nno_proxy = ['Paper.Example', '10.0.0.0/8']"
    config = loaded(tmp_path, text)
    proxy = config.network.proxy
    assert proxy is not None
    assert (str(proxy), proxy.login) == ("10.0.0.1:3128", b"user:hush")
    assert proxy.except_hosts == ("paper.example", "10.0.0.0/8")
    assert "hush" not in repr(config)
    assert config.warnings == ()
    other = loaded(tmp_path, text, HOLDFAST_NETWORK_PROXY="http://other.example:8080")
    assert str(other.network.proxy) == "other.example:8080"
    third = loaded(tmp_path, "", HOLDFAST_NETWORK_PROXY_FILE="proxy")
    assert third.network.proxy == loaded(tmp_path, "proxy_file = 'proxy'").network.proxy


def test_a_proxy_file_that_others_may_read_is_warned_of(tmp_path):
    """It works, and should be seen to."""
    secret = tmp_path / "proxy"
    secret.write_text("http://proxy.example:3128")
    secret.chmod(0o644)
    [warning] = loaded(tmp_path, "proxy_file = 'proxy'").warnings
    assert "chmod 600" in warning


def test_no_refusal_of_a_proxy_repeats_its_password(tmp_path):
    """Wherever it comes from, and whatever is wrong with it."""
    secret = tmp_path / "proxy"
    secret.write_text("https://user:hush@p:1")
    secret.chmod(0o600)
    told = refused(tmp_path, "proxy = 'http://user:hush@p:99999'")
    told += refused(tmp_path, "proxy_file = 'proxy'")
    told += refused(tmp_path, "", HOLDFAST_NETWORK_PROXY="http://user:hush@")
    assert "HOLDFAST_NETWORK_PROXY in the environment: [network], proxy" in told
    assert "hush" not in told
