"""Weights on states: the mean is kept where it says something."""

import pytest
import torch

from runtime.engine.weighing import weighted


def test_weighting_keeps_the_mean():
    made = torch.randn(1, 77, 8, generator=torch.Generator().manual_seed(1)) + 0.5
    (heavier,) = weighted([made], [[1.0] * 10 + [1.4] * 5 + [1.0] * 62], [1.0])
    assert heavier.mean().item() == pytest.approx(made.mean().item(), rel=1e-4)
    ratio = heavier / made
    assert (ratio[0, 12, 0] / ratio[0, 0, 0]).item() == pytest.approx(1.4, rel=1e-4)


@pytest.mark.parametrize("heavy_sum", [4.0, -0.5, 0.03])
def test_a_small_mean_is_kept_too(heavy_sum):
    """The spread is of no account: means a fiftieth of it, as the demo model's are, are brought back as any other."""
    made = torch.tensor([[[30.0, -29.0]], [[heavy_sum, 0.0]]]).view(1, 2, 2)
    (heavier,) = weighted([made], [[1.0, 1.5]], [1.0])
    assert heavier.mean().item() == pytest.approx(made.mean().item(), rel=1e-4)
    assert not torch.equal(heavier[0, 0], made[0, 0])


@pytest.mark.parametrize(
    "rest",
    [
        [-1.0, -1.0],  # the mean was 0
        [-1.5, -1.5],  # the mean becomes 0
        [-1.2, -1.2],  # the mean changes its sign
        [-1.499, -1.499],  # the mean becomes a 500th
        [-1.001, -1.001],  # the mean becomes 500 times as large
    ],
)
def test_a_mean_that_vanishes_or_turns_leaves_the_weights_alone(rest):
    (heavier,) = weighted([torch.tensor([[rest, [1.0, 1.0]]])], [[1.0, 1.5]], [1.0])
    assert torch.equal(heavier, torch.tensor([[rest, [1.5, 1.5]]]))


def test_the_mean_is_that_of_all_texts_by_their_counts():
    texts = [torch.full((1, 2, 1), 1.0), torch.full((1, 2, 1), 3.0)]
    once, twice = (weighted(texts, [[2.0, 1.0], [1.0, 1.0]], counts) for counts in ([1.0, 1.0], [1.0, 3.0]))
    assert once[1][0, 0, 0].item() == pytest.approx(3.0 * 2.0 / 2.25)
    assert twice[1][0, 0, 0].item() == pytest.approx(3.0 * 2.5 / 2.625)


def test_no_norm_leaves_the_product():
    (heavier,) = weighted([torch.ones(1, 2, 1)], [[2.0, 1.0]], [1.0], normed=False)
    assert heavier.flatten().tolist() == [2.0, 1.0]
