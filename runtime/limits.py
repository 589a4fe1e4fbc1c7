"""How much a request may ask for, checked before it waits for its turn: what needs no model is refused at once."""

from __future__ import annotations

import math

from runtime.request import Extras, Hires, Mask, Request, RequestError, Start

SMALLEST_SIDE, LARGEST_SIDE = 64, 8192
#: of one picture, after hires fix
MOST_PIXELS = 64_000_000
MOST_STEPS = 1000
MOST_GUIDANCE = 1000.0
MOST_PICTURES = 1000
LARGEST_PROMPT = 1_000_000
#: times, of an upscaling
MOST_SCALE = 16.0


def check_request(request: Request) -> None:
    """RequestError names the field, its value and its limits."""
    _whole("steps", request.steps, 1, MOST_STEPS)
    _whole("batch_size", request.batch_size, 1, MOST_PICTURES)
    _whole("n_iter", request.n_iter, 1, MOST_PICTURES)
    _whole("batch_size times n_iter", request.batch_size * request.n_iter, 1, MOST_PICTURES)
    _number("cfg_scale", request.cfg_scale, -MOST_GUIDANCE, MOST_GUIDANCE)
    _number("subseed_strength", request.subseed_strength, 0, 1)
    for name, side in (("width", request.width), ("height", request.height)):
        if side is not None:
            _side(name, side)
    for name in ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond"):
        value = getattr(request, name)
        if value is not None:
            _number(name, value, 0, math.inf)
    _texts(request)
    if request.refiner_switch_at is not None:
        _number("refiner_switch_at", request.refiner_switch_at, 0, 1)
    if request.hires:
        _hires(request.hires, request.width or 0, request.height or 0)
    if request.start:
        _start(request.start)


def check_extras(extras: Extras) -> None:
    """The same for an upscaling."""
    if extras.resize_mode == 0 and not 0 < extras.upscaling_resize <= MOST_SCALE:
        _refuse("upscaling_resize", extras.upscaling_resize, f"It goes from above 0 to {MOST_SCALE:g}.")
    if extras.resize_mode == 1:
        for name in ("upscaling_resize_w", "upscaling_resize_h"):
            _whole(name, getattr(extras, name), 1, LARGEST_SIDE * 2)


def _texts(request: Request) -> None:
    for name in ("prompt", "negative_prompt"):
        if len(getattr(request, name)) > LARGEST_PROMPT:
            hint = f"At most {LARGEST_PROMPT} letters are read."
            raise RequestError("prompt-too-long", f"{name} has {len(getattr(request, name))} letters.", hint)


def _hires(hires: Hires, width: int, height: int) -> None:
    _number("denoising_strength", hires.denoising_strength, 0, 1)
    _whole("hr_second_pass_steps", hires.steps, 0, MOST_STEPS)
    if not (hires.resize_x or hires.resize_y):
        _number("hr_scale", hires.scale, 1, MOST_SCALE)
    for name, side, scaled in (("hr_resize_x", hires.resize_x, width), ("hr_resize_y", hires.resize_y, height)):
        if side:
            _side(name, side)
        elif not (hires.resize_x or hires.resize_y) and int(scaled * hires.scale) > LARGEST_SIDE:
            hint = f"A side has at most {LARGEST_SIDE} pixels."
            _refuse("hr_scale", hires.scale, f"It makes {scaled} pixels {int(scaled * hires.scale)}. {hint}")
    pixels = int(width * hires.scale) * int(height * hires.scale)
    if not (hires.resize_x or hires.resize_y) and pixels > MOST_PIXELS:
        _refuse("hr_scale", hires.scale, f"A picture has at most {MOST_PIXELS // 10**6} megapixels.")


def _start(start: Start) -> None:
    _number("denoising_strength", start.denoising_strength, 0, 1)
    _whole("resize_mode", start.resize_mode, 0, 3)
    if start.mask:
        _mask(start.mask)


def _mask(mask: Mask) -> None:
    _whole("inpainting_fill", mask.fill, 0, 3)
    _whole("mask_blur_x", mask.blur_x, 0, 1024)
    _whole("mask_blur_y", mask.blur_y, 0, 1024)
    _whole("inpaint_full_res_padding", mask.padding, 0, LARGEST_SIDE)


def _side(name: str, side: int) -> None:
    if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
        hint = f"It goes from {SMALLEST_SIDE} to {LARGEST_SIDE} pixels."
        raise RequestError("size-out-of-range", f"{name} is {side}.", hint)


def _whole(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        _refuse(name, value, f"It goes from {least} to {most}.")


def _number(name: str, value: float, least: float, most: float) -> None:
    """So that not-a-number is refused too."""
    if not (least <= value <= most and math.isfinite(value)):
        upper = "up" if math.isinf(most) else f"to {most:g}"
        _refuse(name, value, f"It is a number from {least:g} {upper}.")


def _refuse(name: str, value: object, hint: str) -> None:
    raise RequestError("out-of-range", f"{name} is {value}.", hint)
