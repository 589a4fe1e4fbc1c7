"""diffusers' side: its pipeline as its documentation has it, with our noise.

    python -m benchmarks.side_diffusers CHECKPOINT CACHE

Asked and answering as side_gesso.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers import sd15_pipeline
from benchmarks.side import serve
from runtime.engine.philox import PhiloxGenerator


def main() -> None:
    pipeline = sd15_pipeline(Path(sys.argv[1]), Path(sys.argv[2]))

    def answer(
        prompt: str, negative_prompt: str, steps: int, cfg_scale: float, width: int, height: int, seed: int,
        latents: str | None = None, picture: str | None = None, sampler_name: str = "Euler",
    ) -> dict[str, Any]:  # fmt: skip
        assert sampler_name == "Euler"
        ends: list[float] = []
        noise = torch.from_numpy(PhiloxGenerator(seed).normal((1, 4, height // 8, width // 8)))
        began = time.perf_counter()

        def after(_pipe: Any, _step: int, _time: Any, told: dict[str, Any]) -> dict[str, Any]:
            ends.append(time.perf_counter() - began)
            return told

        made = pipeline(
            prompt, negative_prompt=negative_prompt, num_inference_steps=steps, guidance_scale=cfg_scale, width=width,
            height=height, latents=noise, callback_on_step_end=after, output_type="latent" if latents else "pil",
        ).images  # fmt: skip
        seconds = time.perf_counter() - began
        if latents:
            np.save(latents, made.numpy())
        if picture:
            made[0].save(picture, format="PNG")
        return {"ends": ends, "seconds": seconds}

    serve(answer)


if __name__ == "__main__":
    main()
