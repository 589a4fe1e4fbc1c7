"""The installs that are used in place: named in config.toml, and told to the runtime by its flags, never by links."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.models.other_installs import OtherInstall, find_install
from launcher.core.models.shelves import Shelf, workspace_shelves
from launcher.core.paths import Workspace, written_path
from launcher.core.settings import read_settings

#: kind -> the runtime's word for it, A1111's name of the folder
_KINDS = {
    "checkpoint": "Stable-diffusion", "vae": "VAE", "lora": "Lora", "embedding": "embeddings",
    "hypernetwork": "hypernetworks",
}  # fmt: skip
_UPSCALERS = {
    "esrgan": "ESRGAN", "realesrgan": "RealESRGAN", "bsrgan": "BSRGAN", "swinir": "SwinIR", "scunet": "ScuNET",
    "dat": "DAT",
}  # fmt: skip


@dataclass(frozen=True)
class Links:
    """What config.toml names and is there, and what it names and is not (a disk that is not plugged in)."""

    installs: tuple[OtherInstall, ...] = ()
    absent: tuple[Path, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """For the runtime: every folder by its kind, and the styles behind our own."""
        shelves = [shelf for install in self.installs for shelf in install.shelves]
        words = [
            word for shelf in shelves if (kind := _kind(shelf)) for word in ("--linked-dir", f"{kind}={shelf.folder}")
        ]
        styles = [str(install.styles) for install in self.installs if install.styles]
        # The first file takes new styles: ours.
        return (
            *words,
            *(word for file in (["styles.csv", *styles] if styles else []) for word in ("--styles-file", file)),
        )


def read_links(workspace: Workspace) -> Links:
    """LauncherError `bad-settings` when config.toml cannot be read."""
    found = [(Path(each), _install(each)) for each in read_settings(workspace).models.linked]
    return Links(
        tuple(install for _, install in found if install is not None),
        tuple(place for place, install in found if install is None),
    )


def _install(written: str) -> OtherInstall | None:
    """What cannot be a path leads nowhere, as a disk that is away: it is named, and holds nothing up."""
    try:
        return find_install(written_path(written))
    except LauncherError:
        return None


def all_shelves(workspace: Workspace, links: Links) -> tuple[Shelf, ...]:
    """The workspace's folders first, then those of each install."""
    return (*workspace_shelves(workspace), *(shelf for install in links.installs for shelf in install.shelves))


def _kind(shelf: Shelf) -> str | None:
    if shelf.kind == "upscaler":
        return _UPSCALERS.get(shelf.folder.name.lower(), "ESRGAN")
    return _KINDS.get(shelf.kind or "")
