"""C1: a guided step of Stable Diffusion 1.5 at 512 x 512 with default settings, against diffusers' own default."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame import Bench, Figure, Row, Turn, alternate, at_least, at_most, faster
from benchmarks.side import Side
from benchmarks.weights import sd15

STEPS = 4
_AGAINST = "diffusers as documented, float32"


def job(size: int, steps: int) -> dict[str, Any]:
    """What both sides are asked to draw; any prompt is as much work as this one."""
    return {
        "prompt": "a lighthouse on a cliff in a storm, oil painting",
        "negative_prompt": "blurry, watermark",
        "sampler_name": "Euler",
        "steps": steps,
        "cfg_scale": 7.0,
        "width": size,
        "height": size,
        "seed": 20_260,
    }


def a_step(answer: Mapping[str, Any]) -> float:
    """Seconds, from the end of the first to the end of the last: what comes before and after the loop is left out."""
    ends = answer["ends"]
    return float((ends[-1] - ends[0]) / (len(ends) - 1))


def _turn(side: Side, latents: Path, asked: Mapping[str, Any]) -> Callable[[], Turn[Any]]:
    def turn() -> Turn[Any]:
        answer = side.ask(**asked, latents=str(latents))
        return Turn(a_step(answer), np.load(latents))

    return turn


def difference(ours: Any, theirs: Any) -> float:
    """The norm of the difference in percent of the norm of theirs."""
    return float(100 * np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def measure(bench: Bench) -> Iterator[Figure]:
    size, steps = (128, 3) if bench.quick else (512, STEPS)
    checkpoint, asked = str(sd15(bench.cache)), job(size, steps)
    with (
        tempfile.TemporaryDirectory() as folder,
        Side("benchmarks.side_gesso", checkpoint, folder) as gesso,
        Side("benchmarks.side_diffusers", checkpoint, str(bench.cache)) as diffusers,
    ):
        ours = _turn(gesso, Path(folder) / "ours.npy", asked)
        pairs = alternate(bench, ours, _turn(diffusers, Path(folder) / "theirs.npy", asked))
    what = f"a step, {size} × {size}, prompt and negative prompt"
    yield faster(pairs, what, _AGAINST, at_least(2.5), f"{steps - 1} steps in a turn")
    errors = tuple(difference(pair.ours.output, pair.theirs.output) for pair in pairs)
    what = f"difference of the latents after {steps} steps"
    yield Figure(what, _AGAINST, errors, at_most(2), unit="%", by="max")


ROW = Row("C1", "Stable Diffusion 1.5, 512 × 512: a step with default settings", measure)
