"""NVML in all its moods, and simulated computers."""

import json
import os
import sys
import time
from pathlib import Path

import pynvml
import pytest

from launcher.core.errors import LauncherError
from launcher.core.hardware.look import Cpu, Gpu, GpuProcess, Machine, Volume, cards_in_use, look, simulate
from tests.fakes.fake_nvml import FakeCard, FakeNvml


def looked(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml, patience: float = 4.0) -> Machine:
    monkeypatch.setitem(sys.modules, "pynvml", nvml.module())
    return look(Path.cwd(), patience=patience)


def test_several_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(
        [
            FakeCard(),
            FakeCard(name=b"Quadro P400", uuid=b"GPU-b", total=2048 << 20, free=2000 << 20, capability=(6, 1)),
        ],
        driver=b"580.95.05",
    )
    machine = looked(monkeypatch, nvml)
    assert machine.driver == "580.95.05"
    first, second = machine.gpus
    assert first == Gpu(
        0, "GPU-6a3cd0f1-2a0e-4f5c-9d8b-1b1d6f0c7e11", "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11264, "8.6",
        architecture="ampere", chip="GA106", pci_id="10de:2504", pci_slot="0000:01:00.0", temperature_c=41,
        utilisation_percent=3, seen_by="nvml",
    )  # fmt: skip
    assert (second.index, second.uuid, second.name) == (1, "GPU-b", "Quadro P400")
    assert (second.vram_total_mib, second.vram_free_mib, second.compute_capability) == (2048, 2000, "6.1")
    assert (machine.nvml, machine.cuda_driver) == ("answers", "13.0")
    assert (nvml.started, nvml.ended) == (1, 1)


@pytest.mark.parametrize(
    "error",
    [
        pynvml.NVMLError_LibraryNotFound,
        pynvml.NVMLError_DriverNotLoaded,
        pynvml.NVMLError_LibRmVersionMismatch,
        pynvml.NVMLError_NoPermission,
        pynvml.NVMLError_Unknown,
        OSError,
    ],
)
def test_without_a_working_driver_there_is_no_card(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    machine = looked(monkeypatch, FakeNvml([FakeCard()], init_error=error))
    assert (machine.driver, machine.gpus) == (None, ())
    assert machine.ram_mib
    assert machine.disk_free_mib


def test_a_missing_binding_is_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert look(Path.cwd()).gpus == ()


def test_a_lost_card_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = looked(monkeypatch, FakeNvml([FakeCard(lost=True), FakeCard(name="NVIDIA T4")]))
    assert [(gpu.index, gpu.name) for gpu in machine.gpus] == [(1, "NVIDIA T4")]


def test_what_a_card_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = pynvml.NVMLError_NotSupported
    card = FakeCard(
        uuid=silent, capability=pynvml.NVMLError_FunctionNotFound, memory_error=silent, architecture=silent,
        bus=silent, temperature=silent, busy=silent, computing=pynvml.NVMLLibraryMismatchError, drawing=silent,
        virtualization=silent,
    )  # fmt: skip
    (gpu,) = looked(monkeypatch, FakeNvml([card], driver=pynvml.NVMLError_Unknown, cuda=silent)).gpus
    assert gpu == Gpu(0, None, "nvidia", "NVIDIA GeForce RTX 3060", seen_by="nvml")


def test_a_silent_nvml_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.monotonic()
    machine = looked(monkeypatch, FakeNvml([FakeCard()], hangs=True), patience=0.5)
    assert (machine.gpus, machine.nvml) == ((), "silent")
    assert machine.disk_free_mib
    assert time.monotonic() - start < 2


def test_what_holds_the_memory_and_who(monkeypatch: pytest.MonkeyPatch) -> None:
    card = FakeCard(computing=[(os.getpid(), 2048 << 20), (4_000_000, None)], drawing=[(77_777_777, 64 << 20)])
    (gpu,) = looked(monkeypatch, FakeNvml([card])).gpus
    own, drawing, unknown = gpu.processes
    assert (own.pid, own.vram_mib) == (os.getpid(), 2048)
    assert own.name
    assert (drawing.pid, drawing.name, drawing.vram_mib) == (77_777_777, None, 64)
    assert (unknown.pid, unknown.vram_mib) == (4_000_000, None)


def test_the_slices_of_a_card_are_what_programs_get(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tuple(
        FakeCard(name="NVIDIA A100-SXM4-40GB MIG 1g.5gb", uuid=f"MIG-{n}", total=4864 << 20, free=4800 << 20)
        for n in "ab"
    )
    whole = FakeCard(name="NVIDIA A100-SXM4-40GB", capability=(8, 0), pci_device=0x20B0, slices=parts)
    other = FakeCard(bus="00000000:02:00.0", slices=())
    found = looked(monkeypatch, FakeNvml([whole, other])).gpus
    assert [(gpu.uuid, gpu.vram_total_mib, gpu.partition) for gpu in found] == [
        ("MIG-a", 4864, "mig"), ("MIG-b", 4864, "mig"), ("GPU-6a3cd0f1-2a0e-4f5c-9d8b-1b1d6f0c7e11", 12288, "mig"),
    ]  # fmt: skip
    assert found[0].compute_capability == "8.0"
    assert found[0].utilisation_percent is None


def test_a_share_of_a_card_in_a_virtual_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    lent = FakeCard(name="GRID T4-4Q", capability=(7, 5), virtualization=2, temperature=pynvml.NVMLError_NotSupported)
    (gpu,) = looked(monkeypatch, FakeNvml([lent])).gpus
    assert (gpu.partition, gpu.name, gpu.temperature_c) == ("vgpu", "GRID T4-4Q", None)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (pynvml.NVMLError_LibraryNotFound, "absent"),
        (pynvml.NVMLError_DriverNotLoaded, "not-loaded"),
        (pynvml.NVMLError_LibRmVersionMismatch, "mismatch"),
        (pynvml.NVMLError_NoPermission, "refused"),
        (pynvml.NVMLError_Unknown, "failed"),
        (OSError, "failed"),
    ],
)
def test_why_nvml_does_not_answer(monkeypatch: pytest.MonkeyPatch, error: type[Exception], state: str) -> None:
    assert looked(monkeypatch, FakeNvml([FakeCard()], init_error=error)).nvml == state


