"""Proxies as people write them, and the hosts that go past them."""

import subprocess
import sys

import pytest

from launcher.core.errors import LauncherError
from launcher.core.proxy_address import masked, repaired
from launcher.core.proxy_bypass import exported, near, passes_by, split


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:7890", "http://127.0.0.1:7890"),
        ("http://127.0.0.1:7890/", "http://127.0.0.1:7890"),
        (" 'HTTP://Proxy.Example:8080' ", "http://proxy.example:8080"),
        ("socks://127.0.0.1:10808", "socks5h://127.0.0.1:10808"),
        ("socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"),
        ("socks4://h:1080", "socks4://h:1080"),
        ("https://proxy.example", "https://proxy.example"),
        # a keyboard left in Chinese mode
        ("127。0。0。1：7890", "http://127.0.0.1:7890"),
        ("http://我:密码@h:80", "http://%E6%88%91:%E5%AF%86%E7%A0%81@h:80"),
        ("http://u:p#@ss@h:80", "http://u:p%23%40ss@h:80"),
        ("http://u:p：。x@h：80", "http://u:p%EF%BC%9A%E3%80%82x@h:80"),
        ("http://u:p%23x@h:80", "http://u:p%23x@h:80"),
        ("user:pass@10.0.0.1:3128", "http://user:pass@10.0.0.1:3128"),
        ("http://[::1]:7890", "http://[::1]:7890"),
        ("http://代理.cn:8080", "http://xn--mnq481g.cn:8080"),
        ("localhost:07890", "http://localhost:7890"),
    ],
)
def test_a_proxy_is_repaired(written: str, meant: str) -> None:
    assert repaired(written) == meant
    assert repaired(meant) == meant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("vmess://eyJhIjoi", "Clash or V2Ray"),
        ("ss://YWVzLTI1Ni1nY206cGFzcw@1.2.3.4:8388", "Clash or V2Ray"),
        ("ftp://h:21", "ftp is no kind of proxy"),
        ("http://h:99999", "from 1 to 65535"),
        ("http://h:0", "from 1 to 65535"),
        ("http://", "no host"),
        ("http://:7890", "no host"),
        ("my proxy:80", "no host"),
        ("", "no host"),
        ("http://h:80:90", "no host"),
        ("http://h/a/b", "form http://host:port"),
        ("http://wpad.example/proxy.pac", "PAC"),
        ("file:///srv/proxy.dat", "PAC"),
        ("http://h;x:80", "no host"),
    ],
)
def test_a_proxy_is_refused_in_words(written: str, why: str) -> None:
    with pytest.raises(LauncherError) as failure:
        repaired(written)
    assert failure.value.code == "proxy-not-usable"
    assert why in str(failure.value.message)
    assert "gesso proxy set" in str(failure.value.hint)


@pytest.mark.parametrize("written", ["http://me:secret@h:99999", "me:secret@h:80/x/y", "ftp://me:sec@ret@h:21"])
def test_a_password_is_never_repeated(written: str) -> None:
    with pytest.raises(LauncherError) as failure:
        repaired(written)
    assert "sec" not in str(failure.value)
    assert "***@h" in masked(written)
    assert masked("vmess://eyJhIjoi") == "vmess://***"


@pytest.mark.parametrize(
    ("url", "rules", "past"),
    [
        ("http://localhost:7860/", "", True),
        ("http://127.9.9.9/", "", True),
        ("http://[::1]:7860/", "", True),
        ("http://192.168.1.20:7860/", "", True),
        ("http://10.1.2.3/", "", True),
        ("http://172.32.0.1/", "", False),
        ("http://nas.local/", "", True),
        ("https://example.com/", "", False),
        ("https://example.com/", "example.com", True),
        ("https://www.example.com/", ".example.com", True),
        ("https://www.example.com/", "example.com", True),
        ("https://badexample.com/", "example.com", False),
        ("https://www.example.com/", "*.example.com", True),
        ("https://example.com/", "*", True),
        ("https://example.com:8443/", "example.com:8443", True),
        ("https://example.com/", "example.com:8443", False),
        ("http://203.0.113.9/", "203.0.113.0/24", True),
        ("http://169.254.1.1/", "169.254/16", True),
        ("http://198.51.100.7/", "198.51.100.*", True),
        ("https://intranet/", "<local>", True),
        ("https://example.com/", "<local>", False),
        ("https://[2001:db8::1]/", "2001:db8::/32", True),
        ("https://[2001:db8::1]/", "[2001:db8::1]", True),
        ("https://example.com/", "https://example.com", True),
        ("https://example.com/", "ex*ple.com;;, ", True),
        ("https://example.com/", "/24,[,(", False),
        ("https://example.com:99999/", "example.org", False),
    ],
)
def test_what_goes_past_the_proxy(url: str, rules: str, past: bool) -> None:
    assert passes_by(url, split(rules)) is past


def test_near() -> None:
    assert near("fe80::1%eth0")
    assert near("app.localhost")
    assert not near("1.1.1.1")
    assert not near("localhost.example.com")


def test_an_exported_list_holds_only_what_every_library_reads() -> None:
    odd = "a.example,.b.example,*.c.example,127.*,[::1],fe80::/10,<local>,例え.cn,host:*,203.0.113.0/24,d:8080,::2,a b"
    exportable = exported(odd.split(","))
    kept = exportable.split(",localhost")[0]
    assert kept == "a.example,.b.example,*.c.example,203.0.113.0/24,d:8080,::2"
    # every entry is read by Python's own reader too
    code = f"import urllib.request as r; print(r.proxy_bypass_environment('10.0.0.1', {{'no': {exportable!r}}}))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_slash_in_a_password_ends_no_address() -> None:
    assert repaired("user:pa/ss@host:80") == "http://user:pa/ss@host:80".replace("/ss", "%2Fss")


def test_a_number_alone_is_no_host() -> None:
    with pytest.raises(LauncherError, match="proxy-not-usable") as caught:
        repaired("7890")
    assert "127.0.0.1:7890" in str(caught.value.message)
