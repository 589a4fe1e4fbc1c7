"""The checkpoints that are found, their names and hashes, and the stored options."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from runtime import library
from runtime.hashes import HashCache
from runtime.library import Library, old_hash
from runtime.options import Options
from runtime.shelf import natural_order


@pytest.fixture(autouse=True)
def _without_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "DEMO_FOLDER", tmp_path / "demo")


def write(file: Path, content: bytes = b"x") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_natural_order() -> None:
    assert sorted(["b10", "B2", "a", "1x", "10"], key=natural_order) == ["1x", "10", "a", "B2", "b10"]


def test_folders_in_turn_the_given_file_first_and_the_demo_last(tmp_path: Path) -> None:
    extra = write(tmp_path / "elsewhere" / "given.pt")
    write(tmp_path / "one" / "deep" / "z.ckpt")
    write(tmp_path / "one" / "notes.txt")
    write(tmp_path / "two" / "a.SAFETENSORS")
    write(tmp_path / "demo" / "demo.safetensors")
    found = Library((tmp_path / "one", tmp_path / "two", tmp_path / "gone"), extra, None).checkpoints()
    assert [one.name for one in found] == ["given.pt", "deep/z.ckpt", "a.SAFETENSORS", "demo.safetensors"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_followed_once_even_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "models" / "a.safetensors")
    write(tmp_path / "far" / "b.safetensors")
    (tmp_path / "models" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "models")
    names = [one.name for one in Library((tmp_path / "models",), None, None).checkpoints()]
    assert names == ["a.safetensors", "far/b.safetensors"]


def test_a_link_that_leads_nowhere_or_in_a_circle_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    models = tmp_path / "models"
    write(models / "a.ckpt")
    (models / "loop.ckpt").symlink_to("loop.ckpt")
    (models / "gone.safetensors").symlink_to(tmp_path / "nowhere.safetensors")
    (models / "folder.ckpt").mkdir()
    library = Library((models,), models / "loop.ckpt", None)
    library.refresh()
    assert [one.name for one in library.checkpoints()] == ["a.ckpt"]
    said = [one.getMessage() for one in caplog.records]
    assert [sum(name in line for line in said) for name in ("loop.ckpt", "gone.safetensors")] == [1, 1]


def test_every_spelling_finds_it(tmp_path: Path) -> None:
    file = write(tmp_path / "m" / "sub" / "My.Model v1.safetensors", b"q" * 2_000_000)
    digest = hashlib.sha256(b"q" * 2_000_000).hexdigest()
    found = Library((tmp_path / "m",), None, HashCache(tmp_path / "cache.json"))
    unhashed = found.checkpoints()[0]
    assert unhashed.title == "sub/My.Model v1.safetensors"
    found.hash(unhashed)
    title = f"sub/My.Model v1.safetensors [{digest[:10]}]"
    assert found.checkpoints()[0].title == title
    spellings = (
        title, "sub/My.Model v1.safetensors", "sub_My.Model v1", "My.Model v1", digest[:10], digest, str(file),
        f"My.Model v1 [{digest[:10]}]", old_hash(file), "My.Model v1 [7460a6fa]",
    )  # fmt: skip
    for spelling in spellings:
        assert found.find(str(spelling)) is not None, spelling
    assert found.find("My.Model") is None


def test_hashes_are_remembered_in_the_old_form_until_the_file_changes(tmp_path: Path) -> None:
    file = write(tmp_path / "a.ckpt", b"one")
    cache = tmp_path / "cache.json"
    cache.write_text('{"hashes": {"lora/x": {"mtime": 1, "sha256": "aa"}}, "hashes-addnet": {"y": 2}}')
    HashCache(cache).remember(file, "a.ckpt")
    stored = json.loads(cache.read_text())
    assert stored["hashes"]["checkpoint/a.ckpt"]["sha256"] == hashlib.sha256(b"one").hexdigest()
    assert stored["hashes"]["lora/x"]["sha256"] == "aa"
    assert stored["hashes-addnet"] == {"y": 2}
    assert HashCache(cache).get(file, "a.ckpt")
    os.utime(file, (file.stat().st_atime, file.stat().st_mtime + 10))
    assert HashCache(cache).get(file, "a.ckpt") is None


@pytest.mark.parametrize("broken", ["", "[]", '{"hashes": []}', '{"hashes": {"checkpoint/a.ckpt": 3}}', "\x00"])
def test_a_broken_cache_is_no_trouble(tmp_path: Path, broken: str) -> None:
    file = write(tmp_path / "a.ckpt")
    (tmp_path / "cache.json").write_text(broken)
    cache = HashCache(tmp_path / "cache.json")
    assert cache.get(file, "a.ckpt") is None
    cache.remember(file, "a.ckpt")
    assert HashCache(tmp_path / "cache.json").get(file, "a.ckpt")


def test_old_hash_of_a_small_file_is_the_well_known_one(tmp_path: Path) -> None:
    assert old_hash(write(tmp_path / "small.ckpt")) == "e3b0c442"
    assert old_hash(tmp_path / "gone.ckpt") is None


def test_a_diffusers_folder_is_one_checkpoint(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for place in ("sub/My Model v1.5", "plain"):
        write(models / place / "unet" / "diffusion_pytorch_model.safetensors")
        write(models / place / "text_encoder" / "model.safetensors")
    write(models / "sub" / "My Model v1.5" / "model_index.json", b"{}")
    write(models / "a.safetensors")
    found = Library((models,), None, HashCache(tmp_path / "cache.json"))
    names = ["a.safetensors", "plain/text_encoder/model.safetensors", "plain/unet/diffusion_pytorch_model.safetensors"]
    assert [one.name for one in found.checkpoints()] == [*names, "sub/My Model v1.5"]
    whole = found.find("My Model v1.5")
    assert whole is not None
    assert (whole.title, whole.model_name, whole.config) == ("sub/My Model v1.5", "sub_My Model v1.5", None)
    found.hash(whole)
    assert found.find("sub_My Model v1.5") == whole
    assert Library((), whole.path, None).checkpoints()[0].is_folder
    assert [one.name for one in Library((whole.path,), None, None).checkpoints()] == ["My Model v1.5"]


def test_a_diffusers_model_unpacked_a_step_too_high_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path / "models/model_index.json", b"{}")
    for name in ("unet/x.safetensors", "vae/x.safetensors", "mine.safetensors", "more/other.safetensors"):
        write(tmp_path / "models" / name)
    found = Library((tmp_path / "models",), None, HashCache(tmp_path / "cache.json"))
    assert {one.name for one in found.checkpoints()} == {"mine.safetensors", "models", "more/other.safetensors"}


def test_two_caches_on_one_file_lose_nothing(tmp_path: Path) -> None:
    first, second = HashCache(tmp_path / "cache.json"), HashCache(tmp_path / "cache.json")
    first.remember(write(tmp_path / "a.ckpt", b"one"), "a.ckpt")
    second.remember(write(tmp_path / "b.ckpt", b"two"), "b.ckpt")
    again = HashCache(tmp_path / "cache.json")
    assert again.get(tmp_path / "a.ckpt", "a.ckpt") == hashlib.sha256(b"one").hexdigest()
    assert again.get(tmp_path / "b.ckpt", "b.ckpt") == hashlib.sha256(b"two").hexdigest()


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("a file")
    cache = HashCache(tmp_path / "in the way" / "cache.json")
    file = write(tmp_path / "a.ckpt", b"one")
    cache.remember(file, "a.ckpt")
    assert cache.get(file, "a.ckpt") == hashlib.sha256(b"one").hexdigest()


def test_a_checkpoint_is_judged_without_torch(tmp_path: Path, python: str) -> None:
    """A server that waits for torch can refuse a file at once."""
    torch = pytest.importorskip("torch")
    torch.save({"state_dict": {"lora_unet_x.alpha": torch.ones(1)}}, tmp_path / "lora.ckpt")
    write(tmp_path / "page.safetensors", b"<!DOCTYPE html><html>")
    code = (
        "import sys; from pathlib import Path; from runtime.engine.judgement import judge_header\n"
        "print(*[getattr(judge_header(Path(name)), 'code', None) for name in sys.argv[1:]])\n"
        "assert 'torch' not in sys.modules"
    )
    demo = Path(library.__file__).parent / "assets" / "demo" / "gesso-demo.safetensors"
    command = [python, "-c", code, str(tmp_path / "lora.ckpt"), str(tmp_path / "page.safetensors"), str(demo)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["checkpoint-not-a-model", "checkpoint-is-web-page", "None"]


def test_options_keep_what_they_do_not_know(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"theirs": "值", "jpeg_quality": 70}', encoding="utf-8")
    options = Options(file)
    assert options["jpeg_quality"] == 70
    options.update({"jpeg_quality": "80", "s_noise": 2, "samples_save": 0})
    text = file.read_text(encoding="utf-8")
    assert "值" in text
    assert text.startswith('{\n    "')
    assert (options["jpeg_quality"], options["s_noise"]) == (80, 2.0)


def test_an_unreadable_settings_file_is_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{broken")
    assert Options(tmp_path / "config.json")["jpeg_quality"] == 80
    (aside,) = (tmp_path / "tmp").glob("config-*.json")
    assert aside.read_text() == "{broken"


def test_a_file_edited_by_hand_is_cast_as_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    written = {"eta_ancestral": None, "CLIP_stop_at_last_layers": "2", "samples_save": "false", "jpeg_quality": "much"}
    file.write_text(json.dumps({**written, "their own": [1]}), encoding="utf-8")
    options = Options(file)
    assert (options["eta_ancestral"], options["CLIP_stop_at_last_layers"], options["samples_save"]) == (1.0, 2, False)
    assert options["jpeg_quality"] == 80
    options.update({"CLIP_stop_at_last_layers": None})
    # what nobody changes stays as it is written
    kept = {"eta_ancestral": None, "samples_save": "false", "jpeg_quality": "much", "their own": [1]}
    assert json.loads(file.read_text(encoding="utf-8")) == kept
