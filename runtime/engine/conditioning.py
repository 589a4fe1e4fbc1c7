"""Prompts to hidden states of the text model: chunk by chunk, weighted, joined along the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from runtime.engine.prompt import Chunk, prompt_chunks
from runtime.request import RequestError

#: a quotient of means beyond this is no correction of the weights but rounding noise
LARGEST_FACTOR = 100.0


def encode(text_model: Any, prompt: str, clip_skip: int, device: torch.device) -> Tensor:
    """Hidden states (1, 77 * chunks, width) in float32; RequestError `prompt-weight` if a weight blows them up."""
    parts = [weighted(_hidden(text_model, chunk, clip_skip, device), chunk.weights) for chunk in prompt_chunks(prompt)]
    states = torch.cat(parts, dim=1)
    if not torch.isfinite(states).all():
        raise RequestError(
            "prompt-weight",
            "The weights in the prompt multiply to a number that the model cannot use.",
            "Use fewer brackets or smaller weights.",
        )
    return states


def _hidden(text_model: Any, chunk: Chunk, clip_skip: int, device: torch.device) -> Tensor:
    """(1, 77, width): the last layer's states, or those `clip_skip` - 1 layers earlier, after the final norm."""
    ids = torch.tensor([chunk.ids], device=device)
    if clip_skip <= 1:
        last: Tensor = text_model(ids).last_hidden_state
        return last.float()
    layers: Sequence[Tensor] = text_model(ids, output_hidden_states=True).hidden_states
    earlier: Tensor = text_model.final_layer_norm(layers[-min(clip_skip, len(layers) - 1)])
    return earlier.float()


def weighted(states: Tensor, weights: Sequence[float]) -> Tensor:
    """Multiply each token's state, then bring the tensor's mean back to what it was ("Original" emphasis).

    A tensor whose mean vanishes, or changes its sign, under the weights says nothing about their size: it is left as
    it is ("No norm"), since the rescale would turn the picture inside out or drown it.
    """
    if all(weight == 1.0 for weight in weights):
        return states
    heavier = states * torch.tensor(weights, device=states.device).view(1, -1, 1)
    factor = float(states.mean() / heavier.mean())  # nan where both are 0, which no comparison lets through
    return heavier * factor if 1 / LARGEST_FACTOR <= factor <= LARGEST_FACTOR else heavier
