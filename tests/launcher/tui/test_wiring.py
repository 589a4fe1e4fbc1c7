"""The interface over the real core: a real look at this computer, from an empty workspace."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from launcher.core.environments.environments import Stamp, read_stamp, stamp, switch
from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.file_hash import sha256
from launcher.core.pack.manifest import Pack, write_description, write_sums
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.options import Options
from launcher.core.process import python_in
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile
from launcher.core.proposal import propose
from launcher.core.running import status
from launcher.tui import wiring
from launcher.tui.app import GessoApp
from tests.launcher.core_act.workshop import answering_with
from tests.launcher.tui.test_home_screen import until


async def test_the_first_screen_of_an_empty_workspace_shows_the_real_plan_and_writes_nothing(tmp_path: Path):
    core = wiring.real_core(Workspace(tmp_path / "workspace"), Options(memory="cpu"))
    app = GessoApp(core, "en")
    async with app.run_test(size=(80, 24)) as pilot:
        end = time.monotonic() + 20
        while app.screen.home.stage == "looking" and time.monotonic() < end:
            await pilot.pause(0.05)
        home = app.screen.home
        assert home.stage == "ready", home.error
        assert [step.name for step in home.survey.plan.missing] == [
            "environment", "torch", "packages", "verify", "switch",
        ]  # fmt: skip
        assert home.survey.installed.environment is None
        assert home.survey.machine.ram_mib > 0
    assert not (tmp_path / "workspace").exists()


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the engine's Python is a shell script")
async def test_enter_starts_a_real_process_and_leaving_can_stop_it(tmp_path: Path):
    workspace = Workspace(tmp_path / "with space 中文")
    an_environment(workspace)
    core = replace(wiring.real_core(workspace, Options(memory="cpu")), open_page=lambda _url: True)
    app = GessoApp(core, "zh")
    async with app.run_test(size=(80, 24)) as pilot:
        await reaches(pilot, "ready")
        assert app.screen.home.missing == 0
        await pilot.press("enter")
        await reaches(pilot, "serving")
        await until(pilot, "engine says hello")
        await until(pilot, "一把钥匙")
        assert status(workspace).state == "serving"
        await pilot.press("q", "enter")
    assert status(workspace).state == "serving", "left running, as was chosen"
    app = GessoApp(core, "en")
    async with app.run_test(size=(80, 24)) as pilot:
        await reaches(pilot, "serving")
        await until(pilot, "It runs already")
        await pilot.press("s")
        await reaches(pilot, "ready")
    assert status(workspace).state == "stopped"


async def reaches(pilot: Pilot, stage: str) -> None:
    end = time.monotonic() + 20
    while pilot.app.screen.home.stage != stage and time.monotonic() < end:
        await pilot.pause(0.05)
    assert pilot.app.screen.home.stage == stage, pilot.app.screen.home


def an_environment(workspace: Workspace) -> None:
    """What the plan asks for, with a Python that runs a stand-in for the runtime: it says its events and waits."""
    torch = propose(workspace, Options(memory="cpu"), Installed()).plan.torch
    folder = workspace.environments / "torch-1"
    python_in(folder).parent.mkdir(parents=True)
    body = (
        f"import sys, time; sys.path.insert(0, {str(checkout())!r})\n"
        "from runtime.protocol import *\n"
        "say = lambda event: print(to_line(event), end='', flush=True)\n"
        "say(Phase('server')); print('engine says hello', file=sys.stderr, flush=True)\n"
        "say(Serving('http://127.0.0.1:1')); say(Credentials('gesso', '一把钥匙')); say(Model('demo', 1.0))\n"
        "say(Serving('http://127.0.0.1:1', True)); time.sleep(60)\n"
    )
    script = workspace.root / "stand_in.py"
    script.write_text(body, encoding="utf-8")
    answering_with(python_in(folder), script)
    record = Stamp(torch.build or "", torch.tag or "", "", (), sha256(ENGINE_LOCK), "3.11", "2026-01-01T00:00:00")
    stamp(folder, record)
    switch(workspace, folder)


def test_the_profile_chosen_on_a_screen_is_taken_again_unless_it_is_gone(tmp_path: Path):
    workspace = Workspace(tmp_path / "workspace")
    core = wiring.real_core(workspace, Options(memory="cpu"))
    assert (core.look().options.profile, core.look().title) == ("local", "On this computer")
    mine = save_profile(workspace.root / "profiles", "mine", RunProfile(title="Mine", extends="lan", port=7999))
    core.choose("mine")
    seen = core.look()
    assert (seen.options.profile, seen.options.listen, seen.options.port, seen.title) == ("mine", True, 7999, "Mine")
    mine.unlink()
    assert core.look().options.profile == "local"


def test_the_figures_are_this_computers_and_end_when_cancelled(tmp_path: Path):
    core = wiring.real_core(Workspace(tmp_path), Options())
    cancel = threading.Event()
    told = core.figures(cancel)
    assert next(told).ram_mib
    cancel.set()
    assert list(told) == []


def test_the_users_checkpoints_and_the_demo_are_named(tmp_path: Path):
    workspace = Workspace(tmp_path)
    folder = workspace.models / "Stable-diffusion" / "mine"
    folder.mkdir(parents=True)
    for name in ("a.safetensors", "b.ckpt", "notes.txt"):
        (folder / name).touch()
    (folder / "folder.safetensors").mkdir()
    (folder / "loop.ckpt").symlink_to("loop.ckpt")
    assert [name for name in wiring.models(workspace) if name != "gesso-demo"] == ["a", "b"], "files alone"


def test_the_language_is_kept_in_the_workspace(tmp_path: Path):
    core = wiring.real_core(Workspace(tmp_path), Options())
    core.save_language("zh")
    assert (tmp_path / "config.toml").read_text(encoding="utf-8") == 'language = "zh"\n'


def test_no_browser_is_started_in_a_terminal_without_a_screen(monkeypatch):
    from launcher.tui import browser

    opened: list[str] = []
    monkeypatch.setattr(browser.webbrowser, "open", opened.append)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(browser.sys, "platform", "linux")
    assert not browser.open_page("http://127.0.0.1:1")
    monkeypatch.setitem(os.environ, "DISPLAY", ":0")
    assert browser.open_page("http://127.0.0.1:1")
    end = time.monotonic() + 2
    while not opened and time.monotonic() < end:
        time.sleep(0.01)
    assert opened == ["http://127.0.0.1:1"]


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel in the pack is one for Linux")
def test_what_the_interface_installs_and_starts_comes_from_the_pack(tmp_path: Path):
    pack = tmp_path / "pack"
    (pack / "models" / "Lora").mkdir(parents=True)
    (pack / "models" / "Lora" / "a.safetensors").write_text("packed")
    list(write_sums(pack, ["models/Lora/a.safetensors"], {}))
    workspace, options = Workspace(tmp_path / "ws"), Options(memory="cpu", pack=pack)
    with pytest.raises(LauncherError) as failure:
        wiring.real_core(workspace, options).look()
    assert failure.value.code == "pack-missing", "its description is missing"
    write_description(pack, Pack(1, "linux", "x86_64", "3.11", "2.13.0", "0", "0", False, "now"))
    with pytest.raises(LauncherError) as failure:
        wiring.real_core(workspace, options).look()
    assert failure.value.code == "pack-unfit", "its wheels are asked, not the network"
    an_environment(workspace)
    # what the installed one came from
    tag = f"cp3{sys.version_info[1]}"
    name = f"torch-{read_stamp(workspace.environments / 'torch-1').torch}-{tag}-{tag}-manylinux_2_28_x86_64.whl"
    (pack / "wheels").mkdir()
    (pack / "wheels" / name).touch()
    core = wiring.real_core(workspace, options)
    seen = core.look()
    assert not seen.plan.missing
    for work in (core.install, core.launch):
        events = work(seen, threading.Event())
        while not (workspace.models / "Lora" / "a.safetensors").exists():
            next(events)
        events.close()
        (workspace.models / "Lora" / "a.safetensors").unlink()
