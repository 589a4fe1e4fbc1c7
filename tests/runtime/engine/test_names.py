"""The table of tensor names: real SD 1.5 names, both directions, and diffusers' own converters as a second opinion."""

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint

from runtime.engine.names import TEXT, UNET, VAE, to_original
from tests.runtime.tiny_checkpoint import tiny_models

#: different widths per level, so that residual shortcuts exist on the way down too
WIDTHS = (32, 64, 96, 96)

REAL_NAMES = [
    "model.diffusion_model.time_embed.0.weight",
    "model.diffusion_model.time_embed.2.bias",
    "model.diffusion_model.input_blocks.0.0.weight",
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
    "model.diffusion_model.input_blocks.1.0.in_layers.2.weight",
    "model.diffusion_model.input_blocks.3.0.op.weight",
    "model.diffusion_model.input_blocks.4.0.skip_connection.weight",
    "model.diffusion_model.input_blocks.11.0.out_layers.3.bias",
    "model.diffusion_model.middle_block.1.transformer_blocks.0.ff.net.0.proj.weight",
    "model.diffusion_model.middle_block.2.emb_layers.1.weight",
    "model.diffusion_model.output_blocks.2.1.conv.weight",
    "model.diffusion_model.output_blocks.5.2.conv.weight",
    "model.diffusion_model.output_blocks.11.1.proj_out.weight",
    "model.diffusion_model.out.2.weight",
    "first_stage_model.encoder.down.0.downsample.conv.weight",
    "first_stage_model.encoder.mid.attn_1.q.weight",
    "first_stage_model.encoder.norm_out.weight",
    "first_stage_model.decoder.up.3.block.0.norm1.weight",
    "first_stage_model.decoder.up.1.upsample.conv.bias",
    "first_stage_model.decoder.mid.attn_1.proj_out.weight",
    "first_stage_model.post_quant_conv.weight",
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
    "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc1.weight",
    "cond_stage_model.transformer.text_model.final_layer_norm.bias",
]


@pytest.fixture(scope="module")
def states():
    return [model.state_dict() for model in tiny_models(widths=WIDTHS)]


@pytest.fixture(scope="module")
def original(states):
    return to_original(*states)


@pytest.mark.parametrize("name", REAL_NAMES)
def test_file_has_the_names_of_real_checkpoints(original, name):
    assert name in original


def test_every_tensor_has_one_place_and_comes_back(states, original):
    assert len(original) == sum(map(len, states)) == len(set(original))
    for part, state in zip((UNET, VAE, TEXT), states, strict=True):
        names = {part.ours(name): name for name in original if part.ours(name)}
        assert set(names) == set(state)
        assert all(part.original(ours) == name for ours, name in names.items())


def test_diffusers_reads_the_unet_the_same_way(states, original):
    with torch.device("meta"):
        config = UNet2DConditionModel(block_out_channels=WIDTHS).config
    read = convert_ldm_unet_checkpoint(dict(original), config)
    assert set(read) == set(states[0])
    assert all(torch.equal(read[name], tensor) for name, tensor in states[0].items())


def test_diffusers_reads_the_autoencoder_the_same_way(states, original):
    with torch.device("meta"):
        blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
        config = AutoencoderKL(block_out_channels=WIDTHS, layers_per_block=2, **blocks).config
    read = convert_ldm_vae_checkpoint(dict(original), config)
    assert set(read) == set(states[1])
    assert all(torch.equal(read[name], tensor) for name, tensor in states[1].items())


def test_attention_of_the_autoencoder_is_kept_as_convolution(original):
    assert original["first_stage_model.encoder.mid.attn_1.q.weight"].shape == (96, 96, 1, 1)
    assert original["first_stage_model.encoder.mid.attn_1.q.bias"].shape == (96,)


def test_a_stranger_is_named(states):
    with pytest.raises(KeyError, match="adapter"):
        to_original({"adapter.weight": torch.zeros(1)}, {}, {})
