"""Which memory profile a machine gets, with which numbers, and what comes after it."""

from __future__ import annotations

import re
from dataclasses import asdict, replace

import pytest

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.memory.choose import MemoryChoice, MemoryWish, choose_memory, next_step_down, parse_size
from launcher.core.memory.ground import Room
from launcher.core.memory.need import Picture, Widths, needs_of, read_numbers
from launcher.core.memory.profiles import CardRules, read_memory_profiles
from launcher.core.paths import checkout
from launcher.core.profiles.run_profiles import attention_of
from runtime.flag_table import BY_NAME

NUMBERS = read_numbers()
FAMILIES = tuple(NUMBERS.families)
#: cards as they are sold, in GB
CARDS = (2, 3, 4, 6, 8, 10, 12, 16, 24)
SIDES = (512, 768, 1024, 1536)
SPEED = ("full", "medvram", "lowvram")


def with_card(free: int | None, name: str = "NVIDIA GeForce RTX 3060", capability: str = "8.6") -> Machine:
    total = None if free is None else max(free, 2048)
    return Machine("linux", "x86_64", gpus=(Gpu(0, None, "nvidia", name, total, free, capability),))


def chosen(gigabytes: float, family: str, side: int) -> MemoryChoice:
    """On a card of this size that shows a desktop: 6 % of it are taken."""
    free = round(gigabytes * 1024 * 0.94)
    return choose_memory(with_card(free), MemoryWish(family=family, size=(side, side)))


