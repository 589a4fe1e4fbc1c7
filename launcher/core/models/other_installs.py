"""Another program's install, told by how its folder is laid out: A1111, Forge, ComfyUI, alone or in a package."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from launcher.core.models.comfy_paths import read_comfy_paths
from launcher.core.models.shelves import Shelf, folder_shelves

Program = Literal["a1111", "forge", "comfyui"]
#: folders in which packages keep the program itself, in small letters; others one step down come after them
_INSIDE = ("webui", "stable-diffusion-webui", "stable-diffusion-webui-forge", "comfyui")
_MOST_TRIED = 200
_LARGEST_JSON = 4 * 1024 * 1024
#: the options that say where pictures go, and A1111's default of each under its outputs/
OUTPUTS = {
    "outdir_txt2img_samples": "txt2img-images",
    "outdir_img2img_samples": "img2img-images",
    "outdir_extras_samples": "extras-images",
    "outdir_txt2img_grids": "txt2img-grids",
    "outdir_img2img_grids": "img2img-grids",
}


@dataclass(frozen=True)
class OtherInstall:
    """`root` holds models/; nothing in it is ever changed but what its own program would add (pictures, styles)."""

    root: Path
    program: Program
    shelves: tuple[Shelf, ...]
    #: a package that brings its own Python (整合包)
    package: bool = False
    outputs: Path | None = None
    styles: Path | None = None
    #: the script that holds the user's COMMANDLINE_ARGS
    webui_user: Path | None = None


def find_install(folder: Path) -> OtherInstall | None:
    """The first of `find_installs`; None where there is none."""
    return next(iter(find_installs(folder)), None)


def find_installs(folder: Path) -> tuple[OtherInstall, ...]:
    """The one at `folder` or one step up from its models/, else every one that is one step inside. Reads only."""
    for root in (folder, folder.parent) if folder.name.lower() == "models" else (folder,):
        if program := _program(root):
            return (_described(root, program),)
    inside: dict[str, Path] = {}
    for root in _inside(folder):
        inside.setdefault(os.path.realpath(root), root)
    return tuple(_described(root, program) for root in inside.values() if (program := _program(root)))


def overriding(option: str) -> str:
    """The option that wins over this one of OUTPUTS, there and in the runtime."""
    return "outdir_grids" if option.endswith("_grids") else "outdir_samples"


def picture_folders(install: OtherInstall) -> dict[str, str]:
    """The options that make pictures go where the install's own went: what its config.json says, else its defaults;
    without those that name a place of another system.
    """
    found: dict[str, str] = {}
    for option, said in _outputs_said(install).items():
        if install.outputs is not None and not said:
            found[option] = str(install.outputs / OUTPUTS[option])
        elif install.outputs is not None and not _foreign(said):
            found[option] = _placed(install.root, said)
    return found


def foreign_pictures(install: OtherInstall) -> tuple[str, ...]:
    """The folders that its config.json names and this system does not know: it was made under Windows, or not."""
    return tuple(dict.fromkeys(said for said in _outputs_said(install).values() if _foreign(said)))


def _outputs_said(install: OtherInstall) -> dict[str, str]:
    """What its config.json says of each of OUTPUTS; "" where it says nothing."""
    own = _json(install.root / "config.json") if install.program != "comfyui" else {}
    said = {option: own.get(overriding(option)) or own.get(option) for option in OUTPUTS}
    return {option: value if isinstance(value, str) else "" for option, value in said.items()}


def _foreign(said: str) -> bool:
    """Is it the other system's absolute path?"""
    return said.startswith("/") if os.name == "nt" else bool(PureWindowsPath(said).drive)


def _placed(root: Path, said: str) -> str:
    place = said if os.name == "nt" else said.replace("\\", "/")
    # A1111 itself knows no "~": it made a folder of that name.
    if place.startswith("~") and not (root / place).is_dir():
        place = os.path.expanduser(place)  # noqa: PTH111 - a nobody's home stays as it is
    return os.path.normpath(root / place)


def _inside(folder: Path) -> list[Path]:
    """The folders in it, those that packages use for the program first."""
    try:
        with os.scandir(folder) as entries:
            inner = [entry.name for _, entry in zip(range(_MOST_TRIED), entries, strict=False) if entry.is_dir()]
    except OSError:
        return []
    return [folder / name for name in sorted(inner, key=lambda name: (name.lower() not in _INSIDE, name))]


def _program(root: Path) -> Program | None:
    if (root / "comfy").is_dir() and (root / "main.py").is_file():
        return "comfyui"
    if (root / "modules").is_dir() and ((root / "webui.py").is_file() or (root / "launch.py").is_file()):
        return "forge" if (root / "modules_forge").is_dir() else "a1111"
    models = root / "models"
    if (models / "Stable-diffusion").is_dir() and (models / "Lora").is_dir():
        return "a1111"
    return "comfyui" if (models / "checkpoints").is_dir() and (models / "loras").is_dir() else None


def _described(root: Path, program: Program) -> OtherInstall:
    home = root.name if root.name not in ("", "workspace") else str(root)
    shelves = folder_shelves(root / "models", home)
    if program == "comfyui":
        shelves += read_comfy_paths(root / "extra_model_paths.yaml", home)
        outputs, styles = root / "output", None
    else:
        shelves = (*shelves, Shelf("embedding", root / "embeddings", home))
        outputs, styles = root / "outputs", root / "styles.csv"
    users = (root / ("webui-user.bat" if os.name == "nt" else "webui-user.sh"), root / "webui-user.bat",
             root / "webui-user.sh")  # fmt: skip
    return OtherInstall(
        root, program, tuple(shelf for shelf in shelves if shelf.folder.is_dir()), _is_package(root),
        outputs if outputs.is_dir() else None, styles if styles and styles.is_file() else None,
        next((file for file in users if program != "comfyui" and file.is_file()), None),
    )  # fmt: skip


def _is_package(root: Path) -> bool:
    """It brings its own Python, beside or inside: sd.webui's system/, ComfyUI's python_embeded/, 整合包's python/."""
    pythons = ("python/python.exe", "system/python/python.exe", "python_embeded/python.exe", "py311/python.exe")
    return any((place / name).is_file() for place in (root, root.parent) for name in pythons)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes()[:_LARGEST_JSON])
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
