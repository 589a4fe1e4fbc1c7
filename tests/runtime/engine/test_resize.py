"""Long and narrow pictures: a few hundred bytes must not become gigabytes, and ordinary pictures stay as they are."""

import io
import weakref

import numpy as np
import pytest
from PIL import Image

from runtime.engine import images, masks, resize, start
from runtime.engine.extras import enlarge_pictures
from runtime.engine.resize import CROP, FILL, STRETCH
from runtime.engine.saving import Outputs
from runtime.engine.upscale.enlarge import Enlarger
from runtime.job_options import JobOptions
from runtime.limits import (
    LONGEST_SENT_SIDE,
    MOST_PICTURES,
    MOST_SENT_PIXELS,
    check_extras,
    check_pictures,
    check_request,
)
from runtime.request import Extras, Mask, Request, RequestError, Start

#: as a picture on its way from one size to another may have, by Pillow's own steps
MOST = 2**26
LONG = [(1000, 1), (LONGEST_SENT_SIDE, 1), (1, LONGEST_SENT_SIDE), (3, 40_000)]


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    levels = np.random.default_rng(width + height).integers(0, 256, (height, width, bands), np.uint8)
    return Image.fromarray(levels.squeeze(2) if bands == 1 else levels, mode)


def file(width: int, height: int, mode: str = "1") -> bytes:
    data = io.BytesIO()
    Image.new(mode, (width, height)).save(data, "PNG", optimize=True)
    return data.getvalue()


