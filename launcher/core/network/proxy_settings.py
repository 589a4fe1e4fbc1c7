"""What each source says about proxies, in its own words: variables, Windows, GNOME, KDE, macOS. Pure."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from launcher.core.errors import LauncherError
from launcher.core.proxy_address import repaired
from launcher.core.proxy_bypass import split
from launcher.core.text import Text

Source = Literal["settings", "environment", "pip", "windows", "gnome", "kde", "macos"]


@dataclass(frozen=True)
class Said:
    """One source's proxies by the scheme of the address asked for; None is none. `problems` are what cannot be used."""

    source: Source
    http: str | None = None
    https: str | None = None
    #: hosts that go past it, in the source's own form
    bypass: tuple[str, ...] = ()
    #: address of a configuration script, which is recognised and not run
    script: str | None = None
    problems: tuple[Text, ...] = ()
    #: it says outright that there is no proxy
    none: bool = False

    @property
    def something(self) -> bool:
        """Does it say anything at all?"""
        return bool(self.http or self.https or self.script or self.problems or self.none)


def said(
    source: Source,
    *,
    http: str | None = None,
    https: str | None = None,
    socks: str | None = None,
    bypass: tuple[str, ...] = (),
    script: str | None = None,
    none: bool = False,
) -> Said:
    """The three addresses as they were written; `socks` serves what the others do not."""
    problems: list[Text] = []
    plain, secure = (_usable(each or socks, problems) for each in (http, https))
    return Said(source, plain, secure, bypass, script or None, tuple(dict.fromkeys(problems)), none)


def from_environment(environ: Mapping[str, str]) -> Said:
    """http_proxy and its kin, small letters first, as in curl and Python; `all_proxy` serves what the others do not.

    HTTP_PROXY does not count in a CGI program (REQUEST_METHOD), where a visitor could set it by a header "Proxy".
    """

    def value(name: str) -> str:
        small = environ.get(name)
        if small is not None or (name == "http_proxy" and "REQUEST_METHOD" in environ):
            return small or ""
        return environ.get(name.upper(), "")

    return said(
        "environment",
        http=value("http_proxy"),
        https=value("https_proxy"),
        socks=value("all_proxy"),
        bypass=split(value("no_proxy")),
    )


def from_windows(values: Mapping[str, object]) -> Said:
    """Its "Internet Settings": ProxyEnable, ProxyServer (one for all, or "http=…;https=…;socks=…"), ProxyOverride,
    AutoConfigURL. Windows itself speaks SOCKS version 4 to what is called "socks" there.
    """
    script = str(values.get("AutoConfigURL") or "")
    server = str(values.get("ProxyServer") or "")
    if not values.get("ProxyEnable") or not server:
        return said("windows", script=script)
    bypass = split(str(values.get("ProxyOverride") or ""))
    if "=" not in server:
        return said("windows", http=server, https=server, bypass=bypass, script=script)
    each = {name.strip().lower(): place for name, _, place in (part.partition("=") for part in server.split(";"))}
    socks = each.get("socks") and (each["socks"] if "://" in each["socks"] else f"socks4a://{each['socks']}")
    return said(
        "windows", http=each.get("http"), https=each.get("https"), socks=socks or None, bypass=bypass, script=script
    )


def from_gnome(text: str) -> Said:
    """`gsettings list-recursively org.gnome.system.proxy`: lines of schema, key, value."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        schema, key, value = [*line.split(maxsplit=2), "", "", ""][:3]
        values[f"{schema.removeprefix('org.gnome.system.proxy').lstrip('.')}.{key}".lstrip(".")] = value
    mode = str(_literal(values.get("mode", "'none'")))
    if mode == "auto":
        return said("gnome", script=str(_literal(values.get("autoconfig-url", "''"))) or "wpad")
    if mode != "manual":
        return Said("gnome")

    def place(kind: str, scheme: str) -> str | None:
        host, port = _literal(values.get(f"{kind}.host", "''")), values.get(f"{kind}.port", "0")
        return f"{scheme}://{who(kind)}{_bracketed(str(host))}:{port}" if host and port != "0" else None

    def who(kind: str) -> str:
        if values.get(f"{kind}.use-authentication") != "true":
            return ""
        name, password = (_literal(values.get(f"{kind}.authentication-{each}", "''")) for each in ("user", "password"))
        # Here they stand as they are; a slash would end the address.
        name, password = (quote(str(each), safe="", errors="replace") for each in (name, password))
        return f"{name}:{password}@"

    ignored = _literal(values.get("ignore-hosts", "[]").removeprefix("@as "))
    return said(
        "gnome",
        http=place("http", "http"),
        https=place("https", "http"),
        socks=place("socks", "socks5h"),
        bypass=tuple(str(host) for host in ignored) if isinstance(ignored, list) else (),
    )


def from_kde(text: str, environ: Mapping[str, str]) -> Said:
    """The file kioslaverc; ProxyType 0 none, 1 by hand, 2 a script, 3 found by itself, 4 the names of variables."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return Said("kde")
    values = dict(parser.items("Proxy Settings")) if parser.has_section("Proxy Settings") else {}
    kind = values.get("proxytype", "0")
    if kind in ("2", "3"):
        return said("kde", script=(kind == "2" and values.get("proxy config script")) or "wpad")
    if kind not in ("1", "4"):
        return Said("kde")

    def place(name: str) -> str | None:
        written = values.get(name, "")
        if kind == "4":
            written = environ.get(written, "")
        # "http://127.0.0.1 7890", as its older versions write it
        return re.sub(r"\s+(\d+)$", r":\1", written.strip()) or None

    # Reversed, the list names what alone goes through it; too much through the proxy is better than too little.
    hosts = "" if values.get("reversedexception") == "true" else values.get("noproxyfor", "")
    return said(
        "kde",
        http=place("httpproxy"),
        https=place("httpsproxy"),
        socks=place("socksproxy"),
        bypass=split(environ.get(hosts, "") if kind == "4" else hosts),
    )


def from_macos(text: str) -> Said:
    """`scutil --proxy`."""
    values = dict(re.findall(r"^[ \t]*(\w+) : (\S+)[ \t]*$", text, re.MULTILINE))
    listed = re.search(r"ExceptionsList : <array> \{(.*?)\}", text, re.DOTALL)
    bypass = tuple(re.findall(r"^[ \t]*\d+ : (\S+)[ \t]*$", listed[1], re.MULTILINE)) if listed else ()
    if values.get("ExcludeSimpleHostnames") == "1":
        bypass = (*bypass, "<local>")

    def place(kind: str, scheme: str) -> str | None:
        if values.get(f"{kind}Enable") != "1" or not values.get(f"{kind}Proxy"):
            return None
        return f"{scheme}://{_bracketed(values[f'{kind}Proxy'])}:{values.get(f'{kind}Port', '80')}"

    script = values.get("ProxyAutoConfigURLString") if values.get("ProxyAutoConfigEnable") == "1" else None
    if script is None and values.get("ProxyAutoDiscoveryEnable") == "1":
        script = "wpad"
    return said(
        "macos",
        http=place("HTTP", "http"),
        https=place("HTTPS", "http"),
        socks=place("SOCKS", "socks5h"),
        bypass=bypass,
        script=script,
    )


def _usable(written: str | None, problems: list[Text]) -> str | None:
    if not written or not written.strip():
        return None
    try:
        return repaired(written)
    except LauncherError as error:
        problems.append(error.message)
        return None


def _literal(text: str) -> object:
    """GVariant's texts and lists of texts are written as Python's."""
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
