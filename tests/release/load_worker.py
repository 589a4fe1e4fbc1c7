"""The fake worker; GESSO_LOAD_DRAWN names a file in which every job that was begun leaves its seed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime.channel import ChannelClosedError, inherited_channel
from runtime.request import Request
from tests.fakes.fake_worker import FakeWorker


class CountingWorker(FakeWorker):
    def generate(self, name: str, request: Request) -> None:
        with Path(os.environ["GESSO_LOAD_DRAWN"]).open("a", encoding="ascii") as begun:
            begun.write(f"{request.seed}\n")
        super().generate(name, request)


if __name__ == "__main__":
    try:
        CountingWorker(inherited_channel(int(sys.argv[-1]))).run()
    except ChannelClosedError:
        sys.exit(0)
