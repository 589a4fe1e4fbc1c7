"""What this computer is."""

from __future__ import annotations

from textual.content import Content

from launcher.amounts import in_mib
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.text import t
from launcher.tui.state import Home
from launcher.tui.widgets.card import Card, Row, Say, rows

_SYSTEMS = {"windows": "Windows", "linux": "Linux", "macos": "macOS"}
_UNKNOWN = t("not known")


class MachineCard(Card):
    """System, memory, graphics card, free disk."""

    heading = t("This computer")

    def draw(self, home: Home, say: Say) -> Content:
        """Four lines, whatever the machine."""
        if home.survey is None:
            return Content(say(t("Looking …")))
        machine = home.survey.machine
        free = machine.disk_free_mib
        return rows(
            [
                (say(t("System")), _system(machine) or say(_UNKNOWN), ""),
                (say(t("Memory")), in_mib(machine.ram_mib) if machine.ram_mib else say(_UNKNOWN), ""),
                _graphics(machine, say),
                (say(t("Disk")), say(_UNKNOWN if free is None else t("{size} free", size=in_mib(free))), ""),
            ]
        )


def _system(machine: Machine) -> str:
    parts = [_SYSTEMS.get(machine.os or "", machine.os), machine.arch]
    parts.append(machine.python and f"Python {machine.python}")
    return " ".join(part for part in parts if part)


def _graphics(machine: Machine, say: Say) -> Row:
    label = say(t("GPU"))
    if not machine.gpus:
        return label, say(t("none: the processor draws")), ""
    first = _card(machine.gpus[0], say)
    if len(machine.gpus) == 1:
        return label, first, ""
    return label, say(t("{gpu} and {count} more", gpu=first, count=len(machine.gpus) - 1)), ""


def _card(gpu: Gpu, say: Say) -> str:
    # The maker's name is left out where the card's name says it already: every cell counts in 80 columns.
    name = (gpu.name or gpu.vendor or say(_UNKNOWN)).removeprefix("NVIDIA ").removeprefix("GeForce ")
    return f"{name}, {in_mib(gpu.vram_total_mib)}" if gpu.vram_total_mib else name
