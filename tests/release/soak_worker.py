"""The real worker, whose U-Net has no memory left for a prompt that asks for that."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime import worker
from runtime.request import Request

STAGED = "out of memory, staged"


class StagedWorker(worker.Worker):
    def generate(self, job: str, request: Request) -> None:
        if STAGED not in request.prompt or self.chosen is None:
            super().generate(job, request)
            return
        import torch

        def full(*_words: Any, **_more: Any) -> None:
            raise torch.OutOfMemoryError(f"CUDA {STAGED}.")

        with self.fetch(self.chosen).store.lend("unet") as unet:
            unet.forward = full
            try:
                super().generate(job, request)
            finally:
                del unet.forward


if __name__ == "__main__":
    worker.Worker = StagedWorker  # type: ignore[misc]
    sys.exit(worker.main())
