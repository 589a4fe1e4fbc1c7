"""The plan's shape, what it finds missing, and what it warns of."""

from __future__ import annotations

import builtins
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources, Wheel
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan, engine_python, make_plan
from launcher.core.proposal import propose

LOCK = "ab" * 32
SOURCES = Sources((), LOCK)
BARE = Machine("linux", "x86_64", "3.11.7", 16384, 50_000)
READY = Installed("torch-2.13.0-cpu-1", "2.13.0+cpu", LOCK, verified=True)
NOTHING_ASKED, NOTHING_THERE, NO_PIP = Options(), Installed(), PipSettings()
NAMES = ["environment", "torch", "packages", "verify", "switch"]


def plan(
    machine: Machine = BARE,
    options: Options = NOTHING_ASKED,
    installed: Installed = NOTHING_THERE,
    pip: PipSettings = NO_PIP,
    sources: Sources = SOURCES,
    root: str = "/w",
) -> Plan:
    return make_plan(machine, options, installed, pip, sources, Path(root))


def missing(installed: Installed) -> list[str]:
    return [step.name for step in plan(installed=installed).missing]


def findings(made: Plan) -> dict[str, str]:
    return {finding.slug: finding.severity for finding in made.findings}


def test_the_shape_that_scripts_rely_on() -> None:
    found = plan().to_json()
    assert json.loads(json.dumps(found)) == found
    assert set(found) >= {"torch", "memory", "steps", "downloads", "disk", "findings"}
    assert set(found["torch"]) >= {"version", "tag", "source", "reason"}
    assert set(found["memory"]) >= {"mode", "attention", "flags", "reason"}
    assert [step["name"] for step in found["steps"]] == NAMES
    assert all(set(step) >= {"name", "state", "bytes"} for step in found["steps"])
    assert all(set(each) >= {"name", "bytes", "source"} for each in found["downloads"])
    assert set(found["disk"]) == {"needed_mib", "free_mib"}
    assert found["memory"]["mode"] == "cpu"
    assert found["memory"]["flags"] == ["--use-cpu", "all"]


def test_sentences_are_translated() -> None:
    made = plan(replace(BARE, disk_free_mib=10))
    shouted = made.to_json(lambda sentence: f"«{sentence}»")
    sentences = [shouted["torch"]["reason"], shouted["memory"]["reason"], shouted["findings"][0]["message"]]
    assert all(sentence.startswith("«") for sentence in [*sentences, *(step["title"] for step in shouted["steps"])])


@pytest.mark.parametrize(
    ("installed", "steps"),
    [
        (Installed(), NAMES),
        (READY, []),
        (replace(READY, torch="2.13.0+cu130"), NAMES),
        (replace(READY, lock_sha256="cd" * 32), NAMES),
        (Installed("half", None, None), NAMES[1:]),
        (Installed("half", "2.13.0+cpu", None), NAMES[2:]),
        (Installed("half", "2.13.0+cpu", LOCK), NAMES[3:]),
        (Installed("half", "2.12.0+cpu", None), NAMES),
    ],
)
def test_what_is_missing(installed: Installed, steps: list[str]) -> None:
    """A proven environment is left as it is and another built beside it; a half-made one is continued where it fits."""
    assert missing(installed) == steps


def test_downloads_and_disk_shrink_with_what_is_there() -> None:
    whole, half, done = plan(), plan(installed=Installed("half", "2.13.0+cpu")), plan(installed=READY)
    assert [each.name for each in whole.downloads] == ["torch", "packages"]
    assert [each.name for each in half.downloads] == ["packages"]
    assert done.downloads == ()
    needed = [made.disk_needed_mib or 0 for made in (whole, half, done)]
    assert needed[0] > needed[1] > needed[2] == 0


def test_the_users_own_wheel_is_the_download() -> None:
    wheel = Wheel("/own/torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", "/own", 77)
    made = plan(sources=Sources((wheel,), LOCK))
    assert (made.downloads[0].source, made.downloads[0].bytes) == ("/own", 77)
    assert made.to_json()["torch"]["source"] == "/own"


def test_no_password_in_what_is_shown() -> None:
    pip = PipSettings("https://me:secret@a.example/simple", ("https://me:secret@b.example/simple",))
    mac = Machine("macos", "arm64", "3.12.1", gpus=(Gpu(vendor="apple"),))
    for machine in (BARE, mac):
        assert "secret" not in json.dumps(plan(machine, pip=pip).to_json())


@pytest.mark.parametrize(
    ("python", "engine", "fetched"),
    [
        ("3.10.14", "3.10", False),
        ("3.13.1", "3.13", False),
        ("3.14.0", "3.12", True),
        ("3.9.2", "3.12", True),
        (None, "3.12", False),
    ],
)
def test_the_engines_python(python: str | None, engine: str, fetched: bool) -> None:
    assert engine_python(python) == engine
    made = plan(replace(BARE, python=python))
    assert made.python == engine
    assert ("python" in [each.name for each in made.downloads]) is fetched


def test_low_disk_is_an_error_and_comes_first() -> None:
    made = plan(replace(BARE, disk_free_mib=100), pip=PipSettings(trusted_hosts=("a.example",)))
    assert list(findings(made).items()) == [("disk-low", "error"), ("trusted-host-ignored", "warning")]
    assert "100" in str(made.findings[0].message)
    assert findings(plan(replace(BARE, disk_free_mib=None))) == {}
    assert findings(plan(replace(BARE, disk_free_mib=1), installed=READY)) == {}


