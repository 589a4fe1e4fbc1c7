"""What every source says about proxies, which one counts, and what children are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.network.proxies import Proxies, ask_system, find_proxies, only_plain, proxy_environment
from launcher.core.network.proxy_findings import about_proxies
from launcher.core.network.proxy_settings import Said, from_environment, from_gnome, from_kde, from_macos, from_windows
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.settings import ProxySettings

CLASH = "http://127.0.0.1:7890"


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, None, None),
        ({"http_proxy": "127.0.0.1:7890"}, CLASH, None),
        ({"HTTP_PROXY": CLASH, "HTTPS_PROXY": CLASH}, CLASH, CLASH),
        ({"http_proxy": "http://a:1", "HTTP_PROXY": "http://b:2"}, "http://a:1", None),
        ({"all_proxy": "socks://127.0.0.1:1080"}, "socks5h://127.0.0.1:1080", "socks5h://127.0.0.1:1080"),
        ({"ALL_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "http://a:1", "http://b:2"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:2"}, None, None),
        # in a CGI program a visitor's header "Proxy" would stand in HTTP_PROXY
        ({"REQUEST_METHOD": "GET", "HTTP_PROXY": "http://evil:1"}, None, None),
        ({"REQUEST_METHOD": "GET", "http_proxy": "http://a:1"}, "http://a:1", None),
    ],
)
def test_variables(environ: dict[str, str], http: str | None, https: str | None) -> None:
    found = from_environment(environ)
    assert (found.http, found.https) == (http, https)


def test_a_variable_that_is_no_proxy_is_a_problem_in_words() -> None:
    found = from_environment({"https_proxy": "vmess://abc", "no_proxy": "a, b;c"})
    assert found.https is None
    assert "Clash" in str(found.problems[0])
    assert found.bypass == ("a", "b", "c")
    assert found.something
    assert Proxies((found,)).chosen is None


def test_windows_one_proxy_for_all() -> None:
    found = from_windows(
        {"ProxyEnable": 1, "ProxyServer": "127.0.0.1:7890", "ProxyOverride": "localhost;127.*;10.*;<local>"}
    )
    assert (found.http, found.https) == (CLASH, CLASH)
    assert found.bypass == ("localhost", "127.*", "10.*", "<local>")


def test_windows_one_proxy_each() -> None:
    server = "http=127.0.0.1:7890;https=proxy:8080;ftp=f:21;socks=127.0.0.1:1080"
    found = from_windows({"ProxyEnable": 1, "ProxyServer": server})
    assert (found.http, found.https) == (CLASH, "http://proxy:8080")
    only = from_windows({"ProxyEnable": 1, "ProxyServer": "socks=127.0.0.1:1080"})
    assert (only.http, only.https) == ("socks4a://127.0.0.1:1080", "socks4a://127.0.0.1:1080")


def test_windows_off_and_by_script() -> None:
    assert not from_windows({"ProxyEnable": 0, "ProxyServer": "127.0.0.1:7890"}).something
    assert not from_windows({}).something
    script = from_windows({"ProxyEnable": 0, "AutoConfigURL": "http://127.0.0.1:33331/commands/pac"})
    assert script.script == "http://127.0.0.1:33331/commands/pac"


GNOME = """org.gnome.system.proxy autoconfig-url ''
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '::1', '*.corp.example']
org.gnome.system.proxy mode '{mode}'
org.gnome.system.proxy use-same-proxy true
org.gnome.system.proxy.ftp host ''
org.gnome.system.proxy.ftp port 0
org.gnome.system.proxy.http authentication-password ''
org.gnome.system.proxy.http authentication-user ''
org.gnome.system.proxy.http enabled false
org.gnome.system.proxy.http host '127.0.0.1'
org.gnome.system.proxy.http port 7890
org.gnome.system.proxy.http use-authentication false
org.gnome.system.proxy.https host ''
org.gnome.system.proxy.https port 0
org.gnome.system.proxy.socks host '::1'
org.gnome.system.proxy.socks port 1080
"""


def test_gnome() -> None:
    found = from_gnome(GNOME.format(mode="manual"))
    assert (found.http, found.https) == (CLASH, "socks5h://[::1]:1080")
    assert found.bypass == ("localhost", "127.0.0.0/8", "::1", "*.corp.example")
    assert not from_gnome(GNOME.format(mode="none")).something
    assert from_gnome(GNOME.format(mode="auto")).script == "wpad"
    known = GNOME.format(mode="manual").replace("use-authentication false", "use-authentication true")
    known = known.replace("-user ''", "-user 'me'").replace("-password ''", "-password 'p@ss'")
    assert from_gnome(known).http == "http://me:p%40ss@127.0.0.1:7890"
    assert not from_gnome("").something
    assert from_gnome(GNOME.format(mode="manual").replace("['localhost'", "@as []\nx ['")).http == CLASH


KDE = """[$Version]
update_info=kioslave.upd:1

