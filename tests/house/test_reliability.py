"""docs/reliability.md shows the results that are kept, in both languages."""

from __future__ import annotations

import json

import pytest

from tests.release import table


@pytest.mark.parametrize("page", table.PAGES)
def test_the_figures_of_the_page_are_those_that_are_kept(page):
    text = (table.ROOT / page).read_text(encoding="utf-8")
    assert text.count("<!-- results -->") == text.count("<!-- /results -->") == 1
    assert table.written(text) == text, "run: python -m tests.release.table"


def test_every_result_is_told_with_its_computer_and_its_tables(tmp_path):
    page = "before\n<!-- results -->\nold\n<!-- /results -->\nafter\n"
    assert "Nothing has been measured" in table.written(page, tmp_path)
    wide = {f"key_{number}": number for number in range(10)}
    kept = {
        "date": "2026-01-02",
        "cores": 2,
        "findings": 0,
        "rows": {"one": wide, "two": wide},
        "counts": {"a|b": 1000},
    }
    (tmp_path / "some.json").write_text(json.dumps(kept), encoding="utf-8")
    (tmp_path / "kinds.json").write_text(json.dumps([{"name": "x", "faults": ["a", "b"], "met": True}]), "utf-8")
    told = table.written(page, tmp_path)
    assert "old" not in told
    assert told.startswith("before\n")
    assert told.endswith("after\n")
    assert "date 2026-01-02, cores 2." in told
    assert "findings 0." in told
    assert "| rows | one | two |" in told
    assert "| key 9 | 9 | 9 |" in told
    assert "| a\\|b | 1,000 |" in told
    assert "| x | 2 | yes |" in told
    assert table.written(told, tmp_path) == told
