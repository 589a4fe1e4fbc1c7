"""The U-Net's work captured as CUDA graphs: one launch a step in place of about two thousand.

A shape is drawn once step by step, captured when it comes again, and replayed from then on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import ReferenceType, WeakKeyDictionary, ref

import torch
from torch import Tensor, nn

from runtime.engine.architecture import Attention
from runtime.engine.device_queue import DeviceQueue, Graph, queue_of
from runtime.engine.shortage import SPARING, lacks_memory
from runtime.engine.texts import Texts

_LOG = logging.getLogger(__name__)
#: shapes whose graphs are kept
MOST = 8


_LACKING = "There was no memory left to capture the step as a CUDA graph; for now it is launched piece by piece."


class Asked(Protocol):
    """A U-Net, as architecture.UNet is called."""

    def __call__(
        self, latents: Tensor, times: Tensor, context: Any, pooled: Tensor | None, sizes: Tensor | None
    ) -> Tensor: ...


@dataclass(frozen=True)
class Key:
    """What a graph is bound to: the shapes, the places of the weights, and what is done with them."""

    latents: tuple[int, ...]
    tokens: int
    dtype: torch.dtype
    #: see `build_of`
    build: int


def build_of(unet: nn.Module) -> int | None:
    """A number that changes with where the weights lie, how attention is computed and how convolutions pad.

    None: something hooks into the layers (streaming, hypernetworks), of which a graph would know nothing.
    """
    facts: list[object] = []
    for module in unet.modules():
        if module._forward_pre_hooks or module._forward_hooks:  # noqa: SLF001 - torch has no other door
            return None
        if isinstance(module, Attention):
            facts.append(id(module.attend))
        elif isinstance(module, nn.Conv2d):
            facts.append(module.padding_mode)
    facts += [(one.data_ptr(), one.dtype, one.stride()) for one in unet.parameters()]
    return hash(tuple(facts))


@dataclass(frozen=True)
class _Held:
    """Texts in memory of their own, keys and values included: what a capture makes, every replay makes again."""

    made: dict[Attention, tuple[Tensor, Tensor]]
    pooled: Tensor | None
    sizes: Tensor | None

    def keys_values(self, attention: Attention) -> tuple[Tensor, Tensor]:
        return self.made[attention]

    @classmethod
    def of(cls, texts: Texts, layers: Sequence[Attention]) -> _Held:
        """Copies of what cross-attention's `layers` read."""
        pooled, sizes = (None if one is None else one.clone() for one in (texts.pooled, texts.sizes))
        pairs = {layer: texts.keys_values(layer) for layer in layers}
        return cls({layer: (keys.clone(), values.clone()) for layer, (keys, values) in pairs.items()}, pooled, sizes)

    @property
    def nbytes(self) -> int:
        return sum(keys.nbytes + values.nbytes for keys, values in self.made.values())


@dataclass
class _Captured:
    """A graph, the tensors that it reads, and the one that it fills."""

    graph: Graph
    latents: Tensor
    times: Tensor
    texts: _Held
    made: Tensor
    #: the texts whose numbers lie in `texts`, if they are still somebody's
    shown: ReferenceType[Texts]

    def draw(self, latents: Tensor, time: float, texts: Texts) -> Tensor:
        self.latents.copy_(latents)
        self.times.fill_(time)
        if texts is not self.shown():
            self._show(texts)
        self.graph.replay()
        # the next replay, of this graph or another, writes over it
        return self.made.clone()

    def _show(self, texts: Texts) -> None:
        mine: list[Tensor] = []
        others: list[Tensor] = []
        for layer, keys_values in self.texts.made.items():
            mine += keys_values
            others += texts.keys_values(layer)
        for own, other in ((self.texts.pooled, texts.pooled), (self.texts.sizes, texts.sizes)):
            if own is not None and other is not None:
                mine.append(own)
                others.append(other)
        for held, other in zip(mine, others, strict=True):
            held.copy_(other)
        self.shown = ref(texts)


