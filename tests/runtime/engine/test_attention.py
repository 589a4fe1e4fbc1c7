"""Every way to compute attention gives the same picture, and the flags choose as AUTOMATIC1111's do."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from runtime.engine.attention import Attention, choose, use


@pytest.mark.parametrize(
    ("flags", "cuda", "xformers", "name"),
    [
        ((), True, True, "sdp"),
        (("xformers",), True, True, "xformers"),
        (("xformers", "opt_sdp_attention"), True, False, "sdp"),
        (("force_enable_xformers",), False, True, "sdp"),
        (("opt_sdp_attention", "opt_split_attention"), True, True, "sliced"),
        (("opt_sub_quad_attention", "opt_sdp_no_mem_attention"), True, True, "sdp-no-mem"),
        (("opt_split_attention_v1",), False, False, "most-sliced"),
        (("disable_opt_split_attention", "xformers"), True, True, "plain"),
    ],
)
def test_flags_choose_by_priority(flags, cuda, xformers, name):
    chosen = choose(dict.fromkeys(flags, True), cuda, xformers)
    assert chosen.name == name
    wanted_in_vain = "xformers" in str(flags) and name not in ("xformers", "plain")
    assert bool(chosen.warning) == wanted_in_vain


def test_all_give_the_same_numbers():
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=8,
    ).eval()
    x, states = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 16)
    found = []
    for name in ("sdp", "plain", "sliced", "most-sliced", "sdp-no-mem"):
        use(Attention(name), unet)
        with torch.no_grad():
            found.append(unet(x, 5, states).sample)
    for one in found[1:]:
        assert torch.allclose(one, found[0], atol=1e-5)
    assert found[0].abs().max() > 0.1
