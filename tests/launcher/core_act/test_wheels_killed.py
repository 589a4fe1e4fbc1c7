"""An install that is killed while a wheel comes is continued where it was: hardly a byte comes twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from launcher.core.environments.environments import current
from launcher.core.paths import Workspace, checkout
from launcher.core.process import python_in
from tests.fakes.fault_server import FaultServer, Request
from tests.launcher.core_act.workshop import lock_of, sha256, wheel

KILLS, SIZE = 6, 6_000_000
#: what lies unread in the network at the moment of the kill is lost: its buffers are small here, on both sides
BUFFER = 16 * 1024
INSTALL = f"""
import os, socket, sys
from pathlib import Path
from urllib3.connection import HTTPConnection
HTTPConnection.default_socket_options.append((socket.SOL_SOCKET, socket.SO_RCVBUF, {BUFFER}))
from launcher.core.install.install import install
from launcher.core.paths import Workspace
from tests.launcher.core_act.workshop import PROOF, from_wheel, plan_with
root, torch, lock = map(Path, sys.argv[1:])
for event in install(plan_with(from_wheel(torch)), Workspace(root), environ=os.environ, lock=lock, proof=PROOF):
    pass
"""


def ours(server: FaultServer) -> list[Request]:
    """The requests of our own downloads: uv reads a wheel's metadata by itself."""
    wheels = [each for each in server.requests if each.path.endswith(".whl") and each.method == "GET"]
    return [each for each in wheels if not each.headers.get("user-agent", "").startswith("uv/")]


@pytest.mark.skipif(sys.platform == "win32", reason="killed as on Linux and macOS")
def test_at_most_a_hundredth_is_fetched_again(tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> None:
    torch = wheel(tmp_path / "links", "torch", "2.13.0")
    big = wheel(tmp_path / "index" / "big", "big", "1.0", text="x" * SIZE)
    command = [sys.executable, "-c", INSTALL, str(workspace.root), str(torch), str(lock_of(tmp_path / "lock.txt", big))]
    with FaultServer(tmp_path / "index", buffer=BUFFER) as server:
        address = server.url("rate=8000000", f"big/{big.name}")
        (big.parent / "index.html").write_text(f'<a href="{address}#sha256={sha256(big)}">{big.name}</a>')
        variables = {**environ, "PIP_INDEX_URL": server.url("ok").rstrip("/"), "PYTHONPATH": str(checkout())}
        for number in range(KILLS):
            child = subprocess.Popen(command, env=variables, cwd=checkout(), start_new_session=True)
            before, point = len(server.requests), SIZE * (number + 1) // (KILLS + 1)
            while child.poll() is None and not any(
                r.start + r.sent >= point for r in ours(server) if r in server.requests[before:]
            ):
                time.sleep(0.002)
            assert child.poll() is None, "it was at work"
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        subprocess.run(command, env=variables, cwd=checkout(), check=True)
        visits = [(each.start, each.start + each.sent) for each in ours(server)]
    again = [max(0, end - start) for (_, end), (start, _) in pairwise(visits)]
    assert len(visits) == KILLS + 1
    assert max(again) <= SIZE // 100
    folder = current(workspace)
    assert folder is not None
    subprocess.run([python_in(folder), "-c", "import torch, big"], check=True)
