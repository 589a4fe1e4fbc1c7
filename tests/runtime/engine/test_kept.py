"""Models that were drawn with are kept as long as there is room, and only while their files stay as they were."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from runtime.engine.checkpoint import load_checkpoint
from runtime.engine.kept import RESERVE, KeptModels, stamp_of
from runtime.engine.shortage import lacks_memory
from runtime.worker import Worker
from runtime.worker_flags import parse


class Parked:
    """Of a model, what is kept: is it on its device?"""

    sound = True

    def __init__(self, path: Path) -> None:
        self.path, self.store, self.there = path, self, True

    def park(self):
        self.there = False

    def unpark(self):
        self.there = True


@pytest.fixture
def files(tmp_path):
    names = [tmp_path / name for name in ("a", "b", "c")]
    for number, path in enumerate(names):
        path.write_bytes(bytes(number + 1))
    return names


def keep(kept, path):
    model = Parked(path)
    kept.put(model, stamp_of(path))
    return model


def test_a_kept_model_has_nothing_on_the_device(files):
    kept = KeptModels(room=lambda: 1 << 40)
    model = keep(kept, files[0])
    assert not model.there
    assert kept.take(files[0]) is model
    assert kept.take(files[0]) is None


@pytest.mark.parametrize("change", ["longer", "gone", "another file of the same size"])
def test_a_file_that_has_changed_is_read_again(files, change):
    kept = KeptModels(room=lambda: 1 << 40)
    keep(kept, files[0])
    if change == "longer":
        files[0].write_bytes(bytes(7))
    else:
        files[0].unlink()
    if change.startswith("another"):
        files[0].write_bytes(bytes(9))
        files[0].write_bytes(bytes(1))
    assert kept.take(files[0]) is None


def test_the_oldest_goes_where_there_is_no_room(files):
    free = iter([0, 10, RESERVE + 10])
    kept = KeptModels(room=lambda: next(free))
    models = [keep(kept, path) for path in files]
    kept.make_room(10)
    assert [kept.take(path) for path in files] == [None, None, models[2]]


def test_where_nobody_tells_how_much_room_there_is_none_is_kept(files):
    kept = KeptModels(room=lambda: None)
    keep(kept, files[0])
    kept.make_room(1)
    assert kept.take(files[0]) is None


def test_the_limit_counts_the_one_that_draws(files):
    kept = KeptModels(limit=2, room=lambda: 1 << 40)
    models = [keep(kept, path) for path in files]
    kept.make_room(1)
    assert [kept.take(path) for path in files] == [None, None, models[2]]


def test_a_model_that_memory_cannot_hold_lies_in_a_file_that_nobody_sees(checkpoint_file, tmp_path, monkeypatch, capfd):
    """It draws the same; its weights can be changed, and the checkpoint's file stays as it is."""
    from runtime.engine import kept

    monkeypatch.setattr(kept.lacks_room, "__defaults__", (lambda: 1 << 20,))
    said = []
    worker = Worker(SimpleNamespace(send=lambda message: said.append(message.body)), settings_in(tmp_path))
    before = checkpoint_file.read_bytes()
    model = worker.read(checkpoint_file, "0")
    assert "read from the disk" in capfd.readouterr().err
    (told,) = [body for body in said if body["event"] == "on_disk"]
    assert (told["title"], told["free"]) == (checkpoint_file.name, 1 << 20)
    assert told["needed"] >= sum(one.nbytes for one in model.store.modules("unet")[0].parameters())
    assert model.store.on_disk
    assert list((tmp_path / "cache").iterdir()) == []
    plain = load_checkpoint(checkpoint_file, model.store.policy.precision, channels_last=True)
    weights = dict(model.store.modules("unet")[0].named_parameters())
    assert all(torch.equal(weights[name], one) for name, one in plain.unet.named_parameters())
    weights["conv_in.weight"].zero_()
    assert checkpoint_file.read_bytes() == before


def test_a_disk_without_room_is_told_as_memory_that_is_lacking(checkpoint_file, tmp_path, monkeypatch):
    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(MemoryError) as lacking:
        load_checkpoint(checkpoint_file, folder=tmp_path)
    assert lacks_memory(lacking.value)


def settings_in(folder):
    return replace(parse(["--use-cpu", "all", "--data-dir", str(folder), "3"]), hashing=False)


def test_going_back_reads_nothing(checkpoint_file, tmp_path, monkeypatch):
    """The worker's own way, from one file to another and back."""
    from runtime.engine import checkpoint

    other = tmp_path / "other.safetensors"
    other.write_bytes(checkpoint_file.read_bytes())
    reads = []
    real = checkpoint.load_checkpoint
    monkeypatch.setattr(checkpoint, "load_checkpoint", lambda path, *more: reads.append(path) or real(path, *more))
    worker = Worker(SimpleNamespace(send=lambda _message: None), settings_in(tmp_path))
    worker.kept = KeptModels(room=lambda: 1 << 40)
    first = worker.read(checkpoint_file, "0")
    second = worker.read(other, "0")
    assert worker.read(checkpoint_file, "0") is first
    assert worker.read(other, "0") is second
    assert reads == [checkpoint_file, other]
    other.write_bytes(other.read_bytes())
    worker.read(checkpoint_file, "0")
    assert worker.read(other, "0") is not second
    worker.unload()
    assert worker.read(other, "0") is worker.model
    assert len(reads) == 4


def test_a_file_that_is_loaded_again_is_not_in_memory_twice(checkpoint_file, tmp_path):
    """As it was, it is not read; where it has changed, the old model goes."""
    other = tmp_path / "other.safetensors"
    other.write_bytes(checkpoint_file.read_bytes())
    worker = Worker(SimpleNamespace(send=lambda _message: None), settings_in(tmp_path))
    worker.kept = KeptModels(room=lambda: 1 << 40)
    first = worker.read(other, "0")
    assert worker.read(other, "0") is first
    other.write_bytes(other.read_bytes())
    assert worker.read(other, "0") is not first
    assert not worker.kept._models


def test_a_file_that_has_changed_has_another_hash(checkpoint_file, tmp_path):
    other, third = tmp_path / "other.safetensors", tmp_path / "third.safetensors"
    for path in (other, third):
        path.write_bytes(checkpoint_file.read_bytes())
    worker = Worker(SimpleNamespace(send=lambda _message: None), settings_in(tmp_path))
    worker.kept = KeptModels(room=lambda: None)
    assert worker.read(other, "0").sha256 == "0"
    worker.read(third, "3")
    assert worker.fetch(other).sha256 == "0"
    worker.fetch(third)
    other.write_bytes(other.read_bytes())
    assert worker.fetch(other).sha256 is None, "hashing is off"
