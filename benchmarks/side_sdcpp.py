"""stable-diffusion.cpp's side, in an environment of its own.

    SDCPP_PYTHON -m benchmarks.side_sdcpp CHECKPOINT THREADS

Asked {"picture": FILE, …Request} and answering as side_gesso. Its noise is that of a card's generator by default.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from stable_diffusion_cpp import StableDiffusion

from benchmarks.side import serve


def main() -> None:
    model = StableDiffusion(model_path=sys.argv[1], n_threads=int(sys.argv[2]), verbose=False)

    def answer(
        prompt: str, negative_prompt: str, steps: int, cfg_scale: float, width: int, height: int, seed: int,
        picture: str, sampler_name: str,
    ) -> dict[str, Any]:  # fmt: skip
        ends: list[float] = []
        began = time.perf_counter()

        def after(_step: int, _steps: int, _seconds: float) -> None:
            ends.append(time.perf_counter() - began)

        made = model.generate_image(
            prompt, negative_prompt, width=width, height=height, cfg_scale=cfg_scale, scheduler="discrete",
            sample_method=sampler_name.lower(), sample_steps=steps, seed=seed, progress_callback=after,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        made[0].save(picture)
        return {"ends": ends, "seconds": seconds}

    serve(answer)


if __name__ == "__main__":
    main()
