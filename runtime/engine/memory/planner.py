"""Plans each checkpoint and each run of a sampler by what there is now, tells the store, and learns from what came."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from runtime.engine.graphs import begin_run, bytes_in_graphs, steps_were_seen
from runtime.engine.memory.hardware import room
from runtime.engine.memory.lanes import bytes_per_second
from runtime.engine.memory.ledger import Ledger, Outcome
from runtime.engine.memory.needs import Models, Picture, encoding_of, needs_of, size
from runtime.engine.memory.plan import Policy, Prediction, least, mode_asked_for, plan_job
from runtime.engine.memory.settings import Settings
from runtime.engine.memory.store import Store
from runtime.engine.memory.traces import Canvas
from runtime.engine.precision import Precision
from runtime.engine.shortage import free_memory
from runtime.ledger_file import work_of
from runtime.placement import Ground, Reason, rows_for, vae_width
from runtime.request import RequestError

if TYPE_CHECKING:
    from runtime.engine.checkpoint import Checkpoint

#: devices whose memory is known
_KNOWN = ("cuda", "cpu")
_GIB = 1 << 30
#: bytes for each pixel, three times what any family's models take in float32 (launcher/data/memory.toml)
_MORE_THAN_ENOUGH = 8192


class Planner:
    """One per worker; `file` keeps what is learnt."""

    def __init__(self, settings: Settings, file: Path | None = None) -> None:
        self._settings, self._file = settings, file
        self._ledgers: dict[str, Ledger] = {}
        #: the last plan that was told
        self._told = ""
        #: bytes that captured steps hold at most: the activations of the largest picture since they were forgotten
        self._captured = 0
        #: bytes that other steps were captured with before this run; no prediction counts them
        self._copies = 0

    def plan(
        self,
        placed: Policy,
        models: Models,
        family: str,
        picture: Picture,
        *,
        refuse: bool = True,
        on_disk: bool = False,
    ) -> Policy:
        """The policy for this picture on the device and in the precision of `placed`.

        RequestError `too-little-memory` where no way can do it, unless it is not to be refused; weights that lie
        `on_disk` need none of the computer's.
        """
        device = torch.device(placed.device)
        wish = replace(placed, mode=mode_asked_for(self._settings, family), resident=None, text_resident=None)
        wish = replace(wish, vae_rows=None, batch_cond_uncond=None)
        wish = replace(wish, predicted=Prediction(reasons=(Reason("not-told"),)))
        if device.type not in _KNOWN:
            return wish
        ledger = self._ledger(device)
        seconds = ledger.step_seconds(_work(family, models.unet, picture, wish.precision))
        # tracing imports torch's compiler, seconds that a processor with memory to spare need not wait for
        if device.type == "cpu" and _plenty(picture, room(device).free):
            return replace(wish, predicted=Prediction(step_seconds=seconds, reasons=(Reason("plenty"),)))
        precision = replace(wish.precision, vae=_in_the_end(wish.precision.vae, family, device))
        told = (wish.attention.name, device.type, wish.channels_last, wish.graphs)
        needs = needs_of(models, precision, picture, *told)
        now = room(device)
        ground = Ground(now.free, now.reserve, ledger.correction, ledger.bytes_per_second, seconds)
        policy = plan_job(wish, self._settings, needs, ground)
        if refuse and policy.predicted.peak_bytes > now.free:
            bare = least(wish, self._settings, needs, replace(ground, correction=1.0))
            if device.type == "cuda":
                _refuse(bare, now.free, picture)
            elif now.swap is not None:
                weights = needs.text.whole + needs.unet.whole + needs.vae if on_disk else 0
                _refuse_on_processor(bare - weights, now.free + now.swap, picture)
        return policy

    def first(self, placed: Policy, checkpoint: Checkpoint) -> Policy:
        """For a checkpoint that was read and a picture of the size that it was trained on; on a processor all stays."""
        if not placed.device.startswith("cuda"):
            return placed
        models = Models(checkpoint.unet, checkpoint.vae, checkpoint.texts)
        return self.plan(placed, models, checkpoint.traits.family, Picture(*checkpoint.traits.native), refuse=False)

    def prepare(self, store: Store, family: str, picture: Picture) -> None:
        """Before a run of the sampler; RequestError `too-little-memory` where no way can do it."""
        (unet,), (vae,) = store.modules("unet"), store.modules("vae")
        models = Models(unet, vae, store.modules("text"))  # type: ignore[arg-type]
        placed = replace(store.policy, precision=_precision(store))
        policy = self.plan(placed, models, family, picture, on_disk=store.on_disk)
        self._tell(_work(family, unet, picture, policy.precision), policy)
        if store.device.type == "cuda":
            self._release_captured(policy.predicted.peak_bytes, store.device)
            if policy.graphs and policy.mode == "full":
                drawn = policy.predicted.drawing_bytes - policy.predicted.weights_bytes
                self._captured = max(self._captured, drawn)
        store.prepare(replace(policy, precision=store.policy.precision))

    def begin(self, store: Store) -> None:
        """The U-Net lies where it works: from here on memory is what `learn` compares with the prediction."""
        if store.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(store.device)
            self._copies = bytes_in_graphs()
            begin_run()

    def learn(self, store: Store, family: str, picture: Picture, step_seconds: float) -> None:
        """After a run of the sampler that went as planned, while the U-Net still lies where it worked."""
        device = store.device
        if device.type not in _KNOWN or not store.as_planned:
            return
        told = device.type == "cuda" and steps_were_seen()
        peak = torch.cuda.max_memory_allocated(device) - self._copies if told else None
        work = _work(family, store.modules("unet")[0], picture, _precision(store))
        self._ledger(device).note(work, store.policy.predicted, Outcome(peak, step_seconds))

    def before_encoding(self, store: Store, family: str, width: int, height: int) -> int | None:
        """Rows of latents at a time in which the autoencoder reads a picture of this size in pixels; None: all.

        A picture may be read before the first plan, or in the midst of a plan for a smaller one.
        """
        policy, device = store.policy, store.device
        if device.type not in _KNOWN:
            return policy.vae_rows
        now, picture = room(device), Picture(width, height)
        if device.type == "cpu" and _plenty(picture, now.free):
            return None
        (vae,) = store.modules("vae")
        precision = _in_the_end(store.dtype("vae"), family, device)
        canvas = Canvas(*picture.cells, 1, precision, policy.attention.name, device.type, policy.channels_last)
        taking = encoding_of(vae, canvas)  # type: ignore[arg-type]
        weights = size(vae, precision)
        if policy.mode == "full":
            beside = [(one, store.dtype(name)) for name in ("unet", "text") for one in store.modules(name)]
            weights += sum(size(*one) for one in beside)
        ground = Ground(now.free, now.reserve, self._ledger(device).correction)
        rows, taken = rows_for(taking, ground, ground.budget - weights)
        if device.type == "cuda":
            self._release_captured(weights + taken, device)
        return rows

    def before_decoding(self, store: Store) -> None:
        """After the last run of a batch: the steps that it captured lie beside what the autoencoder takes."""
        if store.device.type == "cuda":
            self._release_captured(store.policy.predicted.decoding_bytes, store.device)

    def _release_captured(self, needed: int, device: torch.device) -> None:
        """The memory of graphs counts as free, and no other work can have it: they go where it might be wanted."""
        copies = bytes_in_graphs()
        if copies:
            now = room(device)
            if self._captured + copies + needed <= now.free - now.reserve:
                return
            free_memory()
        self._captured = 0

    def _tell(self, work: str, policy: Policy) -> None:
        """In the log, where it is another plan than the last."""
        plan = f"Plan of {work}: {policy.predicted.reason}"
        if plan != self._told:
            sys.stderr.write(plan + "\n")
        self._told = plan

    def _ledger(self, device: torch.device) -> Ledger:
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        if name not in self._ledgers:
            self._ledgers[name] = Ledger(self._file, name)
            self._ledgers[name].measure(lambda: bytes_per_second(device))
        return self._ledgers[name]


def _work(family: str, unet: nn.Module, picture: Picture, precision: Precision) -> str:
    number = str(precision.unet).removeprefix("torch.")
    sides, weights = (picture.width, picture.height), size(unet, precision.unet)
    return work_of(family, weights, sides, number, picture.batch, picture.prompts, picture.chunks)


def _precision(store: Store) -> Precision:
    """Of the models as they are: some were widened on the way."""
    return Precision(*(store.dtype(name) for name in ("unet", "vae", "text")))


def _in_the_end(dtype: torch.dtype, family: str, device: torch.device) -> torch.dtype:
    """The VAE's precision once it has been widened, where its kind overflows (engine/autoencoder.py)."""
    if dtype != torch.float16:
        return dtype
    bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.float32 if vae_width(family, dtype.itemsize, bfloat16) == 4 else dtype


def _plenty(picture: Picture, free: int) -> bool:
    return picture.width * picture.height * picture.batch * _MORE_THAN_ENOUGH < free


def _refuse(needed: int, free: int, picture: Picture) -> None:
    """Only where not even the bare need fits: predictions may be a little too high."""
    if needed <= free:
        return
    raise RequestError(
        "too-little-memory",
        f"{picture.width} x {picture.height} needs at least {needed / _GIB:.1f} GB of the card's memory, "
        f"and {free / _GIB:.1f} GB can be had.",
        "Draw a smaller picture, close other programs, or let the processor draw with --use-cpu all.",
    )


def _refuse_on_processor(needed: int, free: int, picture: Picture) -> None:
    """Where the page file is counted: what fits nowhere would end the worker, after it has held up the computer."""
    if needed <= free:
        return
    raise RequestError(
        "too-little-memory",
        f"{picture.width} x {picture.height} needs at least {needed / _GIB:.1f} GB of the computer's memory, "
        f"and with the page file {free / _GIB:.1f} GB can be had.",
        "Draw a smaller picture, close other programs, or enlarge the page file.",
    )
