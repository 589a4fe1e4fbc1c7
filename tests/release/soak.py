"""Mixed use for a long time: `python -m tests.release.soak [--minutes 30]` with $ENGINE_PYTHON.

The real server with the page, the real worker with the demo model under two names, pictures of 64 x 64. One client of
the API draws without end: every 20th time it leaves in the middle, every 50th the U-Net has no memory. Beside it a
visitor of the page, and somebody who changes settings and models.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.serving import CHECKOUT, Served, serve, until
from tests.release.measured import Watching, computer, growth, slope
from tests.release.page_calls import Page
from tests.release.soak_worker import STAGED

SERVER = (str(CHECKOUT / "tests" / "release" / "soak_server.py"),)
DEMO = CHECKOUT / "runtime" / "assets" / "demo" / "gesso-demo.safetensors"
RESULT = CHECKOUT / "tests" / "release" / "results" / "soak.json"
STATE = CHECKOUT / "build" / "release-soak.json"
MODELS = ("one.safetensors", "two.safetensors")
#: the part of the time after which memory has to be flat, MiB a minute that it may grow by then, and how much files may
WARM, STEEPEST, MORE_FILES = 0.25, 1.0, 2
LEAVES, FULL = 20, 50
#: lines of the log that say what is done, and what a staged failure looks like
_PLAIN = re.compile(
    r"(Running on local URL|Model loaded in|Memory of|Warning: |\s|Traceback|During handling|The above)"
)


class Soak:
    """Three who use the server until `end`; each step of theirs is counted."""

    def __init__(self, served: Served, seconds: float) -> None:
        self.served, self.end = served, time.monotonic() + seconds
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.freed: list[float] = []
        self._chance = random.Random(8)

    def run(self) -> None:
        users = (self._drawer(), self._visitor(), self._changer())
        threads = [threading.Thread(target=self._until_the_end, args=use, daemon=True) for use in users]
        for one in threads:
            one.start()
        while any(one.is_alive() for one in threads):
            time.sleep(min(60.0, max(1.0, self.end - time.monotonic())))
            STATE.parent.mkdir(exist_ok=True)
            STATE.write_text(json.dumps({"counts": self.counts, "failures": self.failures}))

    def _until_the_end(self, step: Callable[[int], object], pause: float) -> None:
        number = 0
        while time.monotonic() < self.end:
            try:
                step(number)
            except Exception as failure:  # noqa: BLE001 - told in the result; the others go on
                self.failures.append(f"{step.__name__} {number}: {type(failure).__name__}: {failure}"[:500])
            number += 1
            time.sleep(pause)

    def _drawer(self) -> tuple[Callable[[int], object], float]:
        client = httpx.Client(base_url=self.served.url, timeout=600, trust_env=False)
        kinds: tuple[dict[str, Any], ...] = (
            {"prompt": "a red circle on a white background", "sampler_name": "Euler a"},
            {"prompt": "a (blue:1.2) square", "negative_prompt": "x", "sampler_name": "DPM++ 2M"},
            {"prompt": "圆 BREAK green", "sampler_name": "DDIM", "batch_size": 2},
            {"prompt": "a circle", "enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5},
        )
        last: list[str] = []

        def draw(number: int) -> None:
            if number % FULL == FULL - 1:
                answer = client.post(
                    "/sdapi/v1/txt2img", json={"prompt": STAGED, "steps": 2, "width": 64, "height": 64}
                )
                assert (answer.status_code, answer.json()["error"]) == (500, "out-of-memory"), answer.text[:300]
                self.counts["out of memory"] += 1
            elif number % LEAVES == LEAVES - 1:
                self._leave(client)
            elif number % 5 == 4 and last:
                body = {"init_images": last, "prompt": "a blue circle", "steps": 2, "width": 64, "height": 64}
                assert client.post("/sdapi/v1/img2img", json=body).raise_for_status().json()["images"]
                self.counts["pictures of the API"] += 1
            else:
                body = {"steps": 2, "width": 64, "height": 64, "seed": number, **kinds[number % len(kinds)]}
                last[:] = client.post("/sdapi/v1/txt2img", json=body).raise_for_status().json()["images"][:1]
                self.counts["pictures of the API"] += 1

        return draw, 0.3

    def _leave(self, client: httpx.Client) -> None:
        """Ask for a long job, go once it runs, and wait until the card is free."""
        name = f"left-{time.monotonic_ns()}"
        body = json.dumps({"prompt": "x", "steps": 150, "width": 128, "height": 128, "force_task_id": name}).encode()
        host, port = self.served.url.removeprefix("http://").split(":")
        head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"

        def is_drawn() -> bool:
            asked = client.post("/internal/progress", json={"id_task": name, "id_live_preview": -1})
            return bool(asked.raise_for_status().json()["active"])

        with socket.create_connection((host, int(port))) as line:
            line.sendall(head.encode() + body)
            until(is_drawn, 600)
        left = time.monotonic()
        until(lambda: not is_drawn(), 600)
        self.freed.append(time.monotonic() - left)
        self.counts["left in the middle"] += 1

    def _visitor(self) -> tuple[Callable[[int], object], float]:
        page = Page(self.served.url)

        def visit(number: int) -> None:
            page.look()
            assert page.count_words(f"a picture of {number} words")
            self.counts["looks at the page"] += 1
            if number % 5 == 4:
                shown = page.generate("a red circle")
                assert shown[0]["value"] or shown[0].get("value") is not None, shown
                self.counts["pictures of the page"] += 1

        return visit, 1.0

    def _changer(self) -> tuple[Callable[[int], object], float]:
        client = httpx.Client(base_url=self.served.url, timeout=600, trust_env=False)

        def change(number: int) -> None:
            wanted: dict[str, Any] = {
                "samples_format": self._chance.choice(("png", "jpg", "webp")),
                "CLIP_stop_at_last_layers": self._chance.choice((1, 2)),
                "show_progress_every_n_steps": self._chance.choice((1, 10)),
                "eta_ancestral": round(self._chance.random(), 2),
            }
            if number % 10 == 9:
                wanted["sd_model_checkpoint"] = MODELS[number // 10 % 2]
                self.counts["models switched"] += 1
            client.post("/sdapi/v1/options", json=wanted).raise_for_status()
            found = client.get("/sdapi/v1/options").raise_for_status().json()
            assert {name: found[name].split(" ")[0] if name == "sd_model_checkpoint" else found[name]
                    for name in wanted} == wanted  # fmt: skip
            self.counts["settings changed"] += 1

        return change, 2.0


def unexpected(log: str) -> list[str]:
    """What the log says beyond what is done and what was staged: the last line of each traceback, and errors."""
    return [line for line in log.splitlines() if line and not _PLAIN.match(line) and STAGED not in line]


def soak(minutes: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models" / "Stable-diffusion"
        models.mkdir(parents=True)
        for name in MODELS:
            shutil.copy(DEMO, models / name)
        flags = ("--use-cpu", "all", "--events")
        with serve(Path(folder), *flags, program=SERVER, OMP_NUM_THREADS="1") as served:
            until(lambda: any(getattr(one, "page", False) for one in served.events()), 600)
            use = Soak(served, minutes * 60)
            began = time.monotonic()
            with Watching(served.process.pid, every=minutes * 60 / 400) as watching:
                use.run()
            seconds, log = time.monotonic() - began, served.log()
    warm = [one for one in watching.samples if one.seconds > WARM * minutes * 60]
    figures = {
        "memory_mib_a_minute": round(slope(warm), 3),
        "server_mib_a_minute": round(slope(warm, 0), 3),
        "worker_mib_a_minute": round(slope(warm, 1), 3),
        "memory_mib_at_the_end": round(sum(warm[-1].memory)),
        "files_grown": growth([sum(one.files) for one in warm]),
        "threads_grown": growth([sum(one.threads) for one in warm]),
        "workers_lost": len({one.worker for one in watching.samples}) - 1,
        "slowest_freed_s": round(max(use.freed, default=0.0), 2),
        "failures": len(use.failures),
        "unexpected_lines_in_the_log": len(unexpected(log)),
    }
    met = (
        figures["memory_mib_a_minute"] <= STEEPEST and figures["files_grown"] <= MORE_FILES
        and not (figures["threads_grown"] > 0 or figures["workers_lost"] or use.failures or unexpected(log))
    )  # fmt: skip
    told = (*use.failures[:20], *unexpected(log)[:20])
    return {**computer(), "minutes": round(seconds / 60, 1), "met": met, "findings": len(told), "told": told,
            "counts": dict(use.counts), "figures": figures, "samples": len(watching.samples),
            "memory_mib": [round(sum(one.memory)) for one in watching.samples[:: max(1, len(watching.samples) // 30)]],
            }  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    asked = parser.parse_args(arguments)
    found = soak(asked.minutes)
    if asked.minutes >= 30:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(found, ensure_ascii=False))
    return 0 if found["met"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
