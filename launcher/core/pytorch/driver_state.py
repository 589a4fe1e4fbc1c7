"""What stands between a card and its driver, and which driver to install: for `gesso hardware` and for torch. Pure."""

from __future__ import annotations

from launcher.core.errors import Finding
from launcher.core.hardware.machine import Gpu, Machine, NvmlState, is_nvidia
from launcher.core.pytorch.cards import identified, lent, named
from launcher.core.pytorch.table import TorchTable, numbers, read_torch_table
from launcher.core.text import Text, t


def driver_trouble(machine: Machine, gpu: Gpu) -> Finding | None:
    """Why `gpu` cannot be reached, with the remedy; None where nothing is known to stand in the way."""
    table = read_torch_table()
    card = identified(table, gpu)
    name = named(card)
    if lent(card):
        return _warning("gpu-lent", t("{card} is set aside for a virtual machine, so it cannot draw here.", card=name))
    if not is_nvidia(card) or card.seen_by == "nvml":
        return None
    driver = driver_for(table, machine, card)
    if _too_new(table, machine, card):
        message = t(
            "The NVIDIA driver {driver} is too new for {card} and ignores it: install {wanted}.",
            driver=machine.driver,
            card=name,
            wanted=driver,
        )
        return _warning("driver-too-new", message)
    if card.seen_by != "bus" and not _unanswered(machine):
        return None
    if card.kernel_driver == "nouveau":
        message = t(
            "{card} runs with the free driver nouveau, which cannot compute: install {wanted}, then restart.",
            card=name,
            wanted=driver,
        )
        return _warning("driver-missing", message)
    return _by_state(machine.nvml, name) or _not_running(machine, name, driver)


def driver_for(table: TorchTable, machine: Machine, card: Gpu) -> Text:
    """The driver to install: the last branch that serves the card, else what the best build for it asks for."""
    generation = table.generation(card)
    if generation and generation.newest_driver:
        return t("a {branch}.xx driver (newer ones ignore this card)", branch=generation.newest_driver)
    builds = [each for each in table.builds if each.family and each.offered_for(machine)]
    build = next((each for each in builds if each.has_kernels_for(card)), None)
    needed = table.driver_needed(build, machine, (card,)) if build else table.families[0].linux_driver
    return t("driver {needed} or newer", needed=needed)


def _unanswered(machine: Machine) -> bool:
    """NVML was asked and knows of no driver; a description that does not say so leaves it open."""
    return machine.driver is None and machine.nvml not in (None, "answers")


def _too_new(table: TorchTable, machine: Machine, card: Gpu) -> bool:
    """The driver is of a branch that has dropped the card."""
    generation = table.generation(card)
    limit = generation.ignored_from if generation else None
    return limit is not None and machine.driver is not None and numbers(machine.driver)[0] >= limit


def _by_state(state: NvmlState | None, name: str) -> Finding | None:
    """What NVIDIA's own library says is wrong; None where it says no more than that there is no driver."""
    if state == "mismatch":
        message = t("The NVIDIA driver was updated while the computer ran: restart it, then {card} answers.", card=name)
        return _warning("driver-restart", message)
    if state == "refused":
        message = t(
            "You may not ask the NVIDIA driver about {cards}: join the groups video and render, and log in again.",
            cards=name,
        )
        return _warning("driver-refused", message)
    if state in ("silent", "failed"):
        message = t(
            "The NVIDIA driver does not answer for {cards}: restart the computer, or install the driver afresh.",
            cards=name,
        )
        return _warning("driver-silent", message)
    return None


def _not_running(machine: Machine, name: str, driver: Text) -> Finding:
    if machine.nvml == "answers":
        message = t(
            "The NVIDIA driver {driver} answers, but not for {card}: restart the computer; "
            "if that does not help, install the driver anew.",
            driver=machine.driver,
            card=name,
        )
        return _warning("gpu-lost", message)
    if machine.driver:
        message = t(
            "The NVIDIA driver {driver} is installed but does not run for {card}: restart the computer; "
            "if that does not help, install the driver anew.",
            driver=machine.driver,
            card=name,
        )
        return _warning("driver-not-loaded", message)
    message = t("No NVIDIA driver answers for {card}: install {wanted}, then restart.", card=name, wanted=driver)
    return _warning("driver-missing", message)


def _warning(slug: str, message: Text) -> Finding:
    return Finding(slug, "warning", message)
