"""The demo model's pictures, judged by what they show: over pictures, under masks, in two passes, seamless."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.library import DEMO_FOLDER
from runtime.request import Hires, Mask, Request, Start
from tests.runtime.engine.drawing import draw, opened, pixels, png
from tools.demo_model.judge import judge

torch.set_num_threads(1)
RED = Request(prompt="a red circle on a white background", steps=12, seed=3, save=False, save_grid=False)


@pytest.fixture(scope="module")
def demo() -> Model:
    placement = place(Settings(), Hardware())
    checkpoint = load_checkpoint(Path(DEMO_FOLDER) / "gesso-demo.safetensors", placement.precision)
    return Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)


@pytest.fixture(scope="module")
def first(demo) -> Image.Image:
    return opened(draw(RED, demo)[0].pictures[0])


def region(image, like):
    """Where a colour is."""
    return np.abs(np.asarray(image, dtype=int) - like).sum(-1) < 200


def test_img2img_keeps_the_composition_and_takes_the_new_colour(demo, first):
    start = Start((png(first),), denoising_strength=0.5)
    drawn = opened(draw(replace(RED, prompt="a blue circle on a white background", start=start), demo)[0].pictures[0])
    seen = judge(drawn)
    assert (seen.colour, seen.ground, seen.shape) == ("blue", "white", "circle")
    was, now = region(first, (222, 30, 35)), region(drawn, (40, 80, 210))
    assert (was & now).sum() / (was | now).sum() > 0.8


def test_inpainting_changes_only_the_mask(demo, first):
    mask = Image.new("L", (128, 128))
    ImageDraw.Draw(mask).rectangle((0, 0, 99, 127), fill=255)
    start = Start((png(first),), 1.0, mask=Mask(png(mask), fill=2, full_res=False, blur_x=0, blur_y=0))
    drawn = draw(replace(RED, prompt="a green circle on a white background", start=start), demo)[0].pictures[0]
    assert judge(opened(drawn)).colour == "green"
    assert (pixels(drawn)[:, 100:] == np.asarray(first)[:, 100:]).all()


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_hires_fix_keeps_the_object(demo, first, upscaler):
    hires = Hires(scale=1.5, upscaler=upscaler, denoising_strength=0.5, steps=6)
    drawn = opened(draw(replace(RED, hires=hires), demo)[0].pictures[0])
    assert drawn.size == (192, 192)
    seen = judge(drawn)
    assert (seen.colour, seen.ground) == ("red", "white")
    was, now = region(first.resize((192, 192)), (222, 30, 35)), region(drawn, (222, 30, 35))
    assert (was & now).sum() / (was | now).sum() > 0.8


def test_the_edges_of_a_seamless_picture_meet(demo):
    request = replace(RED, prompt="a red circle on a blue background", seed=5)

    def seam(tiling):
        drawn = pixels(draw(replace(request, tiling=tiling), demo)[0].pictures[0])
        return np.abs(drawn[:, 0] - drawn[:, -1]).mean() + np.abs(drawn[0] - drawn[-1]).mean()

    assert seam(True) < 20
    drawn = draw(replace(request, tiling=True), demo)[0].pictures[0]
    # the object crosses the edge, which it never does in a picture with a rim
    assert region(opened(drawn), (222, 30, 35))[:, 0].any()
