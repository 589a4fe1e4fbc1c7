"""What a choice of memory profile stands on: the device, what is to be drawn, what is free, what each way needs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu, Machine, is_nvidia
from launcher.core.memory.free import free_memory, free_ram, shares_memory
from launcher.core.memory.need import MIB, Device, Mode, Numbers, Picture, Widths, needs_of, read_numbers, unet_bytes
from launcher.core.memory.profiles import MemoryProfile, MemoryWish, Peak, read_memory_profiles, rules_for
from launcher.core.profiles.flag_words import has, last_value
from launcher.core.profiles.run_profiles import attention_of
from launcher.core.pytorch.table import numbers as of_capability
from launcher.core.text import Text, t
from runtime import placement
from runtime.ledger_file import Learnt, work_of
from runtime.placement import SLACK, Needs, Way, Wish, vae_width

#: from the fastest to the slowest
SPEED: tuple[Mode, ...] = ("full", "medvram", "lowvram", "cpu")
#: MiB below which another way saves nothing worth its time: less than the sentences show
WORTH = 103
_GIB = 1024
#: bytes of a number in float32, and in bfloat16
_FULL, _HALF = 4, 2
#: compute capabilities from which steps are captured (runtime/engine/memory/plan.py), and which have bfloat16
_GRAPHS, _BFLOAT16 = "7.0", "8.0"


@dataclass(frozen=True)
class Room:
    """Memory of the device that draws, in MiB; None: unknown."""

    free: int | None
    total: int | None = None
    windows: bool = False
    #: what the device takes before anything is drawn
    context: int = 0

    @property
    def budget(self) -> placement.Ground:
        """What the runtime plans with, before it has learnt anything."""
        free = max(0, (self.free or 0) - self.context) * MIB
        return placement.Ground(free, placement.reserve(free, self._total, self.windows), SLACK)

    def free_for(self, need: int) -> int:
        """MiB that have to be free for so many bytes."""
        return self.context + -(-placement.free_for(need, self._total, self.windows) // MIB)

    @property
    def _total(self) -> int | None:
        return None if self.total is None else self.total * MIB


@dataclass(frozen=True)
class Ground:
    """What a choice stands on."""

    numbers: Numbers
    profiles: dict[str, MemoryProfile]
    device: Device
    picture: Picture
    widths: Widths
    room: Room
    #: flags and sentences that the device and its card ask for
    flags: tuple[str, ...] = ()
    #: that the user's own flags ask for
    attention: str | None = None
    remarks: tuple[Text, ...] = ()
    #: there is an xFormers that this device can use
    xformers: bool = False
    #: the processor's memory is predicted to hold the picture
    processor_holds: bool = False
    #: the runtime captures steps on this device
    captures: bool = False
    #: both prompts stay in one batch
    together: bool = False
    #: what the engine has learnt on the device
    learnt: Learnt = field(default_factory=Learnt)
    _known: dict[tuple[str, Picture], Needs] = field(default_factory=dict, compare=False, repr=False)

    @property
    def free(self) -> int | None:
        return self.room.free

    @property
    def budget(self) -> placement.Ground:
        """What the runtime plans with: what is free, and what it has learnt on the device."""
        family, picture, width = self.numbers.families[self.picture.family], self.picture, self.widths.unet
        number = "float32" if width == _FULL else "bfloat16" if self.device == "cpu" else "float16"
        weights = unet_bytes(family, self.widths).whole
        work = work_of(picture.family, weights, (picture.width, picture.height), number)
        return replace(
            self.room.budget,
            correction=self.learnt.correction,
            bytes_per_second=self.learnt.bandwidth,
            step_seconds=self.learnt.steps.get(work),
        )

    def way(self, name: str | None = None) -> Way:
        """What the runtime will decide: from this profile on, or by itself."""
        profile = None if name is None else self.profiles[name]
        attention = "sdp" if profile is None else profile.attention
        return placement.plan(self._wish(name), self._needs(attention, self.picture), self.budget)

    def peak(self, name: str, *, apart: bool = False) -> Peak:
        """What this profile needs at least."""
        profile, mode = self.profiles[name], self._mode(name)
        needs = self._needs(profile.attention, self.picture)
        least = placement.least_of("full" if mode == "cpu" else mode, needs, self.budget, apart=apart)
        return Peak(name, mode, self.room.free_for(least))

    def needed(self, way: Way) -> int:
        """MiB that have to be free for what a way is predicted to take."""
        return self.room.free_for(way.peak)

    def largest(self, name: str | None) -> int | None:
        """Side in pixels, a multiple of 64, of the largest square that what is free holds, from this profile on."""
        sides, wish, family = range(256, 8193, 64), self._wish(name), self.picture.family
        attention = "sdp" if name is None else self.profiles[name].attention
        budget = self.budget

        def least(side: int) -> int:
            return placement.least(wish, self._needs(attention, Picture(family, side, side)), budget)

        fit = bisect_right(sides, budget.budget, key=least)
        return sides[fit - 1] if fit else None

    def _mode(self, name: str) -> Mode:
        profile = self.profiles[name]
        return profile.mode if profile.family in (None, self.picture.family) else "full"

    def _wish(self, name: str | None) -> Wish:
        mode = "full" if name is None else self._mode(name)
        streams = "medvram" in self.numbers.devices[self.device].modes
        return Wish("full" if mode == "cpu" else mode, streams, self.together)

    def _needs(self, attention: str, picture: Picture) -> Needs:
        attention = self.attention or attention
        key = attention, picture
        if key not in self._known:
            self._known[key] = needs_of(self.numbers, picture, attention, self.widths, captures=self.captures)
        return self._known[key]

    @property
    def ladder(self) -> tuple[Peak, ...]:
        """The highest peak first; of equal ones the faster."""
        peaks = [self.peak(name) for name, profile in self.profiles.items() if self.serves(profile)]
        return tuple(sorted(peaks, key=lambda peak: (-peak.need_mib, SPEED.index(peak.mode), peak.profile)))

    def serves(self, profile: MemoryProfile) -> bool:
        """Can the device do it?"""
        can = profile.mode in self.numbers.devices[self.device].modes
        return can and (self.xformers or profile.attention != "xformers")


def survey(machine: Machine, cards: Sequence[Gpu], tag: str | None, wish: MemoryWish) -> Ground:
    """Looks at the machine, the card that draws (the first that suits) and the wish. LauncherError `family-unknown`."""
    numbers = read_numbers()
    device = _device(tag, cards)
    card = next((card for card in cards if device != "cuda" or is_nvidia(card)), None) if device != "cpu" else None
    picture, about = _picture(numbers, wish)
    flags, remarks = _of_card(numbers, device, card)
    free, of_free = free_memory(numbers, machine, device, card)
    narrow = _draws_in_bfloat16(machine, wish.learnt.get("cpu", Learnt()))
    widths = _widths(numbers, device, narrow, (*flags, *wish.flags))
    ground = Ground(
        numbers,
        read_memory_profiles(),
        device,
        picture,
        replace(widths, vae=vae_width(picture.family, widths.vae, _has_bfloat16(device, card))),
        _room(numbers, machine, device, card, free),
        flags,
        attention_of(wish.flags),
        xformers=wish.xformers and device == "cuda",
        processor_holds=_processor_holds(numbers, machine, picture, _widths(numbers, "cpu", narrow, wish.flags)),
        captures=device in ("cuda", "rocm") and _capable(card, _GRAPHS, unknown=True),
        together=has(wish.flags, "--always-batch-cond-uncond"),
        learnt=wish.learnt.get(_engines_name(device, card), Learnt()),
    )
    short = _short_of_ram(ground, machine, card)
    return replace(ground, remarks=(*of_free, *about, *_of_learnt(ground.learnt), *short, *remarks))


def _engines_name(device: Device, card: Gpu | None) -> str:
    """As torch has it: NVIDIA's own name of the card. AMD's may be another, and is then not found."""
    return (card.name or "") if card is not None and device in ("cuda", "rocm") else device


def _of_learnt(learnt: Learnt) -> tuple[Text, ...]:
    """Why the figures are higher than those of the documents."""
    if learnt.correction <= SLACK:
        return ()
    percent = round(100 * (learnt.correction - 1))
    return (
        t("Pictures drawn here took up to {percent} % more than is counted, which is allowed for.", percent=percent),
    )


def _room(numbers: Numbers, machine: Machine, device: Device, card: Gpu | None, free: int | None) -> Room:
    """A part of the processor has no memory of its own that could be asked for its size."""
    context = numbers.devices[device].context_mib
    if card is None or device in ("cpu", "mps"):
        return Room(free, context=context)
    total = free if shares_memory(card) else card.vram_total_mib
    return Room(free, total, machine.os == "windows", context)


def _has_bfloat16(device: Device, card: Gpu | None) -> bool:
    """ROCm's torch says so of every card."""
    return device == "rocm" or (device == "cuda" and _capable(card, _BFLOAT16, unknown=False))


