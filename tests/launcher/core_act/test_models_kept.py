"""Models of this computer: added, hashed, verified; nothing is ever written over or lost."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.events import Notice, Progress
from launcher.core.models import add as models_add
from launcher.core.models import hashing as models_hashing
from launcher.core.models.add import Added, add_file
from launcher.core.models.catalogue import Catalogue, Entry, Location
from launcher.core.models.entry import Library
from launcher.core.models.hashing import hash_models, old_hash
from launcher.core.models.known import read_known
from launcher.core.models.library import read_library
from launcher.core.models.linking import link
from launcher.core.models.names import file_name
from launcher.core.models.verify import verify
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError
from launcher.core.records import read_record, write_record
from tests.fakes.model_files import VAE, checkpoint, lora, write_safetensors, write_torch
from tests.launcher.core_decide.test_models import finished, look
from tests.launcher.core_decide.test_other_installs import A1111, tree


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


def put(workspace: Workspace, source: Path, **more: object) -> Added:
    return finished(add_file(workspace, source, **more))  # type: ignore[arg-type]


def entry_of(path: Path, name: str = "") -> Entry:
    data = path.read_bytes()
    return Entry(
        name or path.name, "vae", "sd1", "safetensors", 0, "models/VAE", len(data), hashlib.sha256(data).hexdigest(),
        "MIT", "one-source", (), (Location("url", "stated", url="https://example.org/x"),),
    )  # fmt: skip


# -- added


def test_a_copy_leaves_what_lies_beside_it_alone(workspace: Workspace, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "a.safetensors", VAE)
    mine = workspace.models / "VAE/a.safetensors.copy"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    put(workspace, source, copy=True)
    assert mine.read_bytes() == b"mine"
    assert {path.name for path in mine.parent.iterdir()} == {"a.safetensors", "a.safetensors.copy"}


def test_a_link_of_hugging_faces_cache_keeps_its_name(workspace: Workspace, tmp_path: Path) -> None:
    blob = write_safetensors(tmp_path / "blobs" / ("ab" * 32), VAE)
    (tmp_path / "dream.vae.safetensors").symlink_to(blob)
    assert put(workspace, tmp_path / "dream.vae.safetensors").path.name == "dream.vae.safetensors"


def test_a_file_goes_into_the_folder_of_its_kind_and_takes_no_space(workspace: Workspace, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "下载/cat.safetensors", lora("sd1", layers=2))
    found = put(workspace, source)
    assert found.path == workspace.models / "Lora/cat.safetensors"
    assert (found.how, found.path.samefile(source)) == ("linked", True)
    assert put(workspace, source).how == "there"


def test_it_is_copied_where_it_is_asked_for_or_cannot_be_shared(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_safetensors(tmp_path / "a.safetensors", VAE)
    first = put(workspace, source, copy=True)
    assert (first.how, first.path.samefile(source)) == ("copied", False)
    assert first.path.read_bytes() == source.read_bytes()
    real = os.link
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "not supported")))
    second = put(workspace, source, name="b.safetensors")
    assert (second.how, second.path.read_bytes()) == ("copied", source.read_bytes())
    monkeypatch.setattr(os, "link", real)
    assert sorted(path.name for path in first.path.parent.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_a_filesystem_that_only_says_it_shared_is_not_believed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network disks answer a hard link with a copy."""
    source = write_safetensors(tmp_path / "a.safetensors", VAE)

    def pretends(one: Path, other: Path) -> None:
        Path(other).write_bytes(b"half of it")

    monkeypatch.setattr(os, "link", pretends)
    monkeypatch.setattr(models_add, "_put", lambda part, target: part.rename(target))
    found = put(workspace, source)
    assert (found.how, found.path.read_bytes()) == ("copied", source.read_bytes())


def test_a_link_to_a_file_is_followed(workspace: Workspace, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "a.safetensors", VAE)
    (tmp_path / "link.safetensors").symlink_to(source)
    found = put(workspace, tmp_path / "link.safetensors")
    assert not found.path.is_symlink()
    assert found.path.samefile(source)


