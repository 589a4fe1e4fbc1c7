"""Make LoRA files and tags for the tests."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from runtime.engine.networks.wardrobe import Wardrobe
from runtime.engine.prompt.networks import NetworkTag
from runtime.folders import find_folders
from runtime.networks import NetworkShelves


def tag(*items: str, kind: str = "lora", **named: str) -> NetworkTag:
    return NetworkTag(kind, items, named)


def shelves(folder: Path) -> NetworkShelves:
    return NetworkShelves(find_folders({}, folder, folder / "models"))


def wardrobe(folder: Path) -> Wardrobe:
    return Wardrobe(shelves(folder))


def write(folder: Path, name: str, tensors: dict[str, torch.Tensor], **metadata: str) -> Path:
    path = folder / "models" / "Lora" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata=metadata or None)
    return path


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1
