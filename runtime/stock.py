"""What lies ready besides checkpoints: styles, VAEs, networks, upscalers, scripts; by name, for page and API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from runtime.flags import Settings
from runtime.networks import NetworkShelves
from runtime.request import RequestError
from runtime.script_table import ScriptInfo, find_script, scripts_of
from runtime.styles import StyleBook, style_files
from runtime.upscalers import Upscaler, find_upscaler, upscalers
from runtime.vaes import list_vaes

LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)


class Stock:
    """Looks into the folders when asked; no tensor is read."""

    def __init__(self, settings: Settings) -> None:
        self._folders = settings.folders
        self.networks = NetworkShelves(settings.folders)
        self.style_book = StyleBook(style_files(settings.flags["styles_file"], settings.data_dir))

    def with_styles(self, prompt: str, negative: str, names: Sequence[str]) -> tuple[str, str]:
        """The two prompts with the styles of these names; unknown ones change nothing."""
        return self.style_book.merged(prompt, negative, names)

    def styles(self) -> list[dict[str, Any]]:
        """The body of GET /sdapi/v1/prompt-styles."""
        return [asdict(style) for style in self.style_book.styles()]

    def vaes(self) -> list[dict[str, str]]:
        """The body of GET /sdapi/v1/sd-vae."""
        return [{"model_name": name, "filename": str(path)} for name, path in list_vaes(self._folders).items()]

    def upscalers(self) -> tuple[Upscaler, ...]:
        """None, Lanczos and Nearest, then the files in alphabetical order."""
        return upscalers(self._folders.upscalers)

    def upscaler(self, name: str) -> str:
        """The upscaler's own spelling of its name; RequestError if there is none."""
        return find_upscaler(name, self._folders.upscalers).name

    def hires_upscaler(self, name: str) -> str:
        """The same, or one of the latent upscalers of hires fix."""
        latent = next((one for one in LATENT_UPSCALERS if one.lower() == name.strip().lower()), None)
        return latent or self.upscaler(name)

    def scripts(self, img2img: bool) -> list[ScriptInfo]:
        """The scripts that can be chosen in txt2img or in img2img."""
        return scripts_of(img2img)

    def script(self, title: str, img2img: bool) -> str | None:
        """The script's own spelling of its title; letter case does not matter."""
        try:
            return find_script(title, img2img).title
        except RequestError:
            return None
