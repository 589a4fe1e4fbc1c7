"""The library: found, judged, remembered; nothing of the user's is changed by looking."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

from launcher.core.errors import LauncherError
from launcher.core.models.entry import Library, Model, scan
from launcher.core.models.known import Hashes, read_known, tell_runtime
from launcher.core.models.library import find_models, read_library
from launcher.core.models.shelves import Shelf, workspace_shelves
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError
from launcher.core.records import read_record
from launcher.model_words import plain
from tests.fakes.model_files import EMBEDDING, VAE, checkpoint, lora, write_safetensors, write_torch

T = TypeVar("T")


def finished(work: Generator[object, None, T]) -> T:
    found: list[T] = []

    def whole() -> Generator[object, None, None]:
        found.append((yield from work))

    for _ in whole():
        pass
    return found[0]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


def look(workspace: Workspace) -> Library:
    return finished(read_library(workspace))


def names(library: Library) -> list[str]:
    return [model.name for model in library.models]


def only(library: Library) -> Model:
    (model,) = library.models
    return model


def shape_of(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def test_everything_is_found_where_a1111_keeps_it(workspace: Workspace) -> None:
    write_safetensors(workspace.models / "Stable-diffusion/sub/b10.safetensors", checkpoint("sd1", blocks=1))
    write_safetensors(workspace.models / "Stable-diffusion/b9.safetensors", checkpoint("sdxl", blocks=1))
    write_safetensors(workspace.models / "VAE/v.safetensors", VAE)
    write_safetensors(workspace.models / "Lora/猫 '引号' 🎨 <b>.safetensors", lora("sd1", layers=4))
    write_safetensors(workspace.models / "LyCORIS/l.safetensors", lora("sd1", layers=4))
    write_torch(workspace.root / "embeddings/bad.pt", EMBEDDING)
    write_safetensors(workspace.models / "stray.safetensors", VAE)
    (workspace.models / "Stable-diffusion/Put models here.txt").write_text("")
    library = look(workspace)
    assert [(model.kind, model.name, model.facts.family) for model in library.models] == [
        ("checkpoint", "b9.safetensors", "sdxl"),
        ("checkpoint", "sub/b10.safetensors", "sd1"),
        ("embedding", "bad.pt", "sd1"),
        ("lora", "l.safetensors", "sd1"),
        ("lora", "猫 '引号' 🎨 <b>.safetensors", "sd1"),
        ("vae", "stray.safetensors", None),
        ("vae", "v.safetensors", None),
    ]
    assert all(model.problems == () for model in library.models)


def test_nothing_is_changed_by_looking(workspace: Workspace) -> None:
    write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=2))
    write_torch(workspace.models / "Lora/b.pt", lora("sd1", layers=2))
    before = shape_of(workspace.models)
    look(workspace)
    look(workspace)
    assert shape_of(workspace.models) == before


def test_a_file_is_opened_once_per_change(workspace: Workspace) -> None:
    path = write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=2))
    for number in range(30):
        write_safetensors(workspace.models / f"Lora/x{number}.safetensors", lora("sd1", layers=1))
    assert look(workspace).opened == 31
    again = look(workspace)
    assert (again.opened, len(again.models)) == (0, 31)
    write_safetensors(path, checkpoint("sd1", blocks=1))
    changed = look(workspace)
    assert changed.opened == 1
    assert next(model for model in changed.models if model.path == path).facts.kind == "checkpoint"
    path.unlink()
    assert (look(workspace).opened, len(look(workspace).models)) == (0, 30)


def test_a_changed_note_beside_it_is_read_too(workspace: Workspace) -> None:
    path = write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=2))
    assert only(look(workspace)).facts.triggers == ()
    path.with_suffix(".json").write_text('{"activation text": "cat, hat"}', encoding="utf-8")
    assert only(look(workspace)).facts.triggers == ("cat", "hat")


@pytest.mark.parametrize("damage", [b"", b"{", b'{"edition": 99}', b'{"edition": 1, "files": {"x": 3}}', b"\xff\xfe"])
def test_an_index_that_is_damaged_is_made_anew(workspace: Workspace, damage: bytes) -> None:
    write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=2))
    look(workspace)
    (workspace.state / "models.json").write_bytes(damage)
    assert (look(workspace).opened, look(workspace).opened) == (1, 0)


def test_an_index_with_nonsense_in_one_entry_keeps_the_others(workspace: Workspace) -> None:
    for name in "ab":
        write_safetensors(workspace.models / f"Lora/{name}.safetensors", lora("sd1", layers=2))
    look(workspace)
    file = workspace.state / "models.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    found["files"][next(iter(found["files"]))]["facts"] = {"kind": "cake"}
    file.write_text(json.dumps(found), encoding="utf-8")
    assert look(workspace).opened == 1


def test_titles_words_and_previews(workspace: Workspace) -> None:
    folder = workspace.models / "Lora"
    tags = json.dumps({"10_cat": {"cat": 30, "hat": 12}, "2_dog": {"dog": 20, "x": "many"}})
    write_safetensors(
        folder / "a.safetensors", lora("sd1", layers=1), {"ss_tag_frequency": tags, "ss_output_name": "A"}
    )
    write_safetensors(folder / "b.safetensors", lora("sd1", layers=1), {"modelspec.trigger_phrase": "sks style"})
    write_safetensors(folder / "c.safetensors", lora("sd1", layers=1), {"ss_tag_frequency": "[[[nonsense"})
    (folder / "c.civitai.info").write_text('{"trainedWords": ["red, blue", "red", 7]}', encoding="utf-8")
    (folder / "a.preview.png").write_bytes(b"x")
    (folder / "b.jpg").write_bytes(b"x")
    a, b, c = look(workspace).models
    assert (a.facts.title, a.facts.triggers) == ("A", ("cat", "dog", "hat"))
    assert (a.preview, b.preview, c.preview) == (folder / "a.preview.png", folder / "b.jpg", None)
    assert b.facts.triggers == ("sks style",)
    assert c.facts.triggers == ("red", "blue")


def test_broken_misplaced_and_dangerous_files_are_named(workspace: Workspace) -> None:
    write_safetensors(workspace.models / "Lora/a-checkpoint.safetensors", checkpoint("sd1", blocks=1))
    write_safetensors(workspace.models / "Stable-diffusion/x.vae.safetensors", VAE)
    (workspace.models / "Lora/b.safetensors").write_bytes(b"<html>")
    write_torch(workspace.models / "Lora/c.pt", lora("sd1", layers=1), call="os system")
    found = {model.name: [(one.code, one.detail) for one in model.problems] for model in look(workspace).models}
    assert found == {
        "a-checkpoint.safetensors": [("misplaced", "models/Stable-diffusion")],
        "b.safetensors": [("web-page", "")],
        "c.pt": [("dangerous", "os.system")],
        "x.vae.safetensors": [],
    }
    assert look(workspace).opened == 0


def test_a_folder_in_diffusers_layout_is_one_model(workspace: Workspace) -> None:
    folder = workspace.models / "Stable-diffusion/dreams"
    for part in ("unet", "vae"):
        write_safetensors(folder / part / "diffusion_pytorch_model.safetensors", {"x": ("F16", (4,))})
    (folder / "model_index.json").write_text("{}")
    (folder / "unet/config.json").write_text('{"cross_attention_dim": 2048}')
    model = only(look(workspace))
    assert (model.name, model.kind, model.facts.format, model.facts.family) == (
        "dreams",
        "checkpoint",
        "diffusers",
        "sdxl",
    )
    assert model.size > 0


def test_a_diffusers_model_unpacked_a_step_too_high_hides_no_other(workspace: Workspace) -> None:
    shelf = workspace.models / "Stable-diffusion"
    write_safetensors(shelf / "unet/diffusion_pytorch_model.safetensors", {"x": ("F16", (4,))})
    (shelf / "model_index.json").write_text("{}")
    write_safetensors(shelf / "mine.safetensors", checkpoint("sd1", blocks=1))
    write_safetensors(shelf / "more/other.safetensors", checkpoint("sd1", blocks=1))
    library = look(workspace)
    names = {"Stable-diffusion", "mine.safetensors", "more/other.safetensors"}
    assert {model.name for model in library.models} == names
    whole = next(model for model in library.models if model.facts.format == "diffusers")
    assert whole.size < 1000


def test_links_are_followed_once_and_loops_end(workspace: Workspace, tmp_path: Path) -> None:
    store = tmp_path / "elsewhere"
    write_safetensors(store / "far.safetensors", lora("sd1", layers=1))
    shelf = workspace.models / "Lora"
    near = write_safetensors(shelf / "near.safetensors", lora("sdxl", layers=1))
    (shelf / "loop").symlink_to(shelf, target_is_directory=True)
    (shelf / "self").symlink_to("self")
    (shelf / "store").symlink_to(store, target_is_directory=True)
    (shelf / "again.safetensors").symlink_to(near)
    (shelf / "dead.safetensors").symlink_to("nowhere")
    library = look(workspace)
    assert sorted(names(library)) in (["near.safetensors", "store/far.safetensors"],
                                      ["again.safetensors", "store/far.safetensors"])  # fmt: skip
    assert [(Path(place.path).name, str(place.reason)) for place in library.refused] == [
        ("dead.safetensors", "its link leads nowhere")
    ]


def test_what_is_no_file_and_what_may_not_be_read(workspace: Workspace) -> None:
    shelf = workspace.models / "Lora"
    write_safetensors(shelf / "a.safetensors", lora("sd1", layers=1))
    (shelf / "folder.safetensors").mkdir()
    write_safetensors(shelf / "folder.safetensors/inside.safetensors", lora("sd1", layers=1))
    os.mkfifo(shelf / "pipe.pt")
    locked = shelf / "locked"
    locked.mkdir()
    locked.chmod(0)
    try:
        library = look(workspace)
    finally:
        locked.chmod(0o700)
    assert names(library) == ["a.safetensors", "folder.safetensors/inside.safetensors"]
    assert [Path(place.path).name for place in library.refused][-1] == "pipe.pt"
    assert len(library.refused) == (1 if os.geteuid() == 0 else 2)


def test_a_file_that_goes_while_it_is_looked_at(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=1))
    write_safetensors(workspace.models / "Lora/b.safetensors", lora("sd1", layers=1))
    real = os.open

    def opened(path: object, *rest: object, **more: object) -> int:
        if str(path) == str(gone):
            gone.unlink(missing_ok=True)
        return real(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)
    assert names(look(workspace)) == ["b.safetensors"]


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_no_text_is_listed_and_keeps_the_index_whole(workspace: Workspace) -> None:
    write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=1))
    odd = os.fsencode(workspace.models / "Lora") + b"/\xff\n.safetensors"
    os.rename(write_safetensors(workspace.models / "Lora/tmp.safetensors", lora("sd1", layers=1)), odd)  # noqa: PTH104
    assert len(look(workspace).models) == 2
    assert look(workspace).opened == 1


def test_duplicates_are_the_same_bytes_and_never_the_same_size_alone(workspace: Workspace) -> None:
    folder = workspace.models / "Lora"
    for name in "abc":
        write_safetensors(folder / f"{name}.safetensors", lora("sd1", layers=1))
    os.link(folder / "a.safetensors", folder / "a-again.safetensors")
    assert look(workspace).wasted == 0
    known = read_known(workspace)
    for name, digest in (("a", "1"), ("a-again", "1"), ("b", "1"), ("c", "2")):
        found = (folder / f"{name}.safetensors").stat()
        known.remember(
            str(folder / f"{name}.safetensors"), found.st_size, found.st_mtime_ns, Hashes(digest * 64, "0" * 8)
        )
    library = look(workspace)
    twins = {model.name: model.duplicate_of for model in library.models}
    assert twins == {
        "a.safetensors": None,
        "a-again.safetensors": None,
        "b.safetensors": folder / "a-again.safetensors",
        "c.safetensors": None,
    }
    assert library.wasted == (folder / "b.safetensors").stat().st_size


def test_stopping_keeps_what_was_read(workspace: Workspace) -> None:
    for number in range(60):
        write_safetensors(workspace.models / f"Lora/{number}.safetensors", lora("sd1", layers=1))
    cancel = threading.Event()
    work = scan(workspace_shelves(workspace), workspace.state / "models.json", read_known(workspace), cancel=cancel)
    told = next(work)
    assert (told.unit, told.total) == ("files", 60)
    cancel.set()
    with pytest.raises(CancelledError):
        next(work)
    assert 0 < look(workspace).opened < 60


def test_a_library_without_a_place_to_remember_is_listed_all_the_same(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "models/a.safetensors", VAE)
    (tmp_path / "state").write_text("a file where a folder belongs")
    workspace = Workspace(tmp_path)
    library = finished(scan([Shelf("vae", tmp_path / "models")], tmp_path / "state/models.json", read_known(workspace)))
    assert names(library) == ["a.safetensors"]


def test_an_empty_workspace_has_an_empty_library(workspace: Workspace) -> None:
    assert look(workspace) == Library()
    assert not workspace.root.exists()


def test_models_by_name_stem_place_and_hash(workspace: Workspace) -> None:
    path = write_safetensors(workspace.models / "Lora/sub/Cat.safetensors", lora("sd1", layers=1))
    found = path.stat()
    read_known(workspace).remember(str(path), found.st_size, found.st_mtime_ns, Hashes("ab" * 32, "12345678"))
    library = look(workspace)
    for name in ("sub/Cat.safetensors", "Cat.safetensors", "Cat", str(path), "abababab", "AB" * 32, "12345678"):
        assert find_models(library, [name]) == library.models
    assert find_models(library, []) == library.models
    with pytest.raises(LauncherError) as unknown:
        find_models(library, ["cat"])
    assert (unknown.value.code, "Cat" in str(unknown.value.hint)) == ("model-unknown", True)


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "lora", "family": ["x"]},
        {"kind": ["lora"]},
        {"problems": [{"code": ["damaged"], "detail": ""}]},
        {"problems": 3},
        {"title": 5},
    ],
)
def test_a_record_that_somebody_changed_is_read_anew(workspace: Workspace, facts: dict) -> None:
    path = write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=2))
    look(workspace)
    index = workspace.state / "models.json"
    record = json.loads(index.read_text(encoding="utf-8"))
    record["files"][str(path)]["facts"] = facts
    index.write_text(json.dumps(record))
    assert only(look(workspace)).facts.family == "sd1"


def test_two_that_hash_at_once_lose_nothing(workspace: Workspace) -> None:
    def keep(name: str) -> None:
        known = read_known(workspace)
        for number in range(25):
            known.remember(f"/{name}{number}", 1, 1, Hashes("ab" * 32, "12345678"))
            tell_runtime(workspace, f"{name}{number}", 1.0, "ab" * 32)

    both = [threading.Thread(target=keep, args=(name,)) for name in "ab"]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(read_known(workspace).entries) == 50
    assert len((read_record(workspace.root / "cache.json") or {})["hashes"]) == 50


def test_a_path_with_a_chinese_blank_is_remembered(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "全\u3000角")
    write_safetensors(workspace.models / "Lora/我\u3000的.safetensors", lora("sd1", layers=1))
    assert [look(workspace).opened for _ in range(2)] == [1, 0]
    assert plain("全\u3000角\x1b") == "全\u3000角\N{REPLACEMENT CHARACTER}"
