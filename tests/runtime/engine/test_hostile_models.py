"""Hostile model files are read by every reader there is: nothing in them runs, and good ones are not refused."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from runtime.engine.pickles.reader import Reader
from runtime.engine.tensors import read_tensors
from tests.fakes.hostile_models import GADGETS, call, hidden, packed, write_hostile, zipped
from tests.fakes.model_files import checkpoint, lora, write_safetensors, write_torch

READER = Path(__file__).with_name("hostile_reader.py")


def test_the_payload_is_live(tmp_path: Path) -> None:
    """Whoever lets the standard library read such a file has run it."""
    canary = tmp_path / "canary"
    file = tmp_path / "file.ckpt"
    file.write_bytes(call("os system", f"touch {canary}"))
    subprocess.run(
        [sys.executable, "-c", "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))", str(file)], check=True
    )
    assert canary.exists()


def test_nothing_in_a_hostile_file_runs(tmp_path: Path) -> None:
    folder, harmless, canary = tmp_path / "models", tmp_path / "harmless", tmp_path / "canary"
    folder.mkdir()
    harmless.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that stands twice in an archive is the point
        files = list(write_hostile(folder, canary))
        plain = pickle.dumps({"state": {"w": 1}}, 2)
        for name, data in (packed(plain) | hidden(plain)).items():
            (harmless / name).write_bytes(data)
    assert len(files) >= 164
    words = [sys.executable, str(READER), str(harmless), str(folder)]
    run = subprocess.run(
        words, capture_output=True, text=True, cwd=tmp_path, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["read"] == len(files)
    assert told["did"] == []
    assert list(tmp_path.glob("canary*")) == []
    assert {path.name for path in folder.iterdir()} == {path.name for path in files}, "nothing was added or taken away"


def test_the_corpus_is_what_was_promised() -> None:
    assert len(set(GADGETS)) >= 133
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(packed(b"x" * 9)) >= 22
    assert len(hidden(b"x" * 9)) >= 9


def good_files(folder: Path) -> list[Path]:
    """200 as their makers write them, in every format, with the strange things that honest files have."""
    made = []
    for number in range(50):
        rank = 1 + number % 16
        made.append(
            write_safetensors(folder / f"{number}.safetensors", lora("sd1", layers=2, rank=rank), {"a": "模" * number})
        )
        made.append(write_torch(folder / f"{number}.pt", lora("sd1", layers=2, rank=rank), old=bool(number % 2)))
        small = checkpoint("sd1", blocks=1)
        made.append(write_torch(folder / f"{number}.ckpt", dict(list(small.items())[:3]), wrapper="state_dict"))
        file = folder / f"{number}.pth"
        value = {"w": torch.randn(2, 3), "epoch": number, "name": "x", "nested": {"b": torch.zeros(number % 3)}}
        torch.save(value, file, _use_new_zipfile_serialization=bool(number % 2))
        made.append(file)
    return made


def test_of_two_hundred_good_files_none_is_refused(tmp_path: Path) -> None:
    files = good_files(tmp_path)
    assert len(files) == 200
    with Reader() as reader:
        assert all(read_tensors(path, "file", reader)[0] for path in files)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100])
def test_a_file_that_is_cut_is_named_and_costs_nothing(tmp_path: Path, size: int) -> None:
    from runtime.request import RequestError

    for name, data in {
        "a.ckpt": zipped(("archive/data.pkl", b"\x80\x02}.")),
        "b.pt": call("os system", "true"),
    }.items():
        file = tmp_path / name
        file.write_bytes(data[:size])
        with pytest.raises(RequestError):
            read_tensors(file)
