"""Hires fix, refiner and further passes with a tiny untrained model."""

from dataclasses import replace

import numpy as np
import pytest

from runtime.job_options import JobOptions
from runtime.request import Hires, Request, RequestError
from tests.runtime.engine.drawing import draw, opened, pixels

HIRES = Hires(scale=1.5, upscaler="Latent", denoising_strength=0.5, steps=2)
BASE = Request(prompt="a cat", steps=3, seed=7, width=64, height=64, save=False, save_grid=False, hires=HIRES)


@pytest.mark.parametrize("upscaler", ["Latent", "Latent (bicubic antialiased)", "Lanczos", "None"])
def test_the_second_pass_draws_at_the_larger_size(model, upscaler):
    result, seen = draw(replace(BASE, hires=replace(HIRES, upscaler=upscaler), n_iter=2), model)
    assert [opened(picture).size for picture in result.pictures] == [(96, 96)] * 2
    assert (result.width, result.height) == (64, 64)
    assert [(step.batch, step.batches, step.step) for step in seen] == [
        (batch, 4, step) for batch, steps in ((1, 3), (2, 2), (3, 3), (4, 2)) for step in range(1, steps + 1)
    ]
    written = f"Denoising strength: 0.5, Hires upscale: 1.5, Hires steps: 2, Hires upscaler: {upscaler}"
    assert written in result.pictures[0].infotext


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_a_picture_of_a_batch_equals_the_single_one(model, upscaler):
    request = replace(BASE, hires=replace(HIRES, upscaler=upscaler), batch_size=2)
    batch, _ = draw(request, model)
    alone, _ = draw(replace(request, batch_size=1, seed=8), model)
    # one level of rounding, which the upscaler and the autoencoder may pass on
    assert np.abs(pixels(alone.pictures[0]) - pixels(batch.pictures[1])).max() <= 2
    assert draw(request, model)[0].pictures[0].data == batch.pictures[0].data


def test_no_denoising_only_enlarges(model):
    result, seen = draw(replace(BASE, hires=replace(HIRES, denoising_strength=0.0)), model)
    assert len(seen) == 3
    assert opened(result.pictures[0]).size == (96, 96)


def test_the_second_pass_has_words_and_a_sampler_of_its_own(model):
    own = replace(HIRES, prompt="a dog", sampler_name="DPM++ 2M", scheduler="Exponential")
    result, _ = draw(replace(BASE, hires=own), model)
    plain, _ = draw(BASE, model)
    assert (pixels(result.pictures[0]) != pixels(plain.pictures[0])).any()
    text = result.pictures[0].infotext
    assert "Hires sampler: DPM++ 2M, Hires prompt: a dog, Hires schedule type: Exponential, Hires upscale: 1.5" in text
    same, _ = draw(
        replace(
            BASE,
            hires=replace(own, sampler_name=None, scheduler=None),
            options=JobOptions(hires_fix_use_firstpass_conds=True),
        ),
        model,
    )
    assert (pixels(same.pictures[0]) == pixels(plain.pictures[0])).all()


def test_an_unknown_upscaler_is_refused_before_anything_is_drawn(model):
    with pytest.raises(RequestError) as refused:
        draw(replace(BASE, hires=replace(HIRES, upscaler="Nonsense")), model)
    assert refused.value.code == "upscaler-unknown"


def test_a_stop_in_the_first_pass_gives_the_small_picture(model):
    asked = []

    def wish():
        asked.append(1)
        return "stop" if len(asked) == 2 else None

    result, seen = draw(BASE, model, wish=wish)
    assert result.interrupted
    assert len(seen) == 2
    assert opened(result.pictures[0]).size == (64, 64)


@pytest.mark.parametrize(("by_steps", "at"), [(True, 0.5), (False, 0.5)])
def test_the_refiner_takes_over_and_every_batch_begins_with_the_first(model, by_steps, at):
    other = replace(model, title="other", path=model.path.with_name("other.safetensors"), sha256="f" * 64)
    fetched = []

    def fetch(path):
        fetched.append(path)
        return other if path == other.path else model

    options = JobOptions(refiner_switch_by_sample_steps=by_steps)
    request = replace(
        BASE, hires=None, steps=4, n_iter=2, refiner_checkpoint="other", refiner_switch_at=at, options=options
    )
    result, _ = draw(request, model, find=lambda _spelling: other.path, fetch=fetch)
    assert fetched == [other.path, model.path, other.path]
    text = result.pictures[0].infotext
    assert "Model: tiny" in text
    assert f"Refiner: other [ffffffffff], Refiner switch at: {at}" in text
    # the other is the same model, so that the picture must be, too
    assert (
        pixels(result.pictures[0])
        == pixels(draw(replace(request, n_iter=1, refiner_checkpoint=None), model)[0].pictures[0])
    ).all()


def test_seamless_pictures_are_said_and_the_next_is_as_before(model):
    request = replace(BASE, hires=None)
    before = draw(request, model)[0].pictures[0]
    tiled = draw(replace(request, tiling=True), model)[0].pictures[0]
    assert "Tiling: True" in tiled.infotext
    assert (pixels(tiled) != pixels(before)).any()
    assert draw(request, model)[0].pictures[0].data == before.data


def test_faces_pass_unchanged_where_no_restorer_is(model):
    request = replace(BASE, hires=None)
    result, _ = draw(replace(request, restore_faces=True), model)
    assert any("face" in comment for comment in result.comments)
    assert (pixels(result.pictures[0]) == pixels(draw(request, model)[0].pictures[0])).all()
