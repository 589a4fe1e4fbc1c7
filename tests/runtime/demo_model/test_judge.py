"""The judge of the demo model is itself right on every drawing, and says when there is nothing to see."""

from __future__ import annotations

import random

import pytest
from PIL import Image

from tools.demo_model.drawings import COLOURS, SIZES, Scene, all_scenes, draw
from tools.demo_model.judge import Verdict, judge


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize("size", list(SIZES))
def test_every_combination_is_read_as_it_was_drawn(side: int, size: str) -> None:
    rng = random.Random(f"{side} {size}")
    scenes = [Scene(one.shape, one.colour, one.ground, size) for one in all_scenes()]
    wrong = [one for one in scenes if judge(draw(one, side, rng)) != Verdict(one.colour, one.ground, one.shape)]
    assert len(scenes) == 168
    assert wrong == []


def test_an_empty_ground_holds_no_object() -> None:
    assert judge(Image.new("RGB", (64, 64), COLOURS["blue"])) == Verdict(None, "blue", None)