def test_another_file_of_that_name_stays(workspace: Workspace, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "a.safetensors", VAE)
    there = write_safetensors(workspace.models / "VAE/a.safetensors", checkpoint("sd1", blocks=1))
    before = there.read_bytes()
    with pytest.raises(LauncherError) as refused:
        put(workspace, source)
    assert refused.value.code == "already-there"
    assert there.read_bytes() == before
    assert put(workspace, source, name="other").path.name == "other.safetensors"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "not-a-model"), (b"<html>", "not-a-model"), (b"version https://git-lfs", "not-a-model")]
)
def test_what_is_no_model_is_not_added(content: bytes, code: str, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(LauncherError) as refused:
        put(workspace, tmp_path / "x.safetensors")
    assert refused.value.code == code
    assert not workspace.root.exists()


def test_what_is_dangerous_unknown_or_of_no_use_is_said(workspace: Workspace, tmp_path: Path) -> None:
    evil = write_torch(tmp_path / "evil.pt", lora("sd1", layers=1), call="posix system")
    unknown = write_safetensors(tmp_path / "u.safetensors", {"x": ("F16", (3, 3))})
    motion = write_safetensors(tmp_path / "m.safetensors", {"a.motion_modules.0": ("F16", (3,))})
    for path, code in (
        (evil, "dangerous-pickle"), (unknown, "kind-unknown"), (motion, "kind-unsupported"),
        (tmp_path / "none.pt", "no-such-file"), (tmp_path, "no-such-file"),
    ):  # fmt: skip
        with pytest.raises(LauncherError) as refused:
            put(workspace, path)
        assert refused.value.code == code
    assert put(workspace, unknown, kind="upscaler").path == workspace.models / "ESRGAN/u.safetensors"


def test_a_copy_that_is_stopped_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    source, cancel = write_safetensors(tmp_path / "a.safetensors", VAE), threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        finished(add_file(workspace, source, copy=True, cancel=cancel))
    assert list((workspace.models / "VAE").iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("a/b\\c:d.pt", "a_b_c_d.pt"),
        ("  猫 🎨 'x'.safetensors ", "猫 🎨 'x'.safetensors"),
        ("-rf.pt", "-rf.pt"),
        ("nul.safetensors", "_nul.safetensors"),
        ("..", ""),
        ("a\u202etp.exe\n", "a_tp.exe_.pt"),
        ("v1.5 pruned", "v1.5 pruned.pt"),
        ("猫" * 200 + ".ckpt", "猫" * 58 + ".ckpt"),
    ],
)
def test_names_that_every_system_takes(wanted: str, name: str) -> None:
    assert file_name(wanted, ".pt") == name


# -- hashed


def hashed(workspace: Workspace) -> tuple[Library, list[object]]:
    events: list[object] = list(hash_models(workspace, look(workspace).models))
    return look(workspace), events


def test_hashes_are_computed_once_and_shared_with_the_runtime(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_safetensors(workspace.models / "Stable-diffusion/sub/猫.safetensors", checkpoint("sd1", blocks=3))
    write_record(workspace.root / "cache.json", {"other": {"kept": 1}, "hashes": {"lora/x": {"mtime": 1}}})
    library, events = hashed(workspace)
    (model,) = library.models
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.old_hash == hashlib.sha256(path.read_bytes()[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8]
    assert [event for event in events if isinstance(event, Progress)][-1] == Progress(
        "hashes", path.stat().st_size, path.stat().st_size
    )
    cache = read_record(workspace.root / "cache.json") or {}
    assert cache["other"] == {"kept": 1}
    assert set(cache["hashes"]) == {"lora/x", "checkpoint/sub/猫.safetensors"}
    monkeypatch.setattr(models_hashing, "sha256_of", None)
    assert hashed(workspace)[0].models == library.models


def test_two_checkpoints_of_one_name_are_not_mistaken_for_each_other(workspace: Workspace, tmp_path: Path) -> None:
    """The runtime's cache knows names alone, and a linked install may have a file of ours' name."""
    ours = write_safetensors(workspace.models / "Stable-diffusion/a.safetensors", checkpoint("sd1", blocks=1))
    root = tree(tmp_path / "webui", *A1111)
    theirs = write_safetensors(root / "models/Stable-diffusion/a.safetensors", checkpoint("sd2", blocks=1))
    link(workspace, root, outputs=False)
    write_record(
        workspace.root / "cache.json", {"hashes": {"checkpoint/a.safetensors": {"mtime": 9e9, "sha256": "f" * 64}}}
    )
    found = {model.path: model.sha256 for model in hashed(workspace)[0].models}
    assert found == {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (ours, theirs)}
    cache = read_record(workspace.root / "cache.json") or {}
    assert cache["hashes"] == {"checkpoint/a.safetensors": {"mtime": 9e9, "sha256": "f" * 64}}


def test_likely_duplicates_come_first_and_a_stop_keeps_what_is_done(workspace: Workspace) -> None:
    folder = workspace.models / "Lora"
    write_safetensors(folder / "small.safetensors", lora("sd1", layers=1))
    for name in ("twin1", "twin2"):
        write_safetensors(folder / f"{name}.safetensors", lora("sd1", layers=40))
    cancel = threading.Event()
    remember = models_hashing.read_known
    seen: list[str] = []

    work = hash_models(workspace, look(workspace).models, cancel=cancel)

    def stops(where: Workspace) -> object:
        seen.append("one more")
        if len(seen) == 2:
            cancel.set()
        return remember(where)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models_hashing, "read_known", stops)
        with pytest.raises(CancelledError):
            list(work)
    found = {model.name: model for model in look(workspace).models}
    assert found["small.safetensors"].sha256 is None
    assert found["twin2.safetensors"].duplicate_of == folder / "twin1.safetensors"
    assert hashed(workspace)[0].models[0].sha256 is not None


def test_what_cannot_be_hashed_is_named_and_the_rest_is_done(workspace: Workspace) -> None:
    path = write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=1))
    write_safetensors(workspace.models / "Lora/b.safetensors", lora("sd1", layers=2))
    library = look(workspace)
    path.unlink()
    notices = [event for event in hash_models(workspace, library.models) if isinstance(event, Notice)]
    assert [(event.slug, "a.safetensors" in str(event.text)) for event in notices] == [("not-hashed", True)]
    assert look(workspace).models[0].sha256 is not None