class Graphs:
    """Of one U-Net. Whatever goes wrong with a capture, the step is drawn without."""

    def __init__(self, queue: DeviceQueue, most: int = MOST) -> None:
        self._queue, self._most = queue, most
        self._captured: OrderedDict[Key, _Captured] = OrderedDict()
        #: drawn once, so that libraries have chosen how to draw them, and the layers that read the texts
        self._warm: dict[Key, tuple[Attention, ...]] = {}
        #: a failure may come again with every shape, and each costs time
        self._refused = not queue.captures
        #: numbers of the smallest latents for which a capture found no memory, since some was given back
        self._too_large: int | None = None
        self.begin()

    def begin(self) -> None:
        """A run of a sampler begins."""
        #: numbers of the largest latents in it, by what torch's allocator sees of them
        self._replayed = self._seen = 0

    @property
    def seen(self) -> bool:
        """Did torch's allocator see what the run's largest step takes? That of a replay was taken before."""
        return self._replayed <= self._seen

    def draw(self, unet: Asked, build: int | None, latents: Tensor, time: float, texts: Texts) -> Tensor:
        """The U-Net's answer to latents (batch, channels, h, w), all at the same time."""
        numbers = latents.numel()
        if build is None or self._refused:
            self._seen = max(self._seen, numbers)
            return ask(unet, latents, time, texts)
        key = Key(tuple(latents.shape), texts.states.shape[1], latents.dtype, build)
        self._forget_other_builds(build)
        if key in self._captured:
            self._captured.move_to_end(key)
            self._replayed = max(self._replayed, numbers)
            return self._captured[key].draw(latents, time, texts)
        self._seen = max(self._seen, numbers)
        if self._too_large is not None and numbers >= self._too_large:
            return ask(unet, latents, time, texts)
        if key not in self._warm:
            drawn = self._queue.warm(lambda: ask(unet, latents, time, texts))
            self._warm[key] = tuple(texts.made)
            return drawn
        captured = self._capture(unet, latents, time, texts, self._warm[key])
        if captured is None:
            return ask(unet, latents, time, texts)
        self._captured[key] = captured
        if len(self._captured) > self._most:
            self._captured.popitem(last=False)[1].graph.release()
        return captured.draw(latents, time, texts)

    @property
    def nbytes(self) -> int:
        """Of the copies that graphs read; what they compute in is another matter."""
        return sum(captured.texts.nbytes for captured in self._captured.values())

    def forget(self) -> None:
        """Give back what the graphs hold; memory is there again, for captures too."""
        self._too_large = None
        for captured in self._captured.values():
            captured.graph.release()
        self._captured.clear()
        self._warm.clear()

    def _forget_other_builds(self, build: int) -> None:
        """Weights that moved do not come back to where they were."""
        if any(key.build != build for key in self._captured.keys() | self._warm.keys()):
            self.forget()

    def _capture(
        self, unet: Asked, latents: Tensor, time: float, texts: Texts, layers: Sequence[Attention]
    ) -> _Captured | None:
        try:
            held = latents.clone()
            times = torch.full((len(latents),), time, dtype=torch.float32, device=latents.device)
            mine = _Held.of(texts, layers)

            def body() -> Tensor:
                return unet(held, times, mine, mine.pooled, mine.sizes)

            if getattr(unet, "_compiled_call_impl", None) is not None:
                # --compile knows a way for `Texts` alone; what it does to find another forbids a capture
                self._queue.warm(body)
            graph, made = self._queue.capture(body)
        except RuntimeError as failure:
            self._refuse(failure, latents.numel())
            return None
        return _Captured(graph, held, times, mine, made, ref(texts))

    def _refuse(self, failure: RuntimeError, numbers: int) -> None:
        """For good; or, where it is memory that was lacking, until some is given back."""
        self.forget()
        if lacks_memory(failure):
            self._too_large = numbers
            _LOG.warning("%s", _LACKING)
            return
        self._refused = True
        reason = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        _LOG.warning("The step could not be captured as a CUDA graph, and is launched piece by piece: %s", reason)


def ask(unet: Asked, latents: Tensor, time: float, texts: Texts) -> Tensor:
    """The U-Net's answer, at once."""
    times = torch.full((len(latents),), time, dtype=torch.float32, device=latents.device)
    return unet(latents, times, texts, texts.pooled, texts.sizes)


_OF_MODELS: WeakKeyDictionary[nn.Module, Graphs] = WeakKeyDictionary()


def graphs_of(unet: nn.Module, device: torch.device) -> Graphs:
    """The graphs of this U-Net, which live as long as it does."""
    if unet not in _OF_MODELS:
        _OF_MODELS[unet] = Graphs(queue_of(device))
    return _OF_MODELS[unet]


def forget_graphs() -> None:
    """Give back the memory of all graphs; they are captured anew when they are wanted."""
    for graphs in list(_OF_MODELS.values()):
        graphs.forget()


def bytes_in_graphs() -> int:
    """Of the copies that all graphs read."""
    return sum(graphs.nbytes for graphs in _OF_MODELS.values())


def begin_run() -> None:
    """Of a sampler, with whichever U-Net."""
    for graphs in _OF_MODELS.values():
        graphs.begin()


def steps_were_seen() -> bool:
    """Did torch's allocator see what the largest step since then takes?"""
    return all(graphs.seen for graphs in _OF_MODELS.values())


SPARING.append(forget_graphs)
