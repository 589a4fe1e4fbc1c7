"""xformers or torch's own attention: whichever is faster on this card, for the heads that the U-Net has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from runtime.engine import architecture
from runtime.engine.architecture.attention import AttentionFunction
from runtime.engine.architecture.attention_functions import FUNCTIONS
from runtime.engine.attention import Attention
from runtime.engine.device_queue import DeviceQueue, queue_of

#: of torch's own, what the other must save to take its place
_WORTH = 0.02
#: a picture's cells in the finest level that attends: 64 x 64 at 512 x 512, and half as many each way below
_TOKENS = 4096
_ROUNDS = 5


@dataclass(frozen=True)
class Heads:
    """What attention is asked for: so many tokens, heads, and numbers a head."""

    tokens: int
    heads: int
    width: int


def heads_of(unet: nn.Module) -> tuple[Heads, ...]:
    """The kinds of attention to itself that a U-Net has, the largest first."""
    widths = {
        (module.to_q.out_features, module.heads)
        for module in unet.modules()
        if isinstance(module, architecture.Attention) and module.to_k.in_features == module.to_q.in_features
    }
    levels = sorted(widths)
    return tuple(Heads(_TOKENS >> 2 * level, heads, width // heads) for level, (width, heads) in enumerate(levels))


def tried(wanted: Attention, forced: bool, unet: nn.Module, device: torch.device) -> tuple[Attention, str]:
    """As `settle`, on this device in float16; a sentence only where xformers was asked for."""
    if wanted.name != "xformers":
        return wanted, ""
    return settle(wanted, forced, heads_of(unet), stopwatch(device, torch.float16, queue_of(device)))


def settle(
    wanted: Attention,
    forced: bool,
    kinds: Sequence[Heads],
    seconds: Callable[[AttentionFunction, Heads], float],
    functions: Mapping[str, AttentionFunction] = FUNCTIONS,
) -> tuple[Attention, str]:
    """What is used where xformers is `wanted`, and a sentence that says which and why.

    `seconds` measures a function. xformers that does not run at all is never used; one that is `forced` need not win.
    """
    own = replace(wanted, name="sdp")
    try:
        theirs = sum(seconds(functions["xformers"], kind) for kind in kinds)
    except Exception as failure:  # noqa: BLE001 - a package made for another torch can fail at anything
        reason = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        return own, f"xformers does not run here ({reason}); torch's own attention takes its place."
    if forced:
        return wanted, "xformers computes attention, as --force-enable-xformers asks."
    ours = sum(seconds(functions["sdp"], kind) for kind in kinds)
    measured = f"{theirs * 1e3:.2f} ms against {ours * 1e3:.2f} ms"
    if theirs < ours * (1 - _WORTH):
        return wanted, f"xformers computes attention: it is faster here than torch's own ({measured})."
    return own, f"torch's own attention is used: xformers is no faster here ({measured})."


def stopwatch(
    device: torch.device, dtype: torch.dtype, queue: DeviceQueue
) -> Callable[[AttentionFunction, Heads], float]:
    """Measures the fastest of a few rounds of a guided step's attention, in seconds of the device."""

    def seconds(function: AttentionFunction, kind: Heads) -> float:
        shape = (2, kind.heads, kind.tokens, kind.width)
        query = torch.randn(shape, device=device).to(dtype)
        function(query, query, query)
        best = float("inf")
        for _ in range(_ROUNDS):
            start = queue.mark()
            function(query, query, query)
            end = queue.mark()
            end.wait()
            best = min(best, end.seconds_since(start))
        return best

    return seconds
