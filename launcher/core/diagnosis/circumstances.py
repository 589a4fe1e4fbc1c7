"""The machine on which a log was written, as far as rules ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from launcher.core.diagnosis.rules import When
from launcher.core.hardware.machine import Machine


@dataclass(frozen=True)
class Circumstances:
    """None is unknown, and speaks against nothing."""

    machine: Machine | None = None
    proxy_set: bool | None = None
    #: the version of the engine's torch
    torch: str | None = None

    def allow(self, when: When) -> bool:
        """Does all that is known agree with `when`?"""
        return self._machine_allows(when) and not (
            (when.proxy_set is not None and self.proxy_set is not None and when.proxy_set != self.proxy_set)
            or (when.torch_below and _known_order(self.torch, when.torch_below) in (0, 1))
            or (when.torch_at_least and _known_order(self.torch, when.torch_at_least) == -1)
        )

    def _machine_allows(self, when: When) -> bool:
        machine = self.machine
        if machine is None:
            return True
        if when.os and machine.os and machine.os not in when.os:
            return False
        vendors = {gpu.vendor for gpu in machine.gpus if gpu.vendor}
        if when.vendor and vendors and not vendors & set(when.vendor):
            return False
        if when.driver_below and _known_order(machine.driver, when.driver_below) in (0, 1):
            return False
        free, wanted = machine.disk_free_mib, when.disk_free_below_mib
        if wanted is not None and free is not None and free >= wanted:
            return False
        return self._capability_allows(machine, when)

    def _capability_allows(self, machine: Machine, when: When) -> bool:
        """One card that agrees is enough."""
        known = [gpu.compute_capability for gpu in machine.gpus if gpu.compute_capability]
        if not known or not (when.capability_below or when.capability_at_least):
            return True
        below, least = when.capability_below, when.capability_at_least
        return any(
            not (below and _known_order(each, below) in (0, 1)) and not (least and _known_order(each, least) == -1)
            for each in known
        )


def _known_order(version: str | None, than: str) -> int | None:
    """-1, 0 or 1 as `version` is older than, the same as or newer than the other; None: it is unknown."""
    try:
        known, other = Version(version or ""), Version(than)
    except InvalidVersion:
        return None
    return (known > other) - (known < other)
