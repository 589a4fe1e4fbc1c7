"""The torch for each simulated computer of torch_computers.toml: by the core, and by `gesso plan --simulate`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from launcher import __main__ as program
from launcher.core.environments.installed import Installed
from launcher.core.facts import read_facts
from launcher.core.hardware.machine import Gpu, Machine, simulate
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.paths import checkout
from launcher.core.plan.options import Options
from launcher.core.plan.plan import make_plan
from launcher.core.pytorch.cards import identified, visible
from launcher.core.pytorch.choice import TorchChoice, choose_torch
from launcher.core.pytorch.driver_state import driver_trouble
from launcher.core.pytorch.table import numbers, read_torch_table

HERE = Path(__file__).parent
LOCKED = Sources((), "ab" * 32)


@dataclass(frozen=True)
class Computer:
    """One computer with what is expected; see the head of the file."""

    name: str
    machine: Machine
    tag: str | None = None
    version: str | None = None
    slug: str | None = None
    gpu: str | None = None
    findings: tuple[str, ...] = ()
    others: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Computers:
    computers: tuple[Computer, ...]


COMPUTERS = read_facts(HERE / "torch_computers.toml", Computers).computers
every_computer = pytest.mark.parametrize("computer", COMPUTERS, ids=[each.name for each in COMPUTERS])


def chosen(computer: Computer, *, cpu: bool = False) -> TorchChoice:
    return choose_torch(computer.machine, PipSettings(), "cp312", gpu=computer.gpu, cpu=cpu)


def test_the_table_is_as_wide_as_promised() -> None:
    assert len(COMPUTERS) >= 80
    assert len({each.name for each in COMPUTERS}) == len(COMPUTERS)
    used = {each.tag for each in COMPUTERS}
    assert used == {build.tag for build in read_torch_table().builds} | {None}


@every_computer
def test_what_is_chosen(computer: Computer) -> None:
    choice = chosen(computer)
    assert (choice.tag, choice.tag and choice.version, choice.slug) == (computer.tag, computer.version, computer.slug)
    assert set(computer.findings) == {remark.slug for remark in choice.remarks}
    if computer.others is not None:
        assert tuple(other.build for other in choice.others) == computer.others


@every_computer
def test_it_is_said_in_whole_sentences(computer: Computer) -> None:
    choice = chosen(computer)
    for text in (choice.reason, *(remark.message for remark in choice.remarks)):
        sentence = str(text)
        assert sentence.endswith(".")
        assert "{" not in sentence
        assert "None" not in sentence
    if choice.tag is None:
        assert (choice.source, choice.build, choice.others) == (None, None, ())
        # what stands in the way: what to do
        assert ": " in str(choice.reason) or "--memory cpu" in str(choice.reason)


@every_computer
def test_the_rule_holds_for_the_choice_and_all_that_is_tried_after_it(computer: Computer) -> None:
    """Judged again card by card from the table's raw lists, without the code that chose."""
    table = read_torch_table()
    choice = chosen(computer)
    for candidate in (choice, *choice.others) if choice.tag else ():
        builds = [each for each in table.builds if (each.tag, each.version) == (candidate.tag, candidate.version)]
        (build,) = (
            each for each in builds if each.index == candidate.index and _made_for(each.os, each.arch, computer)
        )
        if build.family is None:
            continue
        assert computer.machine.driver is None or _driver_serves(build.family, computer.machine)
        card = candidate.card
        assert card
        assert not _beyond(computer.machine, card)
        assert _lists(build.capabilities, card.compute_capability or ""), (computer.name, candidate.build)


def _made_for(systems: tuple[str, ...], processors: tuple[str, ...], computer: Computer) -> bool:
    return computer.machine.os in systems and computer.machine.arch in processors


def _lists(capabilities: tuple[str, ...], wanted: str) -> bool:
    major, minor = wanted.split(".")
    return any(each.split(".")[0] == major and int(each.split(".")[1]) <= int(minor) for each in capabilities)


def _beyond(machine: Machine, card: Gpu) -> bool:
    """The driver is of a branch that has dropped the card."""
    driver, capability = numbers(machine.driver or "0")[0], float(card.compute_capability or 0)
    return (capability < 5.0 and driver >= 495) or (capability < 7.5 and driver >= 590)


def _driver_serves(family: str, machine: Machine) -> bool:
    least = {"CUDA 13": ("580", "580"), "CUDA 12": ("525.60.13", "528.33"), "CUDA 11": ("450.80.02", "452.39")}[family]
    needed = least[1] if machine.os == "windows" or machine.wsl else least[0]
    return numbers(machine.driver or "") >= numbers(needed)


@every_computer
def test_hardware_and_plan_say_the_same_of_a_driver(computer: Computer) -> None:
    """Of a single card; and the remedy names no driver that ignores it."""
    cards = computer.machine.gpus
    if len(cards) != 1 or cards[0].vendor != "nvidia" or computer.slug == "no-torch-fits":
        return
    choice, trouble = chosen(computer), driver_trouble(computer.machine, cards[0])
    drivers = {"driver-too-new", "driver-missing", "driver-restart", "driver-refused", "driver-silent", "gpu-lost",
               "driver-not-loaded", "gpu-lent"}  # fmt: skip
    assert (trouble.slug if trouble else None) == (choice.slug if choice.slug in drivers else None)
    capability = float(identified(read_torch_table(), cards[0]).compute_capability or 0)
    if choice.slug in ("driver-missing", "driver-too-new", "driver-too-old"):
        branch = "470.xx" if 0 < capability < 5.0 else "580.xx" if 0 < capability < 7.5 else "or newer"
        assert branch in str(choice.reason)
        assert trouble is None or branch in str(trouble.message)
    for remark in choice.remarks:
        if remark.slug == "driver-update-advised":
            assert ("580.xx" if capability < 7.5 else "or newer") in str(remark.message)


