"""C8: the same seed under every way of keeping the weights, against the picture with everything in place; full size."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.frame import Bench, Figure, Row, at_most
from benchmarks.step import job
from benchmarks.weights import sd15
from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Hardware, Policy, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.saving import Outputs
from runtime.engine.weights import piece_sizes
from runtime.request import Request

_AGAINST = "everything in place"
#: what it is called, and what is other in the policy; `resident` is a share here
_WAYS: dict[str, dict[str, Any]] = {
    "models by turns": {"mode": "medvram"},
    "nothing of the U-Net resident": {"mode": "lowvram", "resident": 0.0},
    "three fifths of the U-Net resident": {"mode": "lowvram", "resident": 0.6},
    "prompts apart": {"batch_cond_uncond": False},
    "the VAE in strips": {"vae_rows": 16},
}


def measure(bench: Bench) -> Iterator[Figure]:
    size, steps = (128, 2) if bench.quick else (256, 6)
    path, asked = sd15(bench.cache), Request(**job(size, steps), save=False, save_grid=False)
    whole = _picture(path, asked, place(Settings(), Hardware()))
    for name, other in _WAYS.items():
        apart = np.abs(_picture(path, asked, replace(place(Settings(), Hardware()), **other)) - whole)
        note = f"{size} × {size}, {steps} steps; at most {apart.max()} of 255"
        what = f"mean difference of the pictures: {name}"
        yield Figure(what, _AGAINST, (float(apart.mean()),), at_most(2), unit="/255", note=note)


def _picture(path: Path, asked: Request, policy: Policy) -> Any:
    """(height, width, 3) of 0 to 255."""
    checkpoint = load_checkpoint(path, policy.precision, channels_last=policy.channels_last)
    if policy.resident is not None:
        share = policy.resident * sum(piece_sizes(checkpoint.unet, policy.precision.unet))
        policy = replace(policy, resident=int(share))
    model = Model(checkpoint.title, path, Store(checkpoint, policy), checkpoint.traits)
    with tempfile.TemporaryDirectory() as folder:
        drawn = generate(asked, Easel(model, Outputs(Path(folder), history=False)), lambda _step: None, lambda: None)
    with Image.open(io.BytesIO(drawn.pictures[0].data)) as opened:
        return np.asarray(opened.convert("RGB"), dtype=np.int16)


ROW = Row("C8", "Stable Diffusion 1.5: every way of keeping the weights draws the same picture", measure)
