"""The GPU rows, G1 to G5, against their peers rebuilt on diffusers' modules; one file, no network, under eight minutes.

    python benchmarks/gpu.py [--rows G1 G2 …] [--pairs 5] [--json FILE]      on a machine with an NVIDIA GPU
    python benchmarks/gpu.py --miniature                                     small models on the CPU: shows that it runs

Needs torch, diffusers, transformers, accelerate, safetensors and this checkout; each row is a process of its own.
Weights are random and seeded, the same tensors on both sides. Ours and the peer take turns; the table shows the median
of the pairs' ratios with the least and the greatest. Small cards are made of a large one by capping torch's allocator
(`set_per_process_memory_fraction`), which leaves out what CUDA itself takes.
"""

from __future__ import annotations

import argparse
import copy
import gc
import importlib.util
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import torch  # noqa: E402 - the checkout comes first
from torch import Tensor, nn  # noqa: E402

from runtime.engine.architecture import (  # noqa: E402
    Autoencoder,
    AutoencoderConfig,
    TextConfig,
    TextModel,
    UNet,
    UNetConfig,
)
from runtime.engine.configurations import family_constants  # noqa: E402
from runtime.engine.device_queue import Mark, queue_of  # noqa: E402
from runtime.engine.easel import Easel  # noqa: E402
from runtime.engine.guidance import View  # noqa: E402
from runtime.engine.job import check  # noqa: E402
from runtime.engine.memory import Policy, Settings, Store, look, place  # noqa: E402
from runtime.engine.memory.hardware import room  # noqa: E402
from runtime.engine.memory.needs import Models, Picture, needs_of  # noqa: E402
from runtime.engine.memory.plan import least, plan_job  # noqa: E402
from runtime.engine.model import Model  # noqa: E402
from runtime.engine.passes import draw  # noqa: E402
from runtime.engine.run import Batch, Learnt  # noqa: E402
from runtime.engine.saving import Outputs  # noqa: E402
from runtime.engine.shortage import lacks_memory  # noqa: E402
from runtime.engine.watch import Watch  # noqa: E402
from runtime.placement import Ground, Needs  # noqa: E402
from runtime.request import Request, RequestError  # noqa: E402

SEED, GIB = 15, 1 << 30
#: seconds that a row may take; all of them together stay under eight minutes, the start of this process included
LIMITS = {"G1": 80, "G2": 160, "G3": 100, "G4": 80, "G5": 40}
PROMPT, NEGATIVE = "a lighthouse on a cliff in a storm, oil painting", "blurry, watermark"


@dataclass(frozen=True)
class Figure:
    """One number of a row: `values` of every pair, their median against the target (`at_most`: not above it)."""

    row: str
    what: str
    against: str
    values: tuple[float, ...]
    target: float | None = None
    at_most: bool = False
    unit: str = "x"
    note: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True)
class Bench:
    """How the rows are measured."""

    device: torch.device
    pairs: int = 5
    miniature: bool = False

    @property
    def dtype(self) -> torch.dtype:
        return torch.float32 if self.device.type == "cpu" else torch.float16

    def say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def steps(self, count: int) -> int:
        return min(count, 3) if self.miniature else count

    def size(self, pixels: int) -> int:
        return 64 if self.miniature else pixels


# --- the models: diffusers' and transformers', and ours of the same tensors ------------------------------------------


@dataclass(frozen=True)
class Shapes:
    """What diffusers' and transformers' constructors are told."""

    family: str
    size: int
    unet: dict[str, Any]
    vae: dict[str, Any]
    texts: tuple[dict[str, Any], ...]
    scaling: float


