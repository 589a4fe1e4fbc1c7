"""Jobs that say nothing themselves follow what is written about the checkpoint."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from runtime.advice import Advice, advice_for
from runtime.options import Options
from tests.fakes.serving import put_checkpoint, serve, until


def checkpoint(folder: Path, metadata: dict[str, str], notes: object = None) -> Path:
    file = folder / "model.safetensors"
    save_file({"x": torch.zeros(1)}, file, metadata=metadata)
    if notes is not None:
        file.with_suffix(".json").write_text(json.dumps(notes), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("metadata", "notes", "found"),
    [
        ({}, None, Advice()),
        ({"modelspec.encoder_layer": "2"}, None, Advice(clip_skip=2)),
        ({"modelspec.encoder_layer": "2"}, {"clip skip": 1}, Advice(clip_skip=1)),
        ({}, {"sampler": "DPM++ 2M Karras"}, Advice("DPM++ 2M", "Karras")),
        ({}, {"sampler": "lcm", "scheduler": "sgm_uniform"}, Advice("LCM", "SGM Uniform")),
        ({"modelspec.encoder_layer": "penultimate"}, {"sampler": ["x"], "scheduler": 7}, Advice()),
        ({"modelspec.encoder_layer": "99"}, "no object", Advice()),
    ],
)
def test_what_is_written_is_advised(tmp_path: Path, metadata: dict[str, str], notes: object, found: Advice) -> None:
    assert advice_for(checkpoint(tmp_path, metadata, notes)) == found


def test_a_changed_note_counts(tmp_path: Path) -> None:
    file = checkpoint(tmp_path, {}, {"sampler": "Euler"})
    assert advice_for(file).sampler == "Euler"
    file.with_suffix(".json").write_text('{"sampler": "DDIM", "description": "longer"}', encoding="utf-8")
    assert advice_for(file).sampler == "DDIM"


def test_the_job_then_the_settings_then_the_advice(tmp_path: Path) -> None:
    options, advised = Options(tmp_path / "config.json"), {"CLIP_stop_at_last_layers": 2}
    assert options.for_job({}, advised).CLIP_stop_at_last_layers == 2
    assert options.for_job({"CLIP_stop_at_last_layers": 3}, advised).CLIP_stop_at_last_layers == 3
    options.update({"CLIP_stop_at_last_layers": 4})
    assert options.for_job({}, advised).CLIP_stop_at_last_layers == 4


def test_a_request_without_a_sampler_takes_the_models(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "model.safetensors")
    notes = {"sampler": "DPM++ 2M Karras", "clip skip": 2}
    (tmp_path / "models" / "Stable-diffusion" / "model.json").write_text(json.dumps(notes), encoding="utf-8")
    with serve(tmp_path, "--nowebui", "--events") as served:
        until(lambda: any(event.event == "model" for event in served.events()))

        def drawn(**fields: object) -> tuple[str, int]:
            info = json.loads(served.draw(prompt="x", steps=1, **fields).json()["info"])
            return info["sampler_name"], info["clip_skip"]

        assert drawn() == ("DPM++ 2M", 2)
        assert drawn(sampler_index="Euler") == ("Euler", 2)
        assert drawn(sampler_name="DDIM", override_settings={"CLIP_stop_at_last_layers": 1}) == ("DDIM", 1)
