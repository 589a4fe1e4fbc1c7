"""What a container leaves of the computer's memory."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from runtime.engine.memory import hardware

MIB = 1 << 20


@pytest.mark.parametrize(
    ("told", "free"),
    [
        ({"max": 100 * MIB, "current": 60 * MIB}, 40 * MIB),
        # what it keeps of files that were read is given back where programs want it
        ({"max": 100 * MIB, "current": 90 * MIB, "stat": f"anon 1\ninactive_file {50 * MIB}\nslab 2\n"}, 60 * MIB),
        ({"max": 100 * MIB, "current": 120 * MIB}, 0),
        ({"max": "max", "current": 60 * MIB}, None),
    ],
)
def test_what_is_left_of_a_container(
    told: dict[str, object], free: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        (tmp_path / f"memory.{name}").write_text(f"{value}\n")
    monkeypatch.setattr(hardware, "_CONTAINER", tmp_path)
    assert hardware.free_ram() == free or (free is None and hardware.free_ram() > psutil.virtual_memory().total // 50)
