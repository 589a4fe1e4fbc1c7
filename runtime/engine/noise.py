"""Random numbers that belong to one picture each, so that a batch changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from runtime.engine.philox import PhiloxGenerator
from runtime.request import RequestError

#: torch's generators take seeds below this
SEEDS = 2**64
#: mean cosine above which two noises count as the same, and the slerp as a line
PARALLEL = 0.9995
#: to which torchsde's tree rounds its nodes
TREE_DIGITS = 6
Shape = tuple[int, ...]


class _Stream(Protocol):
    def __call__(self, shape: Shape) -> Tensor:
        """The next standard normal numbers, float32."""


class _TorchStream:
    """torch's own generator, on the CPU or on the device."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._generator, self._device = torch.Generator(device).manual_seed(seed % SEEDS), device

    def __call__(self, shape: Shape) -> Tensor:
        return torch.randn(shape, generator=self._generator, device=self._device, dtype=torch.float32)


class _PhiloxStream:
    """CUDA's generator, computed on the CPU."""

    def __init__(self, seed: int) -> None:
        self._generator = PhiloxGenerator(seed % SEEDS)

    def __call__(self, shape: Shape) -> Tensor:
        return torch.from_numpy(self._generator.normal(shape))


def stream_device(source: str, device: torch.device) -> torch.device:
    """Where numbers are drawn: "GPU" is the CPU on machines without CUDA."""
    return device if source == "GPU" and device.type == "cuda" else torch.device("cpu")


def _stream(seed: int, source: str, device: torch.device) -> _Stream:
    if source not in ("GPU", "CPU", "NV"):
        raise RequestError("option-unknown", f"randn_source is {source!r}.", "It is GPU, CPU or NV.")
    return _PhiloxStream(seed) if source == "NV" else _TorchStream(seed, stream_device(source, device))


class Noise:
    """One float32 generator per picture: picture i's numbers depend on its own seeds alone.

    `shape` is (channels, height, width) in latent cells. `subseed_strength` mixes the first noise with that of the
    `subseeds`. `resize_from` is (width, height) in pixels of the picture whose noise is kept; it counts where both
    are positive. `source` is "GPU", "CPU" or "NV"; `ensd` is added to the seeds for all noise but the first.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        *,
        shape: tuple[int, int, int],
        device: torch.device,
        subseeds: Sequence[int] = (),
        subseed_strength: float = 0.0,
        resize_from: tuple[int, int] | None = None,
        source: str = "GPU",
        ensd: int = 0,
    ) -> None:
        self._seeds, self._subseeds, self._strength = tuple(seeds), tuple(subseeds), subseed_strength
        self._shape, self._device, self._source, self._ensd = shape, device, source, ensd
        self._kept = shape
        if resize_from is not None and min(resize_from) > 0:
            self._kept = (shape[0], resize_from[1] // 8, resize_from[0] // 8)
        self._streams = [self._begin(seed) for seed in self._seeds]

    def _begin(self, seed: int) -> _Stream:
        return _stream(seed, self._source, self._device)

    def first(self) -> Tensor:
        """What the latents begin as, (pictures, *shape); afterwards come the steps' draws."""
        drawn = [self._first_of(place, stream) for place, stream in enumerate(self._streams)]
        if self._ensd:
            self._streams = [self._begin(seed + self._ensd) for seed in self._seeds]
        return _sent(torch.stack(drawn), self._device)

    def _first_of(self, place: int, stream: _Stream) -> Tensor:
        resized = self._kept != self._shape
        noise = self._begin(self._seeds[place])(self._kept) if resized else stream(self._shape)
        if self._strength and self._subseeds:
            other = self._subseeds[place] if place < len(self._subseeds) else 0
            noise = slerp(self._strength, noise, self._begin(other)(self._kept))
        return pasted(noise, stream(self._shape)) if resized else noise

    def __call__(self) -> Tensor:
        """The next standard normal numbers, (pictures, *shape)."""
        return _sent(torch.stack([stream(self._shape) for stream in self._streams]), self._device)

    def brownian(self, low: float, high: float) -> Callable[[float, float], Tensor]:
        """(level, next level) -> standard normal increment of each picture's own Brownian path from `low` to `high`."""
        place = stream_device(self._source, self._device)
        first, last = (round(_rounded(end), TREE_DIGITS) for end in (low, high))
        start = torch.zeros(self._shape, device=place)
        with _drawn_by(self._source):
            trees = [_tree(seed % SEEDS, start, low, high) for seed in self._seeds]

        def between(sigma: float, following: float) -> Tensor:
            ends = sorted(min(max(_rounded(end), first), last) for end in (sigma, following))
            with _drawn_by(self._source):
                walked = torch.stack([tree(*ends) for tree in trees])
            # the path runs up from `low`; an increment on the way down is its negative
            scale = math.copysign(math.sqrt(abs(following - sigma)), following - sigma)
            return _sent(walked / scale, self._device)

        return between


