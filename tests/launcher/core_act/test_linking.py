"""Another program's install used in place: settings of ours change, nothing of its own does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.models import linking
from launcher.core.models.linking import link, unlink
from launcher.core.models.links import read_links
from launcher.core.paths import Workspace
from launcher.core.process import created
from launcher.core.records import read_record, write_record
from launcher.core.running import Running
from launcher.core.settings import read_settings
from tests.fakes.model_files import EMBEDDING, checkpoint, lora, write_safetensors, write_torch
from tests.launcher.core_decide.test_models import look
from tests.launcher.core_decide.test_other_installs import A1111, tree


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


@pytest.fixture
def install(tmp_path: Path) -> Path:
    root = tree(tmp_path / "sd-webui-aki 整合", *A1111)
    write_safetensors(root / "models/Stable-diffusion/old.safetensors", checkpoint("sd1", blocks=1))
    write_safetensors(root / "models/Lora/cat.safetensors", lora("sd1", layers=1))
    write_torch(root / "embeddings/bad.pt", EMBEDDING)
    return root


def shape_of(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def test_its_models_are_listed_and_nothing_there_changes(workspace: Workspace, install: Path) -> None:
    before = shape_of(install)
    found = link(workspace, install)
    assert read_settings(workspace).models.linked == (str(install),)
    assert {(model.name, model.home) for model in look(workspace).models} == {
        ("old.safetensors", install.name), ("cat.safetensors", install.name), ("bad.pt", install.name),
    }  # fmt: skip
    options = read_record(workspace.root / "config.json") or {}
    assert options["outdir_txt2img_samples"] == str(install / "outputs/txt2img-images")
    assert found.styles == install / "styles.csv"
    link(workspace, install)
    assert read_settings(workspace).models.linked == (str(install),)
    assert unlink(workspace, install) == install
    assert look(workspace).models == ()
    assert shape_of(install) == before
    assert not workspace.models.exists()


def test_what_the_user_chose_stays_and_comes_back(workspace: Workspace, install: Path) -> None:
    write_record(
        workspace.root / "config.json",
        {
            "outdir_grids": "",
            "outdir_txt2img_samples": "/my/pictures",
            "outdir_img2img_samples": "outputs/img2img-images",
            "sd_vae": "Automatic",
        },
    )
    link(workspace, install)
    options = read_record(workspace.root / "config.json") or {}
    assert options["outdir_txt2img_samples"] == "/my/pictures"
    assert options["outdir_img2img_samples"] == str(install / "outputs/img2img-images")
    unlink(workspace, install)
    assert read_record(workspace.root / "config.json") == {
        "outdir_grids": "", "outdir_txt2img_samples": "/my/pictures", "sd_vae": "Automatic",
    }  # fmt: skip


def test_pictures_can_stay_with_us(workspace: Workspace, install: Path) -> None:
    link(workspace, install, outputs=False)
    assert not (workspace.root / "config.json").exists()


def test_an_install_that_has_gone_can_be_unlinked(workspace: Workspace, install: Path) -> None:
    link(workspace, install)
    install.rename(install.with_name("moved"))
    assert read_links(workspace).absent == (install,)
    assert unlink(workspace, Path(install.name)) == install
    assert read_record(workspace.root / "config.json") == {}


def test_a_running_runtime_would_write_over_it(
    workspace: Workspace, install: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Running(os.getpid(), created(os.getpid()) or time.time(), "local", "", (), None)
    monkeypatch.setattr(linking, "find_running", lambda _: now)
    with pytest.raises(LauncherError) as refused:
        link(workspace, install)
    assert refused.value.code == "runtime-running"
    assert read_settings(workspace).models.linked == ()
    link(workspace, install, outputs=False)
    assert read_settings(workspace).models.linked == (str(install),)


def test_what_cannot_be_linked(workspace: Workspace, install: Path, tmp_path: Path) -> None:
    tree(workspace.root, "models/Stable-diffusion/", "models/Lora/")
    (tmp_path / "file").write_text("")
    for folder, code in (
        (tmp_path / "nowhere", "not-an-install"), (tmp_path / "file", "not-an-install"),
        (workspace.root, "link-itself"), (workspace.models, "link-itself"),
    ):  # fmt: skip
        with pytest.raises(LauncherError) as refused:
            link(workspace, folder)
        assert refused.value.code == code
    with pytest.raises(LauncherError) as refused:
        unlink(workspace, install)
    assert refused.value.code == "not-linked"


def test_settings_of_ours_that_are_damaged_stay(workspace: Workspace, install: Path) -> None:
    workspace.root.mkdir()
    (workspace.root / "config.json").write_text("[damaged")
    with pytest.raises(LauncherError) as refused:
        link(workspace, install)
    assert refused.value.code == "bad-settings"
    assert (workspace.root / "config.json").read_text() == "[damaged"
