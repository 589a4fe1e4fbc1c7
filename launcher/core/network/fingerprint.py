"""Which network this computer is in, as a fingerprint: what was measured in one says nothing about another."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import struct
import sys
import time
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.paths import checkout
from launcher.core.process import Output, run

#: a packet to a documentation address (RFC 5737) is routed as any other and never sent: UDP's connect only looks
_ELSEWHERE = ("198.51.100.1", 9)
_ADDRESS = re.compile(r"\b(\d{1,3}(?:\.\d{1,3}){3})\b")
_HARDWARE = re.compile(r"\b([0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5})\b", re.IGNORECASE)


def fingerprint(proxies: tuple[str, ...] = (), platform: str = sys.platform) -> str:
    """16 hex digits for the network behind the default gateway and the proxies in use, to be compared and not read.

    The gateway's hardware address tells two home networks apart that use the same numbers; where it is not to be
    had, its address and our own network have to do. Never raises.
    """
    parts = (*_gateway(platform), *sorted(proxies))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _gateway(platform: str) -> tuple[str, ...]:
    if platform.startswith("linux"):
        address = gateway_of_linux(_text(Path("/proc/net/route")))
        hardware = hardware_of_linux(_text(Path("/proc/net/arp")), address)
    elif platform == "darwin":
        address = gateway_of_macos(_answer("route", "-n", "get", "default"))
        hardware = hardware_in(_answer("arp", "-n", address), address) if address else None
    else:
        address = gateway_of_windows(_answer("route", "print", "-4", "0.0.0.0"))  # noqa: S104 - a route, no server
        hardware = hardware_in(_answer("arp", "-a", address), address) if address else None
    if hardware:
        return (hardware,)
    return (address or "", _own_network())


def gateway_of_linux(routes: str) -> str | None:
    """The gateway of the default route in /proc/net/route (little-endian hexadecimal), of the lowest metric."""
    found: list[tuple[int, str]] = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 6 and fields[1] == "00000000" and fields[2] != "00000000":
            found.append((int(fields[6]), socket.inet_ntoa(struct.pack("<I", int(fields[2], 16)))))
    return min(found)[1] if found else None


def hardware_of_linux(neighbours: str, address: str | None) -> str | None:
    """The hardware address beside `address` in /proc/net/arp."""
    for line in neighbours.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[0] == address and fields[3] != "00:00:00:00:00:00":
            return fields[3].lower()
    return None


def gateway_of_macos(said: str) -> str | None:
    """From `route -n get default`."""
    found = re.search(r"^\s*gateway:\s*(\S+)", said, re.MULTILINE)
    return found[1] if found else None


def gateway_of_windows(said: str) -> str | None:
    """From `route print -4 0.0.0.0`, whose headings are in the user's language: the row of zeros, lowest metric."""
    found: list[tuple[int, str]] = []
    for line in said.splitlines():
        fields = line.split()
        if fields[:2] == ["0.0.0.0", "0.0.0.0"] and len(fields) > 3 and _ADDRESS.fullmatch(fields[2]):  # noqa: S104
            found.append((int(fields[-1]) if fields[-1].isdecimal() else 0, fields[2]))
    return min(found)[1] if found else None


def hardware_in(said: str, address: str) -> str | None:
    """The hardware address in the line of `arp` that names `address`; macOS leaves leading zeros out."""
    for line in said.splitlines():
        found = _HARDWARE.search(line)
        if found and address in _ADDRESS.findall(line):
            return ":".join(part.zfill(2) for part in re.split("[:-]", found[1].lower()))
    return None


def _own_network() -> str:
    """The first three numbers of the address that packets leave from."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect(_ELSEWHERE)
            return str(asked.getsockname()[0]).rpartition(".")[0]
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _answer(*command: str) -> str:
    """What a small program of the system says, in two seconds at most."""
    environment = {**os.environ, "LC_ALL": "C"}
    said: list[str] = []
    deadline = time.monotonic() + 2.0
    with contextlib.suppress(LauncherError):
        for event in run(command, environment=environment, cwd=checkout()):
            if isinstance(event, Output) and event.channel == "out":
                said.append(event.text)
            if time.monotonic() > deadline:
                break
    return "\n".join(said)
