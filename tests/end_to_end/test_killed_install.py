"""The installer is killed, with all that it started, at fifty moments; the next run always ends well."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.stand_ins import (
    ROOT,
    closed_environment,
    copy_checkout,
    kill_group,
    start,
    write_launcher_wheels,
    write_wheel,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are killed as on Linux and macOS")
# Fifty in all, each of which hits a run that is at work: the bootstrap takes longer and has fewer things to lose.
BOOTSTRAP_MOMENTS, ENGINE_MOMENTS = 6, 44
# The engine's are killed side by side, each in a workspace of its own, and several times before one may end.
AT_ONCE, IN_A_ROW = 4, 11
PARTS = 60
PYTHON_TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}"
# Stands in for the proof: the environment's own Python imports what was installed, every file of it.
PROOF = '''"""Stands in for runtime.prove."""
import importlib, json
import torch
modules = [importlib.import_module(f"stand_in.part{number}") for number in range(60)]
print(json.dumps({"ok": len(modules) == 60, "torch": torch.__version__, "device": "cpu", "seconds": 0.1}))
'''


@dataclass(frozen=True)
class Victim:
    """A command that is killed; `undo` takes back what an earlier run has done, so that there is work again."""

    command: list[str]
    environment: dict[str, str]
    cwd: Path
    undo: Callable[[], object]

    def run(self) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            self.command, env=self.environment, cwd=self.cwd, capture_output=True, text=True, timeout=600
        )

    def moments(self, count: int) -> list[float]:
        """`count` moments spread over the time that one whole run takes, from its very start to just before its end."""
        assert self.run().returncode == 0
        # The first run also fills caches: only the second one takes as long as those that are killed.
        self.undo()
        started = time.monotonic()
        assert self.run().returncode == 0
        took = time.monotonic() - started
        return [took * (number + 0.5) / count for number in range(count)]

    def kill_after(self, seconds: float, *, anew: bool = True) -> float:
        """Start, and kill the whole group while it works. A kill that came after its end counts for nothing and is
        tried again earlier; returns the moment that hit."""
        for attempt in range(8):
            if anew or attempt:
                self.undo()
            child = start(self.command, self.environment, self.cwd)
            time.sleep(seconds)
            if kill_group(child):
                return seconds
            seconds *= 0.8
        raise AssertionError("it always ended before it was killed")


def test_the_bootstrap_ends_well_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    lock = write_launcher_wheels(tmp_path / "wheels")
    clone = copy_checkout(tmp_path / "clone", lock)

    def update() -> None:
        """Another lock, so the environment of the last round is made anew."""
        with (clone / "launcher" / "data" / "locks" / "launcher.txt").open("a") as file:
            file.write("\n")

    victim = Victim([str(clone / "install.sh"), "--yes"], closed_environment(tmp_path / "wheels"), tmp_path, update)
    for moment in victim.moments(BOOTSTRAP_MOMENTS):
        hit = victim.kill_after(moment)
        again = victim.run()
        assert again.returncode == 0, f"killed after {hit:.2f} s: {again.stderr}"
        assert json.loads(again.stdout)["prefix"] == str(clone / ".launcher")
        assert victim.run().stderr == "", f"killed after {hit:.2f} s: the environment was not stamped"


def write_engine_wheels(folder: Path) -> str:
    """A torch of the version that is chosen here, in its folder, and a package of many files; returns the lock."""
    version = re.search(r'^version = "(.+)"', (ROOT / "launcher/data/torch.toml").read_text(), re.MULTILINE)
    assert version
    label = "+cpu" if sys.platform == "linux" else ""
    write_wheel(
        folder, "torch", version[1] + label, {"torch/__init__.py": f'__version__ = "{version[1]}{label}"'.encode()}
    )
    plain = folder / f"torch-{version[1]}{label}-py3-none-any.whl"
    rename_wheel(plain)
    files = {f"stand_in/part{number}.py": b"WHOLE = True\n" * 50 for number in range(PARTS)}
    return write_wheel(folder, "stand-in", "1.0", {"stand_in/__init__.py": b"", **files})


def rename_wheel(plain: Path) -> None:
    """The stand-in gets the name and tag of a real torch wheel for this Python and computer."""
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    platform = f"manylinux_2_28_{machine}" if sys.platform == "linux" else f"macosx_11_0_{machine}"
    tag = f"{PYTHON_TAG}-{PYTHON_TAG}-{platform}"
    target = plain.with_name(plain.name.replace("py3-none-any", tag))
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(
                name,
                old.read(name).replace(b"Tag: py3-none-any", f"Tag: {tag}".encode())
                if name.endswith("WHEEL")
                else old.read(name),
            )
    plain.unlink()


@dataclass(frozen=True)
class Engine:
    """The real install verb in a copy whose engine lock names the stand-ins."""

    clone: Path
    wheels: Path

    def victim(self, name: str) -> Victim:
        """With a workspace of that name, which it begins without."""
        workspace = self.clone.parent / f"work 画室 {name}"
        command = [sys.executable, "-m", "launcher", "install", "--yes", "--json", "--root", str(workspace)]
        environment = closed_environment(self.wheels)
        return Victim(command, environment, self.clone, lambda: shutil.rmtree(workspace, ignore_errors=True))


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    clone = tmp_path / "clone"
    copy_checkout(clone, "")
    shutil.copy2(ROOT / "launcher" / "__main__.py", clone / "launcher" / "__main__.py")
    (clone / "launcher/data/locks/engine.txt").write_text(write_engine_wheels(tmp_path / "wheels"))
    (clone / "runtime" / "prove.py").write_text(PROOF)
    return Engine(clone, tmp_path / "wheels")


def test_the_engines_install_ends_well_after_a_kill_at_any_moment(engine: Engine) -> None:
    moments = engine.victim("0").moments(ENGINE_MOMENTS)
    assert_whole(engine.clone.parent / "work 画室 0")
    chains = [moments[number :: ENGINE_MOMENTS // IN_A_ROW] for number in range(ENGINE_MOMENTS // IN_A_ROW)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [pool.submit(killed_and_continued, engine, number, chain) for number, chain in enumerate(chains, 1)]
        assert sum(each.result() for each in done) == ENGINE_MOMENTS


def killed_and_continued(engine: Engine, number: int, chain: list[float]) -> int:
    """How many kills it survived: each continuation is killed at a later moment, the last one ends."""
    victim = engine.victim(str(number))
    # Beside the others each run takes longer than the one that was measured.
    slower = AT_ONCE / (os.cpu_count() or 1)
    hits = [victim.kill_after(moment * slower, anew=moment == chain[0]) for moment in chain]
    again = victim.run()
    assert again.returncode == 0, f"killed after {hits} s: {again.stdout[-2000:]} {again.stderr[-2000:]}"
    assert all(json.loads(line) for line in again.stdout.splitlines())
    assert_whole(Path(victim.command[-1]))
    victim.undo()
    return len(hits)


def assert_whole(workspace: Path) -> None:
    """One environment, stamped, named by the pointer, that imports what was installed; nothing half-made beside it."""
    pointer: dict[str, Any] = json.loads((workspace / "environments" / "current.json").read_text())
    environment = workspace / "environments" / pointer["name"]
    imported = "import torch, stand_in.part0, stand_in.part59; print(torch.__version__)"
    answer = subprocess.run(
        [environment / "bin" / "python", "-c", imported], capture_output=True, text=True, check=True
    )
    assert answer.stdout.startswith("2.")
    assert sorted(entry.name for entry in (workspace / "environments").iterdir()) == ["current.json", environment.name]
    # a .tmp may be of a writer that lives, and goes with the first writing after a minute
    assert [entry for entry in (workspace / "state").iterdir() if entry.suffix == ".part"] == []
