"""A download that is killed fifty times is continued fifty times."""

from __future__ import annotations

from pathlib import Path

from tests.launcher.core_act.kills import killed_often


def test_fifty_kills_cost_less_than_a_hundredth_each(tmp_path: Path) -> None:
    figures = killed_often(tmp_path, 12_000_000, 50, 20e6)
    assert figures.right
    assert len(figures.again) == 50
    assert figures.started_over == 0
    assert max(figures.again) <= figures.size // 100
