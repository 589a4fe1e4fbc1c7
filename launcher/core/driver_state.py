"""Why NVIDIA's driver does not answer for a card that is plugged in: missing and too new are two things. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.machine import Gpu, Machine, NvmlState
from launcher.core.pci import chip_of
from launcher.core.text import Text, t


@dataclass(frozen=True)
class Trouble:
    """`slug` is stable."""

    slug: str
    message: Text


def driver_trouble(machine: Machine, gpu: Gpu) -> Trouble | None:
    """What stands between `gpu` and its driver, with the remedy; None where nothing does or the card is no NVIDIA."""
    if gpu.vendor != "nvidia" or gpu.seen_by != "bus":
        return None
    name = gpu.name or gpu.pci_id or "?"
    chip = chip_of(gpu.pci_id)
    branch = _branch(machine.driver)
    if gpu.kernel_driver == "vfio-pci":
        return Trouble("gpu-lent", t("{card} is set aside for a virtual machine, so it cannot draw here.", card=name))
    if chip and chip.newest_driver and branch and branch > chip.newest_driver:
        return Trouble("driver-too-new", _too_new(name, machine.driver, chip.newest_driver))
    if gpu.kernel_driver == "nouveau":
        return Trouble("driver-missing", _nouveau(name))
    return _by_state(machine.nvml, machine.driver, name)


def _branch(driver: str | None) -> int | None:
    """580 of "580.95.05"."""
    first = (driver or "").partition(".")[0]
    return int(first) if first.isdecimal() else None


def _too_new(name: str, driver: str | None, newest: int) -> Text:
    return t(
        "The NVIDIA driver {driver} is too new for {card} and ignores it: "
        "install a driver of the {newest} branch, the last one that serves this card.",
        driver=driver,
        card=name,
        newest=newest,
    )


def _nouveau(name: str) -> Text:
    return t(
        "{card} runs with the free driver nouveau, which cannot compute: install NVIDIA's own driver and restart.",
        card=name,
    )


def _by_state(state: NvmlState | None, driver: str | None, name: str) -> Trouble:
    if state == "mismatch":
        message = t("The NVIDIA driver was updated while the computer ran: restart it, then {card} answers.", card=name)
        return Trouble("driver-mismatch", message)
    if state == "refused":
        message = t("This user may not ask the NVIDIA driver about {card}: allow access to /dev/nvidia*.", card=name)
        return Trouble("driver-refused", message)
    if state == "silent":
        message = t("The NVIDIA driver does not answer about {card}: restart the computer.", card=name)
        return Trouble("driver-silent", message)
    if state == "answers":
        message = t(
            "The NVIDIA driver {driver} answers, but not for {card}: restart the computer; "
            "if that does not help, install the driver anew.",
            driver=driver,
            card=name,
        )
        return Trouble("gpu-lost", message)
    if driver:
        message = t(
            "The NVIDIA driver {driver} is installed but does not run for {card}: restart the computer; "
            "if that does not help, install the driver anew.",
            driver=driver,
            card=name,
        )
        return Trouble("driver-not-loaded", message)
    return Trouble("driver-missing", t("{card} has no NVIDIA driver: install it, then restart.", card=name))
