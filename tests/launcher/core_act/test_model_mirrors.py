"""A large model: its hosts and their mirrors are measured first, and the fastest with the right bytes is asked."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded, Notice
from launcher.core.models.addresses import OnlineFile, Ways, measured_ways
from launcher.core.models.catalogue import Entry, Location
from launcher.core.models.fetch import fetch, remaining, target_of
from launcher.core.network.mirror_choice import look_around
from launcher.core.paths import Workspace
from tests.fakes.fault_server import FaultServer

CONTENT = os.urandom(1 << 20) * 65
ENTRY = '[[huggingface]]\nname = "{name}"\ngroup = "{name}"\nchecked = 2026-11-21\nurl = "{url}"\nstyle = "endpoint"\n'


def nowhere(url: str, led_by: str) -> str | None:
    """Whatever is not on the loopback goes to a proxy that is not there: no test asks the network."""
    return None if url.startswith("http://127.0.0.1:") else "http://127.0.0.1:9"


def entry(name: str, size: int) -> Entry:
    places = (Location("huggingface", "lfs", repo="owner/model", path=name, revision="main"),)
    return Entry(
        name, "checkpoint", "sd1", "safetensors", 4, "models/Stable-diffusion", size,
        hashlib.sha256(CONTENT[:size]).hexdigest(), "MIT", "one-source", (), places,
    )  # fmt: skip


def test_the_fastest_host_gives_the_file_and_the_others_a_mib_at_most(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with FaultServer(CONTENT) as server:
        modes = {"slow": "rate=3000000", "lying": "zeros", "fast": "no-validator"}
        entries = [ENTRY.format(name=name, url=server.url(mode).rstrip("/")) for name, mode in modes.items()]
        (tmp_path / "mirrors.toml").write_text("".join(entries))
        around = look_around(workspace, {"HOME": str(tmp_path)})
        around = replace(
            around, mirrors=replace(around.mirrors, measuring=replace(around.mirrors.measuring, seconds=4.0))
        )
        wanted = entry("large.safetensors", len(CONTENT))
        events = list(fetch(workspace, [wanted], Ways(around, nowhere, None, {})))
        assert [event.slug for event in events if isinstance(event, Notice)][:1] == ["measuring"]
        assert isinstance(events[-2], Downloaded)
        assert server.sent("no-validator") >= len(CONTENT)
        assert target_of(workspace, wanted).stat().st_size == len(CONTENT)
        for mode in ("rate=3000000", "zeros"):
            assert server.sent(mode) < 2 << 20


def test_the_rest_of_a_file_is_measured_as_the_whole_file(tmp_path: Path) -> None:
    """A cut download goes on in another network: the places still have a file of the size that was wanted."""
    workspace = Workspace(tmp_path)
    content = CONTENT + CONTENT[: 1 << 20]
    wanted = replace(entry("cut.safetensors", len(content)), sha256=hashlib.sha256(content).hexdigest())
    with FaultServer(content) as server:
        (tmp_path / "mirrors.toml").write_text(ENTRY.format(name="only", url=server.url("ok").rstrip("/")))
        address = Address(server.url("close-early=0.005", "owner/model/resolve/main/cut.safetensors"))
        part = Wanted(wanted.name, target_of(workspace, wanted), (address,), wanted.sha256, wanted.bytes)
        with pytest.raises(LauncherError):
            list(download(part, patience=Patience(pause=0.01, strikes=1)))
        assert 0 < remaining(workspace, [wanted]) < wanted.bytes
        around = look_around(workspace, {"HOME": str(tmp_path)})
        events = list(fetch(workspace, [wanted], Ways(around, nowhere, None, {})))
    assert [event.slug for event in events if isinstance(event, Notice)] == ["measuring"]
    assert [event.source for event in events if isinstance(event, Downloaded)] == ["127.0.0.1"]


@pytest.mark.parametrize(("mib", "measured"), [(63, False), (64, True)])
def test_a_small_file_is_not_worth_measuring(tmp_path: Path, mib: int, measured: bool) -> None:
    workspace = Workspace(tmp_path)
    content = CONTENT[: mib << 20]
    with FaultServer(content) as server:
        (tmp_path / "mirrors.toml").write_text(ENTRY.format(name="only", url=server.url("ok").rstrip("/")))
        ways = Ways(look_around(workspace, {"HOME": str(tmp_path)}), nowhere, None, {})
        url = entry("some.pt", len(content)).locations[0].address
        list(measured_ways(workspace, ways, [OnlineFile(url, len(content), None)], None))
        assert bool(server.requests) == measured
