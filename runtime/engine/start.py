"""img2img's start: the picture that is drawn over, as pixels and then as latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch
from PIL import Image, ImageOps
from torch import Tensor

from runtime.engine import autoencoder, images, masks
from runtime.engine.autoencoder import Coder
from runtime.engine.masks import Box
from runtime.engine.pixels import flatten, to_tensor
from runtime.engine.resize import FILL, LATENT, STRETCH, Enlarge, resize
from runtime.job_options import JobOptions
from runtime.request import Mask, RequestError, Start

FILL_UNDER, ORIGINAL, LATENT_NOISE, LATENT_NOTHING = range(4)
_FILL_NAMES = {FILL_UNDER: "fill", LATENT_NOISE: "latent noise", LATENT_NOTHING: "latent nothing"}


@dataclass(frozen=True)
class Underpainting:
    """The pixels of an img2img job; one picture stands for the whole batch, several for one image each."""

    #: RGB, of the size that is drawn (with LATENT their own)
    pictures: tuple[Image.Image, ...]
    #: RGBA, what is laid over the results; as many as pictures, or none
    kept: tuple[Image.Image, ...] = ()
    #: "L", of the size that is drawn: white is redrawn
    mask: Image.Image | None = None
    #: "L", of the size of the result: the mask as it is mixed with the original
    overlay: Image.Image | None = None
    #: where the result belongs in the original; None: it is all of it
    box: Box | None = None
    request: Start = field(default_factory=lambda: Start(()))
    notes: dict[str, str] = field(default_factory=dict)
    comments: tuple[str, ...] = ()


def underpaint(
    start: Start, options: JobOptions, width: int, height: int, enlarge: Enlarge | None = None
) -> Underpainting:
    """Start images and mask brought to width x height pixels, masked, filled and cropped as the request says.

    RequestError for what is no picture.
    """
    if not start.images:
        raise RequestError("no-start-image", "Init image not found", "Send at least one picture in init_images.")
    # opened as their turn comes: the files are small, and so is what is drawn
    pictures = (flatten(images.read_image(one), options.img2img_background_color) for one in start.images)
    if start.mask is None:
        return Underpainting(_sized(start, pictures, width, height, enlarge), request=start)
    mask, notes = _mask(start.mask)
    if start.mask.full_res:
        box = masks.region(mask, start.mask.padding, width, height)
        if box is None:
            comment = 'Unable to perform "Inpaint Only mask" because mask is blank, switch to img2img mode.'
            return Underpainting(
                _sized(start, pictures, width, height, enlarge), request=start, notes=notes, comments=(comment,)
            )
        notes |= {"Inpaint area": "Only masked", "Masked area padding": str(start.mask.padding)}
        return _only_masked(start, pictures, mask, box, (width, height), enlarge, notes)
    return _whole(start, pictures, mask, (width, height), enlarge, notes)


def _mask(mask: Mask) -> tuple[Image.Image, dict[str, str]]:
    notes: dict[str, str] = {}
    found = masks.read_mask(images.read_image(mask.image), mask.round)
    if mask.invert:
        found = ImageOps.invert(found)
        notes["Mask mode"] = "Inpaint not masked"
    if mask.blur_x > 0 or mask.blur_y > 0:
        found = masks.blur(found, mask.blur_x, mask.blur_y)
        if mask.blur_x == mask.blur_y:
            notes["Mask blur"] = str(mask.blur_x)
        else:
            notes |= {"Mask blur x": str(mask.blur_x), "Mask blur y": str(mask.blur_y)}
    return found, notes


def _sized(
    start: Start, pictures: Iterable[Image.Image], width: int, height: int, enlarge: Enlarge | None
) -> tuple[Image.Image, ...]:
    if start.resize_mode == LATENT:
        return tuple(pictures)
    return tuple(resize(start.resize_mode, one, width, height, enlarge) for one in pictures)


def _whole(
    start: Start,
    pictures: Iterable[Image.Image],
    mask: Image.Image,
    size: tuple[int, int],
    enlarge: Enlarge | None,
    notes: dict[str, str],
) -> Underpainting:
    """The mask is resized as the pictures are; where they meet, twice its level is mixed."""
    sized = _sized(start, pictures, *size, enlarge)
    mask = resize(start.resize_mode, mask, *size).convert("L")
    overlay = masks.stronger(mask)
    kept = [masks.kept_pixels(resize(STRETCH, one, *size), overlay) for one in sized]
    return _filled(start, sized, kept, mask, overlay, None, notes)


def _only_masked(
    start: Start,
    pictures: Iterable[Image.Image],
    mask: Image.Image,
    box: Box,
    size: tuple[int, int],
    enlarge: Enlarge | None,
    notes: dict[str, str],
) -> Underpainting:
    """The region around the mask at the full size; what is outside it stays in `kept`."""
    kept, cropped = [], []
    for one in pictures:
        kept.append(masks.kept_pixels(one, _as_large(mask, one)))
        cropped.append(resize(FILL, one.crop(box), *size, enlarge))
    return _filled(start, cropped, kept, resize(FILL, mask.crop(box), *size), mask, box, notes)


def _filled(
    start: Start,
    sized: Sequence[Image.Image],
    kept: Sequence[Image.Image],
    mask: Image.Image,
    overlay: Image.Image,
    box: Box | None,
    notes: dict[str, str],
) -> Underpainting:
    fill = ORIGINAL if start.mask is None else start.mask.fill
    if fill in _FILL_NAMES:
        notes["Masked content"] = _FILL_NAMES[fill]
    if fill != ORIGINAL:
        sized = [masks.fill_under(one, _as_large(mask, one)) for one in sized]
    return Underpainting(tuple(sized), tuple(kept), mask, overlay, box, start, notes)


def _as_large(mask: Image.Image, image: Image.Image) -> Image.Image:
    return mask if mask.size == image.size else resize(STRETCH, mask, *image.size).convert("L")


@dataclass(frozen=True)
class Ground:
    """The latents that a batch starts from."""

    #: (n, 4, h, w)
    latents: Tensor
    #: (1, 1, h, w), 1 where redrawn; None without a mask
    redrawn: Tensor | None = None
    #: pixels of each image, and the mask over them, for U-Nets that want to see more; None shows them nothing
    sources: tuple[Tensor, ...] | None = None
    mask: Image.Image | None = None
    rounded: bool = True

    @property
    def cells(self) -> tuple[int, int]:
        """(height, width)."""
        return self.latents.shape[2], self.latents.shape[3]

    def only(self, place: int) -> Ground:
        """Of one image."""
        sources = None if self.sources is None else self.sources[place : place + 1]
        return replace(self, latents=self.latents[place : place + 1], sources=sources)

    def channels(self, coder: Coder, seeds: Sequence[int], options: JobOptions) -> Tensor | None:
        """What this model's U-Net sees beside the noisy latents; None for U-Nets of four channels."""
        return autoencoder.seen(coder, self.sources, self.mask, seeds, self.cells, options, self.rounded)

    def restored(self, drawn: Tensor) -> Tensor:
        """The result with what was to stay exactly as it was."""
        return drawn if self.redrawn is None else drawn * self.redrawn + self.latents * (1 - self.redrawn)