#: the first letter of the mode for each card, by the side of the picture; below it how the VAE works there, in strips
#: of so many rows of latents or whole
TABLE = {
    "sd1": ("lffffffff", "lmfffffff", "lmfffffff", "llmffffff"),
    "sd2": ("lmfffffff", "lmfffffff", "lmfffffff", "llmffffff"),
    "sdxl": ("lllmfffff", "llllfffff", "llllmffff", "llllmffff"),
}
STRIPS = {
    "sd1": (" 4       ", "         ", "6 6      ", "4666     "),
    "sd2": ("         ", "  6      ", "6 4      ", "4666     "),
    "sdxl": ("    6    ", "    4    ", "6        ", "466  6   "),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("side", SIDES)
def test_the_table_of_cards(family: str, side: int) -> None:
    choices = [chosen(card, family, side) for card in CARDS]
    assert "".join(choice.mode[0] for choice in choices) == TABLE[family][SIDES.index(side)]
    ways = [choice.way for choice in choices if choice.way is not None]
    assert "".join(str(way.rows)[-1] if way.rows else " " for way in ways) == STRIPS[family][SIDES.index(side)]


@pytest.mark.parametrize("family", FAMILIES)
def test_more_memory_is_never_slower_and_a_larger_picture_never_lighter(family: str) -> None:
    for side in (256, 512, 768, 1024, 1280, 1536, 2048):
        modes = [SPEED.index(chosen(card / 2, family, side).mode) for card in range(2, 50)]
        assert modes == sorted(modes, reverse=True), side
    for card in CARDS:
        modes = [SPEED.index(chosen(card, family, side).mode) for side in range(256, 3072, 128)]
        assert modes == sorted(modes), card


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("card", CARDS)
def test_the_chosen_way_is_the_fastest_that_fits_and_says_its_numbers(family: str, side: int, card: int) -> None:
    choice = chosen(card, family, side)
    needs = {peak.profile: peak.need_mib for peak in choice.peaks}
    free = choice.free_mib or 0
    fits = [name for name in SPEED if needs[name] <= free]
    assert choice.profile == (fits or ["lowvram"])[0]
    reason = str(choice.reason)
    assert f"{side} x {side}" in reason
    assert NUMBERS.families[family].name in reason
    numbers = [float(each) for each in re.findall(r"\d+\.\d(?= GB)", reason)]
    assert numbers[1] <= free / 1024 < numbers[1] + 0.1
    assert ("too little" in reason) is (choice.way is not None and choice.way.reasons[0].code == "nothing-fits")
    assert not fits or "too little" not in reason
    # what did not fit was too much, and what does fit takes no more than there is
    assert (numbers[0] <= numbers[1]) is (choice.mode == "full")


def test_the_sentence_of_a_step() -> None:
    choice = choose_memory(with_card(5200), MemoryWish(family="sdxl"))
    assert choice.mode == "lowvram"
    assert str(choice.reason) == (
        "SDXL at 1024 x 1024 needs 5.9 GB with medvram; 5.0 GB are free → lowvram (1.1 GB). "
        "Of the U-Net 3.8 GB stay on the card; 1.0 GB arrive at every step, ahead of need."
    )
    told = choice.to_json("")
    assert told["predicted_peaks_mib"]["lowvram"] == 1126
    assert told["predicted"]["why"] == ["too-little-for", "streamed"]
    assert told["predicted"]["resident_mib"] == 3906
    assert told["predicted"]["text_resident_mib"] is None


def test_a_card_that_the_text_models_are_too_large_for() -> None:
    choice = choose_memory(with_card(1600), MemoryWish(family="sdxl"))
    assert str(choice.reason) == (
        "SDXL at 1024 x 1024 needs 5.9 GB with medvram; 1.5 GB are free → lowvram (1.1 GB). "
        "Of the U-Net 0.4 GB stay on the card; 4.4 GB arrive at every step, ahead of need. "
        "Of the text models 0.7 GB stay there; 0.7 GB arrive with every prompt, ahead of need. "
        "The VAE works in strips of 128 pixels."
    )
    told = choice.to_json("")["predicted"]
    assert told["why"] == ["too-little-for", "streamed", "texts-streamed", "strips"]
    assert told["text_resident_mib"] + told["text_streamed_mib"] == pytest.approx(1363, abs=2)


def test_the_runtime_decides_by_itself_unless_a_way_is_asked_for() -> None:
    """It plans for every picture and model anew; a flag would hold it to what one of them needs."""
    chosen_so = choose_memory(with_card(5200), MemoryWish(family="sdxl"))
    assert (chosen_so.profile, chosen_so.flags) == ("lowvram", ())
    asked_for = choose_memory(with_card(5200), MemoryWish("medvram", family="sdxl"))
    assert (asked_for.profile, asked_for.mode, asked_for.flags) == ("medvram", "lowvram", ("--medvram",))
    assert "So the runtime will take lowvram." in str(asked_for.reason)


def test_a_card_that_is_not_drawn_on_has_no_say() -> None:
    machine = Machine(gpus=(with_card(24000).gpus[0], Gpu(1, None, "nvidia", "B", 4096, 3200, "8.6")))
    assert choose_memory(machine, gpu="0").mode == "full"
    assert choose_memory(machine, gpu="1").mode == "full"
    assert choose_memory(machine, MemoryWish(family="sdxl"), gpu="1").mode == "lowvram"
    amd_before = Machine(gpus=(Gpu(0, None, "amd", "B", 512, 100), Gpu(1, None, "nvidia", "A", 24576, 24000, "8.6")))
    assert choose_memory(amd_before, tag="cu126").free_mib == 24000


def test_without_a_card_the_processor_draws() -> None:
    for machine in (Machine(), Machine(gpus=(Gpu(vendor="intel", vram_total_mib=16384),))):
        choice = choose_memory(machine)
        assert (choice.mode, choice.profile, choice.flags) == ("cpu", "cpu", ("--use-cpu", "all"))
    assert choose_memory(with_card(8192), tag="cpu").mode == "cpu"


def test_what_is_asked_for_is_given() -> None:
    choice = choose_memory(with_card(24576), MemoryWish("xformers", xformers=True))
    assert (choice.mode, choice.attention, choice.flags) == ("full", "xformers", ("--xformers",))
    lowest = choose_memory(with_card(24576), MemoryWish("lowvram"))
    assert (lowest.mode, lowest.profile) == ("lowvram", "lowvram")
    assert '"lowvram" was asked for' in str(lowest.reason)
    assert "So the runtime will take lowvram." in str(choose_memory(with_card(2048), MemoryWish("full")).reason)
    assert "too little" in str(choose_memory(with_card(600), MemoryWish("full")).reason)
    with pytest.raises(
        LauncherError, match=r"memory-unknown.*cpu, full, lowvram, medvram, medvram-sdxl, medvram-split, xformers"
    ):
        choose_memory(with_card(8192), MemoryWish("half"))


def test_a_mode_that_needs_a_card_falls_back_and_says_so() -> None:
    choice = choose_memory(Machine(), MemoryWish("lowvram"), tag="cpu")
    assert choice.mode == "cpu"
    assert "lowvram" in str(choice.reason)
    assert "the processor draws" in str(choice.reason)
    little = str(choose_memory(Machine(ram_available_mib=900), MemoryWish("lowvram"), tag="cpu").reason)
    assert "too little" in little, "what is free counts, whatever was asked for"
    assert little.count("processor draws.") == 1
    # a card may be there, but none that this torch draws on
    beside = choose_memory(Machine(gpus=(Gpu(vendor="amd", name="RX 580"),)), tag="cpu")
    assert str(beside.reason).startswith("The processor draws.")


def test_the_chip_says_which_card_draws_black_whatever_its_name() -> None:
    for chip, needs in (("TU117", True), ("TU116", True), ("TU106", False), (None, False)):
        machine = Machine(gpus=(Gpu(0, None, "nvidia", None, 4096, 4000, "7.5", chip=chip),))
        choice = choose_memory(machine)
        assert ("--no-half-vae" in choice.flags) is needs, chip
        assert (f"{chip} gives black pictures" in str(choice.reason)) is needs
        assert ("so its VAE runs in float32" in str(choice.reason)) is needs


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("Quadro T2000", True),
        ("NVIDIA T550 Laptop GPU", True),
        ("NVIDIA CMP 30HX", True),
        ("NVIDIA GeForce GTX 1660 SUPER", True),
        ("NVIDIA GeForce GTX 1650 Ti", True),
        ("NVIDIA T1000 8GB", True),
        ("NVIDIA GeForce GTX 1060 6GB", False),
        ("NVIDIA GeForce RTX 2060", False),
        ("NVIDIA T4", False),
    ],
)
def test_cards_that_draw_black_in_half_precision(name: str, needs: bool) -> None:
    choice = choose_memory(with_card(6144, name))
    assert ("--no-half-vae" in choice.flags) is needs
    assert (name in str(choice.reason)) is needs
    full = next(peak.need_mib for peak in choice.peaks if peak.profile == "full")
    # a VAE in float32 is counted as one
    assert (full == chosen(6, "sd1", 512).peaks[0].need_mib) is not needs


