"""Weights that come and go: whatever the policy, the model computes the same, and what runs out is made up for."""

import gc
import weakref
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from runtime.engine.architecture import TextConfig, TextModel
from runtime.engine.checkpoint import Checkpoint, load_checkpoint
from runtime.engine.memory import Hardware, Policy, Settings, Store, place
from runtime.engine.memory import store as store_module
from runtime.engine.memory.lanes import CudaLane, PlainLane
from runtime.engine.memory.needs import Models, Picture, joined, needs_of, sizes
from runtime.engine.memory.plan import plan_job
from runtime.engine.memory.stream import Stream
from runtime.engine.weights import Weights, pieces_of
from runtime.placement import SLOTS, Ground, Wish, least

PRECISION = place(Settings(), Hardware()).precision
#: bytes of the tiny U-Net's weights that may stay, from none to about half
SHARES = (0.0, 0.2, 0.5)


class LateLane(PlainLane):
    """As late as a card may be: a copy is done when somebody waits for it, and until then its target holds nothing."""

    def __init__(self):
        self.bytes = 0

    def copy(self, target, source):
        target.fill_(0xFF)
        self.bytes += source.nbytes
        return target, source

    def wait(self, mark):
        target, source = mark
        target.copy_(source)


class FullDevice:
    """Memory of a card that runs out: every allocation of the store is counted, and those of the model's run are told.

    torch's words are those of 2.13's CUDA allocator.
    """

    def __init__(self, capacity):
        self.capacity = capacity
        self.held = 0
        self.refusals = 0

    def empty(self, size):
        self.take(size)
        memory = torch.empty(size, dtype=torch.uint8)
        weakref.finalize(memory, self.free, size)
        return memory

    def take(self, size):
        if self.held + size > self.capacity:
            gc.collect()
        if self.held + size > self.capacity:
            self.refusals += 1
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size} bytes. GPU 0 has a total capacity of {self.capacity}."
            )
        self.held += size

    def free(self, size):
        self.held -= size

    @contextmanager
    def activations(self, unet, size):
        """A run of the model needs `size` bytes beside the weights, in its middle."""

        def need(*_):
            self.take(size)
            self.free(size)

        hook = unet.mid_block.register_forward_pre_hook(need)
        yield
        hook.remove()


@pytest.fixture
def checkpoint(checkpoint_file) -> Checkpoint:
    return load_checkpoint(checkpoint_file)


def two_texts(checkpoint):
    """The checkpoint with two text models that are larger than its other models, as SDXL's are than a step's pieces."""
    torch.manual_seed(4)
    widths = {"num_hidden_layers": 8, "num_attention_heads": 1, "vocab_size": 100}
    configs = [TextConfig(hidden_size=side, intermediate_size=4 * side, **widths) for side in (96, 192)]
    return replace(checkpoint, texts=tuple(TextModel(one).eval().requires_grad_(False) for one in configs))


def read(texts, prompts=2):
    """What the text models make of some prompts, one model after the other with each."""
    generator = torch.Generator().manual_seed(3)
    with torch.inference_mode():
        ids = [torch.randint(0, 100, (1, 77), generator=generator) for _ in range(prompts)]
        states = [text(one) for one in ids for text in texts]
        return [layer for one in states for layer in (*one.hidden_states, one.last_hidden_state)]


def unet_bytes(checkpoint):
    return sum(parameter.nbytes for parameter in checkpoint.unet.parameters())


def run(unet, calls=3):
    """Outputs of some calls, each with other numbers."""
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(2, 77, 32, generator=generator)
    with torch.inference_mode():
        return [
            unet(torch.randn(2, 4, 8, 8, generator=generator), torch.tensor([step, step]), states)
            for step in torch.arange(float(calls))
        ]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def policy(mode="lowvram", resident=None, **more):
    return Policy("cpu", PRECISION, mode, resident, channels_last=True, **more)


@pytest.fixture
def nowhere(monkeypatch):
    """What has not been brought cannot be read, as on a card."""

    def leave(self, piece):
        for spot in piece.spots:
            spot.holder._parameters[spot.name] = nn.Parameter(torch.empty(spot.shape, device="meta"), False)

    return lambda: monkeypatch.setattr(Weights, "leave", leave)


@pytest.mark.parametrize("share", SHARES)
def test_a_streamed_model_computes_the_same(checkpoint, checkpoint_file, nowhere, share):
    expected = run(load_checkpoint(checkpoint_file).unet)
    weights, lane = Weights(checkpoint.unet), LateLane()
    nowhere()
    stream = Stream(weights, torch.device("cpu"), lane, int(share * weights.size))
    stream.open()
    assert same(run(checkpoint.unet), expected)
    assert stream.streams
    assert stream.bytes_on_device < weights.size


@pytest.mark.parametrize("share", SHARES)
def test_streamed_text_models_compute_the_same(checkpoint, nowhere, share):
    texts = nn.ModuleList(two_texts(checkpoint).texts)
    expected = read(texts)
    weights, lane = Weights(texts), LateLane()
    nowhere()
    stream = Stream(weights, torch.device("cpu"), lane, int(share * weights.size))
    stream.open()
    assert same(read(texts), expected)
    assert stream.streams
    assert stream.bytes_on_device < weights.size


