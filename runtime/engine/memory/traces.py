"""How much memory activations take at most: a model is run on torch's meta device, and what lives is counted.

Nothing is loaded and nothing is computed; a trace takes a fraction of a second, and is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from runtime.engine import strips
from runtime.engine.architecture import (
    Attention,
    Autoencoder,
    AutoencoderConfig,
    Projected,
    TextConfig,
    TextModel,
    UNet,
    UNetConfig,
)
from runtime.engine.architecture.attention_functions import FUNCTIONS
from runtime.engine.architecture.convolution import workspace
from runtime.engine.architecture.transformer import FeedForward

_aten = torch.ops.aten
#: strips of the lower picture that is traced
_FEW = 4
#: bytes that an operation takes for itself: while it runs, and in each of the areas that stay, which grow as is needed
Workspace = tuple[int, ...]
#: tokens of one chunk of a prompt
TOKENS = 77


@dataclass(frozen=True)
class Canvas:
    """What one call works on: rows and columns of latents, pictures at once, and how."""

    height: int
    width: int
    batch: int
    dtype: torch.dtype = torch.float16
    #: a name of `engine/attention.py`
    attention: str = "sdp"
    #: of the device: "cpu", "cuda" …
    kind: str = "cuda"
    channels_last: bool = False

    @property
    def format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


@lru_cache(maxsize=256)
def drawing(config: UNetConfig, canvas: Canvas) -> int:
    """Bytes of one evaluation of the U-Net, its weights left out."""
    with torch.device("meta"):
        unet = _weightless(UNet(config), canvas)
        latents = torch.empty(canvas.batch, config.in_channels, canvas.height, canvas.width, dtype=canvas.dtype)
        states = torch.empty(canvas.batch, TOKENS, config.cross_attention_dim, dtype=canvas.dtype)
        time = torch.empty(canvas.batch, 4 * config.block_out_channels[0], dtype=canvas.dtype)
    for module in unet.modules():
        if isinstance(module, Attention):
            # xformers' runs on cards alone, and keeps as little as torch's own
            fused = canvas.attention.startswith(("sdp", "xformers"))
            module.attend = FUNCTIONS["sdp" if fused else canvas.attention]
        # what convolutions take for their quick ways is counted from their shapes (`_on_cpu`)
        elif isinstance(module, FeedForward):
            module.quick = canvas.kind == "cpu" and canvas.channels_last
    context = Projected(states)
    return peak(lambda: unet.denoise(latents, time, context), canvas.kind, unet)


@lru_cache(maxsize=256)
def decoding(config: AutoencoderConfig, canvas: Canvas) -> int:
    """Bytes of making pictures of latents."""
    with torch.device("meta"):
        vae = _weightless(Autoencoder(config), canvas)
        latents = torch.empty(canvas.batch, config.latent_channels, canvas.height, canvas.width, dtype=canvas.dtype)
    return peak(lambda: vae.decode(latents), canvas.kind, vae)


@lru_cache(maxsize=256)
def decoding_in_strips(config: AutoencoderConfig, canvas: Canvas, rows: int) -> int:
    """Bytes of making one picture of latents, `rows` of the latents at a time.

    Linear in the height: two low pictures tell it, for a high one has many strips.
    """

    def cut(height: int) -> int:
        with torch.device("meta"):
            vae = _weightless(Autoencoder(config), canvas)
            latents = torch.empty(1, config.latent_channels, height, canvas.width, dtype=canvas.dtype)
        return peak(lambda: strips.decode(vae, latents, strips.Strips(rows)), canvas.kind, vae)

    return _by_height(cut, canvas.height, _FEW * rows)


def _by_height(cut: Callable[[int], int], height: int, lower: int) -> int:
    """From `lower` rows of latents on it is a line."""
    if height <= 2 * lower:
        return cut(height)
    low, high = cut(lower), cut(2 * lower)
    return high + (height - 2 * lower) * (high - low) // lower


@lru_cache(maxsize=256)
def encoding(config: AutoencoderConfig, canvas: Canvas) -> int:
    """Bytes of making latents of pictures."""
    with torch.device("meta"):
        vae = _weightless(Autoencoder(config), canvas)
        size = (canvas.height * 8, canvas.width * 8)
        pictures = torch.empty(canvas.batch, config.in_channels, *size, dtype=canvas.dtype)
    return peak(lambda: vae.encode(pictures), canvas.kind, vae)


@lru_cache(maxsize=256)
def encoding_in_strips(config: AutoencoderConfig, canvas: Canvas, rows: int) -> int:
    """Bytes of making latents of one picture, as `decoding_in_strips`."""

    def cut(height: int) -> int:
        with torch.device("meta"):
            vae = _weightless(Autoencoder(config), canvas)
            picture = torch.empty(1, config.in_channels, height * 8, canvas.width * 8, dtype=canvas.dtype)
        return peak(lambda: strips.encode(vae, picture, strips.Strips(rows)), canvas.kind, vae)

    # at the finest level, where it begins, strips are the lowest
    return _by_height(cut, canvas.height, 2 * _FEW * rows)


@lru_cache(maxsize=64)
def reading(config: TextConfig, chunks: int, dtype: torch.dtype, kind: str = "cuda") -> int:
    """Bytes of one text model's way through `chunks` chunks of a prompt."""
    with torch.device("meta"):
        text = TextModel(config).to(dtype).eval().requires_grad_(False)
        tokens = torch.empty(chunks, TOKENS, dtype=torch.long)
    return peak(lambda: text(tokens), kind, text)


