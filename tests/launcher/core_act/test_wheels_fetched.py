"""Wheels come over the network one by one, continued and judged by their SHA-256, and are installed without it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments import current
from launcher.core.events import Event, Notice, Progress
from launcher.core.install import install
from launcher.core.paths import Workspace
from launcher.core.process import python_in
from tests.launcher.core_act.workshop import PROOF, from_index, from_wheel, index_pages, lock_of, plan_with, wheel


class Shop:
    """torch in a folder, one more package on an index of this computer."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> None:
        self.workspace, self.pages = workspace, tmp_path / "pages"
        self.torch = wheel(tmp_path / "links", "torch", "2.13.0")
        self.tiny = wheel(self.pages / "tiny", "tiny", "1.0")
        self.lock = lock_of(tmp_path / "engine.txt", self.tiny)
        self.environ = environ

    def install(self, index: str, **more: str) -> list[Event]:
        plan = plan_with(from_wheel(self.torch))
        environ = {**self.environ, "PIP_INDEX_URL": index, **more}
        return list(install(plan, self.workspace, environ=environ, lock=self.lock, proof=PROOF))

    def works(self) -> bool:
        folder = current(self.workspace)
        return folder is not None and not subprocess.run([python_in(folder), "-c", "import torch, tiny"]).returncode


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, environ: dict[str, str]) -> Shop:
    return Shop(tmp_path, workspace, environ)


def test_a_package_is_fetched_into_the_wheelhouse_and_installed_from_there(shop: Shop) -> None:
    with index_pages(shop.pages) as url:
        events = shop.install(url)
    assert shop.works()
    assert (shop.workspace.cache / "wheels" / shop.tiny.name).read_bytes() == shop.tiny.read_bytes()
    told = [event for event in events if isinstance(event, Progress) and event.name == "packages"]
    assert told[-1].done == told[-1].total == shop.tiny.stat().st_size
    assert "wheels-by-uv" not in [event.slug for event in events if isinstance(event, Notice)]
