"""What this computer is good for, and how long it will take, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.amounts import in_bytes
from launcher.core.hardware.machine import Machine
from launcher.core.models.catalogue import offered, read_catalogue
from launcher.core.plan.plan import Plan
from launcher.core.setup.expectations import Estimate
from launcher.core.text import Text, t

#: seconds below which a time is said in one word
_MINUTE = 60


def vram_of(machine: Machine, plan: Plan) -> int | None:
    """MiB of the card that will draw, else of the largest there is; None: the processor draws, or nobody knows."""
    if plan.torch.tag in (None, "cpu"):
        return None
    cards = (plan.torch.card,) if plan.torch.card else machine.gpus
    return max((card.vram_total_mib for card in cards if card and card.vram_total_mib), default=None)


def good_for(machine: Machine, plan: Plan) -> Text:
    """One sentence: what can be drawn here."""
    if plan.torch.tag is None:
        return plan.torch.reason
    if plan.torch.tag == "cpu":
        return t(
            "The processor will draw: the demo model in seconds, Stable Diffusion 1.5 in minutes for each picture. "
            "A graphics card would be many times faster."
        )
    vram = vram_of(machine, plan)
    if vram is None:
        return t("The graphics card will draw. How much memory it has is not known, so the first picture will tell.")
    families = {entry.family for entry in offered(read_catalogue().file, vram) if entry.kind == "checkpoint"}
    if "sdxl" in families and vram >= _comfortable():
        return t("This card is good for everything: Stable Diffusion 1.5 and SDXL, at full speed.")
    if "sdxl" in families:
        return t("This card is good for Stable Diffusion 1.5, and for the smaller models of the SDXL family.")
    if "sd1" in families:
        return t("This card is good for Stable Diffusion 1.5; SDXL works with patience.")
    return t("This card has little memory: Stable Diffusion 1.5 works in small sizes, slowly.")


def _comfortable() -> int:
    """MiB on which every checkpoint of the catalogue is a pleasure, less what a card keeps to itself."""
    return max(entry.vram_gib for entry in read_catalogue().file if entry.kind == "checkpoint") * 1024 - 512


def duration(estimate: Estimate) -> Iterator[Text]:
    """How long, and what that was reckoned from."""
    minutes = round(estimate.seconds / _MINUTE)
    size = in_bytes(estimate.bytes)
    yield t("This takes about {minutes} minutes.", minutes=minutes) if minutes > 1 else t("This takes about a minute.")
    if estimate.bytes and estimate.rate:
        rate = in_bytes(int(estimate.rate))
        yield t("Reckoned from {size} to fetch at the {rate} a second that were measured.", size=size, rate=rate)
    elif estimate.bytes:
        yield t("About {size} are to be fetched; how fast that goes here was not measured.", size=size)
    else:
        yield t("Nothing has to be fetched from the network.")
