"""Memory that runs out: the job is answered, what it held is free, and the next one runs."""

import gc
import weakref
from dataclasses import asdict, replace

import pytest
import torch

from runtime.channel import Message
from runtime.engine import autoencoder, checkpoint
from runtime.engine.networks import deltas
from runtime.engine.shortage import describe, free_memory
from runtime.request import Request, RequestError, Start
from runtime.worker import Worker
from runtime.worker_flags import parse
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


FULL = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: not enough memory: you tried to allocate 9"
    ),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    RuntimeError("Invalid buffer size: 24.00 GB"),
    OSError(12, "Cannot allocate memory"),
]


def test_a_machine_at_its_limit_is_no_fault_of_the_program():
    for failure in FULL:
        assert describe(failure)["code"] == "out-of-memory", failure
    for failure in (ValueError("out of memory"), RuntimeError("shape mismatch"), RuntimeError(""), OSError(2, "gone")):
        assert describe(failure)["code"] == "worker-fault", failure


@pytest.mark.parametrize("numbers", [10**15, 2**62])
def test_what_torch_itself_says_on_a_cpu(numbers):
    with pytest.raises(RuntimeError) as failure:
        torch.empty(numbers)
    assert describe(failure.value)["code"] == "out-of-memory"


def test_a_lora_for_which_there_is_no_memory_is_no_misfit(monkeypatch):
    def full(*_given):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(deltas, "_KINDS", (("diff", full),))
    with pytest.raises(torch.OutOfMemoryError):
        deltas.change(deltas.Layer({"diff": torch.ones(2, 2)}), torch.ones(2, 2))


def test_every_kind_of_card_gets_its_memory_back(monkeypatch):
    freed = []
    for kind, there in ((torch.cuda, torch.cuda), (torch.mps, torch.backends.mps), (torch.xpu, torch.xpu)):
        monkeypatch.setattr(there, "is_available", lambda: True)
        monkeypatch.setattr(kind, "empty_cache", lambda name=kind.__name__: freed.append(name))
    free_memory()
    assert freed == ["torch.cuda", "torch.mps", "torch.xpu"]


@pytest.mark.parametrize("failure", [torch.OutOfMemoryError("CUDA out of memory."), FULL[4]])
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
    # prompt and negative prompt together, then one after the other
    assert [one() for one in held] == [None, None]
    assert ask(worker, SMALL)["event"] == "done"


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        ("CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported", True),
        ("CUDA error: an illegal memory access was encountered", True),
        ("CUDA error: no kernel image is available for execution on the device", False),
        ("CUDA error: invalid argument", False),
    ],
)
def test_a_card_that_fails_ends_the_worker_and_the_job_is_told_why(worker, model, monkeypatch, words, lost):
    def fail(*_given, **_named):
        raise RuntimeError(words)

    with monkeypatch.context() as patched, model.store.lend("unet") as unet:
        patched.setattr(unet, "forward", fail)
        said = ask(worker, SMALL)
    assert said["code"] == ("gpu-lost" if lost else "worker-fault")
    assert words.splitlines()[0] in said["message"]
    assert worker.stopping is lost


def test_a_model_that_another_job_left_behind_is_replaced_by_the_chosen_one(worker, model, monkeypatch):
    read = []
    monkeypatch.setattr(Worker, "read", lambda _self, path, _sha256: read.append(path) or model)
    worker.model = replace(model, path=model.path.with_name("other.safetensors"))
    assert ask(worker, SMALL)["event"] == "done"
    assert read == [model.path]


def loads(worker, path):
    worker.obey(Message({"do": "load", "path": str(path)}))
    return next(said for said in worker.channel.said[::-1] if said["event"] in ("loaded", "failed"))


def test_after_a_load_that_failed_halfway_the_old_checkpoint_draws(worker, model, tmp_path, monkeypatch):
    new = tmp_path / "new.safetensors"
    new.write_bytes(model.path.read_bytes())

    def full(*_given):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "load_checkpoint", full)
        said = loads(worker, new)
    assert (said["code"], said["path"]) == ("out-of-memory", str(new))
    assert "read new.safetensors" in said["message"]
    # its memory is given back before the new one is read
    assert worker.model is None
    said = ask(worker, SMALL)
    assert (said["event"], said["result"]["model_name"]) == ("done", model.title)
    assert worker.model.path == model.path


def test_after_a_load_that_failed_halfway_a_checkpoint_that_is_gone_is_named(worker, model, tmp_path, monkeypatch):
    worker.model, worker.chosen = None, tmp_path / "old.safetensors"
    said = ask(worker, SMALL)
    assert (said["event"], said["code"]) == ("failed", "checkpoint-missing")
    assert "old.safetensors" in said["message"]
    assert loads(worker, model.path)["event"] == "loaded"
    assert ask(worker, SMALL)["event"] == "done"


def test_weights_that_nobody_knows_are_read_again(worker, model, monkeypatch):
    assert loads(worker, model.path)["event"] == "loaded"
    loaded = worker.model
    assert ask(worker, SMALL)["event"] == "done"
    assert worker.model is loaded
    loaded.store.sound = False
    assert ask(worker, SMALL)["event"] == "done"
    assert worker.model is not loaded
    assert worker.model.store.sound


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
