"""The server with the real worker, once: a random checkpoint in the original layout, through the API."""

import base64
import json
from pathlib import Path

from tests.fakes.serving import REAL, serve


def test_a_picture_through_the_real_worker(tmp_path: Path, checkpoint_file: Path) -> None:
    (tmp_path / "models" / "Stable-diffusion").mkdir(parents=True)
    (tmp_path / "models" / "Stable-diffusion" / "page.safetensors").write_text("<!DOCTYPE html><html></html>")
    flags = ("--nowebui", "--use-cpu", "all", "--ckpt", str(checkpoint_file), "--events")
    with serve(tmp_path, *flags, program=REAL) as served:
        assert served.progress()["progress"] == 0, "it answers while torch is still being imported"
        served.client.timeout = 180
        answer = served.draw(prompt="a (red:1.2) circle", steps=2, seed=5, sampler_index="Euler a", save_images=True)
        assert answer.status_code == 200, answer.text
        picture = base64.b64decode(answer.json()["images"][0])
        info = json.loads(answer.json()["info"])
        assert b"Steps: 2, Sampler: Euler a" in picture
        assert info["seed"] == 5
        assert info["sd_model_hash"] == served.get("/sdapi/v1/options").json()["sd_checkpoint_hash"][:10]
        saved = list((tmp_path / "outputs" / "txt2img-images").rglob("*.png"))
        assert [file.read_bytes() for file in saved] == [picture]
        refused = served.post("/sdapi/v1/options", json={"sd_model_checkpoint": "page.safetensors"})
        assert refused.status_code == 400
        assert refused.json()["error"] == "checkpoint-is-web-page"
        assert served.draw(prompt="x", steps=1, width=64, height=64).status_code == 200
