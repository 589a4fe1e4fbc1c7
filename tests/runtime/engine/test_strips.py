"""The autoencoder in strips makes the same picture in a quarter of the memory, and is what helps when there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from benchmarks.strips import Living
from benchmarks.strips import autoencoder as measured
from runtime.engine import autoencoder, strips
from runtime.engine.architecture import winograd
from runtime.engine.architecture.autoencoder import Autoencoder
from runtime.engine.architecture.configs import AutoencoderConfig
from runtime.engine.autoencoder import Coder
from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.strips import Strips
from runtime.engine.strips.seen import Seen
from runtime.engine.tiling import wrapped
from runtime.worker_flags import parse

CONFIG = AutoencoderConfig(block_out_channels=(16, 32, 64, 64), norm_num_groups=8)


@pytest.fixture(scope="module")
def vae() -> Autoencoder:
    torch.manual_seed(3)
    made = Autoencoder(CONFIG).to(memory_format=torch.channels_last)
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(0, 0.1) if weight.dim() > 1 else weight.uniform_(0.2, 1)
    return made.requires_grad_(False)


def off(found: torch.Tensor, exact: torch.Tensor) -> float:
    return float((found - exact).abs().max() / exact.abs().max())


@pytest.mark.parametrize("meeting", [False, True], ids=["edges", "tiling"])
@pytest.mark.parametrize("cut", [Strips(), Strips(1, 1.3), Strips(2, 4.0), Strips(100)])
@pytest.mark.parametrize("size", [(16, 16), (13, 21), (3, 9)])
def test_strips_make_the_same(vae, size, cut, meeting):
    torch.manual_seed(1)
    latents, picture = torch.randn(1, 4, *size), torch.rand(1, 3, 8 * size[0], 8 * size[1]) * 2 - 1
    with wrapped(vae) if meeting else nullcontext():
        assert off(strips.decode(vae, latents, cut), vae.decode(latents)) < 2e-4
        for found, exact in zip(strips.encode(vae, picture, cut), vae.encode(picture), strict=True):
            assert off(found, exact) < 1e-4


def test_both_sides_of_the_row_convolve_as_a_processor_does(monkeypatch):
    asked = []
    convolve = winograd.convolve
    monkeypatch.setattr(winograd, "convolve", lambda *told: asked.append(1) or convolve(*told))
    made = measured(replace(CONFIG, block_out_channels=(32, 32, 64, 64)))
    made.decode(torch.zeros(1, 4, 16, 16))
    assert asked


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_half_precision(vae, dtype):
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    exact = vae.decode(latents)
    half = Autoencoder(CONFIG).requires_grad_(False)
    half.load_state_dict(vae.state_dict())
    half.to(dtype=dtype)
    found = strips.decode(half, latents.to(dtype), Strips())
    assert found.dtype == dtype
    assert off(found.float(), exact) < 2 * off(half.decode(latents.to(dtype)).float(), exact) + 1e-3


def test_statistics_hold_far_from_zero():
    """Large means beside small variances, as pictures of one colour give."""
    seen = Seen()
    x = torch.randn(1, 16, 40, 24, generator=torch.Generator().manual_seed(4)) * 0.5 + torch.arange(16)[:, None, None]
    for strip in x.split(8, dim=2):
        seen.note(strip)
    mean, variance = seen.statistics(4)
    groups = x.double().view(4, -1)
    assert torch.allclose(mean[::4].double(), groups.mean(1), rtol=1e-5)
    assert torch.allclose(variance[::4].double(), groups.var(1, correction=0), rtol=1e-4)


def test_a_higher_picture_takes_a_quarter_of_what_it_takes_whole(vae, monkeypatch):
    """What lives beside the weights, once there are many strips; every result counted while it lives."""
    monkeypatch.setattr(winograd, "_own", threading.local())
    low, high = torch.randn(1, 4, 8, 4), torch.randn(1, 4, 20, 4)
    # the areas of Winograd's way stay, however many strips there are
    strips.decode(vae, high, Strips())
    whole = lived(vae, lambda: vae.decode(high)) - lived(vae, lambda: vae.decode(low))
    cut = lived(vae, lambda: strips.decode(vae, high, Strips())) - lived(vae, lambda: strips.decode(vae, low, Strips()))
    assert cut <= whole / 4


def lived(vae: Autoencoder, run: Callable[[], object]) -> int:
    with Living(*vae.parameters()) as living:
        run()
    return living.peak


class Cramped:
    """An autoencoder's two ways on a card that holds strips of `most` rows of latents."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        self.tried: list[int | None] = []
        real = strips.decode

        def whole(_self, _latents):
            self.tried.append(None)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        def cut(vae, latents, height):
            self.tried.append(height.rows)
            if height.rows > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 512.00 MiB.")
            return real(vae, latents, height)

        monkeypatch.setattr(Autoencoder, "decode", whole)
        monkeypatch.setattr(strips, "decode", cut)


def model_of(checkpoint_file, *flags: str, vae_rows: int | None = None) -> Model:
    policy = place(Settings.of(parse([*flags, "0"]).flags), Hardware(cuda=bool(flags)))
    policy = replace(policy, device="cpu", vae_rows=vae_rows)
    checkpoint = load_checkpoint(checkpoint_file, policy.precision)
    return Model("tiny", checkpoint_file, Store(checkpoint, policy), checkpoint.traits)


@torch.inference_mode()
def test_without_memory_it_goes_on_in_smaller_strips(checkpoint_file, monkeypatch):
    coder, latents = Coder(model_of(checkpoint_file)), torch.randn(2, 4, 2, 2)
    exact = autoencoder.decode(coder, latents)
    cramped = Cramped(monkeypatch, most=4)
    found = autoencoder.decode(coder, latents)
    assert cramped.tried == [None, 16, 4, 4]
    assert all(off(one, other) < 1e-4 for one, other in zip(found, exact, strict=True))


@torch.inference_mode()
def test_it_gives_up_after_the_smallest(checkpoint_file, monkeypatch):
    model = model_of(checkpoint_file, vae_rows=4)
    asked = []
    monkeypatch.setattr(model.store, "make_room", lambda: asked.append(1) is None and len(asked) < 2)
    cramped = Cramped(monkeypatch, most=0)
    with pytest.raises(torch.OutOfMemoryError):
        autoencoder.decode(Coder(model), torch.randn(1, 4, 2, 2))
    assert cramped.tried == [4, 1, 1]


@torch.inference_mode()
def test_other_faults_are_not_tried_again(checkpoint_file, monkeypatch):
    def broken(_self, _latents):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(Autoencoder, "decode", broken)
    with pytest.raises(RuntimeError, match="shape"):
        autoencoder.decode(Coder(model_of(checkpoint_file)), torch.randn(1, 4, 2, 2))


@torch.inference_mode()
@pytest.mark.parametrize("brain", [True, False])
def test_what_overflows_goes_on_in_bfloat16_where_the_card_has_it(checkpoint_file, monkeypatch, brain):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: brain)
    wider = autoencoder._wider
    monkeypatch.setattr(autoencoder, "_wider", lambda dtype, _device: wider(dtype, torch.device("cuda")))
    model = model_of(checkpoint_file, "--opt-sdp-attention")
    (vae,) = model.store.modules("vae")
    vae.post_quant_conv.weight.mul_(1e6 / 3).clamp_(-6e4, 6e4)
    coder = Coder(model)
    assert coder.dtype == torch.float16
    (picture,) = autoencoder.decode(coder, torch.full((1, 4, 2, 2), 30.0))
    assert torch.isfinite(picture).all()
    assert coder.dtype == (torch.bfloat16 if brain else torch.float32)
