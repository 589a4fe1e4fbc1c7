"""The child that draws: loads torch and one checkpoint, obeys the server's messages, reports every step.

    python -m runtime.worker [flags] HANDLE

Standard output and standard error are for people; everything else goes through the channel (runtime/channel.py).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import wire
from runtime.channel import Channel, ChannelClosedError, Message, inherited_channel
from runtime.cores import threads
from runtime.hashes import Digest
from runtime.request import Extras, Request, RequestError
from runtime.standard_error import outlast_the_log
from runtime.worker_flags import WorkerSettings, parse

if TYPE_CHECKING:
    import torch

    from runtime.engine.easel import Easel
    from runtime.engine.generate import Step, Wish
    from runtime.engine.kept import KeptModels, Stamp
    from runtime.engine.model import Model
    from runtime.engine.tools import Tools

#: nothing that the worker imports may ask another machine for anything
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
#: between two steps that tell the card's memory: to ask takes longer than a small part of a fast step
CARD_SECONDS = 0.5
#: threads that wait for each other sleep instead of spinning: on a busy CPU that costs far less (docs/performance.md)
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
#: large tensors lie in large pages (Linux): to get and give back small ones takes as long as many a layer
LARGE_PAGES = {"THP_MEM_ALLOC_ENABLE": "1"}


def set_environment() -> None:
    """Before torch is imported; how many threads there are and how they wait is the user's to override."""
    os.environ.update({**PATIENT, **LARGE_PAGES, "OMP_NUM_THREADS": str(threads()), **os.environ, **OFFLINE})


