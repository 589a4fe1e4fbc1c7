"""Gesso's side: the worker as it is, told what to do through a channel that is no pipe, watched after every step.

    python -m benchmarks.side_gesso CHECKPOINT FOLDER [flags of the runtime]

Asked {"latents": FILE, …Request} it draws without decoding; {"picture": FILE, …} draws the whole. Answers "ends" (the
seconds at which each step was done, from the beginning of the job), "seconds" (of the job) and "previews" (how many).
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.side import answers_to, asked
from runtime import wire
from runtime.channel import Channel, ChannelClosedError, Message
from runtime.job_options import JobOptions
from runtime.request import Request, RequestError
from runtime.worker import Worker, set_environment
from runtime.worker_flags import parse

#: noise as a card's generator makes it, which stable-diffusion.cpp has too
OPTIONS = JobOptions(randn_source="NV")


@dataclass
class Watched:
    """What one job did."""

    began: float
    steps: int
    #: where to keep the latents; the job ends when they are there
    latents: Path | None
    picture: Path | None
    ends: list[float] = field(default_factory=list)
    previews: int = 0

    def after(self, x: Any) -> None:
        """A step is done."""
        self.ends.append(time.perf_counter() - self.began)
        if self.latents is not None and len(self.ends) == self.steps:
            np.save(self.latents, x.float().cpu().numpy())
            raise RequestError("benchmark", "The latents are there.", "")


class Errands(Channel):
    """Questions become messages, and what the worker says of the job becomes the answer."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__(None)
        self._pipe, self._messages = answers_to(), self._all(checkpoint)
        self._job = Watched(0.0, 0, None, None)

    def _all(self, checkpoint: Path) -> Iterator[Message]:
        yield Message({"do": "load", "path": str(checkpoint), "hash": None})
        _watch(lambda x: self._job.after(x))
        for question in asked():
            latents, picture = question.pop("latents", None), question.pop("picture", None)
            body, blobs = wire.pack(Request(**question, save=False, save_grid=False, options=OPTIONS))
            self._job = Watched(time.perf_counter(), question["steps"], _path(latents), _path(picture))
            yield Message({"do": "generate", "id": "it", "request": body}, tuple(blobs))

    def receive(self) -> Message:
        message = next(self._messages, None)
        if message is None:
            raise ChannelClosedError
        return message

    def waiting(self, seconds: float = 0.0) -> bool:  # noqa: ARG002
        return False

    def send(self, message: Message) -> None:
        """Only the end of a job is an answer; a refused one ends the side."""
        event, job = message.body["event"], self._job
        if event == "failed" and message.body.get("code") != "benchmark":
            sys.stderr.write(f"{message.body}\n")
            raise ChannelClosedError
        if event == "step" and message.blobs:
            job.previews += 1
        if event in ("done", "failed"):
            seconds = time.perf_counter() - job.began
            if job.picture is not None:
                job.picture.write_bytes(message.blobs[0])
            self.answer(ends=job.ends, seconds=seconds, previews=job.previews)

    def answer(self, **told: Any) -> None:
        self._pipe.write(json.dumps(told) + "\n")
        self._pipe.flush()


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _watch(after: Any) -> None:
    """Let every step of every job be seen, after what the engine itself does after a step."""
    from runtime.engine.watch import Watch

    own = Watch.after

    def both(self: Watch, step: int, x: Any, clean: Any) -> None:
        own(self, step, x, clean)
        after(x)

    Watch.after = both  # type: ignore[method-assign, assignment]


def main() -> None:
    set_environment()
    checkpoint, folder, *flags = sys.argv[1:]
    settings = parse(["--data-dir", folder, "--no-hashing", *flags, "0"])
    with contextlib.suppress(ChannelClosedError):
        Worker(Errands(Path(checkpoint)), settings).run()


if __name__ == "__main__":
    main()
