"""Everything that the launcher writes, ended at each of its durable steps: the next start makes it whole.

The long form takes all points, of programs too: `python -m tests.release.kills`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launcher.core.paths import checkout

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="children are forked, as on Linux and macOS")
SHARES = {"kill": 1.0, "torn": 1.0, "full": 0.1, "locked": 0.1, "hold": 0.05, "dear-kill": 0.03, "dear-full": 0.02}
PLAIN = """
import json, sys
from pathlib import Path
from tests.release.kill_points import Work, run_all
def prepare(folder): folder.mkdir(); (folder / "mine.txt").write_text("mine"); plain(folder, "old")
def plain(folder, word="new"): (folder / "a.json").write_text(word * 100)
def whole(folder): (folder / "b.tmp").write_text("new" * 100); (folder / "b.tmp").replace(folder / "a.json")
def careless(folder): (folder / "mine.txt").unlink(); (folder / "mine.txt").write_text("mine")
works = [Work(each.__name__, prepare, each) for each in (plain, whole, careless)]
for each in run_all(works, Path(sys.argv[1]), {"kill": 1, "torn": 1, "full": 1}):
    print(json.dumps(each.faults))
"""


def called(*words: str) -> list[Any]:
    """The lines of JSON that it prints."""
    done = subprocess.run([sys.executable, *words], cwd=checkout(), capture_output=True, text=True, encoding="utf-8")
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("part", ["launcher", "models", "packs", "start", "update"])
def test_each_durable_step(part: str) -> None:
    works = called("-m", "tests.release.kills", "--part", part, "--shares", json.dumps(SHARES))
    assert [fault for work in works for fault in (f"{work['name']}: {each}" for each in work["faults"])] == []
    assert len(works) > 1
    taken = {work["name"]: work["kills"] for work in works}
    every = {work["name"]: work["steps"] + 1 for work in works}
    dear = ("download", "update", "pack", "bootstrap-tests")
    cheap = [name for name in taken if not name.startswith(dear)]
    assert {name: taken[name] for name in cheap} == {name: every[name] for name in cheap}


def test_who_writes_plainly_is_found(tmp_path: Path) -> None:
    plain, whole, careless = called("-c", PLAIN, str(tmp_path))
    assert any("a.json is neither old nor new" in fault for fault in plain)
    assert any("not durable: a.json" in fault for fault in whole)
    assert not any("neither old nor new" in fault for fault in whole)
    assert any("mine.txt is neither old nor new" in fault for fault in careless)
