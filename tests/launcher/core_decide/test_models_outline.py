"""What a file is, told from its header alone: sound ones, and what people really have under a model's name."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from launcher.core.models.facts import describe
from launcher.core.models.kind import judge
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.models.pickle_globals import is_dangerous, is_usual
from tests.fakes.model_files import (
    EMBEDDING,
    UPSCALER,
    VAE,
    checkpoint,
    header,
    lora,
    write_safetensors,
    write_torch,
)

DEMO = Path(__file__).parents[3] / "runtime/assets/demo/gesso-demo.safetensors"
TENSOR = {"a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}


def raw(path: Path, found: object, room: int = 12) -> Path:
    text = found if isinstance(found, bytes) else json.dumps(found).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(room))
    return path


def code_of(path: Path) -> str:
    with pytest.raises(BrokenError) as broken:
        read_outline(path)
    return broken.value.code


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl", "sdxl-refiner"])
@pytest.mark.parametrize("ending", ["safetensors", "ckpt", "old.ckpt"])
def test_a_checkpoint_of_each_family_in_each_format(family: str, ending: str, tmp_path: Path) -> None:
    shapes, path = checkpoint(family, blocks=2), tmp_path / f"x.{ending}"
    if ending == "safetensors":
        write_safetensors(path, shapes)
    else:
        write_torch(path, shapes, wrapper="state_dict", old=ending.startswith("old"))
    found = judge(read_outline(path))
    assert (found.kind, found.family, found.precision, found.lacks) == ("checkpoint", family, "fp16", None)
    assert found.supported


@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_is_read_as_safetensors_is(old: bool, tmp_path: Path) -> None:
    """Names, types and shapes; a storage that two tensors share does not confuse it."""
    shapes = {**lora("sd1", layers=120), "scalar": ("F32", ()), "ids": ("I64", (1, 77))}
    found = read_outline(write_torch(tmp_path / "x.pt", shapes, old=old))
    wanted = read_outline(write_safetensors(tmp_path / "x.safetensors", shapes))
    assert found.tensors == wanted.tensors
    assert found.strange.unusual == ()


@pytest.mark.parametrize(
    ("shapes", "kind", "family"),
    [
        (lora("sd1"), "lora", "sd1"),
        (lora("sd2"), "lora", "sd2"),
        (lora("sdxl"), "lora", "sdxl"),
        ({"unet.down.attn2.to_k.lora_A.weight": ("F16", (4, 2048))}, "lora", "sdxl"),
        ({"text_encoder.x.q_proj.lora_A.weight": ("F16", (4, 768))}, "lora", "sd1"),
        ({"lora_unet_double_blocks_0_img_attn.lora_down.weight": ("F16", (4, 9))}, "lora", "flux"),
        ({"lora_unet_joint_blocks_0_x.lora_down.weight": ("F16", (4, 9))}, "lora", "sd3"),
        (VAE, "vae", None),
        ({"decoder.conv_in.weight": ("F32", (8, 16, 3, 3)), "decoder.up.0.x": ("F32", (1,))}, "vae", "flux"),
        (EMBEDDING, "embedding", "sd1"),
        ({"clip_l": ("F16", (2, 768)), "clip_g": ("F16", (2, 1280))}, "embedding", "sdxl"),
        ({"<cat>": ("F32", (1024,))}, "embedding", "sd2"),
        (UPSCALER, "upscaler", None),
        ({"1.weight": ("F16", (64, 4, 3, 3)), "3.conv.0.weight": ("F16", (64, 64, 3, 3))}, "preview-decoder", None),
        ({"model.0.weight": ("F32", (64, 3, 3, 3))}, "upscaler", None),
        ({"control_model.input_blocks.1.1.x.attn2.to_k.weight": ("F16", (8, 768))}, "controlnet", "sd1"),
        ({"ip_adapter.1.to_k_ip.weight": ("F16", (8, 768))}, "adapter", None),
        ({"down_blocks.0.motion_modules.0.x": ("F16", (8,))}, "motion", None),
        ({"model.diffusion_model.double_blocks.0.x": ("BF16", (8,))}, "diffusion-model", "flux"),
        ({"joint_blocks.0.x": ("F16", (8,))}, "diffusion-model", "sd3"),
        ({"text_model.encoder.layers.0.x": ("F16", (8,))}, "text-encoder", None),
        ({"linear.0.weight": ("F32", (2, 2))}, "hypernetwork", None),
        ({"something.else": ("F32", (2, 2))}, None, None),
    ],
)
def test_kinds_and_families(shapes: dict, kind: str | None, family: str | None, tmp_path: Path) -> None:
    found = judge(read_outline(write_safetensors(tmp_path / "x.safetensors", shapes)))
    assert (found.kind, found.family) == (kind, family)


def test_the_maker_says_the_family_where_shapes_do_not(tmp_path: Path) -> None:
    shapes = {"lora_unet_x.hada_w1_a": ("F16", (4, 4))}
    told = write_safetensors(tmp_path / "a.safetensors", shapes, {"ss_base_model_version": "sdxl_base_v1-0"})
    assert judge(read_outline(told)).family == "sdxl"
    assert judge(read_outline(write_safetensors(tmp_path / "b.safetensors", shapes))).family is None


@pytest.mark.parametrize(("channels", "variant"), [(4, None), (9, "inpainting"), (8, "pix2pix"), (5, "depth")])
def test_variants_by_the_first_layer(channels: int, variant: str | None, tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "x.safetensors", checkpoint("sd1", channels=channels, blocks=1))
    found = judge(read_outline(path))
    assert found.variant == variant
    assert found.supported == (variant != "depth")


def test_what_cannot_be_drawn_with_is_said(tmp_path: Path) -> None:
    flux = {"model.diffusion_model.double_blocks.0.x": ("F8_E4M3", (8,))}
    facts = describe(read_outline(write_safetensors(tmp_path / "f.safetensors", flux)), "f.safetensors")
    assert [(one.code, one.detail) for one in facts.problems] == [("unsupported", "flux")]
    assert facts.precision == "fp8"
    bare = {"model.diffusion_model.input_blocks.0.0.weight": ("F16", (320, 4, 3, 3))}
    facts = describe(read_outline(write_safetensors(tmp_path / "u.safetensors", bare)), "u.safetensors")
    assert [one.code for one in facts.problems] == ["incomplete"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"short", "truncated"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n", "lfs-pointer"),
        (b"<!DOCTYPE html><html></html>", "web-page"),
        (b"\xef\xbb\xbf\n <HTML>", "web-page"),
        (b"<?xml version='1.0'?>", "web-page"),
        (b"\x89PNG\r\n\x1a\n0000000000", "not-a-model"),
        (b"\x00" * 64, "not-a-model"),
        (struct.pack("<Q", 1 << 40) + b"{}", "truncated"),
        (b"PK\x03\x04 cut off", "truncated"),
        (b"\x80\x02}q\x00X\xff\xff\xff\x00abc", "truncated"),
        (b"\x80\x02\xff\xfe\xfd........", "damaged"),
    ],
)
def test_what_people_have_under_a_models_name(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    assert code_of(path) == code


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ({"a": {**TENSOR["a"], "data_offsets": [0, 14]}}, "damaged"),
        ({"a": {**TENSOR["a"], "data_offsets": [2, 14]}}, "damaged"),
        ({"a": {**TENSOR["a"], "dtype": "F13"}}, "damaged"),
        ({"a": {**TENSOR["a"], "shape": [-2, -3]}}, "damaged"),
        ({"a": {**TENSOR["a"], "shape": [2.0, 3]}}, "damaged"),
        ({"a": {**TENSOR["a"], "shape": "23"}}, "damaged"),
        ({"a": {"dtype": "F16"}}, "damaged"),
        ({"a": [1]}, "damaged"),
        ({**TENSOR, "b": {**TENSOR["a"]}}, "damaged"),
        ({**TENSOR, "__metadata__": {"a": 1}}, "damaged"),
        (b'{"a": NaN}  ', "damaged"),
        (b'{"a"' + b"[" * 90000, "damaged"),
        (b"{" + b"\xff" * 20, "damaged"),
    ],
)
def test_a_header_that_lies(found: object, code: str, tmp_path: Path) -> None:
    assert code_of(raw(tmp_path / "x.safetensors", found)) == code


FORMS = [
    {"separators": (",", ":")},
    {"separators": (", ", ": ")},
    {"indent": 1},
    {"separators": (",", ":"), "sort_keys": True},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["a.b", "é 猫", 'a"b', "a\\b", "a},b", ""])
@pytest.mark.parametrize("metadata", [None, {}, {"k": 'v"},{'}])
def test_a_header_in_whatever_form_json_has(form: dict, name: str, metadata: dict | None, tmp_path: Path) -> None:
    found = {name: {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},
             "z": {"dtype": "I64", "shape": [], "data_offsets": [12, 20]}}  # fmt: skip
    told = found if metadata is None else {"__metadata__": metadata, **found}
    for ascii_only in (True, False):
        text = json.dumps(told, ensure_ascii=ascii_only, **form).encode()
        outline = read_outline(raw(tmp_path / "x.safetensors", text + b"  ", room=20))
        assert outline.tensors == {name: ("F16", (2, 3)), "z": ("I64", ())}
        assert outline.metadata == (metadata or {})
        assert {dtype: size for dtype, size in outline.amounts.items() if size} == {"F16": 12, "I64": 8}


COMPACT = (
    b'{"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"F16","shape":[0],"data_offsets":[12,12]}}'
)


@pytest.mark.parametrize(
    "bent",
    [
        COMPACT.replace(b"},", b"};"),
        COMPACT.replace(b"},", b"}}"),
        COMPACT.replace(b"},", b"}, ,"),
        COMPACT.replace(b'"b"', b'"a"'),
        COMPACT.replace(b"[0]", b"[0,]"),
        COMPACT.replace(b"[2,3]", b"[3,2,1.0]"),
        COMPACT.replace(b"[2,3]", b"[-2,-3]"),
        COMPACT.replace(b"[2,3]", b'["x"]'),
        COMPACT.replace(b"0,12", b"0, 1_2"),
        COMPACT.replace(b"0,12", b"-1,12"),
        COMPACT.replace(b"0,12", b",12"),
        COMPACT.replace(b"0,12", b"0,11"),
        COMPACT.replace(b"12,12", b"13,13"),
        COMPACT.replace(b"F16", b"F17"),
        COMPACT.replace(b'"a"', b'"\n"'),
        COMPACT.replace(b"}}", b"}}}"),
        COMPACT[:-1],
        COMPACT.replace(b"{", b"{,", 1),
        b'{"__metadata__":{"k":1},' + COMPACT[1:],
        b'{"__metadata__":"k",' + COMPACT[1:],
        b'{"__metadata__":{"k":"v"}' + COMPACT[1:],
    ],
)
def test_a_compact_header_that_is_bent(bent: bytes, tmp_path: Path) -> None:
    assert set(read_outline(raw(tmp_path / "sound.safetensors", COMPACT)).tensors) == {"a", "b"}
    assert code_of(raw(tmp_path / "x.safetensors", bent)) == "damaged"


def test_bytes_missing_and_bytes_too_many(tmp_path: Path) -> None:
    assert code_of(raw(tmp_path / "a.safetensors", TENSOR, room=11)) == "truncated"
    assert code_of(raw(tmp_path / "b.safetensors", TENSOR, room=13)) == "damaged"
    assert read_outline(raw(tmp_path / "c.safetensors", TENSOR)).tensors == {"a": ("F16", (2, 3))}


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("old", [False, True])
def test_a_torch_file_cut_short_anywhere(share: float, old: bool, tmp_path: Path) -> None:
    whole = write_torch(tmp_path / "x.ckpt", lora("sd1", layers=20), old=old).read_bytes()
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes(whole[: int(len(whole) * share)])
    assert code_of(cut) == "truncated"


def test_an_archive_of_something_else_and_one_that_is_compressed(tmp_path: Path) -> None:
    other, packed = tmp_path / "a.ckpt", tmp_path / "b.ckpt"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N" * 100_000)
    assert code_of(other) == code_of(packed) == "damaged"


@pytest.mark.parametrize("name", ["os system", "posix system", "builtins eval", "__builtin__ exec", "subprocess Popen"])
@pytest.mark.parametrize("old", [False, True])
def test_a_pickle_that_would_run_something_is_named_and_not_run(name: str, old: bool, tmp_path: Path) -> None:
    path = write_torch(tmp_path / "evil.safetensors", lora("sd1", layers=2), call=name, old=old)
    facts = describe(read_outline(path), path.name)
    assert [one.code for one in facts.problems] == ["dangerous", "wrong-ending"]
    assert facts.problems[0].detail == name.replace(" ", ".")
    assert facts.kind == "lora"


def test_globals_that_weights_need_and_others() -> None:
    for name in ("torch._utils._rebuild_tensor_v2", "torch.HalfStorage", "collections.OrderedDict", "builtins.set"):
        assert is_usual(name)
        assert not is_dangerous(name)
    assert not is_usual("my.trainer.Config")
    assert not is_dangerous("my.trainer.Config")
    assert is_dangerous("builtins.getattr")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no FIFO")
    os.mkfifo(tmp_path / "x.safetensors")
    with pytest.raises(OSError, match="ordinary"):
        read_outline(tmp_path / "x.safetensors")


def test_the_runtime_reads_the_same_header() -> None:
    """The runtime's own reader, in a process of its own: the launcher may not know it."""
    code = f"""
import json, pathlib
from runtime.safetensors_header import read_header
found = read_header(pathlib.Path({str(DEMO)!r}))
print(json.dumps([found.tensors, found.metadata]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=DEMO.parents[3], capture_output=True, text=True, check=True
    )
    tensors, metadata = json.loads(answer.stdout)
    ours = read_outline(DEMO)
    assert {name: [dtype, list(shape)] for name, (dtype, shape) in ours.tensors.items()} == tensors
    assert ours.metadata == metadata
    assert judge(ours).family == "sd1"


def test_the_header_helper_promises_what_it_writes() -> None:
    start, size = header(VAE)
    assert struct.unpack("<Q", start[:8])[0] == len(start) - 8
    assert size == 4 * (128 * 27 + 512 * 36 + 128 * 128 * 9)


HOSTILE = {
    "shapes without an end": b'"a":{"dtype":"F16","shape":[' * 400_000,
    "offsets without an end": b'"a":{"dtype":"F16","shape":[1],"data_offsets":[' * 300_000,
    "quotation marks": b'"' * 12_000_000,
    "too many tensors": b'"a":{"dtype":"F16","shape":[0],"data_offsets":[0,0]},' * 300_000,
    "nesting": b"[" * 12_000_000,
    "one name": b'"' + b"a" * 12_000_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused_before_anybody_gets_tired(body: bytes, tmp_path: Path) -> None:
    path = raw(tmp_path / "x.safetensors", b"{" + body)
    begun = time.process_time()
    assert code_of(path) == "damaged"
    # a second or so; quadratic work would take hours
    assert time.process_time() - begun < 60


def test_a_hostile_pickle_ends_too(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"\x80\x02" + b"]" * 20_000_000)
    assert code_of(path) == "damaged"


@pytest.mark.parametrize("side", ["9" * 4000, str(2**41)])
@pytest.mark.parametrize("blank", ["", " "])
def test_sides_that_no_tensor_has_are_never_multiplied(side: str, blank: str, tmp_path: Path) -> None:
    text = f'{{"a":{blank}{{"dtype":"F16","shape":[{",".join([side] * 2000)}],"data_offsets":[0,2]}}}}'
    start = time.monotonic()
    assert code_of(raw(tmp_path / "many.safetensors", text.encode(), 2)) == "damaged"
    text = f'{{"a":{blank}{{"dtype":"F16","shape":[{side}],"data_offsets":[0,2]}}}}'
    assert code_of(raw(tmp_path / "long.safetensors", text.encode(), 2)) == "damaged"
    # Generous: the product alone would take minutes.
    assert time.monotonic() - start < 10


def test_a_pickle_s_sides_are_never_multiplied_either(tmp_path: Path) -> None:
    side = b"\x8a\xff" + b"\xff" * 254 + b"\x7f"
    shape = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000"
    shape += b"X\x03\x00\x00\x00cpuK\x01tQK\x00(" + side * 3000 + b"t(t\x89}tR"
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}(X\x01\x00\x00\x00a" + shape + b"u.")
        archive.writestr("a/data/0", b"1234")
    start = time.monotonic()
    assert code_of(tmp_path / "x.pt") == "damaged"
    assert time.monotonic() - start < 10
