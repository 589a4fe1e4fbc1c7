"""Convolutions by Winograd's way against torch's own in float64."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import conv2d

from benchmarks.planner import _filled, allocated
from runtime.engine.architecture import Autoencoder, AutoencoderConfig, winograd
from runtime.engine.architecture.convolution import Convolution, workspace
from runtime.engine.architecture.quick import quicken


@pytest.mark.parametrize(
    ("count", "into", "out", "height", "width"), [(1, 3, 5, 4, 4), (2, 32, 16, 8, 20), (3, 16, 48, 24, 12)]
)
@pytest.mark.parametrize(("scratch", "channels"), [(1, 1), (1 << 12, 7), (1 << 21, 128)])
def test_it_is_the_convolution(
    monkeypatch: pytest.MonkeyPatch,
    scratch: int,
    channels: int,
    count: int,
    into: int,
    out: int,
    height: int,
    width: int,
) -> None:
    monkeypatch.setattr(winograd, "_SCRATCH", scratch)
    monkeypatch.setattr(winograd, "_FEWEST", channels)
    monkeypatch.setattr(winograd, "_CHANNELS", channels)
    monkeypatch.setattr(winograd, "_KERNEL", scratch)
    torch.manual_seed(into)
    padded = torch.randn(count, into, height + 2, width + 2).to(memory_format=torch.channels_last)
    weight, bias = torch.randn(out, into, 3, 3), torch.randn(out)
    exact = conv2d(padded.double(), weight.double(), bias.double())
    made = winograd.convolve(padded, weight, bias)
    assert (made - exact).abs().max() < 3e-5 * exact.abs().max()
    assert torch.equal(winograd.convolve(padded, weight, None) + bias[:, None, None], made)
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_what_inference_mode_left_is_used_outside_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "_own", SimpleNamespace())
    padded, weight = torch.ones(1, 2, 6, 6).to(memory_format=torch.channels_last), torch.ones(3, 2, 3, 3)
    with torch.inference_mode():
        winograd.convolve(padded, weight, None)
    assert (winograd.convolve(padded, weight, None) - 18).abs().max() < 1e-3


@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
@pytest.mark.parametrize(("height", "width"), [(4, 6), (32, 36), (26, 26)])
def test_the_quick_ways_are_the_convolution(height: int, width: int, padding_mode: str) -> None:
    """Few cells, many in whole tiles, and a size that is left to torch."""
    torch.manual_seed(height)
    conv = Convolution(32, 48)
    conv.padding_mode = padding_mode  # type: ignore[assignment]
    x = torch.randn(2, 32, height, width)
    with torch.inference_mode():
        exact = conv(x)
        conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        quicken(conv)
        for given in (x, x.to(memory_format=torch.channels_last)):
            made = conv(given)
            assert (made - exact).abs().max() < 3e-5 * exact.abs().max()
        conv.weight.mul_(2)
        assert (conv(x) - made).abs().max() > 0.1
        half = conv.to(torch.bfloat16)(x.to(torch.bfloat16))
    assert half.dtype == torch.bfloat16


@pytest.mark.parametrize(("side", "into", "out"), [(16, 320, 640), (32, 64, 320), (96, 256, 128), (26, 64, 320)])
def test_what_a_convolution_takes_is_foretold(side: int, into: int, out: int) -> None:
    with torch.device("meta"):
        told = sum(workspace(torch.empty(1, into, side, side), torch.empty(out, into, 3, 3))) + 4 * out * side * side

    def make() -> Callable[[], torch.Tensor]:
        conv = Convolution(into, out).requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        quicken(conv)
        x = torch.randn(1, into, side, side).to(memory_format=torch.channels_last)
        return lambda: conv(x)

    assert told == pytest.approx(allocated(make), rel=0.08)


def test_the_planner_is_measured_with_convolutions_as_a_processor_runs_them() -> None:
    model = _filled(Autoencoder, AutoencoderConfig((32, 32, 32, 32), norm_num_groups=8))
    found = [module for module in model.modules() if isinstance(module, Convolution)]
    assert found
    assert all(one.quick for one in found)