def _weightless(model: Any, canvas: Canvas) -> Any:
    return model.to(canvas.dtype).to(memory_format=canvas.format).eval().requires_grad_(False)


def peak(run: Callable[[], object], kind: str, *models: nn.Module) -> int:
    """Bytes that `run` takes at most beside the models and what was there before."""
    live = Live(_WORKSPACES.get(kind, _none))
    live.leave_out(*models)
    with torch.no_grad(), torch.device("meta"), _FusedAttention(), live:
        run()
    return live.bytes


class Live(TorchDispatchMode):
    """Bytes of all results that are alive at once, at most, with what an operation takes for itself while it runs."""

    def __init__(self, workspace: Callable[[Any, tuple[Any, ...]], Workspace]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0
        self._workspace = workspace
        self._lasting: tuple[int, ...] = ()
        self._alive: dict[StorageWeakRef, int] = {}
        self._before: set[StorageWeakRef] = set()

    def leave_out(self, *models: nn.Module) -> None:
        """What models hold does not count."""
        held = [each for model in models for each in (*model.parameters(), *model.buffers())]
        self._before |= {StorageWeakRef(each.untyped_storage()) for each in held}  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # else torch imports its compiler, which takes longer than the trace
        return False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = _at_once(function, args)
        made = function(*args, **(kwargs or {})) if made is None else made
        self._alive = {one: size for one, size in self._alive.items() if not one.expired()}  # type: ignore[no-untyped-call]
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                place = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                if place not in self._before:
                    self._alive[place] = storage.nbytes()
        passing, *lasting = self._workspace(function, args)
        self._lasting = tuple(map(max, zip_longest(self._lasting, lasting, fillvalue=0)))
        self.bytes = max(self.bytes, sum(self._alive.values()) + passing + sum(self._lasting))
        return made


def _at_once(function: Any, args: tuple[Any, ...]) -> Any:
    """What norms give; the meta device would go through all the steps that they are made of."""
    if function not in (_aten.native_group_norm.default, _aten.native_layer_norm.default):
        return None
    return torch.empty_like(args[0]), args[0].new_empty(0), args[0].new_empty(0)


class _FusedAttention(TorchFunctionMode):
    """torch's own attention keeps its result alone; on the meta device it would keep its scores too."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not functional.scaled_dot_product_attention:
            return function(*args, **(kwargs or {}))
        query, _key, value = args[:3]
        batch, heads, tokens, _ = query.shape
        # all fused kernels lay the heads of a token side by side
        return query.new_empty((batch, tokens, heads, value.shape[-1])).transpose(1, 2)


def _none(_function: Any, _args: tuple[Any, ...]) -> Workspace:
    return (0,)


def _on_cpu(function: Any, args: tuple[Any, ...]) -> Workspace:
    """oneDNN brings a convolution's weights into an order of its own each time; those of 3 x 3 have ways of our own."""
    if function is not _aten.convolution.default:
        return (0,)
    x, weight, _bias, stride, padding = args[:5]
    quick = weight.is_contiguous(memory_format=torch.channels_last)
    if weight.shape[2:] != (3, 3) or list(stride) != [1, 1] or not quick:
        return (int(weight.nbytes),)
    # strips come with their neighbours' rows
    return workspace(x, weight, padded=not padding[0])


_WORKSPACES: dict[str, Callable[[Any, tuple[Any, ...]], Workspace]] = {"cpu": _on_cpu}