def test_flags_of_ones_own_are_counted() -> None:
    plain, wide = (choose_memory(with_card(5000), MemoryWish(flags=flags)) for flags in ((), ("--no-half",)))
    assert (plain.mode, wide.mode) == ("full", "medvram")
    assert choose_memory(with_card(5000), MemoryWish(flags=("--precision", "full"))).mode == "medvram"


def test_weights_in_eight_bits_are_counted_on_cards_alone() -> None:
    wish = MemoryWish(family="sdxl", flags=("--fp8-storage",))
    assert choose_memory(with_card(7000), replace(wish, flags=())).mode == "medvram"
    assert choose_memory(with_card(7000), wish).mode == "full"
    in_ram = Machine(ram_available_mib=16000)
    assert choose_memory(in_ram, wish).peaks == choose_memory(in_ram, replace(wish, flags=())).peaks


def test_ones_own_attention_is_counted() -> None:
    def needs(*flags: str) -> dict[str, int]:
        choice = choose_memory(with_card(5000), MemoryWish(size=(768, 768), flags=flags))
        return {peak.profile: peak.need_mib for peak in choice.peaks}

    assert needs("--opt-split-attention")["medvram"] == needs()["medvram-split"] > needs()["medvram"]
    assert needs("--opt-split-attention-v1")["medvram"] < needs("--opt-split-attention")["medvram"]
    # it beats the others, and keeps every matrix
    assert needs("--disable-opt-split-attention", "--xformers")["medvram"] > 7000
    assert needs("--opt-sdp-attention") == needs("--xformers") | {"medvram-split": needs("--xformers")["medvram"]}