@dataclass
class Worker:
    """The loaded model and the messages that arrived while a picture was drawn."""

    channel: Channel
    settings: WorkerSettings
    model: Model | None = None
    postponed: list[Message] = field(default_factory=list)
    #: the checkpoint that the server chose; a job may have left another in its place
    chosen: Path | None = None
    #: SHA-256 of the files that were loaded, as they were then
    hashes: dict[Stamp, str | Digest | None] = field(default_factory=dict)
    tools: Tools | None = None
    #: made with the first model
    kept: KeptModels | None = None
    #: what the file of the loaded model looked like before it was read
    stamp: Stamp = ()
    interrupted: bool = False
    stopping: bool = False
    #: a hash is told by the thread that computed it
    saying: threading.Lock = field(default_factory=threading.Lock)
    #: when a step tells the card's memory next
    card_due: float = 0.0
    #: where models work; each thread would take another card for the current one
    device: torch.device | None = None

    def run(self) -> None:
        """Obey until `stop`, or until the server is gone."""
        self.say(event="phase", name="torch")
        _import_engine()
        while not self.stopping:
            message = self.postponed.pop(0) if self.postponed else self.channel.receive()
            self.obey(message)

    def say(self, *blobs: bytes, **body: Any) -> None:
        """Words tell the card's memory too, where one is in use; steps, which may be many, seldom."""
        now = time.monotonic()
        asked = body["event"] != "step" or now >= self.card_due
        card = _card(self.device) if asked and "torch" in sys.modules else None
        self.card_due = now + CARD_SECONDS if asked else self.card_due
        with self.saying:
            self.channel.send(Message(body | ({"cuda": card} if card else {}), blobs))

    def obey(self, message: Message) -> None:
        """One message; what goes wrong is told to the server, and the worker goes on."""
        about: dict[str, Any] = {"event": "failed", "id": message.body.get("id")}
        if "path" in message.body:
            about["path"] = message.body["path"]
        try:
            self.do(message)
        except ChannelClosedError:
            raise
        except RequestError as refused:
            about |= {"code": refused.code, "message": refused.message, "hint": refused.hint}
        except Exception as failure:  # noqa: BLE001 - a bug in one job must not cost the loaded model
            traceback.print_exc()
            from runtime.engine.shortage import describe, lost_device

            # the server starts another process, which may get the card back
            self.stopping = self.stopping or lost_device(failure)
            about |= describe(failure, Path(about["path"]) if "path" in about else None)
        else:
            return
        # outside of `except`: there the failure still holds all that the job had in memory
        with contextlib.suppress(RuntimeError):
            _free_memory()
        self.say(**about)

    def do(self, message: Message) -> None:
        """What a message asks for; unknown ones ask for nothing."""
        body, job = message.body, str(message.body.get("id"))
        do = body.get("do")
        if do == "load":
            self.load(Path(body["path"]), body.get("hash"))
        elif do == "generate":
            self.generate(job, wire.unpack(Request, body["request"], message.blobs))
        elif do == "enlarge":
            self.enlarge(job, wire.unpack(Extras, body["request"], message.blobs))
        elif do == "unload":
            self.unload()
        elif do == "stop":
            self.stopping = True

    def unload(self) -> None:
        """Give the memory of all models back, the device's too."""
        self.chosen = None
        if self.kept is not None:
            self.kept.clear()
        self.let_go()
        self.say(event="unloaded")

    def let_go(self) -> None:
        """The model is nobody's any more."""
        self.model = None
        _free_memory()

    def load(self, path: Path, sha256: str | None) -> None:
        """Replace the model, and choose this file for the jobs to come.

        Where the file is refused by what its header says, the old model stays. Where reading it fails later, no model
        is left in memory, for there may be room for one alone; the old file stays chosen, and the next job reads it.
        """
        began = time.monotonic()
        self.say(event="phase", name="model")
        model = self.read(path, sha256)
        self.chosen = path
        width, height = model.traits.native
        self.say(
            event="loaded",
            path=str(path),
            title=model.title,
            seconds=round(time.monotonic() - began, 3),
            width=width,
            height=height,
            hash=model.sha256.so_far if isinstance(model.sha256, Digest) else model.sha256,
            device=model.store.policy.device,
            mode=model.store.policy.mode,
        )
        self.tell_embeddings(model)

    def read(self, path: Path, sha256: str | Digest | None) -> Model:
        """The checkpoint at this place, in the place of the loaded one once its file has been read."""
        from runtime.engine.attention_trial import tried
        from runtime.engine.checkpoint import bytes_of, load_checkpoint, prepare_checkpoint
        from runtime.engine.kept import stamp_of
        from runtime.engine.memory import Settings, Store, look, occupy, place
        from runtime.engine.model import Model
        from runtime.engine.switches import Switches, turn

        # what is refused here leaves the old model; from then on there may be room for one alone
        kept = self.keep(path)
        if kept is not None:
            return kept
        blank = prepare_checkpoint(path)
        stamp = stamp_of(path)
        flags = self.settings.flags
        policy = place(Settings.of(flags), look(flags.device_id), blank.layout.family)
        if policy.attention.warning:
            sys.stderr.write(f"Warning: {policy.attention.warning}\n")
        needed = bytes_of(blank, policy.precision)
        self.put_aside(needed, path)
        folder = self.folder_instead_of_memory(path, needed)
        checkpoint = load_checkpoint(path, policy.precision, blank, policy.channels_last, folder)
        for sentence in turn(Switches.of(self.settings.flags), checkpoint.unet, policy.device.startswith("cuda")):
            sys.stderr.write(f"Warning: {sentence}\n")
        forced = self.settings.flags.force_enable_xformers
        self.device = occupy(policy)
        attention, sentence = tried(policy.attention, forced, checkpoint.unet, self.device)
        policy = replace(policy, attention=attention)
        if sentence:
            sys.stderr.write(f"{sentence}\n")
        # only now: what was read lies in the computer's memory, and nothing waits for it but what is written at the end
        self.hashes[stamp] = sha256 = sha256 or self.hashes.get(stamp) or self.hash(path)
        policy = self.instruments().planner.first(policy, checkpoint)
        self.model = Model(checkpoint.title, checkpoint.path, Store(checkpoint, policy), checkpoint.traits, sha256)
        self.stamp = stamp
        return self.model

    def keep(self, path: Path) -> Model | None:
        """The model of this file in the place of the loaded one, if it was drawn with before and is still there."""
        from runtime.engine.kept import KeptModels, is_unchanged, stamp_of

        self.kept = self.kept or KeptModels()
        if self.has(path) and is_unchanged(path, self.stamp):
            return self.model
        model = self.kept.take(path)
        if model is not None:
            self.put_aside(0, path)
            model.store.unpark()
            self.model, self.stamp = model, stamp_of(path)
        return model

    def folder_instead_of_memory(self, path: Path, needed: int) -> Path | None:
        """Where so many bytes of weights are to lie if this computer's memory cannot hold them, which is said."""
        from runtime.engine.kept import lacks_room

        free = lacks_room(needed)
        if free is None:
            return None
        sys.stderr.write(
            f"Warning: the model takes {needed >> 20} MiB and {free >> 20} MiB of memory are free, so its weights are "
            "read from the disk while it draws, which is slow. Close other programs, or take a smaller model.\n"
        )
        self.say(event="on_disk", title=path.name, needed=needed, free=free)
        return Path(self.settings.flags.data_dir) / "cache"

    def has(self, path: Path) -> bool:
        """Is the model of this file loaded, and fit to draw?"""
        return self.model is not None and self.model.path == path and self.model.store.sound

    def put_aside(self, needed: int, path: Path) -> None:
        """The file's model of so many bytes is about to draw: another one is kept, where there is room for both."""
        model, self.model = self.model, None
        if model is not None and model.path != path and model.store.sound and self.kept is not None:
            self.kept.put(model, self.stamp)
        del model
        if self.kept is not None:
            self.kept.make_room(needed)
        _free_memory()

    def hash(self, path: Path) -> Digest | None:
        """Behind everything else; the server hears of it. A folder has none."""
        if not self.settings.hashing or path.is_dir():
            return None

        def tell(digest: str) -> None:
            with contextlib.suppress(ChannelClosedError):
                self.say(event="hash", path=str(path), hash=digest)

        return Digest(path, tell)

    def tell_embeddings(self, model: Model) -> None:
        """Which textual inversions fit the model; a folder that cannot be read costs no model."""
        try:
            listing = self.instruments().listing(model)
        except (OSError, RequestError):
            traceback.print_exc()
            return
        self.say(event="embeddings", listing=listing)

    def instruments(self) -> Tools:
        """Made when first needed."""
        from runtime.engine.tools import Tools

        if self.tools is None:
            self.tools = Tools.of(self.settings.folders, self.settings.flags)
        return self.tools

    def generate(self, job: str, request: Request) -> None:
        from runtime.engine.scripts.running import draw_request

        if self.chosen is None:
            raise RequestError("no-model", "No checkpoint is loaded.", "Choose a checkpoint first.")
        self.interrupted = False
        if self.kept is not None:
            self.kept.limit = request.options.sd_checkpoints_limit
        result = draw_request(request, self.easel(), lambda step: self.tell(job, step), self.wish)
        body, blobs = wire.pack(result)
        self.say(*blobs, event="done", id=job, result=body)

    def enlarge(self, job: str, extras: Extras) -> None:
        """Upscale pictures; no checkpoint need be loaded."""
        from runtime.engine.extras import enlarge_pictures

        self.interrupted = False
        tools = self.instruments()
        tools.enlarger.device = self.upscaling_device()
        result = enlarge_pictures(extras, tools.enlarger, tools.outputs, lambda step: self.tell(job, step), self.wish)
        body, blobs = wire.pack(result)
        self.say(*blobs, event="done", id=job, result=body)

    def tell(self, job: str, step: Step) -> None:
        blobs = () if step.preview is None else (step.preview,)
        numbers = {"step": step.step, "steps": step.steps, "batch": step.batch, "batches": step.batches}
        self.say(*blobs, event="step", id=job, **numbers)

    def upscaling_device(self) -> torch.device:
        """The model's, or where a model would lie."""
        from runtime.engine.memory import Settings, look, occupy, place

        flags = self.settings.flags
        self.device = occupy(place(Settings.of(flags), look(flags.device_id)))
        return self.device

    def easel(self) -> Easel:
        """The chosen checkpoint and all that a job may ask for; RequestError where the checkpoint cannot be had."""
        if self.chosen is None:
            raise RequestError("no-model", "No checkpoint is loaded.", "Choose a checkpoint first.")
        return self.instruments().easel(self.fetch(self.chosen), self.fetch)

    def fetch(self, path: Path) -> Model:
        """The checkpoint in this file, in the place of another one that is loaded."""
        if self.model is not None and self.has(path):
            return self.model
        return self.read(path, None)

    def wish(self) -> Wish:
        """Look at what waits: `interrupt` and `skip` are obeyed at once, everything else after the job."""
        skipped = False
        while self.channel.waiting():
            message = self.channel.receive()
            do = message.body.get("do")
            if do == "skip":
                skipped = True
            elif do in ("interrupt", "stop"):
                self.interrupted = True
                self.stopping = self.stopping or do == "stop"
            else:
                self.postponed.append(message)
        return "stop" if self.interrupted else "skip" if skipped else None


def _card(device: torch.device | None) -> dict[str, Any] | None:
    from runtime.engine import gauge

    return gauge.card(device)


def _free_memory() -> None:
    from runtime.engine.shortage import free_memory

    free_memory()


def _import_engine() -> None:
    """The slow part of the start: torch."""
    import runtime.engine.checkpoint
    import runtime.engine.generate  # noqa: F401


def main() -> int:
    set_environment()
    # Ctrl+C in a terminal reaches this process too, but when to end is the server's business
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = parse(sys.argv[1:])
    channel = inherited_channel(settings.handle)
    try:
        Worker(channel, settings).run()
    except ChannelClosedError:
        return 0
    finally:
        channel.close()
    return 0


if __name__ == "__main__":
    outlast_the_log()
    sys.exit(main())
