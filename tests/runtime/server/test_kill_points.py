"""Everything that the runtime writes, ended at each of its durable steps: the next start makes it whole.

The long form takes all points: `python -m tests.release.kills`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHARES = {"kill": 1.0, "torn": 1.0, "full": 0.3, "locked": 0.2, "hold": 0.2}


@pytest.mark.skipif(sys.platform == "win32", reason="children are forked, as on Linux and macOS")
def test_each_durable_step() -> None:
    command = [sys.executable, "-m", "tests.release.kills", "--part", "runtime", "--shares", json.dumps(SHARES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    works = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f"{work['name']}: {fault}" for work in works for fault in work["faults"]] == [], done.stderr
    assert {work["name"]: work["kills"] for work in works} == {work["name"]: work["steps"] + 1 for work in works}
    assert len(works) > 5, done.stderr
