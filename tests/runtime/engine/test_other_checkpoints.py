"""Refiner and hires fix's own checkpoint: found before anything is drawn, shown what they see, taken in time."""

from dataclasses import replace

import pytest
from PIL import Image

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.job import check
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.passes import first_run, second_run
from runtime.engine.saving import Outputs
from runtime.job_options import JobOptions
from runtime.request import Hires, Mask, Request, RequestError, Start
from tests.runtime.engine.drawing import draw, opened, pixels, png
from tests.runtime.tiny_checkpoint import write_tiny_family

HIRES = Hires(scale=1.5, upscaler="Latent", denoising_strength=0.5, steps=2)
BASE = Request(prompt="a cat", steps=3, seed=7, width=64, height=64, save=False, save_grid=False)
BY_STEPS = JobOptions(refiner_switch_by_sample_steps=True)


def loaded(path):
    placement = place(Settings(), Hardware())
    checkpoint = load_checkpoint(path, placement.precision)
    return Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits, None)


@pytest.fixture(scope="session")
def inpainting(tmp_path_factory):
    """A model whose U-Net takes nine channels."""
    path = tmp_path_factory.mktemp("models") / "inpainting.safetensors"
    write_tiny_family(path, "sd1", 9)
    return loaded(path)


def shelf(*models):
    """What an easel finds and fetches, and the titles that were fetched."""
    taken = []

    def fetch(path):
        found = next(model for model in models if model.path == path)
        taken.append(found.title)
        return found

    def find(spelling):
        return next((model.path for model in models if model.title == spelling), None)

    return {"find": find, "fetch": fetch}, taken


@pytest.mark.parametrize(
    "change",
    [{"refiner_checkpoint": "nonsense", "refiner_switch_at": 0.8}, {"hires": replace(HIRES, checkpoint="nonsense")}],
)
def test_a_checkpoint_that_is_nowhere_is_refused_before_anything_is_drawn(model, change):
    places, _ = shelf(model)
    steps = []
    with pytest.raises(RequestError) as refused:
        draw(replace(BASE, **change), model, wish=lambda: steps.append(1), **places)
    assert (refused.value.code, steps) == ("checkpoint-unknown", [])


def test_a_checkpoint_that_is_nowhere_leaves_the_one_in_use(model, tmp_path):
    places, _ = shelf(model)
    easel = Easel(model, Outputs(tmp_path), **places)
    with pytest.raises(RequestError):
        easel.take("nonsense")
    assert easel.model is model


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
@pytest.mark.parametrize("first", [4, 9])
def test_the_second_pass_may_see_more_or_less_than_the_first(model, inpainting, upscaler, first):
    one, other = (model, inpainting) if first == 4 else (inpainting, model)
    places, taken = shelf(model, inpainting)
    hires = replace(HIRES, checkpoint=other.title, upscaler=upscaler)
    result, _ = draw(replace(BASE, hires=hires, n_iter=2), one, **places)
    assert [opened(picture).size for picture in result.pictures] == [(96, 96)] * 2
    assert taken == [other.title, one.title, other.title]


@pytest.mark.parametrize("first", [4, 9])
@pytest.mark.parametrize("masked", [None, False, True])
def test_the_refiner_may_see_more_or_less_than_the_first(model, inpainting, first, masked):
    one, other = (model, inpainting) if first == 4 else (inpainting, model)
    places, _ = shelf(model, inpainting)
    picture = Image.effect_noise((64, 64), 60).convert("RGB")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    start = None if masked is None else Start((png(picture),), mask=Mask(png(mask), full_res=False) if masked else None)
    request = replace(BASE, start=start, refiner_checkpoint=other.title, refiner_switch_at=0.3, options=BY_STEPS)
    result, seen = draw(request, one, **places)
    assert len(seen) == 3
    text = result.pictures[0].infotext
    assert f"Refiner: {other.title}" in text
    assert "Refiner switch at: 0.3" in text


@pytest.mark.parametrize(("at", "expected"), [(0.5, 2), (0.49, 2), (0.51, 3), (0.0, 0), (None, 0)])
def test_the_refiner_takes_over_at_its_share(model, inpainting, at, expected):
    """Of four calls; no share given is from the first on."""
    places, taken = shelf(model, inpainting)
    calls = []

    def wish():
        calls.append(bool(taken))

    request = replace(BASE, steps=4, refiner_checkpoint="inpainting", refiner_switch_at=at, options=BY_STEPS)
    result, _ = draw(request, model, wish=wish, **places)
    # the last step asks for no wish: nothing is left to cut short
    assert calls == [step >= expected for step in range(3)]
    assert ("Refiner switch at" in result.pictures[0].infotext) == (at is not None)


def test_a_refiner_that_draws_already_takes_over_nothing(model):
    places, taken = shelf(model)
    request = replace(BASE, refiner_checkpoint=model.title, refiner_switch_at=0.5, options=BY_STEPS)
    result, _ = draw(request, model, **places)
    assert taken == []
    assert "Refiner" not in result.pictures[0].infotext
    assert (pixels(result.pictures[0]) == pixels(draw(BASE, model)[0].pictures[0])).all()


def runs(hires, **changes):
    job = check(replace(BASE, hires=hires, steps=20, **changes), (64, 64))
    return first_run(job), second_run(job, job.second_pass)


@pytest.mark.parametrize(
    ("first", "second", "edited"),
    [
        ("Euler a", "DPM++ SDE", (20, 14)),
        ("DPM++ SDE", "Euler a", (40, 7)),
        ("DPM++ SDE", None, (40, 14)),
        ("Euler a", None, (20, 7)),
    ],
)
def test_prompt_editing_counts_each_pass_by_its_own_sampler(first, second, edited):
    one, two = runs(replace(HIRES, sampler_name=second, steps=7), sampler_name=first)
    assert (one.edited_steps, one.hires_edited_steps) == (edited[0], None)
    assert (two.edited_steps, two.hires_edited_steps) == edited
    same_words = JobOptions(hires_fix_use_firstpass_conds=True)
    again = runs(replace(HIRES, sampler_name=second, steps=7), sampler_name=first, options=same_words)[1]
    assert (again.edited_steps, again.hires_edited_steps) == (edited[0], None)


def test_sdxl_is_told_the_size_before_anything_is_cut_off():
    hires = replace(HIRES, resize_x=128, resize_y=96)
    one, two = runs(hires)
    assert (one.told_size, two.told_size, (two.width, two.height)) == ((64, 64), (128, 128), (128, 96))
    same_words = JobOptions(hires_fix_use_firstpass_conds=True)
    assert runs(hires, options=same_words)[1].told_size == (64, 64)
