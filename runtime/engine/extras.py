"""The Extras job: pictures enlarged one after another; nothing is drawn and no checkpoint is needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image

from runtime.engine import images
from runtime.engine.saving import Outputs, keep_extra
from runtime.engine.upscale.enlarge import Enlarger, InterruptedUpscalingError, Watcher, check_size
from runtime.engine.watch import Step, Wish
from runtime.infotext import quoted
from runtime.request import Extras, ExtrasResult, Picture, RequestError
from runtime.upscalers import find_upscaler

TO_SIZE = 1
#: of all results together: as files they stay in memory until the last is made
_MOST_PIXELS = 2**31


@dataclass
class _Watch:
    """Tells tiles as steps and pictures as batches; remembers what the user wants."""

    report: Callable[[Step], None]
    wish: Callable[[], Wish]
    pictures: int
    number: int = 0
    stopping: bool = False
    skipping: bool = False

    def next(self) -> bool:
        """The next picture's turn, unless there is to be none."""
        self.number, self.skipping = self.number + 1, False
        self.asked()
        return not self.stopping

    def asked(self) -> bool:
        found = self.wish()
        self.stopping, self.skipping = self.stopping or found == "stop", self.skipping or found == "skip"
        return self.stopping or self.skipping

    def tile(self, done: int, tiles: int) -> None:
        self.report(Step(done, tiles, self.number, self.pictures))


def enlarge_pictures(
    extras: Extras,
    enlarger: Enlarger,
    outputs: Outputs,
    report: Callable[[Step], None],
    wish: Callable[[], Wish],
) -> ExtrasResult:
    """Every picture of `extras`, in order; "stop" ends after those that are finished, "skip" leaves one out.

    Steps are tiles, batches are pictures. RequestError for an unknown upscaler, an unreadable picture, a size that
    cannot be made: before anything is enlarged.
    """
    began = time.monotonic()
    for name in (extras.upscaler_1, extras.upscaler_2):
        find_upscaler(name, enlarger.folders)
    images.check_format(extras.options.samples_format)
    _check_sizes(extras)
    watch = _Watch(report, wish, len(extras.images))
    made: list[Picture] = []
    unsaved: list[str] = []
    outputs = replace(outputs, say=unsaved.append)
    for data in extras.images:
        if not watch.next():
            break
        try:
            made.append(_made(extras, data, enlarger, watch, outputs))
        except InterruptedUpscalingError:
            continue
        report(Step(1, 1, watch.number, watch.pictures))
    comments = (*_comments(extras, len(extras.images), len(made)), *dict.fromkeys(unsaved))
    return ExtrasResult(tuple(made), time.monotonic() - began, comments, watch.stopping)


def _check_sizes(extras: Extras) -> None:
    """Every picture is opened for this, one after another, and again in its turn: all at once may fill the memory."""
    pixels = 0
    for data in extras.images:
        width, height = _target(extras, images.read_image(data))
        check_size(width, height)
        pixels += width * height
    if pixels > _MOST_PIXELS:
        message = f"The results would have {pixels // 10**6} megapixels together."
        hint = f"At most {_MOST_PIXELS // 10**6} are made at once; send fewer pictures, or enlarge them less."
        raise RequestError("size-out-of-range", message, hint)


def _made(extras: Extras, data: bytes, enlarger: Enlarger, watch: _Watch, outputs: Outputs) -> Picture:
    source = images.read_image(data)
    return _keep(extras, source, *_enlarged(extras, source, enlarger, watch), outputs)


def _enlarged(
    extras: Extras, source: Image.Image, enlarger: Enlarger, watch: _Watch
) -> tuple[Image.Image, dict[str, str]]:
    """(picture, what was done to it by A1111's keys); "None" as the first upscaler changes nothing."""
    if find_upscaler(extras.upscaler_1, enlarger.folders).name == "None":
        return source, {}
    width, height = _target(extras, source)
    asked = Watcher(watch.tile, watch.asked)
    image = enlarger.enlarge(source, extras.upscaler_1, width, height, extras.options, asked)
    first, second = (find_upscaler(name, enlarger.folders).name for name in (extras.upscaler_1, extras.upscaler_2))
    done = {**_size_notes(extras), "Postprocess upscaler": first}
    visibility = min(max(extras.extras_upscaler_2_visibility, 0.0), 1.0)
    if second != "None" and visibility > 0:
        other = enlarger.enlarge(source, second, width, height, extras.options, asked)
        image = Image.blend(image, other, visibility)
        done["Postprocess upscaler 2"] = second
    if extras.resize_mode == TO_SIZE and extras.upscaling_crop:
        image = _cropped(image, extras.upscaling_resize_w, extras.upscaling_resize_h)
    return image, done


def _target(extras: Extras, source: Image.Image) -> tuple[int, int]:
    """Pixels to enlarge to: by a factor cut down to multiples of 8, to a size so large that it is covered."""
    if extras.resize_mode != TO_SIZE:
        width, height = (max(8, int(side * extras.upscaling_resize) // 8 * 8) for side in source.size)
        return width, height
    factor = max(extras.upscaling_resize_w / source.width, extras.upscaling_resize_h / source.height)
    return round(source.width * factor), round(source.height * factor)


def _size_notes(extras: Extras) -> dict[str, str]:
    if extras.resize_mode != TO_SIZE:
        return {"Postprocess upscale by": str(extras.upscaling_resize)}
    size = f"{extras.upscaling_resize_w}x{extras.upscaling_resize_h}"
    crop = {"Postprocess crop to": size} if extras.upscaling_crop else {}
    return {"Postprocess upscale to": size, **crop}


def _cropped(image: Image.Image, width: int, height: int) -> Image.Image:
    """The middle."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _keep(extras: Extras, source: Image.Image, image: Image.Image, done: dict[str, str], outputs: Outputs) -> Picture:
    """The source's own texts stay, what was done comes beside them."""
    options = extras.options
    said = ", ".join(f"{key}: {quoted(value)}" for key, value in done.items())
    texts = {**images.texts_of(source), "postprocessing": said} if options.enable_pnginfo else {}
    data = images.encode(
        image, options.samples_format, texts, quality=options.jpeg_quality, lossless=options.webp_lossless
    )
    path = None
    if extras.save:
        path = keep_extra(image, {**texts, "extras": said} if texts else {}, options, outputs, extras.name)
    return Picture(data, -1, said, str(path) if path else None)


def _comments(extras: Extras, asked: int, made: int) -> tuple[str, ...]:
    found = []
    for name, visibility in (("GFPGAN", extras.gfpgan_visibility), ("CodeFormer", extras.codeformer_visibility)):
        if visibility > 0:
            found.append(f"There is no model {name} for restoring faces; faces are as they were.")
    if made < asked:
        found.append(f"{made} of {asked} pictures were made; the others were skipped or interrupted.")
    return tuple(found)
