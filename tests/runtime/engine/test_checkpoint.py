"""Loading: what was written comes back, and everything that is no checkpoint is named for what it is."""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.pieces import Layout, Part
from runtime.engine.precision import Precision
from runtime.engine.told import native_size
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from tests.runtime.tiny_checkpoint import tiny_models, tiny_state


@pytest.fixture(scope="module")
def state():
    return tiny_state()


@pytest.fixture(scope="module")
def written():
    """The models that `checkpoint_file` was written from, rounded as the file is."""
    return [model.half().float() for model in tiny_models()]


def code_of(path: Path) -> str:
    with pytest.raises(RequestError) as refused:
        load_checkpoint(path)
    assert path.name in refused.value.message
    assert refused.value.hint
    return refused.value.code


def test_what_was_written_comes_back(checkpoint_file, written):
    loaded = load_checkpoint(checkpoint_file)
    for model, source in zip((loaded.unet, loaded.vae, *loaded.texts), written, strict=True):
        expected = source.state_dict()
        assert set(model.state_dict()) == set(expected)
        assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
        assert not model.training
    assert (loaded.title, loaded.traits.native) == ("tiny", (64, 64))


def test_loaded_models_compute_the_same(checkpoint_file, written):
    loaded = load_checkpoint(checkpoint_file)
    unet, _, text = written
    ids = torch.tensor([[49406, 320, 2368] + [49407] * 74])
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        states = text(ids).last_hidden_state
        assert torch.equal(loaded.texts[0](ids).last_hidden_state, states)
        time = torch.tensor([123.4])
        assert torch.allclose(loaded.unet(latents, time, states), unet(latents, time, states), atol=1e-6)


def test_each_model_has_its_precision(checkpoint_file):
    loaded = load_checkpoint(checkpoint_file, Precision(unet=torch.bfloat16, vae=torch.float32, text=torch.float16))
    found = [next(model.parameters()).dtype for model in (loaded.unet, loaded.vae, *loaded.texts)]
    assert found == [torch.bfloat16, torch.float32, torch.float16]


def test_other_widths_are_followed(tmp_path):
    save_file(tiny_state(widths=(32, 64, 96, 96), text_width=64), tmp_path / "m.safetensors")
    loaded = load_checkpoint(tmp_path / "m.safetensors")
    assert loaded.unet.config.block_out_channels == (32, 64, 96, 96)
    assert (loaded.unet.config.cross_attention_dim, loaded.texts[0].config.hidden_size) == (64, 64)
    assert loaded.traits.native == (512, 512)


def test_leftovers_of_training_and_old_names_are_accepted(tmp_path, state):
    short = {name.replace(".transformer.text_model.", ".transformer."): tensor for name, tensor in state.items()}
    extra = {
        "cond_stage_model.transformer.embeddings.position_ids": torch.arange(77)[None],
        "model_ema.decay": torch.ones(1),
        "betas": torch.ones(1000),
    }
    save_file(short | extra, tmp_path / "m.safetensors")
    assert load_checkpoint(tmp_path / "m.safetensors").texts[0].config.num_hidden_layers == 12


def test_the_file_may_change_under_a_loaded_model(tmp_path, checkpoint_file):
    path = tmp_path / "m.safetensors"
    path.write_bytes(checkpoint_file.read_bytes())
    loaded = load_checkpoint(path, Precision(*[torch.float16] * 3))
    before = loaded.unet.conv_in.weight.clone()
    os.truncate(path, 100)
    assert torch.equal(loaded.unet.conv_in.weight, before)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ({}, (512, 512)),
        ({"modelspec.resolution": "768x512"}, (768, 512)),
        ({"modelspec.resolution": "128x128"}, (128, 128)),
        ({"modelspec.resolution": "768"}, (512, 512)),
        ({"modelspec.resolution": "0x0"}, (512, 512)),
        ({"modelspec.resolution": "512x0"}, (512, 512)),
        ({"modelspec.resolution": "99999x1"}, (512, 512)),
        ({"modelspec.resolution": "4096x512"}, (512, 512)),
        ({"modelspec.resolution": "9" * 5000 + "x512"}, (512, 512)),
        ({"modelspec.resolution": "-1x²"}, (512, 512)),
    ],
)
def test_native_size(written, size):
    layout = Layout(Path("m"), "sd1", Part({}, str), Part({}, str), (), metadata=written)
    assert native_size(layout, 512, "epsilon") == size


def test_missing_file_and_folder(tmp_path):
    assert code_of(tmp_path / "no.safetensors") == "checkpoint-missing"
    assert code_of(tmp_path) == "checkpoint-unreadable"


def torch_zip() -> bytes:
    buffer = io.BytesIO()
    torch.save({"state_dict": {"a": torch.zeros(3)}}, buffer)
    return buffer.getvalue()


def plain_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "x" * 100)
    return buffer.getvalue()


