"""What each family's U-Net takes of its text models: which layer's states, normed or not, and which pooled vector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from runtime.engine.architecture import TextModel
from runtime.engine.prompt import Chunk
from runtime.engine.tokenizer import END
from runtime.engine.traits import Traits
from runtime.job_options import JobOptions

#: layers of an OpenCLIP-H from which the last was left out when it was converted
WITHOUT_LAST_LAYER = 23


@dataclass(frozen=True)
class TextEncoder:
    """One text model of a checkpoint, and how its states are read."""

    model: TextModel
    #: place of its vectors among an embedding's
    number: int
    #: counted from the end as in `hidden_states`: -1 is the last layer's
    layer: int
    normed: bool
    #: id of the tokens after the end mark; None is the end mark again
    padding: int | None = None
    pooled: bool = False

    def run(self, chunk: Chunk, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """States (1, 77, width) and, where this model gives it, the pooled vector (1, projection), both in float32."""
        ids = torch.tensor([self._ids(chunk.ids)], device=device)
        with _placed(self.model.embeddings.token_embedding, self._vectors(chunk)):
            output = self.model(ids)
        layers: Sequence[Tensor] = output.hidden_states
        states = layers[max(self.layer, 1 - len(layers))]
        if self.normed:
            states = output.last_hidden_state if self.layer == -1 else self.model.final_layer_norm(states)
        if not self.pooled:
            return states.float(), None
        end = chunk.ids.index(END)
        pooled: Tensor = self.model.text_projection(output.last_hidden_state[:, end])
        return states.float(), pooled.float()

    def _ids(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        if self.padding is None:
            return ids
        end = ids.index(END) + 1
        return ids[:end] + (self.padding,) * (len(ids) - end)

    def _vectors(self, chunk: Chunk) -> list[tuple[int, Tensor]]:
        return [(at, torch.as_tensor(embedding.vectors[self.number])) for at, embedding in chunk.embeddings]


def text_encoders(texts: Sequence[TextModel], traits: Traits, options: JobOptions) -> tuple[TextEncoder, ...]:
    """The checkpoint's text models in the order in which their states are joined along the width.

    SD 1.x: CLIP-L after the final norm, `CLIP_stop_at_last_layers` - 1 layers earlier where that is above 1.
    SD 2.x: OpenCLIP-H's last layer but one, normed. SDXL (Podell et al. 2023, arXiv:2307.01952): the last layer but
    one of CLIP-L and OpenCLIP-G, not normed, and G's projection of its end mark; the refiner knows G alone.
    """
    skip = max(1, options.CLIP_stop_at_last_layers)
    if traits.family == "sd1":
        return (TextEncoder(texts[0], 0, -skip, normed=True),)
    if traits.family == "sd2":
        whole = len(texts[0].encoder.layers) != WITHOUT_LAST_LAYER
        return (TextEncoder(texts[0], 0, -2 if whole else -1, normed=True, padding=0),)
    *small, large = texts
    layer = -skip if options.sdxl_clip_l_skip else -2
    return (
        *(TextEncoder(text, number, layer, normed=False) for number, text in enumerate(small)),
        TextEncoder(large, len(small), -2, normed=False, padding=0, pooled=True),
    )


@contextmanager
def _placed(token_embedding: Any, vectors: Sequence[tuple[int, Tensor]]) -> Iterator[None]:
    """While this holds, `vectors` (n, width) stand from their places on instead of the tokens' own."""

    def put(_module: object, _inputs: object, output: Tensor) -> Tensor:
        output = output.clone()
        for at, rows in vectors:
            output[0, at : at + len(rows)] = rows.to(output)
        return output

    hook: Callable[..., Any] = token_embedding.register_forward_hook
    handle = hook(put) if vectors else None
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()
