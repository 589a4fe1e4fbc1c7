"""The fake worker without its steps, its waiting and its staged failures: a job a millisecond, pictures of 8 x 8."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime.channel import ChannelClosedError, inherited_channel
from runtime.request import Extras, Picture, Request
from tests.fakes.fake_worker import FakeWorker, png

#: what the fake worker takes for an order
_STAGED = ("nan", "too large", "die", "stuck", "slow", "snail")


class QuickWorker(FakeWorker):
    def generate(self, name: str, request: Request) -> None:
        prompt = request.prompt
        for word in _STAGED:
            prompt = prompt.replace(word, "")
        super().generate(name, replace(request, prompt=prompt, steps=1, n_iter=min(request.n_iter, 2)))

    def picture(self, request: Request, seed: int, width: int, height: int) -> Picture:
        return super().picture(request, seed, 8, 8)

    def enlarge(self, name: str, extras: Extras) -> None:
        small = tuple(png(8, 8) for _ in extras.images)
        super().enlarge(name, replace(extras, images=small, resize_mode=0, upscaling_resize=1.0))

    def sample(self, name: str, request: Request, batch: int) -> None:
        self.say(event="step", id=name, step=1, steps=1, batch=batch + 1, batches=request.n_iter)


if __name__ == "__main__":
    try:
        QuickWorker(inherited_channel(int(sys.argv[-1]))).run()
    except ChannelClosedError:
        sys.exit(0)
