"""Processors and disks as three systems tell them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from launcher.core.hardware.inquiry import Inquiry, answer_of
from launcher.core.hardware.machine import Volume
from launcher.core.hardware.processor import from_linux, from_mac
from launcher.core.hardware.volumes import Mount, existing, look_at_volumes, point_of, usage, volume

INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8480+
flags\t\t: fpu avx f16c fma avx2 avx512f avx512_bf16 avx512_vnni amx_bf16 amx_tile amx_int8 sse

processor\t: 1
model name\t: Intel(R) Xeon(R) Platinum 8480+
"""
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd asimddp sve bf16 i8mm\nCPU implementer\t: 0x41\n"
APPLE = """machdep.cpu.brand_string: Apple M2
hw.optional.floatingpoint: 1
hw.optional.AdvSIMD: 1
hw.optional.neon: 1
hw.optional.arm.FEAT_BF16: 1
hw.optional.arm.FEAT_I8MM: 1
hw.optional.arm.FEAT_SME: 0
"""


def test_processors() -> None:
    name, features = from_linux(INTEL)
    assert name == "Intel(R) Xeon(R) Platinum 8480+"
    assert features == (
        "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8",
    )  # fmt: skip
    assert from_linux(ARM) == (None, ("asimd", "asimddp", "bf16", "i8mm", "sve"))
    assert from_linux("") == (None, None)
    assert from_mac(APPLE) == ("Apple M2", ("asimd", "bf16", "i8mm"))
    old = "machdep.cpu.brand_string: Intel(R) Core(TM) i9\nhw.optional.avx1_0: 1\nhw.optional.avx2_0: 1\n"
    assert from_mac(old + "hw.optional.avx512f: 0\n") == ("Intel(R) Core(TM) i9", ("avx", "avx2"))
    assert from_mac("") == (None, None)


LINUX = (
    Mount("/dev/nvme0n1p2", "/", "ext4", ("rw",)),
    Mount("server:/data", "/data", "nfs4", ("rw", "noexec")),
    Mount("/dev/sdb1", "/media/my stick", "vfat", ("rw",)),
    Mount("tmpfs", "/data/tmp", "tmpfs", ("ro",)),
)
WINDOWS = (
    Mount("C:\\", "C:\\", "NTFS", ("rw", "fixed")),
    Mount("E:\\", "E:\\", "exFAT", ("rw", "removable")),
    Mount("Z:\\", "Z:\\", "NTFS", ("rw", "remote")),
)


@pytest.mark.parametrize(
    ("place", "point"),
    [
        ("/", "/"),
        ("/datas", "/"),
        ("/data/我", "/data"),
        ("/data/tmp/x", "/data/tmp"),
        ("/media/my stick", "/media/my stick"),
    ],
)
def test_which_mount_a_folder_is_on(place: str, point: str) -> None:
    assert point_of(PurePosixPath(place), LINUX) == point


def test_which_drive_a_folder_is_on() -> None:
    assert point_of(PureWindowsPath("c:\\Users\\我"), WINDOWS) == "C:\\"
    assert point_of(PureWindowsPath("\\\\nas\\share\\gesso"), WINDOWS) == "\\\\nas\\share\\"


def test_what_is_told_of_a_volume() -> None:
    assert volume("/data", ("home",), LINUX, (100, 5)) == Volume(
        "/data", ("home",), "nfs4", 100, 5, network=True, removable=None, read_only=False, noexec=True
    )
    assert volume("/data/tmp", (), LINUX, None).read_only
    assert volume("/", (), LINUX, None).noexec is False
    assert volume("/data/tmp", (), LINUX, None).total_mib is None
    assert volume("Z:\\", (), WINDOWS, None).network
    share = volume("\\\\nas\\share\\", ("workspace",), WINDOWS, (9, 9))
    assert (share.network, share.file_system, share.free_mib) == (True, None, 9)


def test_a_folder_that_is_not_there_yet_is_on_the_volume_above(tmp_path: Path) -> None:
    assert existing(tmp_path / "a/b") == tmp_path.resolve()
    assert usage(tmp_path)
    assert usage(tmp_path / "gone") is None
    if sys.platform != "win32":
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        volumes = look_at_volumes(tmp_path / "dangling/x", time.monotonic() + 3)
        assert any("workspace" in each.holds for each in volumes)


def test_a_drive_that_does_not_answer_has_no_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.core.hardware.volumes.usage", lambda place: time.sleep(30))
    start = time.monotonic()
    (found, *_) = look_at_volumes(tmp_path, time.monotonic() + 0.3)
    assert found.free_mib is None
    # generous: waiting for the drive is the failure
    assert time.monotonic() - start < 4


def test_programs_are_waited_for_only_so_long(tmp_path: Path) -> None:
    python = [sys.executable, "-c"]
    assert answer_of([*python, "print('a'); print('我')"], 5, {**os.environ, "PYTHONUTF8": "1"}) == "a\n我"
    assert answer_of([*python, "print('a'); raise SystemExit(3)"], 5) is None
    assert answer_of([str(tmp_path / "no such program")], 5) is None
    start = time.monotonic()
    assert answer_of([*python, "import time; time.sleep(30)"], 0.3) is None
    assert time.monotonic() - start < 5
    assert Inquiry(lambda: 1 / 0).within(5) is None