def lay_ground(
    coder: Coder,
    under: Underpainting,
    size: tuple[int, int],
    seeds: Sequence[int],
    noise: Callable[[], Tensor],
) -> Ground:
    """Latents of the start pictures for a batch of these seeds; `noise` is asked for "latent noise" under the mask.

    `size` is (width, height) in pixels. What is drawn from the autoencoder's distribution belongs to each seed.
    """
    tensors = [to_tensor(one) for one in under.pictures]
    sources = [tensors[k % len(tensors)] for k in range(len(seeds))]
    encoded = autoencoder.encode(coder, sources, seeds)
    if under.request.resize_mode == LATENT:
        encoded = [_interpolated(one, size) for one in encoded]
    latents = torch.stack(encoded)
    redrawn = None
    if under.mask is not None and under.request.mask is not None:
        rounded, fill = under.request.mask.round, under.request.mask.fill
        cells = masks.latent_mask(under.mask, latents.shape[3], latents.shape[2], rounded)
        redrawn = torch.from_numpy(cells).to(latents.device)[None, None]
        if fill == LATENT_NOISE:
            latents = latents * (1 - redrawn) + noise() * redrawn
        elif fill == LATENT_NOTHING:
            latents = latents * (1 - redrawn)
    rounded = under.request.mask is None or under.request.mask.round
    return Ground(latents, redrawn, tuple(sources), under.mask, rounded)


def _interpolated(latent: Tensor, size: tuple[int, int]) -> Tensor:
    wanted = (size[1] // 8, size[0] // 8)
    return torch.nn.functional.interpolate(latent[None], size=wanted, mode="bilinear")[0]