def test_no_question_hangs_or_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a bug of the system")

    for name in ("linux_cards", "processor", "look_at_volumes"):
        monkeypatch.setattr(f"launcher.core.hardware.look.{name}", fails)
    machine = looked(monkeypatch, FakeNvml([FakeCard()]))
    assert len(machine.gpus) == 1
    assert (machine.cpu, machine.volumes, machine.disk_free_mib) == (Cpu(), (), None)
    monkeypatch.setattr("launcher.core.hardware.look.linux_cards", lambda: time.sleep(30))
    start = time.monotonic()
    assert looked(monkeypatch, FakeNvml([FakeCard()]), patience=0.5).gpus[0].name
    # generous: waiting for the sleeper is the failure
    assert time.monotonic() - start < 4


def test_this_computer_tells_its_processor_memory_and_disks(tmp_path: Path) -> None:
    machine = look(tmp_path)
    assert machine.cpu.threads
    assert machine.cpu.threads >= (machine.cpu.cores or 1)
    assert machine.ram_mib
    assert 0 < (machine.ram_available_mib or 0) <= machine.ram_mib
    workspace = machine.volume_of("workspace")
    assert workspace
    assert workspace.free_mib == machine.disk_free_mib
    assert {purpose for volume in machine.volumes for purpose in volume.holds} == {"workspace", "temp", "home"}
    assert machine.volume_of("nothing") is None


def test_apple_silicon_is_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    machine = looked(monkeypatch, FakeNvml(init_error=pynvml.NVMLError_LibraryNotFound))
    assert (machine.os, machine.arch, [gpu.vendor for gpu in machine.gpus]) == ("macos", "arm64", ["apple"])


@pytest.mark.parametrize(("said", "arch"), [("AMD64", "x86_64"), ("aarch64", "arm64"), ("riscv64", None)])
def test_architecture_names(monkeypatch: pytest.MonkeyPatch, said: str, arch: str | None) -> None:
    monkeypatch.setattr("platform.machine", lambda: said)
    assert looked(monkeypatch, FakeNvml()).arch == arch


def test_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    free = look(tmp_path / "not" / "yet").disk_free_mib
    assert free is not None
    assert abs(free - (look(tmp_path).disk_free_mib or 0)) < 1024


