"""Every family: what was written in its layout comes back and computes the same; its traits are read from the file."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_open_clip_checkpoint
from safetensors.torch import load_file, save_file
from torch import nn

from runtime.engine.averaged import with_averaged_as_own
from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.easel import Easel
from runtime.engine.generate import generate
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.names import UNET
from runtime.engine.probe import measured_prediction
from runtime.engine.saving import Outputs
from runtime.engine.weights import Weights
from runtime.request import Request, RequestError
from tests.runtime.tiny_checkpoint import (
    FAMILIES,
    POOLED,
    SIZE_WIDTH,
    TEXT_WIDTHS,
    original_state,
    tiny_family,
    tiny_state,
    write_tiny_family,
    write_tiny_folder,
)

OTHERS = ("sd2", "sdxl", "sdxl-refiner")
EPSILON = {"modelspec.prediction_type": "epsilon"}


def assert_same(loaded, models) -> None:
    unet, vae, texts = models
    for model, source in zip((loaded.unet, loaded.vae, *loaded.texts), (unet, vae, *texts), strict=True):
        expected = source.state_dict()
        assert set(model.state_dict()) == set(expected)
        assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def drawn(family: str, unet) -> torch.Tensor:
    """One evaluation on a fixed input."""
    dice = torch.Generator().manual_seed(2)
    latents = torch.randn(1, unet.config.in_channels, 8, 8, generator=dice)
    states = torch.randn(1, 77, sum(TEXT_WIDTHS[family]), generator=dice)
    numbers = {"sdxl": 6, "sdxl-refiner": 5}.get(family, 0)
    more = (torch.randn(1, POOLED, generator=dice), torch.ones(1, numbers) * 64) if numbers else ()
    with torch.no_grad():
        return unet(latents, torch.tensor([500.0]), states, *more)


@pytest.mark.parametrize("family", OTHERS)
def test_what_was_written_comes_back_and_computes_the_same(tmp_path, family):
    models = write_tiny_family(tmp_path / "m.safetensors", family, **EPSILON)
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert (loaded.traits.family, loaded.traits.native, loaded.traits.input_channels) == (family, (64, 64), 4)
    assert_same(loaded, models)
    assert torch.equal(drawn(family, loaded.unet), drawn(family, models[0]))
    ids = torch.tensor([[49406, 320, 2368] + [49407] * 74])
    for text, source in zip(loaded.texts, models[2], strict=True):
        with torch.no_grad():
            assert torch.equal(text(ids).last_hidden_state, source(ids).last_hidden_state)


def test_sdxl_is_scaled_and_sized_as_its_paper_says(tmp_path):
    models = write_tiny_family(tmp_path / "m.safetensors", "sdxl", **{"modelspec.resolution": ""})
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert (loaded.traits.scaling, loaded.traits.native) == (0.13025, (1024, 1024))
    assert loaded.vae.config.scaling_factor == 0.13025
    assert loaded.unet.config.addition_time_embed_dim == SIZE_WIDTH
    pooled = torch.randn(1, 48)
    assert torch.equal(loaded.texts[1].text_projection(pooled), models[2][1].text_projection(pooled))


def test_all_lies_where_the_store_wants_it(tmp_path):
    write_tiny_family(tmp_path / "m.safetensors", "sdxl")
    found = load_checkpoint(tmp_path / "m.safetensors")
    assert len(found.texts) == 2
    for model in (found.unet, found.vae, nn.ModuleList(found.texts)):
        before = next(model.parameters()).data_ptr()
        assert Weights(model).master.data_ptr() <= before == next(model.parameters()).data_ptr()


@pytest.mark.parametrize("family", ["sdxl", "sdxl-refiner"])
def test_diffusers_reads_the_unet_the_same_way(family):
    unet, vae, texts = tiny_family(family)
    read = convert_ldm_unet_checkpoint(original_state(family, unet, vae, texts), asdict(unet.config))
    assert set(read) == set(unet.state_dict())
    assert all(torch.equal(read[name], tensor) for name, tensor in unet.state_dict().items())


def test_diffusers_reads_the_text_model_the_same_way():
    (text,) = tiny_family("sd2")[2]
    file = original_state("sd2", *tiny_family("sd2"))
    holder = torch.nn.Module()
    holder.text_model = text
    holder.config = text.config
    read = convert_open_clip_checkpoint(holder, dict(file), prefix="cond_stage_model.model.")
    for name, tensor in text.state_dict().items():
        if name != "text_projection.weight":
            found = read["text_model." + name] if "text_model." + name in read else read[name]
            assert torch.equal(found, tensor), name


@pytest.mark.parametrize(("family", "channels"), [("sd1", 9), ("sd1", 8), ("sd2", 9), ("sdxl", 9)])
def test_variants_with_more_inputs(tmp_path, family, channels):
    models = write_tiny_family(tmp_path / "m.safetensors", family, channels)
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert (loaded.traits.input_channels, loaded.traits.prediction) == (channels, "epsilon")
    assert_same(loaded, models)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_diffusers_folder_is_the_same_checkpoint(tmp_path, family):
    models = write_tiny_folder(tmp_path / "My Model", family, {"prediction_type": "v_prediction"})
    loaded = load_checkpoint(tmp_path / "My Model")
    assert (loaded.title, loaded.traits.family, loaded.traits.prediction) == ("My Model", family, "v")
    assert_same(loaded, models)


def test_a_folder_in_parts_and_in_torchs_format(tmp_path):
    models = write_tiny_folder(tmp_path / "m", "sd1")
    whole = tmp_path / "m" / "unet" / "diffusion_pytorch_model.safetensors"
    state = load_file(whole)
    whole.unlink()
    names = sorted(state)
    halves = {"part-1.safetensors": names[::2], "part-2.safetensors": names[1::2]}
    for file, some in halves.items():
        save_file({name: state[name] for name in some}, whole.with_name(file))
    weight_map = {name: file for file, some in halves.items() for name in some}
    index = whole.with_name(whole.name + ".index.json")
    index.write_text(json.dumps({"weight_map": weight_map}))
    vae = tmp_path / "m" / "vae" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(vae), vae.with_suffix(".bin"))
    vae.unlink()
    assert_same(load_checkpoint(tmp_path / "m"), models)
    index.write_text(json.dumps({"weight_map": {"a": "../../elsewhere.safetensors"}}))
    with pytest.raises(RequestError, match="elsewhere"):
        load_checkpoint(tmp_path / "m")


def test_a_folder_that_lacks_a_model_is_refused(tmp_path):
    write_tiny_folder(tmp_path / "m", "sd1")
    (tmp_path / "m" / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(RequestError, match="weights of its vae") as refused:
        load_checkpoint(tmp_path / "m")
    assert refused.value.code == "checkpoint-not-a-model"


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_ckpt_loads_as_the_safetensors_does(tmp_path, as_zip):
    state = tiny_state(torch.float32)
    path = tmp_path / "m.ckpt"
    torch.save({"state_dict": state, "global_step": 3}, path, _use_new_zipfile_serialization=as_zip)
    save_file(state, tmp_path / "m.safetensors")
    loaded, other = load_checkpoint(path), load_checkpoint(tmp_path / "m.safetensors")
    assert_same(loaded, (other.unet, other.vae, other.texts))


def test_eight_bit_storage_is_widened(tmp_path):
    state = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in tiny_state().items()}
    save_file(state, tmp_path / "m.safetensors")
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    name = "model.diffusion_model.input_blocks.0.0.weight"
    assert torch.equal(loaded.unet.conv_in.weight, state[name].float())


def test_averaged_weights_count_where_no_others_are(tmp_path):
    state = tiny_state(torch.float32)
    averaged = {
        "model_ema." + name.removeprefix("model.").replace(".", "") if name.startswith(UNET.prefix) else name: tensor
        for name, tensor in state.items()
    }
    save_file(averaged, tmp_path / "ema.safetensors")
    save_file(state, tmp_path / "m.safetensors")
    loaded, other = (load_checkpoint(tmp_path / f"{name}.safetensors") for name in ("ema", "m"))
    assert_same(loaded, (other.unet, other.vae, other.texts))
    both = dict.fromkeys(state, (1,)) | {"model_ema.diffusion_modelout2bias": (2,)}
    assert with_averaged_as_own(both)["model.diffusion_model.out.2.bias"] == ((1,), "model.diffusion_model.out.2.bias")


# -- what the U-Net predicts


def traits_of(tmp_path, family, markers=(), yaml=None, **metadata):
    path = tmp_path / "m.safetensors"
    write_tiny_family(path, family, **metadata)
    if markers:
        state = load_file(path) | {name: torch.zeros(0) for name in markers}
        save_file(state, path, metadata=metadata)
    if yaml is not None:
        path.with_suffix(".yaml").write_text(yaml)
    return load_checkpoint(path).traits


@pytest.mark.parametrize(
    ("markers", "yaml", "metadata", "prediction", "zero"),
    [
        ((), None, {}, "epsilon", False),
        (("v_pred",), None, {}, "v", False),
        (("v_pred", "ztsnr"), None, {}, "v", True),
        ((), None, {"modelspec.prediction_type": "v"}, "v", False),
        ((), None, {"ss_zero_terminal_snr": "True"}, "epsilon", True),
        ((), 'model:\n  params:\n    parameterization: "v"  # velocity\n', {}, "v", False),
        ((), "model:\n  # parameterization: v\n", {}, "epsilon", False),
        ((), 'parameterization: "v"\n', {"modelspec.prediction_type": "epsilon"}, "epsilon", False),
    ],
)
def test_prediction_is_read_from_what_the_maker_says(tmp_path, markers, yaml, metadata, prediction, zero):
    traits = traits_of(tmp_path, "sdxl-refiner", markers, yaml, **metadata)
    assert (traits.prediction, traits.zero_terminal_snr) == (prediction, zero)


def test_what_predicts_something_else_is_refused(tmp_path):
    with pytest.raises(RequestError, match="neither noise nor velocity"):
        traits_of(tmp_path, "sdxl-refiner", ("edm_mean", "edm_std"))
    with pytest.raises(RequestError, match="neither noise nor velocity"):
        traits_of(tmp_path, "sdxl-refiner", **{"modelspec.prediction_type": "flow"})


class Predicts:
    """A U-Net with a known answer."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.config = torch.nn.Module()
        self.config.in_channels, self.config.cross_attention_dim = 4, 48

    def parameters(self):
        return iter((torch.ones(1),))

    def __call__(self, x, time, states):
        picture = torch.full_like(x, 0.4)
        return self.share * x - (1 - self.share) * picture