def with_header(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "checkpoint-empty"),
        (b"\x00" * 4, "checkpoint-truncated"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "checkpoint-is-web-page"),
        (b"\xef\xbb\xbf\n <HTML lang=en>", "checkpoint-is-web-page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n", "checkpoint-is-lfs-pointer"),
        (torch_zip(), "checkpoint-not-a-model"),
        (plain_zip(), "checkpoint-damaged"),
        (pickle.dumps({"state_dict": list(range(100))}), "checkpoint-damaged"),
        (pickle.dumps({"state_dict": list(range(100))}, protocol=2), "checkpoint-damaged"),
        (b"GGUF" + b"\x03" * 100, "checkpoint-not-a-model"),
        (b"just some text, long enough to be looked at", "checkpoint-not-a-model"),
        (struct.pack("<Q", 1000) + b'{"a": ', "checkpoint-truncated"),
        (with_header({"a": tensor(0, 400, [100])}, b"x" * 100), "checkpoint-truncated"),
        (with_header({"a": tensor(0, 4, [1])}, b"x" * 100), "checkpoint-damaged"),
        (with_header({"a": tensor(0, 8, [1])}, b"x" * 8), "checkpoint-damaged"),
        (with_header({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, b"x" * 12), "checkpoint-damaged"),
        (with_header({"a": tensor(0, 4, [1], "PICKLE")}, b"x" * 4), "checkpoint-damaged"),
        (with_header({"a": {"dtype": "F32"}}), "checkpoint-damaged"),
        (with_header({"a": tensor(0, 4, [-1])}, b"x" * 4), "checkpoint-damaged"),
        (with_header(b'{"a": 1'), "checkpoint-damaged"),
        (with_header(b'{"a": {}, "a": {}}'), "checkpoint-damaged"),
        (with_header(b"{" + b"[" * 100_000), "checkpoint-damaged"),
        (with_header({}), "checkpoint-not-a-model"),
        (with_header({"lora_unet_down_blocks_0.alpha": tensor(0, 4, [1])}, b"x" * 4), "checkpoint-not-a-model"),
        (with_header({"first_stage_model.encoder.conv_in.bias": tensor(0, 4, [1])}, b"xxxx"), "checkpoint-not-a-model"),
        (with_header({"decoder.conv_in.bias": tensor(0, 4, [1])}, b"x" * 4), "checkpoint-not-a-model"),
        (with_header({"conditioner.embedders.0.x": tensor(0, 4, [1])}, b"x" * 4), "checkpoint-not-a-model"),
        (with_header({"cond_stage_model.model.ln_final.bias": tensor(0, 4, [1])}, b"x" * 4), "checkpoint-not-a-model"),
        (with_header({"double_blocks.0.x": tensor(0, 4, [1])}, b"x" * 4), "checkpoint-unsupported"),
    ],
)
def test_bad_files_are_named_by_content(tmp_path, content, code):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert code_of(path) == code


def test_a_header_that_claims_too_much_is_not_read(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 26_000_000) + b"{")
        file.truncate(30_000_000)
    assert code_of(path) == "checkpoint-damaged"


def test_every_cut_of_a_real_file_is_refused(tmp_path, checkpoint_file):
    whole = checkpoint_file.read_bytes()
    path = tmp_path / "cut.safetensors"
    for share in (0.0001, 0.001, 0.01, 0.1, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert code_of(path) == "checkpoint-truncated"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("model.diffusion_model.middle_block.1.norm.weight", "checkpoint-not-a-model"),
        ("model.diffusion_model.input_blocks.4.0.out_layers.3.weight", "checkpoint-not-a-model"),
        ("first_stage_model.decoder.conv_out.bias", "checkpoint-not-a-model"),
        ("cond_stage_model.transformer.text_model.encoder.layers.3.mlp.fc1.bias", "checkpoint-not-a-model"),
    ],
)
def test_a_missing_tensor_is_named(tmp_path, state, name, code):
    path = tmp_path / "m.safetensors"
    save_file({key: value for key, value in state.items() if key != name}, path)
    with pytest.raises(RequestError, match=name.replace(".", r"\.")) as refused:
        load_checkpoint(path)
    assert refused.value.code == code


def test_misshapen_and_unexpected_tensors_are_named(tmp_path, state):
    path = tmp_path / "m.safetensors"
    save_file(state | {"model.diffusion_model.out.2.bias": torch.zeros(8)}, path)
    assert code_of(path) == "checkpoint-unsupported"
    save_file(state | {"model.diffusion_model.input_blocks.1.1.extra.weight": torch.zeros(8)}, path)
    assert code_of(path) == "checkpoint-unsupported"
    save_file(state | {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(64, 5, 3, 3)}, path)
    assert code_of(path) == "checkpoint-unsupported"


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.diffusion_model.input_blocks.1.0.out_layers.3.weight", (7, 7, 3, 3)),
        ("model.diffusion_model.input_blocks.0.0.weight", (64,)),
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", (3,)),
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", (0, 0)),
        ("first_stage_model.encoder.down.0.block.0.conv1.weight", (5, 5, 3, 3)),
    ],
)
def test_impossible_widths_are_refused(tmp_path, state, name, shape):
    save_file(state | {name: torch.zeros(shape, dtype=torch.float16)}, tmp_path / "m.safetensors")
    assert code_of(tmp_path / "m.safetensors") == "checkpoint-unsupported"


def test_header_lists_tensors_and_metadata(checkpoint_file):
    header = read_header(checkpoint_file)
    assert header.tensors["model.diffusion_model.input_blocks.0.0.weight"] == ("F16", (64, 4, 3, 3))
    assert header.metadata["modelspec.title"] == "Tiny"
