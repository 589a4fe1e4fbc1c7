"""What overflows on a card in half precision does not with the flags that the launcher's mends add."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from runtime.engine.autoencoder import Coder, decode
from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.request import RequestError
from runtime.worker_flags import parse


def decoded(checkpoint_file, *flags: str) -> torch.Tensor:
    """A picture out of a VAE with large weights, computed by the processor as the card would with these flags."""
    on_card = place(Settings.of(parse([*flags, "0"]).flags), Hardware(cuda=True))
    placement = replace(on_card, device="cpu")
    checkpoint = load_checkpoint(checkpoint_file, placement.precision)
    checkpoint.vae.post_quant_conv.weight.mul_(1e6 / 3).clamp_(-6e4, 6e4)
    model = Model("tiny", checkpoint_file, Store(checkpoint, placement), checkpoint.traits)
    with torch.inference_mode():
        (picture,) = decode(Coder(model, retry=False), torch.full((1, 4, 8, 8), 30.0))
    return picture


def test_without_the_flags_the_decoder_gives_no_numbers(checkpoint_file):
    with pytest.raises(RequestError) as refused:
        decoded(checkpoint_file)
    assert refused.value.code == "nan-vae"


@pytest.mark.parametrize("flag", ["--no-half-vae", "--no-half"])
def test_with_the_flag_of_the_mend_it_does(checkpoint_file, flag):
    assert torch.isfinite(decoded(checkpoint_file, flag)).all()
