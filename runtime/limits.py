"""How much a request may ask for: checked before it waits for its turn, and again where a script made it."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from runtime.engine.prompt import count_parts
from runtime.formats import PICTURES
from runtime.request import Extras, Hires, Mask, Request, RequestError, Start

SMALLEST_SIDE, LARGEST_SIDE = 64, 8192
#: width times height times batch size of what is drawn at once
MOST_PIXELS = LARGEST_SIDE * LARGEST_SIDE
MOST_STEPS = 1000
MOST_GUIDANCE = 1000.0
#: of the picture whose noise is kept: one cell of latents
SMALLEST_SEED_SIDE = 8
#: batches of a job, and pictures of it
MOST_PICTURES = 1000
MOST_IN_A_BATCH = 256
#: of all pictures that a request brings: those that are drawn over lie in memory together, those to enlarge do not
MOST_SENT_PIXELS, MOST_PIXELS_TO_ENLARGE = 256_000_000, 1_024_000_000
#: of each; and bytes of a file that a browser sends
LONGEST_SENT_SIDE = 65_535
LARGEST_FILE = 64 << 20
LARGEST_PROMPT = 1_000_000
#: prompts that AND joins: each asks the U-Net once more at every step
MOST_PARTS = 100
#: times, of hires fix and of an upscaling
MOST_SCALE = 64.0
#: settings that no job is drawn with outside of these
_OF_SETTINGS = {"inpainting_mask_weight": (0.0, 1.0), "img2img_extra_noise": (0.0, 1000.0)}


def check_request(request: Request) -> None:
    """RequestError names the field, its value and its limits."""
    _whole("steps", request.steps, 1, MOST_STEPS)
    _whole("batch_size", request.batch_size, 1, MOST_IN_A_BATCH)
    _whole("n_iter", request.n_iter, 1, MOST_PICTURES)
    _whole("batch_size times n_iter", request.batch_size * request.n_iter, 1, MOST_PICTURES)
    _number("cfg_scale", request.cfg_scale, -MOST_GUIDANCE, MOST_GUIDANCE)
    _number("subseed_strength", request.subseed_strength, 0, 1)
    _number("refiner_switch_at", request.refiner_switch_at, 0, 1)
    for name in ("eta", "s_churn", "s_tmin", "s_noise", "s_min_uncond"):
        _number(name, getattr(request, name), 0, math.inf)
    if request.s_tmax != math.inf:
        _number("s_tmax", request.s_tmax, 0, math.inf)
    for name in _OF_SETTINGS:
        check_setting(name, getattr(request.options, name))
    _texts(request)
    _sizes(request)
    _seed_resize(request)
    if request.start:
        _start(request.start)


def _seed_resize(request: Request) -> None:
    """It counts where both sides are above 0."""
    width, height = request.seed_resize_from_w, request.seed_resize_from_h
    if width <= 0 or height <= 0:
        return
    for name, side in (("seed_resize_from_w", width), ("seed_resize_from_h", height)):
        if not SMALLEST_SEED_SIDE <= side <= LARGEST_SIDE:
            hint = f"It goes from {SMALLEST_SEED_SIDE} to {LARGEST_SIDE} pixels; 0 and -1 are none."
            raise RequestError("size-out-of-range", f"{name} is {side}.", hint)


def check_setting(name: str, value: float) -> None:
    """RequestError for what would keep every job from being drawn."""
    if name in _OF_SETTINGS:
        _number(name, value, *_OF_SETTINGS[name])


def check_extras(extras: Extras) -> None:
    """The same for an upscaling."""
    check_pictures(extras.images, MOST_PIXELS_TO_ENLARGE)
    if extras.resize_mode == 0 and not 0 < extras.upscaling_resize <= MOST_SCALE:
        _refuse("upscaling_resize", extras.upscaling_resize, f"It goes from above 0 to {MOST_SCALE:g}.")
    if extras.resize_mode == 1:
        for name in ("upscaling_resize_w", "upscaling_resize_h"):
            _whole(name, getattr(extras, name), 1, LARGEST_SIDE * 2)


def check_pictures(files: Sequence[bytes], most: int = MOST_SENT_PIXELS) -> None:
    """Of all that a request brings, by their headers: none is decoded, and what is no picture is left to who does."""
    if len(files) > MOST_PICTURES:
        raise RequestError("too-many-images", f"There are {len(files)} pictures.", f"Send at most {MOST_PICTURES}.")
    sizes = [_size_in_header(data) for data in files]
    for width, height in sizes:
        if max(width, height) > LONGEST_SENT_SIDE:
            hint = f"A side has at most {LONGEST_SENT_SIDE} pixels."
            raise RequestError("image-too-large", f"A picture is {width} x {height} pixels.", hint)
    pixels = sum(width * height for width, height in sizes)
    if pixels > most:
        message = f"The pictures have {pixels / 10**6:.0f} megapixels together."
        hint = f"At most {most // 10**6} are taken at once; send fewer pictures, or smaller ones."
        raise RequestError("image-too-large", message, hint)


def _size_in_header(data: bytes) -> tuple[int, int]:
    """(width, height); nothing of what cannot be read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=PICTURES) as picture:
            return picture.size
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return 0, 0


