"""Where the pictures of a batch come from and go to: uploaded files, or folders of the server's computer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from runtime.flags import Settings
from runtime.job_options import JobOptions
from runtime.request import RequestError
from runtime.shelf import natural_order
from runtime.written_path import written_path

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")


@dataclass(frozen=True)
class BatchForm:
    """The values as the browser sends them."""

    batch_files: list[str] | None = None
    batch_input_dir: str | None = None
    batch_output_dir: str | None = None

    def pictures(self, settings: Settings) -> list[Path]:
        """The files, or those of the folder in their natural order. RequestError where there are none, or both."""
        named = _plain(self.batch_input_dir)
        if self.batch_files and named:
            raise RequestError(
                "batch-twice", "The batch has both files and a folder to begin with.", "Empty one of them."
            )
        files = [Path(file) for file in self.batch_files or ()] if not named else _listed(settings, named)
        if not files:
            raise RequestError("batch-empty", "There are no pictures for the batch.", "Add files, or name a folder.")
        return files

    def output(self, settings: Settings) -> Path | None:
        """None: the usual place."""
        named = _plain(self.batch_output_dir)
        return folder_named(settings, named) if named else None


def folders_open(settings: Settings) -> bool:
    """May the page name folders at all? Never under --hide-ui-dir-config; elsewhere only those of the flags."""
    return not settings.on("hide_ui_dir_config") and bool(not settings.exposed or _allowed(settings))


def folder_named(settings: Settings, name: str) -> Path:
    """A folder of this computer: any where only its own users reach the page, else one that the flags allow.

    Relative ones count from the data folder. RequestError `folder-refused`.
    """
    try:
        folder = (settings.data_dir / written_path(name)).resolve()
    except (OSError, ValueError, RuntimeError) as wrong:
        raise _refusal(name) from wrong
    if not folders_open(settings) or not _reachable(settings, folder):
        raise _refusal(name)
    return folder


def placed(options: JobOptions, folder: Path, name: str) -> JobOptions:
    """Pictures go right into the folder, each under the name of the picture that it was made from."""
    return replace(
        options,
        outdir_samples=str(folder),
        outdir_grids=str(folder),
        save_to_dirs=False,
        grid_save_to_dirs=False,
        save_images_add_number=False,
        samples_filename_pattern=name,
    )


def _listed(settings: Settings, name: str) -> list[Path]:
    folder = folder_named(settings, name)
    try:
        found = [file for file in folder.iterdir() if file.suffix.lower() in _ENDINGS and file.is_file()]
    except OSError as missing:
        raise _refusal(name) from missing
    # a link may lead out of what is allowed
    inside = [file for file in found if not file.name.startswith(".") and _reachable(settings, file.resolve())]
    return sorted(inside, key=lambda file: natural_order(file.name))


def _reachable(settings: Settings, path: Path) -> bool:
    return not settings.exposed or any(path.is_relative_to(folder) for folder in _allowed(settings))


def _allowed(settings: Settings) -> list[Path]:
    return [Path(path).resolve() for path in settings.flags["gradio_allowed_path"]]


def _plain(text: str | None) -> str:
    """Windows copies a path with quotes around it."""
    return (text or "").strip().strip('"')


def _refusal(name: str) -> RequestError:
    return RequestError(
        "folder-refused",
        f"The folder {name!r:.200} cannot be used.",
        "Name one that is there; other computers may only name folders of --gradio-allowed-path.",
    )
