"""The command line as a process of its own, in a workspace whose engine is the fake one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher.core.environments.environments import Stamp, installed, stamp
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.options import Options
from launcher.core.proposal import propose
from launcher.core.serving.launch import stop
from tests.launcher.core_act.workshop import PYTHON, with_fake_engine

Answer = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Gesso:
    """`call` runs a verb to its end, `start` leaves it running; standard input is no terminal."""

    workspace: Workspace
    environ: dict[str, str]

    def command(self, *words: str) -> list[str]:
        before, separator, after = _split(words)
        return [sys.executable, "-m", "launcher", *before, "--root", str(self.workspace.root), *separator, *after]

    def call(self, *words: str, **more: str) -> Answer:
        return subprocess.run(
            self.command(*words), env={**self.environ, **more}, cwd=checkout(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words), env=self.environ, cwd=checkout(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def _split(words: tuple[str, ...]) -> tuple[tuple[str, ...], list[str], tuple[str, ...]]:
    place = words.index("--") if "--" in words else len(words)
    return words[:place], ["--"] if "--" in words else [], words[place + 1 :]


@pytest.fixture(autouse=True, scope="session")
def hears_ctrl_c() -> None:
    """A test run that a script started with `&` would hand its children a Ctrl-C that is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def environ() -> dict[str, str]:
    """English, no pip or uv settings of this computer."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "GESSO_", "LC_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "LANG": "C.UTF-8", "UV_HTTP_RETRIES": "0"}


@pytest.fixture
def bare(tmp_path: Path, environ: dict[str, str]) -> Gesso:
    """Nothing is installed."""
    return Gesso(Workspace(tmp_path / "工作 space"), environ)


@pytest.fixture
def gesso(bare: Gesso) -> Iterator[Gesso]:
    """The fake engine is installed, and is just what the plan for this computer asks for."""
    plan = propose(bare.workspace, Options(), installed(bare.workspace), bare.environ)
    folder = with_fake_engine(bare.workspace)
    torch = plan.plan.torch
    content = Stamp(torch.build or "", torch.tag or "", "here", ("0",), plan.sources.lock_sha256 or "", PYTHON, "now")
    stamp(folder, content)
    yield bare
    stop(bare.workspace)
