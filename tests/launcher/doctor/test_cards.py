"""Driver, NVIDIA's answer and PyTorch, of described computers; which torch they would get is really chosen."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from launcher.core.doctor.cards import driver, nvml, of_choice, of_driver, of_nvml, of_torch, torch
from launcher.core.environments.environments import Stamp, stamp
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.pytorch.choice import TorchChoice, choose_torch
from tests.launcher.core_act.workshop import PYTHON, with_fake_engine

RTX = Gpu(0, vendor="nvidia", name="GeForce RTX 3060", compute_capability="8.6", vram_total_mib=12288, seen_by="nvml",
          pci_id="10de:2503")  # fmt: skip
PC = Machine("linux", "x86_64", "3.12.3", 32000, 90_000, "580.95.05", (RTX,), nvml="answers")
BUS = replace(RTX, seen_by="bus")


def chosen(machine: Machine, **more) -> TorchChoice:
    return choose_torch(machine, PipSettings(), "cp312", **more)


def test_a_card_with_its_driver() -> None:
    assert of_driver(PC, chosen(PC)).ok is True
    assert "580.95.05" in str(of_driver(PC, chosen(PC)).detail)
    assert of_nvml(PC).ok is True


def test_a_driver_that_is_too_old() -> None:
    old = replace(PC, driver="390.157")
    found = of_driver(old, chosen(old))
    assert found.ok is False
    assert "390.157" in str(found.detail)
    assert "nvidia.com/drivers" in str(found.fix)


def test_no_driver_at_all() -> None:
    bare = replace(PC, driver=None, gpus=(BUS,), nvml="absent")
    assert of_driver(bare, chosen(bare)).ok is False
    assert of_nvml(bare).ok is False


@pytest.mark.parametrize(
    ("state", "word"),
    [("mismatch", "mismatch"), ("not-loaded", "does not run"), ("refused", "may not ask"), ("silent", "not answer"),
     ("failed", "cannot be used")],
)  # fmt: skip
def test_each_answer_of_nvidias_library_is_explained(state, word: str) -> None:
    found = of_nvml(replace(PC, gpus=(BUS,), nvml=state))
    assert found.ok is False
    assert word in str(found.detail)


def test_a_card_that_fell_off_the_bus() -> None:
    found = of_nvml(replace(PC, gpus=(RTX, replace(BUS, index=1, pci_slot="0000:02:00.0"))))
    assert found.ok is False
    assert "restart" in str(found.detail).lower()


def test_other_makers_cards_have_no_such_checks(described) -> None:
    amd = Machine("linux", gpus=(Gpu(0, vendor="amd", name="Radeon RX 6800"),))
    assert driver(described(amd)).ok is None
    assert nvml(described(amd)).ok is None


def test_the_processors_torch_though_there_is_a_card() -> None:
    found = of_torch("2.13.0+cpu", "cpu", chosen(PC))
    assert (found.ok, found.mend) == (False, "right-torch")
    assert found.values["tag"] == chosen(PC).tag
    assert of_torch("2.13.0+cpu", "cpu", chosen(PC), kept=True).ok is True


def test_the_torch_that_fits_and_one_that_serves_as_well() -> None:
    choice = chosen(PC)
    assert of_torch(choice.build or "", choice.tag or "", choice).ok is True
    others = [each for each in choice.others if each.tag != "cpu"]
    assert others, "the card is served by several builds"
    assert of_torch(others[0].build or "", others[0].tag or "", choice).ok is True


def test_a_torch_for_another_generation_of_cards() -> None:
    new = replace(PC, gpus=(replace(RTX, name="GeForce RTX 5090", compute_capability="12.0", pci_id="10de:2b85"),))
    assert of_torch("2.1.0+cu118", "cu118", chosen(new)).ok is False


def test_no_card_and_none_chosen() -> None:
    bare = Machine("linux", "x86_64", "3.12.3", 16000)
    assert of_torch("2.13.0+cu130", "cu130", chosen(bare)).ok is True
    old = replace(PC, driver="390.157")
    assert of_torch("2.13.0+cu130", "cu130", chosen(old)).ok is None


def test_before_anything_is_installed() -> None:
    assert of_choice(chosen(PC)).ok is True
    old = replace(PC, driver="390.157")
    assert of_choice(chosen(old)).ok is None, "that is the driver's to tell"
    intel_mac = Machine("macos", "x86_64", "3.12.3", 16000)
    assert of_choice(chosen(intel_mac)).ok is False


def test_a_torch_that_an_add_on_has_replaced(described) -> None:
    ground = described(PC)
    folder = with_fake_engine(ground.workspace)
    stamp(folder, Stamp("2.13.0+cu130", "cu130", "here", ("0",), "0", PYTHON, "now"))
    assert "no longer" in str(torch(ground).detail)
    info = folder / "lib/python3.12/site-packages/torch-2.4.0+cpu.dist-info"
    info.mkdir(parents=True)
    found = torch(ground)
    assert (found.ok, found.mend) == (False, "right-torch")
    assert "2.4.0+cpu" in str(found.detail)
    info.rename(info.with_name("torch-2.13.0+cu130.dist-info"))
    ground._told["proposal"] = SimpleNamespace(plan=SimpleNamespace(torch=chosen(PC), kept=False))
    assert torch(ground).ok is True
