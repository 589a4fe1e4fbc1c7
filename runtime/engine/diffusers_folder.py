"""A checkpoint as diffusers keeps it: a folder with model_index.json and one folder per model; no tensor is read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runtime.engine.outline import read_outline
from runtime.engine.pieces import Layout, Part, Piece
from runtime.engine.traits import Family
from runtime.request import RequestError

INDEX = "model_index.json"
#: endings in the order of choice; safetensors are mapped, and full precision loses nothing
_ENDINGS = (".safetensors", ".fp16.safetensors", ".bin", ".fp16.bin")
_LARGEST_JSON = 4 * 1024 * 1024
#: how the attention of an autoencoder was called before diffusers 0.17
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_WHOLE = "Choose another folder, or download this one again."


def is_diffusers_folder(path: Path) -> bool:
    """One with an index and a U-Net."""
    return (path / INDEX).is_file() and (path / "unet").is_dir()


def folder_layout(path: Path) -> Layout:
    """RequestError with a `checkpoint-…` code says what is wrong with the folder."""
    if not is_diffusers_folder(path):
        message = f"{path.name} is a folder without {INDEX} and unet, so it holds no checkpoint."
        raise RequestError("checkpoint-unreadable", message, "Choose a file, or a folder in diffusers' layout.")
    unet = _part(path, "unet", "diffusion_pytorch_model")
    vae = _part(path, "vae", "diffusion_pytorch_model")
    texts = tuple(_text(path, name) for name in ("text_encoder", "text_encoder_2") if (path / name).is_dir())
    if not texts:
        raise RequestError("checkpoint-not-a-model", f"{path.name} lacks the folder text_encoder.", _WHOLE)
    scheduler = {
        key: str(value)
        for key, value in _json(path / "scheduler" / "scheduler_config.json").items()
        if value is not None
    }
    scaling = _json(path / "vae" / "config.json").get("scaling_factor")
    known = float(scaling) if isinstance(scaling, (int, float)) and math.isfinite(scaling) and scaling > 0 else None
    family = _family(path, unet, len(texts))
    return Layout(path, family, unet, vae, texts, {}, frozenset(), scheduler, known)


def _family(path: Path, unet: Part, texts: int) -> Family:
    """By the tensors: SDXL adds an embedding of sizes, 2.x projects with matrices where 1.x has convolutions."""
    if "add_embedding.linear_1.weight" in unet.pieces:
        small = (path / "text_encoder").is_dir()
        if texts == 1 and small:
            raise RequestError("checkpoint-not-a-model", f"{path.name} lacks the folder text_encoder_2.", _WHOLE)
        return "sdxl" if small else "sdxl-refiner"
    projection = unet.pieces.get("down_blocks.0.attentions.0.proj_in.weight")
    return "sd2" if projection is not None and len(projection.shape) == 2 else "sd1"


def _part(folder: Path, name: str, stem: str) -> Part:
    pieces: dict[str, Piece] = {}
    for file in _files(folder, name, stem):
        for key, (_dtype, shape) in read_outline(file, "checkpoint").tensors.items():
            ours = modern(key) if name == "vae" else key
            flat = name == "vae" and ".attentions." in ours and len(shape) == 4 and shape[2:] == (1, 1)
            pieces[ours] = Piece(key, shape[:2] if flat else shape, "flat" if flat else "", file)
    return Part(pieces, lambda ours: f"{name}/{ours}")


def modern(name: str) -> str:
    """A name in diffusers' autoencoder as it is since 0.17."""
    module, _, kind = name.rpartition(".")
    start, _, last = module.rpartition(".")
    return f"{start}.{_OLD_ATTENTION[last]}.{kind}" if ".attentions." in name and last in _OLD_ATTENTION else name


def _text(folder: Path, name: str) -> Part:
    read = _part(folder, name, "model")
    pieces = {key.removeprefix("text_model."): piece for key, piece in read.pieces.items()}
    if name == "text_encoder":
        pieces.pop("text_projection.weight", None)
    return Part(pieces, lambda ours: f"{name}/text_model.{ours}")


def _files(folder: Path, name: str, stem: str) -> Iterator[Path]:
    """The weights of one model: one file, or the parts that an index names."""
    for ending in _ENDINGS:
        for start in (stem, "pytorch_model") if ending.endswith(".bin") else (stem,):
            file = folder / name / (start + ending)
            if file.is_file():
                yield file
                return
            index = file.with_name(file.name + ".index.json")
            if index.is_file():
                yield from _parts(index)
                return
    message = f"{folder.name} lacks the weights of its {name}."
    raise RequestError("checkpoint-not-a-model", message, _WHOLE)


def _parts(index: Path) -> Iterator[Path]:
    named = _json(index).get("weight_map")
    names = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
    for name in names:
        # a part lies beside its index, whatever the index says
        if Path(name).name != name:
            raise RequestError("checkpoint-damaged", f"{index.name} names a file elsewhere: {name!r:.80}.", _WHOLE)
        yield index.with_name(name)


def _json(file: Path) -> Mapping[str, Any]:
    """Empty where there is none."""
    if not file.is_file():
        return {}
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read(_LARGEST_JSON))
    except (OSError, ValueError, RecursionError) as broken:
        message = f"{file.parent.name}/{file.name} cannot be read: {broken}."
        raise RequestError("checkpoint-damaged", message, _WHOLE) from broken
    return found if isinstance(found, dict) else {}
