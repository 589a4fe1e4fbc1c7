"""The loop never looks at a number that lies on the device: on torch's meta device there are none to look at."""

from functools import partial

import pytest
import torch

from runtime.catalogue import SAMPLERS
from runtime.engine.architecture import UNet, UNetConfig
from runtime.engine.conditioning import Condition, Guidance, Timeline
from runtime.engine.guidance import Denoiser, Kept, Scales, View
from runtime.engine.preview import linear
from runtime.engine.samplers import plan_course
from runtime.engine.samplers.settings import Settings
from runtime.engine.schedules import levels_of
from runtime.engine.traits import Traits

META = torch.device("meta")
LATENTS = partial(torch.empty, 1, 4, 8, 8, device=META)


class Nothing:
    """Noise that has a shape alone."""

    def __call__(self):
        return LATENTS()

    def brownian(self, _low, _high):
        return lambda _sigma, _following: LATENTS()


@pytest.fixture(scope="module")
def unet():
    blocks = ("CrossAttnDownBlock2D", "DownBlock2D")
    with META:
        return UNet(UNetConfig((32, 64), blocks, cross_attention_dim=16, layers_per_block=1)).eval()


def told():
    return Timeline(((100, Condition(torch.empty(1, 77, 16, device=META))),))


# one that measures its own error has to look at it
@pytest.mark.parametrize("sampler", [one for one in SAMPLERS if not one.adaptive], ids=lambda one: one.name)
def test_a_sampler_asks_the_device_for_nothing(sampler):
    run(sampler, lambda latents, _times, _texts, _pooled, _sizes: latents * 1)


def test_the_u_net_asks_the_device_for_nothing(unet):
    run(SAMPLERS[0], unet)


def run(sampler, unet):
    course = plan_course(sampler, "Automatic", 6, Settings(s_churn=1.0), levels_of())
    guidance = Guidance(((told(), 1.0), (told(), 0.5)), told())
    kept = Kept(LATENTS(), LATENTS(), before=course.blends_x)
    denoise = Denoiser(View(unet, torch.float32, Traits(), course.levels, guidance), Scales(), kept)
    reported = []
    with torch.inference_mode():
        x = course.begin(LATENTS())
        x = course.run(x, denoise, Nothing(), lambda step, _x, _clean: reported.append(step))
    assert (x.device, len(reported)) == (META, course.steps)


def test_a_preview_asks_for_nothing_before_it_is_fetched():
    assert linear(LATENTS()[0]).shape == (3, 8, 8)
