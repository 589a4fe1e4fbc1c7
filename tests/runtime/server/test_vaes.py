"""VAEs by name, and which one goes with a checkpoint; no file is opened."""

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.folders import Folders, find_folders
from runtime.job_options import JobOptions
from runtime.vaes import choose_vae, list_vaes


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    for name in (
        "VAE/b10.safetensors",
        "VAE/deep/b2.pt",
        "VAE/notes.txt",
        "VAE/My Model.fixed.ckpt",
        "Stable-diffusion/My Model.safetensors",
        "Stable-diffusion/other.ckpt",
        "Stable-diffusion/other.vae.pt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return find_folders({}, tmp_path, tmp_path)


def test_listed_by_bare_name_in_natural_order(folders: Folders) -> None:
    assert list(list_vaes(folders)) == ["b2.pt", "b10.safetensors", "My Model.fixed.ckpt", "other.vae.pt"]


def chosen(folders: Folders, checkpoint: str, **options: object) -> str | None:
    options = {"sd_vae": "Automatic"} | options
    path = choose_vae(folders, folders.models / "Stable-diffusion" / checkpoint, JobOptions(**options)).path  # type: ignore[arg-type]
    return None if path is None else path.name


def test_the_option_then_the_json_then_the_name_then_the_own(folders: Folders) -> None:
    assert chosen(folders, "other.ckpt") == "other.vae.pt"
    assert chosen(folders, "My Model.safetensors") == "My Model.fixed.ckpt"
    assert chosen(folders, "third.ckpt") is None
    assert chosen(folders, "other.ckpt", sd_vae="None") is None
    assert chosen(folders, "other.ckpt", sd_vae="b2.pt") == "b2.pt"
    assert chosen(folders, "other.ckpt", sd_vae="b10") == "b10.safetensors"
    (folders.models / "Stable-diffusion" / "other.json").write_text('{"vae": "b10.safetensors"}')
    assert chosen(folders, "other.ckpt") == "b10.safetensors"
    assert chosen(folders, "other.ckpt", sd_vae="b2.pt") == "b2.pt"


def test_the_models_own_preference_wins_where_the_option_does_not_override(folders: Folders) -> None:
    modest = {"sd_vae": "b2.pt", "sd_vae_overrides_per_model_preferences": False}
    assert chosen(folders, "other.ckpt", **modest) == "other.vae.pt"
    assert chosen(folders, "third.ckpt", **modest) == "b2.pt"


@pytest.mark.parametrize("written", ["", "{", "[1]", '{"vae": 3}', '{"vae": ""}', "[" * 100_000, "\udcff"])
def test_a_json_that_says_nothing_is_no_trouble(folders: Folders, written: str) -> None:
    file = folders.models / "Stable-diffusion" / "other.json"
    file.write_bytes(written.encode("utf-8", "surrogateescape"))
    assert chosen(folders, "other.ckpt") == "other.vae.pt"


def test_a_forced_file_wins_and_its_absence_is_said(folders: Folders) -> None:
    forced = replace(folders, forced_vae=folders.models / "VAE" / "b10.safetensors")
    assert chosen(forced, "other.ckpt", sd_vae="None") == "b10.safetensors"
    gone = replace(folders, forced_vae=folders.models / "gone.pt")
    choice = choose_vae(gone, Path("m.ckpt"), JobOptions())
    assert choice.path is None
    assert "gone.pt" in (choice.comment or "")
    unknown = choose_vae(folders, Path("m.ckpt"), JobOptions(sd_vae="x"))
    assert unknown.path is None
    assert "x" in (unknown.comment or "")
