"""What the page's lists offer: names only, looked up in the folders each time."""

from __future__ import annotations

from pathlib import Path

from runtime.shelf import Shelf
from runtime.stock import LATENT_UPSCALERS
from runtime.studio import Studio
from runtime.ui.localization import localization_folders
from runtime.ui.words import PUT_FILES
from runtime.vaes import list_vaes


def checkpoints(studio: Studio, *before: str) -> list[str]:
    """Titles, as /sdapi/v1/sd-models gives them, after what else can be chosen."""
    return [*before, *(one.title for one in studio.library.checkpoints())]


def upscalers(studio: Studio) -> list[str]:
    """Names, as /sdapi/v1/upscalers gives them."""
    return [one.name for one in studio.stock.upscalers()]


def hires_upscalers(studio: Studio) -> list[str]:
    """The latent ones first."""
    return [*LATENT_UPSCALERS, *upscalers(studio)]


def styles(studio: Studio) -> list[str]:
    """Names, as /sdapi/v1/prompt-styles gives them."""
    return [one.name for one in studio.stock.style_book.styles() if one.prompt is not None]


def vaes(studio: Studio) -> list[str]:
    """`Automatic`, `None` (the checkpoint's own), and the files' names."""
    return ["Automatic", "None", *_vae_files(studio)]


def vae_file(studio: Studio, name: str) -> Path | None:
    """None for the two that are no files."""
    return _vae_files(studio).get(name)


def _vae_files(studio: Studio) -> dict[str, Path]:
    return list_vaes(studio.settings.folders)


def lora_names(studio: Studio) -> list[str]:
    """For the setting: `None`, and the LoRAs."""
    return ["None", *loras(studio)]


def loras(studio: Studio) -> list[str]:
    """As `<lora:…>` names them."""
    found = studio.stock.networks.loras()
    preferred = str(studio.options["lora_preferred_name"])
    return [found.preferred_name(one, preferred) for one in found.files]


def lora_file(studio: Studio, name: str) -> Path | None:
    """The file that the name means."""
    found = studio.stock.networks.loras().find(name)
    return found.path if found else None


def hypernetworks(studio: Studio) -> list[str]:
    """As `<hypernet:…>` names them."""
    return list(studio.stock.networks.hypernetworks())


def hypernetwork_file(studio: Studio, name: str) -> Path | None:
    """The file that the name means."""
    return studio.stock.networks.hypernetworks().get(name)


def embeddings(studio: Studio) -> list[str]:
    """Names that the prompt may hold."""
    return list(_embedding_files(studio))


def embedding_file(studio: Studio, name: str) -> Path | None:
    """The file that the name means."""
    return _embedding_files(studio).get(name)


def _embedding_files(studio: Studio) -> dict[str, Path]:
    shelf = Shelf(studio.settings.folders.embeddings, (".pt", ".bin", ".safetensors"))
    return {file.stem: file.path for file in shelf.files()}


def folder_of(studio: Studio, kind: str) -> tuple[str, str]:
    """Where files of a kind of the Models tab go: a sentence and the folder."""
    folders = studio.settings.folders
    place = {
        "checkpoints": folders.models / "Stable-diffusion",
        "vae": folders.models / "VAE",
        "lora": folders.loras[0],
        "textual_inversion": folders.embeddings[0],
        "hypernetworks": folders.hypernetworks[0],
    }
    return PUT_FILES, str(place[kind])


def localizations(studio: Studio) -> list[str]:
    """`None` (the browser decides), and the languages that there are files for."""
    files = (file for folder in localization_folders(studio) for file in folder.glob("*.json"))
    return ["None", *sorted({file.stem for file in files})]
