"""VAEs in files of their own: every layout of names, the swap and the way back, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.memory import Hardware, Settings, Store, place
from runtime.engine.model import Model
from runtime.engine.names import VAE, vae_projection
from runtime.engine.vae_file import VaeRack, load_vae
from runtime.folders import find_folders
from runtime.hashes import sha256_of
from runtime.job_options import JobOptions
from runtime.request import RequestError
from tests.runtime.tiny_checkpoint import tiny_state, tiny_vae

OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(5)
    return tiny_vae()


def original(vae, prefix: str) -> dict[str, torch.Tensor]:
    return {
        prefix + VAE.original(name).removeprefix(VAE.prefix): (
            tensor[:, :, None, None].contiguous() if vae_projection(name) else tensor
        )
        for name, tensor in vae.state_dict().items()
    }


def old_diffusers(vae) -> dict[str, torch.Tensor]:
    found = {}
    for name, tensor in vae.state_dict().items():
        for new, old in OLD.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
        found[name] = tensor
    return found


def write(path: Path, state: dict[str, torch.Tensor]) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    else:
        torch.save({"state_dict": state}, path)
    return path


@pytest.mark.parametrize("ending", ["safetensors", "pt", "ckpt"])
@pytest.mark.parametrize(
    "layout",
    [
        lambda vae: original(vae, "first_stage_model."),
        lambda vae: original(vae, "") | {"loss.logvar": torch.zeros(1), "model_ema.decay": torch.zeros(1)},
        lambda vae: vae.state_dict(),
        old_diffusers,
    ],
)
def test_every_layout_is_the_same_vae(tmp_path, vae, layout, ending):
    loaded = load_vae(write(tmp_path / f"v.{ending}", layout(vae)), torch.float32)
    assert set(loaded.state_dict()) == set(vae.state_dict())
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in vae.state_dict().items())


def test_weights_are_read_into_the_layout_in_which_they_stay(tmp_path, vae):
    path = write(tmp_path / "v.safetensors", original(vae, ""))
    weight = load_vae(path, torch.float32, channels_last=True).encoder.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda state: {"lora_unet_x.alpha": torch.zeros(1)}, "vae-not-a-model"),
        (lambda state: {k: v for k, v in state.items() if k != "decoder.conv_out.bias"}, "vae-not-a-model"),
        (lambda state: state | {"post_quant_conv.weight": torch.zeros(16, 16, 1, 1)}, "vae-unsupported"),
        (lambda state: state | {"decoder.extra.weight": torch.zeros(1)}, "vae-unsupported"),
    ],
)
def test_what_is_no_such_vae_is_refused(tmp_path, vae, change, code):
    path = write(tmp_path / "v.safetensors", change(original(vae, "")))
    with pytest.raises(RequestError) as refused:
        load_vae(path, torch.float32)
    assert refused.value.code == code
    assert "v.safetensors" in refused.value.message


@pytest.fixture
def loaded(tmp_path):
    """A model whose checkpoint lies in a folder of its own, and a rack of two VAEs."""
    models = tmp_path / "models"
    for name in ("Stable-diffusion", "VAE"):
        (models / name).mkdir(parents=True)
    path = models / "Stable-diffusion" / "one.safetensors"
    save_file(tiny_state(), path)
    checkpoint = load_checkpoint(path)
    model = Model("one", path, Store(checkpoint, place(Settings(), Hardware())), checkpoint.traits)
    for seed, name in ((5, "soft.safetensors"), (6, "hard.pt")):
        torch.manual_seed(seed)
        write(models / "VAE" / name, tiny_vae().state_dict())
    return model, VaeRack(find_folders({}, tmp_path, models)), models


def decoded(model: Model) -> torch.Tensor:
    latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode(), model.store.lend("vae") as vae:
        return vae.decode(latents)


def test_a_choice_changes_what_is_decoded_and_its_end_brings_the_own_back(loaded, vae):
    model, rack, models = loaded
    own = decoded(model)
    with model.store.lend("unet") as unet:
        before = unet
    soft, comments = rack.fit(model, JobOptions(sd_vae="soft.safetensors"))
    assert comments == ()
    assert (soft.vae_name, soft.vae_hash) == ("soft.safetensors", sha256_of(models / "VAE" / "soft.safetensors")[:10])
    with torch.inference_mode():
        latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3))
        assert torch.allclose(decoded(soft), vae.decode(latents), atol=1e-5)
    hard, _ = rack.fit(soft, JobOptions(sd_vae="hard.pt"))
    assert not torch.allclose(decoded(hard), own, atol=1e-3)
    again, _ = rack.fit(hard, JobOptions(sd_vae="None"))
    assert (again.vae_name, again.vae_hash) == (None, None)
    assert torch.equal(decoded(again), own)
    with again.store.lend("unet") as unet:
        assert unet is before


def test_a_vae_is_read_again_only_when_it_changed(loaded, monkeypatch):
    import os

    model, rack, models = loaded
    read = []
    monkeypatch.setattr(
        "runtime.engine.vae_file.load_vae", lambda path, *more: read.append(path) or load_vae(path, *more)
    )
    options = JobOptions(sd_vae="hard.pt")
    rack.fit(model, options)
    rack.fit(model, options)
    assert len(read) == 1
    os.utime(models / "VAE" / "hard.pt", (1, 1))
    rack.fit(model, options)
    assert len(read) == 2


def test_an_unknown_name_is_said_and_the_own_vae_stays(loaded):
    model, rack, _ = loaded
    fitted, comments = rack.fit(model, JobOptions(sd_vae="gone.pt"))
    assert fitted.vae_name is None
    assert "gone.pt" in comments[0]


def test_pictures_tell_their_vae(loaded, tmp_path):
    from runtime.engine.easel import Easel
    from runtime.engine.generate import generate
    from runtime.engine.saving import Outputs
    from runtime.request import Request

    model, rack, _ = loaded
    easel = Easel(model, Outputs(tmp_path), vaes=rack)
    request = Request(prompt="a", steps=1, width=64, height=64, seed=1, save=False)
    plain = generate(request, easel, lambda step: None, lambda: None)
    asked = replace(request, options=JobOptions(sd_vae="soft"))
    other = generate(asked, easel, lambda step: None, lambda: None)
    assert (plain.vae_name, other.vae_name) == (None, "soft.safetensors")
    assert "VAE: soft.safetensors" in other.pictures[0].infotext
    assert plain.pictures[0].data != other.pictures[0].data
