"""img2img and inpainting with a tiny untrained model: steps, sizes, what stays, batch and single."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from runtime.engine.easel import Easel
from runtime.engine.job import check
from runtime.engine.passes import first_run
from runtime.engine.passes import lay_batch_ground as lay
from runtime.engine.run import Batch
from runtime.engine.saving import Outputs
from runtime.engine.start import underpaint
from runtime.job_options import JobOptions
from runtime.request import Mask, Request, RequestError, Start
from tests.runtime.engine.drawing import draw, opened, pixels, png

PICTURE = Image.effect_noise((64, 64), 60).convert("RGB")
LEFT = Image.new("L", (64, 64))
ImageDraw.Draw(LEFT).rectangle((0, 0, 31, 63), fill=255)
MASK = Mask(png(LEFT), blur_x=0, blur_y=0, fill=1, full_res=False)
START = Start((png(PICTURE),), denoising_strength=0.6)
BASE = Request(prompt="a cat", steps=5, seed=7, width=64, height=64, save=False, save_grid=False, start=START)


def masked(**more):
    return replace(BASE, start=replace(START, mask=replace(MASK, **more)))


@pytest.mark.parametrize(
    ("strength", "fixed", "steps"), [(0.6, False, 4), (0.0, False, 1), (1.0, False, 5), (0.6, True, 5)]
)
def test_steps_of_a_strength(model, strength, fixed, steps):
    request = replace(BASE, start=replace(START, denoising_strength=strength))
    result, seen = draw(replace(request, options=JobOptions(img2img_fix_steps=fixed)), model)
    assert [step.step for step in seen] == list(range(1, steps + 1))
    assert f"Denoising strength: {strength}" in result.pictures[0].infotext


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M SDE", "DDIM", "UniPC"])
@pytest.mark.parametrize(
    "request_", [BASE, masked(fill=2), masked(full_res=True, padding=4)], ids=["plain", "mask", "crop"]
)
def test_a_picture_of_a_batch_equals_the_single_one(model, sampler, request_):
    request = replace(request_, sampler_name=sampler, steps=3, batch_size=2)
    batch, _ = draw(request, model)
    assert [picture.seed for picture in batch.pictures] == [7, 8]
    alone, _ = draw(replace(request, batch_size=1, seed=8), model)
    assert np.abs(pixels(alone.pictures[0]) - pixels(batch.pictures[1])).max() <= 1
    again, _ = draw(request, model)
    assert [one.data for one in again.pictures] == [one.data for one in batch.pictures]


@pytest.mark.parametrize("sampler", ["Euler", "DDIM"])
@pytest.mark.parametrize("fill", range(4))
def test_what_is_not_masked_stays_to_the_last_bit(model, sampler, fill):
    result, _ = draw(replace(masked(fill=fill), sampler_name=sampler), model)
    drawn, before = pixels(result.pictures[0]), np.asarray(PICTURE, dtype=int)
    assert (drawn[:, 32:] == before[:, 32:]).all()
    assert np.abs(drawn[:, :32] - before[:, :32]).mean() > 5
    written = {0: "Masked content: fill", 2: "Masked content: latent noise", 3: "Masked content: latent nothing"}
    assert written.get(fill, "Steps") in result.pictures[0].infotext
    assert ("Masked content" in result.pictures[0].infotext) == (fill != 1)


def test_only_masked_draws_the_region_at_full_size_and_puts_it_back(model):
    small = Image.new("L", (64, 64))
    ImageDraw.Draw(small).rectangle((8, 8, 23, 23), fill=255)
    result, _ = draw(masked(image=png(small), full_res=True, padding=4), model)
    drawn, before = pixels(result.pictures[0]), np.asarray(PICTURE, dtype=int)
    assert (drawn[24:] == before[24:]).all()
    assert (drawn[:, 24:] == before[:, 24:]).all()
    assert np.abs(drawn[8:24, 8:24] - before[8:24, 8:24]).mean() > 5
    assert "Inpaint area: Only masked, Masked area padding: 4" in result.pictures[0].infotext


def test_an_inverted_and_an_alpha_mask(model):
    inverted, _ = draw(masked(invert=True), model)
    assert (pixels(inverted.pictures[0])[:, :32] == np.asarray(PICTURE)[:, :32]).all()
    assert "Mask mode: Inpaint not masked" in inverted.pictures[0].infotext
    alpha = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    alpha.paste((0, 0, 0, 255), (0, 0, 32, 64))
    by_alpha, plain = draw(masked(image=png(alpha)), model)[0], draw(masked(), model)[0]
    assert by_alpha.pictures[0].data == plain.pictures[0].data


def test_a_blank_mask_is_plain_img2img_and_said(model):
    result, _ = draw(masked(image=png(Image.new("L", (64, 64))), full_res=True), model)
    assert any("mask is blank" in comment for comment in result.comments)
    assert (pixels(result.pictures[0]) == pixels(draw(BASE, model)[0].pictures[0])).all()


def test_masks_come_back_where_they_are_wanted(model):
    options = JobOptions(return_mask=True, return_mask_composite=True)
    result, _ = draw(replace(masked(), steps=2, options=options), model)
    _drawn, mask, composite = result.pictures
    assert (pixels(mask)[:, :32] == 255).all()
    assert (pixels(mask)[:, 32:] == 0).all()
    assert opened(composite).size == (64, 64)


@pytest.mark.parametrize("mode", range(4))
def test_every_resize_mode_gives_the_size_asked_for(model, mode):
    request = replace(BASE, width=128, steps=2, start=replace(START, resize_mode=mode))
    result, _ = draw(request, model)
    assert opened(result.pictures[0]).size == (128, 64)
    assert (result.width, result.height) == (128, 64)


def test_several_start_images_are_one_batch_and_too_many_are_refused(model):
    two = replace(START, images=(png(PICTURE), png(PICTURE.rotate(90))))
    result, _ = draw(replace(BASE, steps=2, batch_size=3, start=two), model)
    assert len(result.pictures) == 2
    alone, _ = draw(replace(BASE, steps=2, seed=8, start=replace(two, images=two.images[1:])), model)
    assert np.abs(pixels(alone.pictures[0]) - pixels(result.pictures[1])).max() <= 1
    with pytest.raises(RequestError) as refused:
        draw(replace(BASE, batch_size=1, start=two), model)
    assert refused.value.code == "too-many-start-images"


@pytest.mark.parametrize("images", [(), (b"no picture",), (b"",)])
def test_what_is_no_picture_is_refused(model, images):
    with pytest.raises(RequestError) as refused:
        draw(replace(BASE, start=replace(START, images=images)), model)
    assert refused.value.code in ("no-start-image", "image-unreadable")


def test_settings_of_the_start_change_the_picture_and_are_written(model):
    plain = draw(BASE, model)[0].pictures[0]
    for request, written in (
        (replace(BASE, start=replace(START, initial_noise_multiplier=0.9)), "Noise multiplier: 0.9"),
        (replace(BASE, options=JobOptions(img2img_extra_noise=0.1)), "Extra noise: 0.1"),
        (replace(BASE, options=JobOptions(img2img_color_correction=True)), "Steps"),
    ):
        picture = draw(request, model)[0].pictures[0]
        assert written in picture.infotext
        assert (pixels(picture) != pixels(plain)).any(), written


def test_neither_variation_nor_resized_seeds_change_the_noise_under_the_mask(model, tmp_path):
    request = masked(fill=2)
    varied = replace(request, subseed=3, subseed_strength=0.5, seed_resize_from_w=96, seed_resize_from_h=96)
    grounds = []
    for one in (request, varied):
        job = check(one, (64, 64))
        under = underpaint(one.start, one.options, 64, 64)
        with torch.inference_mode():
            grounds.append(lay(Easel(model, Outputs(tmp_path)), first_run(job), Batch(0, (7,), (3,)), under))
    assert torch.equal(grounds[0].latents, grounds[1].latents)
    noise = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(7))
    assert torch.equal(grounds[0].latents[0, :, :, :4], noise[:, :, :4])
