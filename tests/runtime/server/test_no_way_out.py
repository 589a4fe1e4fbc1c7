"""Server, page and worker start, draw and end, and ask no other machine for anything, not even for an address."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from runtime import protocol
from tests.fakes.serving import PYTHON, REAL, serve, until
from tests.release.page_calls import Page

#: `sitecustomize` of every Python that is started here: notes what is connected to, asked for and started
WATCH = """
import json, os, sys
_LINES = os.open(os.environ["GESSO_TEST_CALLS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
_PLACES = {
    "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0, "subprocess.Popen": 0, "os.system": 0, "os.exec": 0, "os.posix_spawn": 0, "os.spawn": 1,
}
def _tell(event, arguments):
    if event in _PLACES:
        said = arguments[_PLACES[event]]
        shown = said.decode("latin-1") if isinstance(said, bytes) else said
        os.write(_LINES, (json.dumps([os.getpid(), event, shown], default=os.fspath) + "\\n").encode())
sys.addaudithook(_tell)
os.write(_LINES, (json.dumps([os.getpid(), "watched", sys.orig_argv]) + "\\n").encode())
"""
#: what would keep the libraries silent by itself
SILENT = (
    "GRADIO_ANALYTICS_ENABLED",
    "DO_NOT_TRACK",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
)
PROXIES = tuple(f"{kind}_proxy" for kind in ("http", "https", "all", "no"))


@dataclass(frozen=True)
class Call:
    """One line: a process, what it did, and with whom (an address, a host's name, a program; nobody is None)."""

    process: int
    event: str
    whom: object

    @property
    def leaves(self) -> bool:
        """Does it concern another machine? A path is a socket of this one; nobody is whoever is connected already."""
        if not self.event.startswith("socket.") or self.whom is None:
            return False
        if self.event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(self.whom, str):
            return False
        host = self.whom[0] if isinstance(self.whom, list) else self.whom
        if host in ("localhost", ""):
            return False
        try:
            address = ipaddress.ip_address(str(host).partition("%")[0])
        except ValueError:
            return True
        # 0.0.0.0 is looked up where a server listens, and is connected to by none
        return not (address.is_loopback or (address.is_unspecified and self.event == "socket.getaddrinfo"))


@dataclass(frozen=True)
class Watched:
    """A folder with WATCH, the lines that it writes, and the variables that bring it about."""

    folder: Path

    def variables(self) -> dict[str, str]:
        (self.folder / "sitecustomize.py").write_text(WATCH)
        paths = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        return {"PYTHONPATH": paths, "GESSO_TEST_CALLS": str(self.folder / "calls")}

    def calls(self) -> list[Call]:
        return [Call(*json.loads(line)) for line in (self.folder / "calls").read_text().splitlines()]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Without what the computer that runs the tests may have set."""
    for name in (*SILENT, *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "watch"
    folder.mkdir()
    return Watched(folder)


ASKS = """
import contextlib, socket, subprocess, sys
with contextlib.suppress(OSError):
    socket.getaddrinfo("telemetry.invalid", 443)
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
        one.connect((address, 443))
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", (address, 443))
with socket.create_server(("localhost", 0)) as near, socket.create_connection(near.getsockname()):
    pass
if len(sys.argv) < 2:
    subprocess.run([sys.executable, __file__, "again"], check=True)
"""


def test_whoever_asks_another_machine_is_noticed(watched: Watched) -> None:
    """That the test below can fail: names, both kinds of address, with and without a connection, in children too."""
    asking = watched.folder / "asks.py"
    asking.write_text(ASKS)
    subprocess.run([PYTHON, str(asking)], env=os.environ | watched.variables(), check=True, timeout=120)
    found = watched.calls()
    assert len({call.process for call in found}) == 2
    for process in {call.process for call in found}:
        left = [(call.event, call.whom) for call in found if call.process == process and call.leaves]
        assert [each if isinstance(each, str) else each[0] for _, each in left] == [
            *("telemetry.invalid", "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1")
        ]  # fmt: skip


def test_nothing_asks_another_machine(watched: Watched, tmp_path: Path, checkpoint_file: Path) -> None:
    flags = ("--events", "--use-cpu", "all", "--ckpt", str(checkpoint_file))
    with serve(tmp_path / "data", *flags, program=REAL, **watched.variables()) as served:
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        served.client.timeout = 180
        page = Page(served.url)
        page.look()
        page.count_words("a cat")
        assert "a cat" in str(page.generate("a cat"))
        page.close()
        assert served.draw(prompt="x", steps=1, width=64, height=64).status_code == 200
        elsewhere = {"init_images": ["http://telemetry.invalid/a.png"]}
        assert served.post("/sdapi/v1/img2img", json=elsewhere).status_code < 500
        assert served.post("/sdapi/v1/png-info", json={"image": elsewhere["init_images"][0]}).status_code < 500
        server = psutil.Process(served.process.pid)
        everybody = [server, *server.children(recursive=True)]
        lines = [line for each in everybody for line in each.net_connections("inet") if line.raddr]
        assert not [line for line in lines if not ipaddress.ip_address(line.raddr.ip).is_loopback]
        assert len(everybody) >= 2, "the server and its worker"
        watching = {call.process for call in watched.calls() if call.event == "watched"}
        assert {each.pid for each in everybody} <= watching
    calls = watched.calls()
    assert [call for call in calls if call.leaves] == []
    started = {str(call.whom) for call in calls if not call.event.startswith("socket.") and call.event != "watched"}
    assert started == {sys.executable}, "no other program is asked to do it"
