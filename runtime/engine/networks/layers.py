"""Where the layers that LoRA files name lie in the loaded models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from runtime.engine.names import UNET, UNET_XL, UNET_XL_REFINER, Names
from runtime.engine.traits import Family

#: transformers' name of the part that a text model's layers lie in; files name it, the model may leave it out
_TEXT_MODEL = "text_model_"


@dataclass(frozen=True)
class Place:
    """A layer: part of the store ("unet" or "text"), number of the model in it, dotted name of the module."""

    part: str
    number: int
    path: str


_ORIGINAL: Mapping[Family, Names] = {
    "sd1": UNET,
    "sd2": UNET,
    "sdxl": UNET_XL,
    "sdxl-refiner": UNET_XL_REFINER,
}


def index_layers(unet: nn.Module, texts: Sequence[nn.Module], family: Family = "sd1") -> dict[tuple[str, str], Place]:
    """(holder, layer with underscores), as files name it -> place; the U-Net under both of its layouts' names."""
    names = _ORIGINAL[family]
    found: dict[tuple[str, str], Place] = {}
    for path in _weighted(unet):
        place = Place("unet", 0, path)
        found["unet", path.replace(".", "_")] = place
        original = names.original(path)
        if original is not None:
            found["unet", original.removeprefix(names.prefix).replace(".", "_")] = place
    for number, text in enumerate(texts):
        for path in _weighted(text):
            layer = path.replace(".", "_").removeprefix(_TEXT_MODEL)
            for holder in _text_holders(number, family):
                found[holder, layer] = found[holder, _TEXT_MODEL + layer] = Place("text", number, path)
    return found


def _weighted(model: nn.Module) -> Iterator[str]:
    """Modules that own a weight."""
    return (path for path, module in model.named_modules() if isinstance(getattr(module, "weight", None), nn.Parameter))


def _text_holders(number: int, family: Family) -> tuple[str, ...]:
    """SDXL's trainers count its text models from 1, and the refiner has the second alone."""
    if family == "sdxl-refiner":
        return ("text2",)
    return ("text", "text1") if number == 0 else (f"text{number + 1}",)
