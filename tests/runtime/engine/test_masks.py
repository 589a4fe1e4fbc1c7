"""Start pictures, masks, resize modes, colour correction, seamless edges: arithmetic, no model."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from runtime.engine import hires, masks
from runtime.engine.colours import correct
from runtime.engine.pixels import flatten, to_tensor
from runtime.engine.resize import CROP, FILL, STRETCH, resize
from runtime.engine.tiling import wrapped
from runtime.request import Hires, RequestError


def mask_of(box, size=(64, 64)):
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def test_a_mask_is_its_alpha_where_it_has_any_else_its_brightness():
    drawn = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    drawn.paste((0, 0, 0, 255), (0, 0, 4, 8))
    drawn.paste((0, 0, 0, 100), (4, 0, 8, 4))
    assert masks.read_mask(drawn).getcolors() == [(32, 0), (32, 255)]
    assert 100 in masks.read_mask(drawn, round_alpha=False).tobytes()
    assert masks.read_mask(Image.new("RGBA", (4, 4), (255, 255, 255, 255))).getextrema() == (255, 255)
    assert masks.read_mask(Image.new("P", (4, 4), 0)).mode == "L"


def test_blur_is_a_gaussian_along_each_axis_with_mirrored_rims():
    line = Image.new("L", (41, 41))
    line.paste(255, (20, 0, 21, 41))
    blurred = np.asarray(masks.blur(line, 3, 0), dtype=float)
    assert (blurred == blurred[0]).all()
    taps = np.exp(-(np.arange(-8, 9) ** 2) / 18)
    assert np.abs(blurred[0, 12:29] - 255 * taps / taps.sum()).max() <= 0.5
    assert blurred[0, 11] == blurred[0, 29] == 0
    assert np.asarray(masks.blur(Image.new("L", (9, 9), 200), 30, 30)).min() == 200
    assert masks.blur(line, 0, 0).tobytes() == line.tobytes()


@pytest.mark.parametrize(
    ("box", "padding", "size", "expected"),
    [
        ((20, 20, 29, 29), 0, (64, 64), (20, 20, 30, 30)),
        ((20, 20, 29, 29), 5, (64, 64), (15, 15, 35, 35)),
        ((20, 20, 29, 29), 0, (128, 64), (15, 20, 35, 30)),
        ((0, 0, 9, 9), 0, (128, 64), (0, 0, 20, 10)),
        ((54, 54, 63, 63), 32, (64, 64), (22, 22, 64, 64)),
        ((0, 0, 63, 31), 0, (64, 128), (0, 0, 64, 64)),
    ],
)
def test_the_region_is_padded_grown_to_the_ratio_and_kept_inside(box, padding, size, expected):
    assert masks.region(mask_of(box), padding, *size) == expected


def test_the_region_grows_by_what_is_left_after_the_ratio_is_rounded():
    """In floats 198 / (576 / 704) is a little less than 242, so that 175 pixels are added to the 66 and not 176."""
    mask = Image.new("L", (1639, 1007))
    mask.paste(255, (1115, 934, 1313, 1000))
    assert masks.region(mask, 0, 576, 704) == (1115, 766, 1313, 1007)


def test_nothing_masked_is_no_region():
    assert masks.region(Image.new("L", (8, 8)), 4, 64, 64) is None


def test_fill_takes_the_colours_around_and_leaves_the_rest():
    image = Image.new("RGB", (64, 64), (200, 30, 30))
    image.paste((0, 0, 255), (24, 24, 40, 40))
    mask = mask_of((20, 20, 43, 43))
    filled = np.asarray(masks.fill_under(image, mask), dtype=int)
    assert np.abs(filled[32, 32] - (200, 30, 30)).max() <= 2
    assert (filled[:16] == (200, 30, 30)).all()


def test_latent_masks_are_rounded_unless_asked_otherwise():
    mask = masks.blur(mask_of((0, 0, 31, 63)), 8, 8)
    assert set(np.unique(masks.latent_mask(mask, 8, 8, True))) == {0.0, 1.0}
    assert len(np.unique(masks.latent_mask(mask, 8, 8, False))) > 2
    assert masks.latent_mask(mask_of((0, 0, 31, 63)), 8, 8, True)[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("box", [None, (8, 8, 40, 40)])
def test_what_was_kept_lies_over_the_result_exactly(box):
    image = Image.effect_noise((64, 64), 80).convert("RGB")
    mask = masks.blur(mask_of((16, 16, 31, 31)), 2, 2)
    drawn = Image.new("RGB", (64, 64), (0, 255, 0))
    result = np.asarray(masks.lay_over(drawn, masks.kept_pixels(image, mask), box))
    outside = np.asarray(mask) == 0
    assert (result[outside] == np.asarray(image)[outside]).all()
    assert (result[24, 24] == (0, 255, 0)).all()


def test_resize_modes():
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 8, 20))
    assert resize(STRETCH, image, 64, 64).size == (64, 64)
    cropped = np.asarray(resize(CROP, image, 20, 20))
    assert cropped.shape == (20, 20, 3)
    assert (cropped == (255, 0, 0)).all()
    filled = np.asarray(resize(FILL, image, 40, 60), dtype=int)
    assert filled.shape == (60, 40, 3)
    assert np.abs(filled[0] - filled[20]).max() <= 1
    assert np.abs(filled[59] - filled[39]).max() <= 1
    assert np.abs(filled[0, 2] - (0, 0, 255)).max() <= 1
    tall = np.asarray(resize(FILL, image.rotate(90, expand=True), 60, 40), dtype=int)
    assert np.abs(tall[:, 0] - tall[:, 20]).max() <= 1


def test_a_picture_grows_through_its_upscaler_and_a_mask_does_not():
    asked = []

    def enlarge(image, width, height):
        asked.append((image.size, width, height))
        return image.resize((width, height))

    resize(STRETCH, Image.new("RGB", (8, 8)), 16, 16, enlarge)
    resize(STRETCH, Image.new("L", (8, 8)), 16, 16, enlarge)
    resize(STRETCH, Image.new("RGB", (32, 32)), 16, 16, enlarge)
    assert asked == [((8, 8), 16, 16)]


def test_what_is_transparent_shows_the_ground():
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((0, 0), (10, 20, 30, 255))
    assert flatten(image, "#00ff00").tobytes() == bytes([10, 20, 30, 0, 255, 0])
    assert flatten(image, "no colour").getpixel((1, 0)) == (255, 255, 255)
    assert to_tensor(Image.new("RGB", (2, 3), (255, 0, 0))).shape == (3, 3, 2)
    assert to_tensor(Image.new("RGB", (1, 1), (255, 0, 0))).flatten().tolist() == [1.0, -1.0, -1.0]


def test_colour_correction_takes_the_colours_and_leaves_the_light():
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(60, 180, (32, 32, 3), dtype=np.uint8))
    same = np.asarray(correct(image, image), dtype=int)
    assert np.abs(same - np.asarray(image, dtype=int)).mean() < 1.5
    warm = Image.fromarray(np.clip(np.asarray(image) + np.array([40, 0, -40]), 0, 255).astype(np.uint8))
    turned = np.asarray(correct(image, warm), dtype=float)
    before = np.asarray(image, dtype=float)
    assert turned[..., 0].mean() > before[..., 0].mean() + 10
    assert turned[..., 2].mean() < before[..., 2].mean() - 10
    light = np.array([0.3, 0.59, 0.11])
    assert np.abs(turned @ light - before @ light).mean() < 1.5


def test_seamless_convolutions_wrap_and_are_as_before_afterwards():
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.Conv2d(2, 1, 3, padding=1))
    x = torch.randn(1, 1, 8, 8)
    before = layers(x)
    with wrapped(layers):
        whole, shifted = layers(x), layers(x.roll(3, -1))
    assert torch.allclose(shifted, whole.roll(3, -1), atol=1e-5)
    assert not torch.allclose(whole, before, atol=1e-3)
    assert (layers(x) == before).all()
    with pytest.raises(ZeroDivisionError), wrapped(layers):
        _ = 1 / 0
    assert (layers(x) == before).all()


@pytest.mark.parametrize(
    ("asked", "width", "height", "cells"),
    [
        (Hires(scale=2.0), 1024, 1536, (128, 192)),
        (Hires(scale=1.7), 870, 1305, (108, 163)),
        (Hires(resize_x=1024), 1024, 1536, (128, 192)),
        (Hires(resize_y=768), 512, 768, (64, 96)),
        (Hires(resize_x=1024, resize_y=1024), 1024, 1536, (128, 128)),
        (Hires(resize_x=512, resize_y=1024), 682, 1024, (64, 128)),
    ],
)
def test_sizes_of_hires_fix(asked, width, height, cells):
    target = hires.target_of(asked, 512, 768)
    assert (target.width, target.height) == (width, height)
    assert target.cells == cells
    latents = hires.stretch(torch.zeros(1, 4, 96, 64), "Latent", target)
    assert hires.cut(latents, target).shape[2:] == cells[::-1]


def test_a_negative_side_is_refused():
    with pytest.raises(RequestError):
        hires.target_of(Hires(resize_x=-1), 512, 512)


@pytest.mark.parametrize("mode", hires.LATENT_MODES)
def test_every_latent_mode_stretches(mode):
    target = hires.Target(128, 64)
    assert hires.stretch(torch.ones(2, 4, 4, 8), mode, target).allclose(torch.ones(2, 4, 8, 16), atol=1e-5)
