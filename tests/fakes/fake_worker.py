"""Speaks the worker's protocol without torch: `load`, `unload`, `generate`, `enlarge`, `interrupt`, `skip`, `stop`.

In a prompt: `slow` takes 0.1 s a step, `snail` half a second, `die` ends the process like a crash, `nan` fails as the
engine would, `stuck` hangs for ever in its second step.
In a checkpoint's name: `broken` is refused, `killer` ends the process, `frail` once it is loaded, `slow` takes a second
to load, `nine` draws like an inpainting model, `card` lies on a graphics card whose figures are told.
"""

import hashlib
import io
import os
import struct
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

from PIL import Image

from runtime import wire
from runtime.channel import Channel, ChannelClosedError, Message, inherited_channel
from runtime.infotext import VERSION, write_infotext
from runtime.request import Extras, ExtrasResult, Picture, Request, Result

NATIVE = 128
CARD = {
    "system": {"free": 3 << 30, "used": 1 << 30, "total": 4 << 30},
    **{name: {"current": 5, "peak": 7} for name in ("active", "allocated", "inactive")},
    "reserved": {"current": 2 << 30, "peak": 3 << 30},
    "events": {"retries": 0, "oom": 1},
}
RANDOM = 1234


def png(width: int, height: int, **texts: str) -> bytes:
    """One colour, with text chunks."""
    rows = b"".join(b"\0" + bytes([40, 90, 200]) * width for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    said = [chunk(b"iTXt", key.encode() + b"\0\0\0\0\0" + text.encode()) for key, text in texts.items()]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *said, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")))


def size_of(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG; 64 x 64 for any other file."""
    return struct.unpack(">II", picture[16:24]) if picture.startswith(b"\x89PNG") else (64, 64)


def over(request: Request) -> dict[str, object]:
    """What img2img's infotext tells; of the mask also how many of its pixels are white."""
    start = request.start
    if start is None:
        return {}
    width, height = size_of(start.images[0])
    told: dict[str, object] = {"Denoising strength": start.denoising_strength, "From": f"{width}x{height}"}
    if start.mask:
        with Image.open(io.BytesIO(start.mask.image)) as mask:
            told |= {"Mask blur": start.mask.blur_x, "Redrawn": mask.convert("L").histogram()[255]}
    return told


def scripted(request: Request) -> dict[str, object]:
    """The script that would run, with its arguments."""
    script = request.script
    return {"Script": script.name, "Arguments": " | ".join(map(str, script.args))} if script else {}


class FakeWorker:
    def __init__(self, channel: Channel) -> None:
        self.channel, self.title, self.hash = channel, "", "0" * 64
        self.interrupted = self.skipped = False

    def say(self, *blobs: bytes, **body: object) -> None:
        on_card = {"cuda": CARD} if "card" in self.title else {}
        self.channel.send(Message({**body, **on_card}, blobs))

    def fail(self, code: str, message: str, hint: str, **more: object) -> None:
        self.say(event="failed", code=code, message=message, hint=hint, **more)

    def run(self) -> None:
        self.say(event="phase", name="torch")
        while True:
            message = self.channel.receive()
            body = message.body
            if body["do"] == "stop":
                return
            if body["do"] == "load":
                self.load(Path(body["path"]))
            elif body["do"] == "unload":
                self.title = ""
                self.say(event="unloaded")
            elif body["do"] == "generate":
                self.generate(body["id"], wire.unpack(Request, body["request"], message.blobs))
            elif body["do"] == "enlarge":
                self.enlarge(body["id"], wire.unpack(Extras, body["request"], message.blobs))

    def load(self, path: Path) -> None:
        if "slow" in path.name:
            time.sleep(1)
        if "killer" in path.name:
            os._exit(9)
        if "broken" in path.name:
            self.fail("checkpoint-truncated", f"{path.name} is cut short.", "Download it again.", path=str(path))
            return
        self.title, self.hash = path.name, hashlib.sha256(path.read_bytes()).hexdigest()
        known = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 2}
        self.say(event="embeddings", listing={"loaded": {"fake-ti": known}, "skipped": {}})
        size = {"width": NATIVE, "height": NATIVE}
        self.say(event="loaded", path=str(path), title=self.title, seconds=0.1, hash=self.hash, **size)
        if "frail" in path.name:
            os._exit(9)

    def generate(self, name: str, request: Request) -> None:
        self.interrupted = False
        if not self.title:
            self.fail("no-model", "No checkpoint is loaded.", "Choose one.", id=name)
            return
        further = {request.refiner_checkpoint, request.hires and request.hires.checkpoint} - {None}
        if further & {"", "None", "none"}:  # the worker knows names of files alone
            self.fail("checkpoint-unknown", f"There is no checkpoint named {further}.", "Choose another.", id=name)
            return
        if "too large" in request.prompt:
            self.fail("out-of-memory", "The card has too little memory.", "Draw smaller.", id=name)
            return
        if "nan" in request.prompt:
            self.fail("nan-unet", "The U-Net returned NaN.", "Try --no-half.", id=name)
            return
        pictures: list[Picture] = []
        for batch in range(request.n_iter):
            self.skipped = False
            self.sample(name, request, batch)
            if not self.skipped:
                pictures += self.batch(request, batch)
            if self.interrupted:
                break
        size = self.size(request)
        drawn = replace(request, width=request.width or NATIVE, height=request.height or NATIVE)
        result = Result(
            drawn, tuple(pictures), *size, interrupted=self.interrupted, model_name=Path(self.title).stem,
            model_hash=self.hash, seconds=0.1,
        )  # fmt: skip
        body, blobs = wire.pack(result)
        self.say(*blobs, event="done", id=name, result=body)

    def size(self, request: Request) -> tuple[int, int]:
        width, height = request.width or NATIVE, request.height or NATIVE
        hires = request.hires
        if hires is None:
            return width, height
        return hires.resize_x or int(width * hires.scale), hires.resize_y or int(height * hires.scale)

    def batch(self, request: Request, batch: int) -> list[Picture]:
        width, height = self.size(request)
        first = (request.seed if request.seed >= 0 else RANDOM) + batch * request.batch_size
        return [self.picture(request, first + place, width, height) for place in range(request.batch_size)]

    def picture(self, request: Request, seed: int, width: int, height: int) -> Picture:
        items = {
            "Steps": request.steps, "Sampler": request.sampler_name, "CFG scale": request.cfg_scale, "Seed": seed,
            "Size": f"{width}x{height}", "Model": Path(self.title).stem, **over(request), **scripted(request),
            **({"Conditional mask weight": 1.0} if "nine" in self.title else {}), "Version": VERSION,
        }  # fmt: skip
        text = write_infotext(request.prompt, request.negative_prompt, items)
        return Picture(png(width, height, parameters=text), seed, text)

    def enlarge(self, name: str, extras: Extras) -> None:
        text = f"Postprocess upscale by: {extras.upscaling_resize}, Postprocess upscaler: {extras.upscaler_1}"
        pictures = []
        for image in extras.images:
            width, height = size_of(image)
            if extras.upscaler_1 == "None":
                made = image
            elif extras.resize_mode == 1:
                made = png(extras.upscaling_resize_w, extras.upscaling_resize_h, postprocessing=text)
            else:
                factor = extras.upscaling_resize
                made = png(int(width * factor) // 8 * 8, int(height * factor) // 8 * 8, postprocessing=text)
            pictures.append(Picture(made, -1, text))
        body, blobs = wire.pack(ExtrasResult(tuple(pictures)))
        self.say(*blobs, event="done", id=name, result=body)

    def sample(self, name: str, request: Request, batch: int) -> None:
        passes = [request.steps, request.hires.steps or request.steps] if request.hires else [request.steps]
        for number, steps in enumerate(passes):
            place = {"batch": batch * len(passes) + number + 1, "batches": request.n_iter * len(passes)}
            for step in range(steps):
                if "die" in request.prompt and step == 1:
                    os._exit(9)
                if "stuck" in request.prompt and step == 1:
                    time.sleep(10**6)
                time.sleep(0.5 if "snail" in request.prompt else 0.1 if "slow" in request.prompt else 0.005)
                while self.channel.waiting():
                    do = self.channel.receive().body["do"]
                    self.interrupted |= do == "interrupt"
                    self.skipped |= do == "skip"
                if self.interrupted or self.skipped:
                    return
                every = request.preview_every
                preview = [png(8, 8)] if every and (step + 1) % every == 0 else []
                self.say(*preview, event="step", id=name, step=step + 1, steps=steps, **place)


if __name__ == "__main__":
    try:
        FakeWorker(inherited_channel(int(sys.argv[-1]))).run()
    except ChannelClosedError:
        sys.exit(0)
