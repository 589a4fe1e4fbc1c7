"""The models: none, whole, and each broken in its way; the files are real."""

from __future__ import annotations

import json
import os
import struct
import threading
from pathlib import Path

import pytest

from launcher.core.doctor.ground import Ground
from launcher.core.doctor.models import models
from launcher.core.paths import Workspace

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 2132625894\n".format("a" * 64)


def safetensors(keys: dict[str, list[int]]) -> bytes:
    """A whole file of zeros."""
    header: dict[str, object] = {}
    end = 0
    for key, shape in keys.items():
        size = 2
        for each in shape:
            size *= each
        header[key] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


LORA = safetensors(
    {
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight": [4, 320],
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight": [320, 4],
        "lora_unet_down_blocks_0_attentions_0_proj_in.alpha": [1],
    }
)


def put(workspace: Workspace, name: str, content: bytes) -> Path:
    file = workspace.models / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_there_is_none(ground: Ground) -> None:
    found = models(ground)
    assert found.ok is True
    assert "demo model" in str(found.detail)
    assert found.fix is not None


def test_one_that_is_whole_and_in_its_place(ground: Ground) -> None:
    put(ground.workspace, "Lora/风格.safetensors", LORA)
    assert models(ground).ok is True


@pytest.mark.parametrize(
    ("name", "content", "mend"),
    [
        ("Stable-diffusion/empty.safetensors", b"", "download-model-again"),
        ("Lora/cut.safetensors", LORA[:-100], "download-model-again"),
        ("Stable-diffusion/page.safetensors", b"<!DOCTYPE html><html><body>404</body></html>", "download-model-again"),
        ("Stable-diffusion/pointer.safetensors", POINTER.encode(), "fetch-lfs-model"),
        ("Stable-diffusion/lora.safetensors", LORA, "move-model"),
    ],
)
def test_each_broken_one_has_its_mend(ground: Ground, name: str, content: bytes, mend: str) -> None:
    file = put(ground.workspace, name, content)
    found = models(ground)
    assert (found.ok, found.mend) == (False, mend)
    assert file.name in str(found.detail)
    assert found.values["path"] == str(file)


def test_another_programs_models_are_told_of_and_left_alone(ground: Ground, tmp_path: Path) -> None:
    other = tmp_path / "另一个 webui"
    folder = other / "models/Stable-diffusion"
    folder.mkdir(parents=True)
    (other / "modules").mkdir()
    (other / "webui.py").touch()
    (folder / "empty.safetensors").write_bytes(b"")
    ground.workspace.config_file.write_text(f"[models]\nlinked = ['{other}']\n", "utf-8")
    found = models(ground)
    assert (found.ok, found.mend) == (False, None)
    assert "empty.safetensors" in str(found.detail)
    put(ground.workspace, "Stable-diffusion/ours.safetensors", b"")
    ours = models(ground)
    assert (ours.mend, Path(ours.values["path"]).name) == ("download-model-again", "ours.safetensors")


def test_of_many_a_few_are_named_and_the_rest_counted(ground: Ground) -> None:
    for number in range(5):
        put(ground.workspace, f"Stable-diffusion/empty {number}.safetensors", b"")
    told = str(models(ground).detail)
    assert "2 more" in told


def test_a_library_that_cannot_be_read_in_time(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ground.workspace, "Lora/风格.safetensors", LORA)

    class Over(threading.Timer):
        """The time is over before anything is read."""

        def start(self) -> None:
            self.function()

    monkeypatch.setattr("launcher.core.doctor.models.threading.Timer", Over)
    found = models(ground)
    assert found.ok is None
    assert "gesso models list" in str(found.fix)


def test_one_that_no_list_shows_is_found_all_the_same(ground: Ground) -> None:
    """A browser has hung an ending on it."""
    put(ground.workspace, "Lora/style.safetensors.txt", LORA)
    found = models(ground)
    assert (found.ok, found.mend) == (False, "move-model")
    assert "style.safetensors.txt" in str(found.detail)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_what_only_looks_like_a_model(ground: Ground) -> None:
    put(ground.workspace, "Lora/named.safetensors/style.safetensors", LORA)
    assert models(ground).ok is True, "a folder of that name is no fault where a model lies in it"
    circle = ground.workspace.models / "Lora/circle.ckpt"
    circle.symlink_to(circle.name)
    (ground.workspace.models / "Lora/gone.ckpt").symlink_to(ground.workspace.root / "nowhere.ckpt")
    (ground.workspace.models / "Lora/folder.ckpt").mkdir()
    found = models(ground)
    assert (found.ok, found.mend) == (False, None)
    assert all(name in str(found.detail) for name in ("circle.ckpt", "gone.ckpt", "folder.ckpt"))
    assert found.fix is not None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_each_stands_on_a_line_of_its_own(ground: Ground) -> None:
    put(ground.workspace, "Stable-diffusion/new\nline.safetensors", b"")
    put(ground.workspace, "Stable-diffusion/other.safetensors", b"")
    first, second = str(models(ground).detail).split("\n")
    assert first.startswith("new\N{REPLACEMENT CHARACTER}line")
    assert second.startswith("    other")
