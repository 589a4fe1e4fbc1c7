"""Hypernetworks: the file's small networks stand before every attention's keys and values."""

import pytest
import torch
from torch import nn

from runtime.engine.networks.hypernetworks import hook, read_hypernetwork
from runtime.request import RequestError
from tests.runtime.engine.network_files import tag, wardrobe


def trained_as(width, structure, activation, norm, activate_output, dropout):
    """The layers in the order in which AUTOMATIC1111's trainer numbers them."""
    layers, last = [], len(structure) - 2
    for k in range(len(structure) - 1):
        layers.append(nn.Linear(int(width * structure[k]), int(width * structure[k + 1])))
        if activation is not None and (activate_output or k < last):
            layers.append(activation())
        if norm:
            layers.append(nn.LayerNorm(int(width * structure[k + 1])))
        if dropout and k < last:
            layers.append(nn.Dropout(0.3))
    return nn.Sequential(*layers).eval()


def state(network):
    return {f"linear.{name}": tensor for name, tensor in network.state_dict().items()}


def write(path, networks, **numbers):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({width: (state(k), state(v)) for width, (k, v) in networks.items()} | numbers, path)
    return path


@pytest.mark.parametrize(
    ("activation", "word"),
    [(None, None), (None, "linear"), (nn.ReLU, "relu"), (nn.Hardswish, "swish"), (nn.Mish, "mish")],
)
@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(("activate_output", "dropout"), [(True, True), (False, True), (False, False)])
def test_a_branch_is_the_trained_layers_and_its_input(tmp_path, activation, word, norm, activate_output, dropout):
    torch.manual_seed(3)
    pair = [trained_as(32, (1, 2, 0.5, 1), activation, norm, activate_output, dropout) for _ in range(2)]
    settings = {"activation_func": word, "is_layer_norm": norm, "activate_output": activate_output, "step": 7}
    path = write(tmp_path / "x.pt", {32: pair}, name="x", layer_structure=[1, 2, 0.5, 1], **settings)
    branches = read_hypernetwork(path).branches[32]
    x = torch.randn(2, 5, 32)
    for branch, network in zip(branches, pair, strict=True):
        assert torch.allclose(branch(x, 0.7), x + 0.7 * network(x), atol=1e-5)


def test_the_first_files_names(tmp_path):
    one, two = nn.Linear(32, 64), nn.Linear(64, 32)
    parts = {
        "linear1.weight": one.weight,
        "linear1.bias": one.bias,
        "linear2.weight": two.weight,
        "linear2.bias": two.bias,
    }
    torch.save({32: (parts, parts)}, tmp_path / "old.pt")
    x = torch.randn(1, 4, 32)
    seen = read_hypernetwork(tmp_path / "old.pt").branches[32][0](x, 1.0)
    assert torch.allclose(seen, x + two(one(x)), atol=1e-5)


def test_attention_reads_through_it_and_afterwards_no_more(model, tmp_path):
    torch.manual_seed(4)
    pair = [trained_as(32, (1, 2, 1), nn.ReLU, False, False, False) for _ in range(2)]
    write(tmp_path / "models" / "hypernetworks" / "look.pt", {32: pair}, activation_func="relu", activate_output=False)
    closet = wardrobe(tmp_path)
    x, times, states = torch.randn(1, 4, 8, 8), torch.tensor([500]), torch.randn(1, 77, 32)
    with torch.inference_mode(), model.store.lend("unet") as unet:
        attention = unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
        before = [getattr(attention, name)(states) for name in ("to_k", "to_v")]
        plain = unet(x, times, states)
        with closet.wear(model, [tag("look", "0.5", kind="hypernet")]) as worn:
            assert worn.comments == ()
            for name, network in zip(("to_k", "to_v"), pair, strict=True):
                layer = getattr(attention, name)
                expected = nn.functional.linear(states + 0.5 * network(states), layer.weight)
                assert torch.allclose(layer(states), expected, atol=1e-5)
            assert not torch.allclose(unet(x, times, states), plain)
        assert all(
            torch.equal(getattr(attention, name)(states), was)
            for name, was in zip(("to_k", "to_v"), before, strict=True)
        )
        with closet.wear(model, [tag("look", "0", kind="hypernet")]):
            assert torch.equal(unet(x, times, states), plain)
        with closet.wear(model, [tag("nowhere", kind="hypernet")]) as worn:
            assert any("nowhere" in comment for comment in worn.comments)


def test_other_widths_are_another_familys(model, tmp_path):
    pair = [trained_as(768, (1, 2, 1), None, False, False, False) for _ in range(2)]
    write(tmp_path / "models" / "hypernetworks" / "big.pt", {768: pair})
    wearing = wardrobe(tmp_path).wear(model, [tag("big", kind="hypernet")])
    with pytest.raises(RequestError, match="Stable Diffusion 1") as refused, wearing:
        pass
    assert refused.value.code == "network-wrong-family"


@pytest.mark.parametrize(
    "content",
    [
        {},
        {32: 5},
        {32: ({}, {})},
        {32: ({"linear.0.weight": torch.zeros(64, 32), "linear.0.bias": torch.zeros(64)},) * 2},
        {32: ({"linear.0.weight": torch.zeros(32, 32)},) * 2},
        {32: ({"linear.0.weight": torch.zeros(32), "linear.0.bias": torch.zeros(32)},) * 2},
        {
            32: ({"linear.0.weight": torch.zeros(32, 32), "linear.0.bias": torch.zeros(32)},) * 2,
            "activation_func": "os",
        },
    ],
)
def test_what_is_no_hypernetwork_is_said(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(RequestError) as refused:
        read_hypernetwork(tmp_path / "x.pt")
    assert refused.value.code == "network-unreadable"


def test_no_networks_no_hooks(model):
    with model.store.lend("unet") as unet:
        assert hook(unet, ()) == []
        assert not any(module._forward_pre_hooks for module in unet.modules())
