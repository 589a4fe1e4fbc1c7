"""What prompts say is what the demo model draws."""

import io

import numpy as np
import pytest
from PIL import Image

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.saving import Outputs
from runtime.job_options import JobOptions
from runtime.request import Request
from tools.demo_model.judge import Verdict, judge
from tools.demo_networks.lessons import DEMO

RED = "a red circle on a white background"


@pytest.fixture(scope="module")
def easel(tmp_path_factory):
    placement = place(Settings(), Hardware())
    checkpoint = load_checkpoint(DEMO, placement.precision)
    model = Model(checkpoint.title, checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
    return Easel(model, Outputs(tmp_path_factory.mktemp("demo")))


@pytest.fixture(scope="module")
def draw(easel):
    def drawn(prompt, steps=8, sampler="Euler"):
        request = Request(prompt, steps=steps, seed=7, sampler_name=sampler, save=False)
        result = generate(request, easel, lambda _step: None, lambda: None)
        return Image.open(io.BytesIO(result.pictures[0].data)).convert("RGB")

    return drawn


def apart(one, other):
    """The largest difference in levels; texts in one batch, or two, or three, add up in another order: up to 1."""
    return np.abs(np.asarray(one, int) - np.asarray(other, int)).max()


@pytest.fixture(scope="module")
def plain(draw):
    """After four steps, which suffice to tell pictures apart."""
    return draw(RED, steps=4)


def test_an_early_edit_decides_what_is_drawn(draw):
    assert judge(draw("[a red circle:a blue square:1] on a white background")) == Verdict("blue", "white", "square")


def test_a_late_edit_changes_little(draw):
    assert judge(draw("[a red circle:a blue square:.9] on a white background")) == Verdict("red", "white", "circle")


@pytest.mark.parametrize(
    "same",
    [
        f"{RED} # a blue square",
        f"<lora:of nobody:1>{RED}",
        f"[{RED}|{RED}]",
        f"[a blue square::0]{RED}",
        f"{RED} AND a blue square :0",
        f"({RED}:1)",
    ],
)
def test_what_says_the_same_draws_the_same(draw, plain, same):
    assert apart(draw(same, steps=4), plain) <= 1


def test_an_edit_comes_one_call_late(draw, plain):
    """Of four calls, 0 to 3, none comes after a boundary of 3, and the last alone after one of 2."""
    assert apart(draw(f"[{RED}:a blue square:3]", steps=4), plain) <= 1
    assert apart(draw(f"[{RED}:a blue square:2]", steps=4), plain) > 1


def test_samplers_that_ask_twice_count_twice(draw):
    """Heun's three steps count as six: the boundary is 5, and its five calls, 0 to 4, all come before."""
    edited, same = (draw(text, steps=3, sampler="Heun") for text in (f"[{RED}:a blue square:.9]", RED))
    assert apart(edited, same) <= 1


def test_the_old_rule_stands_in_the_infotext(easel):
    for prompt, told in ((f"[{RED}:a blue square:1.0]", True), (RED, False)):
        request = Request(prompt, steps=2, save=False, options=JobOptions(use_old_scheduling=True))
        (picture,) = generate(request, easel, lambda _step: None, lambda: None).pictures
        assert ("Old prompt editing timelines: True" in picture.infotext) is told
