"""Model files that are none, as people really have them, fetched again and checked; the old ones come back."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import download_again, journal
from launcher.core.mends.mend import Here
from launcher.core.mends.model_sources import find_source
from launcher.core.models.catalogue import Catalogue, Entry, Location
from launcher.core.models.hashing import take_note
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from tests.fakes.fault_server import FaultServer
from tests.fakes.model_files import VAE, write_safetensors
from tests.launcher.mends.mending import exhaust, here_in

WEB_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> bytes:
    return write_safetensors(tmp_path_factory.mktemp("host") / "m.safetensors", VAE).read_bytes()


@pytest.fixture(scope="module")
def server(model: bytes) -> Iterator[FaultServer]:
    with FaultServer(model) as server:
        yield server


@pytest.fixture
def here(tmp_path: Path):
    return here_in(tmp_path)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pointer(data: bytes) -> bytes:
    """As git-lfs writes it."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest(data)}\nsize {len(data)}\n".encode()


def knowing(monkeypatch, name: str, data: bytes, *urls: str) -> None:
    """A catalogue that has this file."""
    places = tuple(Location("url", "stated", url=url) for url in urls)
    entry = Entry(
        name, "vae", "sd1", "safetensors", 0, "models/VAE", len(data), digest(data), "MIT", "one-source", (), places
    )  # fmt: skip
    monkeypatch.setattr(download_again, "read_catalogue", lambda: Catalogue("2026-10", {}, (entry,)))


def put(here: Here, name: str, data: bytes) -> Path:
    path = here.workspace.models / "VAE" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def mended(here: Here, name: str, **values: str):
    _, found = exhaust(journal.mend(here, name, values))
    assert found.still is None, str(found.still)
    return found.number


@pytest.mark.parametrize("fault", ["cut", "web page", "empty", "pointer"])
def test_a_broken_model_of_the_catalogue_is_fetched_again_and_can_be_read(
    fault: str, here: Here, model: bytes, server: FaultServer, monkeypatch
) -> None:
    broken = {"cut": model[:-5000], "web page": WEB_PAGE, "empty": b"", "pointer": pointer(model)}[fault]
    knowing(monkeypatch, "dream 猫.safetensors", model, server.url("404"), server.url("ok", "m", other_host=True))
    path = put(here, "dream 猫.safetensors", broken)
    with pytest.raises(RequestError):
        read_header(path)
    before = "0.6 MiB" if fault == "cut" else f"{len(broken)} B"
    shown = journal.preview(here, "download-model-again", {"path": f"D:\\models\\{path.name}"})
    assert [(str(each.what), each.before, each.after) for each in shown.changes] == [
        ("the file models/VAE/dream 猫.safetensors", before, "0.6 MiB")
    ]
    assert path.read_bytes() == broken
    number = mended(here, "download-model-again", path=str(path))
    read_header(path)
    assert path.read_bytes() == model
    assert journal.preview(here, "download-model-again", {}) is None
    exhaust(journal.undo(here, number))
    assert path.read_bytes() == broken
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    (kept,) = (each for each in (here.workspace.root / "set-aside").rglob("*") if each.is_file())
    assert kept.read_bytes() == model, "what came is not thrown away either"


def test_bytes_that_are_wrong_change_nothing(here: Here, model: bytes, monkeypatch) -> None:
    path = put(here, "a.safetensors", model[:-1])
    with FaultServer(model[:-1] + b"!") as liar:
        knowing(monkeypatch, "a.safetensors", model, liar.url("ok", "a"))
        with pytest.raises(LauncherError) as refused:
            exhaust(journal.mend(here, "download-model-again", {}))
    assert refused.value.code == "download-wrong-bytes"
    assert path.read_bytes() == model[:-1]
    assert journal.done(here) == ()


