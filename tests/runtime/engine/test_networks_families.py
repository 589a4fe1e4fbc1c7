"""LoRAs on models of every family: kohya's names for each, both text models, against diffusers' own reading of them."""

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import (
    _convert_non_diffusers_lora_to_diffusers,
    _maybe_map_sgm_blocks_to_diffusers,
)

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Policy, Store
from runtime.engine.model import Model
from runtime.engine.names import UNET, UNET_XL, UNET_XL_REFINER
from runtime.engine.networks.keys import read_key
from runtime.engine.precision import Precision
from tests.runtime.engine.network_files import noise, tag, wardrobe, write
from tests.runtime.tiny_checkpoint import write_tiny_family

NAMES = {"sd2": UNET, "sdxl": UNET_XL, "sdxl-refiner": UNET_XL_REFINER}
HOLDERS = {"sd2": ["lora_te_"], "sdxl": ["lora_te1_", "lora_te2_"], "sdxl-refiner": ["lora_te2_"]}


def matrices(model, inside):
    """Dotted names and modules of a model's linear layers whose name has this in it."""
    found = model.named_modules()
    return {path: one for path, one in found if isinstance(one, torch.nn.Linear) and inside in path}


def pair(layer, module, seed):
    up, down = noise(module.out_features, 2, seed=seed), noise(2, module.in_features, seed=seed + 1)
    return {f"{layer}.lora_up.weight": up, f"{layer}.lora_down.weight": down}


def kohya_file(family, unet, texts):
    """A file for every attention of the model; and the change that each of its layers stands for, by our own names."""
    tensors, expected = {}, {}
    for seed, (path, module) in enumerate(matrices(unet, "transformer_blocks").items()):
        ours = NAMES[family].original(path).removeprefix(UNET.prefix) if family != "sd2" else path
        added = pair("lora_unet_" + ours.replace(".", "_"), module, seed)
        tensors |= added
        expected["unet." + path] = torch.matmul(*added.values())
    for number, (holder, text) in enumerate(zip(HOLDERS[family], texts, strict=True)):
        for seed, (path, module) in enumerate(matrices(text, "self_attn").items()):
            layer = "text_model." + path.removeprefix("text_model.")
            added = pair(holder + layer.replace(".", "_"), module, seed + 500)
            tensors |= added
            expected[f"text{number}.{path}"] = torch.matmul(*added.values())
    return tensors, expected


def weights(model):
    with model.store.lend("unet") as unet, model.store.lend("text") as texts:
        parts = {"unet": unet} | {f"text{number}": text for number, text in enumerate(texts)}
        return {
            f"{part}.{path}": module.weight.detach().clone()
            for part, whole in parts.items()
            for path, module in matrices(whole, "").items()
        }


@pytest.fixture(scope="module", params=list(NAMES))
def model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    write_tiny_family(path, request.param, **{"modelspec.prediction_type": "epsilon"})
    checkpoint = load_checkpoint(path, Precision())
    return Model("m", path, Store(checkpoint, Policy("cpu", Precision())), checkpoint.traits)


def test_every_layer_of_a_trainers_file_finds_its_place(model, tmp_path):
    family = model.traits.family
    with model.store.lend("unet") as unet, model.store.lend("text") as texts:
        tensors, expected = kohya_file(family, unet, texts)
    write(tmp_path, "look.safetensors", tensors)
    before, closet = weights(model), wardrobe(tmp_path)
    with closet.wear(model, [tag("look")]) as worn:
        after = weights(model)
        assert worn.comments == ()
    for name, was in before.items():
        assert torch.allclose(after[name], was + expected.get(name, torch.zeros(())), atol=1e-6), name
    with closet.wear(model, ()):
        assert all(torch.equal(now, before[name]) for name, now in weights(model).items())


@pytest.mark.parametrize("model", ["sdxl"], indirect=True)
def test_diffusers_reads_the_same_names_of_sdxl(model):
    with model.store.lend("unet") as unet, model.store.lend("text") as texts:
        tensors, expected = kohya_file("sdxl", unet, texts)
        renamed = _maybe_map_sgm_blocks_to_diffusers(dict(tensors), unet.config)
    theirs, _alphas = _convert_non_diffusers_lora_to_diffusers(renamed)
    read = {(key.layer, key.part): tensor for key, tensor in ((read_key(name), theirs[name]) for name in theirs)}
    ours = {name.removeprefix("unet."): change for name, change in expected.items() if name.startswith("unet.")}
    for path, change in ours.items():
        layer = path.replace(".", "_")
        assert torch.equal(read[layer, "lora_up.weight"] @ read[layer, "lora_down.weight"], change), path