@every_computer
def test_the_processor_can_always_be_asked_for(computer: Computer) -> None:
    assert chosen(computer, cpu=True).tag == ("cpu" if computer.slug != "no-torch-fits" else None)


@every_computer
def test_the_plan_agrees_and_its_python_has_a_wheel(computer: Computer) -> None:
    plan = make_plan(computer.machine, Options(gpu=computer.gpu), Installed(), PipSettings(), LOCKED, Path("/w"))
    assert plan.torch.tag == computer.tag
    severities = {finding.slug: finding.severity for finding in plan.findings}
    if computer.slug:
        assert severities[computer.slug] == ("error" if computer.tag is None else "warning")
    assert set(computer.findings) <= set(severities)
    if computer.tag:
        assert plan.python in plan.torch.pythons
        assert ("torch-not-run-by-us" in severities) is not plan.torch.run_by_us


def test_a_card_that_stays_idle_has_no_say_in_how_memory_is_used() -> None:
    big = Gpu(0, None, "nvidia", "RTX 5090", 32607, 32000, "12.0")
    small = Gpu(1, None, "nvidia", "GTX 1050", 2048, 1900, "6.1")
    modes = []
    for cards in ((big,), (big, small), (small, big)):
        rig = Machine("windows", "x86_64", "3.12.1", driver="596.21", gpus=cards)
        plan = make_plan(rig, Options(), Installed(), PipSettings(), LOCKED, Path("C:/g"))
        assert plan.torch.card == big
        modes.append(plan.memory.mode)
    assert set(modes) == {"full"}


def test_the_others_of_its_maker_are_hidden_and_said_how_to_be_chosen() -> None:
    green = Gpu(0, "GPU-a", "nvidia", "RTX 3090", 24576, 24000, "8.6")
    old = Gpu(1, None, "nvidia", "GTX 1080", 8192, 8000, "6.1")
    red = Gpu(2, None, "amd", "RX 6900 XT", 16384, gfx="gfx1030")
    part = Gpu(3, None, "amd", "Radeon Graphics", 512, gfx="gfx1036", integrated=True)
    named = replace(red, index=4, uuid="GPU-1f")
    blue, graphics = Gpu(0, None, "intel", "Arc A770", 16384), Gpu(1, None, "intel", "UHD 770", integrated=True)
    nvidia = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    for card, cards, hidden in (
        (green, (green,), {}),
        (green, (green, red), {}),
        (green, (green, old, red), {**nvidia, "CUDA_VISIBLE_DEVICES": "GPU-a"}),
        (old, (green, old, red), {**nvidia, "CUDA_VISIBLE_DEVICES": "1"}),
        (red, (green, old, red, part), {"HIP_VISIBLE_DEVICES": "0"}),
        (red, (green, part, red), {"HIP_VISIBLE_DEVICES": "1"}),
        (named, (named, part), {"ROCR_VISIBLE_DEVICES": "GPU-1f"}),
        (blue, (graphics, blue), {"ZE_ENABLE_PCI_ID_DEVICE_ORDER": "1", "ZE_AFFINITY_MASK": "1"}),
        (None, (green, old), {}),
    ):
        assert dict(visible(card, cards)) == hidden
    rig = Machine("linux", "x86_64", "3.12.1", driver="580.95", gpus=(old, green, red, part))
    choice = choose_torch(rig, PipSettings(), "cp312")
    assert choice.card == green
    said = str(next(each.message for each in choice.remarks if each.slug == "card-idle"))
    assert "--gpu 1 → GTX 1080 (6.1), 2.13.0+cu126; --gpu 2 → RX 6900 XT, 2.13.0+rocm7.2" in said
    assert choose_torch(rig, PipSettings(), "cp312", cpu=True).visible == ()
    twins = replace(rig, gpus=tuple(replace(old, index=number) for number in range(3)))
    idle = next(each for each in choose_torch(twins, PipSettings(), "cp312").remarks if each.slug == "card-idle")
    assert "--gpu 1|2 → GTX 1080 (6.1), 2.13.0+cu126." in str(idle.message)


def test_every_computer_through_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`gesso plan --simulate FILE --json`, in this process: the file is what a user's hardware.json would be."""
    for computer in COMPUTERS:
        file = tmp_path / "computer.json"
        file.write_text(json.dumps(asdict(computer.machine)), "utf-8")
        assert simulate(file) == computer.machine
        words = ["plan", "--json", "--simulate", str(file), "--root", str(tmp_path / "我的 画图 (新)")]
        assert program.main([*words, *(["--gpu", computer.gpu] if computer.gpu else [])]) == 0, computer.name
        answer = json.loads(capsys.readouterr().out)
        assert answer["torch"]["tag"] == computer.tag, computer.name
        slugs = {finding["slug"] for finding in answer["findings"]}
        assert {computer.slug, *computer.findings} - {None} <= slugs, computer.name
    assert not (tmp_path / "我的 画图 (新)").exists()


def test_a_description_with_a_processor_of_32_bits_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "computer.toml"
    file.write_text('os = "windows"\narch = "x86"\n', "utf-8")
    with pytest.raises(Exception, match=r'"arch" must be one of "x86_64", "arm64"'):
        simulate(file)


def test_the_page_for_people_names_every_build_in_both_languages() -> None:
    for page in (checkout() / "docs/torch.md", checkout() / "docs/torch.zh.md"):
        text = page.read_text("utf-8")
        for build in read_torch_table().builds:
            assert build.version in text, (page.name, build.version)
            assert build.tag in text or build.tag in ("cpu", "mps"), (page.name, build.tag)
        assert f"{read_torch_table().checked}" in text
        assert read_torch_table().oldest in text
