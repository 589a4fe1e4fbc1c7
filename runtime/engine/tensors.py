"""A file of tensors, safetensors or torch's own format: which of the two is told by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from runtime.engine.outline import header_of, state_of
from runtime.engine.pickled import read_pickled, tensor_of
from runtime.engine.pickles.reader import Reader, read_records
from runtime.engine.pickles.sketches import Sketch
from runtime.request import RequestError
from runtime.safetensors_header import Header, read_header, starts_as_torch_file


def read_tensors(path: Path, kind: str = "file", reader: Reader | None = None) -> tuple[dict[Any, Any], dict[str, str]]:
    """(tensors by name, metadata); a torch file, read by `reader` or a process for it alone, comes out with everything
    that is in it, dictionaries in dictionaries.

    RequestError, its code beginning with `kind`, says what is wrong with the file.
    """
    if starts_as_torch_file(path):
        return read_pickled(path, kind, reader), {}
    header = read_header(path, kind)
    with _safetensors(path, kind) as get, _named(path, kind):
        return {name: get(name).clone() for name in header.tensors}, header.metadata


@dataclass(frozen=True)
class Opened:
    """A file whose tensors are read one by one; what `get` gives lies in the file and has to be copied."""

    header: Header
    get: Callable[[str], Tensor]


@contextmanager
def open_tensors(path: Path, kind: str = "file") -> Iterator[Opened]:
    """The weights of a model, in either format; RequestError as in `read_tensors`."""
    if starts_as_torch_file(path):
        records = read_records(path, kind)
        state = state_of(records.build(lambda sketch: sketch), Sketch)
        yield Opened(header_of(state), lambda name: tensor_of(records, state[name]))
        return
    header = read_header(path, kind)
    with _safetensors(path, kind) as get:
        yield Opened(header, get)


@contextmanager
def _safetensors(path: Path, kind: str) -> Iterator[Callable[[str], Tensor]]:
    """What gives a tensor by its name."""

    def get(name: str) -> Tensor:
        with _named(path, kind):
            tensor: Tensor = file.get_tensor(name)
            return tensor

    with ExitStack() as stack:
        with _named(path, kind):
            file = stack.enter_context(safe_open(path, framework="pt"))
        yield get


@contextmanager
def _named(path: Path, kind: str) -> Iterator[None]:
    """Whatever the library has against a file, as a RequestError; it checks the header once more, in its own way."""
    try:
        yield
    except SafetensorError as refused:
        message = f"The header of {path.name} is damaged ({refused})."
        raise RequestError(f"{kind}-damaged", message, "Download the file again.") from refused
    except (OSError, ValueError, OverflowError) as broken:
        message = f"{path.name} cannot be read: {broken}."
        raise RequestError(f"{kind}-unreadable", message, "Check its disk and try again.") from broken
