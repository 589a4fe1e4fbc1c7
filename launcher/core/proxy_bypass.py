"""Which hosts are asked without a proxy: the rules of every system, read and written. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: private and link-local networks (RFC 1918, RFC 3927); httpx fails on a network of IPv6 addresses, so none is named
LAN = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", ".local")
#: Windows' word for names without a dot
_SIMPLE = "<local>"
_HERE = tuple(
    ipaddress.ip_network(net)
    for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                "::1/128", "fe80::/10", "fc00::/7")
)  # fmt: skip


def passes_by(url: str, rules: Iterable[str]) -> bool:
    """Does `url` go past the proxy? Loopback and the local network always do; `rules` are NO_PROXY's and the systems':
    a host and what ends in it, "*" anywhere, a network, a port, "<local>".
    """
    return near(_host(url)) or is_named(url, rules)


def is_named(url: str, rules: Iterable[str]) -> bool:
    """Does one of `rules`, as `passes_by` has them, mean the host of `url`?"""
    try:
        port = urlsplit(url).port
    except ValueError:
        port = None
    host = _host(url)
    return any(_matches(rule.strip().lower(), host, port) for rule in rules)


def near(host: str) -> bool:
    """This computer, or one in the local network."""
    if host in ("", "localhost") or host.endswith((".localhost", ".local")):
        return True
    address = _address(host)
    return address is not None and any(address in network for network in _HERE)


def exported(rules: Iterable[str]) -> str:
    """NO_PROXY for a child: `rules` as far as every library understands them, with loopback and the local network.

    One entry that httpx cannot read ("[::1]", "fe80::/10", a name in Chinese) makes Gradio fail when it is imported.
    """
    kept = [rule.strip() for rule in rules if _common(rule.strip())]
    return ",".join(dict.fromkeys([*kept, *LOOPBACK, *LAN]))


def split(text: str) -> tuple[str, ...]:
    """The rules in NO_PROXY (commas) or Windows' ProxyOverride (semicolons)."""
    return tuple(rule for rule in re.split(r"[,;\s]+", text) if rule)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower().rstrip(".")


def _matches(rule: str, host: str, port: int | None) -> bool:
    rule = (rule.partition("://")[2] or rule).rstrip("/")
    if rule == "*":
        return True
    if rule == _SIMPLE:
        return "." not in host and _address(host) is None
    found = _in_network(rule, host)
    if found is not None:
        return found
    named = re.fullmatch(r"(.+?):(\d{1,5})", rule) if rule.count(":") == 1 else None
    if named:
        return port == int(named[2]) and _matches(named[1], host, None)
    if "*" in rule:
        return _fits(rule.split("*"), host)
    name = rule.strip("[]").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _fits(parts: list[str], host: str) -> bool:
    """Do these stand in `host` in this order, the first at its beginning, the last at its end? An expression with many
    stars would take hours.
    """
    first, *middle, last = parts
    place = len(first)
    for part in middle:
        found = host.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return host.startswith(first) and host.endswith(last) and place <= len(host) - len(last)


def _in_network(rule: str, host: str) -> bool | None:
    """None where the rule is no network; macOS writes "169.254/16"."""
    start, slash, bits = rule.strip("[]").partition("/")
    if not slash:
        return None
    if re.fullmatch(r"\d+(\.\d+){0,2}", start):
        start += ".0" * (3 - start.count("."))
    try:
        network = ipaddress.ip_network(f"{start}/{bits}", strict=False)
    except ValueError:
        return None
    address = _address(host)
    return address is not None and address in network


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _common(rule: str) -> bool:
    """A name (with a dot or "*." before it), an IPv4 or IPv6 address, an IPv4 network, or "*"."""
    if _address(rule) is not None:
        return not rule.startswith("[") and "%" not in rule
    return re.fullmatch(r"\*|(\*?\.)?[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)*(/[0-9]{1,2})?(:[0-9]{1,5})?", rule) is not None
