"""A torch file as safetensors, without running anything in it: `python -m runtime.engine.convert SOURCE TARGET`.

Prints lines of JSON: `{"done", "total"}` in bytes now and then, at the end `{"ok", "tensors"}` or `{"ok", "code",
"message"}`; exit code 0 or 1. What was written is read back and compared, bit by bit, before it gets its name.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from runtime.engine.tensors import open_tensors
from runtime.request import RequestError

#: bytes between two lines of progress
_EVERY = 256 * 1024 * 1024


def convert(source: Path, target: Path, say: Callable[[dict[str, Any]], None]) -> int:
    """How many tensors were written to `target`, which must not be there; RequestError says what is wrong."""
    _check(target)
    # a folder of its own, since the library too writes beside first; whoever ends this process can take it away
    work = target.with_name(f".{target.name}.part")
    try:
        with open_tensors(source, "model") as opened:
            tensors = _apart({name: opened.get(name) for name in opened.header.tensors})
            if not tensors:
                raise RequestError("model-not-a-model", f"{source.name} holds no tensors.", "Choose another file.")
            work.mkdir(exist_ok=True)
            part = work / "part"
            save_file(tensors, part, metadata={"format": "pt"})
            _compare(part, tensors, say)
        # the library makes it readable by its owner alone
        shutil.copymode(source, part)
        _check(target)
        part.rename(target)
        return len(tensors)
    except (OSError, SafetensorError) as refused:
        message = f"{target.name} cannot be written: {refused}."
        raise RequestError("cannot-save", message, "Look whether the disk is full.") from refused
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check(target: Path) -> None:
    if target.exists():
        raise RequestError("already-there", f"{target.name} is there already.", "Rename it first.")


def _apart(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each with numbers of its own: the format keeps none twice under one place (tied weights, views)."""
    found: dict[str, torch.Tensor] = {}
    places: set[int] = set()
    for name, tensor in tensors.items():
        whole = tensor.contiguous()
        place = whole.untyped_storage().data_ptr()
        lone = whole.untyped_storage().nbytes() == whole.nbytes and place not in places
        found[name] = whole if lone else whole.clone()
        places.add(place)
    return found


def _compare(file: Path, tensors: dict[str, torch.Tensor], say: Callable[[dict[str, Any]], None]) -> None:
    total, done, said = sum(tensor.nbytes for tensor in tensors.values()), 0, 0
    with open_tensors(file, "model") as opened:
        for name, tensor in tensors.items():
            written = opened.get(name)
            same = written.dtype == tensor.dtype and written.shape == tensor.shape
            if not same or not torch.equal(_bytes(written), _bytes(tensor)):
                raise RequestError("convert-failed", f"{name} was not written as it is.", "Look at the disk.")
            done += tensor.nbytes
            if done - said >= _EVERY:
                said = done
                say({"done": done, "total": total})


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    """Compared as they lie: a NaN equals nothing."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _say(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def main(words: list[str]) -> int:
    """The exit code."""
    try:
        count = convert(Path(words[0]), Path(words[1]), _say)
    except RequestError as refused:
        _say({"ok": False, "code": refused.code, "message": str(refused)})
        return 1
    _say({"ok": True, "tensors": count})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
