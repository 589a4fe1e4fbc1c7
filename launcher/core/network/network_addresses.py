"""The addresses at which other computers in the same network find this one."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

import psutil

#: adapters of containers and virtual machines: no other computer is behind them
_VIRTUAL = re.compile(r"docker|veth|br-|virbr|vbox|vmnet|vmware|vethernet|hyper-v|wsl|tun|tap|utun|zt", re.IGNORECASE)
#: a packet to a documentation address (RFC 5737) is routed as any other and never sent: UDP's connect only looks
_ELSEWHERE = ("198.51.100.1", 9)


def local_urls(url: str) -> tuple[str, ...]:
    """`url` with this computer's addresses in the local network instead of its host; the likeliest first."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return tuple(urlunsplit(parts._replace(netloc=f"{address}{port}")) for address in local_addresses())


def local_addresses() -> tuple[str, ...]:
    """Private IPv4 addresses of adapters that are up, the one that leads outside first. Never raises."""
    return in_order(_adapters(), _outward())


def in_order(adapters: Mapping[str, Sequence[str]], outward: str | None) -> tuple[str, ...]:
    """`adapters`: each one's IPv4 addresses by its name. Real adapters only, unless there are none."""
    real = {name: found for name, found in adapters.items() if not _VIRTUAL.search(name)}
    found = [address for each in (real or adapters).values() for address in each if _private(address)]
    return tuple(sorted(dict.fromkeys(found), key=lambda address: address != outward))


def _private(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return ip.is_private and not (ip.is_loopback or ip.is_link_local)


def _adapters() -> dict[str, list[str]]:
    try:
        up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
        known = psutil.net_if_addrs()
    except (OSError, psutil.Error):
        return {}
    return {name: [a.address for a in known[name] if a.family == socket.AF_INET] for name in known if name in up}


def _outward() -> str | None:
    """The address from which this computer would speak to the internet; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        return str(probe.getsockname()[0])
    return None
