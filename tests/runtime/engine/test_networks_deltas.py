"""What each kind of network adds, against the layers that its formula stands for."""

import pytest
import torch
from torch.nn.functional import conv2d, linear

from runtime.engine.networks.deltas import Layer, MisfitError, UnknownKindError, change
from tests.runtime.engine.network_files import noise

MATRIX = noise(12, 8, seed=50)
KERNEL = noise(12, 8, 3, 3, seed=51)
X = noise(2, 8, 5, 5, seed=52)


def added(target, rank=None, layer=None, bias=None, **parts):
    numbers = layer or {}
    return change(Layer({name.replace("__", "."): part for name, part in parts.items()}, **numbers), target, bias, rank)


def close(one, other):
    assert one.shape == other.shape
    assert torch.allclose(one, other, atol=1e-5)


def test_lora_of_a_matrix_is_two_layers_in_a_row():
    up, down = noise(12, 4), noise(4, 8, seed=1)
    x = noise(3, 8, seed=2)
    found = added(MATRIX, layer={"alpha": 1.0}, lora_up__weight=up, lora_down__weight=down).weight
    close(linear(x, found), linear(linear(x, down), up) / 4)


def test_lora_of_a_convolution_is_two_convolutions_in_a_row():
    up, down = noise(12, 4, 1, 1), noise(4, 8, 3, 3, seed=1)
    found = added(KERNEL, lora_up__weight=up, lora_down__weight=down).weight
    close(conv2d(X, found), conv2d(conv2d(X, down), up))


def test_tucker_is_three_convolutions_in_a_row():
    up, middle, down = noise(12, 4, 1, 1), noise(4, 4, 3, 3, seed=1), noise(4, 8, 1, 1, seed=2)
    found = added(KERNEL, lora_up__weight=up, lora_mid__weight=middle, lora_down__weight=down).weight
    close(conv2d(X, found), conv2d(conv2d(conv2d(X, down), middle), up))


def test_a_matrix_serves_a_kernel_of_one_and_the_reverse():
    up, down = noise(12, 4), noise(4, 8, seed=1)
    one = added(noise(12, 8, 1, 1), lora_up__weight=up, lora_down__weight=down).weight
    other = added(MATRIX, lora_up__weight=up[:, :, None, None], lora_down__weight=down[:, :, None, None]).weight
    close(one[:, :, 0, 0], up @ down)
    close(other, up @ down)


def test_rank_cut_keeps_the_scale():
    up, down = noise(12, 4), noise(4, 8, seed=1)
    found = added(MATRIX, rank=2, layer={"alpha": 8.0}, lora_up__weight=up, lora_down__weight=down).weight
    close(found, up[:, :2] @ down[:2] * 2)


@pytest.mark.parametrize("weight", [MATRIX, KERNEL], ids=["matrix", "kernel"])
def test_loha_is_the_product_of_two_products_entry_by_entry(weight):
    inner = weight[0].numel()
    a, b, c, d = noise(12, 4), noise(4, inner, seed=1), noise(12, 4, seed=2), noise(4, inner, seed=3)
    found = added(weight, layer={"alpha": 2.0}, hada_w1_a=a, hada_w1_b=b, hada_w2_a=c, hada_w2_b=d).weight
    close(found, ((a @ b) * (c @ d) / 2).reshape(weight.shape))


def test_loha_with_cores():
    factors = {"w1_a": (4, 12), "w1_b": (4, 8), "w2_a": (4, 12), "w2_b": (4, 8), "t1": (4, 4, 3, 3), "t2": (4, 4, 3, 3)}
    parts = {f"hada_{name}": noise(*shape, seed=k) for k, (name, shape) in enumerate(factors.items())}
    found = added(KERNEL, **parts).weight

    def kernel(k):
        core, a, b = (parts[f"hada_{name}"] for name in (f"t{k}", f"w{k}_a", f"w{k}_b"))
        return conv_chain(b[:, :, None, None], core, a.T[:, :, None, None])

    close(found, kernel(1) * kernel(2))


def conv_chain(first, middle, last):
    """The kernel of three convolutions in a row: what they answer to a single point, turned round."""
    points = torch.zeros(8, 8, 5, 5)
    points[range(8), range(8), 2, 2] = 1
    answers = conv2d(conv2d(conv2d(points, first), middle), last)
    return answers.flip(2, 3).transpose(0, 1)


def test_lokr_is_a_kronecker_product():
    one, two = noise(3, 2), noise(4, 4, seed=1)
    expected = torch.cat([torch.cat([one[i, j] * two for j in range(2)], dim=1) for i in range(3)])
    close(added(MATRIX, layer={"alpha": 99.0}, lokr_w1=one, lokr_w2=two).weight, expected)


@pytest.mark.parametrize("first", [True, False])
def test_lokr_of_products_scales_by_their_rank(first):
    a, b, whole = noise(3, 2), noise(2, 2, seed=1), noise(4, 4, seed=2)
    c, d = noise(4, 2, seed=3), noise(2, 4, seed=4)
    scale = {"alpha": 1.0}
    if first:
        close(added(MATRIX, layer=scale, lokr_w1_a=a, lokr_w1_b=b, lokr_w2=whole).weight, torch.kron(a @ b, whole) / 2)
    else:
        close(added(MATRIX, layer=scale, lokr_w1=a, lokr_w2_a=c, lokr_w2_b=d).weight, torch.kron(a, c @ d) / 2)


