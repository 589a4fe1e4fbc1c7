"""SD upscale: the start image enlarged, cut into tiles, each drawn over, joined again without a seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from runtime import script_table
from runtime.engine import images
from runtime.engine.scripts.bench import Bench, opened, own_pictures, with_notes, with_seed
from runtime.engine.upscale.enlarge import InterruptedUpscalingError, Watcher
from runtime.engine.upscale.tiles import Joiner, Tiling, plan_tiles
from runtime.request import Picture, Request, RequestError, Result, Start
from runtime.script_table import SD_UPSCALE
from runtime.upscalers import find_upscaler, upscalers


def run(request: Request, bench: Bench) -> Result:
    """`n_iter` enlarged pictures; the seed goes on from tile to tile."""
    given = script_table.arguments(SD_UPSCALE, request.script.args if request.script else ())
    overlap, factor = given[1], given[3]
    name = _upscaler(given[2], bench)
    request = with_seed(request)
    if request.start is None:
        raise RequestError("no-init-image", "SD upscale needs a start image.", "Use it in img2img.")
    if request.start.mask is not None:
        bench.comments.append("SD upscale redraws the whole picture; the mask was not heeded.")
    large = _enlarged(request, request.start, name, factor, bench)
    if large is None:
        return _nothing(request)
    tile = request.width or bench.native[0], request.height or bench.native[1]
    tiling = plan_tiles(large.size, tile, overlap)
    notes = {"SD upscale overlap": overlap, "SD upscale upscaler": name}
    tiles = [_png(large.crop(box)) for box in tiling.boxes]
    bench.expect(_requests(request, tiling, tiles, request.seed), request.n_iter)
    made: list[Picture] = []
    for number in range(request.n_iter):
        picture = _one(request, bench, tiling, tiles, request.seed + number, notes)
        if picture is None:
            break
        made.append(picture)
    return replace(bench.finished(made), width=large.width, height=large.height)


def _upscaler(spelling: Any, bench: Bench) -> str:
    """By name, or by its place in the list of all."""
    if isinstance(spelling, (int, float)) and not isinstance(spelling, bool):
        there = upscalers(bench.enlarger.folders)
        if not 0 <= int(spelling) < len(there):
            names = ", ".join(one.name for one in there)
            raise RequestError("upscaler-unknown", f"There is no upscaler number {spelling}.", f"There are {names}.")
        return there[int(spelling)].name
    return find_upscaler(None if spelling is None else str(spelling), bench.enlarger.folders).name


def _enlarged(request: Request, start: Start, name: str, factor: float, bench: Bench) -> Image.Image | None:
    """The first start image, flat; None when it was interrupted. "None" leaves it as large as it is."""
    image = images.read_image(start.images[0])
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, request.options.img2img_background_color)
        image = Image.alpha_composite(ground, image)
    image = image.convert("RGB")
    if name == "None":
        return image
    try:
        return bench.enlarger.scaled(
            image, name, factor, request.options, Watcher(stop=lambda: bench.wish() is not None)
        )
    except InterruptedUpscalingError:
        return None


def _nothing(request: Request) -> Result:
    return Result(request, (), request.width or 0, request.height or 0, interrupted=True)


def _png(image: Image.Image) -> bytes:
    return images.encode(image, "png")


def _requests(request: Request, tiling: Tiling, tiles: Sequence[bytes], seed: int) -> list[Request]:
    """As many tiles at once as the batch size says; seeds go on from one to the next."""
    if request.start is None:
        return []
    # what is smaller than a tile is drawn at its own size, in the autoencoder's steps
    width, height = (max(64, side // 8 * 8) for side in (tiling.tile_width, tiling.tile_height))
    made: list[Request] = []
    for first in range(0, len(tiles), request.batch_size):
        some = tuple(tiles[first : first + request.batch_size])
        start = replace(request.start, images=some, mask=None, resize_mode=0)
        made.append(
            replace(
                request,
                start=start,
                seed=seed + first,
                batch_size=len(some),
                n_iter=1,
                width=width,
                height=height,
                save=False,
                save_grid=False,
            )
        )
    return made


def _one(
    request: Request, bench: Bench, tiling: Tiling, tiles: Sequence[bytes], seed: int, notes: dict[str, Any]
) -> Picture | None:
    """All tiles drawn and joined; None if the user stopped before they were all there."""
    drawn: list[Picture] = []
    first: Result | None = None
    for one in _requests(request, tiling, tiles, seed):
        result = bench.draw(one)
        first = first or result
        drawn += own_pictures(result)
        if bench.stopped:
            return None
    if first is None or len(drawn) < len(tiles):
        return None
    infotext = with_notes(drawn[0].infotext, notes)
    facts = bench.facts(first, replace(first.request, save=request.save))
    return bench.keep(_joined(tiling, drawn), infotext, facts, request.save)


def _joined(tiling: Tiling, drawn: Sequence[Picture]) -> Image.Image:
    joiner, columns = Joiner(tiling, 3), len(tiling.lefts)
    size = tiling.tile_width, tiling.tile_height
    for row in range(len(tiling.tops)):
        pictures = (opened(one).convert("RGB") for one in drawn[row * columns : (row + 1) * columns])
        fitted = (one if one.size == size else one.resize(size, Image.Resampling.LANCZOS) for one in pictures)
        joiner.add_row(row, [np.asarray(one, np.float32) for one in fitted])
    return Image.fromarray(joiner.pixels)
