"""VAEs in files of their own: listed by their bare names, and which one goes with a checkpoint; none is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.folders import Folders
from runtime.job_options import JobOptions
from runtime.shelf import Shelf, natural_order
from runtime.user_metadata import read_user_metadata

ENDINGS = (".ckpt", ".pt", ".safetensors")
#: a VAE that lies among checkpoints says so in its name
BESIDE = (".vae.ckpt", ".vae.pt", ".vae.safetensors")
AUTOMATIC, OWN = "Automatic", "None"


@dataclass(frozen=True)
class VaeChoice:
    """`path` is None for the checkpoint's own; `comment` is a sentence for the user where a wish could not be met."""

    path: Path | None = None
    comment: str | None = None


def list_vaes(folders: Folders) -> dict[str, Path]:
    """File name -> place, in natural order; of two files of one name the later counts, those in VAE/ last."""
    files = (*Shelf(folders.checkpoints, BESIDE).files(), *Shelf(folders.vaes, ENDINGS).files())
    found = {file.path.name: file.path for file in files}
    return dict(sorted(found.items(), key=lambda entry: natural_order(entry[0])))


def choose_vae(folders: Folders, checkpoint: Path, options: JobOptions) -> VaeChoice:
    """AUTOMATIC1111's order: --vae-path, the option, the checkpoint's `.json`, a file named after it, its own."""
    if folders.forced_vae is not None:
        if folders.forced_vae.is_file():
            return VaeChoice(folders.forced_vae)
        return VaeChoice(None, f"There is no VAE at {folders.forced_vae} (--vae-path); the checkpoint's own is used.")
    there = list_vaes(folders)
    by_option = _named(options.sd_vae, there)
    if by_option is not None and options.sd_vae_overrides_per_model_preferences:
        return by_option
    preferred = _named(read_user_metadata(checkpoint).get("vae"), there)
    if preferred is not None:
        return preferred
    stem = checkpoint.name if checkpoint.is_dir() else checkpoint.stem
    after_it = next((path for name, path in there.items() if name.startswith(stem)), None)
    return VaeChoice(after_it) if after_it else by_option or VaeChoice()


def _named(wish: object, there: dict[str, Path]) -> VaeChoice | None:
    """None where the wish is to be decided further on; a name may lack its ending, as files of settings have it."""
    if not isinstance(wish, str) or wish in ("", AUTOMATIC, "auto"):
        return None
    if wish == OWN:
        return VaeChoice()
    path = there.get(wish) or next((path for name, path in there.items() if Path(name).stem == wish), None)
    if path is None:
        return VaeChoice(None, f"There is no VAE named {wish}; the checkpoint's own is used.")
    return VaeChoice(path)
