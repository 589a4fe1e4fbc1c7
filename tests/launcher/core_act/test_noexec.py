"""A disk on which no program runs: said by plan and doctor, and by an install before its first step."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.environments.installed import Installed
from launcher.core.hardware.machine import Machine, Volume
from launcher.core.install.trial import runs_nothing
from launcher.core.packages.own_python import OwnPython
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.paths import checkout
from launcher.core.plan.options import Options
from launcher.core.plan.plan import make_plan

#: in a world of its own, in which it may mount: `place` is such a disk, and `linked` a folder with a link to it
WORLD = """
import json, os, subprocess, sys, time
from pathlib import Path

from launcher.core.doctor.ground import Ground
from launcher.core.doctor.places import permissions
from launcher.core.errors import LauncherError
from launcher.core.install.install import install
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace
from tests.launcher.core_act.workshop import from_wheel, lock_of, plan_with, wheel

place, linked = Path(sys.argv[1]) / "disk 盘", Path(sys.argv[1]) / "linked"
place.mkdir()
linked.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "tmpfs", place], check=True)
(linked / "environments").symlink_to(place)

def gesso(*words):
    command = [sys.executable, "-m", "launcher", "--root", str(place), "--json", *words]
    return json.loads(subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[-1])

def doctor(root):
    found = permissions(Ground(Here(Workspace(root), os.environ), time.monotonic() + 60))
    return found.ok, str(found.detail), str(found.fix)

def installed(root):
    links = Path(sys.argv[1]) / "links"
    plan = plan_with(from_wheel(wheel(links, "torch", "2.13.0")))
    lock = lock_of(links / "engine.txt", wheel(links, "tiny", "1.0"))
    events = []
    try:
        for event in install(plan, Workspace(root), lock=lock, proof=("-c", "")):
            events.append(str(event))
    except LauncherError as error:
        return error.code, str(error.message), str(error.hint), events
    return "done", "", "", events

print(json.dumps({
    "findings": [each for each in gesso("plan")["findings"] if each["slug"] == "workspace-noexec"],
    "refused": gesso("install", "--yes")["error"]["code"],
    "doctor": [doctor(root) for root in (place, place / "new", linked)],
    "installed": [installed(root) for root in (place, linked)],
    "left": [str(file) for file in place.rglob(".gesso-*")],
}))
"""


@pytest.mark.skipif(
    sys.platform != "linux"
    or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0,
    reason="no disk can be mounted here",
)
def test_a_disk_on_which_nothing_runs_is_named(tmp_path: Path) -> None:
    told = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", WORLD, str(tmp_path)],
        cwd=checkout(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    (finding,) = found["findings"]
    assert finding["severity"] == "warning"
    assert "noexec" in finding["message"]
    assert found["refused"] == "workspace-noexec"
    for ok, detail, fix in found["doctor"]:
        assert (ok, "noexec" in detail, "--root" in fix) == (False, True, True)
    for code, message, hint, events in found["installed"]:
        assert (code, "noexec" in message, "--root" in hint, events) == ("workspace-noexec", True, True, [])
    assert found["left"] == []


@pytest.mark.parametrize(
    ("noexec", "own", "said"),
    [
        (True, None, True),
        (False, None, False),
        (None, None, False),
        (True, OwnPython("3.11", "/usr/bin/python3"), True),
        # its packages lie elsewhere
        (True, OwnPython("3.11", "/usr/bin/python3", venv=Path("/elsewhere")), False),
    ],
)
def test_a_plan_says_it_where_the_engine_would_lie_there(
    noexec: bool | None, own: OwnPython | None, said: bool
) -> None:
    machine = Machine(
        "linux", "x86_64", "3.11.7", 16384, 50_000, volumes=(Volume("/w", ("workspace",), noexec=noexec),)
    )
    made = make_plan(machine, Options(), Installed(), PipSettings(), Sources((), "ab" * 32), Path("/w"), own)
    assert [each.severity for each in made.findings if each.slug == "workspace-noexec"] == ["warning"] * said


@pytest.mark.skipif(sys.platform == "win32", reason="its disks know no noexec")
@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (None, False),
        (PermissionError(13, "no"), True),
        (FileNotFoundError(2, "/bin/sh"), False),
        (OSError(26, "busy"), False),
    ],
)
def test_what_alone_the_system_forbids_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: OSError | None, refused: bool
) -> None:
    started = []

    def start(words: list[str], **more: object) -> None:
        started.append(Path(words[0]).parent)
        raise answer or AssertionError

    if answer:
        monkeypatch.setattr("launcher.core.process.subprocess.Popen", start)
    assert (runs_nothing(tmp_path) is not None) is refused
    assert started == ([tmp_path] if answer else [])
    assert list(tmp_path.iterdir()) == []
