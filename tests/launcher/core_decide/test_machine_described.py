"""A described computer: what its drivers, sizes and cards may look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.hardware.look import Machine, simulate


def described(tmp_path: Path, text: str) -> Machine:
    file = tmp_path / "我的 电脑.toml"
    file.write_text(text, "utf-8")
    return simulate(file)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("580.95.05", "580.95.05"),
        ("581.42", "581.42"),
        ("580", "580"),
        ("32.0.15.8142", "581.42"),
        ("27.21.14.5671", "456.71"),
    ],
)
def test_a_driver_as_nvidia_or_windows_writes_it(tmp_path: Path, written: str, meant: str) -> None:
    assert described(tmp_path, f'driver = "{written}"').driver == meant


@pytest.mark.parametrize("driver", ["", "v581.57", "latest", "9" * 5000, "581,57", "-581.57", "581.", "٥٨١.٤٢"])
def test_what_is_no_driver_is_refused_in_words(tmp_path: Path, driver: str) -> None:
    with pytest.raises(LauncherError, match=r'bad-facts: .*"driver" is') as failure:
        described(tmp_path, f'driver = "{driver}"')
    assert "580.95.05" in str(failure.value.hint)
    assert len(str(failure.value.message)) < 300


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ram_mib = -1", "ram_mib"),
        ("disk_free_mib = 99999999999999999", "disk_free_mib"),
        ('[[gpus]]\nvendor = "nvidia"\nvram_total_mib = 8192\nvram_free_mib = -5', "gpus[0].vram_free_mib"),
        ('[[volumes]]\npath = "/"\ntotal_mib = -5', "volumes[0].total_mib"),
    ],
)
def test_a_size_that_nothing_has_is_refused(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(LauncherError) as failure:
        described(tmp_path, text)
    assert (failure.value.code, f'"{key}"' in str(failure.value.message)) == ("bad-facts", True)


def test_a_name_stays_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r'bad-facts: .*"gpus\[0\]\.name" is'):
        described(tmp_path, '[[gpus]]\nvendor = "nvidia"\nname = "RTX\\nError: 3060"')


def test_a_card_of_which_only_the_name_is_known_needs_its_maker(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r'"gpus\[0\]\.vendor" is missing'):
        described(tmp_path, '[[gpus]]\nname = "GeForce RTX 3060"')
    assert described(tmp_path, '[[gpus]]\npci_id = "10de:2504"').gpus[0].vendor is None
