"""--share: the tunnel's own name is let in, its program is looked at each time, and it closes when nobody comes."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from runtime.ui import share as sharing
from tests.runtime.gate.asking import ask, gate

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


@pytest.mark.skipif(os.name == "nt", reason="a script is no program there")
def test_the_tunnels_program_gets_none_of_our_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client, seen = tmp_path / "frpc", tmp_path / "seen"
    client.write_text(
        f"#!/bin/sh\nenv > '{seen}'\necho 'start proxy success: https://abc.gradio.live'\nexec sleep 60\n"
    )
    client.chmod(0o755)
    known = {sharing.tunneling.BINARY_URL: hashlib.sha256(client.read_bytes()).hexdigest()}
    monkeypatch.setattr(sharing.tunneling, "CHECKSUMS", known)
    monkeypatch.setattr(sharing.tunneling, "BINARY_PATH", str(client))
    monkeypatch.setattr(sharing.tunneling, "CURRENT_TUNNELS", [])
    monkeypatch.setattr(sharing.tunneling, "subprocess", subprocess)
    monkeypatch.setattr(sharing.networking, "GRADIO_SHARE_SERVER_ADDRESS", "127.0.0.1:1")
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
    class Tunnel:
        open = True

        def kill(self) -> None:
            self.open = False

    tunnel, opened, waits = Tunnel(), [], iter((0.0, 60.0, sharing.IDLE))
    monkeypatch.setattr(sharing, "_LOOK", 0)
    monkeypatch.setattr(sharing.tunneling, "BINARY_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(sharing.tunneling, "CURRENT_TUNNELS", [tunnel])
    monkeypatch.setattr(sharing.networking, "setup_tunnel", lambda *_: "https://abc.gradio.live")
    sharing.share(7860, tmp_path, opened.append, lambda: next(waits))
    assert opened == ["https://abc.gradio.live"]
    assert not tunnel.open
    assert "it is closed" in capsys.readouterr().err
