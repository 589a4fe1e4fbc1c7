"""The models of a pack: what was packed is brought, as it was packed, over nothing of the user's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Notice
from launcher.core.pack.manifest import bring_models, write_sums
from launcher.core.pack.use import install_with
from launcher.core.paths import Workspace
from tests.launcher.core_act.workshop import from_wheel, plan_with, wheel


def pack_of_models(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "models" / name).write_text("packed")
    list(write_sums(folder, [f"models/{name}" for name in names], {}))
    return folder


def test_models_are_brought_and_what_lies_there_is_left_alone(tmp_path: Path) -> None:
    pack = pack_of_models(tmp_path / "pack", "Lora/a.safetensors", "Lora/b.safetensors", "Lora/c.safetensors")
    there = Workspace(tmp_path / "there")
    (there.models / "Lora").mkdir(parents=True)
    (there.models / "Lora" / "b.safetensors").write_text("mine")
    (there.models / "Lora" / "c.safetensors").symlink_to("on another disk")
    # of a browser that is at work
    (there.models / "Lora" / "a.safetensors.part").write_text("half")
    brought = [str(event.text) for event in bring_models(pack, there) if isinstance(event, Notice)]
    assert brought == ["The model a.safetensors was brought by the pack."]
    assert (there.models / "Lora" / "a.safetensors").read_text() == "packed"
    assert (there.models / "Lora" / "b.safetensors").read_text() == "mine"
    assert (there.models / "Lora" / "c.safetensors").is_symlink()
    assert (there.models / "Lora" / "a.safetensors.part").read_text() == "half"
    assert len(list((there.models / "Lora").iterdir())) == 4


def test_only_models_that_were_packed_are_brought_and_as_they_were_packed(tmp_path: Path) -> None:
    pack, there = pack_of_models(tmp_path / "pack", "Lora/a.safetensors"), Workspace(tmp_path / "there")
    (pack / "models" / "Lora" / "b.safetensors.part").write_text("half")
    (pack / "models" / "Lora" / "a.safetensors").write_text("damaged")
    with pytest.raises(LauncherError) as failure:
        list(bring_models(pack, there))
    assert failure.value.code == "pack-damaged"
    assert list((there.models / "Lora").iterdir()) == []
    (pack / "models" / "Lora" / "a.safetensors").write_text("packed")
    list(bring_models(pack, there))
    assert [path.name for path in (there.models / "Lora").iterdir()] == ["a.safetensors"]


def test_models_come_although_everything_else_is_installed(tmp_path: Path) -> None:
    """After a kill or a full disk while they were copied, the same command goes on."""
    pack, there = pack_of_models(tmp_path / "pack", "Lora/a.safetensors"), Workspace(tmp_path / "there")
    torch = replace(from_wheel(wheel(tmp_path, "torch", "2.13.0")), wheel=None)
    list(install_with(plan_with(torch, state="done"), there, pack))
    assert (there.models / "Lora" / "a.safetensors").read_text() == "packed"