def _capable(card: Gpu | None, least: str, *, unknown: bool) -> bool:
    if card is None or not card.compute_capability:
        return unknown
    return of_capability(card.compute_capability) >= of_capability(least)


def _processor_holds(numbers: Numbers, machine: Machine, picture: Picture, widths: Widths) -> bool:
    needs = needs_of(numbers, picture, "sdp", widths)
    room = Room(free_ram(machine)[0], context=numbers.devices["cpu"].context_mib)
    return placement.least(Wish(streams=False), needs, room.budget) <= room.budget.budget


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


def _draws_in_bfloat16(machine: Machine, learnt: Learnt) -> bool:
    """The runtime tries whether that is faster, and some processors with instructions for it are not: what it has drawn
    in tells, and before that AMX alone is believed."""
    return learnt.drew_in("bfloat16") or "amx_bf16" in (machine.cpu.features or ())


def _widths(numbers: Numbers, device: Device, narrow: bool, flags: Sequence[str]) -> Widths:
    """As the runtime decides: float16 on cards, float32 elsewhere, but `narrow` the processor's U-Net in bfloat16."""
    eight_bits = has(flags, "--fp8-storage") and device in ("cuda", "rocm")
    return replace(_kinds(numbers, device, narrow, flags), eight_bits=eight_bits)


def _kinds(numbers: Numbers, device: Device, narrow: bool, flags: Sequence[str]) -> Widths:
    own = numbers.devices[device].bytes
    if has(flags, "--no-half") or last_value(flags, "--precision") == "full":
        return Widths(_FULL, _FULL, _FULL)
    if device == "cpu":
        return Widths(_HALF if narrow else own, own, own)
    return Widths(own, _FULL if has(flags, "--no-half-vae") else own, own)


def _short_of_ram(ground: Ground, machine: Machine, card: Gpu | None) -> tuple[Text, ...]:
    """A warning where the computer's memory cannot hold the model that passes through it on its way to the card."""
    room, _ = free_ram(machine)
    if card is None or shares_memory(card) or ground.device not in ("cuda", "rocm", "xpu") or room is None:
        return ()
    room += machine.swap_free_mib or 0
    family = ground.numbers.families[ground.picture.family]
    # what lies in eight bits there is read as the file has it
    needs = needs_of(ground.numbers, ground.picture, "sdp", replace(ground.widths, eight_bits=False))
    needed = -(-(needs.text.whole + needs.unet.whole + needs.vae) // MIB) + ground.numbers.devices["cpu"].context_mib
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
