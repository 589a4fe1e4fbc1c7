"""Loopback: each picture is the start of the next, redrawn a little more or less each time."""

from __future__ import annotations

import math
from dataclasses import replace

from runtime import script_table
from runtime.engine.grids import image_grid, rows_for
from runtime.engine.scripts.bench import Bench, opened, own_pictures, with_seed
from runtime.request import Picture, Request, RequestError, Result, Start
from runtime.script_table import LOOPBACK

_ORIGINAL = 1


def run(request: Request, bench: Bench) -> Result:
    """`n_iter` chains of pictures, a grid of all before them."""
    given = script_table.arguments(LOOPBACK, request.script.args if request.script else ())
    loops, final, curve = given[0], given[1], str(given[2])
    if request.start is None:
        raise RequestError("no-init-image", "Loopback needs a start image.", "Use it in img2img.")
    if given[3] not in (None, "", "None"):
        bench.comments.append("There is no model that describes pictures; no prompt was appended.")
    chains, first = request.n_iter, with_seed(replace(request, batch_size=1, n_iter=1, save_grid=False))
    bench.expect([first] * loops, chains)
    pictures: list[Picture] = []
    for chain in range(chains):
        pictures += _chain(replace(first, seed=first.seed + chain * loops), request.start, loops, final, curve, bench)
        if bench.stopped:
            break
    options = request.options
    if len(pictures) < 2 or not (request.save_grid and options.return_grid):
        return bench.finished(pictures)
    grid = image_grid([opened(one) for one in pictures], rows_for(len(pictures), options.n_rows, 1))
    return bench.finished([bench.keep_grid(grid, pictures[0].infotext, request, "grid"), *pictures], 1)


def _chain(request: Request, start: Start, loops: int, final: float, curve: str, bench: Bench) -> list[Picture]:
    """From the start image on; a mask's inside is the picture itself after the first loop."""
    made: list[Picture] = []
    for loop in range(loops):
        strength = denoising_at(loop, loops, start.denoising_strength, final, curve)
        mask = start.mask and replace(start.mask, fill=_ORIGINAL if loop else start.mask.fill)
        files = (made[-1].data,) if made else start.images[:1]
        one = replace(start, images=files, denoising_strength=strength, mask=mask)
        made += own_pictures(bench.draw(replace(request, start=one, seed=request.seed + loop)))[:1]
        if bench.stopped or not made:
            break
    return made


def denoising_at(loop: int, loops: int, first: float, final: float, curve: str) -> float:
    """From `first` to `final`: straight, or as a quarter of a sine that changes early (Aggressive) or late (Lazy)."""
    if loops == 1:
        return first
    progress = loop / (loops - 1)
    if curve == "Aggressive":
        progress = math.sin(progress * math.pi / 2)
    elif curve == "Lazy":
        progress = 1 - math.cos(progress * math.pi / 2)
    return min(max(first + (final - first) * progress, 0.0), 1.0)