def shapes_of(bench: Bench, family: str) -> Shapes:
    constants, mini, sdxl = family_constants(family), bench.miniature, family == "sdxl"
    widths = (320, 640, 1280) if sdxl else (320, 640, 1280, 1280)
    unet: dict[str, Any] = {"block_out_channels": tuple(width // 10 for width in widths) if mini else widths}
    clip = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "vocab_size": 49408}
    texts = [clip | constants["texts"][0]]
    if mini:
        texts[0] |= {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    if sdxl:
        big = {"hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32}
        pooled = 64 if mini else 1280
        texts.append((texts[0] if mini else clip | big) | constants["texts"][1] | {"projection_dim": pooled})
        unet |= {"attention_head_dim": (2, 2, 4) if mini else (5, 10, 20), "use_linear_projection": True,
                 "transformer_layers_per_block": (1, 1, 2) if mini else (1, 2, 10), "addition_time_embed_dim": 256,
                 "projection_class_embeddings_input_dim": pooled + 6 * 256}  # fmt: skip
    unet |= {**constants["unet"], "cross_attention_dim": sum(text["hidden_size"] for text in texts)}
    # ours follow from those on the way down
    unet["up_block_types"] = tuple(name.replace("Down", "Up") for name in reversed(unet["down_block_types"]))
    vae_widths = (32, 32, 64, 64) if mini else (128, 256, 512, 512)
    vae = {**constants["vae"], "block_out_channels": vae_widths, "force_upcast": False}
    # diffusers cuts its tiles by it
    vae["sample_size"] = 1024 if sdxl else 512
    return Shapes(family, 1024 if sdxl else 512, unet, vae, tuple(texts), constants["vae"]["scaling_factor"])


class Peer:
    """diffusers' pipeline with its modules in memory of their own, drawing what `ours` draws."""

    def __init__(self, bench: Bench, shapes: Shapes, parts: Sequence[Any] | None = None) -> None:
        """`parts` of another are used as they are: U-Net, VAE and text models."""
        from diffusers import (
            AutoencoderKL,
            EulerDiscreteScheduler,
            StableDiffusionPipeline,
            StableDiffusionXLPipeline,
            UNet2DConditionModel,
        )
        from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

        self._bench, self._shapes = bench, shapes
        #: of AUTOMATIC1111's ways of saving memory
        self.turns: Turns | None = None
        if parts is None:
            torch.manual_seed(SEED)
            # made on the device, where random numbers take no time
            with torch.device(bench.device):
                unet, vae = UNet2DConditionModel(**shapes.unet), AutoencoderKL(**shapes.vae)
                classes = (CLIPTextModel, CLIPTextModelWithProjection)
                texts = [made(CLIPTextConfig(**told)) for made, told in zip(classes, shapes.texts, strict=False)]
            parts = [each.eval().requires_grad_(False).to("cpu", bench.dtype) for each in (unet, vae, *texts)]
        self.unet, self.vae, *self.texts = parts
        betas: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
        betas["steps_offset"] = 1
        more: dict[str, Any] = {"unet": self.unet, "vae": self.vae, "scheduler": EulerDiscreteScheduler(**betas)}
        if len(self.texts) == 1:
            without = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
            self.pipe = StableDiffusionPipeline(text_encoder=self.texts[0], tokenizer=None, **without, **more)
        else:
            encoders = dict(zip(("text_encoder", "text_encoder_2"), self.texts, strict=True))
            without = {"tokenizer": None, "tokenizer_2": None, "add_watermarker": False}
            self.pipe = StableDiffusionXLPipeline(**encoders, **without, **more)
        self.pipe.set_progress_bar_config(disable=True)
        generator = torch.Generator().manual_seed(SEED)
        self._ids = torch.randint(1, 49405, (2, 77), generator=generator)

    def again(self) -> Peer:
        """Another of the same weights, which lie here once; what hooks into it and where it is moved is its own."""
        return Peer(self._bench, self._shapes, [_twin(each) for each in (self.unet, self.vae, *self.texts)])

    def draw(self, size: int, steps: int, marks: list[Mark]) -> Tensor:
        """Two prompts read, `steps` guided steps, decoded: (1, 3, size, size) in the computer's memory."""
        device = self._bench.device
        queue, cells = queue_of(device), (1, 4, size // 8, size // 8)
        noise = torch.randn(cells, generator=torch.Generator().manual_seed(SEED)).to(device, self._bench.dtype)

        def after(_pipe: Any, _step: int, _time: Any, told: dict[str, Any]) -> dict[str, Any]:
            marks.append(queue.mark())
            return told

        drawn = self.pipe(
            **self._read(device), num_inference_steps=steps, height=size, width=size, guidance_scale=7.0,
            latents=noise, output_type="pt", callback_on_step_end=after,
        )  # fmt: skip
        pixels: Tensor = drawn.images.float().cpu()
        return pixels

    def _read(self, device: torch.device) -> dict[str, Tensor]:
        ids = self._ids.to(device)
        if len(self.texts) == 1:
            states = self.texts[0](ids)[0]
            return {"prompt_embeds": states[:1], "negative_prompt_embeds": states[1:]}
        one, two = (text(ids, output_hidden_states=True) for text in self.texts)
        states, pooled = torch.cat([one.hidden_states[-2], two.hidden_states[-2]], -1), two[0]
        return {"prompt_embeds": states[:1], "negative_prompt_embeds": states[1:],
                "pooled_prompt_embeds": pooled[:1], "negative_pooled_prompt_embeds": pooled[1:]}  # fmt: skip


def _twin(model: nn.Module) -> nn.Module:
    shared: dict[int, Any] = {id(one): nn.Parameter(one.data, requires_grad=False) for one in model.parameters()}
    return copy.deepcopy(model, shared)


class Ours:
    """Gesso's engine from prompts to pixels, planned by its own planner for the memory that there is."""

    def __init__(self, bench: Bench, shapes: Shapes, peer: Peer) -> None:
        from runtime.engine.checkpoint import Checkpoint
        from runtime.engine.traits import Traits

        self._bench = bench
        with torch.device("meta"):
            unet = UNet(UNetConfig(**_known(UNetConfig, shapes.unet)))
            vae = Autoencoder(AutoencoderConfig(**_known(AutoencoderConfig, shapes.vae)))
            texts = [TextModel(TextConfig(**_known(TextConfig, told))) for told in shapes.texts]
        for mine, theirs in zip((unet, vae, *texts), (peer.unet, peer.vae, *peer.texts), strict=True):
            _fill(mine, theirs.state_dict())
        family: Any = shapes.family
        traits = Traits(family, scaling=shapes.scaling, native=(shapes.size, shapes.size))
        self._checkpoint = Checkpoint(Path("random"), "random", unet, vae, tuple(texts), traits)
        self.unet, self.vae = unet, vae
        self._store: Store | None = None

    def plan(self, size: int, **other: Any) -> Policy:
        """For the memory that there is now; `other` fields of the policy as they are told."""
        placed, needs = self._needs(size)
        now = room(self._bench.device)
        policy = replace(plan_job(placed, Settings(), needs, Ground(now.free, now.reserve)), **other)
        if self._store is None:
            self._store = Store(self._checkpoint, policy)
        else:
            self._store.prepare(policy)
        return policy

    def least(self, size: int) -> float:
        """GiB below which no way is planned, beside the reserve."""
        placed, needs = self._needs(size)
        return least(placed, Settings(), needs, Ground(0, 0)) / GIB

    def _needs(self, size: int) -> tuple[Policy, Needs]:
        found = self._checkpoint
        placed = place(Settings(), look(), found.traits.family)
        models = Models(found.unet, found.vae, found.texts)
        told = (placed.attention.name, torch.device(placed.device).type, placed.channels_last, placed.graphs)
        return placed, needs_of(models, placed.precision, Picture(size, size), *told)

    def leave(self) -> None:
        """Give the card to the other side; what is missing comes back when it is lent."""
        assert self._store is not None
        self._store.park()

    @torch.inference_mode()
    def draw(self, size: int, steps: int, marks: list[Mark]) -> Tensor:
        """As Peer.draw, by the policy that was planned last."""
        assert self._store is not None
        asked = Request(
            PROMPT, NEGATIVE, sampler_name="Euler", steps=steps, width=size, height=size, seed=SEED, save=False
        )
        easel = Easel(Model("random", Path("random"), self._store, self._checkpoint.traits), Outputs(Path()))
        job, queue = check(asked, (size, size)), queue_of(self._bench.device)
        with closing(Watch(easel, job.request, lambda _step: marks.append(queue.mark()), lambda: None)) as watch:
            drawn = draw(easel, job, Batch(0, job.seeds(0), job.subseeds(0)), None, watch, Learnt())
        return torch.stack(drawn.pictures).cpu()


def _known(kind: Any, told: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items() if name in names}


def _fill(mine: nn.Module, state: dict[str, Tensor]) -> None:
    """Copies of the peer's tensors, under names with or without transformers' prefix."""
    found = {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    wanted = mine.state_dict()
    taken = {name: found[name.removeprefix("text_model.")].clone() for name in wanted}
    mine.load_state_dict(taken, assign=True)
    mine.eval().requires_grad_(False)


# --- the peers' ways of saving memory --------------------------------------------------------------------------------


def _draws_on(peer: Peer, device: torch.device) -> None:
    """Models that lie elsewhere between their turns tell the pipeline nothing of the device."""
    kind = type(peer.pipe)
    peer.pipe.__class__ = type(kind.__name__, (kind,), {"_execution_device": property(lambda _pipe: device)})


def plain(peer: Peer, device: torch.device) -> None:
    """Eager, all on the device: diffusers as its documentation begins."""
    peer.pipe.to(device)


def compiled(peer: Peer, device: torch.device) -> None:
    """channels-last and torch.compile of the U-Net, its graphs included; the first call waits for the compiler."""
    peer.pipe.to(device)
    peer.unet.to(memory_format=torch.channels_last)
    peer.unet.compile(mode="reduce-overhead", fullgraph=True)


def model_offload(peer: Peer, device: torch.device) -> None:
    peer.pipe.enable_model_cpu_offload(device=device)


def sequential_offload(peer: Peer, device: torch.device) -> None:
    peer.pipe.enable_sequential_cpu_offload(device=device)
    peer.vae.enable_tiling()


def group_offload(peer: Peer, device: torch.device) -> None:
    """Leaf by leaf, with a stream where there is one."""
    from diffusers.hooks import apply_group_offloading

    _draws_on(peer, device)
    streams = device.type == "cuda"
    for model in (peer.unet, peer.vae, *peer.texts):
        more = {"offload_type": "leaf_level", "use_stream": streams, "record_stream": streams}
        apply_group_offloading(model, onload_device=device, offload_device=torch.device("cpu"), **more)
    peer.vae.enable_tiling()


class Turns:
    """AUTOMATIC1111's rule: of all units one is on the device, and goes back when another is needed."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._there = device, nn.Module()

    def bring(self, unit: nn.Module) -> None:
        if unit is not self._there:
            self._there.to("cpu")
            unit.to(self._device)
            self._there = unit

    def leave(self) -> None:
        """Nothing is needed any more."""
        self._there.to("cpu")
        self._there = nn.Module()

    def watch(self, unit: nn.Module, *entries: nn.Module) -> None:
        """`unit` is needed whenever one of its `entries` runs."""
        for entry in entries or (unit,):
            entry.register_forward_pre_hook(lambda _entry, _inputs, unit=unit: self.bring(unit))


def a1111_medvram(peer: Peer, device: torch.device) -> None:
    """Text models, U-Net and VAE take turns."""
    _draws_on(peer, device)
    turns = peer.turns = Turns(device)
    for unit in (peer.unet, *peer.texts):
        turns.watch(unit)
    turns.watch(peer.vae, peer.vae.post_quant_conv)


def a1111_lowvram(peer: Peer, device: torch.device) -> None:
    """The U-Net, too, block by block: 12 on the way down, the middle, 12 on the way up, and the embedding of time."""
    _draws_on(peer, device)
    turns, unet = Turns(device), peer.unet
    peer.turns = turns
    for unit in peer.texts:
        turns.watch(unit)
    turns.watch(peer.vae, peer.vae.post_quant_conv)
    loose = [unet.time_embedding, unet.conv_in, nn.ModuleList([unet.conv_norm_out, unet.conv_out]), unet.mid_block]
    for block in (*unet.down_blocks, *unet.up_blocks):
        attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
        pairs = zip(block.resnets, attentions, strict=True)
        loose += [nn.ModuleList([one for one in pair if one is not None]) for pair in pairs]
        loose += [*(getattr(block, "downsamplers", None) or ()), *(getattr(block, "upsamplers", None) or ())]
    if getattr(unet, "add_embedding", None) is not None:
        loose.append(unet.add_embedding)
    for unit in loose:
        turns.watch(unit, *(unit if isinstance(unit, nn.ModuleList) else (unit,)))


# --- measuring -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    seconds: float
    #: of a step, from the end of the first to the end of the last
    step: float
    pixels: Tensor


Draw = Callable[[int, int, list[Mark]], Tensor]


def turn(bench: Bench, draw: Draw, size: int, steps: int) -> Turn:
    marks: list[Mark] = []
    bench.wait()
    began = time.perf_counter()
    pixels = draw(size, steps, marks)
    bench.wait()
    seconds = time.perf_counter() - began
    if not torch.isfinite(pixels).all():
        raise ArithmeticError("The picture holds no numbers.")
    marks[-1].wait()
    return Turn(seconds, marks[-1].seconds_since(marks[0]) / (len(marks) - 1), pixels)


def alternate(bench: Bench, ours: Draw, theirs: Draw, size: int, steps: int, pairs: int) -> list[tuple[Turn, Turn]]:
    """By turns, the first of a pair changing; two turns of each before do not count (captures, the compiler)."""
    for side in (ours, theirs, ours, theirs):
        turn(bench, side, size, min(steps, 4))
    found = []
    for number in range(pairs):
        if number % 2:
            one, other = turn(bench, ours, size, steps), turn(bench, theirs, size, steps)
        else:
            other, one = turn(bench, theirs, size, steps), turn(bench, ours, size, steps)
        bench.say(f"  pair {number + 1} of {pairs}: {one.seconds:.3f} s, {other.seconds:.3f} s")
        found.append((one, other))
    return found


def figures(row: str, what: str, against: str, pairs: Sequence[tuple[Turn, Turn]], target: float) -> Iterator[Figure]:
    whole = tuple(other.seconds / one.seconds for one, other in pairs)
    steps = tuple(other.step / one.step for one, other in pairs)
    ours, theirs = (statistics.median(pair[side].step for pair in pairs) for side in (0, 1))
    yield Figure(row, what, against, whole, target)
    yield Figure(row, f"{what}: a step", against, steps, note=f"{ours * 1e3:.2f} ms, {theirs * 1e3:.2f} ms")


@torch.inference_mode()
def apart(bench: Bench, row: str, ours: Ours, peer: Peer, size: int) -> Figure:
    """How far one answer of the two U-Nets is apart, in the same precision."""
    config, generator = ours.unet.config, torch.Generator().manual_seed(SEED)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(bench.device, bench.dtype)

    latents, states = drawn(2, 4, size // 8, size // 8), drawn(2, 77, config.cross_attention_dim)
    times = torch.full((2,), 500.0, device=bench.device)
    more: tuple[Tensor, ...] = ()
    if config.addition_embed_type:
        pooled = (config.projection_class_embeddings_input_dim or 0) - 6 * (config.addition_time_embed_dim or 0)
        more = (drawn(2, pooled), torch.full((2, 6), float(size), device=bench.device))
    told = {"added_cond_kwargs": dict(zip(("text_embeds", "time_ids"), more, strict=True))} if more else {}
    mine, theirs = ours.unet(latents, times, states, *more), peer.unet(latents, times, states, **told).sample
    error = float((mine - theirs).float().std() / theirs.float().std()) * 100
    return Figure(row, "difference of one answer of the U-Net", "the same, relative", (error,), 2.0, True, "%")


def cap(bench: Bench, size: float | None) -> None:
    """Let torch's allocator have so many bytes; None: all."""
    if bench.device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(bench.device).total_memory
        torch.cuda.set_per_process_memory_fraction(1.0 if size is None else min(1.0, size / total), bench.device)
        torch.cuda.reset_peak_memory_stats(bench.device)


# --- the rows --------------------------------------------------------------------------------------------------------


def whole_card(bench: Bench, row: str, family: str, steps: int, targets: tuple[float, float]) -> Iterator[Figure]:
    """G1 and G2: all on the card."""
    shapes = shapes_of(bench, family)
    size, steps = bench.size(shapes.size), bench.steps(steps)
    peer = Peer(bench, shapes)
    ours = Ours(bench, shapes, peer)
    bench.say(f"  {ours.plan(size)}")
    plain(peer, bench.device)
    yield apart(bench, row, ours, peer, size)
    what = f"{family} {size} x {size}, {steps} steps, prompts to pixels"
    pairs = alternate(bench, ours.draw, peer.draw, size, steps, bench.pairs)
    yield from figures(row, what, "diffusers, eager", pairs, targets[0])
    if bench.miniature:
        return
    compiled(peer, bench.device)
    pairs = alternate(bench, ours.draw, peer.draw, size, steps, bench.pairs)
    yield from figures(row, what, "diffusers, channels-last, torch.compile (reduce-overhead)", pairs, targets[1])


def g1(bench: Bench) -> Iterator[Figure]:
    yield from whole_card(bench, "G1", "sd1", 20, (3.0, 1.25))


def g2(bench: Bench) -> Iterator[Figure]:
    yield from whole_card(bench, "G2", "sdxl", 30, (1.5, 1.0))


@dataclass(frozen=True)
class Sparing:
    """A way of saving memory, and how many times as long as ours it is to take."""

    against: str
    use: Callable[[Peer, torch.device], None]
    target: float | None = None
    pairs: int | None = 1


SPARING = (
    Sparing("diffusers, group offload (leaf, stream)", group_offload, 3.0, None),
    Sparing("AUTOMATIC1111's lowvram, rebuilt", a1111_lowvram, 20.0, 2),
    Sparing("AUTOMATIC1111's medvram, rebuilt", a1111_medvram),
    Sparing("diffusers, model offload", model_offload),
    Sparing("diffusers, sequential offload", sequential_offload),
)
#: GiB of a small card
SMALL = {"sd1": 1.5, "sdxl": 3.0}


def g3(bench: Bench) -> Iterator[Figure]:
    """A step on a small card, against what others do there; SDXL's models, which take long to make, are made once."""
    promised = [way for way in SPARING if way.target is not None]
    others = [way for way in SPARING if way.target is None]
    # should the time run out, it is what has a target that was measured
    for family, ways in (("sd1", promised), ("sdxl", [*promised, *others]), ("sd1", others)):
        cap(bench, None)
        peer = Peer(bench, shapes_of(bench, family))
        ours = Ours(bench, shapes_of(bench, family), peer)
        for way in ways:
            if bench.miniature and way.use in (model_offload, sequential_offload):
                continue  # accelerate offloads nothing from a CPU
            yield on_small_card(bench, family, ours, peer, way)


def on_small_card(bench: Bench, family: str, ours: Ours, peer: Peer, way: Sparing) -> Figure:
    size, steps = bench.size(shapes_of(bench, family).size), bench.steps(4)
    what = f"{family} {size} x {size} in {SMALL[family]} GiB: a step"
    if way.use is group_offload and importlib.util.find_spec("accelerate") is None:
        return Figure("G3", what, way.against, (math.nan,), note="accelerate is not installed")
    sparing = peer.again()
    cap(bench, SMALL[family] * GIB)
    way.use(sparing, bench.device)
    bench.say(f"  {ours.plan(size)}")
    try:
        found = alternate(bench, *by_themselves(ours, sparing), size, steps, way.pairs or bench.pairs)
    except RuntimeError as lacking:
        if not lacks_memory(lacking):
            raise
        return Figure("G3", what, way.against, (math.nan,), None, note=f"does not fit: {str(lacking)[:80]}")
    finally:
        ours.leave()
    return Figure("G3", what, way.against, tuple(other.step / one.step for one, other in found), way.target)


def by_themselves(ours: Ours, peer: Peer) -> tuple[Draw, Draw]:
    """Both sides, each leaving the card as it found it."""

    def mine(size: int, steps: int, marks: list[Mark]) -> Tensor:
        pixels = ours.draw(size, steps, marks)
        ours.leave()
        return pixels

    def theirs(size: int, steps: int, marks: list[Mark]) -> Tensor:
        pixels = peer.draw(size, steps, marks)
        if peer.turns is not None:
            peer.turns.leave()
        return pixels

    return mine, theirs


def g4(bench: Bench) -> Iterator[Figure]:
    """The smallest cap under which a picture is finished."""
    for family, target, high in (("sd1", 0.6, 3.0), ("sdxl", 1.0, 6.0)):
        shapes = shapes_of(bench, family)
        size, steps = bench.size(shapes.size), bench.steps(2)
        cap(bench, None)
        peer = Peer(bench, shapes)
        ours = Ours(bench, shapes, peer)
        (plain if bench.miniature else sequential_offload)(peer, bench.device)
        # where no cap is too small, all the same as under the smallest
        forced = {"mode": "lowvram", "resident": 0, "text_resident": 0, "vae_rows": 1} if bench.miniature else {}

        def drawn(
            limit: float, ours: Ours = ours, peer: Peer = peer, size: int = size, steps: int = steps,
            forced: dict[str, Any] = forced,
        ) -> None:  # fmt: skip
            cap(bench, limit * GIB)
            ours.plan(size, **forced)
            turn(bench, by_themselves(ours, peer)[0], size, steps)

        def drawn_by_peer(limit: float, peer: Peer = peer, size: int = size, steps: int = steps) -> None:
            cap(bench, limit * GIB)
            turn(bench, peer.draw, size, steps)

        mine, theirs = (smallest(draw, 0.1, high, 1 if bench.miniature else 7) for draw in (drawn, drawn_by_peer))
        what = f"{family} {size} x {size}: smallest cap"
        yield Figure("G4", what, "-", (mine,), target, True, "GiB", "allocated by torch; CUDA itself takes more")
        yield Figure("G4", what, "diffusers, sequential offload and tiling: theirs", (theirs,), unit="GiB")
        planned = ours.least(size)
        note = f"{planned:.2f} GiB are planned, beside the reserve"
        yield Figure("G4", f"{what}, through what is planned", "-", (mine / planned,), note=note)


def smallest(draw: Callable[[float], None], low: float, high: float, rounds: int) -> float:
    """By halving in logarithms; infinite if not even `high` is enough."""
    found = math.inf
    for number in range(rounds):
        limit = high if number == 0 else math.sqrt(low * min(found, high))
        try:
            draw(limit)
            found = limit
        except (RuntimeError, RequestError) as lacking:
            if not isinstance(lacking, RequestError) and not lacks_memory(lacking):
                raise
            if number == 0:
                return math.inf
            low = limit
        # its frames held the picture
        gc.collect()
    return found


def g5(bench: Bench) -> Iterator[Figure]:
    """Memory that runs out in the middle of every picture."""
    shapes = shapes_of(bench, "sd1")
    size, steps, count = bench.size(512), bench.steps(4), 3 if bench.miniature else 50
    peer = Peer(bench, shapes)
    ours = Ours(bench, shapes, peer)
    cap(bench, None)
    on_card = bench.device.type == "cuda"
    forced = {} if on_card else {"mode": "lowvram", "resident": 1 << 30}
    ours.plan(size, **forced)
    turn(bench, ours.draw, size, steps)
    before, finished = allocated(bench), 0
    events: list[int] = []
    for _ in range(count):
        cap(bench, None)
        ours.plan(size, **forced)
        with shortage(bench, events):
            turn(bench, ours.draw, size, steps)
        finished += 1
    cap(bench, None)
    ours.plan(size, **forced)
    turn(bench, ours.draw, size, steps)
    drift = abs(allocated(bench) - before) / (1 << 20)
    what = f"pictures finished, memory having run out {len(events)} times"
    yield Figure("G5", what, f"of {count}", (float(finished),), float(count), unit="")
    yield Figure("G5", "memory more or less than before", "-", (drift,), 100.0, True, "MiB")


def allocated(bench: Bench) -> int:
    return torch.cuda.memory_allocated(bench.device) if bench.device.type == "cuda" else 0


@contextmanager
def shortage(bench: Bench, events: list[int]) -> Iterator[None]:
    """When the U-Net is asked for the second time memory runs out, and from then on there is less than lay in use.

    On a CPU that is only said. The U-Net itself is left alone: what hooks into it is not captured as a graph.
    """
    ask, calls = View.ask, [0]

    def asked(view: View, *told: Any) -> Tensor:
        calls[0] += 1
        if calls[0] == 2:
            events.append(1)
            run_out(bench)
        return ask(view, *told)

    View.ask = asked  # type: ignore[assignment]
    try:
        yield
    finally:
        View.ask = ask  # type: ignore[method-assign]


def run_out(bench: Bench) -> None:
    """Raises what torch raises."""
    if bench.device.type != "cuda":
        raise torch.OutOfMemoryError("CUDA out of memory. (said for the miniature)")
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(bench.device).total_memory
    less = 0.6 * torch.cuda.memory_reserved(bench.device)
    torch.cuda.set_per_process_memory_fraction(less / total, bench.device)
    # a graph that is replayed asks for none
    torch.empty(int(less), dtype=torch.uint8, device=bench.device)


ROWS: dict[str, Callable[[Bench], Iterator[Figure]]] = {"G1": g1, "G2": g2, "G3": g3, "G4": g4, "G5": g5}


# --- one process a row, and the table --------------------------------------------------------------------------------


def one_row(row: str, bench: Bench, to: Path) -> None:
    """What was measured before a failure is kept."""
    found: list[dict[str, Any]] = []
    try:
        for figure in ROWS[row](bench):
            found.append(asdict(figure))
            to.write_text(json.dumps(found))
    except Exception as failure:
        told = asdict(Figure(row, "failed", type(failure).__name__, (math.nan,), note=str(failure)[:200]))
        to.write_text(json.dumps([*found, told]))
        raise


def measured(row: str, arguments: argparse.Namespace) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "row.json"
        command = [sys.executable, __file__, "--one", row, "--to", str(to), "--pairs", str(arguments.pairs)]
        try:
            ended = subprocess.run(
                [*command, *(["--miniature"] if arguments.miniature else [])], timeout=LIMITS[row], check=False
            )
            broken = f"ended with {ended.returncode}" if ended.returncode else ""
        except subprocess.TimeoutExpired:
            broken = f"cut after {LIMITS[row]} s"
        told = json.loads(to.read_text()) if to.exists() else []
    found = [Figure(**{**one, "values": tuple(one["values"])}) for one in told]
    if broken and not any(one.what == "failed" for one in found):
        found.append(Figure(row, broken, "-", (math.nan,), note=f"{broken}; what is not here was not measured"))
    return found


def table(found: Sequence[Figure]) -> str:
    lines = ["row  value (least … greatest)  target  met  what, against"]
    for one in found:
        target = "" if one.target is None else f"{'<=' if one.at_most else '>='} {one.target:g}"
        met = {None: "", True: "yes", False: "no"}[one.met]
        spread = f"{one.value:.3g} {one.unit} ({min(one.values):.3g} … {max(one.values):.3g})"
        lines.append(f"{one.row}  {spread}  {target}  {met}  {one.what}; {one.against}  {one.note}")
    return "\n".join(lines)


def versions() -> dict[str, str | None]:
    import diffusers
    import transformers

    card = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"card": card, "torch": torch.__version__, "cuda": torch.version.cuda, "python": platform.python_version(),
            "diffusers": diffusers.__version__, "transformers": transformers.__version__}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--miniature", action="store_true")
    parser.add_argument("--one", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.miniature and not torch.cuda.is_available():
        raise SystemExit("There is no NVIDIA GPU here; --miniature shows that the rows run.")
    if arguments.one:
        # with its number: torch caps no card without
        device = torch.device("cpu") if arguments.miniature else torch.device("cuda", 0)
        with torch.inference_mode():
            one_row(arguments.one, Bench(device, arguments.pairs, arguments.miniature), arguments.to)
        return
    found = [figure for row in arguments.rows for figure in measured(row, arguments)]
    sys.stdout.write(table(found) + "\n")
    if arguments.json:
        kept = {"machine": versions(), "figures": [asdict(one) for one in found]}
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
