"""Paths by their words, file systems by their names, rights by writing, settings by reading."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from launcher.core.doctor.ground import Ground
from launcher.core.doctor.places import about_path, about_volume, path, permissions, settings
from launcher.core.hardware.machine import Machine, Volume
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace


@pytest.mark.parametrize(
    ("place", "environ", "word"),
    [
        (r"C:\Users\Li\OneDrive\画图", {}, "OneDrive"),
        (r"C:\Users\Li\OneDrive - 公司\gesso", {}, "OneDrive"),
        (r"D:\cloud\gesso", {"OneDriveConsumer": r"D:\cloud"}, "OneDrive"),
        (r"C:\Users\Li\Dropbox\gesso", {}, "Dropbox"),
        (r"\\server\share\gesso", {}, "network share"),
        (r"C:\Users\Li\AppData\Local\Temp\Rar$1\gesso", {"TEMP": r"C:\Users\Li\AppData\Local\Temp"}, "temporary"),
    ],
)
def test_a_path_on_windows_that_does_harm(place: str, environ: dict[str, str], word: str) -> None:
    (found,) = about_path(PureWindowsPath(place), environ, windows=True)
    assert word in str(found)


@pytest.mark.parametrize("place", [r"C:\gesso", r"D:\我的 画图 (新)\gesso", "\\\\?\\C:\\gesso", r"C:\onedriver\gesso"])
def test_a_path_on_windows_that_does_none(place: str) -> None:
    assert not list(about_path(PureWindowsPath(place), {"TEMP": r"C:\Temp", "OneDrive": r"C:\OneDrive"}, windows=True))


def test_the_folder_that_a_mac_keeps_in_step() -> None:
    place = PurePosixPath("/Users/li/Library/Mobile Documents/com~apple~CloudDocs/gesso")
    assert list(about_path(place, {}, windows=False))


@pytest.mark.parametrize(
    ("kind", "system", "harms"),
    [
        ("vfat", "linux", True), ("FAT32", "windows", True), ("exfat", "linux", True), ("exFAT", "windows", False),
        ("NTFS", "windows", False), ("ext4", "linux", False), ("apfs", "macos", False), ("nfs4", "linux", False),
    ],
)  # fmt: skip
def test_file_systems(kind: str, system, harms: bool) -> None:
    found = list(about_volume(Volume("X", ("workspace",), kind), Machine(system)))
    assert bool(found) is harms


def test_spaces_and_chinese_are_well(described) -> None:
    found = path(described(Machine("linux")))
    assert found.ok is True
    assert "spaces" in str(found.detail)


def test_a_workspace_in_a_synchronised_folder_is_said_with_a_way_out(here: Here, tmp_path: Path, described) -> None:
    ground = described(Machine("linux"))
    ground.here = Here(Workspace(tmp_path / "OneDrive" / "gesso"), here.environ)
    found = path(ground)
    assert found.ok is False
    assert "--root" in str(found.fix)


def test_a_folder_that_takes_no_file(here: Here, described) -> None:
    assert permissions(described(None)).ok is True
    ground = described(None)
    # Nobody, whatever his rights, makes a file there.
    ground.here = Here(Workspace(Path("/proc")), here.environ)
    found = permissions(ground)
    assert found.ok is False
    assert "/proc" in str(found.detail)


def test_a_workspace_that_is_not_there_yet(here: Here, described, tmp_path: Path) -> None:
    ground = described(None)
    ground.here = Here(Workspace(tmp_path / "new" / "one"), here.environ)
    assert permissions(ground).ok is True
    assert not (tmp_path / "new").exists()


def test_files_of_another_user(described, monkeypatch: pytest.MonkeyPatch) -> None:
    ground = described(None)
    (ground.workspace.root / "state").mkdir()
    (ground.workspace.root / "state" / "locked.json").touch()
    other = os.geteuid() + 1000
    monkeypatch.setattr("os.geteuid", lambda: other)
    found = permissions(ground)
    assert found.ok is False
    assert "locked.json" in str(found.detail)
    assert "chown" in str(found.fix)


def test_settings_are_read_as_a_start_would(ground: Ground) -> None:
    assert "local" in str(settings(ground).detail)
    ground.workspace.config_file.write_text("[mirors]\npackages = 1\n", "utf-8")
    assert "mirors" in str(settings(ground).detail)
    ground.workspace.config_file.write_text("language = 7\n", "utf-8")
    found = settings(ground)
    assert (found.ok, found.mend) == (False, "settings-aside")
    assert "language" in str(found.detail)
