"""What is off unless asked for: eight-bit weights, sums in float16, the compiler; and which attention wins."""

import copy

import pytest
import torch

from runtime.engine.architecture import UNet, UNetConfig
from runtime.engine.attention import Attention
from runtime.engine.attention_trial import Heads, heads_of, settle, stopwatch, tried
from runtime.engine.device_queue import queue_of
from runtime.engine.graphs import Graphs, ask, build_of
from runtime.engine.memory import needs
from runtime.engine.switches import FP8, Switches, narrow, turn
from runtime.engine.texts import Texts
from runtime.engine.weights import piece_sizes
from runtime.worker_flags import parse
from tests.runtime.engine.test_graphs import Recorder


@pytest.fixture
def unet():
    torch.manual_seed(0)
    blocks = ("CrossAttnDownBlock2D", "DownBlock2D")
    return UNet(UNetConfig((32, 64), blocks, cross_attention_dim=16, layers_per_block=1)).eval().requires_grad_(False)


def asked(unet):
    generator = torch.Generator().manual_seed(1)
    latents, states = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 77, 16, generator=generator)
    return ask(unet, latents, 500.0, Texts(states))


def test_all_are_off_by_default_and_each_has_its_flag():
    assert Switches.of(parse(["0"]).flags) == Switches()
    flags = parse(["--compile", "--fp16-accumulation", "--fp8-storage", "0"]).flags
    assert Switches.of(flags) == Switches(True, True, True)


def test_without_an_nvidia_card_each_says_that_it_does_nothing(unet):
    before = asked(unet)
    sentences = turn(Switches(True, True, True), unet, cuda=False)
    assert [one.split()[0] for one in sentences] == ["--compile", "--fp16-accumulation", "--fp8-storage"]
    assert torch.equal(asked(unet), before)


def test_the_compiler_needs_triton(unet):
    assert turn(Switches(compile=True), unet, cuda=True, triton=False) == [
        "--compile does nothing: Triton is not installed."
    ]


def test_nothing_is_compiled_while_a_step_is_captured(unet):
    """CUDA forbids what the compiler asks of a card meanwhile, and torch would capture the step uncompiled."""
    recorder, compiled, capturing = Recorder(), [], []
    record = recorder.capture

    def capture(body):
        capturing.append(1)
        try:
            return record(body)
        finally:
            capturing.clear()

    def backend(graph, _inputs):
        compiled.append(bool(capturing))
        return graph.forward

    recorder.capture = capture
    before = asked(unet)
    unet.compile(dynamic=False, backend=backend)
    graphs, build = Graphs(recorder), build_of(unet)
    latents, read = torch.randn(2, 4, 8, 8), Texts(torch.randn(2, 77, 16))
    with torch.inference_mode():
        made = [graphs.draw(unet, build, latents, 500.0, read) for _ in range(3)]
    assert (recorder.captured, recorder.replayed) == (1, 2)
    assert compiled
    assert not any(compiled)
    assert torch.equal(made[2], made[1])
    assert torch.allclose(made[2], made[0], atol=1e-5)
    assert torch.allclose(asked(unet), before, atol=1e-5)


def test_eight_bits_take_a_quarter_of_the_memory_of_thirty_two_and_draw_nearly_the_same(unet):
    before, plain = asked(unet), copy.deepcopy(unet)
    narrow(unet)
    assert size(unet) < 0.3 * size(plain)
    assert next(unet.parameters()).dtype == torch.float32
    after = asked(unet)
    assert 0 < float((after - before).std() / before.std()) < 0.1
    weight = unet.mid_block.resnets[0].conv1.weight
    assert torch.equal(weight.float(), plain.mid_block.resnets[0].conv1.weight.to(FP8).float())
    # and the planner counts them as they are
    assert needs.size(unet, torch.float32) == sum(piece_sizes(unet, torch.float32)) == size(unet)


def size(unet):
    return sum(one.nbytes for one in unet.parameters())


KINDS = (Heads(4096, 8, 40), Heads(1024, 8, 80))


@pytest.mark.parametrize(
    ("theirs", "forced", "name", "words"),
    [
        (0.9, False, "xformers", "it is faster here"),
        (0.99, False, "sdp", "no faster here (1.98 ms against 2.00 ms)"),
        (2.0, False, "sdp", "no faster here"),
        (2.0, True, "xformers", "--force-enable-xformers"),
    ],
)
def test_xformers_is_used_where_it_wins(theirs, forced, name, words):
    functions = {"xformers": object(), "sdp": object()}
    times = {id(functions["xformers"]): theirs / 1000, id(functions["sdp"]): 0.001}
    found, sentence = settle(Attention("xformers"), forced, KINDS, lambda one, _kind: times[id(one)], functions)
    assert (found.name, words in sentence) == (name, True)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (NotImplementedError("No operator found for `forward`\nwith inputs"), "No operator found for `forward`"),
        (AttributeError("module 'torch' has no attribute 'moved'"), "module 'torch' has no attribute 'moved'"),
        (OSError("_C.so: undefined symbol"), "_C.so: undefined symbol"),
        (TypeError(), "TypeError"),
    ],
)
def test_xformers_that_fails_is_not_used_even_if_forced(failure, reason):
    """A package that was made for another torch fails while it is imported, in any way."""

    def fail(_function, _kind):
        raise failure

    found, sentence = settle(Attention("xformers"), True, KINDS, fail)
    assert found.name == "sdp"
    assert f"({reason})" in sentence


def test_other_ways_are_not_measured(unet):
    assert tried(Attention("sliced"), False, unet, torch.device("cpu")) == (Attention("sliced"), "")


def test_the_heads_are_the_u_nets_own(unet):
    assert heads_of(unet) == (Heads(4096, 8, 4), Heads(1024, 8, 8))
    seconds = stopwatch(torch.device("cpu"), torch.float32, queue_of(torch.device("cpu")))
    assert 0 < seconds(torch.nn.functional.scaled_dot_product_attention, Heads(64, 2, 8)) < 10
