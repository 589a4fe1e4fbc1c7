"""Our modules against diffusers' and transformers' own: the same names, and the same numbers from the same weights."""

import subprocess
import sys
from dataclasses import asdict
from inspect import signature

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from runtime.engine.architecture import Attention, Autoencoder, AutoencoderConfig, TextConfig, UNet
from runtime.engine.architecture.autoencoder import run
from tests.runtime.tiny_checkpoint import FAMILIES, POOLED, TEXT_WIDTHS, tiny_family, tiny_text

WIDTHS = (32, 64, 96, 96)


def reference(kind: type, ours: nn.Module) -> nn.Module:
    """diffusers' model of the same configuration, with the weights of `ours`."""
    known = signature(kind.__init__).parameters
    settings = asdict(ours.config)
    if "up_block_types" in known and "up_block_types" not in settings:
        settings["up_block_types"] = tuple(one.replace("Down", "Up") for one in settings["down_block_types"][::-1])
    with torch.device("meta"):
        theirs = kind(**{name: value for name, value in settings.items() if name in known})
    theirs.load_state_dict(ours.state_dict(), assign=True)
    return theirs.eval()


def inputs(family: str, cells: tuple[int, int], channels: int = 4):
    dice = torch.Generator().manual_seed(3)
    numbers = {"sdxl": 6, "sdxl-refiner": 5}.get(family, 0)
    more = (torch.randn(2, POOLED, generator=dice), 64 * torch.ones(2, numbers)) if numbers else ()
    latents = torch.randn(2, channels, *cells, generator=dice)
    return latents, torch.tensor([961.4, 2.0]), torch.randn(2, 77, sum(TEXT_WIDTHS[family]), generator=dice), more


@pytest.mark.parametrize(("family", "channels"), [*((family, 4) for family in FAMILIES), ("sd1", 9), ("sdxl", 8)])
def test_the_unet_of_every_family_is_diffusers(family, channels):
    ours = tiny_family(family, channels)[0]
    theirs = reference(UNet2DConditionModel, ours)
    # the second size does not halve evenly
    for cells in ((8, 16), (10, 14)):
        latents, times, states, more = inputs(family, cells, channels)
        added = dict(zip(("text_embeds", "time_ids"), more, strict=False)) or None
        with torch.inference_mode():
            wanted = theirs(latents, times, states, added_cond_kwargs=added).sample
            assert torch.allclose(ours(latents, times, states, *more), wanted, atol=1e-5)
        assert wanted.abs().max() > 0.1


def test_order_in_memory_changes_no_number():
    ours = tiny_family("sd1")[0]
    latents, times, states, _ = inputs("sd1", (10, 14))
    with torch.inference_mode():
        plain = ours(latents, times, states)
        ours.to(memory_format=torch.channels_last)
        assert torch.allclose(ours(latents, times, states), plain, atol=1e-5)


def test_keys_and_values_can_come_from_elsewhere():
    ours: UNet = tiny_family("sdxl")[0]
    latents, times, states, more = inputs("sdxl", (8, 8))

    class Kept:
        def __init__(self) -> None:
            self.made = {}

        def keys_values(self, attention: Attention):
            if attention not in self.made:
                self.made[attention] = attention.keys_values(states)
            return self.made[attention]

    kept = Kept()
    with torch.inference_mode():
        plain = ours(latents, times, states, *more)
        assert torch.equal(ours(latents, times, kept, *more), plain)
        readers = [module for path, module in ours.named_modules() if path.endswith("attn2")]
        assert set(kept.made) == set(readers)
        for module in readers:
            module.to_k.weight.zero_()
        assert torch.equal(ours(latents, times, kept, *more), plain)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_autoencoder_is_diffusers(memory_format):
    ours = Autoencoder(AutoencoderConfig(block_out_channels=WIDTHS)).eval()
    theirs = reference(AutoencoderKL, ours)
    ours.to(memory_format=memory_format)
    dice = torch.Generator().manual_seed(4)
    latents, pictures = torch.randn(1, 4, 6, 8, generator=dice), torch.rand(1, 3, 48, 64, generator=dice)
    with torch.inference_mode():
        assert torch.allclose(ours.decode(latents), theirs.decode(latents).sample, atol=2e-5)
        wanted, (mean, deviation) = theirs.encode(pictures).latent_dist, ours.encode(pictures)
        assert torch.allclose(mean, wanted.mean, atol=2e-5)
        assert torch.allclose(deviation, wanted.std, atol=2e-5)
        assert torch.equal(run(ours.decoding(), latents), ours.decode(latents))


@pytest.mark.parametrize(("width", "activation", "projection"), [(32, "quick_gelu", None), (48, "gelu", 40)])
def test_the_text_models_are_transformers(width, activation, projection):
    ours = tiny_text(width, 3, activation, projection)
    config: TextConfig = ours.config
    theirs = CLIPTextModel(CLIPTextConfig(**{k: v for k, v in asdict(config).items() if k != "projection_dim"}))
    # some releases of transformers wrap the text model once more
    theirs = getattr(theirs, "text_model", theirs).eval()
    names = {name for name in ours.state_dict() if not name.startswith("text_projection")}
    assert names == {name for name in theirs.state_dict() if not name.endswith("position_ids")}
    theirs.load_state_dict({name: ours.state_dict()[name] for name in names}, strict=False)
    ids = torch.tensor([[49406, 320, 2368, 49407] + [0] * 73])
    with torch.inference_mode():
        made, wanted = ours(ids), theirs(ids, output_hidden_states=True)
        assert len(made.hidden_states) == len(wanted.hidden_states) == 4
        pairs = (*zip(made.hidden_states, wanted.hidden_states, strict=True), (made.last_hidden_state, wanted[0]))
        assert all(torch.allclose(one, other, atol=1e-5) for one, other in pairs)


DRAWS = """
import sys
from pathlib import Path
import runtime.worker
from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.saving import Outputs
from runtime.request import Request

placement = place(Settings(), Hardware())
checkpoint = load_checkpoint(Path(sys.argv[1]), placement.precision)
model = Model("m", checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
easel = Easel(model, Outputs(Path(sys.argv[2])))
made = generate(Request(prompt="a cat", steps=1, seed=1, save=False), easel, lambda step: None, lambda: None)
assert made.pictures[0].data
print(*sorted({"diffusers", "transformers", "accelerate"} & set(sys.modules)))
"""


def test_a_process_that_has_drawn_knows_neither_diffusers_nor_transformers(checkpoint_file, tmp_path):
    command = [sys.executable, "-c", DRAWS, str(checkpoint_file), str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (answer.returncode, answer.stdout.strip()) == (0, ""), answer.stderr
