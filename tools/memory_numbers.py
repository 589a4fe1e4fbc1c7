"""Counts what the memory formula needs, from the shapes of the published models and the engine's own configurations.

    python tools/memory_numbers.py          in the engine's environment; prints the tables of launcher/data/memory.toml

Nothing is loaded: models and activations lie on torch's meta device. Fused attention keeps no matrix of scores, so it
counts as its result alone; workspaces of libraries are not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from runtime.engine.architecture import Attention
from runtime.engine.architecture.attention_functions import FUNCTIONS, SLICE
from runtime.engine.checkpoint import empty_models
from runtime.engine.configurations import Configurations, family_constants

#: widths that the published files have (configurations.py reads them from a file's shapes): U-Net
_UNETS: dict[str, dict[str, Any]] = {
    "sd1": {
        "in_channels": 4,
        "block_out_channels": (320, 640, 1280, 1280),
        "transformer_layers_per_block": (1, 1, 1, 1),
        "cross_attention_dim": 768,
    },
    "sd2": {
        "in_channels": 4,
        "block_out_channels": (320, 640, 1280, 1280),
        "transformer_layers_per_block": (1, 1, 1, 1),
        "cross_attention_dim": 1024,
        "use_linear_projection": True,
        "attention_head_dim": (5, 10, 20, 20),
    },
    "sdxl": {
        "in_channels": 4,
        "block_out_channels": (320, 640, 1280),
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "attention_head_dim": (5, 10, 20),
        "projection_class_embeddings_input_dim": 2816,
        "addition_time_embed_dim": 256,
    },
}
_CLIP_L = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 77,
}
_OPEN_CLIP_H = _CLIP_L | {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
_OPEN_CLIP_G = _CLIP_L | {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
}
_TEXTS = {"sd1": (_CLIP_L,), "sd2": (_OPEN_CLIP_H,), "sdxl": (_CLIP_L, _OPEN_CLIP_G)}
_PROJECTIONS: dict[str, tuple[int | None, ...]] = {"sd1": (None,), "sd2": (1024,), "sdxl": (None, 1280)}
_VAE = {"block_out_channels": (128, 256, 512, 512)}
FAMILIES = tuple(_UNETS)


@dataclass(frozen=True)
class Models:
    """On the meta device."""

    unet: Any
    vae: Any
    texts: tuple[Any, ...]
    native: int


def build(family: str) -> Models:
    """The models of a family as the published files have them."""
    constants = family_constants(family)
    texts = tuple(given | widths for given, widths in zip(constants["texts"], _TEXTS[family], strict=True))
    configurations = Configurations(
        constants["unet"] | _UNETS[family], constants["vae"] | _VAE, texts, constants["native"], _PROJECTIONS[family]
    )
    unet, vae, models = empty_models(configurations)
    for model in (unet, vae, *models):
        model.eval().requires_grad_(False)
    return Models(unet, vae, models, constants["native"])


def parameters(*models: nn.Module) -> int:
    return sum(each.numel() for model in models for each in model.parameters())


def largest_block(unet: nn.Module) -> int:
    """Parameters of the largest block that --lowvram brings to the card by itself (engine/memory)."""
    children = [
        block for child in unet.children() for block in (child if isinstance(child, nn.ModuleList) else [child])
    ]
    return max(map(parameters, children))


class Peak(TorchDispatchMode):
    """Bytes of all results that are alive at once, at most; what was there before does not count."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self._alive: dict[StorageWeakRef, int] = {}
        self._before: set[StorageWeakRef] = set()

    def leave_out(self, *models: nn.Module) -> None:
        held = [each for model in models for each in (*model.parameters(), *model.buffers())]
        self._before |= {StorageWeakRef(each.untyped_storage()) for each in held}  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        self._alive = {one: size for one, size in self._alive.items() if not one.expired()}  # type: ignore[no-untyped-call]
        for tensor in tree_leaves(made):
            if not isinstance(tensor, Tensor):
                continue
            storage = tensor.untyped_storage()
            place = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            if place not in self._before:
                self._alive[place] = storage.nbytes()
        self.bytes = max(self.bytes, sum(self._alive.values()))
        return made


