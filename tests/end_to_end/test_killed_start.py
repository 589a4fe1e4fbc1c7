"""install.sh killed on its way to a Python, at some of the steps that `python -m tests.release.kills` takes all of."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.end_to_end.stand_ins import ROOT

#: of all steps of each, and of the full disks
SHARES = {"dear-kill": 0.08, "dear-full": 0.04}


@pytest.mark.skipif(sys.platform != "linux", reason="steps are counted by a library that Linux puts in front")
@pytest.mark.skipif(not (shutil.which("cc") and shutil.which("unzip")), reason="needs a C compiler and unzip")
def test_the_next_start_goes_on_to_a_whole_python() -> None:
    words = ["--part", "start-programs", "--only", "python-fetched", "python-packed", "--shares", json.dumps(SHARES)]
    command = [sys.executable, "-m", "tests.release.kills", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    works = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f"{work['name']}: {fault}" for work in works for fault in work["faults"]] == [], done.stderr
    assert [work["name"] for work in works] == ["python-fetched", "python-packed"], done.stderr
    assert all(work["kills"] > 3 and set(work["codes"]) == {"disk-full"} for work in works), works
