"""What a choice of memory profile stands on: the device, what is to be drawn, what is free, what each way needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu, Machine, is_nvidia
from launcher.core.memory.free import free_memory, free_ram, shares_memory
from launcher.core.memory.need import Device, Mode, Numbers, Picture, Widths, largest_square, need, read_numbers
from launcher.core.memory.profiles import MemoryProfile, MemoryWish, Peak, read_memory_profiles, rules_for
from launcher.core.profiles.flag_words import has, last_value
from launcher.core.profiles.run_profiles import attention_of
from launcher.core.text import Text, t

#: from the fastest to the slowest
SPEED: tuple[Mode, ...] = ("full", "medvram", "lowvram", "cpu")
#: MiB below which another way saves nothing worth its time: less than the sentences show
WORTH = 103
_GIB = 1024


@dataclass(frozen=True)
class Ground:
    """What a choice stands on."""

    numbers: Numbers
    profiles: dict[str, MemoryProfile]
    device: Device
    picture: Picture
    widths: Widths
    free: int | None
    #: flags and sentences that the device and its card ask for
    flags: tuple[str, ...] = ()
    #: that the user's own flags ask for
    attention: str | None = None
    #: families in the models folder, if it was they that decided
    others: tuple[str, ...] = ()
    remarks: tuple[Text, ...] = ()
    #: there is an xFormers that this device can use
    xformers: bool = False
    #: the processor's memory is predicted to hold the picture
    processor_holds: bool = False

    def peak(self, name: str, picture: Picture | None = None) -> Peak:
        """With this profile, of the picture to be planned or another."""
        picture = picture or self.picture
        mode, attention = self._how(name, picture)
        found = need(self.numbers, picture, mode, attention, self.device, self.widths)
        return Peak(name, mode, found.total)

    def largest(self, name: str) -> int | None:
        """Side in pixels of the largest square that what is free holds with this profile."""
        family = self.picture.family
        mode, attention = self._how(name, self.picture)
        return largest_square(self.numbers, family, self.free or 0, mode, attention, self.device, self.widths)

    def _how(self, name: str, picture: Picture) -> tuple[Mode, str]:
        profile = self.profiles[name]
        mode: Mode = profile.mode if profile.family in (None, picture.family) else "full"
        return mode, self.attention or profile.attention

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
        peaks = [self.peak(name) for name, profile in self.profiles.items() if self.serves(profile)]
        return tuple(sorted(peaks, key=lambda peak: (-peak.need_mib, SPEED.index(peak.mode), peak.profile)))

    def serves(self, profile: MemoryProfile) -> bool:
        """Can the device do it?"""
        can = profile.mode in self.numbers.devices[self.device].modes
        return can and (self.xformers or profile.attention != "xformers")

    @property
    def ways(self) -> list[Peak]:
        """Those that may be chosen by themselves, the fastest first."""
        own = [peak for peak in self.ladder if self.profiles[peak.profile].automatic]
        return sorted(own, key=lambda peak: SPEED.index(peak.mode))

    @property
    def steps(self) -> list[Peak]:
        """Of the ways those that need less than every faster one."""
        found: list[Peak] = []
        for way in self.ways:
            if not found or way.need_mib <= found[-1].need_mib - WORTH:
                found.append(way)
        return found

    @property
    def roomiest(self) -> Peak:
        """The way that holds the largest picture; of equal ones the fastest, and where none holds any, the last."""
        best = max(self.ways, key=lambda way: self.largest(way.profile) or 0)
        return best if self.largest(best.profile) else self.ways[-1]


def survey(machine: Machine, cards: Sequence[Gpu], tag: str | None, wish: MemoryWish) -> Ground:
    """Looks at the machine, the card that draws (the first that suits) and the wish. LauncherError `family-unknown`."""
    numbers = read_numbers()
    device = _device(tag, cards)
    card = next((card for card in cards if device != "cuda" or is_nvidia(card)), None) if device != "cpu" else None
    picture, about = _picture(numbers, wish)
    flags, remarks = _of_card(numbers, device, card)
    free, of_free = free_memory(numbers, machine, device, card)
    ground = Ground(
        numbers,
        read_memory_profiles(),
        device,
        picture,
        _widths(numbers, device, machine, (*flags, *wish.flags)),
        free,
        flags,
        attention_of(wish.flags),
        () if wish.family else tuple(name for name in numbers.families if name in wish.families),
        xformers=wish.xformers and device == "cuda",
        processor_holds=_processor_holds(numbers, machine, picture, wish.flags),
    )
    return replace(ground, remarks=(*of_free, *about, *_short_of_ram(ground, machine, card), *remarks))


def _processor_holds(numbers: Numbers, machine: Machine, picture: Picture, flags: Sequence[str]) -> bool:
    widths = _widths(numbers, "cpu", machine, flags)
    return need(numbers, picture, "cpu", "sdp", "cpu", widths).total <= (free_ram(machine)[0] or 0)


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


def _of_card(numbers: Numbers, device: Device, card: Gpu | None) -> tuple[tuple[str, ...], tuple[Text, ...]]:
    """Flags that the device and this card need, with the reasons."""
    rules = rules_for(card) if card and device in ("cuda", "rocm") else ()
    flags = [*numbers.devices[device].flags, *(flag for rule in rules for flag in rule.flags)]
    return tuple(flags), tuple(t(rule.why, card=card.name or card.chip) for rule in rules if card)


def _widths(numbers: Numbers, device: Device, machine: Machine, flags: Sequence[str]) -> Widths:
    """As the runtime decides: float16 on cards, float32 elsewhere, but of the U-Net bfloat16 where it is native."""
    own = numbers.devices[device].bytes
    if has(flags, "--no-half") or last_value(flags, "--precision") == "full":
        return Widths(4, 4, 4)
    if device == "cpu":
        native = "avx512_bf16" in (machine.cpu.features or ())
        return Widths(2 if native else own, own, own)
    return Widths(own, 4 if has(flags, "--no-half-vae") else own, own)


def _short_of_ram(ground: Ground, machine: Machine, card: Gpu | None) -> tuple[Text, ...]:
    """A warning where the computer's memory cannot hold the model that passes through it on its way to the card."""
    room, _ = free_ram(machine)
    if card is None or shares_memory(card) or ground.device not in ("cuda", "rocm", "xpu") or room is None:
        return ()
    room += machine.swap_free_mib or 0
    family = ground.numbers.families[ground.picture.family]
    weights = need(ground.numbers, ground.picture, "full", "sdp", ground.device, ground.widths).weights
    needed = weights + ground.numbers.devices["cpu"].context_mib
    if needed <= room:
        return ()
    return (
        t(
            "The model passes through the computer's memory: {model} needs about {need} GB of it, and with the page "
            "file {free} GB are free. Close other programs, or enlarge the page file.",
            model=family.name,
            need=gigabytes_up(needed),
            free=gigabytes_down(room),
        ),
    )


def gigabytes_up(mib: int) -> str:
    """Gibibytes with one decimal: a need is rounded up, what is free down, so that the two never seem equal."""
    return f"{-(-mib * 10 // _GIB) / 10:.1f}"


def gigabytes_down(mib: int) -> str:
    return f"{mib * 10 // _GIB / 10:.1f}"