def test_the_flag_of_sdxl_alone_is_a_wish() -> None:
    flags = ("--medvram-sdxl",)
    choice = choose_memory(with_card(24000), MemoryWish(family="sdxl", flags=flags))
    assert (choice.profile, choice.mode) == ("medvram-sdxl", "medvram")
    other = choose_memory(with_card(24000), MemoryWish(flags=flags))
    assert (other.profile, other.mode) == ("medvram-sdxl", "full")
    needs = {peak.profile: peak.need_mib for peak in other.peaks}
    assert needs["medvram-sdxl"] == needs["full"]
    below = next_step_down(other)
    assert below is not None
    assert below.profile == "medvram"


@pytest.mark.parametrize(
    ("families", "wish", "family", "says"),
    [
        ((), None, "sd1", "is assumed"),
        (("sd1", "sdxl"), None, "sdxl", "models folder holds SDXL"),
        (("sdxl",), "sd2", "sd2", None),
    ],
)
def test_the_family_is_what_lies_there(families: tuple[str, ...], wish: str | None, family: str, says: str) -> None:
    choice = choose_memory(with_card(24000), MemoryWish(family=wish, families=families))
    assert choice.picture is not None
    assert choice.picture.family == family
    assert choice.picture.width == NUMBERS.families[family].native
    assert says in str(choice.reason) if says else "folder" not in str(choice.reason)


def test_a_family_that_is_not_known() -> None:
    with pytest.raises(LauncherError, match=r"family-unknown.*flux.*sd1, sd2, sdxl"):
        choose_memory(with_card(24000), MemoryWish(family="flux"))


@pytest.mark.parametrize(
    ("capability", "installed", "attention"),
    [
        ("7.5", True, "xformers"),
        ("7.5", False, "sdp"),
        ("8.6", True, "sdp"),
        ("", True, "sdp"),
        ("6.1", True, "sdp"),
    ],
)
def test_xformers_where_it_is_installed_and_the_card_is_older(capability: str, installed: bool, attention: str) -> None:
    machine = with_card(24000, capability=capability)
    choice = choose_memory(machine, MemoryWish(xformers=installed))
    assert choice.attention == attention
    assert ("--xformers" in choice.flags) is (attention == "xformers")


def test_xformers_that_is_asked_for() -> None:
    wish = MemoryWish("xformers")
    without = choose_memory(with_card(24000), wish)
    assert (without.profile, without.attention, without.flags) == ("full", "sdp", ())
    assert "no xFormers for this PyTorch" in str(without.reason)
    assert choose_memory(with_card(2500), wish).profile == "medvram"
    newer = choose_memory(with_card(24000), replace(wish, xformers=True))
    assert (newer.profile, newer.flags) == ("xformers", ("--xformers",))
    assert "own attention is at least as fast" in str(newer.reason)
    turing = choose_memory(with_card(24000, capability="7.5"), replace(wish, xformers=True))
    assert "at least as fast" not in str(turing.reason)
    for machine, tag in ((Machine(gpus=(Gpu(vendor="apple"),)), "mps"), (Machine(gpus=(Gpu(vendor="intel"),)), "xpu")):
        choice = choose_memory(machine, replace(wish, xformers=True), tag=tag)
        assert (choice.profile, choice.attention) == ("full", "sdp")
        assert "--xformers" not in choice.flags


def test_an_empty_name_is_no_profile() -> None:
    with pytest.raises(LauncherError, match="memory-unknown"):
        choose_memory(with_card(8192), MemoryWish(""))


