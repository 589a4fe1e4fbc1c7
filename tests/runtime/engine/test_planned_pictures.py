"""What a job's pictures are planned as is what the U-Net and the autoencoder are then asked with."""

import json
from dataclasses import replace

import pytest

from runtime.engine import guidance
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Settings
from runtime.engine.memory.planner import Planner
from runtime.engine.saving import Outputs
from runtime.job_options import JobOptions
from runtime.request import Request

ASKED = Request(prompt="a", steps=2, width=64, height=64, save=False, save_grid=False)
LONG = "a house, " * 40


def drawn(request, model, folder):
    """The works whose steps were noted."""
    planner = Planner(Settings(), folder / "ledger.json")
    before = model.store.policy
    try:
        generate(request, Easel(model, Outputs(folder), planner=planner), lambda _step: None, lambda: None)
    finally:
        model.store.prepare(before)
    file = folder / "ledger.json"
    return list(json.loads(file.read_text())["cpu"]["steps"]) if file.exists() else []


@pytest.mark.parametrize(
    ("asked", "prompts", "chunks"),
    [
        ({}, 2, 1),
        ({"cfg_scale": 1.0}, 1, 1),
        ({"cfg_scale": 1.0, "prompt": "a :2"}, 2, 1),
        ({"cfg_scale": 1.0, "sampler_name": "DDIM CFG++"}, 2, 1),
        ({"prompt": "a AND b AND c"}, 4, 1),
        ({"prompt": f"{LONG} AND b", "options": JobOptions(pad_cond_uncond=True)}, 3, 2),
        # the second of two steps, in which half the schedule lies behind
        ({"prompt": f"[a:{LONG}:0.5]", "options": JobOptions(pad_cond_uncond=True)}, 2, 2),
    ],
)
def test_prompts_and_chunks_are_those_that_the_u_net_is_asked_with(
    model, tmp_path, monkeypatch, asked, prompts, chunks
):
    seen, ask = [], guidance.View.ask
    monkeypatch.setattr(
        guidance.View,
        "ask",
        lambda self, *given: seen.append((len(given[0]), given[2].states.shape)) or ask(self, *given),
    )
    (work,) = drawn(replace(ASKED, **asked), model, tmp_path)
    assert {rows for rows, _ in seen} == {prompts}
    assert {shape[1] for _, shape in seen} == {77 * chunks}
    assert f"64x64, 1 x {prompts}{' of 2 chunks' if chunks == 2 else ''}, float32" in work


def test_steps_that_leave_the_negative_prompt_out_teach_nothing(model, tmp_path):
    assert drawn(replace(ASKED, s_min_uncond=100.0), model, tmp_path) == []