def test_a_card_without_a_fitting_torch_is_an_error() -> None:
    old = replace(BARE, driver="470.256", gpus=(Gpu(0, None, "nvidia", "GeForce GTX 770", 2048, 2000, "3.0"),))
    made = plan(old)
    assert made.to_json()["torch"]["tag"] is None
    assert findings(made) == {"gpu-too-old": "error"}
    assert [each.name for each in made.downloads] == ["packages"]
    assert findings(plan(old, Options(memory="cpu"))) == {}


def test_a_radeon_is_a_warning() -> None:
    assert findings(plan(replace(BARE, gpus=(Gpu(0, None, "amd", "Radeon"),)))) == {"gpu-not-used": "warning"}


def test_a_missing_lock_is_an_error() -> None:
    assert findings(plan(sources=Sources())) == {"lock-missing": "error"}


@pytest.mark.parametrize(
    ("root", "long_paths", "slugs"),
    [
        ("C:\\gesso", None, {}),
        ("C:\\gesso", False, {}),
        ("C:\\Users\\张三丰\\Downloads\\gesso-main\\workspace", False, {"path-too-long": "warning"}),
        ("C:\\Users\\张三丰\\Downloads\\gesso-main\\workspace", True, {}),
        ("D:\\" + "🎨" * 20, False, {"path-too-long": "warning"}),
        ("D:\\" + "画" * 20, False, {}),
    ],
)
def test_long_paths_on_windows(root: str, long_paths: bool | None, slugs: dict[str, str]) -> None:
    windows = replace(BARE, os="windows", long_paths=long_paths)
    assert findings(plan(windows, root=root)) == {**slugs, "torch-not-run-by-us": "info"}


def test_long_paths_elsewhere() -> None:
    assert findings(plan(root="/" + "x" * 240)) == {}


def test_the_chosen_card_is_named() -> None:
    rig = replace(
        BARE,
        driver="580.95",
        gpus=(Gpu(0, "GPU-a", "nvidia", "A", 24576, 24000, "8.6"), Gpu(1, "GPU-b", "nvidia", "B", 4096, 2600, "8.6")),
    )
    assert (plan(rig).torch.card, plan(rig).memory.mode) == (rig.gpus[0], "full")
    made = plan(rig, Options(gpu="GPU-b"))
    assert (made.torch.card, made.memory.mode) == (rig.gpus[1], "medvram")
    assert ("CUDA_VISIBLE_DEVICES", "GPU-b") in made.torch.visible
    with pytest.raises(LauncherError, match="gpu-unknown"):
        plan(rig, Options(gpu="3"))
    with pytest.raises(LauncherError, match="memory-unknown"):
        plan(rig, Options(memory="tiny"))


@pytest.mark.parametrize(
    ("torch", "version", "attention"),
    [("2.7.1+cu118", "0.0.31.post1", "xformers"), ("2.7.1+cu118", "0.0.30", "sdp"), ("2.7.1+cu118", None, "sdp"),
     ("2.13.0+cpu", "0.0.31.post1", "sdp")],
)  # fmt: skip
def test_xformers_counts_where_it_was_made_for_the_torch(torch: str, version: str | None, attention: str) -> None:
    turing = Gpu(0, "GPU-a", "nvidia", "NVIDIA GeForce RTX 2080", 8192, 8000, "7.5")
    old = replace(BARE, driver="460.32", gpus=(turing,))
    made = plan(old, installed=Installed("there", torch, LOCK, verified=True, xformers=version))
    assert (made.torch.build, made.torch.xformers) == ("2.7.1+cu118", "0.0.31.post1")
    assert made.memory.attention == attention


def test_the_plan_opens_nothing_but_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pure: no socket, no child, and no file outside the data that ships."""
    make_plan(BARE, Options(), Installed(), PipSettings(), SOURCES, Path("/w"))
    opened: list[str] = []
    real = builtins.open

    def watched(file: Any, *rest: Any, **more: Any) -> Any:
        opened.append(str(file))
        return real(file, *rest, **more)

    monkeypatch.setattr("builtins.open", watched)
    monkeypatch.setattr("io.open", watched)
    monkeypatch.setattr("socket.socket", None)
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("os.environ", {})
    assert plan(Machine("windows", "x86_64", "3.12.0")).torch.tag == "cpu"
    assert opened
    assert all(name.endswith(".toml") for name in opened), opened


def test_proposing_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/night.toml").write_text('title = "n"\nwhy = "w"\nport = 8123\nshare = true\n')
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    before = sorted(tmp_path.rglob("*"))
    made = propose(Workspace(tmp_path), Options(profile="night"), Installed(), environ)
    assert sorted(tmp_path.rglob("*")) == before
    assert (made.options.port, made.options.share) == (8123, True)
    assert made.plan.disk_free_mib == made.machine.disk_free_mib
    simulated = propose(Workspace(tmp_path), Options(), Installed(), environ, machine=Machine(os="windows"))
    assert simulated.machine.os == "windows"
    with pytest.raises(LauncherError, match=r"profile-unknown.*lan, local, night, share"):
        propose(Workspace(tmp_path), Options(profile="none"), Installed(), environ)