@pytest.mark.parametrize("more", [0.0, 0.3])
def test_no_more_lies_on_the_device_than_was_planned(checkpoint, monkeypatch, more):
    """Of every part while it works; a device with not a byte more than that refuses nothing."""
    checkpoint, card = two_texts(checkpoint), place(Settings(), Hardware(cuda=True))
    models = Models(checkpoint.unet, checkpoint.vae, checkpoint.texts)
    needs = needs_of(models, PRECISION, Picture(64, 64), "sdp", "cuda", False, False)
    free = round(least(Wish(), needs, Ground(0, 0)) + more * needs.unet.whole)
    planned = plan_job(card, Settings(), needs, Ground(free, 0))
    texts = joined([sizes(one, torch.float32) for one in checkpoint.texts])
    assert planned.predicted.peak_bytes <= free
    assert planned.text_resident is not None
    held = {
        "text": texts.loose + SLOTS * texts.piece + planned.text_resident,
        "unet": planned.predicted.weights_bytes,
        "vae": needs.vae,
    }
    device = FullDevice(0)
    # each part by itself
    monkeypatch.setattr(store_module, "_NEXT", {})
    monkeypatch.setattr(Stream, "_empty", lambda _stream, size: device.empty(size))
    store = Store(checkpoint, replace(planned, device="cpu", precision=PRECISION))
    for name in ("text", "unet", "vae", "text"):
        weights = sum(1 for model in store.modules(name) for _ in model.parameters())
        # each begins at a multiple of 256 bytes
        device.capacity = held[name] + 256 * weights
        with store.lend(name) as lent:
            assert device.held == store._parts[name].bytes_on_device > 0
            if name == "text":
                read(lent)
    assert device.refusals == 0
    assert store.as_planned


def test_text_models_that_run_out_of_memory_go_on_by_pieces(checkpoint, monkeypatch):
    checkpoint, device = two_texts(checkpoint), FullDevice(10**12)
    expected = read(checkpoint.texts)
    monkeypatch.setattr(Stream, "_empty", lambda _stream, size: device.empty(size))
    store = Store(checkpoint, policy("lowvram", 0))
    with store.lend("text") as texts:
        whole = device.held
        assert store.make_room()
        assert device.held < whole * 0.8
        assert same(read(texts), expected)
    assert not store.as_planned


