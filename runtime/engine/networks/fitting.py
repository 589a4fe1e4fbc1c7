"""Lay a LoRA file's layers over a model's: every layer that is there must fit, or the file is for another family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from runtime.engine.networks.deltas import Layer, MisfitError, UnknownKindError, change
from runtime.engine.networks.families import FAMILIES, made_for
from runtime.engine.networks.files import LoraFile
from runtime.engine.networks.layers import Place
from runtime.engine.networks.tags import LoraWish
from runtime.request import RequestError

if TYPE_CHECKING:
    from runtime.engine.model import Model
    from runtime.engine.networks.outfit import LayerIndex


@dataclass(frozen=True)
class Piece:
    """One layer of a file at its place, with the strength that its tag asks for."""

    place: Place
    layer: Layer
    strength: float
    rank: int | None


@dataclass(frozen=True)
class Fitted:
    pieces: tuple[Piece, ...]
    comments: tuple[str, ...] = ()


def fit(file: LoraFile, wish: LoraWish, index: LayerIndex, model: Model) -> Fitted:
    """The file's layers at their places; nothing is changed.

    RequestError `network-wrong-family` where layers do not fit or none is known, `network-unsupported` for a kind of
    network that nothing here computes.
    """
    pieces: list[Piece] = []
    homeless = 0
    for (holder, name), layer in file.layers.items():
        place = index.places.get((holder, name))
        if place is None:
            homeless += 1
            continue
        if file not in index.judged:
            _judge(file, layer, index.module(place), model)
        pieces.append(Piece(place, layer, wish.unet if place.part == "unet" else wish.text, wish.rank))
    if not pieces:
        raise _wrong_family(file, model)
    index.judged.add(file)
    return Fitted(tuple(pieces), tuple(_left_over(file, homeless, len(pieces) + homeless)))


def _left_over(file: LoraFile, homeless: int, total: int) -> Iterator[str]:
    if homeless:
        yield f"{homeless} of the {total} layers of {file.path.stem} are not in this model; the others are used."
    if file.unread:
        count, first = len(file.unread), file.unread[0]
        yield f"{count} tensors of {file.path.stem} are of no kind that this version uses ({first:.80} …)."


def _judge(file: LoraFile, layer: Layer, module: nn.Module, model: Model) -> None:
    """By shapes alone: on the meta device the formula runs without numbers."""
    parts = {name: tensor.to("meta") for name, tensor in layer.parts.items()}
    weight, bias = weights_of(module)
    try:
        change(Layer(parts, layer.alpha, layer.scale, layer.on_input), weight.to("meta"), _meta(bias))
    except MisfitError as misfit:
        raise _wrong_family(file, model) from misfit
    except UnknownKindError as unknown:
        what = f"{file.path.name} is a kind of network that this version cannot use ({unknown})."
        raise RequestError("network-unsupported", what, "Take its tag out of the prompt.") from unknown


def _meta(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.to("meta")


def weights_of(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight and bias, if it has one."""
    weight, bias = module.get_parameter("weight"), getattr(module, "bias", None)
    return weight, bias


def _wrong_family(file: LoraFile, model: Model) -> RequestError:
    loaded, made = FAMILIES[model.traits.family], made_for(file)
    kind = f"a LoRA for {made}" if made and made != loaded else "a LoRA for a model of other widths"
    return RequestError(
        "network-wrong-family",
        f"{file.path.name} is {kind}, and the checkpoint {model.title} is of {loaded}.",
        "Take its tag out of the prompt, or choose a checkpoint that it was made for.",
    )
