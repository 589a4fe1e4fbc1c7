"""Launcher and runtime, each in its own environment, find each other's hashes of model files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from launcher.core.models.hashing import hash_models
from launcher.core.paths import Workspace
from tests.end_to_end.conftest import CHECKOUT
from tests.fakes.model_files import checkpoint, write_safetensors
from tests.launcher.core_decide.test_models import look

_OF_THE_RUNTIME = """
import pathlib, sys
from runtime.hashes import HashCache
from runtime.library import old_hash
root = pathlib.Path(sys.argv[1])
cache = HashCache(root / "cache.json")
cache.remember(root / "models/Stable-diffusion/b.safetensors", "b.safetensors", "e" * 64)
for name in ("a.safetensors", "b.safetensors"):
    path = root / "models/Stable-diffusion" / name
    print(cache.get(path, name), old_hash(path))
"""


def asked(python: str, workspace: Workspace) -> list[str]:
    """What the runtime's own code finds, after it has kept a hash of its own."""
    command = [python, "-c", _OF_THE_RUNTIME, str(workspace.root)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.splitlines()


def test_each_finds_what_the_other_has_computed(python: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "我的 画图 (新)")
    folder = workspace.models / "Stable-diffusion"
    write_safetensors(folder / "a.safetensors", checkpoint("sd1", blocks=3))
    write_safetensors(folder / "b.safetensors", checkpoint("sd2", blocks=3))
    assert asked(python, workspace)[0].startswith("None ")
    list(hash_models(workspace, look(workspace).models))
    a, b = look(workspace).models
    assert asked(python, workspace) == [f"{a.sha256} {a.old_hash}", f"{'e' * 64} {b.old_hash}"]
    assert b.sha256 == "e" * 64
