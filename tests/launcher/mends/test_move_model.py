"""Models in wrong places and under wrong names are found by the runtime after the mend, and go back on a wish."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from launcher.core.models.hashing import take_note
from launcher.core.models.known import read_known
from runtime.folders import find_folders
from runtime.library import Library
from runtime.networks import NetworkShelves
from runtime.vaes import list_vaes
from tests.fakes.model_files import UPSCALER, VAE, checkpoint, lora, write_safetensors, write_torch
from tests.launcher.mends.mending import exhaust, here_in

SD1, LORA = checkpoint("sd1", blocks=1), lora("sd1", layers=2)


@pytest.fixture
def here(tmp_path: Path):
    return here_in(tmp_path)


def tree(here: Here) -> dict[str, int]:
    """Every file of the user's, and its size."""
    root = here.workspace.root
    kept = (root / "models", root / "embeddings")
    files = (each for folder in kept for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(root).as_posix(): each.stat().st_size for each in files}


def checkpoints(here: Here) -> set[str]:
    """What the runtime would offer, the demo model aside."""
    folders = find_folders({}, here.workspace.root, here.workspace.models)
    there = Library(folders.checkpoints, None, None).checkpoints()
    return {each.name for each in there if each.path.is_relative_to(here.workspace.models)}


def loras(here: Here) -> set[str]:
    return {
        each.name for each in NetworkShelves(find_folders({}, here.workspace.root, here.workspace.models)).loras().files
    }


def mended(here: Here, **values: str):
    _, found = exhaust(journal.mend(here, "move-model", values))
    assert found.still is None, str(found.still)
    return found.number


def test_a_lora_among_the_checkpoints_becomes_one_that_is_found(here: Here) -> None:
    folder = here.workspace.models / "Stable-diffusion"
    path = write_safetensors(folder / "水墨 style.safetensors", LORA)
    (folder / "水墨 style.preview.png").write_bytes(b"picture")
    (folder / "水墨 style.civitai.info").write_text("{}")
    write_safetensors(folder / "right.safetensors", SD1)
    take_note(here.workspace, path, "a" * 64)
    before = tree(here)
    assert (loras(here), checkpoints(here)) == (set(), {"right.safetensors", "水墨 style.safetensors"})
    shown = journal.preview(here, "move-model", {})
    assert [(each.before, each.after) for each in shown.changes] == [
        (f"models/Stable-diffusion/水墨 style{ending}", f"models/Lora/水墨 style{ending}")
        for ending in (".safetensors", ".civitai.info", ".preview.png")
    ]
    number = mended(here)
    assert (loras(here), checkpoints(here)) == ({"水墨 style"}, {"right.safetensors"})
    moved = here.workspace.models / "Lora" / "水墨 style.safetensors"
    known = read_known(here.workspace).of(str(moved), moved.stat().st_size, moved.stat().st_mtime_ns)
    assert known.sha256 == "a" * 64, "not hashed again"
    exhaust(journal.undo(here, number))
    assert tree(here) == before


@pytest.mark.parametrize(
    ("wrong", "right", "shapes"),
    [
        ("models/Lora/kl-f8.safetensors", "models/VAE/kl-f8.safetensors", VAE),
        ("models/VAE/dream.safetensors", "models/Stable-diffusion/dream.safetensors", SD1),
        ("models/dream.safetensors", "models/Stable-diffusion/dream.safetensors", SD1),
        ("models/Stable-diffusion/x4.safetensors", "models/ESRGAN/x4.safetensors", UPSCALER),
        ("models/Stable-diffusion/dream.pt", "models/Stable-diffusion/dream.safetensors", SD1),
        ("models/Stable-diffusion/sub/dream.sft", "models/Stable-diffusion/sub/dream.safetensors", SD1),
        ("models/Stable-diffusion/dream.safetensors.txt", "models/Stable-diffusion/dream.safetensors", SD1),
        ("models/Stable-diffusion/dream", "models/Stable-diffusion/dream.safetensors", SD1),
        ("models/Stable-diffusion/dream v1.5", "models/Stable-diffusion/dream v1.5.safetensors", SD1),
        ("models/Lora/dream.txt", "models/Stable-diffusion/dream.safetensors", SD1),
    ],
)  # fmt: skip
def test_each_goes_to_where_its_content_belongs_and_back(here: Here, wrong: str, right: str, shapes) -> None:
    write_safetensors(here.workspace.root / wrong, shapes)
    before = tree(here)
    number = mended(here, path=wrong)
    assert set(tree(here)) == {right}
    exhaust(journal.undo(here, number))
    assert tree(here) == before


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("a.safetensors", "a.ckpt"), ("a.ckpt.zip", "a.ckpt"), ("a.zip", "a.ckpt"), ("a.bin", "a.ckpt")],
)  # fmt: skip
def test_a_torch_file_under_a_wrong_ending_is_listed_as_the_checkpoint_that_it_is(
    here: Here, wrong: str, right: str
) -> None:
    write_torch(here.workspace.models / "Stable-diffusion" / wrong, SD1)
    mended(here)
    assert checkpoints(here) == {right}


