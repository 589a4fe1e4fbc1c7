"""A workspace with an environment of stand-in wheels, made by uv as any other, on a computer without a card."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from launcher.core.environments.environments import current, site_of
from launcher.core.install.install import install
from launcher.core.mends.mend import Here
from launcher.core.mends.rebuild_environment import plan_of
from launcher.core.paths import Workspace
from launcher.core.process import python_in
from tests.launcher.core_act.workshop import MACHINE, PROOF, PYTHON, lock_of, wheel

TAG = "cp" + PYTHON.replace(".", "")


def torch_wheel(folder: Path, version: str) -> Path:
    """Under the name that the published one has, for the plan looks at names."""
    made = wheel(folder, "torch", version)
    return made.rename(folder / f"torch-{version}-{TAG}-{TAG}-linux_x86_64.whl")


class Shop:
    """`build` is the torch that the plan wants here."""

    def __init__(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr("launcher.core.proposal.look", lambda _: MACHINE)
        self.links = tmp_path / "links"
        self.lock = lock_of(
            tmp_path / "engine.txt", wheel(self.links, "tiny", "1.0"), wheel(self.links, "other", "3.1")
        )
        for module in ("rebuild_environment", "right_torch"):
            monkeypatch.setattr(f"launcher.core.mends.{module}.ENGINE_LOCK", self.lock)
            monkeypatch.setattr(f"launcher.core.mends.{module}.PROOF", PROOF)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        self.environ = {
            **kept, "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(self.links), "UV_HTTP_RETRIES": "0",
        }  # fmt: skip
        self.workspace = Workspace(tmp_path / "我的 space")
        self.here = Here(self.workspace, self.environ)
        self.build = plan_of(self.here).torch.build or ""
        self.torch = torch_wheel(self.links, self.build)
        self.environ["PIP_NO_INDEX"] = "1"

    def install(self) -> Path:
        plan = plan_of(self.here)
        assert plan.torch.wheel == str(self.torch)
        list(install(plan, self.workspace, environ=self.environ, lock=self.lock, proof=PROOF))
        return self.current

    @property
    def current(self) -> Path:
        folder = current(self.workspace)
        assert folder is not None
        return folder

    def pip(self, folder: Path, *words: str) -> None:
        """As an add-on does it, beside Gesso."""
        python = ["--python", str(python_in(folder))]
        environ = {**self.environ, "PIP_FIND_LINKS": "", "UV_CACHE_DIR": str(self.links.parent / "another cache")}
        command = [sys.executable, "-m", "uv", "pip", words[0], "-q", *python, *words[1:]]
        subprocess.run(command, env=environ, check=True)

    def site(self, folder: Path) -> Path:
        site = site_of(folder)
        assert site is not None
        return site


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """What the engine's own Python does with it."""
    return subprocess.run([python_in(folder), "-I", "-c", code], capture_output=True, text=True)