def whole_then_cut(image: Image.Image, width: int, height: int) -> Image.Image:
    """CROP as AUTOMATIC1111 writes it."""
    if width / height > image.width / image.height:
        inner = width, image.height * width // image.width
    else:
        inner = image.width * height // image.height, height
    canvas = Image.new("RGB", (width, height))
    scaled = image.resize(inner, Image.Resampling.LANCZOS)
    canvas.paste(scaled, (width // 2 - inner[0] // 2, height // 2 - inner[1] // 2))
    return canvas


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pixels of every picture that Pillow is asked for by a scaling, and of the one that it makes on the way."""
    pixels: list[int] = []
    real = Image.Image.resize

    def counting(self: Image.Image, size: tuple[int, int], *how: object) -> Image.Image:
        pixels.extend((size[0] * size[1], size[0] * self.height))
        assert max(pixels) <= MOST, f"{self.size} as {size}"
        return real(self, size, *how)

    monkeypatch.setattr(Image.Image, "resize", counting)
    return pixels


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize(
    ("size", "target"),
    [((96, 54), (64, 64)), ((54, 96), (64, 64)), ((64, 64), (64, 64)), ((37, 91), (128, 72)), ((200, 3), (64, 64)),
     ((3, 200), (63, 65)), ((1920, 1080), (512, 768))],
)  # fmt: skip
def test_crop_gives_the_pixels_of_the_whole_picture_scaled_and_cut(size, target, mode):
    image = noise(*size, mode)
    assert resize.resize(CROP, image, *target).tobytes() == whole_then_cut(image, *target).tobytes()


@pytest.mark.parametrize(("size", "target"), [((96, 54), (64, 64)), ((37, 91), (128, 72)), ((400, 3), (64, 64))])
def test_cut_first_is_the_same_but_for_rounding(monkeypatch, size, target):
    image = noise(*size)
    monkeypatch.setattr(resize, "holds", lambda *_sizes: False)
    difference = np.asarray(resize.resize(CROP, image, *target), int) - np.asarray(whole_then_cut(image, *target), int)
    assert np.abs(difference).max() <= 1
    assert (difference != 0).mean() < 0.01


@pytest.mark.parametrize("mode", [STRETCH, CROP, FILL])
@pytest.mark.parametrize("size", LONG)
@pytest.mark.parametrize("target", [(512, 512), (8192, 64), (64, 8192)])
def test_a_long_picture_is_never_large_on_its_way(asked, size, target, mode):
    made = resize.resize(mode, Image.new("RGB", size, (200, 30, 30)), *target)
    assert made.size == target
    assert asked
    assert np.abs(np.asarray(made.reduce(8), int) - (200, 30, 30)).max() <= 1


@pytest.mark.parametrize("name", ["Lanczos", "Nearest"])
@pytest.mark.parametrize("size", LONG)
def test_nor_where_it_grows_by_an_upscaler(asked, size, name):
    made = Enlarger({}).enlarge(Image.new("RGB", size, (200, 30, 30)), name, 512, 512, JobOptions())
    assert made.size == (512, 512)
    assert asked
    assert made.getpixel((256, 256)) == (200, 30, 30)


def test_nor_where_the_drawn_region_was_long(asked):
    kept = Image.new("RGBA", (30_000, 1))
    laid = masks.lay_over(Image.new("RGB", (512, 512), (200, 30, 30)), kept, (0, 0, 30_000, 1))
    assert asked
    assert (laid.size, laid.getpixel((15_000, 0))) == ((30_000, 1), (200, 30, 30))


def watched(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[int]:
    """How many pictures of this function were in memory whenever it had made another one."""
    made: list[weakref.ref[Image.Image]] = []
    alive: list[int] = []
    real = getattr(module, name)

    def making(*given: object) -> Image.Image:
        image = real(*given)
        made.append(weakref.ref(image))
        alive.append(sum(one() is not None for one in made))
        return image

    monkeypatch.setattr(module, name, making)
    return alive


@pytest.mark.parametrize(
    "mask",
    [None, Mask(file(64, 48, "L"), invert=True, full_res=False), Mask(file(64, 48, "L"), invert=True, full_res=True)],
)
def test_start_pictures_are_opened_one_after_another(monkeypatch, mask):
    alive = watched(monkeypatch, start, "flatten")
    under = start.underpaint(Start((images.encode(noise(64, 48)),) * 6, mask=mask), JobOptions(), 64, 64)
    assert (len(under.pictures), len(alive)) == (6, 6)
    assert max(alive) <= 2, "the last one, and the next"


def test_pictures_to_enlarge_are_opened_one_after_another(monkeypatch, tmp_path):
    alive = watched(monkeypatch, images, "read_image")
    extras = Extras((images.encode(noise(64, 48)),) * 6, upscaler_1="Lanczos")
    made = enlarge_pictures(extras, Enlarger({}), Outputs(tmp_path), lambda _step: None, lambda: None)
    assert (len(made.pictures), max(alive)) == (6, 1)


def test_results_that_would_fill_the_memory_are_refused(tmp_path):
    extras = Extras((file(8, 8),) * 9, upscaler_1="Lanczos", upscaling_resize=2048)
    with pytest.raises(RequestError, match="2415 megapixels") as refused:
        enlarge_pictures(extras, Enlarger({}), Outputs(tmp_path), lambda _step: None, lambda: None)
    assert refused.value.code == "size-out-of-range"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([file(8000, 8000)] * 17, "image-too-large"),
        ([file(LONGEST_SENT_SIDE + 1, 1)], "image-too-large"),
        ([file(1, 1)] * (MOST_PICTURES + 1), "too-many-images"),
    ],
)
def test_what_a_request_brings_is_measured_by_its_headers(monkeypatch, files, code):
    monkeypatch.setattr(Image.Image, "load", lambda _self: pytest.fail("a picture was decoded"))
    for check in (
        lambda: check_pictures(files),
        lambda: check_extras(Extras(tuple(files))),
        lambda: check_request(Request(start=Start(tuple(files)))),
        lambda: check_request(Request(start=Start(tuple(files[1:]), mask=Mask(files[0])))),
    ):
        with pytest.raises(RequestError) as refused:
            check()
        assert refused.value.code == code


def test_pictures_to_enlarge_may_be_more_than_pictures_to_draw_over():
    files = (file(8000, 8000),) * 16
    check_extras(Extras(files))
    with pytest.raises(RequestError, match="1024 megapixels"):
        check_request(Request(start=Start(files)))


def test_what_may_be_brought_is_taken():
    check_pictures([file(8000, 8000)] * (MOST_SENT_PIXELS // 64_000_000))
    check_pictures([file(LONGEST_SENT_SIDE, 1), file(1, LONGEST_SENT_SIDE)])
    check_pictures([file(1, 1)] * MOST_PICTURES)
    check_pictures([b"no picture", b""])
