"""The runtime's log stays below 50 MB with what was set aside of it and the run before, whoever floods it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from launcher.core import log_keeper
from launcher.core.log_keeper import LARGEST, aside, keep
from launcher.core.paths import Workspace, checkout
from launcher.core.process import created, kept_log, start_detached
from launcher.core.running import Tail, find_running
from tests.launcher.core_act.test_launch import events, options
from tests.launcher.core_act.workshop import with_fake_engine

MIB = 1024**2
BOUND = 50 * MIB


def size_of(folder: Path) -> int:
    """Bytes, as they are counted while files are moved."""
    found = 0
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += file.stat().st_size
    return found


def written(log: Path, *portions: bytes) -> None:
    """`portions`, together less than a pipe holds, by way of a keeper in this process."""
    reading, writing = os.pipe()
    for portion in portions:
        os.write(writing, portion)
    os.close(writing)
    keep(log, reading)
    os.close(reading)


def test_a_flood_whose_launcher_is_gone_is_bounded_and_its_last_word_stays(tmp_path: Path) -> None:
    """Binary and without an end of line; the last word is what a crash would leave on the channel itself."""
    flood = """
import os
for _ in range(120):
    os.write(2, bytes(range(128, 256)) * 8192)
os.write(2, b"the end")
os.abort()
"""
    starter = textwrap.dedent(f"""
        import os, sys
        from pathlib import Path
        from launcher.core.process import created, kept_log, start_detached
        log = Path(sys.argv[1])
        with kept_log(log, Path(sys.executable)) as (channel, keeper):
            command = [sys.executable, "-c", {flood!r}]
            child = start_detached(command, environment=os.environ, cwd=log.parent, out=log.parent / "out", err=channel)
        print(keeper.pid, flush=True)
        os._exit(0)
    """)
    log = tmp_path / "runtime.log"
    words = [sys.executable, "-c", starter, str(log)]
    started = subprocess.run(words, cwd=checkout(), check=True, capture_output=True, timeout=60)
    largest = 0
    while created(int(started.stdout)):
        largest = max(largest, size_of(tmp_path))
        time.sleep(0.01)
    assert log.read_bytes().endswith(b"the end")
    assert LARGEST < max(largest, size_of(tmp_path)) <= BOUND


def test_nothing_is_lost_where_it_is_set_aside_and_who_follows_reads_each_line_once(tmp_path: Path) -> None:
    log = tmp_path / "runtime.log"
    said = f"import sys\nfor n in range({18 * MIB // 64}): sys.stderr.write(f'{{n:063d}}\\n')\n"
    with kept_log(log, Path(sys.executable)) as (channel, keeper):
        tail = Tail(log)
        command = [sys.executable, "-c", said]
        child = start_detached(command, environment=os.environ, cwd=tmp_path, out=tmp_path / "out", err=channel)
    found: list[str] = []
    while keeper.poll() is None:
        found += tail.lines()
        time.sleep(0.01)
    found += tail.lines(final=True)
    assert child.wait() == 0
    assert found == [f"{number:063d}" for number in range(18 * MIB // 64)]
    assert (aside(log).read_bytes() + log.read_bytes()).split() == [line.encode() for line in found]


def test_one_that_cannot_be_set_aside_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, while somebody reads it."""
    log = tmp_path / "runtime.log"
    log.write_bytes(bytes(LARGEST))

    def held(_self: Path, _target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "replace", held)
    written(log, b"more")
    assert log.stat().st_size == LARGEST + 4
    monkeypatch.setattr(log_keeper, "_HARD", LARGEST)
    written(log, b"anew")
    assert log.read_bytes() == b"anew"


def test_a_full_disk_costs_lines_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "runtime.log").mkdir()
    written(tmp_path / "runtime.log", b"lost")


def test_the_logs_of_runs_before_are_bounded_too(workspace: Workspace) -> None:
    """Also one that an earlier Gesso let grow."""
    with_fake_engine(workspace)
    workspace.logs.mkdir(parents=True)
    log = workspace.logs / "runtime.log"
    with log.open("wb") as file:
        file.truncate(4 * BOUND)
        file.seek(0, os.SEEK_END)
        file.write(b"why it ended\n")
    aside(log).write_bytes(bytes(LARGEST))
    events(workspace, options())
    assert find_running(workspace)
    assert log.with_suffix(".previous.log").read_bytes().endswith(b"why it ended\n")
    assert not aside(log).exists()
    assert size_of(workspace.logs) < LARGEST + MIB
