"""The wheel for each of many computers: driver, compute capability, system, and the user's own sources."""

from __future__ import annotations

import pytest

from launcher.core.errors import LauncherError
from launcher.core.hardware import Arch, Gpu, Machine, Os
from launcher.core.pip_settings import PipSettings
from launcher.core.sources import Sources, Wheel
from launcher.core.torch_choice import choose_torch, torch_arguments, torch_environment
from launcher.core.torch_table import numbers, read_torch_table


def card(name: str, capability: str | None, index: int = 0) -> Gpu:
    return Gpu(index, f"GPU-{index}", "nvidia", name, 8192, 8000, capability)


def machine(os: Os | None = "linux", driver: str | None = None, *gpus: Gpu, arch: Arch = "x86_64") -> Machine:
    return Machine(os=os, arch=arch, python="3.11.7", driver=driver, gpus=gpus)


AMD = Gpu(0, None, "amd", "Radeon RX 7900 XTX", 24576)
INTEL = Gpu(0, None, "intel", "Intel UHD Graphics 770")
APPLE = Gpu(0, None, "apple", "Apple Silicon")

# name of the computer, the computer, tag, slug
COMPUTERS = [
    ("RTX 5090, Windows, 580", machine("windows", "580.88", card("RTX 5090", "12.0")), "cu130", None),
    ("RTX 5090, Linux, 570", machine("linux", "570.86", card("RTX 5090", "12.0")), None, "driver-too-old"),
    ("RTX 5060, Windows, 591", machine("windows", "591.44", card("RTX 5060", "12.0")), "cu130", None),
    ("DGX Spark", machine("linux", "580.95.05", card("GB10", "12.1"), arch="arm64"), "cu130", None),
    ("RTX 4090, Windows, 566", machine("windows", "566.36", card("RTX 4090", "8.9")), "cu126", None),
    ("RTX 4090, Linux, 580", machine("linux", "580.65.06", card("RTX 4090", "8.9")), "cu130", None),
    ("RTX 3060, Linux, 525.60.13", machine("linux", "525.60.13", card("RTX 3060", "8.6")), "cu126", None),
    ("RTX 3060, Linux, 525.60.12", machine("linux", "525.60.12", card("RTX 3060", "8.6")), None, "driver-too-old"),
    ("RTX 3060, Windows, 528.33", machine("windows", "528.33", card("RTX 3060", "8.6")), "cu126", None),
    ("RTX 3060, Windows, 528.02", machine("windows", "528.02", card("RTX 3060", "8.6")), None, "driver-too-old"),
    ("RTX 3060, no driver", machine("windows", None, card("RTX 3060", "8.6")), None, "driver-missing"),
    ("GTX 1660, Linux, 580", machine("linux", "580.95", card("GTX 1660", "7.5")), "cu130", None),
    ("RTX 2080, Linux, 535", machine("linux", "535.183", card("RTX 2080", "7.5")), "cu126", None),
    ("Titan V, Linux, 580", machine("linux", "580.95", card("Titan V", "7.0")), "cu126", None),
    ("GTX 1080, Linux, 580", machine("linux", "580.95", card("GTX 1080", "6.1")), "cu126", None),
    ("GTX 1080, Linux, 535", machine("linux", "535.183", card("GTX 1080", "6.1")), "cu126", None),
    ("GTX 1060, Windows, 472", machine("windows", "472.12", card("GTX 1060", "6.1")), None, "driver-too-old"),
    ("GTX 750 Ti, Linux, 550", machine("linux", "550.54", card("GTX 750 Ti", "5.0")), "cu126", None),
    ("GTX 980, Windows, 566", machine("windows", "566.36", card("GTX 980", "5.2")), "cu126", None),
    ("K80, Linux, 470", machine("linux", "470.256", card("Tesla K80", "3.7")), None, "gpu-too-old"),
    ("A100, Linux, 550", machine("linux", "550.54", card("A100", "8.0")), "cu126", None),
    ("H100, Linux, 580", machine("linux", "580.95", card("H100", "9.0")), "cu130", None),
    ("B300, Linux, 580", machine("linux", "580.95", card("B300", "10.3")), "cu130", None),
    ("Grace Hopper, 550", machine("linux", "550.54", card("GH200", "9.0"), arch="arm64"), "cu126", None),
    ("a card of tomorrow", machine("linux", "650.1", card("RTX 70", "14.0")), None, "gpu-without-code"),
    ("two alike", machine("linux", "580.95", card("A", "8.6"), card("B", "8.9", 1)), "cu130", None),
    ("Turing and Pascal", machine("linux", "580.95", card("A", "7.5"), card("B", "6.1", 1)), "cu126", None),
    ("5090 and 1080 Ti", machine("linux", "580.95", card("A", "12.0"), card("B", "6.1", 1)), None, "mixed-gpus"),
    ("3060 and K80", machine("linux", "535.183", card("A", "3.7"), card("B", "8.6", 1)), None, "mixed-gpus"),
    ("laptop", machine("windows", "566.36", INTEL, card("RTX 4060 Laptop", "8.9", 1)), "cu126", None),
    ("capability not told", machine("linux", "580.95", card("?", None)), None, "capability-unknown"),
    ("vendor not told", machine("linux", "580.95", Gpu(compute_capability="8.6")), "cu130", None),
    ("system not told", Machine(driver="527.00", gpus=(card("RTX 3060", "8.6"),)), None, "driver-too-old"),
    ("Radeon, Windows", machine("windows", None, AMD), "cpu", "gpu-not-used"),
    ("iGPU only", machine("windows", None, INTEL), "cpu", "gpu-not-used"),
    ("no card, Linux", machine("linux"), "cpu", None),
    ("no card, ARM", machine("linux", arch="arm64"), "cpu", None),
    ("no card, Windows", machine("windows"), "cpu", None),
    ("M2", machine("macos", None, APPLE, arch="arm64"), "mps", None),
    ("Intel Mac", machine("macos", None, arch="x86_64"), None, "no-torch-fits"),
    ("nothing known", Machine(), "cpu", None),
]  # fmt: skip


