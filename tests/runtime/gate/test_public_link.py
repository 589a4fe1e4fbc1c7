"""--share: the tunnel's own name is let in, its program is looked at each time, and it closes when nobody comes."""

import hashlib
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from runtime.ui import share as sharing
from tests.fakes.serving import CHECKOUT, until
from tests.runtime.gate.asking import ask, gate

A_SCRIPT = pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
SETTINGS = ("--share", "--gradio-auth", "me:a long password")


def test_the_links_name_is_let_in_and_its_visitors_are_counted() -> None:
    guard, now = gate(*SETTINGS), [100.0]
    guard.clock = lambda: now[0]
    assert ask(guard, "GET", "/", "abc.gradio.live").status_code == 421
    guard.open_link("https://abc.gradio.live")
    now[0] += 50
    assert guard.link_idle() == 50
    ask(guard, "GET", "/", "127.0.0.1:7860")
    assert guard.link_idle() == 50, "the owner at this computer is no visitor"
    assert ask(guard, "GET", "/", "abc.gradio.live").status_code == 200
    assert guard.link_idle() == 0


def test_a_changed_program_is_removed_and_there_is_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = tmp_path / "frpc"
    client.write_bytes(b"changed")
    monkeypatch.setattr(sharing.tunneling, "BINARY_PATH", str(client))
    monkeypatch.setattr(sharing.networking, "setup_tunnel", lambda *_: pytest.fail("it was started"))
    sharing.share(7860, tmp_path, lambda _: pytest.fail("opened"), lambda: 0.0)
    assert "not what Gradio published" in capsys.readouterr().err
    assert not client.exists()


def tunnels_program(folder: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str) -> None:
    """A script in its place that gives its address; `before` and `after` that it runs these commands."""
    client = folder / "frpc"
    client.write_text(f"#!/bin/sh\n{before}\necho 'start proxy success: https://abc.gradio.live'\n{after}\n")
    client.chmod(0o755)
    known = {sharing.tunneling.BINARY_URL: hashlib.sha256(client.read_bytes()).hexdigest()}
    monkeypatch.setattr(sharing.tunneling, "CHECKSUMS", known)
    monkeypatch.setattr(sharing.tunneling, "BINARY_PATH", str(client))
    monkeypatch.setattr(sharing.tunneling, "CURRENT_TUNNELS", [])
    monkeypatch.setattr(sharing.tunneling, "subprocess", subprocess)
    monkeypatch.setattr(sharing.networking, "GRADIO_SHARE_SERVER_ADDRESS", "127.0.0.1:1")


@A_SCRIPT
def test_a_link_whose_program_has_ended_is_said_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # it says more than a pipe holds before it ends
    tunnels_program(tmp_path, monkeypatch, "", "head -c 300000 /dev/zero; exit 1")
    opened: list[str] = []
    told = threading.Thread(target=sharing.share, args=(7860, tmp_path, opened.append, lambda: 0.0), daemon=True)
    told.start()
    told.join(30)
    assert opened == ["https://abc.gradio.live"]
    assert "The public address is gone" in capsys.readouterr().err


@A_SCRIPT
def test_a_link_does_not_outlive_a_server_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would lead to whoever takes the port next."""
    number = tmp_path / "number"
    tunnels_program(tmp_path, monkeypatch, f"echo $$ > '{number}'", "exec sleep 60")
    there = sharing.tunneling
    code = f"""
from pathlib import Path
from runtime.ui import share
share.tunneling.BINARY_PATH, share.tunneling.CHECKSUMS = {there.BINARY_PATH!r}, {there.CHECKSUMS!r}
share.networking.GRADIO_SHARE_SERVER_ADDRESS = "127.0.0.1:1"
share.share(7860, Path({str(tmp_path)!r}), print, lambda: 0.0)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT) as server:
        try:
            until(lambda: number.exists() and number.read_text().strip())
            tunnel = psutil.Process(int(number.read_text()))
        finally:
            server.kill()
    assert psutil.wait_procs([tunnel], 10)[0]


@A_SCRIPT
def test_the_tunnels_program_gets_none_of_our_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = tmp_path / "seen"
    tunnels_program(tmp_path, monkeypatch, f"env > '{seen}'", "exec sleep 60")
    monkeypatch.setenv("COMMANDLINE_ARGS", "--gradio-auth me:secret1")
    monkeypatch.setenv("SOME_TOKEN", "secret2")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    opened: list[str] = []
    sharing.share(7860, tmp_path, opened.append, lambda: sharing.IDLE)
    assert opened == ["https://abc.gradio.live"], capsys.readouterr().err
    told = seen.read_text()
    assert "secret" not in told
    assert "https_proxy=http://127.0.0.1:9" in told, "the way to the relay leads through it"


def test_a_link_that_nobody_uses_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def timeout(seconds: float) -> None:
        raise subprocess.TimeoutExpired("frpc", seconds)

    class Tunnel:
        open = True
        proc = SimpleNamespace(wait=timeout, stdout=io.BytesIO(), stderr=io.BytesIO())

        def kill(self) -> None:
            self.open = False

    tunnel, opened, waits = Tunnel(), [], iter((0.0, 60.0, sharing.IDLE))
    monkeypatch.setattr(sharing.tunneling, "BINARY_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(sharing.tunneling, "CURRENT_TUNNELS", [tunnel])
    monkeypatch.setattr(sharing.networking, "setup_tunnel", lambda *_: "https://abc.gradio.live")
    sharing.share(7860, tmp_path, opened.append, lambda: next(waits))
    assert opened == ["https://abc.gradio.live"]
    assert not tunnel.open
    assert "it is closed" in capsys.readouterr().err
