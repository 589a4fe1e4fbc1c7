"""The folders in which models lie, by kind: A1111's names and ComfyUI's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher.core.models.kind import Kind
from launcher.core.paths import Workspace

#: A1111's folder of a kind, under the workspace; where a new file goes
HOMES: dict[Kind, str] = {
    "checkpoint": "models/Stable-diffusion",
    "vae": "models/VAE",
    "lora": "models/Lora",
    "embedding": "embeddings",
    "hypernetwork": "models/hypernetworks",
    "upscaler": "models/ESRGAN",
    "controlnet": "models/ControlNet",
    "face": "models/GFPGAN",
    "interrogate": "models/BLIP",
    "preview-decoder": "models/VAE-taesd",
}
#: folders under models/, in lower case, of A1111, Forge and ComfyUI -> what they are for
FOLDERS: dict[str, Kind] = {
    "stable-diffusion": "checkpoint", "checkpoints": "checkpoint",
    "vae": "vae",
    "lora": "lora", "lycoris": "lora", "loras": "lora",
    "embeddings": "embedding",
    "hypernetworks": "hypernetwork",
    "esrgan": "upscaler", "realesrgan": "upscaler", "bsrgan": "upscaler", "swinir": "upscaler", "scunet": "upscaler",
    "dat": "upscaler", "upscale_models": "upscaler", "ldsr": "upscaler",
    "controlnet": "controlnet",
    "gfpgan": "face", "codeformer": "face", "facerestore_models": "face",
    "blip": "interrogate", "torch_deepdanbooru": "interrogate",
    "vae-approx": "preview-decoder", "vae_approx": "preview-decoder", "vae-taesd": "preview-decoder",
    "unet": "diffusion-model", "diffusion_models": "diffusion-model",
    "clip": "text-encoder", "text_encoder": "text-encoder", "text_encoders": "text-encoder",
}  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """A folder with models of one kind (None: of any); `home` is the install that it belongs to."""

    kind: Kind | None
    folder: Path
    home: str = "workspace"


def workspace_shelves(workspace: Workspace) -> tuple[Shelf, ...]:
    """Each known folder that is there, then the rest of models/."""
    return (
        *folder_shelves(workspace.models, "workspace"),
        Shelf("embedding", workspace.root / "embeddings"),
        Shelf(None, workspace.models),
    )


def folder_shelves(models: Path, home: str) -> tuple[Shelf, ...]:
    """Those folders inside `models` whose names say what they are for; a folder that cannot be read has none."""
    return tuple(Shelf(FOLDERS[name.lower()], models / name, home) for name in _folders(models))


def _folders(models: Path) -> Iterator[str]:
    try:
        names = sorted(os.listdir(models), key=str.lower)  # noqa: PTH208 - names alone are needed
    except OSError:
        return
    # A folder's first kind is A1111's: ComfyUI's names come after them in the table.
    ranked = sorted(
        (name for name in names if name.lower() in FOLDERS), key=lambda one: list(FOLDERS).index(one.lower())
    )
    yield from (name for name in ranked if (models / name).is_dir())
