"""What a job will take, from what others took."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.job_options import JobOptions
from runtime.paces import Paces
from runtime.progress import Progress
from runtime.request import Extras, Hires, Request, Result, Script, Start
from runtime.tasks import ModelState
from runtime.ui import words

MODEL = ModelState("ready", Path("one.safetensors"), "one", width=512, height=512)
OTHER = replace(MODEL, path=Path("other.safetensors"))
START = Start((b"",), denoising_strength=0.5)
ASKED = Request(prompt="x", steps=10)


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(paces: Paces, clock: Clock, request: Request, seconds: float, *, rest: float = 3.0) -> None:
    """One job whose steps take `seconds` each, with `rest` beside them."""
    paces.begin(request, MODEL)
    for batch in range(1, request.n_iter + 1):
        clock.now += 1.0
        for step in range(1, request.steps + 1):
            clock.now += seconds
            paces.step(step, batch)
    took = seconds * request.steps * request.n_iter + rest
    paces.end(Result(request, (), request.width or 512, request.height or 512, seconds=took))


@pytest.fixture
def paces(tmp_path: Path) -> Paces:
    clock = Clock()
    made = Paces(tmp_path / "step-times.json", clock)
    drawn(made, clock, ASKED, 2.0)
    return made


def test_nothing_is_told_before_anything_was_drawn() -> None:
    assert Paces().begin(ASKED, MODEL) is None
    assert Paces().begin(ASKED, ModelState()) is None


def test_the_same_job_takes_as_long_again_and_the_next_start_knows(paces: Paces, tmp_path: Path) -> None:
    assert paces.begin(ASKED, MODEL) == pytest.approx(23)
    assert Paces(tmp_path / "step-times.json").begin(ASKED, MODEL) == pytest.approx(23)
    assert paces.begin(ASKED, OTHER) == pytest.approx(23), "as fast as another of its size"
    assert paces.begin(ASKED, replace(OTHER, width=1024, height=1024)) is None


def test_steps_pictures_sizes_and_passes_are_counted(paces: Paces) -> None:
    expected = {
        replace(ASKED, steps=20): 43,
        replace(ASKED, n_iter=2): 46,
        replace(ASKED, batch_size=2): 46,
        replace(ASKED, cfg_scale=1.0): 13,
        # three prompts and the negative one; and a weight that the negative prompt is needed for
        replace(ASKED, prompt="x AND y AND z"): 43,
        replace(ASKED, prompt="x :2", cfg_scale=1.0): 23,
        # text, decoding and writing take no less for a picture smaller than the model's own
        replace(ASKED, width=256, height=256): 10 * 2 / 4 * (0.85 + 0.15 / 4) + 3,
        # four times the pixels, sixteen times the attention's 15 in 100
        replace(ASKED, width=1024, height=1024): 10 * 2 * 4 * (0.85 + 0.6) + 12,
        replace(ASKED, hires=Hires(denoising_strength=0.5)): 23 + 10 * 2 * 4 * (0.85 + 0.6) + 12,
        replace(ASKED, hires=Hires(denoising_strength=0.5, resize_x=512)): 23 + 10 * 2 + 3,
        replace(ASKED, hires=Hires(steps=4, resize_x=512, sampler_name="Heun")): 23 + 4 * 2 * 2 + 3,
        replace(ASKED, start=START): 5 * 2 + 3,
        replace(ASKED, start=START, options=JobOptions(img2img_fix_steps=True)): 23,
        # it asks the U-Net twice a step
        replace(ASKED, sampler_name="Heun"): 43,
    }
    assert {each: paces.begin(each, MODEL) for each in expected} == pytest.approx(expected)


def test_a_step_that_asks_twice_tells_of_those_that_ask_once() -> None:
    clock = Clock()
    paces = Paces(None, clock)
    drawn(paces, clock, replace(ASKED, sampler_name="Heun"), 4.0)
    assert paces.begin(ASKED, MODEL) == pytest.approx(23)


def test_a_small_picture_tells_little_of_a_large_one(tmp_path: Path) -> None:
    clock = Clock()
    paces = Paces(tmp_path / "step-times.json", clock)
    tiny, small = (replace(ASKED, width=side, height=side) for side in (64, 384))
    drawn(paces, clock, tiny, 0.3)
    assert paces.begin(tiny, MODEL) == pytest.approx(6)
    assert paces.begin(small, MODEL) is None, "what any step costs would be multiplied with the pixels"
    assert paces.begin(replace(tiny, hires=Hires(scale=6)), MODEL) is None
    assert paces.begin(replace(tiny, width=128, height=128), MODEL) is not None
    drawn(paces, clock, small, 1.5)
    told = paces.begin(ASKED, MODEL)
    drawn(paces, clock, tiny, 0.3)
    assert paces.begin(small, MODEL) == pytest.approx(18)
    assert paces.begin(ASKED, MODEL) == told == Paces(tmp_path / "step-times.json").begin(ASKED, MODEL)
    drawn(paces, clock, ASKED, 2.0)
    drawn(paces, clock, replace(ASKED, width=1024, height=1024), 20.0)
    drawn(paces, clock, ASKED, 1.0)
    assert paces.begin(ASKED, MODEL) == pytest.approx(13), "of the model's own size and above the last one stands"


def test_what_cannot_be_foreseen_is_not_told(paces: Paces) -> None:
    assert paces.begin(replace(ASKED, script=Script("X/Y/Z plot")), MODEL) is None
    assert paces.begin(replace(ASKED, refiner_checkpoint="other"), MODEL) is None
    assert paces.begin(Extras(()), MODEL) is None


def test_a_broken_file_and_a_stopped_job_cost_nothing(tmp_path: Path) -> None:
    file = tmp_path / "step-times.json"
    for text in ("[]", "{", '{"one.safetensors": {"step": 1}}', '{"one.safetensors": 3}'):
        file.write_text(text)
        assert Paces(file).begin(ASKED, MODEL) is None
    clock = Clock()
    paces = Paces(file, clock)
    paces.begin(ASKED, MODEL)
    paces.step(1, 1)
    paces.step(2, 1)
    paces.end(Result(ASKED, (), 512, 512, seconds=9.0, interrupted=True))
    assert paces.begin(ASKED, MODEL) is None


def test_the_page_tells_it_before_the_first_step() -> None:
    beginning = Progress(job="scripts_txt2img", job_count=1, sampling_steps=10, began=time.monotonic() + 1)
    assert words.LEFT not in words.progress_bar(beginning, MODEL, 0)
    assert f"{words.LEFT}</span> 01:16" in words.progress_bar(replace(beginning, expected=75.0), MODEL, 0)
    assert replace(beginning, expected=75.0, sampling_step=5).seconds_left < 75


@pytest.mark.parametrize("step", [0, 5])
def test_the_page_tells_at_once_that_a_job_is_being_stopped(step: int) -> None:
    """The step that runs is drawn to its end, which may take minutes."""
    running = Progress(job="scripts_txt2img", job_count=1, sampling_step=step, sampling_steps=10, began=1.0, expected=9)
    assert words.LEFT in words.progress_bar(running, MODEL, 0)
    interrupted, skipped = replace(running, interrupted=True), replace(running, skipped=True)
    for stopped, said in ((interrupted, words.INTERRUPTING), (skipped, words.SKIPPING)):
        bar = words.progress_bar(stopped, MODEL, 0)
        assert said in bar
        assert words.LEFT not in bar
