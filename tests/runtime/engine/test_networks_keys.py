"""Spellings of LoRA files: whatever trainer wrote a key, it names the same layer."""

import pytest
import torch

from runtime.engine.architecture import UNet, UNetConfig
from runtime.engine.networks.keys import Key, read_key
from runtime.engine.networks.layers import index_layers
from tests.runtime.tiny_checkpoint import tiny_models

LAYER = "down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
DOTTED = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = LAYER.replace("to_q", "to_out_0")
TEXT = "text_model_encoder_layers_3_self_attn_q_proj"
TEXT_DOTTED = "text_model.encoder.layers.3.self_attn.q_proj"
DOWN, UP = "lora_down.weight", "lora_up.weight"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (f"lora_unet_{LAYER}.lora_down.weight", Key("unet", LAYER, DOWN)),
        (f"lora_unet_{LAYER}.alpha", Key("unet", LAYER, "alpha")),
        (f"lycoris_{LAYER}.hada_w1_a", Key("unet", LAYER, "hada_w1_a")),
        (f"lora_te_{TEXT}.lora_up.weight", Key("text", TEXT, UP)),
        (f"lora_te1_{TEXT}.lora_up.weight", Key("text1", TEXT, UP)),
        (f"lora_te2_{TEXT}.dora_scale", Key("text2", TEXT, "dora_scale")),
        (f"unet.{DOTTED}.lora_A.weight", Key("unet", LAYER, DOWN)),
        (f"unet.{DOTTED}.lora_B.weight", Key("unet", LAYER, UP)),
        (f"base_model.model.{DOTTED}.lora_A.default.weight", Key("unet", LAYER, DOWN)),
        (f"unet.{DOTTED}.lora.down.weight", Key("unet", LAYER, DOWN)),
        (f"unet.{DOTTED}.alpha", Key("unet", LAYER, "alpha")),
        (f"unet.{DOTTED}.lora_magnitude_vector", Key("unet", LAYER, "dora_scale")),
        (f"unet.{DOTTED.removesuffix('.to_q')}.processor.to_q_lora.up.weight", Key("unet", LAYER, UP)),
        (f"{DOTTED.removesuffix('.to_q')}.processor.to_out_lora.up.weight", Key("unet", OUT, UP)),
        (f"text_encoder.{TEXT_DOTTED}.lora_linear_layer.up.weight", Key("text", TEXT, UP)),
        (f"text_encoder_2.{TEXT_DOTTED}.lora_A.weight", Key("text2", TEXT, DOWN)),
        (f"text_encoder.{TEXT_DOTTED.replace('q_proj', 'to_q_lora')}.down.weight", Key("text", TEXT, DOWN)),
        ("diffusion_model.input_blocks.1.1.proj_in.diff_b", Key("unet", "input_blocks_1_1_proj_in", "diff_b")),
    ],
)
def test_every_spelling_is_one_key(name, key):
    assert read_key(name) == key


@pytest.mark.parametrize(
    "name", ["", ".", "transformer.blocks.0.lora_A.weight", "unet.x", "bundle_emb.cat.x", "a" * 999]
)
def test_other_names_have_no_part(name):
    assert read_key(name).part == ""


def test_every_layer_is_found_under_both_layouts_names():
    unet, _vae, text = tiny_models()
    index = index_layers(unet, (text,))
    assert index["unet", LAYER] == index["unet", "input_blocks_1_1_transformer_blocks_0_attn1_to_q"]
    assert index["unet", LAYER].path == DOTTED
    assert index["unet", "mid_block_resnets_0_conv1"] == index["unet", "middle_block_0_in_layers_2"]
    assert index["unet", "conv_in"] == index["unet", "input_blocks_0_0"]
    assert index["text", TEXT] == index["text1", TEXT] == index["text", TEXT.removeprefix("text_model_")]
    linear = sum(1 for module in unet.modules() if hasattr(module, "weight"))
    assert len({place for (holder, _), place in index.items() if holder == "unet"}) == linear


def test_two_text_models_are_told_apart():
    unet, _vae, text = tiny_models()
    index = index_layers(unet, (text, text), "sdxl")
    assert index["text1", TEXT].number == index["text", TEXT].number == 0
    assert index["text2", TEXT].number == 1
    assert index_layers(unet, (text,), "sdxl-refiner")["text2", TEXT].number == 0


@pytest.fixture(scope="module")
def large():
    """SDXL's topology in few channels, without memory."""
    with torch.device("meta"):
        config = UNetConfig(
            block_out_channels=(32, 64, 64),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            cross_attention_dim=48,
            attention_head_dim=(1, 2, 2),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=64,
        )
        return UNet(config)


@pytest.mark.parametrize(
    ("original", "ours"),
    [
        (
            "input_blocks_4_1_transformer_blocks_1_attn2_to_k",
            "down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_k",
        ),
        (
            "input_blocks_8_1_transformer_blocks_9_ff_net_0_proj",
            "down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj",
        ),
        ("middle_block_1_proj_in", "mid_block.attentions.0.proj_in"),
        (
            "output_blocks_2_1_transformer_blocks_0_attn1_to_out_0",
            "up_blocks.0.attentions.2.transformer_blocks.0.attn1.to_out.0",
        ),
        ("output_blocks_2_2_conv", "up_blocks.0.upsamplers.0.conv"),
        ("output_blocks_5_2_conv", "up_blocks.1.upsamplers.0.conv"),
        ("input_blocks_3_0_op", "down_blocks.0.downsamplers.0.conv"),
        ("output_blocks_8_0_skip_connection", "up_blocks.2.resnets.2.conv_shortcut"),
        ("label_emb_0_0", "add_embedding.linear_1"),
        ("time_embed_2", "time_embedding.linear_2"),
        ("out_2", "conv_out"),
    ],
)
def test_the_names_of_sdxls_files(large, original, ours):
    index = index_layers(large, (), "sdxl")
    assert index["unet", original].path == ours
    assert index["unet", ours.replace(".", "_")].path == ours


def test_every_weight_of_sdxl_has_both_names(large):
    index = index_layers(large, (), "sdxl")
    weights = sum(1 for module in large.modules() if isinstance(getattr(module, "weight", None), torch.nn.Parameter))
    assert (len(index), len(set(index.values()))) == (2 * weights - shared(index), weights)


def shared(index):
    """Names that are the same in both layouts."""
    paths = [place.path.replace(".", "_") for place in index.values()]
    return sum(1 for path in set(paths) if paths.count(path) == 1)