def test_prediction_of_a_silent_file_is_measured(tmp_path, model):
    assert measured_prediction(Predicts(1.0)) == "epsilon"
    assert measured_prediction(Predicts(0.07)) == "v"


def test_a_trained_model_is_measured_as_what_it_is():
    from runtime.prove import DEMO

    assert measured_prediction(load_checkpoint(DEMO).unet) == "epsilon"


def test_a_silent_second_generation_file_has_the_size_of_what_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("runtime.engine.checkpoint.measured_prediction", lambda _unet: "v")
    traits = traits_of(tmp_path, "sd2", **{"modelspec.resolution": ""})
    assert (traits.prediction, traits.native) == ("v", (768, 768))


@pytest.mark.parametrize(
    ("family", "channels"), [*((name, 4) for name in FAMILIES), ("sd1", 9), ("sd1", 8), ("sdxl", 9)]
)
def test_every_family_draws(tmp_path, family, channels):
    write_tiny_family(tmp_path / "m.safetensors", family, channels, **EPSILON)
    placement = place(Settings(), Hardware())
    checkpoint = load_checkpoint(tmp_path / "m.safetensors", placement.precision)
    model = Model("m", checkpoint.path, Store(checkpoint, placement), checkpoint.traits)
    request = Request(prompt="a cat", steps=1, seed=1, save=False)
    pictures = [
        generate(one, Easel(model, Outputs(tmp_path)), lambda step: None, lambda: None).pictures[0].data
        for one in (request, replace(request, prompt="a dog"))
    ]
    assert pictures[0] != pictures[1]
