"""LoRAs go into the weights they name, add up, and come off bit by bit."""

import gc
import json
import weakref
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Policy, Store
from runtime.engine.memory.lanes import PlainLane
from runtime.engine.model import Model
from runtime.engine.networks import wardrobe as wardrobe_module
from runtime.engine.networks.embeddings import EmbeddingBook
from runtime.engine.networks.recent import Recent
from runtime.engine.precision import Precision
from runtime.engine.tools import Tools
from runtime.request import RequestError
from tests.runtime.engine.network_files import noise, tag, wardrobe, write

QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
KOHYA = "lora_unet_" + QUERY.replace(".", "_")
TEXT = "encoder.layers.0.self_attn.q_proj"
KOHYA_TEXT = "lora_te_text_model_" + TEXT.replace(".", "_")


def pair(prefix: str, width: int, seed: int = 0, rank: int = 4, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    up, down = noise(width, rank, seed=seed), noise(rank, width, seed=seed + 1)
    parts = {"lora_up.weight": up, "lora_down.weight": down} | more
    return {f"{prefix}.{part}": tensor for part, tensor in parts.items()}


def weight(model: Model, path: str = QUERY, part: str = "unet") -> torch.Tensor:
    with model.store.lend(part) as lent:
        return (lent[0] if part == "text" else lent).get_submodule(path).weight.detach().clone()


def everything(model: Model) -> dict[str, torch.Tensor]:
    with model.store.lend("unet") as unet, model.store.lend("text") as texts:
        state = dict(unet.state_dict()) | {f"text.{k}": v for k, v in texts[0].state_dict().items()}
        return {name: tensor.clone() for name, tensor in state.items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_alpha_rank_and_strength_scale_what_is_added(model, tmp_path):
    file = pair(KOHYA, 64, alpha=torch.tensor(2.0)) | pair(KOHYA_TEXT, 32)
    write(tmp_path, "look.safetensors", file)
    before = everything(model)
    closet = wardrobe(tmp_path)
    with closet.wear(model, [tag("look", "0.5", "2")]) as worn:
        product = file[f"{KOHYA}.lora_up.weight"] @ file[f"{KOHYA}.lora_down.weight"]
        assert torch.allclose(weight(model) - before[f"{QUERY}.weight"], product * (2 / 4) * 2, atol=1e-6)
        product = file[f"{KOHYA_TEXT}.lora_up.weight"] @ file[f"{KOHYA_TEXT}.lora_down.weight"]
        assert torch.allclose(weight(model, TEXT, "text") - before[f"text.{TEXT}.weight"], product * 0.5, atol=1e-6)
        assert list(worn.hashes) == ["look"]
        assert worn.comments == ()
    with closet.wear(model, ()) as worn:
        assert same(before, everything(model))
        assert worn.hashes == {}


def test_several_add_up_and_the_same_one_twice_counts_twice(model, tmp_path):
    write(tmp_path, "a.safetensors", pair(KOHYA, 64))
    write(tmp_path, "b.safetensors", pair(KOHYA, 64, seed=7))
    closet, before = wardrobe(tmp_path), weight(model)
    seen = []
    for tags in ([tag("a")], [tag("b", "0.5")], [tag("a"), tag("b", "0.5")], [tag("a"), tag("a", "0.25")]):
        with closet.wear(model, tags):
            seen.append(weight(model) - before)
    assert torch.allclose(seen[0] + seen[1], seen[2], atol=1e-6)
    assert torch.allclose(seen[0] * 1.25, seen[3], atol=1e-6)
    with closet.wear(model, ()):
        assert torch.equal(weight(model), before)


def test_named_weights_win_and_a_rank_can_be_cut(model, tmp_path):
    file = pair(KOHYA, 64) | pair(KOHYA_TEXT, 32)
    write(tmp_path, "look.safetensors", file)
    closet, before, text_before = wardrobe(tmp_path), weight(model), weight(model, TEXT, "text")
    with closet.wear(model, [tag("look", "3", te="0", unet="1", dyn="1")]):
        product = file[f"{KOHYA}.lora_up.weight"][:, :1] @ file[f"{KOHYA}.lora_down.weight"][:1]
        assert torch.allclose(weight(model) - before, product, atol=1e-6)
        assert torch.equal(weight(model, TEXT, "text"), text_before)
    with closet.wear(model, ()):
        pass


def test_strength_zero_changes_no_bit(model, tmp_path):
    write(tmp_path, "look.safetensors", pair(KOHYA, 64))
    before = everything(model)
    with wardrobe(tmp_path).wear(model, [tag("look", "0")]) as worn:
        assert same(before, everything(model))
        assert "look" in worn.hashes


def test_the_same_wish_leaves_the_weights_alone(model, tmp_path, monkeypatch):
    from runtime.engine.networks import outfit

    write(tmp_path, "look.safetensors", pair(KOHYA, 64))
    closet, calls = wardrobe(tmp_path), []
    real = outfit.change
    monkeypatch.setattr(outfit, "change", lambda *given: calls.append(1) or real(*given))
    for _ in range(3):
        with closet.wear(model, [tag("look")]):
            pass
    assert len(calls) == 1
    with closet.wear(model, ()):
        pass


def test_what_is_not_there_is_said_and_drawn_without(model, tmp_path):
    before = weight(model)
    tags = [tag("nowhere"), tag("x", kind="wildcard"), tag("a", "much"), tag("")]
    with wardrobe(tmp_path).wear(model, tags) as worn:
        assert torch.equal(weight(model), before)
    assert len(worn.comments) == 4
    for word in ("nowhere", "wildcard", "much", "names no file"):
        assert any(word in comment for comment in worn.comments)


def test_a_file_for_another_family_is_refused_and_nothing_is_worn(model, tmp_path):
    layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    wide = {f"{layer}.lora_up.weight": noise(640, 4), f"{layer}.lora_down.weight": noise(4, 2048)}
    write(tmp_path, "large.safetensors", wide)
    write(tmp_path, "look.safetensors", pair(KOHYA, 64))
    before = everything(model)
    both = wardrobe(tmp_path).wear(model, [tag("look"), tag("large")])
    with pytest.raises(RequestError, match="SDXL") as refused, both:
        pass
    assert refused.value.code == "network-wrong-family"
    assert "large.safetensors" in refused.value.message
    assert same(before, everything(model))


def test_a_refiner_takes_over_without_the_networks_of_the_model_before_it(model, tmp_path):
    write(tmp_path, "large.safetensors", pair(KOHYA, 80))
    write(tmp_path, "look.safetensors", pair(KOHYA, 64))
    refiner = replace(model, traits=replace(model.traits, family="sdxl-refiner"))
    closet, before = wardrobe(tmp_path), weight(model)
    with closet.wear(refiner, [tag("large"), tag("look")]) as worn:
        assert not torch.equal(weight(model), before)
        assert any("large" in comment and "left out" in comment for comment in worn.comments)
    with closet.wear(refiner, ()):
        assert torch.equal(weight(model), before)


@pytest.mark.parametrize(
    ("name", "word"),
    [("lora_unet_double_blocks_0_img_attn_qkv", "Flux"), ("lora_te2_text_model_encoder_layers_31_mlp_fc1", "SDXL")],
)
def test_a_file_without_any_known_layer_is_refused(model, tmp_path, name, word):
    write(tmp_path, "other.safetensors", pair(name, 64))
    with pytest.raises(RequestError, match=word), wardrobe(tmp_path).wear(model, [tag("other")]):
        pass


def test_an_unknown_kind_is_refused(model, tmp_path):
    write(tmp_path, "turned.safetensors", {f"{KOHYA}.oft_blocks": noise(8, 8, 8)})
    with pytest.raises(RequestError) as refused, wardrobe(tmp_path).wear(model, [tag("turned")]):
        pass
    assert refused.value.code == "network-unsupported"


@pytest.mark.parametrize("alpha", [torch.tensor(float("nan")), torch.tensor(float("inf")), torch.zeros(0)])
def test_a_scale_that_is_no_number_is_refused(model, tmp_path, alpha):
    write(tmp_path, "look.safetensors", pair(KOHYA, 64, alpha=alpha))
    with pytest.raises(RequestError) as refused, wardrobe(tmp_path).wear(model, [tag("look")]):
        pass
    assert refused.value.code == "network-damaged"


def test_pefts_own_scale_and_a_torch_file(model, tmp_path):
    dotted = {f"unet.{QUERY}.lora_A.weight": noise(4, 64, seed=1), f"unet.{QUERY}.lora_B.weight": noise(64, 4)}
    settings = json.dumps({"unet.lora_alpha": 2, "unet.r": 4, "unet.use_rslora": True})
    write(tmp_path, "new.safetensors", dotted, lora_adapter_metadata=settings)
    torch.save(pair(KOHYA, 64), tmp_path / "models" / "Lora" / "old.pt")
    before, closet = weight(model), wardrobe(tmp_path)
    product = noise(64, 4) @ noise(4, 64, seed=1)
    for name, scale in (("new", 2 / 4**0.5), ("old", 1.0)):
        with closet.wear(model, [tag(name)]):
            assert torch.allclose(weight(model) - before, product * scale, atol=1e-6), name
    with closet.wear(model, ()):
        assert torch.equal(weight(model), before)


def test_layers_without_a_home_are_counted(model, tmp_path):
    more = pair("lora_unet_nowhere_to_q", 64) | {"bundle_emb.cat.string_to_param.x": noise(2, 32)}
    write(tmp_path, "look.safetensors", pair(KOHYA, 64) | more)
    closet = wardrobe(tmp_path)
    with closet.wear(model, [tag("look")]) as worn:
        assert any("1 of the 2 layers" in comment for comment in worn.comments)
        assert any("bundle_emb" in comment for comment in worn.comments)
    with closet.wear(model, ()):
        pass


@pytest.mark.parametrize(
    ("rows", "metadata", "words"),
    [
        (768, {}, "for a model of other widths"),
        (1024, {}, "for Stable Diffusion 2.x"),
        (2048, {}, "for SDXL"),
        (1280, {}, "for the SDXL refiner"),
        (80, {"ss_base_model_version": "sdxl_base_v1-0"}, "for SDXL"),
        (80, {"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "for Stable Diffusion 2.x"),
        (80, {}, "for a model of other widths"),
    ],
)
def test_the_family_is_told_by_the_widths_else_by_the_makers_words(model, tmp_path, rows, metadata, words):
    layer = KOHYA.replace("attn1_to_q", "attn2_to_k")
    parts = {f"{layer}.lora_up.weight": noise(64, 4), f"{layer}.lora_down.weight": noise(4, rows)}
    write(tmp_path, "other.safetensors", parts, **metadata)
    with pytest.raises(RequestError) as refused, wardrobe(tmp_path).wear(model, [tag("other")]):
        pass
    assert f"is a LoRA {words}, and the checkpoint tiny is of Stable Diffusion 1.x." in refused.value.message


@pytest.mark.parametrize("mode", ["medvram", "lowvram"])
def test_models_that_take_turns_on_the_device_wear_it_too(checkpoint_file, model, tmp_path, mode):
    checkpoint = load_checkpoint(checkpoint_file)
    store = Store(checkpoint, Policy("cpu", model.store.policy.precision, mode))
    turned = Model("x", checkpoint.path, store, checkpoint.traits)
    write(tmp_path, "look.safetensors", pair(KOHYA, 64) | pair(KOHYA_TEXT, 32))
    closet, before = wardrobe(tmp_path), everything(turned)
    with closet.wear(turned, [tag("look")]), closet.wear(model, [tag("look")]):
        assert same(everything(model), everything(turned))
        assert not same(before, everything(turned))
    with closet.wear(turned, ()), closet.wear(model, ()):
        assert same(before, everything(turned))


def test_nothing_goes_to_the_device_to_be_looked_at_or_changed(checkpoint_file, model, tmp_path, monkeypatch):
    checkpoint = load_checkpoint(checkpoint_file)
    store = Store(checkpoint, Policy("cpu", model.store.policy.precision, "medvram"))
    turned = Model("x", checkpoint.path, store, checkpoint.traits)
    write(tmp_path, "look.safetensors", pair(KOHYA, 64) | pair(KOHYA_TEXT, 32))
    closet, before, moves = wardrobe(tmp_path), everything(turned), []
    real = PlainLane.copy
    monkeypatch.setattr(PlainLane, "copy", lambda lane, *what: moves.append(what) or real(lane, *what))
    for tags in ((), [tag("look")], [tag("look", "0.5")], ()):
        with closet.wear(turned, tags):
            pass
    assert Tools.listing(SimpleNamespace(book=EmbeddingBook(), embeddings=(tmp_path,)), turned)["loaded"] == {}
    assert moves == []
    with store.lend("unet"):
        assert moves != []
    assert same(before, everything(turned))


def test_a_model_that_wears_nothing_is_not_even_looked_at(model, tmp_path, monkeypatch):
    monkeypatch.setattr(wardrobe_module, "Outfit", None)
    with wardrobe(tmp_path).wear(model, ()) as worn:
        assert worn.comments == ()


def fail_from(monkeypatch, first, last):
    """Weights cannot be written at these calls of `copy_`."""
    real, calls = torch.Tensor.copy_, []

    def copy(tensor, *given):
        calls.append(1)
        if first <= len(calls) <= last:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(tensor, *given)

    monkeypatch.setattr(torch.Tensor, "copy_", copy)


def test_after_a_failure_nothing_is_worn(model, tmp_path, monkeypatch):
    write(tmp_path, "look.safetensors", pair(KOHYA, 64) | pair(KOHYA_TEXT, 32))
    closet, before = wardrobe(tmp_path), everything(model)
    with monkeypatch.context() as patched:
        fail_from(patched, 2, 2)
        with pytest.raises(torch.OutOfMemoryError), closet.wear(model, [tag("look")]):
            pass
    assert model.store.sound
    assert same(before, everything(model))


def test_what_could_not_be_taken_off_is_known_and_taken_off_later(model, tmp_path, monkeypatch):
    write(tmp_path, "look.safetensors", pair(KOHYA, 64) | pair(KOHYA_TEXT, 32))
    closet, before = wardrobe(tmp_path), everything(model)
    with closet.wear(model, [tag("look")]):
        worn = everything(model)
    with monkeypatch.context() as patched:
        fail_from(patched, 2, 9)
        with pytest.raises(torch.OutOfMemoryError), closet.wear(model, [tag("look", "0.5")]):
            pass
    assert not model.store.sound
    with closet.wear(model, [tag("look")]):
        assert same(worn, everything(model))
    with closet.wear(model, ()):
        assert same(before, everything(model))
    assert model.store.sound


def test_a_kernel_of_an_inpainting_model(checkpoint_file, tmp_path):
    checkpoint = load_checkpoint(checkpoint_file)
    narrow = checkpoint.unet.conv_in
    checkpoint.unet.conv_in = torch.nn.Conv2d(9, 64, 3, padding=1).requires_grad_(False)
    store = Store(checkpoint, Policy("cpu", Precision()))
    inpainting = Model("x", checkpoint.path, store, replace(checkpoint.traits, input_channels=9))
    up, down = noise(64, 4, 1, 1), noise(4, narrow.in_channels, 3, 3, seed=1)
    write(
        tmp_path,
        "look.safetensors",
        {"lora_unet_conv_in.lora_up.weight": up, "lora_unet_conv_in.lora_down.weight": down},
    )
    before = weight(inpainting, "conv_in")
    with wardrobe(tmp_path).wear(inpainting, [tag("look")]):
        added = weight(inpainting, "conv_in") - before
        assert torch.allclose(added[:, :4], (up.flatten(1) @ down.flatten(1)).reshape(64, 4, 3, 3), atol=1e-6)
        assert not added[:, 4:].any()


def test_files_are_read_once_until_they_change(tmp_path):
    read = []
    kept = Recent(lambda path: read.append(path.name) or len(read), kept=2)
    paths = [write(tmp_path, f"{name}.safetensors", pair(KOHYA, 64)) for name in "abc"]
    assert [kept(paths[0]), kept(paths[1]), kept(paths[0])] == [1, 2, 1]
    assert [kept(paths[2]), kept(paths[0]), kept(paths[1])] == [3, 1, 4]
    write(tmp_path, "b.safetensors", pair(KOHYA, 64, rank=2))
    assert kept(paths[1]) == 5
    with pytest.raises(RequestError, match=r"gone\.pt"):
        kept(tmp_path / "gone.pt")


def test_half_precision_comes_back_exactly(checkpoint_file, tmp_path):
    precision = Precision(unet=torch.float16, text=torch.float16)
    checkpoint = load_checkpoint(checkpoint_file, precision)
    half = Model("half", checkpoint.path, Store(checkpoint, Policy("cpu", precision)), checkpoint.traits)
    file = pair(KOHYA, 64)
    write(tmp_path, "look.safetensors", file)
    before, closet = everything(half), wardrobe(tmp_path)
    product = file[f"{KOHYA}.lora_up.weight"] @ file[f"{KOHYA}.lora_down.weight"]
    for strength in ("1", "0.3", "-2"):
        with closet.wear(half, [tag("look", strength)]):
            expected = (before[f"{QUERY}.weight"].float() + product * float(strength)).half()
            assert torch.equal(weight(half), expected)
    with closet.wear(half, ()):
        assert same(before, everything(half))


def test_a_model_that_another_replaces_while_it_is_worn_is_forgotten(checkpoint_file, tmp_path):
    write(tmp_path, "look.safetensors", pair(KOHYA, 64))
    checkpoint = load_checkpoint(checkpoint_file)
    model = Model("x", checkpoint.path, Store(checkpoint, Policy("cpu", Precision())), checkpoint.traits)
    closet = wardrobe(tmp_path)
    unet = weakref.ref(checkpoint.unet)
    with closet.wear(model, [tag("look")]):
        del model, checkpoint
        gc.collect()
        assert unet() is None
