"""Checks of what runs and where it may answer: Gesso's own runtime, its orphans, the port."""

from __future__ import annotations

import sys

from launcher.core.doctor.asking import ask
from launcher.core.doctor.check import Verdict, not_here, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.doctor.reserved_ports import holding, reserved
from launcher.core.mends.end_orphan import orphans
from launcher.core.ports import is_free, next_free, who_holds
from launcher.core.running import find_running, status
from launcher.core.serving.command_line import listens
from launcher.core.text import Text, t

#: A1111's, which is taken where no other is asked for
_USUAL = 7860
_RESERVED = ("netsh", "int", "ipv4", "show", "excludedportrange", "protocol=tcp")


def ports(ground: Ground) -> Verdict:
    """By listening there, as a server would."""
    options = ground.proposal.options
    host = "0.0.0.0" if listens(options) else "127.0.0.1"  # noqa: S104 - asked for
    port = options.port or _USUAL
    if is_free(port, host):
        return well(t("Port {port} is free.", port=port))
    running = find_running(ground.workspace)
    if running and (running.port == port or f":{port}" in (status(ground.workspace).url or "")):
        return well(t("Gesso itself answers on port {port}.", port=port))
    why = _why(ground, port)
    free = next_free(port + 1, host)
    if options.port is None:
        return well(t("{why} A start takes port {free} instead.", why=why, free=free)) if free else _none(why, port)
    return _none(why, port, free)


def _none(why: Text, port: int, free: int | None = None) -> Verdict:
    fix = t("Take port {free}: --port {free}", free=free) if free else t("Name another port with --port.")
    return wrong(why, fix, "next-port", port=port, **({"free": free} if free else {}))


def _why(ground: Ground, port: int) -> Text:
    if _keeps_ports():
        said = ask(_RESERVED, ground.left, ground.here.environ)
        if found := holding(reserved("\n".join(said.out)), port):
            return t("Windows keeps the ports {first} to {last} for itself (Hyper-V, WSL), and {port} is among them.",
                     first=found.first, last=found.last, port=port)  # fmt: skip
    if port < 1024 and sys.platform != "win32" and who_holds(port) is None:
        return t("Port {port} is one of those below 1024, which only an administrator may use.", port=port)
    holder = who_holds(port)
    if holder:
        return t("Port {port} is held by {holder}.", port=port, holder=holder)
    return t("Port {port} is held by another program.", port=port)


def _keeps_ports() -> bool:
    """Does the system keep whole ranges, which nobody holds?"""
    return sys.platform == "win32"


def runtime(ground: Ground) -> Verdict:
    """What runs, and what was left running by a launcher that is gone."""
    left = orphans(ground.workspace)
    if left:
        numbers = ", ".join(str(each.pid) for each in left)
        told = t("A runtime of this Gesso still runs (process {pid}), though nothing knows of it any longer: it holds "
                 "memory of the card.", pid=numbers)  # fmt: skip
        return wrong(told, t("End it."), "end-orphan", pid=left[0].pid)
    running = status(ground.workspace)
    if running.state == "stopped":
        return not_here(t("Nothing runs."))
    if running.url:
        return well(t("It serves at {url} (process {pid}).", url=running.url, pid=running.pid))
    return well(t("It is starting (process {pid}).", pid=running.pid))
