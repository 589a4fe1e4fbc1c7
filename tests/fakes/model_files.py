"""Model files as their makers write them, with holes for weights: true names and shapes, sizes on paper only."""

from __future__ import annotations

import json
import math
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[str, tuple[int, ...]]]
_BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "F8_E4M3": 1, "U8": 1}
_STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "I64": "LongStorage", "BF16": "BFloat16Storage"}


def header(shapes: Shapes, metadata: Mapping[str, str] | None = None) -> tuple[bytes, int]:
    """The header with its length, and how many bytes of weights it promises."""
    found: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    place = 0
    for name, (dtype, shape) in shapes.items():
        end = place + math.prod(shape) * _BYTES[dtype]
        found[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, place


def write_safetensors(path: Path, shapes: Shapes, metadata: Mapping[str, str] | None = None) -> Path:
    """The weights are a hole: no disk space is taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    start, size = header(shapes, metadata)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + size)
    return path


def checkpoint(family: str, *, dtype: str = "F16", channels: int = 4, blocks: int = 40) -> dict[str, tuple[str, tuple]]:
    """A checkpoint's names as the family has them; `blocks` of the U-Net's many, each with 26 tensors."""
    wide = {"sd1": 768, "sd2": 1024, "sdxl": 2048, "sdxl-refiner": 1280}[family]
    text = {
        "sd1": "cond_stage_model.transformer.text_model.",
        "sd2": "cond_stage_model.model.transformer.",
        "sdxl": "conditioner.embedders.1.model.transformer.",
        "sdxl-refiner": "conditioner.embedders.0.model.transformer.",
    }[family]
    unet = "model.diffusion_model."
    names: dict[str, tuple[int, ...]] = {unet + "input_blocks.0.0.weight": (320, channels, 3, 3)}
    if family == "sdxl":
        names["conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"] = (768,)
    for block in range(blocks):
        stem = f"{unet}input_blocks.{block}.1.transformer_blocks.0"
        for part, sides in (("attn1", 320), ("attn2", wide)):
            for layer in ("to_q", "to_k", "to_v", "to_out.0"):
                names[f"{stem}.{part}.{layer}.weight"] = (320, 320 if layer in ("to_q", "to_out.0") else sides)
        for layer in ("norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"):
            names[f"{stem}.{layer}.weight"] = (320,)
            names[f"{stem}.{layer}.bias"] = (320,)
        names[f"{text}resblocks.{block}.mlp.c_fc.weight"] = (8, 8)
    names["first_stage_model.decoder.conv_in.weight"] = (512, 4, 3, 3)
    return {name: (dtype, shape) for name, shape in names.items()}


def lora(family: str, *, layers: int = 88, rank: int = 8, dtype: str = "F16") -> dict[str, tuple[str, tuple]]:
    """kohya's names: three tensors a layer."""
    wide = {"sd1": 768, "sd2": 1024, "sdxl": 2048}[family]
    found: dict[str, tuple[str, tuple]] = {}
    for layer in range(layers):
        attention = "attn2_to_k" if layer % 2 else "attn1_to_q"
        stem = f"lora_unet_down_blocks_{layer}_attentions_0_transformer_blocks_0_{attention}"
        found[f"{stem}.alpha"] = (dtype, ())
        found[f"{stem}.lora_down.weight"] = (dtype, (rank, wide if layer % 2 else 320))
        found[f"{stem}.lora_up.weight"] = (dtype, (320, rank))
    return found


VAE = {
    "encoder.down.0.block.0.conv1.weight": ("F32", (128, 3, 3, 3)),
    "decoder.conv_in.weight": ("F32", (512, 4, 3, 3)),
    "decoder.up.0.block.0.conv1.weight": ("F32", (128, 128, 3, 3)),
}
EMBEDDING = {"emb_params": ("F32", (4, 768))}
UPSCALER = {"conv_first.weight": ("F32", (64, 3, 3, 3)), "body.0.rdb1.conv1.weight": ("F32", (32, 64, 3, 3))}


def write_torch(path: Path, shapes: Shapes, *, wrapper: str = "", call: str = "", old: bool = False) -> Path:
    """As torch.save writes it, zip archive or (`old`) stream; `call` names a function that loading would call."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: (dtype, shape, str(number)) for number, (name, (dtype, shape)) in enumerate(shapes.items())}
    structure = _Emitter().dictionary(tensors, wrapper, call)
    sizes = {key: (dtype, math.prod(shape)) for dtype, shape, key in tensors.values()}
    if old:
        _write_stream(path, structure, sizes)
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", structure)
        for key, (dtype, count) in sizes.items():
            archive.writestr(f"archive/data/{key}", bytes(count * _BYTES[dtype]))
        archive.writestr("archive/version", "3\n")
    return path


def _write_stream(path: Path, structure: bytes, sizes: Mapping[str, tuple[str, int]]) -> None:
    with path.open("wb") as file:
        file.write(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
        file.write(pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2) + structure)
        file.write(pickle.dumps(list(sizes), 2))
        for dtype, count in sizes.values():
            file.write(struct.pack("<q", count) + bytes(count * _BYTES[dtype]))


class _Emitter:
    """The operations of protocol 2 in the order in which Python's own pickler writes them, memo and all."""

    def __init__(self) -> None:
        self._out, self._memo = bytearray(b"\x80\x02"), dict[str, int]()

    def dictionary(self, tensors: Mapping[str, tuple[str, tuple[int, ...], str]], wrapper: str, call: str) -> bytes:
        if wrapper:
            self._out += b"}("
            self._text(wrapper)
        self._out += b"}("
        for name, (dtype, shape, key) in tensors.items():
            self._text(name)
            self._tensor(dtype, shape, key)
        if call:
            self._text("payload")
            self._global(call)
            self._text("true")
            self._out += b"\x85R"
        self._out += b"uu" if wrapper else b"u"
        return bytes(self._out + b".")

    def _tensor(self, dtype: str, shape: tuple[int, ...], key: str) -> None:
        self._global("torch._utils _rebuild_tensor_v2")
        self._out += b"(("
        self._text("storage")
        self._global(f"torch {_STORAGES[dtype]}")
        self._text(key)
        self._text("cpu")
        self._number(math.prod(shape))
        self._out += b"tQ"
        self._number(0)
        self._tuple(shape)
        self._tuple(tuple(math.prod(shape[place + 1 :]) for place in range(len(shape))))
        self._out += b"\x89"
        self._global("collections OrderedDict")
        self._out += b")RtR"

    def _text(self, text: str) -> None:
        data = text.encode()
        self._known("t" + text, b"X" + struct.pack("<I", len(data)) + data)

    def _global(self, name: str) -> None:
        self._known("g" + name, b"c" + name.replace(" ", "\n").encode() + b"\n")

    def _known(self, key: str, written: bytes) -> None:
        number = self._memo.get(key)
        if number is not None:
            self._out += b"h" + bytes([number]) if number < 256 else b"j" + struct.pack("<I", number)
            return
        number = self._memo[key] = len(self._memo)
        self._out += written + (b"q" + bytes([number]) if number < 256 else b"r" + struct.pack("<I", number))

    def _number(self, number: int) -> None:
        small, middle = number < 256, number < 65536
        self._out += (
            b"K" + bytes([number])
            if small
            else b"M" + struct.pack("<H", number)
            if middle
            else (b"J" + struct.pack("<i", number))
        )

    def _tuple(self, numbers: tuple[int, ...]) -> None:
        if len(numbers) > 3:
            self._out += b"("
        for number in numbers:
            self._number(number)
        self._out += {0: b")", 1: b"\x85", 2: b"\x86", 3: b"\x87"}.get(len(numbers), b"t")
