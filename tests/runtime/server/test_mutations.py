"""Files that the server keeps, torn and changed in a thousand ways: it starts, and keeps what was there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.hashes import HashCache
from runtime.infotext import parse_infotext
from runtime.options import Options
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from runtime.setting import JOB_DEFAULTS
from runtime.settings_table import DEFAULTS
from runtime.styles import StyleBook
from tests.fakes.model_files import header, lora
from tests.fakes.mutations import mutated

CONFIG = json.dumps(
    {"sd_model_checkpoint": "模型.safetensors [abc]", "CLIP_stop_at_last_layers": 2, "their_own": [1, {"a": None}]}
    | dict(list(JOB_DEFAULTS.items())[:20])
).encode()
STYLES = 'name,prompt,negative_prompt\r\n"画风, a","a {prompt}, b","c\r\nd"\r\nb,,\r\n'.encode("utf-8-sig")
CACHE = json.dumps({"hashes": {"checkpoint/a.safetensors": {"mtime": 1.5, "sha256": "0" * 64}}}).encode()
INFOTEXT = b'a cat, (b:1.2)\nNegative prompt: c\nSteps: 20, Sampler: Euler a, Size: 512x768, Lora hashes: "a: 1, b: 2"'
SAFETENSORS = header(lora("sd1", layers=1), {"a": "b"})[0]


def use_options(file: Path) -> None:
    options = Options(file)
    assert options.known().keys() == DEFAULTS.keys()
    options.update({"jpeg_quality": 90})
    assert list(file.parent.glob(".*.tmp")) == []
    assert Options(file)["jpeg_quality"] == 90


def use_styles(file: Path) -> None:
    StyleBook([file]).styles()


def use_header(file: Path) -> None:
    with contextlib.suppress(RequestError):
        read_header(file)


def use_infotext(file: Path) -> None:
    found = parse_infotext(file.read_bytes().decode("utf-8", "replace"))
    assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize(
    ("data", "use", "count"),
    [
        (CONFIG, use_options, 1000),
        (STYLES, use_styles, 500),
        (CACHE, HashCache, 500),
        (SAFETENSORS, use_header, 1000),
        (INFOTEXT, use_infotext, 1000),
    ],
    ids=["config", "styles", "cache", "safetensors", "infotext"],
)
def test_whatever_stands_in_it(tmp_path: Path, data: bytes, use: Callable[[Path], object], count: int) -> None:
    file = tmp_path / "file"
    for seed in range(count):
        file.write_bytes(mutated(data, seed))
        try:
            use(file)
        except Exception as failure:
            raise AssertionError(f"seed {seed}: {file.read_bytes()[:300]!r}") from failure
