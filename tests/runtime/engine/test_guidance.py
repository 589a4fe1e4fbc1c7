"""The denoiser by hand: a linear U-Net whose answers can be worked out."""

import math
from types import SimpleNamespace

import pytest
import torch

from runtime.engine.conditioning import Condition, Guidance, Timeline
from runtime.engine.guidance import Denoiser, Kept, Scales, View
from runtime.engine.schedules import levels_of
from runtime.engine.traits import Traits

SIGMA = 2.0
FULL, PLAIN = Scales(), Traits()
X = torch.arange(32, dtype=torch.float32).reshape(2, 4, 2, 2) / 10


class Unet(torch.nn.Module):
    """Tells x + the mean of its text; remembers what it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def forward(self, x, times, texts, pooled=None, sizes=None):
        self.asked.append(SimpleNamespace(x=x, times=times, states=texts.states, pooled=pooled, sizes=sizes))
        return x[:, :4] + texts.states.mean(dim=(1, 2))[:, None, None, None]


def text(value, tokens=77, **more):
    return Condition(torch.full((1, tokens, 8), float(value)), **more)


def always(condition):
    return Timeline(((10, condition),))


def denoiser(parts, negative, scales=FULL, traits=PLAIN, channels=None, **more):
    unet = Unet()
    guidance = Guidance(tuple((always(one), weight) for one, weight in parts), always(negative))
    view = View(unet, torch.float32, traits, levels_of(), guidance, channels)
    return Denoiser(view, scales, **more), unet


def clean(value, x=X, sigma=SIGMA):
    """The estimate under a text of this value."""
    return x - sigma * (x / math.hypot(1, sigma) + value)


def near(one, other):
    return torch.allclose(one, other, atol=1e-5)


def test_guidance_leads_away_from_the_negative_prompt():
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=4))
    assert near(denoise(X, SIGMA), clean(1 + 4 * 2))
    assert near(denoise.unconditional, clean(1))
    assert len(unet.asked) == 1
    assert len(unet.asked[0].x) == 4
    assert unet.asked[0].times[0] == pytest.approx(levels_of().timestep_of(SIGMA))


def test_parts_of_and_are_added_with_their_weights():
    denoise, _ = denoiser([(text(3), 1.0), (text(-2), 0.5)], text(1), Scales(cfg=4))
    assert near(denoise(X, SIGMA), clean(1 + 4 * (2 * 1.0 + -3 * 0.5)))


def test_texts_of_different_length_are_asked_apart_and_not_padded():
    denoise, unet = denoiser([(text(3), 1.0)], text(1, tokens=154), Scales(cfg=4))
    assert near(denoise(X, SIGMA), clean(9))
    assert [one.states.shape[1] for one in unet.asked] == [77, 154]


def test_batch_cond_uncond_off_asks_each_by_itself():
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=4, in_one_batch=False))
    assert near(denoise(X, SIGMA), clean(9))
    assert [len(one.x) for one in unet.asked] == [2, 2]


@pytest.mark.parametrize(("needs", "asked"), [(False, 2), (True, 4)])
def test_scale_1_needs_no_negative_prompt_but_a_sampler_may(needs, asked):
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=1, needs_uncond=needs))
    assert near(denoise(X, SIGMA), clean(3))
    assert len(unet.asked[0].x) == asked


def test_a_weighted_part_at_scale_1_needs_it():
    denoise, _ = denoiser([(text(3), 0.5)], text(1), Scales(cfg=1))
    assert near(denoise(X, SIGMA), clean(2))


def test_every_second_call_below_a_level_leaves_the_negative_prompt_out():
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=4, s_min_uncond=3.0))
    estimates = [denoise(X, SIGMA) for _ in range(4)]
    assert [len(one.x) for one in unet.asked] == [4, 2, 4, 2]
    assert near(estimates[1], clean(3))
    assert denoise.notes == {"NGMS": "3.0"}
    denoise(X, 5.0)
    denoise(X, 5.0)
    assert [len(one.x) for one in unet.asked[4:]] == [4, 4]
    every, asked = denoiser([(text(3), 1.0)], text(1), Scales(cfg=4, s_min_uncond=3.0, s_min_uncond_all=True))
    every(X, SIGMA)
    assert len(asked.asked[0].x) == 2
    assert every.notes["NGMS all steps"] == "True"


def test_guidance_may_begin_late():
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=4, calls=4, skip_early=0.25))
    for _ in range(4):
        denoise(X, SIGMA)
    assert [len(one.x) for one in unet.asked] == [2, 2, 4, 4]
    assert denoise.notes == {"Skip Early CFG": "0.25"}


def test_calls_count_from_0_so_that_every_edit_comes_one_call_late():
    timeline = Timeline(((2, text(1)), (4, text(5))))
    guidance = Guidance(((timeline, 1.0),), always(text(0)))
    unet = Unet()
    denoise = Denoiser(View(unet, torch.float32, Traits(), levels_of(), guidance), Scales(cfg=1))
    for _ in range(5):
        denoise(X, SIGMA)
    assert [int(one.states[0, 0, 0]) for one in unet.asked] == [1, 1, 1, 5, 5]


def test_velocity():
    denoise, _ = denoiser([(text(3), 1.0)], text(1), Scales(cfg=1), Traits(prediction="v"))
    told = X / math.hypot(1, SIGMA) + 3
    assert near(denoise(X, SIGMA), X / (SIGMA**2 + 1) - told * SIGMA / math.hypot(1, SIGMA))


def test_masks_are_blended_into_what_comes_out():
    kept = Kept(torch.full_like(X, 7.0), torch.tensor([[1.0, 0.0], [0.25, 1.0]])[None, None])
    denoise, _ = denoiser([(text(3), 1.0)], text(1), Scales(cfg=1), kept=kept)
    estimate, free = denoise(X, SIGMA), clean(3)
    assert near(estimate[:, :, 0, 0], free[:, :, 0, 0])
    assert (estimate[:, :, 0, 1] == 7).all()
    assert near(estimate[:, :, 1, 0], free[:, :, 1, 0] * 0.25 + 7 * 0.75)


def test_masks_of_timestep_samplers_are_blended_into_what_goes_in():
    """In the scale that the U-Net was trained on, without noise; the sampler then finds the noise that was seen."""
    kept = Kept(torch.full_like(X, 7.0), torch.tensor([[1.0, 0.0], [0.0, 1.0]])[None, None], before=True)
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=1), kept=kept)
    estimate = denoise(X, SIGMA)
    seen = unet.asked[0].x
    assert near(seen[:, :, 0, 1], torch.full((2, 4), 7.0))
    assert near(seen[:, :, 0, 0], X[:, :, 0, 0] / math.hypot(1, SIGMA))
    assert near((X - estimate) / SIGMA, seen + 3)


def test_inpainting_models_see_their_channels_unscaled():
    channels = torch.full((2, 5, 2, 2), 0.5)
    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=4), Traits(input_channels=9), channels)
    assert near(denoise(X, SIGMA), clean(9))
    assert unet.asked[0].x.shape == (4, 9, 2, 2)
    assert (unet.asked[0].x[:, 4:] == 0.5).all()


def test_instruct_pix2pix_has_a_scale_for_the_picture():
    picture = torch.ones(2, 4, 2, 2)
    scales = Scales(cfg=4, image_cfg=1.5)
    denoise, _ = denoiser([(text(3), 1.0)], text(1), scales, Traits(input_channels=8), picture)

    class Seeing(Unet):
        def forward(self, x, times, texts, pooled=None, sizes=None):
            return super().forward(x, times, texts) + 10 * x[:, 4:]

    denoise._views[0] = View(
        Seeing(), torch.float32, Traits(input_channels=8), levels_of(), denoise._view.guidance, picture
    )
    text_and_picture, seen, blind = 13, 11, 1
    assert near(denoise(X, SIGMA), clean(blind + 1.5 * (seen - blind) + 4 * (text_and_picture - seen)))


def test_xl_is_told_size_and_pooled_text_for_every_row():
    ids = torch.tensor([[64.0, 64, 0, 0, 64, 64]])
    wanted = text(3, pooled=torch.ones(1, 5), time_ids=ids)
    unwanted = text(1, pooled=torch.zeros(1, 5), time_ids=ids)
    denoise, unet = denoiser([(wanted, 1.0)], unwanted, Scales(cfg=4), Traits("sdxl"))
    denoise(X, SIGMA)
    assert unet.asked[0].sizes.shape == (4, 6)
    assert unet.asked[0].pooled[:, 0].tolist() == [1, 1, 0, 0]


def test_another_model_takes_over_when_it_is_due():
    other, guidance = Unet(), Guidance(((always(text(5)), 1.0),), always(text(0)))

    class Change:
        def due(self, call, sigma):
            return call == 2

        def view(self):
            assert denoise._views == []
            return View(other, torch.float32, Traits(), levels_of(), guidance)

    denoise, unet = denoiser([(text(3), 1.0)], text(1), Scales(cfg=1), change=Change())
    estimates = [denoise(X, SIGMA) for _ in range(4)]
    assert (len(unet.asked), len(other.asked)) == (2, 2)
    assert near(estimates[3], clean(5))
    assert denoise.changed
