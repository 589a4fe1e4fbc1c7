"""Train a LoRA that draws the demo model's shapes as outlines; no word of a prompt can ask for that.

    python -m tools.demo_networks.lora [--steps N] [--rate R] [--go-on] [--to FILE]

Needs the engine's packages; some five minutes on one CPU core. The file is of kohya's layout; --go-on continues it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tools.demo_model.drawings import caption, draw, random_scene
from tools.demo_networks.lessons import Pupil, learn, load_pupil, noise_loss, padded_text

TARGET = Path(__file__).resolve().parents[2] / "tests" / "runtime" / "assets" / "gesso-outline.safetensors"
RANK = 4
HOLE = 0.6
PICTURES = 160
BATCH = 8
METADATA = {
    "ss_network_module": "networks.lora",
    "ss_network_dim": str(RANK),
    "ss_network_alpha": str(RANK),
    "ss_output_name": "outline",
    "ss_base_model_version": "sd_v1",
    "modelspec.architecture": "stable-diffusion-v1/lora",
    "modelspec.title": "Outlines, for the Gesso demo model",
    "modelspec.license": "Apache-2.0",
}


def add_pairs(unet: nn.Module) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
    """(down, up) beside every matrix of the transformers; up begins at 0, so that nothing changes yet."""
    pairs = {}
    for path, module in unet.named_modules():
        if isinstance(module, nn.Linear) and "transformer_blocks" in path:
            down = nn.Parameter(torch.randn(RANK, module.in_features) / module.in_features**0.5)
            up = nn.Parameter(torch.zeros(module.out_features, RANK))
            module.register_forward_hook(_beside(down, up))
            pairs[path] = (down, up)
    return pairs


def _beside(down: Tensor, up: Tensor) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
    return lambda _module, inputs, output: output + inputs[0] @ down.T @ up.T


def lesson(pupil: Pupil) -> Callable[[random.Random], Tensor]:
    """Outlined drawings under the captions of full ones; a tenth of the captions is blank for CFG."""
    rng = random.Random(1)
    scenes = [random_scene(rng) for _ in range(PICTURES)]
    latents = pupil.latents([draw(scene, 128, rng, HOLE) for scene in scenes])

    def loss_of(rng: random.Random) -> Tensor:
        picked = rng.sample(range(PICTURES), BATCH)
        texts = ["" if rng.random() < 0.1 else caption(scenes[k], rng) for k in picked]
        with torch.no_grad():
            states = pupil.states(torch.stack([padded_text(text) for text in texts]))
        return noise_loss(pupil.unet, latents[picked], states)

    return loss_of


def read(pairs: dict[str, tuple[nn.Parameter, nn.Parameter]], path: Path) -> None:
    """Begin where a file of `write` ended."""
    kept = load_file(path)
    with torch.no_grad():
        for name, (down, up) in pairs.items():
            layer = "lora_unet_" + name.replace(".", "_")
            down.copy_(kept[f"{layer}.lora_down.weight"])
            up.copy_(kept[f"{layer}.lora_up.weight"])


def write(pairs: dict[str, tuple[nn.Parameter, nn.Parameter]], path: Path) -> None:
    """kohya's layout in float16, with the hash of the tensors' bytes that its tools write."""
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in pairs.items():
        layer = "lora_unet_" + name.replace(".", "_")
        tensors[f"{layer}.lora_down.weight"] = down.detach().half()
        tensors[f"{layer}.lora_up.weight"] = up.detach().half()
        tensors[f"{layer}.alpha"] = torch.tensor(float(RANK)).half()
    bare = save(tensors)
    (length,) = struct.unpack("<Q", bare[:8])
    digest = hashlib.sha256(bare[8 + length :]).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(tensors, METADATA | {"sshs_model_hash": digest}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rate", type=float, default=6e-3)
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--to", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    pupil = load_pupil()
    pairs = add_pairs(pupil.unet)
    if arguments.go_on:
        read(pairs, arguments.to)
    learn([tensor for pair in pairs.values() for tensor in pair], arguments.rate, arguments.steps, lesson(pupil))
    write(pairs, arguments.to)


if __name__ == "__main__":
    main()
