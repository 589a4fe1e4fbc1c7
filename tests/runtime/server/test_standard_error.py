"""Nobody reads the log any more: that costs its lines and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fakes.serving import CHECKOUT

PROGRAM = """
import logging, sys
from runtime.announce import claim_standard_output, say, say_in_red, set_up_logging
from runtime.standard_error import outlast_the_log
if sys.argv[1] == "outlasting":
    outlast_the_log()
events = claim_standard_output()
set_up_logging(None)
for _ in range(3):
    print("printed")
    say("said, 说")
    say_in_red("said")
    sys.stderr.write("written")
    sys.stderr.flush()
    logging.getLogger().warning("logged")
events.write("went on")
events.flush()
"""


def run(how: str, error: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", PROGRAM, how]
    return subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=error, check=False)


def test_a_log_that_nobody_reads_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert run("outlasting", writing).stdout == b"went on"
    assert run("as it was", writing).stdout == b"", "what is written there fails otherwise"
    os.close(writing)


@pytest.mark.parametrize("how", ["outlasting", "as it was"])
def test_one_that_is_read_has_every_line(how: str) -> None:
    reading, writing = os.pipe()
    assert run(how, writing).stdout == b"went on"
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as log:
        lines = log.read()
    for each in ("printed\n", "said, 说\n", "said\n", "written", "WARNING: logged\n"):
        assert lines.count(each) == 3, each
