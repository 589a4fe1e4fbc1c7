"""Another program's install used in place: settings of ours change, nothing of its own does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.models import linking
from launcher.core.models.linking import link, pictures_in, unlink
from launcher.core.models.links import read_links
from launcher.core.paths import Workspace
from launcher.core.process import created
from launcher.core.records import read_record, write_record
from launcher.core.running import Running
from launcher.core.settings import change_setting, read_settings
from tests.fakes.model_files import EMBEDDING, checkpoint, lora, write_safetensors, write_torch
from tests.launcher.core_decide.test_models import look
from tests.launcher.core_decide.test_other_installs import A1111, COMFY, tree


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


def test_an_option_that_the_user_had_set_is_not_taken_back(workspace: Workspace, install: Path) -> None:
    mine = {
        "outdir_txt2img_samples": str(install / "outputs/txt2img-images"),
        "outdir_extras_samples": str(install / "my"),
    }
    write_record(workspace.root / "config.json", mine)
    link(workspace, install)
    link(workspace, install)
    changed = {**(read_record(workspace.root / "config.json") or {}), "outdir_img2img_samples": "/changed/since"}
    write_record(workspace.root / "config.json", changed)
    unlink(workspace, install)
    left = read_record(workspace.root / "config.json")
    assert left == {**mine, "outdir_img2img_samples": "/changed/since"}


def test_where_pictures_go_is_what_our_settings_say(workspace: Workspace, install: Path, tmp_path: Path) -> None:
    other = tree(tmp_path / "second", *A1111)
    first, second = link(workspace, install), link(workspace, other)
    assert pictures_in(workspace, first) == (str(install / "outputs"),)
    assert pictures_in(workspace, second) == ()


def test_one_of_several_has_to_be_named(workspace: Workspace, tmp_path: Path) -> None:
    places = [tree(tmp_path / where / "webui", *A1111) for where in ("a", "b")]
    tree(tmp_path / "b/ComfyUI", *COMFY)
    for place in places:
        link(workspace, place, outputs=False)
    for refused in (lambda: unlink(workspace, Path("webui")), lambda: link(workspace, tmp_path / "b")):
        with pytest.raises(LauncherError) as unclear:
            refused()
        assert unclear.value.code == "link-unclear"
        assert str(places[1]) in str(unclear.value.hint)
    assert read_settings(workspace).models.linked == tuple(map(str, places))
    assert unlink(workspace, tmp_path / "b") == places[1]


def test_the_folder_that_was_named_is_unlinked_though_its_disk_is_away(workspace: Workspace, tmp_path: Path) -> None:
    place = tree(tmp_path / "disk/package/webui", *A1111)
    assert link(workspace, tmp_path / "disk/package").root == place
    (tmp_path / "disk").rename(tmp_path / "away")
    assert unlink(workspace, tmp_path / "disk/package") == place
    assert read_record(workspace.root / "config.json") == {}


@pytest.mark.parametrize("written", ["~nouser-gesso/x", "a\0b"])
def test_what_can_be_no_path_is_named_and_holds_nothing_up(workspace: Workspace, install: Path, written: str) -> None:
    change_setting(workspace, "models.linked", [written, str(install)])
    assert read_links(workspace).absent == (Path(written),)
    assert len(look(workspace).models) == 3
    for refused in (link, unlink):
        with pytest.raises(LauncherError) as bad:
            refused(workspace, Path("~another-nouser/x"))
        assert bad.value.code == "no-such-user"
    assert unlink(workspace, Path(written)) == Path(written)


def test_a_hint_names_only_what_can_be_done(
    workspace: Workspace, install: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(workspace, install)
    now = Running(os.getpid(), created(os.getpid()) or time.time(), "local", "", (), None)
    with monkeypatch.context() as patch:
        patch.setattr(linking, "find_running", lambda _: now)
        with pytest.raises(LauncherError, match="runtime-running") as busy:
            unlink(workspace, install)
    (workspace.root / "config.json").write_text("[damaged")
    with pytest.raises(LauncherError, match="bad-settings") as damaged:
        unlink(workspace, install)
    assert not [each for each in (busy, damaged) if "--no-outputs" in str(each.value.hint)]
    assert read_settings(workspace).models.linked == (str(install),)


def test_damaged_choices_stop_it_before_anything_is_written(workspace: Workspace, install: Path) -> None:
    workspace.root.mkdir()
    workspace.config_file.write_text("[models\n")
    with pytest.raises(LauncherError, match="bad-settings"):
        link(workspace, install)
    assert not (workspace.root / "config.json").exists()


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
