"""Where models, outputs and settings lie, from the flags; server and worker read the same flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: kinds of upscaling models, and the folder of each under models/
UPSCALER_FOLDERS = {
    "esrgan_models_path": "ESRGAN",
    "bsrgan_models_path": "BSRGAN",
    "realesrgan_models_path": "RealESRGAN",
    "dat_models_path": "DAT",
    "swinir_models_path": "SwinIR",
    "scunet_models_path": "ScuNET",
}
#: keys of the flags that name folders, --data-dir and --models-dir aside
FOLDER_KEYS = (
    *("ckpt_dir", "vae_dir", "vae_path", "lora_dir", "lyco_dir_backcompat", "embeddings_dir", "hypernetwork_dir"),
    *UPSCALER_FOLDERS,
)


@dataclass(frozen=True)
class Folders:
    """AUTOMATIC1111's folders; earlier ones of a tuple come first in lists. None of them need exist."""

    data: Path
    models: Path
    checkpoints: tuple[Path, ...]
    vaes: tuple[Path, ...]
    #: --vae-path: this file is the VAE, whatever else is chosen
    forced_vae: Path | None
    loras: tuple[Path, ...]
    embeddings: Path
    hypernetworks: Path
    #: kind of model -> folder
    upscalers: Mapping[str, Path]


def find_folders(flags: Mapping[str, Any], data: Path, models: Path) -> Folders:
    """`flags` by their keys (`lora_dir`), absent or None where not given."""

    def folder(key: str, default: Path) -> Path:
        return Path(flags[key]).expanduser().absolute() if flags.get(key) else default

    def extra(key: str) -> tuple[Path, ...]:
        return (Path(flags[key]).expanduser().absolute(),) if flags.get(key) else ()

    forced = extra("vae_path")
    return Folders(
        data=data,
        models=models,
        checkpoints=(*extra("ckpt_dir"), models / "Stable-diffusion"),
        vaes=(*extra("vae_dir"), models / "VAE"),
        forced_vae=forced[0] if forced else None,
        loras=(folder("lora_dir", models / "Lora"), folder("lyco_dir_backcompat", models / "LyCORIS")),
        embeddings=folder("embeddings_dir", data / "embeddings"),
        hypernetworks=folder("hypernetwork_dir", models / "hypernetworks"),
        upscalers={kind: folder(key, models / kind) for key, kind in UPSCALER_FOLDERS.items()},
    )
