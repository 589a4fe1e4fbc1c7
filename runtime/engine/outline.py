"""Names, types and shapes of the tensors in a model's file, of either format, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from runtime.engine.sketches import TYPES, Sketch
from runtime.engine.torch_file import is_torch_file, read_torch_file
from runtime.safetensors_header import Header, read_header

Leaf = TypeVar("Leaf")
#: under which key trainers keep the weights, if not at the top; the averaged ones first
_WRAPPERS = ("state_dict", "params_ema", "params", "model", "module")


def read_outline(path: Path, kind: str = "file") -> Header:
    """RequestError, its code beginning with `kind`, says what is wrong with the file."""
    try:
        with path.open("rb") as file:
            torch_file = is_torch_file(file.read(16))
    except OSError:
        torch_file = False
    if not torch_file:
        return read_header(path, kind)
    state = state_of(read_torch_file(path, kind, lambda sketch, _file: sketch), Sketch)
    return Header({name: (TYPES[one.type.name][0], one.shape) for name, one in state.items()}, {})


def state_of(found: Mapping[Any, Any], leaf: type[Leaf]) -> dict[str, Leaf]:
    """The tensors of a torch file's dictionary by name: at its top, or one or two wrappers down."""
    for _depth in range(2):
        wrapper = next((key for key in _WRAPPERS if isinstance(found.get(key), dict)), None)
        at_the_top = any(isinstance(value, leaf) for value in found.values())
        if wrapper is None or (at_the_top and wrapper != "state_dict"):
            break
        found = found[wrapper]
    return {str(name): value for name, value in found.items() if isinstance(value, leaf)}
