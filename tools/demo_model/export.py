"""Write the trained parts as one Stable Diffusion 1.x file in its original layout.

python -m tools.demo_model.export FOLDER [--stage unet] [--to FILE]
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from runtime.engine.names import to_original
from tools.demo_model.train import NATIVE, SCALING_FACTOR, latent_frame

TARGET = Path(__file__).resolve().parents[2] / "runtime" / "assets" / "demo" / "gesso-demo.safetensors"
METADATA = {
    "format": "pt",
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.architecture": "stable-diffusion-v1",
    "modelspec.title": "Gesso demo",
    "modelspec.description": "Coloured shapes on coloured grounds; made to prove that an installation draws.",
    "modelspec.author": "The Gesso authors",
    "modelspec.license": "Apache-2.0",
    "modelspec.resolution": f"{NATIVE}x{NATIVE}",
}


def averaged(folder: Path, stage: str) -> dict[str, Tensor]:
    kept: dict[str, dict[str, Tensor]] = torch.load(folder / f"{stage}.pt", weights_only=True)
    return dict(kept["average"])


def fold_frame(vae: dict[str, Tensor], offset: Tensor, scale: Tensor) -> dict[str, Tensor]:
    """Latents l become (l - offset) / scale / 0.18215, so that a reader's times 0.18215 gives mean 0, deviation 1.

    Means are scaled and shifted in `quant_conv`, log variances shifted there; `post_quant_conv` takes it back.
    """
    offset, scale = offset.flatten(), scale.flatten() * SCALING_FACTOR
    folded = dict(vae)
    weight, bias = vae["quant_conv.weight"].clone(), vae["quant_conv.bias"].clone()
    weight[:4] /= scale.view(4, 1, 1, 1)
    bias[:4] = (bias[:4] - offset) / scale
    bias[4:] -= 2 * scale.log()
    folded["quant_conv.weight"], folded["quant_conv.bias"] = weight, bias
    back = vae["post_quant_conv.weight"]
    folded["post_quant_conv.weight"] = back * scale.view(1, 4, 1, 1)
    folded["post_quant_conv.bias"] = vae["post_quant_conv.bias"] + back[:, :, 0, 0] @ offset
    return folded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stage", default="unet", help="the U-Net's checkpoint: unet_half or unet")
    parser.add_argument("--to", type=Path, default=TARGET)
    arguments = parser.parse_args()
    text = {
        key.removeprefix("encoder."): value
        for key, value in averaged(arguments.folder, "text").items()
        if key.startswith("encoder.")
    }
    vae = fold_frame(averaged(arguments.folder, "autoencoder"), *latent_frame(arguments.folder))
    tensors = to_original(averaged(arguments.folder, arguments.stage), vae, text)
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    half = {key: value.half().contiguous() for key, value in tensors.items()}
    save_file(half, arguments.to, METADATA)
    count = sum(math.prod(value.shape) for value in half.values())
    print(f"{arguments.to}: {arguments.to.stat().st_size / 1e6:.1f} MB, {count / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
