"""What this computer is, where there is room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from launcher.amounts import in_mib
from launcher.core.text import t
from launcher.tui.state import Home
from launcher.tui.widgets.card import Card, Say, rows, without_survey

if TYPE_CHECKING:
    from launcher.core.hardware.machine import Machine

_SYSTEMS = {"windows": "Windows", "linux": "Linux", "macos": "macOS"}
_UNKNOWN = t("not known")


class MachineCard(Card):
    """System, processor, memory, driver."""

    heading = t("This computer")

    def draw(self, home: Home, say: Say) -> Content:
        """At most five lines."""
        if home.survey is None:
            return without_survey(home, say)
        machine = home.survey.machine
        unknown = say(_UNKNOWN)
        found = [
            (say(t("System")), _system(machine) or unknown, ""),
            (say(t("CPU")), _processor(machine, say) or unknown, ""),
            (say(t("Memory")), in_mib(machine.ram_mib) if machine.ram_mib else unknown, ""),
        ]
        if machine.gpus:
            found.append((say(t("Driver")), machine.driver or unknown, ""))
        return rows(found)


def _system(machine: Machine) -> str:
    parts = [_SYSTEMS.get(machine.os or "", machine.os), machine.arch]
    parts.append(machine.python and f"Python {machine.python}")
    return " ".join(part for part in parts if part)


def _processor(machine: Machine, say: Say) -> str:
    cpu = machine.cpu
    if cpu.cores is None:
        return cpu.name or ""
    cores = say(t("{count} cores", count=cpu.cores))
    return f"{cpu.name}, {cores}" if cpu.name else cores
