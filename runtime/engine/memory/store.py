"""Where the models of a checkpoint lie: `Store` obeys a policy."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from runtime.engine.architecture.quick import quicken
from runtime.engine.attention import use
from runtime.engine.memory.lanes import Lane, lane_of
from runtime.engine.memory.plan import Policy
from runtime.engine.memory.stream import Stream
from runtime.engine.shortage import free_memory, lacks_memory
from runtime.engine.weights import Weights

if TYPE_CHECKING:
    from runtime.engine.checkpoint import Checkpoint

#: what is most often needed after a part: it sets out while the one before is being left
_NEXT = {"text": "unet", "unet": "vae"}
#: what can be brought block by block; the autoencoder's blocks are not run as such where it works in strips
_BY_PIECES = ("unet", "text")
#: devices that work in the computer's own memory: a copy of weights there would be another one in the same place
_HERE = ("cpu", "mps")


def occupy(policy: Policy) -> torch.device:
    """The device to work on. Of several cards it becomes the one that torch itself goes by, and no other is touched."""
    device = torch.device(policy.device)
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)
    return device


class _Part:
    """One of the models, and, where its weights travel, their master and what brings them."""

    def __init__(self, model: nn.Module, device: torch.device, lane: Lane, travels: bool, pinned: bool) -> None:
        self.model, self.lent = model, 0
        self._device, self._lane = device, lane
        self._weights = Weights(model) if travels else None
        self.stream: Stream | None = None
        if self._weights is not None:
            if pinned and lane.pin(self._weights.master):
                weakref.finalize(self._weights, lane.unpin, self._weights.master)
            for holder in model.modules():
                for name, buffer in holder.named_buffers(recurse=False):
                    setattr(holder, name, buffer.to(device))

    def plan(self, resident: int | None) -> None:
        """Begin anew with so many bytes that may stay."""
        self.close()
        if self._weights is not None:
            self.stream = Stream(self._weights, self._device, self._lane, resident)

    def open(self) -> None:
        if self.stream is not None:
            self.stream.open()

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()

    @property
    def bytes_on_device(self) -> int:
        return 0 if self.stream is None else self.stream.bytes_on_device

    def write(self, holder: nn.Module, name: str, value: Tensor) -> None:
        if self._weights is None:
            holder.get_parameter(name).copy_(value)
        else:
            # what sets out from the master arrives as it was when it set out
            self._lane.finish()
            self._weights.write(holder, name, value)


class Store:
    """Holds the models of one checkpoint and lends them, on the device, as its policy says.

    The weights' master lies in this computer's memory; what is on a card is a copy that is dropped and never brought
    back. On a CPU nothing travels, unless the policy says so, nor on Apple's.
    """

    def __init__(self, checkpoint: Checkpoint, policy: Policy) -> None:
        self.device = occupy(policy)
        self.policy = policy
        #: False once weights could not be brought back to what the file holds: the checkpoint has to be read again
        self.sound = True
        #: file and time of the VAE that is not the checkpoint's own
        self.vae_source: tuple[Path, float] | None = None
        self._own_vae: nn.Module | None = None
        self._lane = lane_of(self.device)
        #: the weights lie in a file, of which the system brings what is read
        self.on_disk = checkpoint.on_disk
        #: do models take turns, or do fewer of their weights stay, because memory ran out?
        self._shrunk = False
        #: False once memory ran out since the policy was made
        self.as_planned = True
        models = {"unet": checkpoint.unet, "vae": checkpoint.vae, "text": nn.ModuleList(checkpoint.texts)}
        self._parts = {name: self._part(name, model) for name, model in models.items()}
        self._obey()

    def prepare(self, policy: Policy) -> None:
        """Draw the next job by this policy; precision and device are those of the first."""
        before, self.policy = self.policy, policy
        self.as_planned = True
        moved = any(getattr(before, name) != getattr(policy, name) for name in ("mode", "resident", "text_resident"))
        if moved or self._shrunk:
            self._obey()
        elif before.attention != policy.attention:
            use(policy.attention, self._parts["unet"].model)

    def _obey(self) -> None:
        self._shrunk = False
        use(self.policy.attention, self._parts["unet"].model)
        staying: dict[str, int | None] = {}
        if self.policy.mode == "lowvram":
            staying = {"unet": self.policy.resident or 0, "text": self.policy.text_resident}
        for name, part in self._parts.items():
            part.plan(staying.get(name))
        if self.policy.mode == "full":
            for part in self._parts.values():
                self._bring(part)

    def _part(self, name: str, model: nn.Module) -> _Part:
        if self.policy.channels_last and name != "text":
            model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if self.device.type == "cpu":
                quicken(model)
        travels = self.device.type not in _HERE or (self.device.type == "cpu" and self.policy.mode != "full")
        if not travels:
            model.to(self.device)
        return _Part(model, self.device, self._lane, travels, not self.on_disk)

    @contextmanager
    def lend(self, name: str) -> Iterator[Any]:
        """The model `unet` or `vae`, or the tuple of `text` models, ready to run on `device`."""
        part = self._parts[name]
        self._bring(part)
        part.lent += 1
        try:
            yield tuple(part.model) if isinstance(part.model, nn.ModuleList) else part.model
        finally:
            # it may have been exchanged for a wider one
            part = self._parts[name]
            part.lent -= 1
            if self._by_turns and part.lent == 0:
                part.close()
        if self._by_turns and name in _NEXT and not any(one.lent for one in self._parts.values()):
            self._bring(self._parts[_NEXT[name]])

    @property
    def _by_turns(self) -> bool:
        return self.policy.mode != "full" or self._shrunk

    def _bring(self, part: _Part) -> None:
        while True:
            if self._by_turns:
                self._close_idle(but=part)
            try:
                return part.open()
            except (RuntimeError, MemoryError) as failure:
                if not lacks_memory(failure):
                    raise
                lacking = failure.with_traceback(None)
            self.as_planned = False
            if not self._spare(part):
                raise lacking
            free_memory()

    def _close_idle(self, but: _Part | None = None) -> bool:
        """False if nothing lay on the device."""
        idle = [one for one in self._parts.values() if one is not but and not one.lent and one.bytes_on_device]
        for part in idle:
            part.close()
        if idle and self.device.type == "cuda":
            torch.cuda.empty_cache()
        return bool(idle)

    def make_room(self) -> bool:
        """After memory ran out: take less of it from now on, until the next `prepare`; False if nothing can be spared.

        Models that are lent stay so, and can be run again.
        """
        self.as_planned = False
        lent = [part for part in self._parts.values() if part.lent]
        made = self._close_idle() or any(self._spare(part) for part in lent)
        free_memory()
        for part in lent if made else ():
            self._bring(part)
        return made

    def _spare(self, part: _Part) -> bool:
        """Take turns from now on; where turns are taken, let less of the part stay. False if nothing can be spared."""
        first = not self._by_turns and self.device.type != "cpu"
        self._shrunk = True
        by_pieces = any(part is self._parts[name] for name in _BY_PIECES)
        return first or (by_pieces and part.stream is not None and part.stream.shrink())

    def modules(self, name: str) -> tuple[nn.Module, ...]:
        """The models under a name where they lie, which may not be `device`: to look at."""
        model = self._parts[name].model
        return tuple(model) if isinstance(model, nn.ModuleList) else (model,)

    def write(self, name: str, holder: nn.Module, weight: str, value: Tensor) -> None:
        """Change a weight of the layer `holder` of the model `name`, wherever it lies."""
        self._parts[name].write(holder, weight, value)

    def park(self) -> None:
        """Leave the device: another checkpoint draws."""
        for part in self._parts.values():
            part.close()

    def unpark(self) -> None:
        """Draw again."""
        self._obey()

    def dtype(self, name: str) -> torch.dtype:
        """The precision of a model's weights now."""
        return next(self._parts[name].model.parameters()).dtype

    def size(self, name: str) -> int:
        """How many parameters a model has."""
        return sum(parameter.numel() for parameter in self._parts[name].model.parameters())

    @property
    def nbytes(self) -> int:
        """Of all weights in this computer's memory."""
        models = [*(part.model for part in self._parts.values()), *([self._own_vae] if self._own_vae else [])]
        return sum(parameter.nbytes for model in models for parameter in model.parameters())

    def widen(self, name: str, dtype: torch.dtype = torch.float32) -> None:
        """Continue with this model in `dtype`; if it is lent, it stays so."""
        self._parts[name].close()
        self._exchange(name, self._parts[name].model.to(dtype))

    def exchange_vae(self, vae: nn.Module, source: tuple[Path, float]) -> None:
        """Use this VAE, read from a file as it was changed last; the checkpoint's own waits in memory."""
        self._parts["vae"].close()
        if self._own_vae is None:
            self._own_vae = self._parts["vae"].model
        self.vae_source = source
        self._exchange("vae", vae)

    def restore_vae(self) -> None:
        """Use the checkpoint's own VAE again."""
        if self._own_vae is not None:
            self._parts["vae"].close()
            self._exchange("vae", self._own_vae)
            self._own_vae = self.vae_source = None

    def _exchange(self, name: str, model: nn.Module) -> None:
        """The part is closed."""
        before = self._parts[name]
        part = self._parts[name] = self._part(name, model)
        part.lent = before.lent
        part.plan(None)
        if part.lent or not self._by_turns:
            self._bring(part)