[Proxy Settings]
NoProxyFor=localhost,.corp.example
ProxyType={kind}
Proxy Config Script=http://wpad/p.pac
ReversedException=false
httpProxy={http}
httpsProxy={http}
socksProxy=socks://127.0.0.1 1080
"""


def test_kde() -> None:
    older = from_kde(KDE.format(kind=1, http="http://127.0.0.1 7890"), {})
    newer = from_kde(KDE.format(kind=1, http=CLASH), {})
    assert (older.http, older.https) == (newer.http, newer.https) == (CLASH, CLASH)
    assert newer.bypass == ("localhost", ".corp.example")
    assert from_kde(KDE.format(kind=1, http=CLASH).replace("Exception=false", "Exception=true"), {}).bypass == ()
    assert not from_kde(KDE.format(kind=0, http=CLASH), {}).something
    assert from_kde(KDE.format(kind=2, http=""), {}).script == "http://wpad/p.pac"
    assert from_kde(KDE.format(kind=3, http=""), {}).script == "wpad"
    named = from_kde(KDE.format(kind=4, http="MY_PROXY"), {"MY_PROXY": "127.0.0.1:7890"})
    assert named.http == CLASH
    assert not from_kde("", {}).something
    assert not from_kde("no section\n\x00", {}).something


MACOS = """<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
  }
  ExcludeSimpleHostnames : 1
  FTPPassive : 1
  HTTPEnable : 1
  HTTPPort : 7890
  HTTPProxy : 127.0.0.1
  HTTPSEnable : 0
  HTTPSPort : 9999
  HTTPSProxy : old.example
  ProxyAutoConfigEnable : 0
  ProxyAutoConfigURLString : http://wpad/p.pac
  SOCKSEnable : 1
  SOCKSPort : 7891
  SOCKSProxy : 127.0.0.1
}
"""


def test_macos() -> None:
    found = from_macos(MACOS)
    assert (found.http, found.https) == (CLASH, "socks5h://127.0.0.1:7891")
    assert found.bypass == ("*.local", "169.254/16", "<local>")
    assert found.script is None
    assert from_macos(MACOS.replace("AutoConfigEnable : 0", "AutoConfigEnable : 1")).script == "http://wpad/p.pac"
    assert from_macos("<dictionary> {\n  ProxyAutoDiscoveryEnable : 1\n}\n").script == "wpad"
    assert not from_macos("<dictionary> {\n}\n").something


def test_which_source_counts() -> None:
    environ = {"https_proxy": "http://env:1"}
    pip = PipSettings(proxy="pip:2")

    def counting(**more: object) -> tuple[object, object]:
        found = find_proxies(environ, system=False, **more)  # type: ignore[arg-type]
        return found.source, found.of("https://example.com/")

    assert counting(pip=pip) == ("environment", "http://env:1")
    assert counting(settings=ProxySettings(address="set:3")) == ("settings", "http://set:3")
    assert counting(settings=ProxySettings(address="none"), pip=pip) == ("settings", None)
    assert find_proxies({}, system=False, pip=pip).of("https://example.com/") == "http://pip:2"
    assert find_proxies({}, system=False) == Proxies()


def test_a_wrong_setting_of_gessos_own_is_refused() -> None:
    with pytest.raises(LauncherError, match="proxy-not-usable"):
        find_proxies({}, system=False, settings=ProxySettings(address="vmess://x"))


def test_the_address_decides_and_the_neighbourhood_never_goes_through() -> None:
    found = find_proxies({"http_proxy": "a:1", "https_proxy": "b:2", "no_proxy": "x.example"}, system=False)
    assert found.of("http://example.com/") == "http://a:1"
    assert found.of("https://example.com/") == "http://b:2"
    assert found.of("https://cdn.x.example/") is None
    assert found.of("http://192.168.0.9/") is None
    assert found.addresses == ("http://a:1", "http://b:2")


@pytest.mark.skipif(sys.platform != "linux", reason="desktops of Linux")
def test_a_desktop_is_asked_through_its_own_program(tmp_path: Path) -> None:
    program = tmp_path / "gsettings"
    program.write_text(
        f"#!/bin/sh\n[ \"$*\" = 'list-recursively org.gnome.system.proxy' ] || exit 1\ncat <<'X'\n{GNOME}X\n".replace(
            "{mode}", "manual"
        )
    )
    program.chmod(0o755)
    (tmp_path / "kioslaverc").write_text(KDE.format(kind=1, http="http://kde:8080"))
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run"}
    assert [source.source for source in ask_system(environ, "linux")] == ["gnome", "kde"]
    assert find_proxies(environ).of("http://example.com/") == CLASH
    assert [source.source for source in find_proxies({**environ, "XDG_RUNTIME_DIR": ""}).sources] == ["kde"]
    kde = {**environ, "XDG_CURRENT_DESKTOP": "KDE"}
    assert find_proxies(kde).of("http://example.com/") == "http://kde:8080"


@pytest.mark.skipif(sys.platform != "linux", reason="desktops of Linux")
def test_without_a_desktop_nothing_is_said(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert not any(source.something for source in ask_system(environ, "linux"))


def test_what_a_child_is_told() -> None:
    found = find_proxies({"all_proxy": "socks://h:1080", "no_proxy": "x.example,[::1]"}, system=False)
    assert found.chosen
    told = proxy_environment(found.chosen.http, found.chosen.https, found.chosen.bypass)
    assert told["HTTPS_PROXY"] == told["http_proxy"] == told["ALL_PROXY"] == "socks5h://h:1080"
    assert told["no_proxy"] == told["NO_PROXY"]
    assert told["no_proxy"].startswith("x.example,localhost,127.0.0.1,::1,10.0.0.0/8")
    dead = proxy_environment(None, None)
    assert dead["https_proxy"] == dead["ALL_PROXY"] == ""
    plain = only_plain(told)
    assert plain["ALL_PROXY"] == plain["https_proxy"] == ""
    assert plain["no_proxy"] == told["no_proxy"]


def test_a_child_of_python_reads_the_list_of_exceptions(tmp_path: Path) -> None:
    told = proxy_environment(CLASH, CLASH, ("x.example",))
    code = "import requests; print([requests.utils.should_bypass_proxies(u, None) for u in "
    code += "('http://127.0.0.1:7860/', 'http://192.168.1.4/', 'http://x.example/', 'http://y.example/')])"
    environ = {**told, "PATH": os.environ["PATH"], "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, True, False]"


def test_what_a_plan_says_of_proxies() -> None:
    wrong = find_proxies({"https_proxy": "vmess://x"}, system=False)
    (finding,) = about_proxies(wrong)
    assert (finding.slug, finding.severity) == ("proxy-not-usable", "warning")
    assert "Clash" in str(finding.message)
    script = Said("windows", script="http://wpad/p.pac")
    assert [finding.slug for finding in about_proxies(Proxies((script,)))] == ["proxy-script"]
    assert not list(about_proxies(Proxies((from_environment({"https_proxy": CLASH}), script))))


def test_a_password_of_gnome_s_may_hold_any_sign() -> None:
    said = "\n".join(
        f"org.gnome.system.proxy{each}"
        for each in (
            " mode 'manual'", ".http host 'h.example'", ".http port 1", ".http use-authentication true",
            ".http authentication-user 'me'", ".http authentication-password 'a/b:c@d#e%41'",
        )
    )  # fmt: skip
    found = from_gnome(said)
    assert (found.http, found.problems) == ("http://me:a%2Fb%3Ac%40d%23e%2541@h.example:1", ())
