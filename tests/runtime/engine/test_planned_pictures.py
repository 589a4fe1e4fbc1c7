"""What a job's pictures are planned as is what the U-Net and the autoencoder are then asked with."""

import io
import json
import sys
from dataclasses import replace

import psutil
import pytest
import torch
from PIL import Image

from runtime.engine import guidance, strips
from runtime.engine.architecture import Autoencoder, AutoencoderConfig
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Settings, hardware, planner, traces
from runtime.engine.memory.hardware import Room
from runtime.engine.memory.planner import Planner
from runtime.engine.memory.traces import Canvas
from runtime.engine.resize import LATENT
from runtime.engine.saving import Outputs
from runtime.job_options import JobOptions
from runtime.placement import SLACK
from runtime.request import Hires, Request, RequestError, Start
from tools.published import configurations

ASKED = Request(prompt="a", steps=2, width=64, height=64, save=False, save_grid=False)
LONG = "a house, " * 40


def drawn(request, model, folder):
    """The works whose steps were noted."""
    easel = Easel(model, Outputs(folder), planner=Planner(Settings(), folder / "ledger.json"))
    before = model.store.policy
    try:
        generate(request, easel, lambda _step: None, lambda: None)
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


def picture(side):
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 50).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


#: an image to draw over, one that keeps its own size, and the first pass's, which an upscaler enlarges
ENCODED = {
    "img2img": (replace(ASKED, width=256, height=256, start=Start((picture(64),), denoising_strength=0.5)), 256),
    "latent upscale": (replace(ASKED, start=Start((picture(192),), resize_mode=LATENT)), 192),
    "hires fix": (replace(ASKED, hires=Hires(scale=2.0, upscaler="Lanczos", denoising_strength=0.5)), 128),
}


@pytest.mark.parametrize(("less", "rows"), [(-1, None), (1, 16)])
@pytest.mark.parametrize("name", ENCODED)
def test_a_picture_is_read_in_strips_where_it_would_not_fit_as_a_whole(model, tmp_path, monkeypatch, name, less, rows):
    asked, side = ENCODED[name]
    vae = model.store.modules("vae")[0]
    canvas = Canvas(side // 8, side // 8, 1, torch.float32, "sdp", "cpu", channels_last=True)
    free = model.store.nbytes + round(traces.encoding(vae.config, canvas) * SLACK) - less
    monkeypatch.setattr(planner, "room", lambda _device: Room(free, 0))
    seen, whole = [], type(vae).encode
    monkeypatch.setattr(type(vae), "encode", lambda *given: seen.append((given[1].shape[2], None)) or whole(*given))
    in_strips = strips.encode
    monkeypatch.setattr(
        strips, "encode", lambda vae, x, cut: seen.append((x.shape[2], cut.rows)) or in_strips(vae, x, cut)
    )
    monkeypatch.setattr(traces, "encoding_in_strips", lambda _config, _canvas, rows: rows)
    drawn(asked, model, tmp_path)
    assert seen == [(side, rows)]


def test_what_strips_take_of_a_high_picture_is_told_by_low_ones():
    config = AutoencoderConfig.of(configurations("sd1").vae)
    high = Canvas(40, 8, 1, torch.float32, "sdp", "cpu", channels_last=True)
    told = traces.encoding_in_strips(config, high, 1)
    assert told < traces.encoding_in_strips(config, high, 4) < traces.encoding(config, high)
    with torch.device("meta"):
        vae = Autoencoder(config).to(memory_format=torch.channels_last).requires_grad_(False)
        whole = torch.empty(1, 3, 320, 64)
    traced = traces.peak(lambda: strips.encode(vae, whole, strips.Strips(1)), "cpu", vae)
    assert traced <= told < 1.08 * traced


@pytest.mark.parametrize(("swap", "on_disk", "refused"), [(0, False, True), (2**30, False, False), (None, False, False),
                                                         (0, True, False)])  # fmt: skip
def test_a_picture_that_no_memory_holds_is_refused_on_a_processor_too(
    model, tmp_path, monkeypatch, swap, on_disk, refused
):
    """What lies on the disk takes none, macOS' page file grows, and a free page file makes it slow but possible."""
    monkeypatch.setattr(planner, "room", lambda _device: Room(model.store.nbytes, 0, None, swap))
    monkeypatch.setattr(model.store, "on_disk", on_disk)
    if not refused:
        drawn(ASKED, model, tmp_path)
        return
    with pytest.raises(RequestError, match=r"64 x 64 needs at least 0\.0 GB of the computer's memory") as failure:
        drawn(ASKED, model, tmp_path)
    assert failure.value.code == "too-little-memory"


def test_what_is_free_of_the_page_file_is_asked_for():
    told = hardware.room(torch.device("cpu")).swap
    assert told == hardware.free_swap()
    assert (told is None) is (sys.platform == "darwin")
    assert told is None or 0 <= told <= psutil.swap_memory().total
