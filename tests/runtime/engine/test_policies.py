"""Same seed, same picture: whatever the policy, with networks on, and with memory that runs out on the way."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.memory import store as store_module
from runtime.engine.model import Model
from runtime.engine.weights import piece_sizes
from runtime.library import DEMO_FOLDER
from runtime.request import Hires, Request
from tests.runtime.engine.drawing import draw, pixels
from tests.runtime.engine.network_files import wardrobe
from tests.runtime.engine.test_streaming import LateLane

torch.set_num_threads(1)
LORA = Path(__file__).resolve().parents[1] / "assets" / "gesso-outline.safetensors"
SMALL = Request(
    prompt="a red circle on a white background", steps=2, seed=3, width=64, height=64, save=False, save_grid=False
)
#: mode, and of the U-Net's and of the text model's bytes the share that stays
POLICIES = [("medvram", None), ("lowvram", 0.0), ("lowvram", 0.6)]


@pytest.fixture(scope="module", params=["demo", "random"])
def path(request, checkpoint_file):
    """The demo model; random weights in Stable Diffusion 1.x's own shape."""
    return Path(DEMO_FOLDER) / "gesso-demo.safetensors" if request.param == "demo" else checkpoint_file


def model_of(path, mode="full", share=None):
    base = place(Settings(), Hardware())
    checkpoint = load_checkpoint(path, base.precision, channels_last=base.channels_last)
    policy = replace(base, mode=mode)
    if share is not None:
        unet, text = (
            int(share * sum(piece_sizes(one, torch.float32))) for one in (checkpoint.unet, checkpoint.texts[0])
        )
        policy = replace(policy, resident=unet, text_resident=text)
    return Model(checkpoint.title, path, Store(checkpoint, policy), checkpoint.traits)


@pytest.fixture
def late(monkeypatch):
    """Copies are as late as they may be, and what has not come is no number."""
    monkeypatch.setattr(store_module, "lane_of", lambda _device: LateLane())


def picture(model, request=SMALL, **more):
    return pixels(draw(request, model, **more)[0].pictures[0])


@pytest.fixture(scope="module")
def expected(path):
    return picture(model_of(path))


@pytest.mark.parametrize(("mode", "share"), POLICIES)
def test_the_same_picture(path, expected, late, mode, share):
    model = model_of(path, mode, share)
    assert np.abs(picture(model) - expected).mean() <= 2


@pytest.mark.parametrize(("mode", "share"), [POLICIES[0], POLICIES[2]])
def test_networks_are_worn_and_come_off(late, tmp_path, mode, share):
    demo = Path(DEMO_FOLDER) / "gesso-demo.safetensors"
    folder = tmp_path / "models" / "Lora"
    folder.mkdir(parents=True)
    shutil.copy(LORA, folder)
    worn = replace(SMALL, prompt=f"{SMALL.prompt} <lora:gesso-outline:1>")
    seen = []
    for model in (model_of(demo), model_of(demo, mode, share)):
        closet = wardrobe(tmp_path)
        before = picture(model, wardrobe=closet)
        seen.append((before, picture(model, worn, wardrobe=closet)))
        assert np.array_equal(picture(model, wardrobe=closet), before)
    (plain, outlined), (again_plain, again_outlined) = seen
    assert np.abs(plain - outlined).mean() > 2
    assert np.array_equal(again_plain, plain)
    assert np.array_equal(again_outlined, outlined)


def test_a_picture_that_lacks_memory_on_the_way_goes_on_where_it_was(path, expected, late, monkeypatch):
    """At each of its calls the U-Net runs out once; no call but those is made twice."""
    model = model_of(path, "lowvram", 0.9)
    calls, unet = [], model.store.modules("unet")[0]
    real = type(unet).denoise

    def denoise(self, latents, *more):
        calls.append(latents.clone())
        if len(calls) % 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return real(self, latents, *more)

    monkeypatch.setattr(type(unet), "denoise", denoise)
    assert np.abs(picture(model) - expected).mean() <= 2
    assert len(calls) == 2 * SMALL.steps
    assert all(torch.equal(one, again) for one, again in zip(calls[::2], calls[1::2], strict=True))


def test_prompts_are_read_again_with_less_on_the_device(path, expected, late, monkeypatch):
    model = model_of(path, "lowvram", 0.9)
    text, left = type(model.store.modules("text")[0]), [2]
    real = text.forward

    def forward(self, ids):
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return real(self, ids)

    monkeypatch.setattr(text, "forward", forward)
    assert np.abs(picture(model) - expected).mean() <= 2
    assert left == [0]
    assert not model.store.as_planned


def test_where_nothing_else_can_be_spared_the_prompts_take_turns(checkpoint_file, monkeypatch):
    """On a processor nothing can leave: two rows at once do not fit, one by one they do."""
    model = model_of(checkpoint_file)
    whole, calls, unet = picture(model), [], type(model.store.modules("unet")[0])
    real = unet.denoise

    def denoise(self, latents, *more):
        calls.append(len(latents))
        if len(latents) > 1:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
            )
        return real(self, latents, *more)

    monkeypatch.setattr(unet, "denoise", denoise)
    assert np.abs(picture(model) - whole).mean() <= 2
    assert calls == [2] + [1] * (2 * SMALL.steps)


def test_two_passes_and_a_batch_take_turns(late):
    demo = Path(DEMO_FOLDER) / "gesso-demo.safetensors"
    asked = replace(SMALL, hires=Hires(scale=1.5, upscaler="Latent", denoising_strength=0.5, steps=2), n_iter=2)
    plain, turned = (
        [pixels(one) for one in draw(asked, model_of(demo, *policy))[0].pictures]
        for policy in (("full",), ("lowvram", 0.3))
    )
    assert len(plain) == len(turned) > 1
    assert all(np.array_equal(one, other) for one, other in zip(plain, turned, strict=True))


def test_a_card_too_small_to_keep_anything_is_said_where_nothing_can_be_spared(checkpoint_file, monkeypatch):
    model = model_of(checkpoint_file, "lowvram", 0.0)
    unet = model.store.modules("unet")[0]

    def full(*_given, **_named):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    monkeypatch.setattr(type(unet), "denoise", full)
    with pytest.raises(torch.OutOfMemoryError):
        picture(model)
    monkeypatch.undo()
    assert picture(model).shape == (64, 64, 3)
