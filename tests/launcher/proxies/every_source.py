"""One text as a proxy in every place where a proxy can be set, and what is told and handed on of it."""

# ruff: noqa: E501, PT017 - tables, and looks at what was raised

from __future__ import annotations

from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.network.proxies import Proxies, from_settings, only_plain, proxy_environment
from launcher.core.network.proxy_settings import (
    Said,
    from_environment,
    from_gnome,
    from_kde,
    from_macos,
    from_windows,
    said,
)
from launcher.core.proxy_address import SCHEMES, masked, repaired
from launcher.core.settings import ProxySettings
from launcher.core.web_address import discreet, shown


def sources(text: str) -> tuple[Said, ...]:
    """As variables, Windows, GNOME, KDE, macOS, pip and Gesso's own settings would say it."""
    line = " ".join(text.split())
    gnome = f"org.gnome.system.proxy mode 'manual'\norg.gnome.system.proxy.http host {text!r}\norg.gnome.system.proxy.http port 80\n"
    found = [
        from_environment({"http_proxy": text, "no_proxy": text}),
        from_environment({"HTTPS_PROXY": text, "ALL_PROXY": text, "NO_PROXY": text}),
        from_windows({"ProxyEnable": 1, "ProxyServer": text, "ProxyOverride": text}),
        from_windows({"ProxyEnable": 1, "ProxyServer": f"http={text};socks={text}", "ProxyOverride": text}),
        from_gnome(gnome + f"org.gnome.system.proxy ignore-hosts [{text!r}]"),
        from_gnome(f"{gnome}org.gnome.system.proxy.http use-authentication true\norg.gnome.system.proxy.http authentication-user {text}"),
        from_kde(f"[Proxy Settings]\nProxyType=1\nhttpProxy={text}\nsocksProxy={text}\nNoProxyFor={text}", {}),
        from_kde("[Proxy Settings]\nProxyType=4\nhttpProxy=x\nNoProxyFor=x", {"x": text}),
        from_macos(f"  HTTPEnable : 1\n  HTTPProxy : {line}\n  HTTPPort : 80\n  ExceptionsList : <array> {{\n    0 : {line}\n  }}\n"),
        said("pip", http=text, https=text),
    ]  # fmt: skip
    try:
        found.append(from_settings(ProxySettings(address=text)))
    except LauncherError as error:
        assert error.code == "proxy-not-usable"
    return tuple(found)


def end_of(text: str) -> str:
    """`accepted`, `mended` or `refused`, once everything that must hold of it has been looked at."""
    end, told = "refused", [masked(text)]
    try:
        found = repaired(text)
    except LauncherError as error:
        assert error.code == "proxy-not-usable"
        assert str(error.message)
        assert "gesso proxy set" in str(error.hint)
        told += [str(error.message), str(error.hint), str(error)]
    else:
        end = "accepted" if found == text else "mended"
        _is_whole(found)
        told += [shown(found), masked(found), discreet(f"The proxy {found} does not answer.")]
    for source in sources(text):
        told += map(str, source.problems)
        for each in (source.http, source.https):
            if each is not None:
                _is_whole(each)
                told += [shown(each), masked(each)]
        _environment_is_whole(source)
    assert_secret_is_kept(told)
    return end


def assert_secret_is_kept(told: list[str]) -> None:
    from tests.hostile_proxies import SECRET

    for sentence in told:
        assert SECRET not in sentence, sentence[:300]


def _is_whole(proxy: str) -> None:
    """What libraries, uv and git take apart without trouble."""
    assert proxy.isascii()
    assert proxy.isprintable()
    assert not any(sign in proxy for sign in " \"'<>\\^`{|}")
    parts = urlsplit(proxy)
    assert parts.scheme in SCHEMES
    assert parts.hostname
    assert parts.port is None or 0 < parts.port < 65536
    assert (parts.path, parts.query, parts.fragment) == ("", "", "")


def _environment_is_whole(source: Said) -> None:
    proxies = Proxies((source,))
    for url in ("https://packages.example.org/simple/", "http://127.0.0.1:7860/"):
        assert proxies.of(url) in (None, source.http, source.https)
    assert proxies.of("http://127.0.0.1:7860/") is None
    variables = proxy_environment(source.http, source.https, source.bypass)
    for name, value in {**variables, **only_plain(variables)}.items():
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()
        assert " " not in value
    assert "127.0.0.1" in variables["no_proxy"].split(",")