def test_a_file_that_is_being_written_is_left_for_later(workspace: Workspace) -> None:
    path = write_safetensors(workspace.models / "Lora/a.safetensors", lora("sd1", layers=1))
    library = look(workspace)
    write_safetensors(path, lora("sd1", layers=2))
    notices = [str(event.text) for event in hash_models(workspace, library.models) if isinstance(event, Notice)]
    assert notices == ["a.safetensors is changing at this moment, so it was not hashed."]
    assert look(workspace).models[0].sha256 is None


def test_the_old_hash_of_a_short_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"short")
    assert old_hash(tmp_path / "x") == hashlib.sha256(b"").hexdigest()[:8]


# -- verified


def verdicts(workspace: Workspace, catalogue: Catalogue) -> dict[str, str]:
    found = finished(verify(workspace, look(workspace).models, catalogue))
    assert all(str(one.sentence) for one in found)
    return {one.model.name: one.state for one in found}


def test_files_are_compared_with_the_catalogue_and_with_what_was_remembered(workspace: Workspace) -> None:
    folder = workspace.models / "VAE"
    right = write_safetensors(folder / "right.safetensors", VAE)
    write_safetensors(folder / "named.safetensors", VAE, {"other": "edition"})
    write_safetensors(folder / "own.safetensors", VAE, {"of": "mine"})
    (folder / "cut.safetensors").write_bytes(right.read_bytes()[:-1])
    catalogue = Catalogue(
        "2026-10", {}, (entry_of(right, "elsewhere.safetensors"), entry_of(right, "named.safetensors"))
    )
    wanted = {"cut": "broken", "named": "other", "own": "noted", "right": "right"}
    assert verdicts(workspace, catalogue) == {f"{name}.safetensors": state for name, state in wanted.items()}
    assert verdicts(workspace, catalogue)["own.safetensors"] == "same"
    own = folder / "own.safetensors"
    before, data = own.stat(), bytearray(own.read_bytes())
    data[-1] ^= 1
    own.write_bytes(data)
    os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verdicts(workspace, catalogue)["own.safetensors"] == "changed"
    assert verdicts(workspace, catalogue)["own.safetensors"] == "changed"
    assert read_known(workspace).of(str(own), before.st_size, before.st_mtime_ns) is not None


def test_verifying_can_be_stopped(workspace: Workspace) -> None:
    write_safetensors(workspace.models / "VAE/a.safetensors", VAE)
    cancel = threading.Event()
    cancel.set()
    library = finished(read_library(workspace))
    with pytest.raises(CancelledError):
        finished(verify(workspace, library.models, Catalogue("2026-10", {}, ()), cancel=cancel))


@pytest.mark.parametrize(
    ("wanted", "kind", "name"),
    [
        ("dream.safetensors", "checkpoint", "dream.ckpt"),
        ("dream.pt", "checkpoint", "dream.ckpt"),
        ("a.safetensors", "lora", "a.pt"),
        ("a.pth", "lora", "a.pth"),
    ],
)
def test_a_file_gets_the_ending_of_its_content(
    workspace: Workspace, tmp_path: Path, wanted: str, kind: str, name: str
) -> None:
    shapes = checkpoint("sd1", blocks=1) if kind == "checkpoint" else lora("sd1", layers=2)
    source = write_torch(tmp_path / "t.safetensors", shapes)
    added = put(workspace, source, name=wanted)
    assert (added.path.name, added.facts.problems) == (name, ())


def test_a_pickle_s_ending_is_taken_off_safetensors(workspace: Workspace, tmp_path: Path) -> None:
    source = write_safetensors(tmp_path / "x.safetensors", lora("sd1", layers=2))
    assert put(workspace, source, name="dream.v2.ckpt").path.name == "dream.v2.safetensors"
