"""Names, types, shapes and places of the tensors in a model's file, of either format, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from runtime.engine.pickles.reader import read_records
from runtime.engine.pickles.sketches import TYPES, Sketch
from runtime.safetensors_header import Header, read_header, starts_as_torch_file

Leaf = TypeVar("Leaf")
#: under which key trainers keep the weights, if not at the top; the averaged ones first
_WRAPPERS = ("state_dict", "params_ema", "params", "model", "module")


def read_outline(path: Path, kind: str = "file") -> Header:
    """RequestError, its code beginning with `kind`, says what is wrong with the file."""
    if not starts_as_torch_file(path):
        return read_header(path, kind)
    return header_of(state_of(read_records(path, kind).build(lambda sketch: sketch), Sketch))


def header_of(state: Mapping[str, Sketch]) -> Header:
    """As a safetensors file of these tensors has it, with a span for each whose numbers lie in order."""
    return Header(
        {name: (TYPES[one.type.name][0], one.shape) for name, one in state.items()},
        {},
        {name: span for name, one in state.items() if (span := one.span) is not None},
    )


def state_of(found: Mapping[Any, Any], leaf: type[Leaf]) -> dict[str, Leaf]:
    """The tensors of a torch file's dictionary by name: at its top, or one or two wrappers down."""
    for _depth in range(2):
        wrapper = next((key for key in _WRAPPERS if isinstance(found.get(key), dict)), None)
        at_the_top = any(isinstance(value, leaf) for value in found.values())
        if wrapper is None or (at_the_top and wrapper != "state_dict"):
            break
        found = found[wrapper]
    return {str(name): value for name, value in found.items() if isinstance(value, leaf)}
