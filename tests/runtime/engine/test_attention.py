"""Every way to compute attention gives the same picture, and the flags choose as AUTOMATIC1111's do."""

import sys
from types import ModuleType

import pytest
import torch

from runtime.engine.architecture import UNet, UNetConfig
from runtime.engine.architecture.attention_functions import FUNCTIONS
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
    kinds = ("CrossAttnDownBlock2D", "DownBlock2D")
    unet = UNet(UNetConfig(block_out_channels=(32, 64), down_block_types=kinds, cross_attention_dim=16)).eval()
    x, states = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 16)
    found = []
    for name in ("sdp", "plain", "sliced", "most-sliced", "sdp-no-mem"):
        use(Attention(name), unet)
        with torch.no_grad():
            found.append(unet(x, torch.tensor([5.0]), states))
    for one in found[1:]:
        assert torch.allclose(one, found[0], atol=1e-5)
    assert found[0].abs().max() > 0.1


def test_xformers_gets_the_heads_behind_the_tokens(monkeypatch):
    """A stand-in with the signature and layout of the package's `memory_efficient_attention`."""
    seen = []

    def memory_efficient_attention(query, key, value):
        seen.append(query.shape)
        turned = (each.transpose(1, 2) for each in (query, key, value))
        return torch.nn.functional.scaled_dot_product_attention(*turned).transpose(1, 2)

    package, ops = ModuleType("xformers"), ModuleType("xformers.ops")
    ops.memory_efficient_attention = memory_efficient_attention
    monkeypatch.setitem(sys.modules, "xformers", package)
    monkeypatch.setitem(sys.modules, "xformers.ops", ops)
    query, key = torch.randn(2, 3, 7, 8), torch.randn(2, 3, 5, 8)
    made = FUNCTIONS["xformers"](query, key, key)
    assert seen == [(2, 7, 3, 8)]
    assert torch.allclose(made, FUNCTIONS["plain"](query, key, key), atol=1e-6)