def test_a_vae_that_was_among_the_checkpoints_is_offered_as_vae(here: Here) -> None:
    write_safetensors(here.workspace.models / "Stable-diffusion/kl.safetensors", VAE)
    mended(here)
    folders = find_folders({}, here.workspace.root, here.workspace.models)
    assert list(list_vaes(folders)) == ["kl.safetensors"]
    assert checkpoints(here) == set()


def test_nothing_is_written_over(here: Here) -> None:
    write_safetensors(here.workspace.models / "Stable-diffusion/a.safetensors", LORA)
    other = write_safetensors(here.workspace.models / "Lora/a.safetensors", LORA, {"another": "edition"})
    before = (tree(here), other.read_bytes())
    assert journal.preview(here, "move-model", {}) is None
    assert (tree(here), other.read_bytes()) == before


def test_what_lies_rightly_what_is_half_there_and_what_is_no_model_stay(here: Here) -> None:
    folder = here.workspace.models / "Stable-diffusion"
    write_safetensors(folder / "dream.safetensors", SD1)
    write_safetensors(folder / "dream.vae.safetensors", VAE)
    write_safetensors(folder / "wird.safetensors.crdownload", SD1)
    (folder / "notes.txt").write_text("nothing " * 500)
    (folder / "readme").write_bytes(b"\0" * 4000)
    assert journal.preview(here, "move-model", {}) is None


def test_a_link_is_another_programs_file(here: Here, tmp_path: Path) -> None:
    theirs = write_safetensors(tmp_path / "theirs/a.safetensors", LORA)
    folder = here.workspace.models / "Stable-diffusion"
    folder.mkdir(parents=True)
    (folder / "a.safetensors").symlink_to(theirs)
    assert journal.preview(here, "move-model", {}) is None


def test_what_lies_behind_a_link_may_be_another_programs(here: Here, tmp_path: Path) -> None:
    theirs = write_safetensors(tmp_path / "webui/models/a.safetensors", LORA)
    write_safetensors(tmp_path / "webui/models/b.txt", LORA)
    here.workspace.models.mkdir(parents=True)
    (here.workspace.models / "Stable-diffusion").symlink_to(theirs.parent)
    assert journal.preview(here, "move-model", {}) is None
    # models/ as a whole on another disk is the user's own arrangement
    (here.workspace.models / "Stable-diffusion").unlink()
    here.workspace.models.rmdir()
    write_safetensors(tmp_path / "disk/Stable-diffusion/a.safetensors", LORA)
    here.workspace.models.symlink_to(tmp_path / "disk")
    number = mended(here)
    assert (tmp_path / "disk/Lora/a.safetensors").is_file()
    exhaust(journal.undo(here, number))
    assert (tmp_path / "disk/Stable-diffusion/a.safetensors").is_file()


@pytest.mark.parametrize("since", ["replaced", "gone", "occupied"])
def test_what_has_changed_since_is_not_moved_back(here: Here, since: str) -> None:
    wrong = write_safetensors(here.workspace.models / "Stable-diffusion/a.safetensors", LORA)
    number = mended(here)
    right = here.workspace.models / "Lora/a.safetensors"
    if since == "replaced":
        right.write_bytes(b"mine")
    elif since == "gone":
        right.unlink()
    else:
        wrong.write_bytes(b"mine")
    before = tree(here)
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(here, number))
    assert refused.value.code == "mend-changed-since"
    assert tree(here) == before