def test_what_stays_is_copied_once_and_what_does_not_once_per_call(checkpoint):
    weights, lane = Weights(checkpoint.unet), LateLane()
    stream = Stream(weights, torch.device("cpu"), lane, weights.size // 2)
    stream.open()
    run(checkpoint.unet, 1)
    first, lane.bytes = lane.bytes, 0
    run(checkpoint.unet, 1)
    once, lane.bytes = lane.bytes, 0
    run(checkpoint.unet, 1)
    assert once == lane.bytes
    assert 0 < once <= weights.size // 2 + max(piece.size for piece in weights.pieces)
    assert first >= once


def test_the_pieces_are_all_of_the_model_in_the_order_of_its_run(checkpoint):
    pieces = list(pieces_of(checkpoint.unet))
    seen = []
    hooks = [
        piece.block.register_forward_pre_hook(lambda *_, number=piece.number: seen.append(number))
        for piece in pieces[1:]
    ]
    run(checkpoint.unet, 1)
    for hook in hooks:
        hook.remove()
    assert seen == [piece.number for piece in pieces[1:]]
    assert len(seen) > 20
    named = {(spot.holder, spot.name) for piece in pieces for spot in piece.spots}
    assert len(named) == sum(len(piece.spots) for piece in pieces) == len(list(checkpoint.unet.parameters()))


@pytest.mark.parametrize("mode", ["full", "medvram", "lowvram"])
def test_every_mode_lends_the_same_models(checkpoint, model, mode, monkeypatch):
    monkeypatch.setattr(store_module, "lane_of", lambda _device: LateLane())
    store = Store(checkpoint, policy(mode))
    ids = torch.arange(77)[None]
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    for one in ("text", "unet", "vae", "unet"):
        with store.lend(one) as mine, model.store.lend(one) as plain, torch.inference_mode():
            if one == "unet":
                assert same(run(mine), run(plain))
            elif one == "vae":
                assert torch.equal(mine.decode(latents), plain.decode(latents))
            else:
                assert torch.equal(mine[0](ids).last_hidden_state, plain[0](ids).last_hidden_state)


def test_the_next_job_may_be_drawn_otherwise(checkpoint, model, monkeypatch):
    store = Store(checkpoint, policy("medvram"))
    with model.store.lend("unet") as plain:
        expected = run(plain)
    for resident in (0, 10**5, None):
        store.prepare(policy("lowvram", resident))
        with store.lend("unet") as unet:
            assert same(run(unet), expected)


def test_a_weight_is_changed_where_it_stays_and_where_it_is_brought_from(checkpoint):
    """As LoRAs do between two jobs."""
    store = Store(checkpoint, policy("lowvram", unet_bytes(checkpoint) // 2))
    with store.lend("unet") as unet:
        before = run(unet)
    layers = [module for module in store.modules("unet")[0].modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    was = [layer.weight.clone() for layer in layers]
    for layer, weight in zip(layers, was, strict=True):
        store.write("unet", layer, "weight", weight * 0.5)
    with store.lend("unet") as unet:
        assert not same(run(unet), before)
    for layer, weight in zip(layers, was, strict=True):
        store.write("unet", layer, "weight", weight)
    with store.lend("unet") as unet:
        assert same(run(unet), before)


def test_memory_that_runs_out_fifty_times_costs_no_picture(checkpoint, model, monkeypatch):
    """Each time the run is repeated with less on the device; afterwards nothing is held that was not before."""
    with model.store.lend("unet") as plain:
        expected = run(plain, 1)
    device = FullDevice(10**12)
    monkeypatch.setattr(Stream, "_empty", lambda _stream, size: device.empty(size))
    store = Store(checkpoint, policy("lowvram", unet_bytes(checkpoint)))
    with store.lend("unet"):
        pass
    held = device.held
    for _ in range(50):
        store.prepare(policy("lowvram", unet_bytes(checkpoint)))
        with store.lend("unet") as unet:
            # so little is left that not all of the weights can stay beside what the run needs
            device.capacity = device.held + 1000
            refusals = device.refusals
            with device.activations(unet, device.held // 2):
                while True:
                    try:
                        made = run(unet, 1)
                        break
                    except torch.OutOfMemoryError:
                        assert store.make_room()
            assert device.refusals > refusals
            assert same(made, expected)
            device.capacity = 10**12
        gc.collect()
        assert device.held == held
    assert device.refusals >= 50


def test_a_model_whose_memory_others_took_meanwhile_draws_again_by_turns(checkpoint, model, monkeypatch):
    """Parked and unparked, as a kept model is; what does not fit at once is no reason to lose it."""
    with model.store.lend("unet") as plain:
        expected = run(plain, 1)
    device = FullDevice(10**12)
    monkeypatch.setattr(Stream, "_empty", lambda _stream, size: device.empty(size))
    store = Store(checkpoint, policy("medvram"))
    # nothing is done on it but the bookkeeping, which goes by its kind
    store.device = torch.device("meta")
    store.prepare(policy("full"))
    held = device.held
    store.park()
    gc.collect()
    device.capacity = held - 1
    store.unpark()
    assert device.refusals
    assert not store.as_planned
    with store.lend("unet") as unet:
        assert same(run(unet, 1), expected)
    device.capacity = 10**12
    store.prepare(policy("full"))
    assert store.as_planned
    assert device.held == held


def test_a_device_that_works_in_the_computers_memory_holds_each_weight_once(checkpoint, monkeypatch):
    monkeypatch.setattr(store_module, "_HERE", ("cpu", "meta"))
    store = Store(checkpoint, replace(policy("full"), device="meta"))
    assert all(part._weights is None for part in store._parts.values())
    assert all(one.is_meta for name in ("unet", "vae") for one in store.modules(name)[0].parameters())


class Pinning:
    """CUDA's runtime, as far as pinning goes: what it refuses stands as the last error until a launch is checked."""

    def __init__(self, answer):
        self.answer, self.standing, self.unpinned = answer, 0, 0

    def cudaHostRegister(self, *_given):  # noqa: N802 - CUDA's own name
        self.standing = self.answer
        return self.answer

    def cudaHostUnregister(self, *_given):  # noqa: N802
        self.unpinned += 1
        return 0

    def launch(self, *_given, **_named):
        error, self.standing = self.standing, 0
        if error:
            raise RuntimeError("CUDA error: part or all of the requested memory range is already mapped")


@pytest.mark.parametrize("answer", [0, 2, 712])
def test_memory_that_cannot_be_pinned_is_not_unpinned_and_spoils_no_later_operation(checkpoint, monkeypatch, answer):
    runtime, lane = Pinning(answer), CudaLane.__new__(CudaLane)
    lane._device, lane._stream = torch.device("cpu"), SimpleNamespace(synchronize=lambda: None)
    monkeypatch.setattr(torch.cuda, "cudart", lambda: runtime)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    monkeypatch.setattr(torch, "ones", runtime.launch)
    lane.copy = lambda target, source: target.copy_(source)
    lane.wait = lambda _mark: None
    monkeypatch.setattr(store_module, "lane_of", lambda _device: lane)
    store = Store(checkpoint, policy("medvram"))
    assert runtime.standing == 0
    del store
    gc.collect()
    assert runtime.unpinned == (3 if answer == 0 else 0)


def test_where_nothing_is_left_to_spare_it_says_so(checkpoint):
    store = Store(checkpoint, policy("lowvram", 0))
    with store.lend("unet"):
        assert not store.make_room()
    assert not Store(checkpoint, policy("full")).make_room()
