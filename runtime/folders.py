"""Where models, outputs and settings lie, from the flags; server and worker read the same flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.written_path import written_path

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
    #: new files go into the first
    embeddings: tuple[Path, ...]
    hypernetworks: tuple[Path, ...]
    #: kind of model -> folders
    upscalers: Mapping[str, tuple[Path, ...]]


def find_folders(flags: Mapping[str, Any], data: Path, models: Path) -> Folders:
    """`flags` by their keys (`lora_dir`), absent or None where not given."""

    def folder(key: str, default: Path) -> Path:
        return written_path(flags[key]).absolute() if flags.get(key) else default

    def extra(key: str) -> tuple[Path, ...]:
        return (written_path(flags[key]).absolute(),) if flags.get(key) else ()

    linked = _linked(flags.get("linked_dir") or ())
    forced = extra("vae_path")
    return Folders(
        data=data,
        models=models,
        checkpoints=(*extra("ckpt_dir"), models / "Stable-diffusion", *linked("Stable-diffusion")),
        vaes=(*extra("vae_dir"), models / "VAE", *linked("VAE")),
        forced_vae=forced[0] if forced else None,
        loras=(
            folder("lora_dir", models / "Lora"),
            folder("lyco_dir_backcompat", models / "LyCORIS"),
            *linked("Lora"),
        ),
        embeddings=(folder("embeddings_dir", data / "embeddings"), *linked("embeddings")),
        hypernetworks=(folder("hypernetwork_dir", models / "hypernetworks"), *linked("hypernetworks")),
        upscalers={kind: (folder(key, models / kind), *linked(kind)) for key, kind in UPSCALER_FOLDERS.items()},
    )


def _linked(given: Sequence[str]) -> Callable[[str], tuple[Path, ...]]:
    """The folders of `--linked-dir KIND=FOLDER` by their kind; what has no equals sign names none."""
    pairs = [word.partition("=") for word in given]

    def of(kind: str) -> tuple[Path, ...]:
        return tuple(written_path(place).absolute() for name, _equals, place in pairs if place and name == kind)

    return of
