"""The wheel: by the user's own sources, by what was found of its hash, and what is kept when more is installed."""

from __future__ import annotations

import re

import pytest

from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Arch, Gpu, Machine, Os
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources, Wheel
from launcher.core.pytorch.choice import (
    choose_torch,
    constraints_of,
    swapped,
    torch_arguments,
    torch_environment,
)
from launcher.core.pytorch.table import read_torch_table
from launcher.core.pytorch.wheel_hashes import read_torch_wheels


def card(name: str, capability: str | None, index: int = 0) -> Gpu:
    return Gpu(index, f"GPU-{index}", "nvidia", name, 8192, 8000, capability)


def machine(os: Os | None = "linux", driver: str | None = None, *gpus: Gpu, arch: Arch = "x86_64") -> Machine:
    return Machine(os=os, arch=arch, python="3.11.7", driver=driver, gpus=gpus)


APPLE = Gpu(0, None, "apple", "Apple Silicon")


def test_one_card_of_a_mixed_pair_can_be_chosen() -> None:
    rig = machine("linux", "580.95", card("RTX 5090", "12.0"), card("GTX 1080 Ti", "6.1", 1))
    assert choose_torch(rig, PipSettings(), "cp311", gpu="0").tag == "cu130"
    assert choose_torch(rig, PipSettings(), "cp311", gpu="GPU-1").tag == "cu126"
    with pytest.raises(LauncherError, match="gpu-unknown"):
        choose_torch(rig, PipSettings(), "cp311", gpu="2")


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


def test_the_next_ones_come_from_the_users_folder_too() -> None:
    own = Wheel("/w/torch-2.13.0+cu126-cp311-cp311-manylinux_2_28_x86_64.whl", "/w", 5)
    rig = machine("linux", "580.95", card("A", "8.6"))
    choice = choose_torch(rig, PipSettings(), "cp311", Sources((own,)))
    assert [other.wheel for other in choice.others] == [own.path, None]
    alone = choose_torch(rig, PipSettings(no_index=True), "cp311", Sources((own,)))
    assert (alone.build, alone.others) == ("2.13.0+cu126", ())


def test_a_known_hash_is_that_of_the_very_wheel() -> None:
    rig = machine("windows", "580.95", card("A", "8.6"))
    choice = choose_torch(rig, PipSettings(), "cp312")
    known = {each.name: each.sha256 for each in read_torch_wheels().wheels}
    assert choice.sha256 == known["torch-2.13.0+cu130-cp312-cp312-win_amd64.whl"]
    assert choice.bytes == 1_915_519_202
    assert choose_torch(rig, PipSettings(), "cp311").sha256 is None  # found nowhere
    own = Wheel("/w/torch-2.13.0+cu130-cp312-cp312-win_amd64.whl", "/w", 5)
    assert choose_torch(rig, PipSettings(), "cp312", Sources((own,))).sha256 is None  # the user's own may be another


def test_the_list_of_hashes_is_of_builds_in_the_table() -> None:
    wheels = read_torch_wheels().wheels
    assert len({wheel.name for wheel in wheels}) == len({wheel.sha256 for wheel in wheels}) == len(wheels)
    builds = {build.full for build in read_torch_table().builds}
    for wheel in wheels:
        assert wheel.name.split("-")[1] in builds, wheel.name
        assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256), wheel.name


def test_xformers_only_in_pairs_that_exist() -> None:
    pairs = {
        ("linux", "470.256", "7.0"): "0.0.31.post1",
        ("linux", "470.256", "8.6"): "0.0.31.post1",
        ("windows", "472.12", "6.1"): None,  # no wheel for Windows and CUDA 11.8
        ("linux", "580.95", "6.1"): None,  # none for torch 2.13.0
        ("linux", "470.256", "3.7"): "0.0.29.post3",
    }
    for (system, driver, capability), version in pairs.items():
        rig = machine("windows" if system == "windows" else "linux", driver, card("A", capability))
        assert choose_torch(rig, PipSettings(), "cp312").xformers == version, (system, driver, capability)
    table = read_torch_table()
    for pair in table.xformers:
        assert [build for build in table.builds if build.version == pair.torch and build.tag in pair.tags]


def test_the_family_is_kept_by_every_later_install() -> None:
    choice = choose_torch(machine("linux", "580.95", card("A", "8.6")), PipSettings(), "cp312")
    assert constraints_of(choice) == ("torch==2.13.0+cu130", "torchvision==0.28.0+cu130", "torchaudio==2.11.0+cu130")
    there = {"torch": "2.13.0+cu130", "triton": "3.7.1", "numpy": "2.5.5"}
    assert constraints_of(choice, there)[-1] == "triton==3.7.1"
    assert swapped(choice, there, there) == ()
    assert swapped(choice, there, {**there, "numpy": "1.0"}) == ()
    assert swapped(choice, there, {**there, "torch": "2.13.0"}) == ("torch 2.13.0+cu130 → 2.13.0",)
    assert swapped(choice, there, {"torch": "2.13.0+cu130"}) == ("triton 3.7.1 → -",)
    mac = choose_torch(machine("macos", None, APPLE, arch="arm64"), PipSettings(), "cp312")
    assert constraints_of(mac) == ("torch==2.13.0", "torchvision==0.28.0", "torchaudio==2.11.0")


def test_every_version_in_the_table_is_in_the_range_and_has_its_companions() -> None:
    table = read_torch_table()
    versions = {tuple(map(int, build.version.split("."))) for build in table.builds}
    assert ".".join(map(str, min(versions))) == table.oldest
    assert ".".join(map(str, max(versions))) == table.version
    for build in table.builds:
        assert table.companions_of(build.version), build.full
        assert set(build.pythons) <= set(table.pythons)
        assert table.python_otherwise in (build.pythons or table.pythons)
        assert build.run_by_us is (build.full == "2.13.0+cpu" and build.os == ("linux",) and build.arch == ("x86_64",))
