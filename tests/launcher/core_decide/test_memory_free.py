"""What memory can be had, on cards and in the processor, and what is said where it is little."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.core.hardware.machine import Cpu, Gpu, GpuProcess, Machine
from launcher.core.memory.choose import MemoryWish, choose_memory
from launcher.core.memory.free import without_own
from runtime.ledger_file import Learnt, work_of
from tests.launcher.core_decide.test_memory import with_card


def test_what_is_free_counts_and_not_what_is_there() -> None:
    shared = Machine(gpus=(Gpu(0, None, "nvidia", "A", 8192, 3000, "8.6"),))
    assert choose_memory(shared, MemoryWish(family="sd2")).mode == "medvram"
    assert choose_memory(replace(shared, gpus=(replace(shared.gpus[0], vram_free_mib=8000),))).mode == "full"
    unknown = Machine(os="windows", gpus=(Gpu(0, None, "nvidia", "A", 3700, None, "8.6"),))
    choice = choose_memory(unknown, MemoryWish(family="sd2"))
    assert (choice.mode, choice.free_mib) == ("medvram", 3100)
    assert "desktop" in str(choice.reason)
    nothing = choose_memory(with_card(None))
    assert (nothing.mode, nothing.free_mib, nothing.flags) == ("medvram", None, ("--medvram",))
    assert "careful" in str(nothing.reason)


#: graphics in the processor, with what the driver says is theirs alone
SHARING = {
    "780M": (Gpu(0, None, "amd", "AMD Radeon 780M", 512, 400, gfx="gfx1103", integrated=True), "rocm7.2", 16384),
    "Arc 140V": (Gpu(0, None, "intel", "Intel Arc 140V", 128, None, integrated=True), "xpu", 16384),
    "AI Max": (Gpu(0, None, "amd", "Radeon 8060S", 512, 300, gfx="gfx1151", integrated=True), "rocm7.2", 16384),
    "DGX Spark": (Gpu(0, None, "nvidia", "NVIDIA GB10", None, None, "12.1", integrated=True), "cu130", 28000),
    "by capability": (Gpu(0, None, "nvidia", "NVIDIA GB10", None, None, "12.1"), "cu130", 28000),
}


@pytest.mark.parametrize("name", SHARING)
def test_graphics_in_the_processor_have_the_computers_memory(name: str) -> None:
    card, tag, share = SHARING[name]
    machine = Machine("linux", "x86_64", ram_mib=32768, ram_available_mib=28000, gpus=(card,))
    choice = choose_memory(machine, tag=tag)
    assert (choice.mode, choice.free_mib) == ("full", share)
    assert f"{card.name} shares the computer's memory" in str(choice.reason)
    busy = choose_memory(replace(machine, ram_available_mib=3000), tag=tag)
    assert busy.free_mib == 3000
    unknown = choose_memory(replace(machine, ram_available_mib=None), tag=tag)
    assert "Only the whole memory is known" in str(unknown.reason)


def test_what_was_given_to_graphics_in_the_processor_counts_where_it_is_more() -> None:
    card = Gpu(0, None, "amd", "Radeon 8060S", 98304, 97000, gfx="gfx1151", integrated=True)
    machine = Machine("linux", ram_mib=32768, ram_available_mib=28000, gpus=(card,))
    assert choose_memory(machine, tag="rocm7.2").free_mib == 97000


def test_no_free_memory_is_none_and_not_all() -> None:
    assert choose_memory(Machine(ram_mib=32768, ram_available_mib=0)).free_mib == 0
    whole = choose_memory(Machine(ram_mib=32768))
    assert whole.free_mib == 32768
    assert "not how much of it is free" in str(whole.reason)


def test_a_model_that_the_computers_memory_does_not_hold_is_said_beside_a_card() -> None:
    wish = MemoryWish(family="sdxl")
    small = replace(with_card(24000), ram_mib=8192, ram_available_mib=4000)
    reason = str(choose_memory(small, wish, tag="cu126").reason)
    # 6.5 GB of weights, and 700 MiB of the runtime
    assert "SDXL needs about 7.2 GB of it, and with the page file 3.9 GB are free" in reason
    for enough in (replace(small, swap_free_mib=4000), replace(small, ram_available_mib=7900)):
        assert "page file" not in str(choose_memory(enough, wish, tag="cu126").reason)
    assert "page file" not in str(choose_memory(with_card(24000), wish, tag="cu126").reason)
    assert "page file" not in str(choose_memory(small, tag="cu126").reason)


def test_the_processors_memory_is_counted_too() -> None:
    small = Machine(ram_mib=8192, ram_available_mib=4000)
    assert "of the computer's memory; 3.9 GB are free" in str(choose_memory(small).reason)
    assert "too little" in str(choose_memory(small).reason)
    assert "too little" not in str(choose_memory(Machine(ram_available_mib=64000)).reason)


def test_the_u_net_counts_half_where_the_processor_has_drawn_in_bfloat16() -> None:
    def needed(*features: str, number: str = "float32") -> int:
        machine = Machine(ram_available_mib=64000, cpu=Cpu(features=features))
        learnt = Learnt(steps={work_of("sd1", 3 << 30, (384, 384), number): 2.0})
        return choose_memory(machine, MemoryWish(learnt={"cpu": learnt})).peaks[0].need_mib

    plain = needed("avx2")
    for narrow in (needed("amx_bf16"), needed(number="bfloat16")):
        assert 0 <= plain - narrow - 859520964 * 2 / 2**20 < 100, "the U-Net alone"
    assert needed("avx512f", "avx512_bf16") == plain, "the instructions alone may be slower than float32's"


def test_what_our_own_runtime_holds_is_free() -> None:
    processes = (GpuProcess(7, "python", 3000), GpuProcess(9, "game", 500))
    machine = Machine(os="windows", gpus=(Gpu(0, None, "nvidia", "A", 4096, 500, "8.6", processes=processes),))
    assert without_own(machine, {7, 8}).gpus[0].vram_free_mib == 3500
    assert without_own(machine, {1}) == machine
    silent = replace(machine, gpus=(replace(machine.gpus[0], processes=(GpuProcess(7),)),))
    assert without_own(silent, {7}).gpus[0].vram_free_mib is None
    assert choose_memory(without_own(silent, {7})).free_mib == 4096 - 600
