"""What `gesso plan` and `gesso hardware` show of described computers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from launcher import __main__ as program

OLD = """os = "linux"
arch = "x86_64"
driver = "470.256.02"
gpus = [{ vendor = "nvidia", name = "GTX 770", compute_capability = "3.0" }]
"""
DISK = """volumes = [
  { path = "/w", holds = ["workspace"], file_system = "nfs4", network = true, removable = true, read_only = true },
]
"""


def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, description: str, *more: str) -> str:
    file = tmp_path / "computer.toml"
    file.write_text(description, "utf-8")
    assert program.main([verb, "--simulate", str(file), "--root", str(tmp_path / "我的 画图 (新)"), *more]) == 0
    return capsys.readouterr().out


def test_a_plan_without_torch_is_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(tmp_path, capsys, "plan", OLD)
    assert text.startswith("Error: PyTorch 2.13.0 has no code for GTX 770 (3.0) any more.")
    assert "runtime" not in text
    assert "Install" not in text
    found = json.loads(said(tmp_path, capsys, "plan", OLD, "--json"))
    assert (found["command"], found["variables"]) == ([], {})


def test_everything_about_a_disk_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(tmp_path, capsys, "hardware", DISK)
    assert "; it is on another computer; it is removable; it cannot be written" in text