def test_one_that_was_whole_once_is_known_under_another_name(here: Here, model: bytes, server, monkeypatch) -> None:
    knowing(monkeypatch, "official.safetensors", model, server.url("ok", "a"))
    path = put(here, "mine.safetensors", model)
    take_note(here.workspace, path, digest(model))
    path.write_bytes(model[: len(model) // 2])
    mended(here, "download-model-again")
    assert path.read_bytes() == model


def test_a_disk_that_has_turned_a_bit_is_found_out_where_the_file_is_named(
    here: Here, model: bytes, server: FaultServer, monkeypatch
) -> None:
    knowing(monkeypatch, "a.safetensors", model, server.url("ok", "a"))
    path = put(here, "a.safetensors", model)
    take_note(here.workspace, path, digest(model))
    before, turned = path.stat(), model[:-1] + bytes([model[-1] ^ 1])
    path.write_bytes(turned)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    number = mended(here, "download-model-again", file="a.safetensors")
    assert path.read_bytes() == model
    exhaust(journal.undo(here, number))
    assert path.read_bytes() == turned


def test_a_note_beside_it_knows_the_address_and_the_hash(here: Here, model: bytes, server: FaultServer) -> None:
    path = put(here, "dream.safetensors", WEB_PAGE)
    other = {"primary": False, "hashes": {"SHA256": "0" * 64}, "downloadUrl": server.url("404")}
    files = [
        other,
        {"primary": True, "hashes": {"SHA256": digest(model).upper()}, "downloadUrl": server.url("ok", "x")},
    ]
    path.with_name("dream.civitai.info").write_text(json.dumps({"id": 7, "files": files}))
    shown = journal.preview(here, "download-model-again", {})
    assert "the note beside it (127.0.0.1)" in str(shown.remark)
    number = mended(here, "download-model-again")
    assert path.read_bytes() == model
    exhaust(journal.undo(here, number))
    assert path.read_bytes() == WEB_PAGE


@pytest.mark.parametrize(
    "note", ["", "[]", '{"files": 3}', '{"files": [{"hashes": {"SHA256": "short"}}]}', '{"downloadUrl": 7}']
)
def test_where_it_comes_from_nobody_knows(here: Here, note: str) -> None:
    path = put(here, "unknown.safetensors", WEB_PAGE)
    path.with_name("unknown.json").write_text(note)
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.mend(here, "download-model-again", {}))
    assert refused.value.code == "model-source-unknown"
    assert "unknown.safetensors" in str(refused.value.message)
    assert path.read_bytes() == WEB_PAGE


def test_a_sound_model_and_another_file_than_the_named_are_left_alone(
    here: Here, model: bytes, server, monkeypatch
) -> None:
    knowing(monkeypatch, "a.safetensors", model, server.url("ok", "a"))
    put(here, "a.safetensors", model)
    assert journal.preview(here, "download-model-again", {}) is None
    put(here, "a.safetensors", model[:-1])
    assert journal.preview(here, "download-model-again", {"path": "/elsewhere/b.safetensors"}) is None
    assert journal.preview(here, "fetch-lfs-model", {}) is None


def test_what_was_changed_after_the_mend_is_not_taken_back(here: Here, model: bytes, server, monkeypatch) -> None:
    knowing(monkeypatch, "a.safetensors", model, server.url("ok", "a"))
    path = put(here, "a.safetensors", b"")
    number = mended(here, "download-model-again")
    path.write_bytes(b"mine")
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(here, number))
    assert refused.value.code == "mend-changed-since"
    assert path.read_bytes() == b"mine"


def test_what_was_set_aside_and_is_gone_leaves_the_new_file(here: Here, model: bytes, server, monkeypatch) -> None:
    knowing(monkeypatch, "a.safetensors", model, server.url("ok", "a"))
    path = put(here, "a.safetensors", WEB_PAGE)
    number = mended(here, "download-model-again")
    (aside,) = (here.workspace.root / "set-aside").rglob("a.safetensors")
    aside.unlink()
    with pytest.raises(LauncherError) as refused:
        exhaust(journal.undo(here, number))
    assert refused.value.code == "set-aside-gone"
    assert path.read_bytes() == model


def test_models_on_another_disk_are_mended_too(here: Here, model: bytes, server, monkeypatch) -> None:
    """What is set aside is carried over, for a file cannot be renamed from one disk to another."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == here.workspace.root.stat().st_dev:
        pytest.skip("there is one disk only")
    knowing(monkeypatch, "a.safetensors", model, server.url("ok", "a"))
    with tempfile.TemporaryDirectory(dir=memory) as disk:
        here.workspace.models.symlink_to(disk)
        path = put(here, "a.safetensors", WEB_PAGE)
        number = mended(here, "download-model-again")
        assert path.read_bytes() == model
        exhaust(journal.undo(here, number))
        assert path.read_bytes() == WEB_PAGE


# -- git-lfs


def test_a_pointer_becomes_the_file_that_it_stands_for(here: Here, model: bytes, server, monkeypatch) -> None:
    """Known by the hash in it, whatever it is called."""
    knowing(monkeypatch, "official.safetensors", model, server.url("ok", "a"))
    path = put(here, "mine.safetensors", pointer(model))
    number = mended(here, "fetch-lfs-model", path="models/VAE/mine.safetensors")
    assert path.read_bytes() == model
    exhaust(journal.undo(here, number))
    assert path.read_bytes() == pointer(model)


def test_a_clone_without_git_lfs_says_where_its_files_are(here: Here, model: bytes, server, monkeypatch) -> None:
    """diffusers' layout, cloned by git itself."""
    origin, clone = here.workspace.root.parent / "origin", here.workspace.models / "Stable-diffusion" / "dream"
    (origin / "unet").mkdir(parents=True)
    (origin / "model_index.json").write_text("{}")
    (origin / "unet" / "config.json").write_text('{"cross_attention_dim": 768}')
    (origin / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(pointer(model))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=origin, check=True)
    subprocess.run([*git, "clone", "-q", str(origin), str(clone)], check=True)
    subprocess.run(
        ["git", "remote", "set-url", "origin", "https://hf-mirror.com/some/dream.git"], cwd=clone, check=True
    )
    path = clone / "unet" / "diffusion_pytorch_model.safetensors"
    found = find_source(here.workspace, path, Catalogue("2026-10", {}, ()))
    assert [place.address for place in found.locations] == [
        "https://huggingface.co/some/dream/resolve/main/unet/diffusion_pytorch_model.safetensors"
    ]
    assert (found.sha256, found.size) == (digest(model), len(model))
    knowing(monkeypatch, "x", model, server.url("ok", "a"))
    number = mended(here, "fetch-lfs-model")
    read_header(path)
    exhaust(journal.undo(here, number))
    assert path.read_bytes() == pointer(model)
