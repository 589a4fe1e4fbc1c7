"""Speaks the worker's protocol without torch: `load`, `generate`, `interrupt`, `stop`; the prompt chooses mishaps.

In a prompt: `slow` takes 0.1 s a step, `snail` half a second, `die` ends the process like a crash, `nan` fails as the
engine would.
In a checkpoint's name: `broken` is refused, `killer` ends the process, `slow` takes a second to load.
"""

import hashlib
import os
import struct
import sys
import time
import zlib
from pathlib import Path

from runtime import wire
from runtime.channel import Channel, ChannelClosedError, Message, inherited_channel
from runtime.request import Request

NATIVE = 128


def png(width: int, height: int, infotext: str) -> bytes:
    rows = b"".join(b"\0" + bytes([40, 90, 200]) * width for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            chunk(b"iTXt", b"parameters\0\0\0\0\0" + infotext.encode()),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


class FakeWorker:
    def __init__(self, channel: Channel) -> None:
        self.channel, self.title, self.interrupted = channel, "", False

    def say(self, body: dict, *blobs: bytes) -> None:
        self.channel.send(Message(body, blobs))

    def run(self) -> None:
        self.say({"event": "phase", "name": "torch"})
        while True:
            message = self.channel.receive()
            body = message.body
            if body["do"] == "stop":
                return
            if body["do"] == "load":
                self.load(Path(body["path"]))
            elif body["do"] == "generate":
                self.generate(body["id"], wire.unpack(Request, body["request"], message.blobs))

    def load(self, path: Path) -> None:
        if "slow" in path.name:
            time.sleep(1)
        if "killer" in path.name:
            os._exit(9)
        if "broken" in path.name:
            self.say(
                {
                    "event": "failed",
                    "id": None,
                    "path": str(path),
                    "code": "checkpoint-truncated",
                    "message": f"{path.name} is cut short.",
                    "hint": "Download it again.",
                }
            )
            return
        self.title = path.name
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.say(
            {
                "event": "loaded",
                "path": str(path),
                "title": self.title,
                "seconds": 0.1,
                "width": NATIVE,
                "height": NATIVE,
                "hash": digest,
            }
        )

    def generate(self, name: str, request: Request) -> None:
        self.interrupted = False
        width, height = request.width or NATIVE, request.height or NATIVE
        if "nan" in request.prompt:
            self.say(
                {
                    "event": "failed",
                    "id": name,
                    "code": "nan-unet",
                    "message": "The U-Net returned NaN.",
                    "hint": "Try --no-half.",
                }
            )
            return
        pictures, blobs = [], []
        for batch in range(request.n_iter):
            self.sample(name, request, batch)
            for place in range(request.batch_size):
                seed = (request.seed if request.seed >= 0 else 1234) + batch * request.batch_size + place
                text = f"{request.prompt}\nSteps: {request.steps}, Seed: {seed}, Size: {width}x{height}"
                blobs.append(png(width, height, text))
                pictures.append({"data": {"$blob": len(pictures)}, "seed": seed, "infotext": text})
            if self.interrupted:
                break
        self.say(
            {
                "event": "done",
                "id": name,
                "result": {
                    "request": wire.pack(request)[0],
                    "pictures": pictures,
                    "width": width,
                    "height": height,
                    "interrupted": self.interrupted,
                    "model_name": "fake",
                    "model_hash": "0123456789",
                    "seconds": 0.1,
                    "comments": [],
                },
            },
            *blobs,
        )

    def sample(self, name: str, request: Request, batch: int) -> None:
        for step in range(request.steps):
            if "die" in request.prompt and step == 1:
                os._exit(9)
            time.sleep(0.5 if "snail" in request.prompt else 0.1 if "slow" in request.prompt else 0.005)
            while self.channel.waiting():
                self.interrupted |= self.channel.receive().body["do"] == "interrupt"
            if self.interrupted:
                return
            every = request.preview_every
            preview = [png(8, 8, "")] if every and (step + 1) % every == 0 else []
            self.say(
                {
                    "event": "step",
                    "id": name,
                    "step": step + 1,
                    "steps": request.steps,
                    "batch": batch + 1,
                    "batches": request.n_iter,
                },
                *preview,
            )


if __name__ == "__main__":
    try:
        FakeWorker(inherited_channel(int(sys.argv[-1]))).run()
    except ChannelClosedError:
        sys.exit(0)
