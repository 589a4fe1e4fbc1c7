"""Picture files: what is written is read again, by us and by Pillow alone."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from runtime.engine import images
from runtime.request import RequestError

PLAIN = "a cat\nSteps: 20, Sampler: Euler a, Seed: 1"
CHINESE = "一只猫 🐈\nNegative prompt: 模糊\nSteps: 20, Sampler: Euler a, Seed: 1"


def coloured(size=(40, 24)):
    return Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 100).convert("RGB")


@pytest.mark.parametrize("infotext", [PLAIN, CHINESE])
@pytest.mark.parametrize("file_format", ["png", "jpg", "jpeg", "webp", "WEBP", ".png"])
def test_the_infotext_is_in_the_file(file_format, infotext):
    data = images.encode(coloured(), file_format, {"parameters": infotext})
    assert images.texts_of(images.read_image(data))["parameters"] == infotext


def test_png_uses_latin_chunks_where_it_can():
    assert b"tEXtparameters\x00a cat" in images.encode(coloured(), "png", {"parameters": PLAIN})
    assert b"iTXtparameters\x00" in images.encode(coloured(), "png", {"parameters": CHINESE})


@pytest.mark.parametrize("file_format", ["jpg", "webp"])
def test_exif_says_unicode_and_is_big_endian(file_format):
    data = images.encode(coloured(), file_format, {"parameters": CHINESE})
    comment = Image.open(io.BytesIO(data)).getexif().get_ifd(0x8769)[0x9286]
    assert comment == b"UNICODE\x00" + CHINESE.encode("utf-16-be")


def test_nothing_is_written_where_nothing_is_said():
    assert b"EXIF" not in images.encode(coloured(), "webp").upper()
    assert images.texts_of(images.read_image(images.encode(coloured(), "png"))) == {}


def test_quality_and_lossless_count():
    picture = coloured((200, 200))
    sizes = [len(images.encode(picture, "jpg", quality=quality)) for quality in (20, 95)]
    assert sizes[0] < sizes[1]
    same = images.read_image(images.encode(picture, "webp", lossless=True))
    assert np.array_equal(np.asarray(same), np.asarray(picture))


def test_an_infotext_beyond_exif_is_cut_not_refused():
    data = images.encode(coloured(), "jpg", {"parameters": "猫" * 50_000})
    assert images.texts_of(images.read_image(data))["parameters"] == "猫" * 32_000
    assert not images.holds("jpg", "猫" * 50_000)
    assert images.holds("png", "猫" * 50_000)


def test_a_picture_too_long_for_webp_is_a_png():
    assert images.encode(Image.new("RGB", (16_384, 1)), "webp").startswith(b"\x89PNG")


def test_transparency_survives_png_and_webp_and_is_flat_in_jpeg():
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    assert [images.read_image(images.encode(picture, kind)).mode for kind in ("png", "webp", "jpg")] == [
        "RGBA",
        "RGBA",
        "RGB",
    ]


@pytest.mark.parametrize("file_format", ["gif", "", "tiff", "../png"])
def test_an_unknown_format_is_refused(file_format):
    with pytest.raises(RequestError) as refused:
        images.encode(coloured(), file_format)
    assert refused.value.code == "format-unknown"


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(RequestError) as refused:
        images.read_image(data)
    assert refused.value.code == "image-unreadable"


def test_a_cut_file_is_refused():
    with pytest.raises(RequestError):
        images.read_image(images.encode(coloured((300, 300)))[:2000])


def test_reading_turns_and_flattens():
    turned = Image.Exif()
    turned[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (8, 4)).save(buffer, "JPEG", exif=turned)
    assert images.read_image(buffer.getvalue()).size == (4, 8)
    palette = io.BytesIO()
    Image.new("P", (4, 4)).save(palette, "PNG", transparency=0)
    assert images.read_image(palette.getvalue()).mode == "RGBA"
    deep = io.BytesIO()
    Image.fromarray(np.full((4, 4), 65535 // 2, dtype=np.uint16)).save(deep, "PNG")
    assert images.read_image(deep.getvalue()).getpixel((0, 0)) == (127, 127, 127)


def test_levels_are_cut_off():
    values = torch.tensor([-1.5, -1.0, 0.0, 0.999, 1.0, 1.5]).expand(3, 1, 6)
    assert np.asarray(images.to_image(values))[0, :, 0].tolist() == [0, 0, 127, 254, 255, 255]
