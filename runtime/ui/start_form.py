"""What img2img's own controls hold, and what they say is to be drawn over."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageOps

from runtime.limits import LARGEST_FILE
from runtime.request import Mask, RequestError, Start
from runtime.ui import words
from runtime.ui.form import Number, plain, whole

#: the sub-tabs, in order
IMG2IMG, SKETCH, INPAINT, INPAINT_SKETCH, INPAINT_UPLOAD, BATCH = range(6)
RESIZE_MODES = ("Just resize", "Crop and resize", "Resize and fill", "Just resize (latent upscale)")
MASK_MODES = ("Inpaint masked", "Inpaint not masked")
MASKED_CONTENTS = ("fill", "original", "latent noise", "latent nothing")
INPAINT_AREAS = ("Whole picture", "Only masked")
_STEP = 8
#: what Pillow raises of a file that is no picture, none that is whole, or too large
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
#: an image editor's value: its picture, the layers painted on it, and both together
Painted = dict[str, Any] | None


@dataclass(frozen=True)
class StartForm:
    """The values as the browser sends them; pictures are files, painted ones are Pillow's images."""

    #: which sub-tab is open
    mode: int = IMG2IMG
    image: str | None = None
    sketch: Painted = None
    inpaint: Painted = None
    inpaint_sketch: Painted = None
    mask_base: str | None = None
    mask_image: str | None = None
    resize_mode: str = RESIZE_MODES[0]
    #: "Resize by": the size is this factor of the picture's
    resize_by: bool = False
    scale: Number = 1
    denoising_strength: Number = 0.75
    mask_blur: Number = 4
    #: percent, of an inpaint sketch
    mask_alpha: Number = 0
    inpainting_mask_invert: str = MASK_MODES[0]
    inpainting_fill: str = MASKED_CONTENTS[1]
    inpaint_full_res: str = INPAINT_AREAS[0]
    inpaint_full_res_padding: Number = 32

    def start(self) -> Start:
        """RequestError where there is no picture, or none that can be read."""
        image, mask = self._pictures()
        return Start(
            images=(image,),
            denoising_strength=plain(self.denoising_strength, 0.75),
            resize_mode=RESIZE_MODES.index(self.resize_mode),
            mask=None if mask is None else self._mask(mask),
        )

    def size(self) -> tuple[int, int] | None:
        """Width and height under "Resize by", in whole latents; None where the sliders say it."""
        if not self.resize_by:
            return None
        with Image.open(BytesIO(self._pictures()[0])) as image:
            width, height = ImageOps.exif_transpose(image).size
        factor = plain(self.scale, 1)
        return _latents(width * factor), _latents(height * factor)

    def _pictures(self) -> tuple[bytes, bytes | None]:
        """The picture, and what is to be redrawn of it, as files."""
        if self.mode == SKETCH:
            return _png(_part(self.sketch, "composite").convert("RGB")), None
        if self.mode == INPAINT:
            return _png(_part(self.inpaint, "background")), _png(_painted(self.inpaint))
        if self.mode == INPAINT_SKETCH:
            return self._painted_over()
        if self.mode == INPAINT_UPLOAD:
            return read_picture(self.mask_base), read_picture(self.mask_image)
        return read_picture(self.image), None

    def _painted_over(self) -> tuple[bytes, bytes]:
        """The strokes shine through by the mask's transparency, softly at their edges; they are the mask, too."""
        before = _part(self.inpaint_sketch, "background").convert("RGB")
        after = _part(self.inpaint_sketch, "composite").convert("RGB")
        mask = _painted(self.inpaint_sketch)
        shown = mask.point(lambda level: level * (1 - plain(self.mask_alpha, 0) / 100))
        blur = ImageFilter.GaussianBlur(plain(self.mask_blur, 4))
        return _png(Image.composite(after.filter(blur), before, shown.filter(blur))), _png(mask)

    def _mask(self, image: bytes) -> Mask:
        blur = whole(self.mask_blur, 4)
        return Mask(
            image=image,
            blur_x=blur,
            blur_y=blur,
            invert=self.inpainting_mask_invert == MASK_MODES[1],
            fill=MASKED_CONTENTS.index(self.inpainting_fill),
            full_res=self.inpaint_full_res == INPAINT_AREAS[1],
            padding=whole(self.inpaint_full_res_padding, 32),
        )


def read_picture(path: str | None) -> bytes:
    """A picture's file as it is; RequestError where there is none, or where it is none."""
    if path is None:
        raise _nothing()
    try:
        data = picture_file(path)
        Image.open(BytesIO(data)).close()
    except UNREADABLE as broken:
        raise unreadable(broken) from broken
    return data


def picture_file(path: str) -> bytes:
    """Of a file that a browser has sent; RequestError for one so large that many of them would fill the memory."""
    if Path(path).stat().st_size > LARGEST_FILE:
        raise RequestError("image-too-large", words.LARGE_FILE, "Choose a smaller one.")
    return Path(path).read_bytes()


def unreadable(broken: Exception) -> RequestError:
    """What is told of a picture that Pillow does not open."""
    if isinstance(broken, Image.DecompressionBombError):
        return RequestError("image-too-large", words.TOO_LARGE, "Choose a smaller one.")
    return RequestError("bad-image", "The picture cannot be read.", "Choose a PNG, JPEG or WebP file.")


def _part(painted: Painted, name: str) -> Image.Image:
    found = (painted or {}).get(name)
    if not isinstance(found, Image.Image):
        raise _nothing()
    return found


def _painted(painted: Painted) -> Image.Image:
    """White where any layer was painted on, black elsewhere."""
    size = _part(painted, "background").size
    mask = Image.new("L", size, 0)
    for layer in (painted or {}).get("layers") or ():
        alpha = layer.convert("RGBA").getchannel("A")
        mask = ImageChops.lighter(mask, alpha if alpha.size == size else alpha.resize(size))
    return mask.point(lambda level: 255 if level > 127 else 0)


def _png(image: Image.Image) -> bytes:
    data = BytesIO()
    image.save(data, "PNG", compress_level=1)
    return data.getvalue()


def _nothing() -> RequestError:
    return RequestError("no-start-image", "There is no picture to start from.", "Put one into the frame above.")


def _latents(pixels: float) -> int:
    return max(int(pixels) // _STEP, 1) * _STEP
