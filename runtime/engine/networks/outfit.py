"""The weights of one store: as they are worn, and copies as they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet, ref

import torch
from torch import Tensor, nn

from runtime.engine.model import Model
from runtime.engine.networks.deltas import Layer, change
from runtime.engine.networks.files import LoraFile
from runtime.engine.networks.fitting import Piece, weights_of
from runtime.engine.networks.layers import Place, index_layers

#: where the copy of a weight ("weight" or "bias") belongs
_Spot = tuple[Place, str]


@dataclass(frozen=True)
class LayerIndex:
    """Layers by the names that files give them, and the modules themselves."""

    places: Mapping[tuple[str, str], Place]
    models: Mapping[str, tuple[nn.Module, ...]]
    #: files whose layers are known to fit
    judged: WeakSet[LoraFile] = field(default_factory=WeakSet)

    def module(self, place: Place) -> nn.Module:
        return self.models[place.part][place.number].get_submodule(place.path)


class Outfit:
    """Changes weights in float32 on the store's device, rounds once, and keeps what was there on the CPU."""

    def __init__(self, model: Model) -> None:
        models = {part: model.store.modules(part) for part in ("unet", "text")}
        places = index_layers(models["unet"][0], models["text"], model.traits.family)
        self.index = LayerIndex(places, models)
        self._device = model.store.device
        # the store's wardrobe forgets this when the store is gone
        self._store = ref(model.store)
        #: None: nobody knows, for taking off failed; what `_before` holds is still to be brought back
        self._worn: tuple[Piece, ...] | None = ()
        self._before: dict[_Spot, Tensor] = {}

    def change(self, pieces: Sequence[Piece]) -> None:
        """Wear exactly these; after a failure nothing is worn, or the outfit is not `sound`."""
        wanted = tuple(piece for piece in pieces if piece.strength != 0)
        if self._worn is not None and _same(wanted, self._worn):
            return
        self._worn = None
        with torch.inference_mode():
            try:
                self._take_off(keep={piece.place for piece in wanted})
                for place, mine in _by_place(wanted).items():
                    self._put_on(place, mine)
            except BaseException:
                self._take_off(keep=set())
                self._worn = ()
                raise
        self._worn = wanted

    @property
    def sound(self) -> bool:
        """Is it known what the weights are?"""
        return self._worn is not None

    def _take_off(self, keep: set[Place]) -> None:
        for spot, before in list(self._before.items()):
            place, name = spot
            if place not in keep:
                self._write(place, name, before)
                del self._before[spot]

    def _put_on(self, place: Place, pieces: Sequence[Piece]) -> None:
        module = self.index.module(place)
        self._keep_copies(place, module)
        weight, bias = self._original(place, "weight"), self._original(place, "bias")
        total: dict[str, Tensor] = {}
        for piece in pieces:
            difference = change(self._on_device(piece.layer), weight, bias, piece.rank)
            for name, added in (("weight", difference.weight), ("bias", difference.bias)):
                if added is not None:
                    total[name] = total.get(name, torch.zeros_like(added)).add_(added, alpha=piece.strength)
        for name, original in (("weight", weight), ("bias", bias)):
            if original is not None:
                worn = original + total[name] if name in total else self._before[place, name]
                self._write(place, name, worn)

    def _write(self, place: Place, name: str, value: Tensor) -> None:
        """Into the master of the weights and what of them lies on the device."""
        store = self._store()
        if store is not None:
            store.write(place.part, self.index.module(place), name, value)

    def _keep_copies(self, place: Place, module: nn.Module) -> None:
        for name, value in zip(("weight", "bias"), weights_of(module), strict=True):
            if value is not None and (place, name) not in self._before:
                self._before[place, name] = value.detach().to("cpu", copy=True)

    def _original(self, place: Place, name: str) -> Any:
        """In float32 on the device; None where the layer has none."""
        before = self._before.get((place, name))
        return None if before is None else before.to(self._device, torch.float32)

    def _on_device(self, layer: Layer) -> Layer:
        parts = {name: tensor.to(self._device) for name, tensor in layer.parts.items()}
        return Layer(parts, layer.alpha, layer.scale, layer.on_input, layer.root)


def _by_place(pieces: Sequence[Piece]) -> dict[Place, list[Piece]]:
    found: dict[Place, list[Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.place, []).append(piece)
    return found


def _same(one: Sequence[Piece], other: Sequence[Piece]) -> bool:
    """The very same layers of files, at the same strengths."""
    return len(one) == len(other) and all(
        a.layer is b.layer and (a.place, a.strength, a.rank) == (b.place, b.strength, b.rank)
        for a, b in zip(one, other, strict=True)
    )