def _sent(drawn: Tensor, device: torch.device) -> Tensor:
    """On the device; what was drawn on the CPU goes there without a wait for what a card does now."""
    if device.type == "cuda" and drawn.device.type == "cpu":
        return drawn.pin_memory().to(device, non_blocking=True)
    return drawn.to(device)


def slerp(share: float, low: Tensor, high: Tensor) -> Tensor:
    """From `low` to `high` along a circle, (channels, height, width); angles are those of the columns.

    Noises that are nearly parallel are mixed in a line with the roles swapped, as AUTOMATIC1111 does.
    """
    low_norm = low / torch.norm(low, dim=1, keepdim=True)
    high_norm = high / torch.norm(high, dim=1, keepdim=True)
    cosine = (low_norm * high_norm).sum(1)
    if cosine.mean() > PARALLEL:
        return low * share + high * (1 - share)
    angle = torch.acos(cosine.clamp(-1.0, 1.0))
    sine = torch.sin(angle)
    # columns of a few cells may be parallel by themselves, where the circle has no direction
    straight = sine.abs() < 1e-6
    towards_low = torch.where(straight, 1.0 - share, torch.sin((1.0 - share) * angle) / sine).unsqueeze(1)
    towards_high = torch.where(straight, share, torch.sin(share * angle) / sine).unsqueeze(1)
    return towards_low * low + towards_high * high


def pasted(noise: Tensor, ground: Tensor) -> Tensor:
    """`noise` laid centred over `ground`, both (channels, height, width); what stands out is cut."""
    rows, kept_rows = _overlap(noise.shape[1], ground.shape[1])
    columns, kept_columns = _overlap(noise.shape[2], ground.shape[2])
    ground = ground.clone()
    ground[:, rows, columns] = noise[:, kept_rows, kept_columns]
    return ground


def _overlap(own: int, whole: int) -> tuple[slice, slice]:
    """(where in the whole, what of the own) along one axis; an odd surplus loses one cell more, as upstream."""
    shift = (whole - own) // 2
    size = own if shift >= 0 else own + 2 * shift
    place, cut = max(shift, 0), max(-shift, 0)
    return slice(place, place + size), slice(cut, cut + size)


def _rounded(sigma: float) -> float:
    """As float32 has it: the tree's nodes depend on the last digits of its ends."""
    return float(torch.tensor(sigma, dtype=torch.float32))


def _tree(seed: int, start: Tensor, low: float, high: float) -> Any:
    from torchsde import BrownianTree

    return BrownianTree(t0=_rounded(low), w0=start, t1=_rounded(high), entropy=seed)


@contextmanager
def _drawn_by(source: str) -> Iterator[None]:
    """torchsde draws by torch; for "NV" it draws by Philox meanwhile."""
    from torchsde._brownian import brownian_interval

    if source != "NV":
        yield
        return
    own = brownian_interval._randn  # noqa: SLF001 -- torchsde has no other door for its numbers

    def draw(size: Shape, dtype: torch.dtype, device: torch.device, seed: int) -> Tensor:
        return _PhiloxStream(int(seed))(tuple(size)).to(device, dtype)

    brownian_interval._randn = draw  # noqa: SLF001
    try:
        yield
    finally:
        brownian_interval._randn = own  # noqa: SLF001
