"""Previews by the tiny decoder where its file is there, and what happens to files that are none."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from runtime.engine.tiny_decoder import TinyDecoder, TinyDecoders, find, load
from runtime.request import RequestError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def decoder() -> TinyDecoder:
    torch.manual_seed(1)
    return TinyDecoder().requires_grad_(False)


def test_it_is_diffusers_tiny_autoencoder(decoder, tmp_path):
    """The file has diffusers' names, and its own module of the same weights gives the same picture."""
    from diffusers import AutoencoderTiny

    theirs = AutoencoderTiny().requires_grad_(False)
    save_file(theirs.state_dict(), tmp_path / "taesd.safetensors")
    latents = torch.randn(1, 4, 6, 10)
    found, exact = load(tmp_path / "taesd.safetensors")(latents), theirs.decode(latents).sample
    assert found.shape == (1, 3, 48, 80)
    assert (found - exact).abs().max() < 1e-5


def test_both_formats_and_the_names_of_the_original(decoder, tmp_path):
    own = decoder.layers.state_dict()
    assert {"1.weight", "3.conv.4.bias", "7.weight", "19.bias"} <= set(own)
    assert "7.bias" not in own
    torch.save(own, tmp_path / "taesd_decoder.pth")
    save_file(own, tmp_path / "taesd_decoder.safetensors")
    latents = torch.randn(1, 4, 4, 4)
    for ending in ("pth", "safetensors"):
        assert torch.allclose(load(tmp_path / f"taesd_decoder.{ending}")(latents), decoder(latents), atol=1e-5)


@pytest.mark.parametrize("folder", ["VAE-taesd", "VAE-approx"])
def test_it_is_found_by_family(tmp_path, decoder, folder):
    place = tmp_path / folder / "taesdxl_decoder.pth"
    place.parent.mkdir()
    torch.save(decoder.layers.state_dict(), place)
    assert find((tmp_path,), sdxl=True) == place
    assert find((tmp_path,), sdxl=False) is None
    known = TinyDecoders((tmp_path,))
    first = known.get(True, CPU, torch.float32)
    assert first is not None
    assert known.get(True, CPU, torch.float32) is first
    assert known.get(False, CPU, torch.float32) is None


def test_a_file_that_is_none_costs_no_preview(tmp_path, caplog):
    place = tmp_path / "VAE-approx" / "taesd_decoder.safetensors"
    place.parent.mkdir()
    save_file({"0.weight": torch.ones(4)}, place)
    with pytest.raises(RequestError) as refused:
        load(place)
    assert refused.value.code == "preview-unfit"
    known = TinyDecoders((tmp_path,))
    assert [known.get(False, CPU, torch.float32) for _ in range(2)] == [None, None]
    assert len([one for one in caplog.records if "taesd_decoder" in one.getMessage()]) == 1
