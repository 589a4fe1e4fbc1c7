"""Other programs' installs, told by their layout, and what the runtime is told of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from launcher.core.models.comfy_paths import read_comfy_paths
from launcher.core.models.links import all_shelves, read_links
from launcher.core.models.other_installs import find_install, foreign_pictures, picture_folders
from launcher.core.paths import Workspace
from launcher.core.settings import change_setting


def tree(root: Path, *names: str) -> Path:
    """A name that ends in / is a folder."""
    for name in names:
        place = root / name
        (place if name.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            place.write_text("")
    return root


A1111 = ("webui.py", "launch.py", "modules/", "models/Stable-diffusion/", "models/Lora/", "models/VAE/",
         "models/ESRGAN/", "models/RealESRGAN/", "embeddings/", "outputs/", "styles.csv", "webui-user.sh")  # fmt: skip
COMFY = ("main.py", "comfy/", "models/checkpoints/", "models/loras/", "models/vae/", "models/embeddings/",
         "models/upscale_models/", "models/unet/", "output/")  # fmt: skip


@pytest.mark.parametrize(
    ("names", "place", "program", "package"),
    [
        (A1111, "", "a1111", False),
        ((*A1111, "modules_forge/"), "", "forge", False),
        (COMFY, "", "comfyui", False),
        ((*tuple("webui/" + name for name in A1111), "system/python/python.exe"), "", "a1111", True),
        ((*A1111, "python/python.exe", "A绘世启动器.exe"), "", "a1111", True),
        ((*tuple("ComfyUI/" + name for name in COMFY), "python_embeded/python.exe"), "", "comfyui", True),
        (tuple("随便/" + name for name in A1111), "", "a1111", False),
        (A1111, "models", "a1111", False),
        (("models/Stable-diffusion/", "models/Lora/"), "", "a1111", False),
        (("models/checkpoints/", "models/loras/"), "", "comfyui", False),
    ],
)
def test_an_install_is_known_by_its_layout(
    names: tuple[str, ...], place: str, program: str, package: bool, tmp_path: Path
) -> None:
    found = find_install(tree(tmp_path / "整合 包", *names) / place)
    assert found is not None
    assert (found.program, found.package) == (program, package)
    assert all(shelf.folder.is_dir() for shelf in found.shelves)
    assert {shelf.kind for shelf in found.shelves} >= {"checkpoint", "lora"}


@pytest.mark.parametrize("names", [(), ("models/",), ("main.py",), ("modules/", "setup.py")])
def test_other_folders_are_none(names: tuple[str, ...], tmp_path: Path) -> None:
    assert find_install(tree(tmp_path / "x", "readme.txt", *names)) is None
    assert find_install(tmp_path / "nowhere") is None


def test_pictures_go_where_the_install_kept_them(tmp_path: Path) -> None:
    root = tree(tmp_path / "webui", *A1111)
    install = find_install(root)
    assert install is not None
    assert picture_folders(install)["outdir_txt2img_samples"] == str(root / "outputs/txt2img-images")
    (root / "config.json").write_text('{"outdir_txt2img_samples": "pics", "outdir_img2img_samples": 3}')
    assert picture_folders(install)["outdir_txt2img_samples"] == str(root / "pics")
    assert picture_folders(install)["outdir_img2img_samples"] == str(root / "outputs/img2img-images")
    (root / "config.json").write_text("[[[")
    assert picture_folders(install)["outdir_txt2img_samples"] == str(root / "outputs/txt2img-images")


@pytest.mark.skipif(os.name == "nt", reason="there it is the other way round")
def test_pictures_of_an_install_that_came_from_windows_stay_here(tmp_path: Path) -> None:
    root = tree(tmp_path / "webui", *A1111)
    install = find_install(root)
    assert install is not None
    said = {
        "outdir_txt2img_samples": "D:\\AI\\outputs\\txt", "outdir_img2img_samples": "../there\\img",
        "outdir_extras_samples": "~/pics",
    }  # fmt: skip
    (root / "config.json").write_text(json.dumps(said))
    found = picture_folders(install)
    assert "outdir_txt2img_samples" not in found
    assert foreign_pictures(install) == ("D:\\AI\\outputs\\txt",)
    assert found["outdir_img2img_samples"] == str(tmp_path / "there/img")
    assert found["outdir_extras_samples"] == str(Path.home() / "pics")
    (root / "~/pics").mkdir(parents=True)
    assert picture_folders(install)["outdir_extras_samples"] == str(root / "~/pics")


def test_the_options_that_win_there_win_here(tmp_path: Path) -> None:
    root = tree(tmp_path / "webui", *A1111)
    install = find_install(root)
    assert install is not None
    said = {"outdir_samples": "all", "outdir_grids": "grids", "outdir_txt2img_samples": "txt"}
    (root / "config.json").write_text(json.dumps(said))
    found = picture_folders(install)
    assert {found[option] for option in found if option.endswith("_samples")} == {str(root / "all")}
    assert {found[option] for option in found if option.endswith("_grids")} == {str(root / "grids")}


YAML = """
# for all of them
a111:
    base_path: {base}
    checkpoints: models/Stable-diffusion
    loras: |
         models/Lora
         models/LyCORIS   # old ones
    embeddings: "embeddings"
    configs: models/Stable-diffusion

