"""What a choice of memory profile stands on: the device, what is to be drawn, what is free, what each way needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.core.errors import LauncherError
from launcher.core.flag_words import has, last_value
from launcher.core.machine import Gpu, Machine, is_nvidia
from launcher.core.memory_choice import MemoryWish, Peak
from launcher.core.memory_need import Device, Mode, Numbers, Picture, Widths, need, read_numbers
from launcher.core.memory_profiles import MemoryProfile, read_memory_profiles, rules_for
from launcher.core.run_profiles import attention_of
from launcher.core.text import Text, t

#: from the fastest to the slowest
SPEED: tuple[Mode, ...] = ("full", "medvram", "lowvram", "cpu")


@dataclass(frozen=True)
class Ground:
    """What a choice stands on."""

    numbers: Numbers
    profiles: dict[str, MemoryProfile]
    device: Device
    picture: Picture
    widths: Widths
    free: int | None
    #: flags and sentences that the device and its cards ask for
    flags: tuple[str, ...] = ()
    #: that the user's own flags ask for
    attention: str | None = None
    #: families in the models folder, if it was they that decided
    others: tuple[str, ...] = ()
    remarks: tuple[Text, ...] = ()

    def peak(self, name: str, picture: Picture | None = None) -> Peak:
        """With this profile, of the picture to be planned or another."""
        profile, picture = self.profiles[name], picture or self.picture
        mode: Mode = profile.mode if profile.family in (None, picture.family) else "full"
        attention = self.attention or profile.attention
        found = need(self.numbers, picture, mode, attention, self.device, self.widths)
        return Peak(name, mode, found.total)

    @property
    def only_sdxl_is_large(self) -> bool:
        """Do the models of all other families in the models folder fit in full?"""
        others = [name for name in self.others if name != self.picture.family]
        squares = [Picture(name, *[self.numbers.families[name].native] * 2) for name in others]
        fits = [self.peak("full", each).need_mib <= (self.free or 0) for each in squares]
        return self.picture.family == "sdxl" and bool(fits) and all(fits)

    @property
    def ladder(self) -> tuple[Peak, ...]:
        """The highest peak first; of equal ones the faster."""
        modes = self.numbers.devices[self.device].modes
        peaks = [self.peak(name) for name, profile in self.profiles.items() if profile.mode in modes]
        return tuple(sorted(peaks, key=lambda peak: (-peak.need_mib, SPEED.index(peak.mode), peak.profile)))

    @property
    def ways(self) -> list[Peak]:
        """Those that may be chosen by themselves, the fastest first."""
        own = [peak for peak in self.ladder if self.profiles[peak.profile].automatic]
        return sorted(own, key=lambda peak: SPEED.index(peak.mode))


def survey(machine: Machine, cards: Sequence[Gpu], tag: str | None, wish: MemoryWish) -> Ground:
    """Looks at the machine, the cards in use and the wish. LauncherError `family-unknown`."""
    numbers = read_numbers()
    device = _device(tag, cards)
    picture, about = _picture(numbers, wish)
    flags, remarks = _of_cards(numbers, device, cards)
    widths = _widths(numbers, device, machine, (*flags, *wish.flags))
    free, of_free = _free(numbers, machine, device, cards)
    sentences = (*about, *of_free, *remarks)
    return Ground(
        numbers,
        read_memory_profiles(),
        device,
        picture,
        widths,
        free,
        flags,
        attention_of(wish.flags),
        () if wish.family else tuple(name for name in numbers.families if name in wish.families),
        sentences,
    )


def _device(tag: str | None, cards: Sequence[Gpu]) -> Device:
    if tag == "cpu":
        return "cpu"
    if tag and tag.startswith("rocm"):
        return "rocm"
    if tag == "xpu":
        return "xpu"
    if any(is_nvidia(card) for card in cards):
        return "cuda"
    return "mps" if any(card.vendor == "apple" for card in cards) else "cpu"


def _picture(numbers: Numbers, wish: MemoryWish) -> tuple[Picture, tuple[Text, ...]]:
    """What the formula counts with, and a sentence on where the family comes from if nobody said it."""
    known = [name for name in numbers.families if name in wish.families]
    family = wish.family or (known[-1] if known else next(iter(numbers.families)))
    if family not in numbers.families:
        raise LauncherError(
            "family-unknown",
            t('There is no model family "{name}".', name=family),
            t("There are: {names}.", names=", ".join(numbers.families)),
        )
    found = numbers.families[family]
    width, height = wish.size or (found.native, found.native)
    if wish.family:
        about: tuple[Text, ...] = ()
    elif known:
        about = (t("The models folder holds {model}.", model=found.name),)
    else:
        about = (t("Nobody said which model, so {model} is assumed.", model=found.name),)
    return Picture(family, width, height), about


def _of_cards(numbers: Numbers, device: Device, cards: Sequence[Gpu]) -> tuple[tuple[str, ...], tuple[Text, ...]]:
    """Flags that the device and these cards need, with the reasons."""
    rules = rules_for(cards) if device in ("cuda", "rocm") else ()
    flags = [*numbers.devices[device].flags, *(flag for rule, _ in rules for flag in rule.flags)]
    return tuple(flags), tuple(t(rule.why, card=card.name) for rule, card in rules)


def _widths(numbers: Numbers, device: Device, machine: Machine, flags: Sequence[str]) -> Widths:
    """As the runtime decides: float16 on cards, float32 elsewhere, but of the U-Net bfloat16 where it is native."""
    own = numbers.devices[device].bytes
    if has(flags, "--no-half") or last_value(flags, "--precision") == "full":
        return Widths(4, 4, 4)
    if device == "cpu":
        native = "avx512_bf16" in (machine.cpu.features or ())
        return Widths(2 if native else own, own, own)
    return Widths(own, 4 if has(flags, "--no-half-vae") else own, own)


def _free(
    numbers: Numbers, machine: Machine, device: Device, cards: Sequence[Gpu]
) -> tuple[int | None, tuple[Text, ...]]:
    """MiB that can be had, and what is to be said of how it is known."""
    if device in ("cpu", "mps"):
        return machine.ram_available_mib or machine.ram_mib, ()
    # With several cards in use the runtime may draw on any of them.
    used = [card for card in cards if device != "cuda" or is_nvidia(card)]
    if used and all(card.vram_free_mib is not None for card in used):
        return min(card.vram_free_mib or 0 for card in used), ()
    sizes = [_of_whole(numbers, machine, card) for card in used if _known(card)]
    if not sizes:
        return None, ()
    return min(sizes), (t("How much of it is free is not known: what a desktop takes was left out."),)


def _known(card: Gpu) -> bool:
    return card.vram_free_mib is not None or card.vram_total_mib is not None


def _of_whole(numbers: Numbers, machine: Machine, card: Gpu) -> int:
    if card.vram_free_mib is not None:
        return card.vram_free_mib
    return max(0, (card.vram_total_mib or 0) - numbers.desktop_mib.get(machine.os or "", 0))
