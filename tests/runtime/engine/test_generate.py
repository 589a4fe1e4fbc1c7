"""From a request to pictures, with a tiny untrained model."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from runtime import wire
from runtime.engine import images
from runtime.engine.easel import Easel
from runtime.engine.generate import Step, generate
from runtime.engine.job import check
from runtime.engine.saving import Outputs
from runtime.infotext import parse_infotext
from runtime.job_options import JobOptions
from runtime.request import LARGEST_SEED, Hires, Request, RequestError, Result, Start

SMALL = Request(prompt="a red circle", steps=3, seed=7, save=False, save_grid=False)


def draw(request, model, tmp_path, stop_after=None, skip_after=None):
    seen: list[Step] = []

    def wish():
        if stop_after is not None and len(seen) >= stop_after:
            return "stop"
        return "skip" if len(seen) == skip_after else None

    return generate(request, Easel(model, Outputs(tmp_path)), seen.append, wish), seen


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.data)), dtype=int)


@pytest.mark.parametrize("sampler", ["Euler a", "Euler", "DDIM", "DPM++ 2M"])
def test_every_sampler_draws_at_the_native_size(model, tmp_path, sampler):
    result, seen = draw(replace(SMALL, sampler_name=sampler), model, tmp_path)
    assert pixels(result.pictures[0]).shape == (64, 64, 3)
    assert [step.step for step in seen] == list(range(1, len(seen) + 1))
    assert len(seen) == 3
    assert (result.width, result.height, result.interrupted) == (64, 64, False)
    again, _ = draw(replace(SMALL, sampler_name=sampler), model, tmp_path)
    assert again.pictures[0].data == result.pictures[0].data


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M", "DPM adaptive"])
def test_a_picture_of_a_batch_equals_the_single_picture_of_its_seed(model, tmp_path, sampler):
    request = replace(SMALL, sampler_name=sampler, batch_size=2, n_iter=2)
    batch, seen = draw(request, model, tmp_path)
    assert [picture.seed for picture in batch.pictures] == [7, 8, 9, 10]
    assert {(step.batch, step.batches) for step in seen} == {(1, 2), (2, 2)}
    assert len(seen) == 6 or sampler == "DPM adaptive"
    for picture in batch.pictures:
        alone, _ = draw(replace(request, batch_size=1, n_iter=1, seed=picture.seed), model, tmp_path)
        # one level of rounding: the processor adds up a batch in another order
        assert np.abs(pixels(alone.pictures[0]) - pixels(picture)).max() <= 1


def test_an_adaptive_batch_keeps_to_its_start_images_and_stops_where_it_is(model, tmp_path):
    colours = [images.to_png(Image.new("RGB", (64, 64), name)) for name in ("red", "navy")]
    request = replace(SMALL, sampler_name="DPM adaptive", batch_size=2)
    both, seen = draw(replace(request, start=Start(tuple(colours), denoising_strength=0.5)), model, tmp_path)
    for place, picture in enumerate(both.pictures):
        start = Start((colours[place],), denoising_strength=0.5)
        alone, _ = draw(replace(request, batch_size=1, seed=7 + place, start=start), model, tmp_path)
        assert np.abs(pixels(alone.pictures[0]) - pixels(picture)).max() <= 1
    cut, _ = draw(request, model, tmp_path, stop_after=2)
    assert (cut.interrupted, [picture.seed for picture in cut.pictures]) == (True, [7])
    assert len(seen) > 4


def test_prompt_seed_and_guidance_change_the_picture(model, tmp_path):
    first = draw(SMALL, model, tmp_path)[0].pictures[0]
    for change in ({"prompt": "a blue square"}, {"seed": 8}, {"cfg_scale": 1.0}, {"negative_prompt": "blurry"}):
        other = draw(replace(SMALL, **change), model, tmp_path)[0].pictures[0]
        assert (pixels(other) != pixels(first)).any(), change


def test_long_prompts_and_odd_sizes(model, tmp_path):
    request = replace(SMALL, prompt="cat, " * 60, width=100, height=72, steps=1)
    result, _ = draw(request, model, tmp_path)
    assert (result.width, result.height) == (96, 72)
    assert pixels(result.pictures[0]).shape == (72, 96, 3)
    assert any("100" in comment for comment in result.comments)


def test_the_lora_for_every_prompt_is_told_as_if_it_were_written():
    request = Request("a cat # mine", options=JobOptions(enable_prompt_comments=True), hires=Hires(prompt="a dog"))
    job = check(request, (512, 512), "look")
    assert (job.prompt, job.bare_prompt) == ("a cat<lora:look:1.0>", "a cat")
    assert [tag.items for tag in (*job.tags, *job.second_pass.tags)] == [("look", "1.0")] * 2
    assert check(Request("a <lora:look:0.3>"), (512, 512), "look").prompt == "a <lora:look:0.3>"
    assert check(replace(request, disable_extra_networks=True), (512, 512), "look").tags == ()


def test_random_seeds_are_told(model):
    seeds = {check(replace(SMALL, seed=-1), model.traits.native).seed for _ in range(20)}
    assert len(seeds) > 15
    assert all(0 <= seed < LARGEST_SEED for seed in seeds)


@pytest.mark.parametrize(("asked", "told"), [(-2, -2), (2**64 + 5, 5), (2**63, 2**63), (-(2**63) - 1, 2**63 - 1)])
def test_any_other_number_is_a_seed_and_told_so_that_it_draws_the_same(model, tmp_path, asked, told):
    request = replace(SMALL, steps=1, seed=asked)
    result, _ = draw(request, model, tmp_path)
    assert result.pictures[0].seed == told
    again, _ = draw(replace(request, seed=told), model, tmp_path)
    assert again.pictures[0].data == result.pictures[0].data
    assert f"Seed: {told}," in result.pictures[0].infotext


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (-3, [-3, -2, 2**64 - 1, 0]),  # -1 would ask for any seed
        (2**63 - 2, [2**63 - 2, 2**63 - 1, 2**63, 2**63 + 1]),
        (2**64 - 2, [2**64 - 2, 2**64 - 1, 0, 1]),
    ],
)
def test_each_seed_of_a_batch_can_be_asked_for(model, tmp_path, seed, told):
    result, _ = draw(replace(SMALL, steps=1, seed=seed, subseed=seed, batch_size=2, n_iter=2), model, tmp_path)
    assert [picture.seed for picture in result.pictures] == told
    assert [picture.subseed for picture in result.pictures] == told
    alone, _ = draw(replace(SMALL, steps=1, seed=told[2]), model, tmp_path)
    assert np.abs(pixels(alone.pictures[0]) - pixels(result.pictures[2])).max() <= 1


def test_half_a_character_is_replaced_and_two_halves_are_joined(model, tmp_path):
    request = replace(SMALL, steps=1, prompt="\ud800 cat \ud83d\ude00", negative_prompt="\udfff")
    result, _ = draw(request, model, tmp_path)
    assert (result.request.prompt, result.request.negative_prompt) == ("\ufffd cat \U0001f600", "\ufffd")
    assert result.pictures[0].infotext.startswith("\ufffd cat \U0001f600\nNegative prompt: \ufffd\n")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sampler_name": "Nonsense"}, "sampler-unknown"),
        ({"steps": 0}, "out-of-range"),
        ({"steps": 100_000}, "out-of-range"),
        ({"batch_size": 0}, "out-of-range"),
        ({"n_iter": -1}, "out-of-range"),
        ({"eta": -0.5}, "out-of-range"),
        ({"eta": float("inf")}, "out-of-range"),
        ({"eta": float("nan")}, "out-of-range"),
        ({"cfg_scale": float("inf")}, "out-of-range"),
        ({"cfg_scale": float("nan")}, "out-of-range"),
        ({"cfg_scale": 1e38}, "out-of-range"),
        ({"width": 56}, "size-out-of-range"),
        ({"height": -64}, "size-out-of-range"),
        ({"width": 1_000_000}, "size-out-of-range"),
        ({"prompt": "a AND " * 100 + "a"}, "too-many-prompts"),
        ({"hires": Hires(prompt="a AND " * 100)}, "too-many-prompts"),
    ],
)
def test_what_cannot_be_drawn_is_refused(model, change, code):
    with pytest.raises(RequestError) as refused:
        check(replace(SMALL, **change), model.traits.native)
    assert refused.value.code == code


def test_as_many_prompts_as_may_be_joined_are_drawn(model, tmp_path):
    """What is joined counts, and words that only look like it do not."""
    prompt = "a SAND" + " AND a" * 99
    assert len(draw(replace(SMALL, steps=1, prompt=prompt), model, tmp_path)[0].pictures) == 1


@pytest.mark.parametrize(
    ("sampler", "scheduler", "label"),
    [
        ("DPM++ 2M Karras", "Automatic", "Karras"),
        ("DPM++ 2M Karras", "exponential", "Exponential"),
        ("Euler", "", "Automatic"),
        ("Euler", "of my own", "Automatic"),
    ],
)
def test_schedule_of_name_and_field(model, sampler, scheduler, label):
    job = check(replace(SMALL, sampler_name=sampler, scheduler=scheduler), model.traits.native)
    assert job.scheduler == label
    assert bool(job.comments) == (scheduler == "of my own")


def test_interruption_gives_what_is_there(model, tmp_path):
    request = replace(SMALL, steps=9, n_iter=3, save=True, options=JobOptions(outdir_samples="out"))
    result, seen = draw(request, model, tmp_path, stop_after=2)
    assert result.interrupted
    assert (len(seen), len(result.pictures)) == (2, 1)
    assert result.pictures[0].path is None
    assert not (tmp_path / "out").exists()


def test_interruption_at_the_last_step_keeps_the_finished_batch_and_starts_no_other(model, tmp_path):
    request = replace(SMALL, steps=2, n_iter=3, save=True, options=JobOptions(outdir_samples="out"))
    result, seen = draw(request, model, tmp_path, stop_after=2)
    assert result.interrupted
    assert (len(seen), len(result.pictures)) == (2, 1)
    assert result.pictures[0].path is not None


def test_a_skipped_batch_is_followed_by_the_next(model, tmp_path):
    request = replace(SMALL, steps=3, n_iter=2, save=True, options=JobOptions(outdir_samples="out"))
    result, seen = draw(request, model, tmp_path, skip_after=1)
    assert not result.interrupted
    assert [(step.batch, step.step) for step in seen] == [(1, 1), (2, 1), (2, 2), (2, 3)]
    assert [picture.path is None for picture in result.pictures] == [True, False]


def test_pictures_that_cannot_be_saved_are_all_there_and_it_is_said_once(model, tmp_path):
    (tmp_path / "out").touch()
    options = JobOptions(outdir_samples="out", outdir_grids="out", save_init_img=True, outdir_init_images="out")
    request = replace(SMALL, steps=1, n_iter=3, save=True, save_grid=True, options=options)
    result, _ = draw(request, model, tmp_path)
    assert [(pixels(picture).shape, picture.path) for picture in result.pictures[1:]] == [((64, 64, 3), None)] * 3
    assert result.index_of_first_image == 1
    said = [comment for comment in result.comments if "could be saved in out/" in comment]
    assert len(said) == len(set(said)) == 1
    over, _ = draw(replace(request, start=Start((images.to_png(Image.new("RGB", (64, 64))),), 0.5)), model, tmp_path)
    assert len(over.pictures) == 4
    assert any("could be saved in out:" in comment for comment in over.comments), "the start picture's folder"


def test_the_processors_short_numbers_draw_nearly_the_same(checkpoint_file, model, tmp_path):
    from runtime.engine.checkpoint import load_checkpoint
    from runtime.engine.memory import Hardware, Settings, Store, place
    from runtime.engine.model import Model

    placement = place(Settings(), Hardware(native_bfloat16=True))
    checkpoint = load_checkpoint(checkpoint_file, placement.precision)
    short = Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
    request = replace(SMALL, steps=1)
    pictures = [draw(request, one, tmp_path)[0].pictures[0] for one in (short, model)]
    assert np.abs(pixels(pictures[0]) - pixels(pictures[1])).mean() < 4


def test_previews_are_pictures(model, tmp_path):
    _, seen = draw(replace(SMALL, steps=5, preview_every=2), model, tmp_path)
    steps = [step.step for step in seen if step.preview is None]
    previews = [step for step in seen if step.preview is not None]
    assert steps == [1, 2, 3, 4, 5]
    assert [step.step for step in seen] == sorted(step.step for step in seen)
    assert previews
    assert all(step.step >= 2 for step in previews)
    assert Image.open(io.BytesIO(previews[0].preview)).size == (64, 64)


@pytest.fixture
def broken(model):
    """The model with a U-Net that gives no numbers."""
    with model.store.lend("unet") as unet:
        weight = unet.conv_out.weight.clone()
        unet.conv_out.weight.fill_(float("nan"))
        yield model
        unet.conv_out.weight.copy_(weight)


@pytest.mark.parametrize("sampler", ["Euler", "DDIM", "DPM adaptive"])
def test_numbers_that_are_none_are_said_at_the_first_step(broken, tmp_path, sampler):
    seen = []
    with pytest.raises(RequestError) as refused:
        generate(replace(SMALL, sampler_name=sampler), Easel(broken, Outputs(tmp_path)), seen.append, lambda: None)
    assert (refused.value.code, seen) == ("nan-unet", [])


def test_without_the_check_every_sampler_comes_to_its_end(broken, tmp_path):
    store = broken.store
    unwatched = replace(store.policy, check_numbers=False)
    placement, store.policy = store.policy, unwatched
    try:
        for sampler in ("Euler", "DPM adaptive"):
            assert len(draw(replace(SMALL, sampler_name=sampler), broken, tmp_path)[0].pictures) == 1
    finally:
        store.policy = placement


def test_a_decoder_that_overflows_is_tried_again_in_float32(checkpoint_file, tmp_path):
    from runtime.engine.autoencoder import Coder, decode
    from runtime.engine.checkpoint import Precision, load_checkpoint
    from runtime.engine.memory import Policy, Store
    from runtime.engine.model import Model

    precision = Precision(vae=torch.float16)
    checkpoint = load_checkpoint(checkpoint_file, precision)
    checkpoint.vae.post_quant_conv.weight.mul_(1e6 / 3).clamp_(-6e4, 6e4)
    store = Store(checkpoint, Policy("cpu", precision))
    short = Model("tiny", checkpoint_file, store, checkpoint.traits)
    latents = torch.full((1, 4, 8, 8), 30.0)
    with torch.inference_mode():
        with pytest.raises(RequestError) as refused:
            decode(Coder(short, retry=False), latents)
        (picture,) = decode(Coder(short), latents)
    assert refused.value.code == "nan-vae"
    assert torch.isfinite(picture).all()
    assert store.dtype("vae") == torch.float32


def test_files_are_numbered_in_dated_folders(model, tmp_path):
    request = replace(SMALL, steps=1, batch_size=2, save=True, options=JobOptions(outdir_samples="out 图"))
    result, _ = draw(request, model, tmp_path)
    again, _ = draw(request, model, tmp_path)
    (folder,) = (tmp_path / "out 图").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", folder.name)
    assert sorted(entry.name for entry in folder.iterdir()) == [f"0000{k}-{7 + k % 2}.png" for k in range(4)]
    paths = [picture.path for picture in (*result.pictures, *again.pictures)]
    assert paths == [str(folder / f"0000{k}-{7 + k % 2}.png") for k in range(4)]
    assert (folder / "00000-7.png").read_bytes() == result.pictures[0].data


def test_levels_are_cut_off(model):
    values = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 3.0]).view(1, 1, 6).expand(3, 1, 6)
    assert np.asarray(images.to_image(values))[0, :, 0].tolist() == [0, 0, 127, 254, 255, 255]


@pytest.mark.parametrize(("prompt", "chunk"), [("a café", "tEXt"), ("一个红色的圆", "iTXt")])
def test_infotext_lies_in_the_png(model, tmp_path, prompt, chunk):
    result, _ = draw(
        replace(
            SMALL, steps=1, prompt=prompt, negative_prompt="blue: x", options=JobOptions(CLIP_stop_at_last_layers=2)
        ),
        model,
        tmp_path,
    )
    picture = result.pictures[0]
    assert chunk.encode() in picture.data
    assert Image.open(io.BytesIO(picture.data)).text["parameters"] == picture.infotext
    lines = picture.infotext.split("\n")
    assert lines[:2] == [prompt, "Negative prompt: blue: x"]
    assert lines[2] == (
        "Steps: 1, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7.0, Seed: 7, Size: 64x64, "
        "Model hash: 0123456789, Model: tiny, Clip skip: 2, Version: gesso-0.1.0"
    )
    assert parse_infotext(picture.infotext)["Seed"] == "7"


@pytest.mark.parametrize(
    ("sampler", "eta", "written"),
    [
        ("Euler a", 1.0, None),
        ("Euler a", 0.5, "Eta: 0.5"),
        ("DDIM", 0.0, None),
        ("DDIM", 0.5, "Eta DDIM: 0.5"),
        ("Euler", 0.5, None),
    ],
)
def test_eta_is_written_where_it_counts(model, tmp_path, sampler, eta, written):
    result, _ = draw(replace(SMALL, steps=2, sampler_name=sampler, eta=eta), model, tmp_path)
    text = result.pictures[0].infotext
    assert (written in text) if written else ("Eta" not in text)


def test_a_result_travels_with_its_files_beside_it(model, tmp_path):
    result, _ = draw(replace(SMALL, steps=1), model, tmp_path)
    body, blobs = wire.pack(result)
    assert json.loads(json.dumps(body))["request"]["seed"] == 7
    assert wire.unpack(Result, json.loads(json.dumps(body)), blobs) == result
    assert (result.model_hash, result.vae_name, result.index_of_first_image) == ("0123456789", None, 0)
    assert result.memory.active
