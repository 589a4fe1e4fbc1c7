"""Model files: how long headers and pickles take to be looked at, and what comes of hostile and of good ones.

    python -m tests.release.model_files [--large]    prints one JSON line and writes results/model_files.json

`--large` also converts a torch file of 2 GiB. Times are of the processor, the children's too, so that other work on
the computer counts little; the least of several rounds is told.
"""

from __future__ import annotations

import argparse
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.engine.pickles.reader import CHILD, Reader, _missing
from runtime.request import RequestError
from runtime.safetensors_header import LARGEST_HEADER, MOST_TENSORS, read_header
from tests.fakes.hostile_models import write_hostile
from tests.fakes.model_files import checkpoint, lora, write_safetensors, write_torch
from tests.release.measured import computer

RESULT = Path(__file__).with_name("results") / "model_files.json"
_ROUNDS = 9


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--large", action="store_true")
    large = words.parse_args().large
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found: dict[str, Any] = {
            "headers": headers(place),
            "pickles": pickles(place),
            **hostile(place / "hostile"),
            **good(place / "good"),
            **(conversion(place) if large else {}),
        }
    found = computer() | found
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


def used() -> float:
    """Seconds of the processor, of this process and its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def least(act: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """Milliseconds."""
    times = []
    for _ in range(rounds):
        began = used()
        act()
        times.append((used() - began) * 1000)
    return round(min(times), 1)


# -- headers of safetensors


def headers(place: Path) -> list[dict[str, Any]]:
    """Of usual files, of the largest that are taken, and of those that are made to cost."""
    files = {
        "a checkpoint of SDXL": write_safetensors(place / "xl.safetensors", checkpoint("sdxl", blocks=105)),
        "a LoRA of SDXL": write_safetensors(place / "lora.safetensors", lora("sdxl", layers=722)),
        "a LoRA with 1 MB of metadata": write_safetensors(
            place / "told.safetensors", lora("sdxl", layers=722), {"ss_tag_frequency": json.dumps({"猫": 1}) * 60_000}
        ),
        f"{MOST_TENSORS:,} tensors": _raw(place / "most", _many(MOST_TENSORS), 4 * MOST_TENSORS),
    } | {name: _raw(place / name, text, 8) for name, text in _nasty().items()}
    rows = []
    for name, file in files.items():
        with file.open("rb") as opened:
            (size,) = struct.unpack("<Q", opened.read(8))
        rows.append({"header": name, "kB": size // 1000, "ms": least(lambda: _look(file)), "answer": _look(file)})  # noqa: B023
    return rows


def _look(file: Path) -> str:
    try:
        read_header(file)
    except RequestError as refused:
        return refused.code
    return "read"


def _raw(file: Path, text: bytes, room: int) -> Path:
    with file.open("wb") as opened:
        opened.write(struct.pack("<Q", len(text)) + text)
        opened.truncate(8 + len(text) + room)
    return file


def _many(count: int) -> bytes:
    entry = {"dtype": "F32", "shape": [1]}
    named = {f"model.blocks.{k}.weight": entry | {"data_offsets": [4 * k, 4 * k + 4]} for k in range(count)}
    return json.dumps(named).encode()


def _nasty() -> dict[str, bytes]:
    full = LARGEST_HEADER - 100
    return {
        "100,000 tensors": _many(100_000),
        "sides": b'{"a": {"dtype": "U8", "shape": [' + b"1," * (full // 2) + b'1], "data_offsets": [0, 8]}}',
        "lists": b'{"a": [' + b"[]," * (full // 3) + b"1]}",
        "depth": b'{"a": ' + b"[" * full,
        "digits": b'{"a": ' + b"9" * full + b"}",
        "names": b"{" + b",".join(b'"%d": 0' % k for k in range(200_000)) + b"}",
        "names, as many as are parsed": b"{" + b",".join(b'"%d":0' % k for k in range(5 * MOST_TENSORS)) + b"}",
        "one text": b'{"__metadata__": {"a": "' + b"x" * (full - 100) + b'"}}',
        "escapes": b'{"__metadata__": {"a": "' + b"\\u00e9" * (full // 6 - 100) + b'"}}',
        "backslashes": b'{"__metadata__": {"a": "' + b"\\\\" * (full // 2 - 100) + b'"}}',
        "metadata": json.dumps({"__metadata__": {str(k): "x" * 90 for k in range(50_000)}}).encode(),
        "blanks": b'{"a": ' + b" " * full + b"1}",
        "too long": b"{" + b" " * (LARGEST_HEADER + 1) + b"}",
    }


# -- torch files


def pickles(place: Path) -> list[dict[str, Any]]:
    """What a process of its own costs."""
    vectors = write_torch(place / "vectors.pt", {"emb_params": ("F32", (4, 768))})
    zipped = write_torch(place / "whole.ckpt", checkpoint("sdxl", blocks=105), wrapper="state_dict")
    stream = write_torch(place / "old.ckpt", checkpoint("sdxl", blocks=105), wrapper="state_dict", old=True)

    def alone(file: Path) -> Callable[[], object]:
        def read() -> None:
            with Reader() as reader:
                assert "nodes" in reader.read(file)[1]

        return read

    def hundred() -> None:
        with Reader() as reader:
            assert all("nodes" in reader.read(vectors)[1] for _ in range(100))

    return [
        {"read": "an interpreter that starts and ends", "ms": least(_empty)},
        {"read": "an embedding", "ms": least(alone(vectors))},
        {"read": "100 embeddings, one process", "ms": least(hundred)},
        {"read": "a checkpoint of SDXL's tensors, archive", "ms": least(alone(zipped))},
        {"read": "a checkpoint of SDXL's tensors, older stream", "ms": least(alone(stream))},
    ]


def _empty() -> None:
    subprocess.run([*CHILD[:4], "pass"], check=True)


def hostile(folder: Path) -> Mapping[str, Any]:
    """Every one by the real process; which fences stood around it."""
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = list(write_hostile(folder, folder.with_name("canary")))
    with Reader() as reader:
        told = [reader.read(file)[1] for file in files]
    executed = len(list(folder.parent.glob("canary*")))
    return {
        "hostile_files": len(files),
        "hostile_executed": executed,
        "hostile_read_as_data": sum("nodes" in one for one in told),
        "fences": ", ".join(_fences()),
    }


def _fences() -> list[str]:
    heard: list[Mapping[str, Any]] = []
    from runtime.engine.pickles import reader as module

    module._missing = lambda told: heard.append(told) or _missing(told)  # type: ignore[func-returns-value]
    try:
        with tempfile.TemporaryDirectory() as folder, Reader() as reader:
            reader.read(write_torch(Path(folder) / "a.pt", {"a": ("F32", (1,))}))
    finally:
        module._missing = _missing
    return list(heard[0]["fences"])


def good(folder: Path) -> Mapping[str, Any]:
    """200 as their makers write them, and how many of them are refused."""
    from tests.runtime.engine.test_hostile_models import good_files

    folder.mkdir()
    files = good_files(folder)
    with Reader() as reader:
        taken = sum(_is_taken(file, reader) for file in files)
    return {"good_files": len(files), "good_refused": len(files) - taken}


def _is_taken(file: Path, reader: Reader) -> bool:
    from runtime.engine.tensors import read_tensors

    try:
        return bool(read_tensors(file, "file", reader)[0])
    except RequestError:
        return False


def conversion(place: Path) -> Mapping[str, Any]:
    """2 GiB of numbers, by the command that the launcher gives."""
    side = ("F16", (1024, 1024, 16))
    source = write_torch(place / "large.ckpt", {f"model.{k}.weight": side for k in range(64)}, wrapper="state_dict")
    began = time.monotonic()
    # the system's own figure for a child counts what its parent had
    code = (
        "import re, sys; from pathlib import Path; from runtime.engine.convert import main; "
        "assert main(sys.argv[1:]) == 0; "
        "print(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    words = [sys.executable, "-c", code, str(source), str(place / "large.safetensors")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "converted_MiB": source.stat().st_size >> 20,
        "conversion_peak_MiB": int(told[-1]) >> 10,
        "conversion_processor_s": round(sum(usage[:2]) - sum(before[:2]), 1),
        "conversion_s": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    main()