def fused(query: Tensor, _key: Tensor, value: Tensor) -> Tensor:
    """On a card the product of attention keeps its result alone; on the meta device it would keep its scores too."""
    return query.new_empty((*query.shape[:-1], value.shape[-1]))


def attend(model: nn.Module, name: str) -> None:
    for module in model.modules():
        if isinstance(module, Attention):
            module.attend = fused if name == "sdp" else FUNCTIONS[name]


@contextmanager
def fused_texts() -> Iterator[None]:
    """The text models' attention, which has no choice."""
    plain = nn.functional.scaled_dot_product_attention
    nn.functional.scaled_dot_product_attention = lambda query, key, value, **_more: fused(query, key, value)
    try:
        yield
    finally:
        nn.functional.scaled_dot_product_attention = plain


def peak(run: Callable[[], object], *models: nn.Module) -> int:
    """Bytes that the activations of `run` take at most."""
    with torch.inference_mode(), torch.device("meta"), fused_texts(), Peak() as seen:
        seen.leave_out(*models)
        run()
    return int(seen.bytes)


def drawing(models: Models, width: int, height: int, attention: str = "sdp", batch: int = 2) -> int:
    """Bytes of one evaluation of the U-Net in float16; `batch` 2 is one picture with its negative prompt."""
    unet = models.unet.to(torch.float16)
    attend(unet, attention)
    sizes = unet.config.addition_time_embed_dim

    def run() -> object:
        latents = torch.empty(batch, 4, height // 8, width // 8, dtype=torch.float16)
        states = torch.empty(batch, 77, unet.config.cross_attention_dim, dtype=torch.float16)
        more = (torch.empty(batch, 1280, dtype=torch.float16), torch.empty(batch, 6)) if sizes else ()
        return unet(latents, torch.empty(batch), states, *more)

    return peak(run, unet)


def decoding(models: Models, width: int, height: int) -> int:
    """Bytes of decoding one picture in float16."""
    vae = models.vae.to(torch.float16)
    attend(vae, "sdp")
    return peak(lambda: vae.decode(torch.empty(1, 4, height // 8, width // 8, dtype=torch.float16)), vae)


def reading(models: Models) -> int:
    """Bytes of one prompt of 75 tokens in float16."""
    ids = torch.empty(1, 77, dtype=torch.long, device="meta")
    texts = [text.to(torch.float16) for text in models.texts]
    return max(peak(partial(text, ids), text) for text in texts)


def numbers(family: str) -> dict[str, float]:
    """What launcher/data/memory.toml holds of a family."""
    models = build(family)
    # linear in the pixels but for constants of a few hundred kilobytes: this side gives a little too much above it
    side = 512
    fused = drawing(models, side, side) / side**2
    # tokens of the widest attention: the U-Net's first level that has one
    level = next(n for n, kind in enumerate(models.unet.config.down_block_types) if kind.startswith("Cross"))
    pixels = (8 * 2**level) ** 2
    heads = _rows(models.unet, level)
    wide = 2 * models.native
    scores = 2 * SLICE * (wide**2 / pixels) ** 2 * 2
    return {
        "native": models.native,
        "text_parameters": parameters(*models.texts),
        "unet_parameters": parameters(models.unet),
        "vae_parameters": parameters(models.vae),
        "largest_block_parameters": largest_block(models.unet),
        "unet_bytes_per_pixel": fused,
        "vae_bytes_per_pixel": decoding(models, side, side) / side**2,
        "scored_bytes_per_pixel": (drawing(models, wide, wide, "sliced") - scores) / wide**2,
        "pixels_per_token": pixels,
        "heads": heads,
    }


def _rows(unet: Any, level: int) -> int:
    """Matrices of scores of one picture with its negative prompt, where they are largest."""
    heads = unet.config.attention_head_dim
    return 2 * int(heads if isinstance(heads, int) else heads[level])


def main() -> None:
    for family in FAMILIES:
        print(f"[families.{family}]")
        for name, value in numbers(family).items():
            print(f"{name} = {value if isinstance(value, int) else round(value, 1)}")


if __name__ == "__main__":
    main()
