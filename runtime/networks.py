"""Extra networks as files: LoRAs by name, alias and hash, hypernetworks by name; no tensor is read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.folders import Folders
from runtime.hashes import sha256_of
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from runtime.shelf import ModelFile, Shelf

_LOG = logging.getLogger(__name__)
_CHUNK = 4 * 1024 * 1024
LORA_ENDINGS = (".safetensors", ".pt", ".ckpt")
#: pictures in base64 that some trainers put there; lists would carry megabytes
_COVERS = "ssmd_cover_images"
#: what `<lora:…>` may not mean by an alias, whatever a file says of itself
_NO_ALIASES = frozenset({"none", "addams"})


@dataclass(frozen=True)
class Lora:
    """One file; `alias` is what its maker called it, else its stem. Metadata values are strings or parsed JSON."""

    path: Path
    name: str
    alias: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Loras:
    """What lay on the shelf when it was looked at, in natural order; of two files of one stem the later counts."""

    files: tuple[Lora, ...] = ()

    def find(self, name: str) -> Lora | None:
        """The file that `<lora:name>` means: by its stem, else by an alias that no other has; letter case counts."""
        by_stem = {one.name: one for one in self.files}
        if name in by_stem or name.lower() in self._ambiguous():
            return by_stem.get(name)
        return next((one for one in self.files if one.alias == name), None)

    def preferred_name(self, one: Lora, setting: str) -> str:
        """What the page writes into `<lora:…>`; `setting` is the option lora_preferred_name."""
        return one.name if setting == "Filename" or one.alias.lower() in self._ambiguous() else one.alias

    def by_hash(self, digits: str) -> Lora | None:
        """The file whose 12-digit hash an infotext names; only hashes that are known without reading a whole file."""
        return next((one for one in self.files if digits and _known_hash(one) == digits), None)

    def listing(self) -> list[dict[str, Any]]:
        """The body of GET /sdapi/v1/loras."""
        return [
            {"name": one.name, "alias": one.alias, "path": str(one.path), "metadata": one.metadata}
            for one in {one.name: one for one in self.files}.values()
        ]

    def _ambiguous(self) -> frozenset[str]:
        """Aliases, in small letters, that more than one file claims by its stem or its maker's word."""
        seen: set[str] = set()
        twice = set(_NO_ALIASES)
        for one in self.files:
            if one.alias in seen:
                twice.add(one.alias.lower())
            seen |= {one.name, one.alias}
        return frozenset(twice)


class NetworkShelves:
    """Where LoRAs and hypernetworks lie; looks on every call, and reads a header once per change of its file."""

    def __init__(self, folders: Folders) -> None:
        self._loras = Shelf(folders.loras, LORA_ENDINGS)
        self._hypernetworks = Shelf(folders.hypernetworks, (".pt",))
        self._headers: dict[tuple[Path, float, int], dict[str, Any]] = {}

    def loras(self) -> Loras:
        """Every LoRA; a file whose header cannot be read is listed without metadata, and refused when it is worn."""
        found = [self._lora(file) for file in self._loras.files()]
        return Loras(tuple(found))

    def find_lora(self, name: str) -> Lora | None:
        """As `loras().find`, but no other file's header is read where a stem settles it."""
        by_stem = {file.stem: file for file in self._loras.files()}
        return self._lora(by_stem[name]) if name in by_stem else self.loras().find(name)

    def hypernetworks(self) -> dict[str, Path]:
        """Stem -> path, in alphabetical order; "None" is the absence of one and names no file."""
        files = sorted(self._hypernetworks.files(), key=lambda one: one.name.lower())
        return {one.stem: one.path for one in files if one.stem != "None"}

    def hypernetwork_listing(self) -> list[dict[str, str]]:
        """The body of GET /sdapi/v1/hypernetworks."""
        return [{"name": name, "path": str(path)} for name, path in self.hypernetworks().items()]

    def _lora(self, file: ModelFile) -> Lora:
        metadata = self._metadata(file.path)
        alias = metadata.get("ss_output_name")
        return Lora(file.path, file.stem, str(alias) if alias else file.stem, metadata)

    def _metadata(self, path: Path) -> dict[str, Any]:
        if path.suffix.lower() != ".safetensors":
            return {}
        try:
            stat = path.stat()
        except OSError:
            return {}
        key = (path, stat.st_mtime, stat.st_size)
        if key not in self._headers:
            self._headers[key] = _read_metadata(path)
        return self._headers[key]


def _read_metadata(path: Path) -> dict[str, Any]:
    """A file that cannot be read is listed without, and said once for each state of the file."""
    try:
        return parsed(read_header(path).metadata)
    except (RequestError, OSError) as unreadable:
        _LOG.warning("%s cannot be listed with its metadata: %s", path.name, unreadable)
        return {}


def parsed(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Metadata as AUTOMATIC1111 lists it: objects parsed, cover pictures left out; all of it can be sent as JSON."""
    found: dict[str, Any] = {}
    for key, value in metadata.items():
        if key == _COVERS:
            continue
        found[key] = value
        if value.startswith("{"):
            try:
                inside = json.loads(value)
                # what no answer could hold stays text: NaN, infinities, half a surrogate pair, whole numbers too long
                json.dumps(inside, allow_nan=False, ensure_ascii=False).encode()
                found[key] = inside
            except (ValueError, RecursionError):
                continue
    return found


_hashes: dict[tuple[Path, float, int], str] = {}


def lora_hash(path: Path, metadata: Mapping[str, Any]) -> str:
    """12 hexadecimal digits: the trainer's own (sshs_model_hash), else of the tensors' bytes, else of the whole file.

    OSError if the file cannot be read. A file is read once per change.
    """
    told = metadata.get("sshs_model_hash")
    if isinstance(told, str) and told:
        return told[:12]
    key = _state(path)
    if key not in _hashes:
        whole = sha256_of(path) if path.suffix.lower() != ".safetensors" else _sha256_after_header(path)
        _hashes[key] = whole[:12]
    return _hashes[key]


def _known_hash(one: Lora) -> str | None:
    told = one.metadata.get("sshs_model_hash")
    if isinstance(told, str) and told:
        return told[:12]
    try:
        return _hashes.get(_state(one.path))
    except OSError:
        return None


def _state(path: Path) -> tuple[Path, float, int]:
    stat = path.stat()
    return path, stat.st_mtime, stat.st_size


def _sha256_after_header(path: Path) -> str:
    """Renaming a LoRA or editing its metadata keeps this hash."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) == 8:
            file.seek(struct.unpack("<Q", start)[0], os.SEEK_CUR)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