def check_side(name: str, side: int) -> None:
    """Pixels of one side of what is drawn."""
    if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
        hint = f"It goes from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels."
        raise RequestError("size-out-of-range", f"{name} is {side}.", hint)


def check_pixels(width: int, height: int, count: int) -> None:
    """Of all pictures of a batch together."""
    if width * height * count > MOST_PIXELS:
        message = f"{count} pictures of {width}x{height} at once are more than {MOST_PIXELS} pixels."
        raise RequestError("size-out-of-range", message, "Draw smaller pictures, or fewer at once.")


def _texts(request: Request) -> None:
    for name in ("prompt", "negative_prompt"):
        if len(getattr(request, name)) > LARGEST_PROMPT:
            hint = f"At most {LARGEST_PROMPT} letters are read."
            raise RequestError("prompt-too-long", f"{name} has {len(getattr(request, name))} letters.", hint)
    for name, prompt in (("prompt", request.prompt), ("hr_prompt", request.hires.prompt if request.hires else "")):
        if (parts := count_parts(prompt)) > MOST_PARTS:
            hint = f"At most {MOST_PARTS} are drawn together."
            raise RequestError("too-many-prompts", f"{name} joins {parts} prompts by AND.", hint)


def _sizes(request: Request) -> None:
    """Of what the request names; the model's own size is checked where the model is."""
    width, height = request.width, request.height
    for name, side in (("width", width), ("height", height)):
        if side is not None:
            check_side(name, side)
    check_pixels(width or SMALLEST_SIDE, height or SMALLEST_SIDE, request.batch_size)
    if request.hires:
        _hires(request.hires, width, height, request.batch_size)


def _hires(hires: Hires, width: int | None, height: int | None, count: int) -> None:
    _number("denoising_strength", hires.denoising_strength, 0, 1)
    _whole("hr_second_pass_steps", hires.steps, 0, MOST_STEPS)
    for name, side in (("hr_resize_x", hires.resize_x), ("hr_resize_y", hires.resize_y)):
        if side:
            check_side(name, side)
    if hires.resize_x or hires.resize_y:
        return
    _number("hr_scale", hires.scale, 0, MOST_SCALE)
    sides = [int(side * hires.scale) for side in (width, height) if side is not None]
    for side in sides:
        check_side("the second pass's side (by hr_scale)", side)
    if len(sides) == 2:
        check_pixels(sides[0], sides[1], count)


def _start(start: Start) -> None:
    _number("denoising_strength", start.denoising_strength, 0, 1)
    _number("image_cfg_scale", start.image_cfg_scale, -MOST_GUIDANCE, MOST_GUIDANCE)
    _number("initial_noise_multiplier", start.initial_noise_multiplier, 0, 1000)
    _whole("resize_mode", start.resize_mode, 0, 3)
    check_pictures(start.images if start.mask is None else (*start.images, start.mask.image))
    if start.mask:
        _mask(start.mask)


def _mask(mask: Mask) -> None:
    _whole("inpainting_fill", mask.fill, 0, 3)
    _whole("mask_blur_x", mask.blur_x, 0, 1024)
    _whole("mask_blur_y", mask.blur_y, 0, 1024)
    _whole("inpaint_full_res_padding", mask.padding, 0, LARGEST_SIDE)


def _whole(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        _refuse(name, value, f"It goes from {least} to {most}.")


def _number(name: str, value: float | None, least: float, most: float) -> None:
    """None is left to the options; not-a-number is refused too."""
    if value is not None and not (least <= value <= most and math.isfinite(value)):
        upper = "up" if math.isinf(most) else f"to {most:g}"
        _refuse(name, value, f"It is a number from {least:g} {upper}.")


def _refuse(name: str, value: object, hint: str) -> None:
    raise RequestError("out-of-range", f"{name} is {value}.", hint)
