"""The checkpoints that can be chosen: listed and named as AUTOMATIC1111 does; no tensor is read."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from runtime.engine.diffusers_folder import INDEX, is_diffusers_folder
from runtime.hashes import HashCache
from runtime.shelf import Shelf, natural_order

DEMO_FOLDER = Path(__file__).parent / "assets" / "demo"
_ENDINGS = (".ckpt", ".safetensors")
_NOT_CHECKPOINTS = (".vae.ckpt", ".vae.safetensors")
#: the folders of a model in diffusers' layout
_PARTS = (
    "unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler", "safety_checker",
    "feature_extractor", "image_encoder",
)  # fmt: skip
_OLD_HASH_START, _OLD_HASH_LENGTH = 0x100000, 0x10000


@dataclass(frozen=True)
class Checkpoint:
    """A model file or a diffusers folder. `name` is its path relative to where it was found, with forward slashes."""

    path: Path
    name: str
    sha256: str | None = None
    is_folder: bool = False

    @property
    def stem(self) -> str:
        """The last part of the name, a file's without its ending."""
        return PurePosixPath(self._without_ending).name

    @property
    def model_name(self) -> str:
        """The name without its ending, folders joined with `_`."""
        return self._without_ending.replace("/", "_")

    @property
    def _without_ending(self) -> str:
        return self.name if self.is_folder else PurePosixPath(self.name).with_suffix("").as_posix()

    @property
    def short_hash(self) -> str | None:
        return self.sha256[:10] if self.sha256 else None

    @property
    def title(self) -> str:
        """`name [hash]`, or the bare name before the file was hashed."""
        return f"{self.name} [{self.short_hash}]" if self.sha256 else self.name

    @property
    def config(self) -> Path | None:
        """The `.yaml` beside the file, if there is one."""
        beside = self.path.with_suffix(".yaml")
        return beside if beside.is_file() else None

    def spellings(self) -> Iterator[str]:
        """Every way to name it that AUTOMATIC1111 accepts, the old 8-digit hash aside."""
        yield from (self.title, self.name, self.model_name, self.stem, str(self.path))
        if self.sha256 and self.short_hash:
            yield from (
                self.short_hash,
                self.sha256,
                f"{self.stem} [{self.short_hash}]",
                f"{self.name} [{self.short_hash}]",
            )


class Library:
    """The checkpoints in these folders, plus `extra` (--ckpt) first and the demo model last."""

    def __init__(self, folders: tuple[Path, ...], extra: Path | None, hashes: HashCache | None) -> None:
        self._folders, self._extra, self._hashes = folders, extra, hashes
        self._found: tuple[Checkpoint, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Look again."""
        found: dict[str, Checkpoint] = {}
        extra = self._extra
        if extra is not None and (extra.is_file() or is_diffusers_folder(extra)):
            found[os.path.realpath(extra)] = Checkpoint(extra, extra.name, is_folder=extra.is_dir())
        for folder in (*self._folders, DEMO_FOLDER):
            for checkpoint in sorted(_in_folder(folder), key=lambda one: natural_order(one.name)):
                found.setdefault(os.path.realpath(checkpoint.path), checkpoint)
        self._found = tuple(found.values())

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """What was found, with the hashes that are known by now."""
        return tuple(self._with_hash(checkpoint) for checkpoint in self._found)

    def find(self, spelling: str) -> Checkpoint | None:
        """The checkpoint of this title, name, stem or hash; None if there is none."""
        everything = self.checkpoints()
        for checkpoint in everything:
            if spelling in checkpoint.spellings():
                return checkpoint
        bare = re.sub(r" \[[0-9a-f]{8,64}\]$", "", spelling)
        if re.fullmatch(r"[0-9a-f]{8}", spelling):
            return next((one for one in everything if old_hash(one.path) == spelling), None)
        # a title that was written down before the file was hashed or changed still names the file
        return next((one for one in everything if bare != spelling and bare in (one.name, one.stem)), None)

    def at(self, path: Path) -> Checkpoint | None:
        """The checkpoint at this place."""
        return next((one for one in self.checkpoints() if one.path == path), None)

    def hash(self, checkpoint: Checkpoint, known: str | None = None) -> None:
        """Compute and remember the file's sha256 (`known`: somebody has done so already)."""
        if self._hashes is not None and not checkpoint.is_folder:
            self._hashes.remember(checkpoint.path, checkpoint.name, known)

    def _with_hash(self, checkpoint: Checkpoint) -> Checkpoint:
        if self._hashes is None:
            return checkpoint
        return replace(checkpoint, sha256=self._hashes.get(checkpoint.path, checkpoint.name))


def _in_folder(folder: Path) -> Iterator[Checkpoint]:
    """Files, and diffusers folders as one each; what lies in such a folder is no checkpoint by itself.

    Where the models' own folder is one (its parts were unpacked a step too high), only its parts are taken by it.
    """
    indexes = [file.path.parent for file in Shelf((folder,), (INDEX,)).files()]
    wholes = {place for place in indexes if is_diffusers_folder(place)}
    for place in wholes:
        name = place.relative_to(folder).as_posix()
        yield Checkpoint(place, folder.name if name == "." else name, is_folder=True)
    if folder in wholes:
        wholes = wholes - {folder} | {folder / part for part in _PARTS}
    for file in Shelf((folder,), _ENDINGS, _NOT_CHECKPOINTS).files():
        if wholes.isdisjoint(file.path.parents):
            yield Checkpoint(file.path, file.name)


def old_hash(path: Path) -> str | None:
    """AUTOMATIC1111's hash of 2022: 8 digits of the sha256 of 64 KiB at 1 MiB; None if the file cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(_OLD_HASH_START)
            return hashlib.sha256(file.read(_OLD_HASH_LENGTH)).hexdigest()[:8]
    except OSError:
        return None
