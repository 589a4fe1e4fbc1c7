"""Files that keep the U-Net's averaged weights (EMA) alone, under names without dots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.engine.names import UNET, UNET_XL, UNET_XL_REFINER

_AVERAGED = "model_ema."
_DEEPEST = 10
_IN_A_BLOCK = (
    *(f"{attention}.{name}" for attention in ("attn1", "attn2") for name in ("to_q", "to_k", "to_v", "to_out.0")),
    *("ff.net.0.proj", "ff.net.2", "norm1", "norm2", "norm3"),
)


def with_averaged_as_own(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Name -> (shape, name in the file); averaged weights get the names of the U-Net's own where those are absent."""
    found = {name: (shape, name) for name, shape in shapes.items()}
    if any(name.startswith(UNET.prefix) for name in shapes) or not any(name.startswith(_AVERAGED) for name in shapes):
        return found
    dotted = {name.removeprefix("model.").replace(".", ""): name for name in _parameters()}
    for name, shape in shapes.items():
        own = dotted.get(name.removeprefix(_AVERAGED)) if name.startswith(_AVERAGED) else None
        if own is not None:
            found[own] = (shape, name)
    return found


def _parameters() -> Iterator[str]:
    for names in (UNET, UNET_XL, UNET_XL_REFINER):
        for ours, original in names.modules:
            for inner in _inside(ours):
                yield from (f"{names.prefix}{original}{inner}.{kind}" for kind in ("weight", "bias"))


def _inside(ours: str) -> Iterator[str]:
    yield ""
    if ".attentions." in ours:
        yield from (".norm", ".proj_in", ".proj_out")
        yield from (f".transformer_blocks.{depth}.{name}" for depth in range(_DEEPEST) for name in _IN_A_BLOCK)
