"""Launcher and runtime judge the same files alike, each by its own code: the launcher may not know the runtime's."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core.models.kind import judge
from launcher.core.models.outline import BrokenError, read_outline
from launcher.core.paths import checkout
from tests.fakes.model_files import VAE, checkpoint, lora, write_safetensors, write_torch

# Read in one process for all files: what the runtime makes of each, family or code.
CODE = """
import json, pathlib, sys
from runtime.engine.layout import read_layout
from runtime.request import RequestError
found = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        found[path.name] = read_layout(path).family
    except RequestError as refused:
        found[path.name] = refused.code.removeprefix("checkpoint-").removeprefix("is-")
print(json.dumps(found))
"""


def files(folder: Path) -> Iterator[Path]:
    """Sound ones of each family in each format, other kinds, and damaged ones of many sorts."""
    chance = random.Random(7)
    for family in ("sd1", "sd2", "sdxl", "sdxl-refiner"):
        shapes = checkpoint(family, blocks=2)
        yield write_safetensors(folder / f"{family}.safetensors", shapes)
        yield write_torch(folder / f"{family}.ckpt", shapes, wrapper="state_dict")
        yield write_torch(folder / f"{family}-old.ckpt", shapes, old=True)
    yield write_safetensors(folder / "lora.safetensors", lora("sd1", layers=2))
    yield write_safetensors(folder / "vae.safetensors", VAE)
    sound = {ending: (folder / f"sd1{ending}").read_bytes() for ending in (".safetensors", ".ckpt", "-old.ckpt")}
    for ending, data in sound.items():
        for number in range(12):
            path = folder / f"cut{number}{ending}"
            path.write_bytes(data[: chance.randrange(len(data))])
            yield path
    header = len(sound[".safetensors"]) - 900_000
    for number in range(40):
        bent = bytearray(sound[".safetensors"])
        bent[chance.randrange(8, min(header, 4000))] = chance.randrange(256)
        path = folder / f"bent{number}.safetensors"
        path.write_bytes(bent)
        yield path
    for number in (12_000, 12_001):
        shapes = checkpoint("sd1", blocks=2)
        shapes |= {f"more.{one}": ("F16", (1,)) for one in range(number - len(shapes))}
        yield write_safetensors(folder / f"tensors{number}.safetensors", shapes)
    for name, content in (
        ("wide", (8_000_001).to_bytes(8, "little") + b"{" + b" " * 8_000_000 + b"}"),
        ("empty", b""), ("short", b"abc"), ("page", b"<!doctype html>" * 9), ("xml", b"\n<?xml version='1.0'?>   "),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\n" * 3), ("picture", b"\x89PNG\r\n\x1a\n" * 9),
        ("zeros", bytes(4000)), ("longer", sound[".safetensors"] + b"x"),
    ):  # fmt: skip
        path = folder / f"{name}.safetensors"
        path.write_bytes(content)
        yield path


def ours(path: Path) -> str:
    try:
        found = judge(read_outline(path))
    except BrokenError as broken:
        return broken.code
    return found.family or "none" if found.kind == "checkpoint" else "not-a-model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    assert len(list(files(folder))) > 90
    return folder


def test_both_say_the_same_of_every_file(folder: Path) -> None:
    command = [sys.executable, "-c", CODE, str(folder)]
    answer = subprocess.run(command, cwd=checkout(), capture_output=True, text=True, check=True)
    runtimes: dict[str, str] = json.loads(answer.stdout)
    differing = {
        path.name: (runtimes[path.name], mine)
        for path in sorted(folder.iterdir())
        if (mine := ours(path)) != runtimes[path.name]
    }
    assert differing == {}
