"""The listening socket: the port asked for, or the first free one; a taken port is told with its owner."""

from __future__ import annotations

import socket
import sys

_TRIES = 100


class PortTakenError(Exception):
    """The port that was asked for is in use; the text says by whom and which one is free."""


def listen(host: str, port: int | None, first: int) -> socket.socket:
    """A bound, listening socket on `port`, or on the first free one from `first`. PortTakenError, OSError."""
    family, address = _resolve(host)
    if port is not None:
        try:
            return _bind(family, address, port)
        except OSError as refused:
            if not _is_busy(refused):
                raise
            raise PortTakenError(_explain(family, address, port)) from refused
    for candidate in range(first, first + _TRIES):
        listener = _bind_if_free(family, address, candidate)
        if listener is not None:
            return listener
    raise PortTakenError(f"No port from {first} to {first + _TRIES - 1} is free; name one with --port.")


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    return found[0][0], str(found[0][4][0])


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # known to be TCP, so that asyncio sends small answers at once: each would wait 40 ms for the other side
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # SO_REUSEADDR means on POSIX "soon after another server", on Windows "beside another server"
    option = getattr(socket, "SO_EXCLUSIVEADDRUSE", None) if sys.platform == "win32" else socket.SO_REUSEADDR
    try:
        if option is not None:
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        listener.bind((address, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def _is_busy(refused: OSError) -> bool:
    """EADDRINUSE, or on Windows also the refusal of a reserved or exclusively held port."""
    return refused.errno in (48, 98, 10013, 10048)


def _explain(family: socket.AddressFamily, address: str, port: int) -> str:
    holder = _holder(port)
    by = f" by {holder}" if holder else " by another program"
    free = next(
        (other for other in range(port + 1, min(port + _TRIES, 65536)) if _is_free(family, address, other)), None
    )
    return f"Port {port} is taken{by}." + (f" Port {free} is free: --port {free}" if free else "")


def _bind_if_free(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    try:
        return _bind(family, address, port)
    except OSError as refused:
        if _is_busy(refused):
            return None
        raise


def _is_free(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        listener = _bind_if_free(family, address, port)
    except OSError:
        return False
    if listener is not None:
        listener.close()
    return listener is not None


def _holder(port: int) -> str | None:
    """Name and process id of the program that listens there, if the system tells us."""
    import psutil

    try:
        for link in psutil.net_connections(kind="tcp"):
            if link.status == psutil.CONN_LISTEN and link.laddr and link.laddr.port == port and link.pid:
                return f"{psutil.Process(link.pid).name()} (process {link.pid})"
    except (psutil.Error, OSError, RuntimeError):
        return None
    return None
