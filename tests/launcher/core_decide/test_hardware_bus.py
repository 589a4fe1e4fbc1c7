"""Cards that no driver answers for: found on the bus of Linux, by Windows and macOS, named, and their trouble told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher.core.hardware.linux_cards import is_wsl, linux_cards, memory_limit, nvidia_driver_files
from launcher.core.hardware.look import merged
from launcher.core.hardware.mac_cards import apple_chip, listed_cards
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.hardware.pci import chip_of, name_of, read_pci_table
from launcher.core.hardware.windows_cards import Adapter, adapters, cards, from_registry, nvidia_driver
from launcher.core.pytorch.driver_state import driver_trouble
from tests.fakes.fake_linux import Plugged, amd_node, computer, library

PCI_IDS = """# a line of words
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]
10de  NVIDIA Corporation
\t1c03  GP106 [GeForce GTX 1060 6GB]
\t\t1043 85b6  Strix
\t1c04  GP106
# comments stand anywhere
8086  Intel Corporation
\t56a0  DG2 [Arc A770]
C 03  Display controller
"""
GTX_1060 = Plugged("0000:01:00.0", "10de", "1c03", driver="nvidia")


@pytest.mark.parametrize(
    ("pci_id", "chip", "architecture", "capability"),
    [
        ("10de:102d", "GK210", "kepler", "3.7"),  # K80
        ("10de:1380", "GM107", "maxwell", "5.0"),  # GTX 750 Ti
        ("10de:13c2", "GM204", "maxwell", "5.2"),  # GTX 970
        ("10de:1b38", "GP102", "pascal", "6.1"),  # P40
        ("10de:15f8", "GP100", "pascal", "6.0"),  # P100
        ("10de:1c03", "GP106", "pascal", "6.1"),  # GTX 1060
        ("10de:1db4", "GV100", "volta", "7.0"),  # V100
        ("10de:2184", "TU116", "turing", "7.5"),  # GTX 1660
        ("10de:1f82", "TU117", "turing", "7.5"),  # GTX 1650
        ("10de:1e07", "TU102", "turing", "7.5"),  # RTX 2080 Ti
        ("10de:20b0", "GA100", "ampere", "8.0"),  # A100
        ("10de:2504", "GA106", "ampere", "8.6"),  # RTX 3060
        ("10de:2684", "AD102", "ada", "8.9"),  # RTX 4090
        ("10de:2330", "GH100", "hopper", "9.0"),  # H100
        ("10de:2901", "GB100", "blackwell", "10.0"),  # B200
        ("10de:2b85", "GB202", "blackwell", "12.0"),  # RTX 5090
        ("10de:2f04", "GB205", "blackwell", "12.0"),  # RTX 5070
    ],
)
def test_the_table_knows_nvidias_chips(pci_id: str, chip: str, architecture: str, capability: str) -> None:
    found = chip_of(pci_id)
    assert found
    assert (found.chip, found.architecture, found.compute_capability) == (chip, architecture, capability)


@pytest.mark.parametrize(
    ("pci_id", "gfx", "integrated"),
    [
        ("1002:744c", "gfx1100", False),
        ("1002:747e", "gfx1101", False),
        ("1002:7480", "gfx1102", False),
        ("1002:73bf", "gfx1030", False),
        ("1002:7550", "gfx1201", False),
        ("1002:7590", "gfx1200", False),
        ("1002:67df", "gfx803", False),
        ("1002:1586", "gfx1151", True),
        ("1002:15bf", "gfx1103", True),
        ("1002:1638", "gfx90c", True),
        ("1002:74a1", "gfx942", False),
    ],
)
def test_the_table_knows_amds_chips(pci_id: str, gfx: str, integrated: bool) -> None:
    found = chip_of(pci_id)
    assert found
    assert (found.gfx, found.integrated) == (gfx, integrated)


def test_an_unknown_number_stays_unknown() -> None:
    assert [chip_of(each) for each in ("10de:ffff", "10de:1c80", "1234:1c03", None)] == [None] * 4
    assert name_of("10de:ffff", Path("/nowhere")) is None
    assert name_of("1234:1c03", Path("/nowhere")) is None


def test_no_number_of_the_table_is_two_chips() -> None:
    seen: dict[tuple[str, int], str] = {}
    for chip in read_pci_table().chips:
        for span in chip.ids:
            first, _, last = span.partition("-")
            assert len(first) == 4
            assert int(first, 16) <= int(last or first, 16)
            for number in range(int(first, 16), int(last or first, 16) + 1):
                assert seen.setdefault((chip.vendor, number), chip.chip) == chip.chip


def test_names_come_from_the_systems_database_else_from_the_table(tmp_path: Path) -> None:
    root = computer(tmp_path, pci_ids=PCI_IDS)
    assert name_of("10de:1c03", root) == "NVIDIA GeForce GTX 1060 6GB"
    assert name_of("10de:1c04", root) == "NVIDIA GP106"
    assert name_of("10de:1c06", root) == "NVIDIA GP106"
    assert name_of("8086:56a0", root) == "Intel Arc A770"
    assert name_of("1002:744c", tmp_path / "nowhere") == "AMD Navi 31"


def test_a_laptop_with_two_and_what_is_no_card(tmp_path: Path) -> None:
    root = computer(
        tmp_path,
        GTX_1060,
        Plugged("0000:00:02.0", "8086", "3e9b", driver="i915"),
        Plugged("0000:01:00.1", "10de", "10f1", kind="0x040300"),
        Plugged("0000:02:00.0", "1a03", "2000"),
        Plugged("0000:03:00.0", "10de", "2330", kind="0x030200"),
        pci_ids=PCI_IDS,
    )
    intel, nvidia, server = linux_cards(root)
    assert (intel.vendor, intel.integrated, intel.kernel_driver, intel.pci_id) == ("intel", True, "i915", "8086:3e9b")
    assert intel.name is None
    assert (nvidia.name, nvidia.compute_capability) == ("NVIDIA GeForce GTX 1060 6GB", "6.1")
    assert (nvidia.integrated, nvidia.kernel_driver, nvidia.seen_by) == (False, "nvidia", "bus")
    assert (server.chip, server.kernel_driver, server.vram_total_mib) == ("GH100", None, None)


def test_what_amds_driver_tells(tmp_path: Path) -> None:
    files = {
        "mem_info_vram_total": str(24 << 30), "mem_info_vram_used": str(4 << 30), "gpu_busy_percent": "7",
        "unique_id": "6b1f2c3d4e5f6071", "hwmon/hwmon3/temp1_input": "43000",
    }  # fmt: skip
    root = computer(tmp_path, Plugged("0000:03:00.0", "1002", "744c", driver="amdgpu", files=files), pci_ids=PCI_IDS)
    (alone,) = linux_cards(root)
    assert alone.gfx == "gfx1100"
    amd_node(root, 0, 0, 0)
    amd_node(root, 1, 110001, 3 << 8)
    (card,) = linux_cards(root)
    assert (card.vram_total_mib, card.vram_free_mib) == (24576, 20480)
    assert (card.uuid, card.temperature_c, card.utilisation_percent) == ("GPU-6b1f2c3d4e5f6071", 43, 7)
    assert (card.gfx, card.architecture, card.integrated) == ("gfx1101", "rdna3", False)


@pytest.mark.parametrize(
    ("version", "gfx"), [(90010, "gfx90a"), (90402, "gfx942"), (100300, "gfx1030"), (110501, "gfx1151")]
)
def test_amds_numbers_of_instruction_sets(tmp_path: Path, version: int, gfx: str) -> None:
    root = computer(tmp_path, Plugged("0000:c1:00.0", "1002", "9999"))
    amd_node(root, 1, version, 0xC1 << 8)
    assert linux_cards(root)[0].gfx == gfx


def test_a_line_that_says_nothing_of_use_loses_no_other_card(tmp_path: Path) -> None:
    cards = Plugged("0000:c1:00.0", "1002", "9999"), Plugged("0000:c2:00.0", "1002", "9999")
    root = computer(tmp_path, *cards)
    amd_node(root, 1, 90010, 0xC1 << 8)
    amd_node(root, 2, 110501, 0xC2 << 8)
    properties = root / "sys/class/kfd/kfd/topology/nodes/1/properties"
    properties.write_text(properties.read_text().replace("90010", "unknown"))
    assert [card.gfx for card in linux_cards(root)] == [None, "gfx1151"]


def test_of_two_installed_drivers_the_newer_by_number_counts(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib64"
    folder.mkdir(parents=True)
    for version in ("580.95.05", "580.126.1", "99.1"):
        (folder / f"libnvidia-ml.so.{version}").touch()
    assert nvidia_driver_files(tmp_path) == "580.126.1"


def test_a_computer_without_a_bus(tmp_path: Path) -> None:
    assert linux_cards(tmp_path) == ()
    assert nvidia_driver_files(tmp_path) is None
    assert not is_wsl(tmp_path)


def test_a_container_has_less_memory_than_its_computer(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
    newer, older = tmp_path / "newer/sys/fs/cgroup", tmp_path / "older/sys/fs/cgroup/memory"
    newer.mkdir(parents=True)
    older.mkdir(parents=True)
    (newer / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path / "newer") is None
    (newer / "memory.max").write_text(f"{8 << 30}\n")
    (newer / "memory.current").write_text(f"{3 << 30}\n")
    assert memory_limit(tmp_path / "newer") == (8 << 30, 3 << 30)
    (older / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory_limit(tmp_path / "older") is None
    (older / "memory.limit_in_bytes").write_text(f"{4 << 30}\n")
    assert memory_limit(tmp_path / "older") == (4 << 30, 0)


def test_windows_kernel(tmp_path: Path) -> None:
    assert is_wsl(computer(tmp_path, kernel="5.15.153.1-microsoft-standard-WSL2"))


def test_the_driver_that_refuses_to_run_is_known_by_its_files(tmp_path: Path) -> None:
    library(tmp_path, "590.44.01")
    assert nvidia_driver_files(tmp_path) == "590.44.01"
    (tmp_path / "sys/module/nvidia").mkdir(parents=True)
    (tmp_path / "sys/module/nvidia/version").write_text("580.95.05\n")
    assert nvidia_driver_files(tmp_path) == "580.95.05"


# --- what stands between a card and its driver ---

SEEN = Gpu(0, vendor="nvidia", name="GTX 1060", pci_id="10de:1c03", seen_by="bus")
NEW = Gpu(0, vendor="nvidia", name="RTX 3060", pci_id="10de:2504", seen_by="bus")


@pytest.mark.parametrize(
    ("machine", "gpu", "slug"),
    [
        (Machine(nvml="absent"), SEEN, "driver-missing"),
        (Machine(nvml="not-loaded", driver="590.44.01"), SEEN, "driver-too-new"),
        (Machine(nvml="answers", driver="596.21"), SEEN, "driver-too-new"),
        # Windows' drivers of the branch 580 have numbers up to 58x, those of 470 up to 47x
        (Machine(os="windows", nvml="not-loaded", driver="581.42"), SEEN, "driver-not-loaded"),
        (
            Machine(os="windows", nvml="not-loaded", driver="475.14"),
            Gpu(vendor="nvidia", pci_id="10de:102d", seen_by="bus"),
            "driver-not-loaded",
        ),
        (Machine(nvml="not-loaded", driver="580.95.05"), SEEN, "driver-not-loaded"),
        (Machine(nvml="not-loaded", driver="590.44.01"), NEW, "driver-not-loaded"),
        (Machine(nvml="not-loaded"), NEW, "driver-missing"),
        (Machine(nvml="mismatch", driver="580.95.05"), NEW, "driver-restart"),
        (Machine(nvml="refused", driver="580.95.05"), NEW, "driver-refused"),
        (Machine(nvml="silent", driver="580.95.05"), NEW, "driver-silent"),
        (Machine(nvml="answers", driver="580.95.05"), NEW, "gpu-lost"),
        (Machine(nvml="absent"), Gpu(vendor="nvidia", seen_by="bus", kernel_driver="nouveau"), "driver-missing"),
        (Machine(nvml="absent"), Gpu(vendor="nvidia", seen_by="bus", kernel_driver="vfio-pci"), "gpu-lent"),
        (Machine(nvml="answers", driver="590.1"), Gpu(vendor="nvidia", pci_id="10de:1c03", seen_by="nvml"), None),
        (Machine(), Gpu(vendor="amd", seen_by="bus"), None),
        (Machine(), Gpu(vendor="nvidia", compute_capability="8.6"), None),
        # K80: 470 was its last branch
        (
            Machine(nvml="not-loaded", driver="535.1"),
            Gpu(vendor="nvidia", pci_id="10de:102d", seen_by="bus"),
            "driver-too-new",
        ),
    ],
)
def test_why_the_driver_does_not_answer(machine: Machine, gpu: Gpu, slug: str | None) -> None:
    trouble = driver_trouble(machine, gpu)
    assert (trouble.slug if trouble else None) == slug
    assert trouble is None or str(trouble.message).endswith(".")


def test_too_new_names_the_branch_to_install() -> None:
    trouble = driver_trouble(Machine(nvml="not-loaded", driver="590.44.01"), SEEN)
    assert trouble
    assert "580" in str(trouble.message)
    assert "590.44.01" in str(trouble.message)


# --- NVML's cards and the bus's ---


def test_nvmls_card_and_the_buss_are_one() -> None:
    nvml = Gpu(0, "GPU-a", "nvidia", "RTX 3060", pci_slot="0000:01:00.0", seen_by="nvml")
    bus = Gpu(vendor="nvidia", pci_slot="0000:01:00.0", kernel_driver="nvidia", integrated=False, seen_by="bus")
    intel = Gpu(vendor="intel", pci_slot="0000:00:02.0", seen_by="bus")
    first, second = merged([nvml], [intel, bus])
    assert (first.uuid, first.kernel_driver, first.integrated, first.seen_by) == ("GPU-a", "nvidia", False, "nvml")
    assert (second.vendor, second.index) == ("intel", 1)


def test_a_card_that_nvml_ignores_stays_to_be_seen() -> None:
    big = Gpu(0, "GPU-a", "nvidia", "RTX 5090", pci_id="10de:2b85", pci_slot="0000:01:00.0", seen_by="nvml")
    old = Gpu(vendor="nvidia", name="GTX 1080 Ti", pci_id="10de:1b06", pci_slot="0000:02:00.0", seen_by="bus")
    found = merged([big], [Gpu(vendor="nvidia", pci_slot="0000:01:00.0"), old])
    assert [(card.index, card.name) for card in found] == [(0, "RTX 5090"), (1, "GTX 1080 Ti")]


def test_where_the_list_has_no_slots_cards_go_by_kind() -> None:
    twins = [Gpu(number, vendor="nvidia", pci_id="10de:2684", pci_slot=f"0000:0{number}:00.0") for number in (0, 1)]
    listed = [Gpu(vendor="nvidia", pci_id="10de:2684"), Gpu(vendor="nvidia", pci_id="10de:2684")]
    assert len(merged(twins, listed)) == 2
    assert len(merged(twins[:1], listed)) == 2


# --- Windows ---

TWO = (
    '[{"Name":"Intel(R) UHD Graphics 630","PNPDeviceID":"PCI\\\\VEN_8086&DEV_3E9B&SUBSYS_0","AdapterCompatibility":'
    '"Intel Corporation","DriverVersion":"31.0.101.2125"},{"Name":"NVIDIA GeForce GTX 1060","PNPDeviceID":'
    '"PCI\\\\VEN_10DE&DEV_1C03&SUBSYS_85B61043&REV_A1\\\\4&1F1337BE&0&0008","AdapterCompatibility":"NVIDIA",'
    '"DriverVersion":"32.0.15.8142"}]'
)
BASIC = (
    '{"Name":"Microsoft Basic Display Adapter","PNPDeviceID":"PCI\\\\VEN_10DE&DEV_1C03&SUBSYS_0",'
    '"AdapterCompatibility":"(Standard display types)","DriverVersion":"10.0.26100.1"}'
)


def test_windows_laptop() -> None:
    present = adapters(TWO)
    registry = (Adapter("10de:1c03", vram_mib=6144), Adapter("10de:2504", name="an old card", vram_mib=12288))
    intel, nvidia = cards(present, registry)
    assert (intel.vendor, intel.name) == ("intel", "Intel(R) UHD Graphics 630")
    assert (nvidia.name, nvidia.vram_total_mib, nvidia.compute_capability) == ("NVIDIA GeForce GTX 1060", 6144, "6.1")
    assert nvidia_driver(present) == "581.42"


def test_windows_card_without_its_driver() -> None:
    present = adapters(BASIC)
    (card,) = cards(present, ())
    assert (card.vendor, card.kernel_driver) == ("nvidia", "BasicDisplay")
    assert card.chip == "GP106"
    assert nvidia_driver(present) is None
    trouble = driver_trouble(Machine(os="windows", nvml="absent"), card)
    assert trouble
    assert trouble.slug == "driver-missing"


@pytest.mark.parametrize(
    "answer", ["", "null", "[]", "Get-CimInstance : error", '"x"', '[{"PNPDeviceID":null},3]', "{}"]
)
def test_windows_service_says_nothing_of_use(answer: str) -> None:
    assert adapters(answer) == ()
    assert cards((), (Adapter("10de:2504", "NVIDIA GeForce RTX 3060", vram_mib=12288),))[0].vram_total_mib == 12288


def test_windows_registry() -> None:
    values = {
        "DriverDesc": "AMD Radeon RX 7900 XTX",
        "MatchingDeviceId": r"PCI\VEN_1002&DEV_744C&REV_C8",
        "ProviderName": "Advanced Micro Devices, Inc.",
        "DriverVersion": "32.0.21013.1000",
        "HardwareInformation.qwMemorySize": 24 << 30,
    }
    found = from_registry(values)
    assert found == Adapter(
        "1002:744c", "AMD Radeon RX 7900 XTX", "Advanced Micro Devices, Inc.", "32.0.21013.1000", 24576
    )
    assert cards((), (found,))[0].gfx == "gfx1100"
    assert from_registry({"MatchingDeviceId": "root\\basicdisplay"}) is None


# --- macOS ---


def test_apples_chip_has_the_computers_memory() -> None:
    gpu = apple_chip("Apple M1 Pro\n", 16384, 9000)
    assert (gpu.vendor, gpu.name, gpu.vram_total_mib, gpu.integrated) == ("apple", "Apple M1 Pro", 16384, True)
    assert apple_chip(None, None, None).name == "Apple Silicon"


def test_a_mac_with_intels_processor() -> None:
    rows = [
        {"sppci_model": "Intel UHD Graphics 630", "spdisplays_vendor": "Intel", "spdisplays_device-id": "0x3e9b",
         "spdisplays_vram_shared": "1536 MB"},
        {"sppci_model": "AMD Radeon Pro 5500M", "spdisplays_vendor": "sppci_vendor_amd",
         "spdisplays_device-id": "0x7340", "spdisplays_vram": "8 GB"},
    ]  # fmt: skip
    intel, amd = listed_cards(json.dumps({"SPDisplaysDataType": rows}))
    assert (intel.vendor, intel.integrated, intel.vram_total_mib) == ("intel", True, None)
    assert (amd.vendor, amd.vram_total_mib, amd.gfx) == ("amd", 8192, "gfx1012")
    assert [listed_cards(answer) for answer in ("", "[]", '{"SPDisplaysDataType": [3]}')] == [(), (), ()]


def test_the_cache_of_files_is_not_used_up(tmp_path: Path) -> None:
    stat = f"anon {1 << 30}\ninactive_file {10 << 30}\nactive_file {4 << 30}\nshmem nothing\n"
    for folder, limit, used, total in (
        ("sys/fs/cgroup", "memory.max", "memory.current", ""),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        root = tmp_path / (total or "two")
        place = root / folder
        place.mkdir(parents=True)
        (place / limit).write_text(str(16 << 30))
        (place / used).write_text(str(15 << 30))
        (place / "memory.stat").write_text(stat.replace("inactive", f"{total}inactive"))
        spared = 10 if total else 14
        assert memory_limit(root) == (16 << 30, (15 - spared) << 30)


def test_a_card_whose_number_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    for slot, files in (("0000:01:00.0", ("class", "vendor", "device")), ("0000:02:00.0", ("class", "vendor"))):
        (tmp_path / "sys/bus/pci/devices" / slot).mkdir(parents=True)
        for name, text in zip(files, ("0x030000", "0x10de", "0x2684"), strict=False):
            (tmp_path / "sys/bus/pci/devices" / slot / name).write_text(text)
    assert [card.pci_slot for card in linux_cards(tmp_path)] == ["0000:01:00.0", "0000:02:00.0"]