def test_lokr_of_a_kernel():
    one, two = noise(3, 2), noise(4, 4, 3, 3, seed=1)
    expected = torch.stack([torch.kron(one, two[:, :, y, x]) for y in range(3) for x in range(3)], dim=-1)
    close(added(KERNEL, lokr_w1=one, lokr_w2=two).weight, expected.reshape(KERNEL.shape))
    core, a, b = noise(2, 2, 3, 3, seed=2), noise(2, 4, seed=3), noise(2, 4, seed=4)
    full = torch.einsum("pqhw,po,qi->oihw", core, a, b)
    found = added(KERNEL, lokr_w1=one, lokr_t2=core, lokr_w2_a=a, lokr_w2_b=b).weight
    close(found, added(KERNEL, lokr_w1=one, lokr_w2=full).weight)


def test_ia3_weighs_inputs_or_outputs():
    x = noise(3, 8, seed=2)
    inputs, outputs = noise(8), noise(12)
    by_input = MATRIX + added(MATRIX, layer={"on_input": True}, weight=inputs).weight
    close(linear(x, by_input), linear(x * (1 + inputs), MATRIX))
    by_output = MATRIX + added(MATRIX, weight=outputs).weight
    close(linear(x, by_output), linear(x, MATRIX) * (1 + outputs))


def test_differences_of_weights_biases_and_norms():
    found = added(MATRIX, bias=noise(12), diff=noise(12, 8, seed=3), diff_b=noise(12, seed=4))
    close(found.weight, noise(12, 8, seed=3))
    close(found.bias, noise(12, seed=4))
    found = added(noise(12), bias=noise(12), w_norm=noise(12, seed=5), b_norm=noise(12, seed=6))
    close(found.weight, noise(12, seed=5))
    close(found.bias, noise(12, seed=6))


def test_glora_bends_the_weight_and_adds():
    a1, a2, b1, b2 = noise(4, 8), noise(8, 4, seed=1), noise(4, 8, seed=2), noise(12, 4, seed=3)
    parts = {"a1__weight": a1, "a2__weight": a2, "b1__weight": b1, "b2__weight": b2}
    close(added(MATRIX, layer={"alpha": 2.0}, **parts).weight, (MATRIX @ a2 @ a1 + b2 @ b1) / 2)


@pytest.mark.parametrize(("shape", "axis"), [((12, 1), 0), ((1, 8), 1), ((12,), 0)])
def test_dora_turns_the_weight_and_sets_its_lengths(shape, axis):
    up, down, lengths = noise(12, 4), noise(4, 8, seed=1), noise(*shape, seed=9).abs() + 1
    layer = {"alpha": 2.0}
    found = MATRIX + added(MATRIX, layer=layer, lora_up__weight=up, lora_down__weight=down, dora_scale=lengths).weight
    close(found.norm(dim=1 - axis), lengths.flatten())
    plain = MATRIX + up @ down / 2
    close(found / found.norm(dim=1 - axis, keepdim=True), plain / plain.norm(dim=1 - axis, keepdim=True))


def test_dora_that_keeps_the_lengths_of_an_unchanged_kernel_changes_nothing():
    up, down = torch.zeros(12, 4, 1, 1), noise(4, 8, 3, 3)
    for axis, shape in ((0, (12, 1, 1, 1)), (1, (1, 8, 1, 1))):
        lengths = KERNEL.transpose(0, axis).flatten(1).norm(dim=1).reshape(shape)
        found = added(KERNEL, lora_up__weight=up, lora_down__weight=down, dora_scale=lengths).weight
        close(found, torch.zeros_like(KERNEL))


def test_a_kernel_for_four_channels_leaves_an_inpainting_models_other_five_alone():
    up, down = noise(12, 4, 1, 1), noise(4, 4, 3, 3, seed=1)
    found = added(noise(12, 9, 3, 3), lora_up__weight=up, lora_down__weight=down).weight
    close(found[:, :4], added(noise(12, 4, 3, 3), lora_up__weight=up, lora_down__weight=down).weight)
    assert not found[:, 4:].any()


@pytest.mark.parametrize(
    "parts",
    [
        {"lora_up__weight": noise(12, 4), "lora_down__weight": noise(4, 9)},
        {"lora_up__weight": noise(13, 4), "lora_down__weight": noise(4, 8)},
        {"lora_up__weight": noise(12, 4), "lora_down__weight": noise(5, 8)},
        {"lora_up__weight": noise(12, 4)},
        {"lokr_w1": noise(3, 2), "lokr_w2": noise(4, 5)},
        {"weight": noise(7)},
        {"diff_b": noise(5)},
        {"lora_up__weight": noise(12, 4), "lora_down__weight": noise(4, 8), "dora_scale": noise(5)},
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_what_does_not_fit_is_known_by_its_shapes_alone(parts, device):
    parts = {name: part.to(device) for name, part in parts.items()}
    with pytest.raises(MisfitError):
        added(MATRIX.to(device), bias=noise(12).to(device), **parts)


def test_unknown_parts_are_no_silent_loss():
    for parts in ({"oft_blocks": noise(2, 2, 2)}, {"dora_scale": noise(12)}, {"bias_indices": noise(3)}):
        with pytest.raises(UnknownKindError):
            added(MATRIX, **parts)