def test_other_devices_are_served_as_the_runtime_does() -> None:
    amd = Machine(gpus=(Gpu(0, vendor="amd", name="RX 7600", vram_total_mib=8192, vram_free_mib=5000),))
    assert choose_memory(amd, MemoryWish(family="sdxl"), tag="rocm6.4").mode == "lowvram"
    intel = Machine(gpus=(Gpu(0, vendor="intel", name="Arc A770", vram_total_mib=16384, vram_free_mib=16000),))
    assert choose_memory(intel, tag="xpu").flags == ("--use-ipex",)
    apple = Machine("macos", "arm64", ram_mib=8192, gpus=(Gpu(vendor="apple"),))
    # the runtime keeps everything on Apple's graphics, in float32
    assert choose_memory(apple, tag="mps").mode == "full"
    asked = choose_memory(apple, MemoryWish("medvram"), tag="mps")
    assert (asked.mode, asked.flags) == ("full", ())
    assert 'only knows "full"' in str(asked.reason)


def test_what_a_picture_needs() -> None:
    """Bytes of the models and of the activations that were traced, in MiB."""
    needs = needs_of(NUMBERS, Picture("sd1", 512, 512), "sdp", Widths(), captures=True)
    of_unet, of_text = ([each >> 20 for each in asdict(model).values()] for model in (needs.unet, needs.text))
    assert (of_unet, of_text, needs.vae >> 20) == ([1639, 47, 93], [234, 72, 13], 159)
    assert [each >> 20 for each in (needs.drawing, needs.drawing_apart, needs.captured)] == [127, 67, 7]
    assert [needs.decoding(rows) >> 20 for rows in (None, 16, 4, 1)] == [320, 258, 126, 93]
    batch = needs_of(NUMBERS, Picture("sd1", 512, 512, 4), "sdp", Widths())
    assert batch.drawing == pytest.approx(4 * needs.drawing, rel=1e-6)
    assert batch.decoding(None) == needs.decoding(None), "pictures are decoded one by one"


def test_what_has_to_be_free_leaves_the_reserve_alone() -> None:
    for total, windows in ((24576, False), (24576, True), (4096, False), (None, False)):
        room = Room(None, total, windows, 426)
        for need in (200, 2000, 9000):
            free = room.free_for(need << 20)
            assert replace(room, free=free).budget.budget >= need << 20
            assert replace(room, free=free - 1).budget.budget < need << 20


@pytest.mark.parametrize("text", ["832x1216", " 832 X 1216 ", "832×1216", "832*1216"])
def test_sizes_are_understood(text: str) -> None:
    assert parse_size(text) == (832, 1216)


@pytest.mark.parametrize(
    "text", ["", "512", "512x", "x512", "511x512", "0x0", "99999x512", "512x512x512", "八x八", "-8x8"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(LauncherError, match="size-unknown"):
        parse_size(text)


def test_every_flag_works_in_the_runtime() -> None:
    rules = read_facts(checkout() / "profiles/cards.toml", CardRules).cards
    given = [profile.flags for profile in read_memory_profiles().values()]
    given += [rule.flags for rule in rules] + [device.flags for device in NUMBERS.devices.values()]
    names = {flag for flags in given for flag in flags if flag.startswith("--")}
    assert {"--no-half-vae", "--medvram", "--lowvram", "--use-ipex"} <= names
    for name in names:
        assert BY_NAME[name].effect in ("works", "worker"), name
    # the tutorials' flag keeps both prompts in one batch: docs/memory.md
    assert BY_NAME["--always-batch-cond-uncond"].effect == "worker"


def test_each_profile_needs_what_its_flags_make_the_runtime_do() -> None:
    for name, profile in read_memory_profiles().items():
        mode = next((mode for mode in ("lowvram", "medvram") if f"--{mode}" in profile.flags), "full")
        mode = "medvram" if "--medvram-sdxl" in profile.flags else mode
        assert profile.mode == ("cpu" if "--use-cpu" in profile.flags else mode), name
        assert profile.attention == (attention_of(profile.flags) or "sdp"), name
