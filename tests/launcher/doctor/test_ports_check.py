"""The port, and what runs: sockets and processes that are really there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from launcher.core.doctor import ports as module
from launcher.core.doctor.asking import Said
from launcher.core.doctor.ports import ports, runtime
from launcher.core.hardware.machine import Machine
from launcher.core.paths import child_environment
from launcher.core.plan.options import Options
from launcher.core.process import created
from launcher.core.running import Running, write_running
from tests.launcher.core_act.workshop import with_fake_engine
from tests.launcher.doctor.test_windows_checks import CHINESE


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def asking(described, port: int | None):
    ground = described(Machine("linux"))
    ground._told["proposal"] = SimpleNamespace(options=Options(port=port))
    return ground


def test_a_port_that_is_taken_and_one_that_is_free(described, taken: int) -> None:
    found = ports(asking(described, taken))
    assert (found.ok, found.mend) == (False, "next-port")
    assert found.values["port"] == str(taken)
    assert int(found.values["free"]) > taken
    assert ports(asking(described, int(found.values["free"]))).ok is True


def test_where_no_port_was_asked_for_another_is_taken(described, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_USUAL", taken)
    found = ports(asking(described, None))
    assert found.ok is True
    assert str(taken) in str(found.detail)


def test_gessos_own_page_may_hold_it(described, taken: int) -> None:
    ground = asking(described, taken)
    mine = Running(os.getpid(), created(os.getpid()) or 0.0, "local", "now", (), taken)
    write_running(ground.workspace, mine)
    assert ports(ground).ok is True


def test_a_port_that_windows_keeps(described, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = CHINESE.replace("7801        7900", f"{taken - 1}        {taken + 1}")
    monkeypatch.setattr(module, "_keeps_ports", lambda: True)
    monkeypatch.setattr(module, "ask", lambda *_: Said(0, tuple(said.splitlines())))
    found = ports(asking(described, taken))
    assert found.ok is False
    assert f"{taken - 1} to {taken + 1}" in str(found.detail)


def test_nothing_runs(described) -> None:
    assert runtime(described(None)).ok is None


def test_a_runtime_that_nobody_knows_of(described) -> None:
    ground = described(None)
    folder = with_fake_engine(ground.workspace)
    stray = folder / "bin" / "stray.py"
    stray.write_text("import time; time.sleep(600)\n")
    python = folder / "bin" / "python3"
    python.symlink_to(sys.executable)
    # The module's name is all that tells what it is; -i is not needed and -c would be another program.
    words = [str(python), "-c", stray.read_text(), "-m", "runtime", "--data-dir", str(ground.workspace.root)]
    child = subprocess.Popen(words, env=child_environment(ground.workspace, os.environ), start_new_session=True)
    try:
        _until_it_runs(child.pid)
        found = runtime(ground)
        assert (found.ok, found.mend) == (False, "end-orphan")
        assert found.values["pid"] == str(child.pid)
    finally:
        child.kill()
        child.wait()
    assert runtime(ground).ok is None


def _until_it_runs(pid: int) -> None:
    for _ in range(200):
        if b"--data-dir" in open(f"/proc/{pid}/cmdline", "rb").read():  # noqa: SIM115, PTH123
            return
        time.sleep(0.02)
