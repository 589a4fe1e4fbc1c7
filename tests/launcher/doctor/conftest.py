"""A workspace with an awkward name, variables of which none is this computer's, and the ground that checks stand on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.core.doctor.ground import Ground
from launcher.core.mends.mend import Here
from launcher.core.paths import PROXIES, Workspace
from tests.launcher.doctor.described import Described

#: of this computer, or of whoever runs the tests
_OTHERS = ("PIP_", "UV_", "PYTHON", "GRADIO_", "HF_", "OneDrive", "CUDA_", "GIT", "COMMANDLINE_ARGS")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.setattr("launcher.core.network.proxies.ask_system", lambda environ: ())
    monkeypatch.setattr("launcher.core.network.proxy_check.USUAL_PORTS", ())
    proxies = (*PROXIES, "no_proxy")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OTHERS) and name.lower() not in proxies
    }
    workspace = Workspace(tmp_path / "我的 space")
    workspace.root.mkdir()
    return Here(workspace, {**kept, "PIP_CONFIG_FILE": os.devnull})


@pytest.fixture
def ground(here: Here) -> Ground:
    """With time enough for a busy computer."""
    return Ground(here, time.monotonic() + 20.0)


@pytest.fixture
def described(here: Here) -> Callable[..., Described]:
    """A ground whose computer is told: `described(machine, **variables)`."""

    def made(machine: object, **variables: str) -> Described:
        return Described(Here(here.workspace, {**here.environ, **variables}), machine)

    return made