other:
  vae: '{base}/my vaes'
  : nonsense
  - list
"""


def test_comfyui_says_where_else_its_models_lie(tmp_path: Path) -> None:
    file = tmp_path / "extra_model_paths.yaml"
    file.write_text(YAML.format(base=tmp_path / "画图"), encoding="utf-8")
    found = [(shelf.kind, shelf.folder) for shelf in read_comfy_paths(file, "x")]
    assert found == [
        ("checkpoint", tmp_path / "画图/models/Stable-diffusion"),
        ("lora", tmp_path / "画图/models/Lora"),
        ("lora", tmp_path / "画图/models/LyCORIS"),
        ("embedding", tmp_path / "画图/embeddings"),
        ("vae", tmp_path / "画图/my vaes"),
    ]
    assert read_comfy_paths(tmp_path / "none.yaml", "x") == ()


def test_a_home_that_is_nobodys_and_an_impossible_path_name_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "extra_model_paths.yaml"
    file.write_text("a:\n  base_path: ~nouser-gesso/x\n  vae: v\nb:\n  vae: v\0w\n  loras: l\n", encoding="utf-8")
    assert [shelf.folder for shelf in read_comfy_paths(file, "x")] == [tmp_path / "l"]


def test_the_runtime_is_told_every_folder_by_its_kind(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    root = tree(tmp_path / "web ui", *A1111)
    comfy = tree(tmp_path / "Comfy", *COMFY)
    assert read_links(workspace).flags == ()
    change_setting(workspace, "models.linked", [str(root), str(comfy), str(tmp_path / "unplugged")])
    links = read_links(workspace)
    told = [word for word in links.flags if "=" in word]
    assert told == [
        f"Stable-diffusion={root}/models/Stable-diffusion",
        f"VAE={root}/models/VAE",
        f"Lora={root}/models/Lora",
        f"ESRGAN={root}/models/ESRGAN",
        f"RealESRGAN={root}/models/RealESRGAN",
        f"embeddings={root}/embeddings",
        f"Stable-diffusion={comfy}/models/checkpoints",
        f"VAE={comfy}/models/vae",
        f"Lora={comfy}/models/loras",
        f"embeddings={comfy}/models/embeddings",
        f"ESRGAN={comfy}/models/upscale_models",
    ]
    assert links.flags[-4:] == ("--styles-file", "styles.csv", "--styles-file", str(root / "styles.csv"))
    assert links.absent == (tmp_path / "unplugged",)
    assert [shelf.home for shelf in all_shelves(workspace, links)][-1] == "Comfy"
