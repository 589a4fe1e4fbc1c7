"""What Windows says in its registry and its lists, given as it would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from launcher.core.doctor.reserved_ports import Reserved, holding, reserved
from launcher.core.doctor.windows import (
    Guard,
    antivirus,
    gpu_scheduling,
    long_paths,
    of_guard,
    of_long_paths,
    of_scheduling,
    watchers_among,
)
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.paths import Workspace

WINDOWS = Machine("windows", gpus=(Gpu(0, vendor="nvidia", name="GeForce RTX 4060"),), long_paths=False)
LONG = Workspace(Path("C:/" + "很长的 folder/" * 12))
ENGLISH = """
Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
      5357        5357
      7801        7900
     50000       50059     *

* - Administered port exclusions.
"""
CHINESE = """
协议 tcp 端口排除范围

开始端口    结束端口
----------    --------
      5357        5357
      7801        7900
     50000       50059     *

* - 管理的端口排除。
"""


@pytest.mark.parametrize("said", [ENGLISH, CHINESE, CHINESE.replace("\n", "\r\n")])
def test_the_ranges_that_windows_keeps(said: str) -> None:
    found = reserved(said)
    assert found == (Reserved(5357, 5357), Reserved(7801, 7900), Reserved(50000, 50059))
    assert holding(found, 7860) == Reserved(7801, 7900)
    assert holding(found, 7901) is None


def test_no_ranges_in_other_words() -> None:
    assert reserved("The following command was not found: int ipv4 show excludedportrange.") == ()


def test_long_paths_that_would_not_fit() -> None:
    found = of_long_paths(WINDOWS, LONG)
    assert (found.ok, found.mend) == (False, "long-paths")
    assert of_long_paths(replace(WINDOWS, long_paths=True), LONG).ok is True
    assert of_long_paths(WINDOWS, Workspace(Path("C:/gesso"))).ok is True


@pytest.mark.parametrize(("mode", "word"), [(2, "It is on"), (1, "It is off"), (None, "never set")])
def test_gpu_scheduling_is_told_and_no_fault(mode: int | None, word: str) -> None:
    found = of_scheduling(WINDOWS, mode)
    assert found.ok is True
    assert word in str(found.detail)
    assert (found.fix is not None) is (mode == 2)
    assert of_scheduling(Machine("windows"), mode).ok is None


def test_folders_that_windows_guards() -> None:
    guarded = PureWindowsPath(r"C:\Users\李\Documents\gesso")
    assert of_guard(Guard(True), guarded).ok is False
    assert of_guard(Guard(True), PureWindowsPath(r"C:\gesso")).ok is True
    assert of_guard(Guard(False), guarded).ok is True
    assert of_guard(Guard(None), guarded).ok is True


def test_programs_that_watch_every_file_are_named_once() -> None:
    found = watchers_among(["System", "HipsDaemon.exe", "hipstray.exe", "360Tray.exe", "explorer.exe"])
    assert found == ("火绒 (Huorong)", "360")
    told = of_guard(Guard(False, found), PureWindowsPath(r"C:\gesso"))
    assert told.ok is True
    assert "360" in str(told.detail)
    assert "C:\\gesso" in str(told.fix)


@pytest.mark.parametrize("check", [long_paths, gpu_scheduling, antivirus])
def test_elsewhere_they_do_not_apply(described, check) -> None:
    assert check(described(Machine("linux"))).ok is None
