"""Pictures made larger by the name of an upscaler, as AUTOMATIC1111 counts sizes and passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from runtime.engine.resize import holds, lanczos
from runtime.engine.shortage import lacks_memory
from runtime.engine.upscale.loading import load_network
from runtime.engine.upscale.networks import Network
from runtime.engine.upscale.tiles import Joiner, Pixels, Tiling, plan_tiles
from runtime.job_options import JobOptions
from runtime.request import RequestError
from runtime.upscalers import Upscaler, find_upscaler

#: a network is used again while the picture is still smaller than wanted, at most so often
MOST_PASSES = 3
LARGEST_SIDE = 16_384
#: pixels of a network's own result, which may be larger than what is wanted
_MOST_PIXELS = 2**29
_SMALLEST_TILE = 32
#: at the edge of a tile a network sees only emptiness: a quarter of the overlap at either side is not used
_TRIM = 0.25


class InterruptedUpscalingError(Exception):
    """Whoever asked wants it no longer."""


@dataclass(frozen=True)
class Watcher:
    """What is told of the work and asked in between: (tiles done, tiles), and whether to stop."""

    report: Callable[[int, int], None] = lambda _done, _tiles: None
    stop: Callable[[], bool] = lambda: False


UNWATCHED = Watcher()


@dataclass
class Enlarger:
    """Keeps the network that was used last, in the computer's memory. `half`: float16 on a CUDA card. `on_cpu` keeps
    networks off the device."""

    folders: Mapping[str, tuple[Path, ...]]
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    half: bool = True
    on_cpu: bool = False
    _held: tuple[Path, int, Network] | None = None

    def enlarge(
        self,
        image: Image.Image,
        name: str | None,
        width: int,
        height: int,
        options: JobOptions,
        watcher: Watcher = UNWATCHED,
    ) -> Image.Image:
        """`image` at exactly `width` x `height` pixels: through the upscaler while it is too small, then Lanczos.

        RequestError for an unknown name or an impossible size, InterruptedUpscalingError when `watcher` stops it.
        """
        upscaler = find_upscaler(name, self.folders)
        check_size(width, height)
        factor = max(width / image.width, height / image.height)
        if upscaler.name == "None":
            return lanczos(image, width, height)
        if upscaler.path is None:
            grown = int(image.width * factor), int(image.height * factor)
            # in another ratio a long picture would grow far beyond what is wanted of it
            if factor > 1 and holds(*grown, width, height):
                nearest = upscaler.name == "Nearest"
                image = image.resize(grown, Image.Resampling.NEAREST) if nearest else lanczos(image, *grown)
            return lanczos(image, width, height)
        for number in range(MOST_PASSES):
            if image.width >= width and image.height >= height and (number > 0 or factor != 1):
                break
            before, image = image.size, self._pass(image, upscaler, options, watcher)
            if image.size == before:
                break
        return lanczos(image, width, height)

    def scaled(
        self, image: Image.Image, name: str | None, factor: float, options: JobOptions, watcher: Watcher = UNWATCHED
    ) -> Image.Image:
        """`image` times `factor`, its sides cut down to multiples of 8, as AUTOMATIC1111 does."""
        width, height = (max(8, int(side * factor) // 8 * 8) for side in image.size)
        return self.enlarge(image, name, width, height, options, watcher)

    def _pass(self, image: Image.Image, upscaler: Upscaler, options: JobOptions, watcher: Watcher) -> Image.Image:
        network = self._network(upscaler)
        if image.width * image.height * network.scale**2 > _MOST_PIXELS:
            message = (
                f"{upscaler.name} would make {image.width} x {image.height} pixels {network.scale} times as large."
            )
            raise RequestError("size-out-of-range", message, "Begin with a smaller picture, or choose Lanczos.")
        plain = image.convert("L" if network.channels == 1 else "RGB")
        try:
            grown = self._tiled(plain, network, options, watcher)
        finally:
            # plans know nothing of it, and count what it held as free
            network.to(torch.device("cpu"), self._dtypes[0])
        if image.mode == "RGBA":
            grown = grown.convert("RGB")
            grown.putalpha(lanczos(image.getchannel("A"), *grown.size))
        return grown if image.mode == "RGBA" else grown.convert(image.mode)

    def _tiled(self, image: Image.Image, network: Network, options: JobOptions, watcher: Watcher) -> Image.Image:
        """Smaller tiles are tried while the card's memory does not hold one."""
        tile = options.ESRGAN_tile or max(image.size)
        while True:
            tiling = plan_tiles(image.size, (tile, tile), options.ESRGAN_tile_overlap)
            try:
                return self._joined(image, network, tiling, watcher)
            except RuntimeError as failure:
                if tile <= _SMALLEST_TILE or not lacks_memory(failure):
                    raise
                tile = max(_SMALLEST_TILE, min(tile, *image.size) // 2)
                torch.cuda.empty_cache()

    def _joined(self, image: Image.Image, network: Network, tiling: Tiling, watcher: Watcher) -> Image.Image:
        count, columns = len(tiling.tops) * len(tiling.lefts), len(tiling.lefts)
        joiner = Joiner(tiling.times(network.scale), network.channels, _TRIM)
        row: list[Pixels] = []
        for done, box in enumerate(tiling.boxes, start=1):
            if watcher.stop():
                raise InterruptedUpscalingError
            row.append(self._run(network, image.crop(box)))
            watcher.report(done, count)
            if len(row) == columns:
                joiner.add_row(done // columns - 1, row)
                row = []
        pixels = joiner.pixels
        return Image.fromarray(pixels[:, :, 0] if network.channels == 1 else pixels)

    @torch.inference_mode()
    def _run(self, network: Network, tile: Image.Image) -> Pixels:
        """(height, width, channels) in 0 … 255, not rounded; once more in float32 if half precision overflows."""
        device = torch.device("cpu") if self.on_cpu else self.device
        levels = np.asarray(tile, np.float32).reshape(tile.height, tile.width, network.channels) / 255
        for dtype in self._dtypes:
            network.to(device, dtype)
            x = torch.from_numpy(levels).permute(2, 0, 1)[None].to(device, dtype)
            grown = network(x)[0].float()
            if torch.isfinite(grown).all():
                pixels: Pixels = (grown.clamp(0, 1) * 255).permute(1, 2, 0).cpu().numpy()
                return pixels
        hint = "The file may be damaged: download it again, or choose another upscaler."
        raise RequestError("nan-upscaler", "The upscaler produced numbers that are no numbers.", hint)

    @property
    def _dtypes(self) -> tuple[torch.dtype, ...]:
        """In which it is tried, one after the other."""
        half = self.half and self.device.type == "cuda" and not self.on_cpu
        return (torch.float16, torch.float32) if half else (torch.float32,)

    def _network(self, upscaler: Upscaler) -> Network:
        """From memory while the file is the same."""
        path = upscaler.path or Path()
        changed = path.stat().st_mtime_ns if path.exists() else 0
        if self._held is None or self._held[:2] != (path, changed):
            self._held = None
            self._held = path, changed, load_network(path)
        return self._held[2]


def check_size(width: int, height: int) -> None:
    """RequestError `size-out-of-range` for what cannot be made."""
    if not (1 <= width <= LARGEST_SIDE and 1 <= height <= LARGEST_SIDE):
        hint = f"A side goes from 1 to {LARGEST_SIDE} pixels."
        raise RequestError("size-out-of-range", f"The result would be {width} x {height} pixels.", hint)
