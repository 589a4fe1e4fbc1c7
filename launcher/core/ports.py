"""Which port is free, and who holds the one that is not."""

from __future__ import annotations

import socket
import sys

import psutil

from launcher.core.errors import LauncherError
from launcher.core.text import t

_TRIES = 100


class PortTakenError(LauncherError):
    """`port` is taken; `free` is the next one that is not, None if there is none near."""

    def __init__(self, port: int, free: int | None) -> None:
        holder = who_holds(port)
        by = t("by {holder}", holder=holder) if holder else t("by another program")
        hint = t("Port {free} is free: --port {free}", free=free) if free else t("Name another one with --port.")
        super().__init__("port-taken", t("Port {port} is taken {by}.", port=port, by=by), hint)
        self.port, self.free = port, free


def check_port(port: int, host: str) -> None:
    """PortTakenError if `port` is not free."""
    if not is_free(port, host):
        raise PortTakenError(port, next_free(port + 1, host))


def next_free(first: int, host: str) -> int | None:
    """The first free port from `first` on, among a hundred."""
    return next((port for port in range(first, min(first + _TRIES, 65536)) if is_free(port, host)), None)


def is_free(port: int, host: str) -> bool:
    """Could a server listen there? Asked by doing it: Windows keeps whole ranges for itself that nobody holds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # On Windows SO_REUSEADDR would share the port with its holder; elsewhere it only forgives a recent one.
        if sys.platform == "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def who_holds(port: int) -> str | None:
    """Name and process id of the program that listens on `port`, if the system tells us."""
    try:
        for link in psutil.net_connections(kind="tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr and link.laddr.port == port and link.pid:
                return f"{psutil.Process(link.pid).name()} ({link.pid})"
    except (psutil.Error, OSError):
        return None
    return None
