"""Disks and memory, of described computers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from launcher.core.doctor.computer import disk, of_memory
from launcher.core.doctor.page_file import PageFile, page_file_of
from launcher.core.hardware.machine import Machine, Volume

GB = 1024
HOME = Volume("/home", ("home",), "ext4", 100 * GB, 50 * GB)


def with_disk(free: int, temp: int = 5000) -> Machine:
    volumes = (Volume("/data", ("workspace",), "ext4", 500 * GB, free), Volume("/tmp", ("temp",), "ext4", 9000, temp))
    return Machine("linux", disk_free_mib=free, volumes=(*volumes, HOME))


def needing(mib: int) -> SimpleNamespace:
    return SimpleNamespace(plan=SimpleNamespace(disk_needed_mib=mib))


def test_a_plan_needs_more_than_is_free(described) -> None:
    ground = described(with_disk(4000))
    ground._told["proposal"] = needing(9000)
    found = disk(ground)
    assert (found.ok, found.mend) == (False, "free-space")
    assert "3.9 GB" in str(found.detail)
    assert "8.8 GB" in str(found.detail)
    assert found.values["folder"] == str(ground.workspace.root)


def test_without_a_plan_the_reserve_is_needed(described) -> None:
    assert disk(described(with_disk(500))).ok is False
    assert disk(described(with_disk(4000))).ok is True


def test_a_full_disk_of_temporary_files_is_none_that_gesso_can_clear(described) -> None:
    found = disk(described(with_disk(9000, temp=3)))
    assert (found.ok, found.mend) == (False, None)
    assert "/tmp" in str(found.detail)


def test_a_system_that_does_not_tell(described) -> None:
    assert disk(described(Machine("linux"))).ok is None


@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        (["?:\\pagefile.sys"], PageFile(True)),
        (["C:\\pagefile.sys 0 0"], PageFile(True)),
        (["C:\\pagefile.sys 1024 4096"], PageFile(False, 4096)),
        (["C:\\pagefile.sys 16 32", "D:\\my files\\pagefile.sys 4096 8192"], PageFile(False, 8224)),
        ([], PageFile(False, 0)),
        ([""], PageFile(False, 0)),
    ],
)
def test_the_registry_on_the_page_file(lines: list[str], meant: PageFile) -> None:
    assert page_file_of(lines) == meant


WINDOWS = Machine("windows", ram_mib=8 * GB, ram_available_mib=5000, swap_mib=2048, swap_free_mib=2000)


def test_a_page_file_that_cannot_grow_is_too_small_and_one_that_windows_manages_is_not() -> None:
    found = of_memory(WINDOWS, PageFile(False, 2048))
    assert found.ok is False
    assert "1455" in str(found.detail)
    assert "Virtual memory" in str(found.fix)
    assert of_memory(WINDOWS, PageFile(True)).ok is True
    assert of_memory(WINDOWS, PageFile(False, 12 * GB)).ok is True
    assert of_memory(replace(WINDOWS, ram_mib=64 * GB), PageFile(False, 0)).ok is True


def test_little_memory_and_memory_that_others_hold() -> None:
    linux = Machine("linux", ram_mib=16 * GB, ram_available_mib=9000, swap_mib=0, swap_free_mib=0)
    assert of_memory(linux, None).ok is True
    assert "browsers" in str(of_memory(replace(linux, ram_available_mib=700), None).fix)
    assert "swap" in str(of_memory(replace(linux, ram_mib=4 * GB), None).fix)
    assert of_memory(Machine("linux"), None).ok is None