@pytest.mark.parametrize(("computer", "tag", "slug"), [row[1:] for row in COMPUTERS], ids=[row[0] for row in COMPUTERS])
def test_the_table_of_computers(computer: Machine, tag: str | None, slug: str | None) -> None:
    choice = choose_torch(computer, PipSettings(), "cp311")
    assert (choice.tag, choice.slug) == (tag, slug)
    sentence = str(choice.reason)
    assert sentence.endswith(".")
    assert "{" not in sentence
    if tag is None:
        assert choice.source is None
        assert choice.build is None
        assert ": " in sentence  # what stands in the way: what to do
    else:
        assert choice.source


@pytest.mark.parametrize("computer", [row[1] for row in COMPUTERS], ids=[row[0] for row in COMPUTERS])
def test_the_predicate_holds_for_every_choice(computer: Machine) -> None:
    """Judged again from the table alone, card by card."""
    table, choice = read_torch_table(), choose_torch(computer, PipSettings(), "cp311")
    for build in table.builds:
        if build.tag == choice.tag and build.family and build.offered_for(computer):
            assert numbers(computer.driver or "0") >= numbers(table.driver_needed(build, computer))
            nvidia = [gpu for gpu in computer.gpus if gpu.compute_capability]
            assert all(build.has_kernels_for(gpu) for gpu in nvidia)


def test_one_card_of_a_mixed_pair_can_be_chosen() -> None:
    rig = machine("linux", "580.95", card("RTX 5090", "12.0"), card("GTX 1080 Ti", "6.1", 1))
    assert choose_torch(rig, PipSettings(), "cp311", gpu="0").tag == "cu130"
    assert choose_torch(rig, PipSettings(), "cp311", gpu="GPU-1").tag == "cu126"
    with pytest.raises(LauncherError, match="gpu-unknown"):
        choose_torch(rig, PipSettings(), "cp311", gpu="2")


def test_the_processor_can_always_be_asked_for() -> None:
    for name, computer, _, slug in COMPUTERS:
        choice = choose_torch(computer, PipSettings(), "cp311", cpu=True)
        assert choice.tag == ("cpu" if slug != "no-torch-fits" else None), name


def test_binary_compatibility_stays_within_a_major_version() -> None:
    (build,) = (each for each in read_torch_table().builds if each.tag == "cu130" and "x86_64" in each.arch)
    for capability, runs in {"7.5": True, "7.2": False, "8.7": True, "8.9": True, "11.0": False, "12.1": True}.items():
        assert build.has_kernels_for(card("x", capability)) is runs, capability


WHEEL = Wheel("/w/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", "/w", 191_794_682)


def test_a_wheel_in_the_users_own_folder_wins() -> None:
    choice = choose_torch(machine(), PipSettings(), "cp311", Sources((WHEEL,)))
    assert (choice.source, choice.wheel, choice.bytes, choice.build) == ("/w", WHEEL.path, WHEEL.size, "2.13.0+cpu")
    assert torch_arguments(choice) == ["--no-deps", WHEEL.path]


@pytest.mark.parametrize(
    "name",
    [
        "torch-2.13.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl",
        "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_aarch64.whl",
        "torch-2.13.0+cpu-cp311-cp311-win_amd64.whl",
        "torch-2.13.0+cpu-cp311-cp311t-manylinux_2_28_x86_64.whl",
        "torch-2.13.0+cu130-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.12.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.13.0.tar.gz",
    ],
)
def test_a_wheel_that_does_not_fit_is_passed_over(name: str) -> None:
    choice = choose_torch(machine(), PipSettings(), "cp311", Sources((Wheel(f"/w/{name}", "/w", 1),)))
    assert choice.wheel is None
    assert torch_arguments(choice) == ["--default-index", "https://download.pytorch.org/whl/cpu", "torch==2.13.0+cpu"]


def test_a_wheel_for_the_card_still_gets_its_libraries() -> None:
    own = Wheel("/w/torch-2.13.0+cu130-cp311-cp311-manylinux_2_28_x86_64.whl", "file:///index", 5)
    choice = choose_torch(machine("linux", "580.95", card("A", "8.6")), PipSettings(), "cp311", Sources((WHEEL, own)))
    assert torch_arguments(choice) == ["--default-index", "https://download.pytorch.org/whl/cu130", own.path]


def test_no_index_leaves_only_the_folders() -> None:
    pip = PipSettings(no_index=True)
    assert choose_torch(machine(), pip, "cp311", Sources((WHEEL,))).wheel == WHEEL.path
    assert choose_torch(machine(), pip, "cp311").slug == "torch-not-in-sources"


def test_on_a_mac_the_users_index_is_asked_and_elsewhere_it_is_not() -> None:
    pip = PipSettings(index_url="https://mirror.example/simple")
    mac = choose_torch(machine("macos", None, APPLE, arch="arm64"), pip, "cp312")
    assert (mac.source, torch_arguments(mac)) == ("https://mirror.example/simple", ["torch==2.13.0"])
    assert torch_environment(mac, pip, {})["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    linux = choose_torch(machine(), pip, "cp312")
    assert torch_environment(linux, pip, {})["UV_DEFAULT_INDEX"] == ""