def test_a_machine_replays_from_its_own_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = looked(
        monkeypatch, FakeNvml([FakeCard(), FakeCard(name="NVIDIA T4", memory_error=pynvml.NVMLError_Unknown)])
    )
    file = tmp_path / "hardware.json"
    file.write_text(json.dumps(machine.to_json()))
    assert simulate(file) == machine
    assert machine.gpus[0].pci_id
    assert machine.cpu.features
    assert machine.volumes
    assert set(machine.to_json()) >= {"os", "arch", "python", "ram_mib", "disk_free_mib", "driver", "gpus"}


def test_every_key_of_a_machine_can_be_simulated(tmp_path: Path) -> None:
    gpu = Gpu(
        0, "GPU-a", "nvidia", "NVIDIA T4", 15360, 15000, "7.5", "turing", "TU104", "10de:1eb8", "0000:01:00.0", "gfx0",
        40, 5, (GpuProcess(1, "x", 2),), False, "vgpu", "nvidia", "nvml",
    )  # fmt: skip
    volume = Volume("/", ("workspace",), "ext4", 10, 5, False, False, False)
    machine = Machine(
        "linux", "x86_64", "3.11.7", 16000, 5, "580.95.05", (gpu,), None, True, Cpu("x", 2, 4, ("avx2",)), 8000, 0, 0,
        (volume,), True, "13.0", "answers",
    )  # fmt: skip
    told = machine.to_json()
    assert all(value is not None for key, value in told.items() if key != "long_paths")
    assert all(value is not None for value in told["gpus"][0].values())
    file = tmp_path / "hardware.json"
    file.write_text(json.dumps(told))
    assert simulate(file) == machine


def test_an_absent_key_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "machine.toml"
    file.write_text('os = "windows"\n[[gpus]]\nvendor = "nvidia"\n')
    assert simulate(file) == Machine(os="windows", gpus=(Gpu(vendor="nvidia"),))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('os = "beos"', "os"),
        ("ram_mib = true", "ram_mib"),
        ('ram_mib = "8 GB"', "ram_mib"),
        ("ram_gib = 8", "ram_gib"),
        ("[[gpus]]\nvram_total_mib = 1.5", "gpus[0].vram_total_mib"),
        ("[[gpus]]\n[[gpus]]\nvendor = 'NVIDIA'", "gpus[1].vendor"),
        ("[[gpus]]\ncompute_capability = 8.6", "gpus[0].compute_capability"),
        ("[[gpus]]\ncompute_capability = 'sm_86'", "gpus[0].compute_capability"),
        ("gpus = 'none'", "gpus"),
        ('{"gpus": [{"uid": "x"}]}', "gpus[0].uid"),
        ("[[gpus]]\npci_id = '0x1c03'", "gpus[0].pci_id"),
        ("[[gpus]]\nprocesses = [{name = 'x'}]", "gpus[0].processes[0].pid"),
        ("[[gpus]]\nseen_by = 'eyes'", "gpus[0].seen_by"),
        ("[cpu]\nfeatures = 'avx2'", "cpu.features"),
        ("[[volumes]]\nholds = ['home']", "volumes[0].path"),
        ("nvml = 'gone'", "nvml"),
    ],
)
def test_what_a_simulated_machine_may_not_say(tmp_path: Path, text: str, key: str) -> None:
    file = tmp_path / "machine.toml"
    file.write_text(text)
    with pytest.raises(LauncherError) as failure:
        simulate(file)
    assert failure.value.code == "bad-facts"
    assert f'"{key}"' in str(failure.value.message)
    assert str(file) in str(failure.value.message)
    assert str(failure.value.hint)


def test_cards_are_named_by_index_or_uuid() -> None:
    cards = (Gpu(index=0, uuid="GPU-aa"), Gpu(index=2, uuid="GPU-bb", name="NVIDIA T4"), Gpu())
    machine = Machine(gpus=cards)
    assert cards_in_use(machine, None) == cards
    assert cards_in_use(machine, "2")[0] is cards[1]
    assert cards_in_use(machine, "gpu-BB") == (cards[1],)
    with pytest.raises(LauncherError, match=r"gpu-unknown.*2: NVIDIA T4"):
        cards_in_use(machine, "7")
    with pytest.raises(LauncherError, match="leave out --gpu"):
        cards_in_use(Machine(), "0")
