"""Checks of the graphics card: its driver, NVIDIA's answer, and the PyTorch that is installed for it."""

from __future__ import annotations

from launcher.core.doctor.check import Verdict, not_here, sentences, unknown, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.environments.environments import named, packages_of, read_stamp
from launcher.core.hardware.machine import Machine, NvmlState, is_nvidia
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.pytorch.driver_state import driver_trouble
from launcher.core.text import Text, t

#: troubles that another driver puts right; the others are NVML's to tell
_OF_THE_DRIVER = ("driver-too-new", "driver-too-old", "driver-missing")
_RESTART = t("Restart the computer.")
_ANEW = t("Restart the computer; if that does not help, install NVIDIA's driver afresh.")
_GROUPS = t("Join the groups video and render (sudo usermod -aG video,render $USER), and log in again.")
#: per answer of NVIDIA's library: what it means, what to do
_STATES: dict[NvmlState, tuple[Text, Text]] = {
    "absent": (
        t("NVIDIA's library is not there, so no driver is installed."),
        t("Install NVIDIA's driver, then restart the computer."),
    ),
    "not-loaded": (t("The driver is installed, but does not run."), _ANEW),
    "mismatch": (t("The driver was updated, and the old one still runs (driver/library version mismatch)."), _RESTART),
    "refused": (t("You may not ask the driver."), _GROUPS),
    "silent": (t("The driver does not answer: a card may have fallen off the bus."), _ANEW),
    "failed": (t("NVIDIA's library cannot be used."), _ANEW),
}


def driver(ground: Ground) -> Verdict:
    """The right one for the card and for the PyTorch that fits it."""
    machine = ground.machine
    if not any(is_nvidia(gpu) for gpu in machine.gpus):
        return not_here(t("There is no NVIDIA card, and other cards' drivers come with the system."))
    return of_driver(machine, ground.proposal.plan.torch)


def of_driver(machine: Machine, torch: TorchChoice) -> Verdict:
    """As `driver`, for any computer; `torch` is what would be chosen for it."""
    troubles = [found for gpu in machine.gpus if (found := driver_trouble(machine, gpu))]
    messages = [each.message for each in troubles if each.slug in _OF_THE_DRIVER]
    if torch.slug in _OF_THE_DRIVER and torch.reason not in messages:
        messages.append(torch.reason)
    if messages:
        where = t("NVIDIA's page for drivers is https://www.nvidia.com/drivers; restart afterwards.")
        return wrong(sentences(messages), where)
    if machine.driver is None:
        return unknown(t("Which driver is installed could not be told."))
    return well(t("NVIDIA driver {driver} serves {cards}.", driver=machine.driver, cards=_cards(machine)))


def nvml(ground: Ground) -> Verdict:
    """Does NVIDIA's own library answer for the cards?"""
    return of_nvml(ground.machine)


def of_nvml(machine: Machine) -> Verdict:
    """As `nvml`, for any computer."""
    mine = [gpu for gpu in machine.gpus if is_nvidia(gpu)]
    if not mine:
        return not_here(t("There is no NVIDIA card."))
    if machine.nvml is None:
        return unknown(t("It was not asked."))
    if machine.nvml != "answers":
        return wrong(*_STATES[machine.nvml])
    lost = [found.message for gpu in mine if (found := driver_trouble(machine, gpu)) and found.slug == "gpu-lost"]
    if lost:
        return wrong(sentences(lost), _ANEW)
    return well(t("It answers for {cards}.", cards=_cards(machine)))


def _cards(machine: Machine) -> str:
    return ", ".join(gpu.name or gpu.pci_id or "?" for gpu in machine.gpus if is_nvidia(gpu))


def torch(ground: Ground) -> Verdict:
    """What is installed against what this card would get."""
    folder = named(ground.workspace)
    stamp = read_stamp(folder) if folder else None
    if folder is None or stamp is None:
        return of_choice(ground.proposal.plan.torch)
    version = next((each.version for each in packages_of(folder) if each.name == "torch"), None)
    if version is None:
        told = t("PyTorch is no longer in {name}.", name=folder.name)
        return wrong(told, _again(), "right-torch", environment=folder.name)
    if version != stamp.torch:
        told = t("PyTorch {now} is in {name}, which was made with {before}: another program has replaced it.",
                 now=version, name=folder.name, before=stamp.torch)  # fmt: skip
        return wrong(told, _again(), "right-torch", environment=folder.name)
    plan = ground.proposal.plan
    return of_torch(stamp.torch, stamp.tag, plan.torch, kept=plan.kept)


def of_choice(choice: TorchChoice) -> Verdict:
    """Before anything is installed: is there one? What another driver puts right is the driver's to tell."""
    if choice.tag is not None:
        return well(t("Nothing is installed yet; PyTorch {build} fits this computer.", build=choice.build))
    if choice.slug in _OF_THE_DRIVER:
        return unknown(choice.reason)
    return wrong(choice.reason, t("`gesso plan` shows what was looked at."))


def of_torch(build: str, tag: str, choice: TorchChoice, *, kept: bool = False) -> Verdict:
    """Of an installed `build` with its `tag`; `kept`: the user went to its environment by hand."""
    fitting = {choice.tag, *(each.tag for each in choice.others)}
    if choice.tag is None:
        return unknown(t("No PyTorch can be chosen now: {why}", why=choice.reason))
    if tag == choice.tag or (tag in fitting and tag != "cpu"):
        return well(t("PyTorch {build} is right for this computer.", build=build))
    if choice.tag == "cpu":
        return well(t("PyTorch {build}; now {why}", build=build, why=choice.reason))
    told = (
        t("PyTorch {build} draws with the processor alone, though the card could: {wanted} fits it.", build=build,
          wanted=choice.build)
        if tag == "cpu"
        else t("PyTorch {build} is not made for this card and driver: {wanted} is.", build=build, wanted=choice.build)
    )  # fmt: skip
    if kept:
        return well(told, t("You went to this environment by hand. `gesso install` takes the one that fits."))
    return wrong(told, _again(), "right-torch", wanted=choice.build, tag=choice.tag)


def _again() -> Text:
    return t("Have the right PyTorch installed beside it: gesso install")
