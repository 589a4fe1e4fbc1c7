"""Memory that runs out: the job is answered, what it held is free, and the next one runs."""

import gc
import weakref
from dataclasses import asdict, replace

import pytest
import torch

from runtime.channel import Message
from runtime.engine import autoencoder
from runtime.request import Request, RequestError, Start
from runtime.worker import Worker, parse
from tests.runtime.engine.drawing import draw

SMALL = Request(prompt="a cat", steps=2, seed=1, width=64, height=64, save=False, save_grid=False)


class Channel:
    """What the worker says is kept."""

    def __init__(self):
        self.said = []

    def send(self, message):
        self.said.append(message.body)

    def waiting(self, _seconds=0.0):
        return False


@pytest.fixture
def worker(model, tmp_path):
    found = Worker(Channel(), parse(["--data-dir", str(tmp_path), "--use-cpu", "all", "7"]), model)
    found.chosen = model.path
    return found


def ask(worker, request):
    worker.obey(Message({"do": "generate", "id": "job", "request": asdict(request)}))
    return worker.channel.said[-1]


@pytest.mark.parametrize(
    "failure", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("not enough memory: you tried to allocate")]
)
def test_a_job_without_memory_is_answered_and_holds_nothing(worker, model, monkeypatch, failure):
    held = []

    def full(sample, *_words, **_more):
        held.append(weakref.ref(sample))
        raise failure

    with monkeypatch.context() as patched, model.store.lend("unet") as unet:
        patched.setattr(unet, "forward", full)
        said = ask(worker, SMALL)
    failure.__traceback__ = None
    assert (said["event"], said["code"]) == ("failed", "out-of-memory")
    assert "smaller" in said["hint"]
    gc.collect()
    assert [one() for one in held] == [None]
    assert ask(worker, SMALL)["event"] == "done"


def test_a_model_that_another_job_left_behind_is_replaced_by_the_chosen_one(worker, model, monkeypatch):
    read = []
    monkeypatch.setattr(Worker, "read", lambda self, path, sha256: read.append(path) or setattr(self, "model", model))
    worker.model = replace(model, path=model.path.with_name("other.safetensors"))
    assert ask(worker, SMALL)["event"] == "done"
    assert read == [model.path]


def test_a_checkpoint_that_is_nowhere_is_said(worker):
    assert ask(worker, replace(SMALL, checkpoint="nonsense"))["code"] == "checkpoint-unknown"
    assert ask(worker, SMALL)["event"] == "done"


def test_a_start_picture_that_becomes_no_numbers_is_named(model, monkeypatch):
    with model.store.lend("vae") as vae:
        weight = vae.encoder.conv_out.weight.clone()
        vae.encoder.conv_out.weight.fill_(float("nan"))
    try:
        from PIL import Image

        from tests.runtime.engine.drawing import png

        start = Start((png(Image.new("RGB", (64, 64))),))
        with pytest.raises(RequestError) as refused:
            draw(replace(SMALL, start=start), model)
    finally:
        vae.encoder.conv_out.weight.copy_(weight)
    assert refused.value.code == "nan-vae"
    assert autoencoder.Coder(model).dtype == torch.float32
