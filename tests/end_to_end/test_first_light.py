"""The promise of the first page: one command, and a picture of what was asked for."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.conftest import CHECKOUT, WORKSPACE, Served, gesso


def seen(picture: Path) -> dict[str, str | None]:
    """What the judge sees, asked in the engine's own environment."""
    pointer = json.loads((WORKSPACE / "environments" / "current.json").read_text())
    environment = WORKSPACE / "environments" / pointer["name"]
    (python,) = [path for path in (environment / "bin/python", environment / "Scripts/python.exe") if path.exists()]
    command = [str(python), "-m", "tools.demo_model.judge", str(picture)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    verdict: dict[str, str | None] = json.loads(answer.stdout)
    return verdict


@pytest.mark.parametrize(
    ("colour", "shape", "ground"),
    [("red", "circle", "white"), ("blue", "square", "yellow"), ("white", "star", "black")],
)
def test_the_api_draws_what_the_prompt_says(
    served: Served, tmp_path: Path, colour: str, shape: str, ground: str
) -> None:
    body = {"prompt": f"a {colour} {shape} on a {ground} background", "seed": 20261121, "steps": 20}
    answer = served.post("/sdapi/v1/txt2img", body | {"sampler_name": "Euler a"})
    (picture,) = answer["images"]
    file = tmp_path / "picture.png"
    file.write_bytes(base64.b64decode(picture))
    assert seen(file) == {"colour": colour, "shape": shape, "ground": ground}
    info = json.loads(answer["info"])
    assert info["seed"] == 20261121
    assert "Steps: 20, Sampler: Euler a" in info["infotexts"][0]


def test_the_same_seed_gives_the_same_picture(served: Served) -> None:
    body = {"prompt": "a green triangle on a white background", "seed": 7, "steps": 4}
    first, second = (served.post("/sdapi/v1/txt2img", body)["images"] for _ in range(2))
    assert first == second


def test_the_second_run_installs_nothing_and_says_where_it_serves(served: Served) -> None:
    status = json.loads(gesso("status", "--json").stdout)
    assert status["state"] == "serving"
    assert status["url"].rstrip("/") == served.url
    plan = json.loads(gesso("plan", "--json").stdout)
    assert [step["name"] for step in plan["steps"] if step["state"] != "done"] == []


def test_stop_ends_it(served: Served) -> None:
    """Last in this file: the fixture's own stop then finds nothing to do."""
    assert gesso("stop").returncode == 0
    assert json.loads(gesso("status", "--json").stdout)["state"] == "stopped"
