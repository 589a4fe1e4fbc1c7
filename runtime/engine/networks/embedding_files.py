"""Containers of textual inversion: AUTOMATIC1111's .pt and its pictures, diffusers' .bin, .safetensors of both."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from runtime.engine.pickles.reader import Reader
from runtime.engine.tensors import read_tensors
from runtime.hashes import sha256_of
from runtime.request import RequestError

_PICTURES = (".png", ".webp")
ENDINGS = (".pt", ".bin", ".safetensors", *_PICTURES)
#: the key of a PNG's text in which AUTOMATIC1111 keeps the vectors
PICTURE_KEY = "sd-ti-embedding"
#: what a chunk of a prompt holds
MOST_VECTORS = 75
#: bytes; the vectors of a whole chunk are under one million, a picture around them has several
LARGEST = 100_000_000
#: SDXL's text models in order
_PAIR = ("clip_l", "clip_g")


@dataclass(frozen=True)
class EmbeddingFile:
    """`vectors`: (count, width) per text model, float32; what AUTOMATIC1111's trainer wrote, None elsewhere."""

    name: str
    path: Path
    vectors: tuple[Tensor, ...]
    sha256: str
    step: int | None = None
    sd_checkpoint: str | None = None
    sd_checkpoint_name: str | None = None


def read_embedding(path: Path, reader: Reader | None = None) -> EmbeddingFile | None:
    """None for a picture without vectors (a preview); `reader` is for many at once.

    RequestError `embedding-…` says what is wrong.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise _unreadable(path.name, f"its {size:,} bytes are far more than vectors take")
    if path.suffix.lower() in _PICTURES:
        found = _in_picture(path)
        if found is None:
            return None
    else:
        found = read_tensors(path, "embedding", reader)[0]
    vectors = tuple(_checked(path.name, tensor) for tensor in _vectors(path.name, found))
    if any(len(one) != len(vectors[0]) for one in vectors):
        raise _unreadable(path.name, "its text models' vectors differ in number")
    # a picture may carry the name that its word was trained under; other files are called as they are
    named = _word(found.get("name")) if path.suffix.lower() in _PICTURES else None
    step = found.get("step")
    return EmbeddingFile(
        name=named if named and named.strip() else path.stem,
        path=path,
        vectors=vectors,
        sha256=sha256_of(path),
        step=step if isinstance(step, int) and abs(step) < 2**63 else None,
        sd_checkpoint=_word(found.get("sd_checkpoint")),
        sd_checkpoint_name=_word(found.get("sd_checkpoint_name")),
    )


def _vectors(name: str, found: Mapping[str, Any]) -> tuple[Any, ...]:
    """By what is inside: one tensor, or one per text model of SDXL."""
    if "string_to_param" in found:
        tensors = _of_words(found["string_to_param"])
        if len(tensors) != 1:
            raise _unreadable(name, f"it holds {len(tensors)} words, not one")
        return tensors
    if all(key in found for key in _PAIR):
        return tuple(found[key] for key in _PAIR)
    if "emb_params" in found:
        return (found["emb_params"],)
    tensors = tuple(value for value in found.values() if isinstance(value, Tensor))
    if len(tensors) != 1:
        raise _unreadable(name, "it is no textual inversion")
    return tensors


def _of_words(inner: Any) -> tuple[Tensor, ...]:
    """Of a dictionary, or of torch's ParameterDict, which some releases write with its inside out."""
    if not isinstance(inner, Mapping):
        return ()
    parameters = inner.get("_parameters")
    found = parameters if isinstance(parameters, Mapping) and parameters else inner
    return tuple(value for value in found.values() if isinstance(value, Tensor))


def _checked(name: str, tensor: Any) -> Tensor:
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point() or tensor.ndim not in (1, 2):
        raise _unreadable(name, "it holds no vectors")
    vectors: Tensor = tensor.detach().float().clone()
    vectors = vectors[None] if vectors.ndim == 1 else vectors
    if not 0 < len(vectors) <= MOST_VECTORS:
        raise _unreadable(name, f"it has {len(vectors)} vectors; a prompt's chunk holds {MOST_VECTORS}")
    if not torch.isfinite(vectors).all():
        raise _unreadable(name, "some of its numbers are no numbers")
    return vectors


#: what Pillow, base64, json and torch say of damaged pictures and of numbers that are none; RecursionError is the fifth
_BROKEN = (
    *(OSError, ValueError, TypeError, OverflowError, RuntimeError, SyntaxError, EOFError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


def _in_picture(path: Path) -> dict[str, Any] | None:
    """The JSON in a PNG's text, tensors as nested lists under "TORCHTENSOR"."""
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            written = getattr(picture, "text", {}).get(PICTURE_KEY)
        if written is None:
            return None
        found = json.loads(base64.b64decode(written), object_hook=_with_tensors)
    except _BROKEN as broken:
        raise _unreadable(path.name, str(broken) or type(broken).__name__) from broken
    if not isinstance(found, dict):
        raise _unreadable(path.name, "its text is no object")
    return found


def _with_tensors(found: dict[str, Any]) -> Any:
    return torch.tensor(found["TORCHTENSOR"], dtype=torch.float32) if "TORCHTENSOR" in found else found


def _word(value: Any) -> str | None:
    """Text that can be written down; half a surrogate pair cannot."""
    return value if isinstance(value, str) and value.encode(errors="ignore").decode() == value else None


def _unreadable(name: str, why: str) -> RequestError:
    what = f"{name} cannot be used as an embedding: {why}."
    return RequestError("embedding-unreadable", what, "Take it out of the embeddings folder, or download it again.")
