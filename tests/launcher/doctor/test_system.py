"""Operating systems that are too old, or lack what PyTorch expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.doctor.ground import Ground
from launcher.core.doctor.system import Windows, lacking, of_linux, of_windows, system


@pytest.mark.parametrize(("library", "version", "ok"), [("glibc", "2.31", True), ("glibc", "2.28", True),
                                                        ("glibc", "2.17", False), ("", "", False)])  # fmt: skip
def test_the_library_of_a_linux(library: str, version: str, ok: bool) -> None:
    assert of_linux(library, version).ok is ok


def test_this_system_is_told(ground: Ground) -> None:
    assert system(ground).ok is True


def test_a_windows_that_is_too_old() -> None:
    found = of_windows(Windows(6))
    assert found.ok is False
    assert "api-ms-win-core-path" in str(found.detail)
    assert of_windows(Windows(10)).ok is True


def test_a_windows_without_the_runtime_of_visual_c(tmp_path: Path) -> None:
    files = tmp_path / "System32"
    files.mkdir()
    for name in ("vcruntime140.dll", "msvcp140.dll"):
        (files / name).touch()
    missing = lacking({"SystemRoot": str(tmp_path)})
    assert missing == ("vcruntime140_1.dll",)
    found = of_windows(Windows(10, missing))
    assert found.ok is False
    assert "vcruntime140_1.dll" in str(found.detail)
    assert "vc_redist" in str(found.fix)
